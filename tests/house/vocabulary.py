"""docs/vocabulary.md, made from the tables of the vocabulary: `python -m tests.house.vocabulary` writes it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import scipy.special

from autograd.number.carrier import FUNCTIONS
from autograd.number.ops import OPS, SLOPELESS
from autograd.number.vocabulary import ASKS, COMPARISONS, COMPOSED, JOINS, MATH, MOVES, QUESTIONS, REFUSED, STEPS
from autograd.record.scientific import _NORMAL, SCIENTIFIC

PAGE = Path(__file__).parents[2] / "docs" / "vocabulary.md"

HEAD = """# What code may use

What NumPy, SciPy and `math` have under these names can be recorded, by every way the code is run: on `Value`s, on a
`Tape`, in exact and in long numbers. Anything else is refused by its name, with the line where it stands; nothing is
left out in silence. What depends on no parameter may use any function at all: it is given floats, and what it gives
is data. This page is made by `python -m tests.house.vocabulary` from the tables that the code reads.
"""

#: what a name in the tables asks of its arguments
CONDITIONS = {
    "np.linalg.eigh, eigvalsh, svd, matrix norms 2 and nuc": "eigenvalues or singular values that differ, each from"
    " the next; svd of a matrix that is not square with `full_matrices=False`",
    "np.linalg.qr, pinv, lstsq": "full rank; qr with `mode='reduced'` or `'r'`; the singular values that lstsq gives"
    " cannot be used",
    "np.fft": "complex results are used as `.real`, `.imag`, `abs`, `np.angle`, by arithmetic, or transformed back",
    "np.quantile, percentile": "on a tape the methods linear, lower, higher, nearest, midpoint, hazen, weibull,"
    " median_unbiased, normal_unbiased",
    "np.interp": "no `period`",
    "np.cov": "no weights",
    "np.insert": "at one place",
    "np.einsum": "its subscripts as a string",
    "np.pad": "the modes constant, edge, reflect, symmetric, wrap",
    "np.nan_to_num": "of finite numbers",
    "scipy.special.polygamma": "up to the order 3",
    "scipy.spatial.distance": "the metrics euclidean, sqeuclidean, cityblock, chebyshev, cosine, correlation,"
    " minkowski, seuclidean with `V`, mahalanobis with `VI`",
    "scipy.signal.convolve2d, correlate2d": "with `boundary='fill'`",
    "scipy.signal.lfilter": "no `zi`",
    "scipy.ndimage": "no `output`, no `origin`; convolve with weights of odd sizes",
    "scipy.sparse": "matrices are data, on either side of `@`",
}


def sections() -> Iterator[tuple[str, Iterable[str]]]:
    """The heading of each group of names, and the names."""
    rules = {*OPS, *COMPOSED} - {SLOPELESS, "power_n", "sum", "dot", "relu", "sigmoid", "softplus"}
    ufuncs = {name for name in rules if isinstance(getattr(np, name, None), np.ufunc)}
    yield "NumPy, entry by entry (and `reduce`, `accumulate`, `outer` of those with two operands)", ufuncs
    yield "NumPy, asked of the floats: the answer has no gradient", {*COMPARISONS, *QUESTIONS, *STEPS, *ASKS}
    yield "NumPy, moving entries about", {*MOVES, *JOINS}
    plain = {name for name in FUNCTIONS if "." not in name}
    yield "NumPy, of arrays", {*plain, "matmul", "vecdot", "divmod", "vectorize", "nditer", "ndenumerate"}
    for room in ("linalg", "fft"):
        names = {name.removeprefix(f"{room}.") for name in FUNCTIONS if name.startswith(f"{room}.")}
        yield f"`np.{room}`", names
    everywhere = {*MATH} - {"sumprod", "fma"}
    yield "`math`, and `sumprod` and `fma` where Python has them", everywhere - {"floor", "ceil", "trunc"}
    for module, functions in SCIENTIFIC.items():
        found = {*functions}
        if module == "scipy.special":
            found |= {name for name in rules if hasattr(scipy.special, name)}
        yield f"`{module}`", found
    yield "`scipy.stats.norm`, also frozen", _NORMAL


def page() -> str:
    """The page."""
    parts = [HEAD]
    for heading, names in sections():
        listed = ", ".join(f"`{name}`" for name in sorted(names))
        parts.append(f"## {heading}\n\n{textwrap.fill(listed, 118, break_on_hyphens=False)}\n")
    parts.append("## Where\n\n| of | what is asked |\n|---|---|\n" + _rows(CONDITIONS))
    reasons = {f"`{name}`": says.replace(f"{name} ", "", 1) for name, says in REFUSED.items()}
    reasons["`math.floor`, `math.ceil`, `math.trunc`"] = "as `np.round`"
    reasons["anything else"] = "cannot be recorded: write it with sums, products and elementary functions"
    parts.append("## Refused\n\n| name | why |\n|---|---|\n" + _rows(reasons))
    return "\n".join(parts)


def _rows(table: dict[str, str]) -> str:
    return "".join(f"| {name} | {says} |\n" for name, says in table.items())


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
    print(f"wrote {PAGE.name}")

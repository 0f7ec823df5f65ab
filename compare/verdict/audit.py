"""Whether a mistake could show at all at this point: sizes of 1, symmetric matrices, dead units, saturation, ties."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from autograd.number.ops import OPS
from compare.report.report import counted
from compare.subject.runs import Runs
from compare.subject.subject import SATURATING, Units, UserCode, plain_copy
from compare.subject.trees import copied, flat
from compare.subject.usercode import UnusableCode, call_users, name_of, parameter_names

_HIDDEN: dict[float, str] = {0: "what it multiplies", 1: "a forgotten factor"}


def audit(runs: Runs) -> list[str]:
    """Sentences about what could not be seen at this point; none for a good one."""
    subject = runs.subject
    named = dict(subject.named())
    data = {name: x for name, x in named.items() if name not in subject.arrays} or dict(list(named.items())[:1])
    return [*_of_sizes(data), *_of_entries(named), *_of_gradients(runs), *_of_units(runs.units())]


def _of_sizes(data: dict[str, Any]) -> Iterator[str]:
    """Sizes of the data that a factor cannot be told from."""
    arrays = {name: x for name, x in data.items() if isinstance(x, np.ndarray) and x.ndim > 1 and x.size}
    for axis in (0, -1):
        if arrays and all(x.shape[axis] == 1 for x in arrays.values()):
            has = "has" if len(arrays) == 1 else "have"
            place = "the first axis" if axis == 0 else "the last axis"
            yield f"{_listed(arrays)} {has} length 1 along {place}: a sum along it and a mean are the same"
    for name, x in arrays.items():
        if x.ndim == 2 and x.shape[0] == x.shape[1] > 1:
            yield f"{name} has as many rows as columns, {len(x)}: dividing by the wrong one of the two could not show"


def _of_entries(named: dict[str, Any]) -> Iterator[str]:
    """Numbers that hide a factor, a transposition or a term."""
    for name, x in named.items():
        if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size > 1:
            if (x == x.flat[0]).all():
                hidden = _HIDDEN.get(x.flat[0], "a mistaken order of its entries")
                yield f"every entry of {name} is {x.flat[0]:g}: {hidden} could not show"
            elif x.ndim == 2 and x.shape[0] == x.shape[1] and (x == x.T).all():
                yield f"{name} is symmetric: {name} and {name}.T are the same"
        elif isinstance(x, (float, np.floating)) or (isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size == 1):
            number = float(np.asarray(x).item())
            if number in _HIDDEN:
                yield f"{name} is {number:g}: {_HIDDEN[number]} could not show"


def _of_gradients(runs: Runs) -> Iterator[str]:
    """Gradients that are zero altogether."""
    chain, reached = runs.floats.chain, runs.reached
    for name, x in runs.subject.arrays.items():
        if name not in chain:
            continue
        if not np.size(x):
            yield f"{name} of shape {np.shape(x)} is empty: nothing of it was compared"
        elif name not in reached:
            yield f"J does not depend on {name}: its gradient is zero, whatever it is"
        elif not np.any(chain[name]):
            yield f"the whole gradient of {name} is zero here: a wrong factor could not show"


def _of_units(units: Iterable[Units]) -> Iterator[str]:
    """Units that are all off, all on or saturated, and kinks and ties."""
    on, slopes, ties = [], [], 0
    for name, x, y, is_other, zero in units:
        if name in ("relu", "absolute"):
            ties += int(np.sum(x == 0))
        elif y is not None:
            ties += int(np.sum((x == y) & is_other))
        if name == "relu" or (name == "maximum" and zero is not None):
            on += (np.asarray(y if zero == 0 else x) > 0).tolist()
        if name in SATURATING:
            slopes += np.abs(OPS[name].partials(OPS[name].value(x), x)[0]).tolist()
    if on and not any(on):
        yield f"all {counted(len(on), 'relu')} are off: nothing behind them was tested"
    if len(on) > 1 and all(on):
        yield f"all {counted(len(on), 'relu')} are on: a missing mask could not show"
    if slopes and max(slopes) < 1e-12:
        yield f"all {counted(len(slopes), 'unit')} are saturated, with a slope of 0: nothing behind them was tested"
    if ties:
        yield f"{counted(ties, 'scalar')} at a kink or a tie, where the slope is a convention: move the point a little"


def _listed(names: Any) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def impure(subject: UserCode) -> list[str]:
    """Whether the backward pass changes what it is given, and gives something else when it is called again."""
    with subject.running():
        function, arguments = subject.backward_call({name: plain_copy(x) for name, x in subject.arrays.items()}, None)
        given = dict(zip(parameter_names(function, len(arguments)), arguments, strict=True))
        before = dict(flat(copied(given), ""))
        with subject.running():
            found = [dict(flat(copied(call_users(function, *arguments)), ""))]
        after = dict(flat(given, ""))
        changed = [name for name, x in before.items() if not _alike(x, after.get(name))]
        if not changed:
            return []
        with subject.running(), contextlib.suppress(UnusableCode):
            found.append(dict(flat(call_users(function, *arguments), "")))
    again = len(found) == 1 or not all(_alike(x, found[1].get(name)) for name, x in found[0].items())
    return [
        f"{name_of(function)} changes {', '.join(changed)} in place"
        + ("; called again with the same, it gives other gradients: work on a copy." if again else ": work on a copy.")
    ]


def _alike(x: Any, y: Any) -> bool:
    """Whether two arrays or numbers are the same; other things are not compared."""
    if not isinstance(x, (np.ndarray, np.generic, int, float)) or np.asarray(x).dtype.kind not in "fiub":
        return True
    return np.shape(x) == np.shape(y) and bool(np.array_equal(x, y, equal_nan=True))

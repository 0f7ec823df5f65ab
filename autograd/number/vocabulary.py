"""NumPy's names, once for all that code runs on: Values, arrays of a tape, arrays of numbers.

What a name means is said here: that it only moves entries, that it asks about the floats, that it has a rule of its own
made of rows of the table of operations, or that it is refused, with the advice. The carriers say how they do a row.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.number.functions import choose
from autograd.number.number import Number
from autograd.number.ops import OPS

Function = Callable[..., Any]


class Refused(TypeError):
    """Raised for what NumPy can do with floats and what stands for them here cannot."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# functions that only move entries of their first argument (and put zeros beside them), whatever the entries are
MOVES = _names("""
    reshape transpose swapaxes moveaxis rollaxis ravel squeeze expand_dims broadcast_to tile repeat flip fliplr flipud
    roll rot90 split array_split hsplit vsplit dsplit take take_along_axis diagonal diag triu tril atleast_1d
    atleast_2d atleast_3d delete copy resize matrix_transpose permute_dims unstack
""")
JOINS = _names("concatenate stack vstack hstack dstack column_stack block")  # the same of a sequence of arrays
# ufuncs that ask: the answer has no gradient
COMPARISONS = _names("greater greater_equal less less_equal equal not_equal")
QUESTIONS = _names("isnan isfinite isinf signbit logical_not logical_and logical_or logical_xor")
STEPS = _names("sign floor ceil rint trunc floor_divide")  # their derivative is 0: floats answer
ASKS = _names("""
    argmax argmin argsort argwhere nonzero flatnonzero count_nonzero any all array_equal allclose isclose shape ndim
    size iscomplexobj isrealobj searchsorted digitize
""")

ADVICE = "write it with sums, products and elementary functions"
_ROUNDING = "np.{} has the derivative 0 nearly everywhere, so a gradient would be lost: leave it out"
_ALGEBRA = "np.linalg.{} cannot be recorded: of matrices that are not symmetric the eigenvalues may be complex"
REFUSED = {
    **{f"np.{name}": _ROUNDING.format(name) for name in ("round", "around")},
    **{f"np.linalg.{name}": _ALGEBRA.format(name) for name in ("eig", "eigvals")},
}


def refusal(name: str) -> Refused:
    """What every carrier says to a name that has no rule.

    >>> refusal("np.spacing")
    Refused('np.spacing cannot be recorded: write it with sums, products and elementary functions')
    """
    return Refused(REFUSED.get(name, f"{name} cannot be recorded: {ADVICE}"))


def name_of(ufunc: np.ufunc) -> str:
    """Its name as a user writes it.

    >>> name_of(np.spacing)
    'np.spacing'
    """
    return f"np.{ufunc.__name__}" if hasattr(np, ufunc.__name__) else f"scipy.special.{ufunc.__name__}"


@functools.singledispatch
def shadows(x: Any) -> Any:
    """The floats that numbers or nodes stand for, in arrays, lists or alone; other things as they are.

    >>> from autograd import Exact
    >>> shadows(np.array([Exact(1) / 2, 3])), shadows([Exact(1)]), shadows(2)
    (array([0.5, 3. ]), [1.0], 2)

    A carrier registers itself.
    """
    return x


@shadows.register
def _(x: Number) -> float:
    return x.shadow()


@shadows.register(list)
@shadows.register(tuple)
def _(x: Sequence[Any]) -> list[Any]:
    return [shadows(y) for y in x]


@shadows.register
def _(x: np.ndarray) -> Any:
    return np.array([float(shadows(y)) for y in x.flat]).reshape(x.shape) if x.dtype == object else x


@functools.singledispatch
def depends(x: Any) -> bool:
    """Whether x is, or holds, a node of what is recorded; numbers alone are data.

    >>> from autograd import Exact, values
    >>> depends([Exact(1)]), depends({"w": values([1.0])})
    (False, True)

    A carrier registers itself.
    """
    return False


@depends.register(list)
@depends.register(tuple)
def _(x: Sequence[Any]) -> bool:
    return any(map(depends, x))


@depends.register
def _(x: dict) -> bool:  # type: ignore[type-arg]
    return any(map(depends, x.values()))


@depends.register
def _(x: np.ndarray) -> bool:
    return x.dtype == object and any(map(depends, x.flat))


@functools.singledispatch
def array_of(x: Any) -> Any:
    """x as an array that NumPy code runs on, where it is none: numbers, nodes, lists of them.

    >>> array_of([1.5, 2.0])
    array([1.5, 2. ])

    A carrier registers itself.
    """
    return np.asarray(x)


@array_of.register(list)
@array_of.register(tuple)
def _(x: Sequence[Any]) -> Any:
    parts = [array_of(y) for y in x]
    return np.stack(parts) if any(type(y) is not np.ndarray for y in parts) else np.asarray(x)


RECORDERS: dict[type, Callable[..., Any]] = {}  # how a carrier does a row of the table of its name and operands


def row(name: str, *operands: Any) -> Any:
    """A row of the table on any carrier.

    >>> row("maximum", 2, 3)
    3
    """
    by_entry = any(isinstance(x, np.ndarray) and x.dtype == object for x in operands)
    if by_entry and not any(hasattr(x, "contents") for x in operands):
        arrays = [np.asarray(array_of(x)) for x in operands]  # of the class of arrays that loop over their elements
        return array_of(np.frompyfunc(functools.partial(row, name), len(operands), 1)(*arrays))
    for kind, record in RECORDERS.items():
        if any(isinstance(x, kind) for x in operands):
            return record(name, *operands)
    return OPS[name].value(*operands)


# functions made of rows of the table, for scalars and for arrays: masks, and no `if`


def _whole(x: Any) -> Any:
    """Whole floats of the shadows, as ints where they are scalars."""
    return x if isinstance(x, np.ndarray) or not np.isfinite(x) else int(x)


def _larger(name: str) -> Function:
    """np.fmax and np.fmin: of a nan and a number, the number."""
    return lambda x, y: row(name, choose(shadows(x) != shadows(x), y, x), choose(shadows(y) != shadows(y), x, y))


def _arctan2(y: Any, x: Any) -> Any:
    upright, side = shadows(x) == 0, shadows(y)
    angle = row("arctan", choose(upright, x, y) / choose(upright, y, x))
    turn = choose(upright, np.copysign(math.pi / 2, side), choose(shadows(x) > 0, 0, np.copysign(math.pi, side)))
    return choose(upright, -angle, angle) + turn


def _remainder(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return x - y * _whole(np.floor_divide(shadows(x), shadows(y)))


def _logaddexp2(x: Any, y: Any) -> Any:
    return row("logaddexp", x * math.log(2), y * math.log(2)) / math.log(2)


def _heaviside(x: Any, h: Any) -> Any:
    step = (shadows(x) > 0) * 1
    return choose(shadows(x) == 0, h, step + np.zeros(np.shape(h), int) if np.shape(h) else step)


def _of_nothing(x: Any, y: Any) -> Any:
    """Where 0 log y is 0, whatever the logarithm is."""
    return (shadows(x) == 0) & (shadows(y) <= 0)


def _huber(delta: Any, r: Any) -> Any:
    size = abs(r)
    return choose(shadows(size) <= shadows(delta), r * r / 2, delta * (size - delta / 2))


def _fmod(x: Any, y: Any) -> Any:
    with np.errstate(all="ignore"):
        return x - y * _whole(np.trunc(np.divide(shadows(x), shadows(y))))


def _hypot(x: Any, y: Any) -> Any:
    """The larger one times the root of 1 + the square of the ratio, where the squares would overflow or vanish."""
    size = np.maximum(np.abs(shadows(x)), np.abs(shadows(y)))
    fits = ((size > 1e-150) & (size < 1e150)) | (size == 0) | ~np.isfinite(size)
    if np.all(fits):
        return row("sqrt", x * x + y * y)
    scale = 2.0 ** np.round(np.log2(choose(fits, 1.0, size)))  # a power of 2 rounds nothing
    scale = scale if isinstance(scale, np.ndarray) else float(scale)
    a, b = x / scale, y / scale
    return row("sqrt", a * a + b * b) * scale


def _scaled(factor: float) -> Function:
    return lambda x: x * factor


COMPOSED: dict[str, Function] = {
    "positive": lambda x: x,
    "conjugate": lambda x: x,
    "fabs": abs,
    "fmax": _larger("maximum"),
    "fmin": _larger("minimum"),
    "float_power": lambda x, y: x**y,
    "log2": lambda x: row("log", x) / math.log(2),
    "log10": lambda x: row("log", x) / math.log(10),
    "exp2": lambda x: row("exp", x * math.log(2)),
    "logaddexp2": _logaddexp2,
    "hypot": _hypot,
    "arctan2": _arctan2,
    "remainder": _remainder,
    "fmod": _fmod,
    "copysign": lambda x, y: abs(x) * _whole(np.copysign(1.0, shadows(y))),
    "heaviside": _heaviside,
    "deg2rad": _scaled(math.pi / 180),
    "radians": _scaled(math.pi / 180),
    "rad2deg": _scaled(180 / math.pi),
    "degrees": _scaled(180 / math.pi),
    # scipy.special
    "expit": lambda x: row("sigmoid", x),
    "log_expit": lambda x: -row("softplus", -x),
    "entr": lambda x: -row("xlogy", x, x),
    "rel_entr": lambda x, y: row("xlogy", x, x / y),
    "logit": lambda x: row("log", x / (1 - x)),
    "xlog1py": lambda x, y: x * row("log1p", choose(_of_nothing(x, 1 + shadows(y)), 0, y)),
    "kl_div": lambda x, y: row("xlogy", x, x / y) - x + y,
    "huber": _huber,
    "pseudo_huber": lambda d, r: d * d * (row("sqrt", 1 + (r / d) * (r / d)) - 1),
    "psi": lambda x: row("digamma", x),
    "loggamma": lambda x: row("gammaln", x),
    "betaln": lambda x, y: row("gammaln", x) + row("gammaln", y) - row("gammaln", x + y),
    "beta": lambda x, y: row("gamma", x) * row("gamma", y) / row("gamma", x + y),
    "erfcinv": lambda x: -row("ndtri", x / 2) / math.sqrt(2),
    "exprel": lambda x: choose(shadows(x) == 0, 1 + x / 2, row("expm1", x) / choose(shadows(x) == 0, 1, x)),
    "boxcox": lambda x, a: choose(
        shadows(a) == 0, row("log", x), (x ** choose(shadows(a) == 0, 1, a) - 1) / choose(shadows(a) == 0, 1, a)
    ),
}


def has_rule(name: str) -> bool:
    """Whether a ufunc of this name has a gradient here.

    >>> has_rule("exp"), has_rule("arctan2"), has_rule("floor")
    (True, True, False)
    """
    return name in OPS or name in COMPOSED


def _refusing(advice: str) -> Function:
    def function(*_: Any, **__: Any) -> Any:
        raise Refused(advice)

    return function


def _dist(p: Any, q: Any) -> Any:
    return row("sqrt", sum((x - y) * (x - y) for x, y in zip(p, q, strict=True)))


def _hypot_of_several(*xs: Any) -> Any:
    return _hypot(*xs) if len(xs) == 2 else row("sqrt", sum(x * x for x in xs))


def _modf(x: Any) -> Any:
    whole = _whole(np.trunc(shadows(x)))
    return x - whole, float(whole)


def _nearest_remainder(x: Any, y: Any) -> Any:
    return x - y * _whole(np.round(shadows(x) / shadows(y)))


def _product(xs: Any, start: Any = 1) -> Any:
    return functools.reduce(lambda x, y: x * y, xs, start)


# the functions of Python's module math
MATH: dict[str, Function] = {
    **{name: _refusing(_ROUNDING.replace("np", "math").format(name)) for name in ("floor", "ceil", "trunc")},
    **{
        name: functools.partial(row, name)
        for name in ("exp", "expm1", "log1p", "sqrt", "cbrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf")
        if hasattr(math, name)
    },
    **{name: functools.partial(row, f"arc{name[1:]}") for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
    **{name: COMPOSED[name] for name in ("log2", "log10", "exp2", "copysign", "fmod") if hasattr(math, name)},
    **{name: COMPOSED[numpys] for name, numpys in (("atan2", "arctan2"), ("fabs", "fabs"))},
    **{name: COMPOSED[numpys] for name, numpys in (("radians", "radians"), ("degrees", "degrees"))},
    **{name: functools.partial(row, name) for name in ("erfc", "gamma")},
    "lgamma": lambda x: row("gammaln", x),
    "hypot": _hypot_of_several,
    "dist": _dist,
    "modf": _modf,
    "remainder": _nearest_remainder,
    "ldexp": lambda x, n: x * 2**n,
    **({"sumprod": lambda p, q: sum(x * y for x, y in zip(p, q, strict=True))} if hasattr(math, "sumprod") else {}),
    **({"fma": lambda x, y, z: x * y + z} if hasattr(math, "fma") else {}),
    "log": lambda x, *base: row("log", x) / (row("log", base[0]) if base else 1),
    "pow": lambda x, y: x**y,
    "fsum": sum,
    "prod": _product,
    "isnan": lambda x: math.isnan(shadows(x)),
    "isinf": lambda x: math.isinf(shadows(x)),
    "isfinite": lambda x: math.isfinite(shadows(x)),
    "isclose": lambda x, y, **keywords: math.isclose(shadows(x), shadows(y), **keywords),
}

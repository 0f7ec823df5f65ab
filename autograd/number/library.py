"""NumPy's functions that are made of others: what they compute, written once for all that stands for floats here.

Where an index, an order or a branch depends on numbers, the floats decide it, as everywhere.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.number.carrier import FUNCTIONS
from autograd.number.plane import FOURIER
from autograd.number.vocabulary import COMPOSED, Refused, array_of, row, shadows

Function = Callable[..., Any]


def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    if period is not None:
        raise Refused("np.interp with a period cannot be recorded: extend the points by one period on either side")
    x, xp, fp = array_of(x), array_of(xp), array_of(fp)
    at, knots = np.asarray(shadows(x)), np.asarray(shadows(xp))
    k = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    found = fp[k] + (fp[k + 1] - fp[k]) / (xp[k + 1] - xp[k]) * (x - xp[k])
    found = np.where(at < knots[0], fp[0] if left is None else left, found)
    return np.where(at > knots[-1], fp[-1] if right is None else right, np.where(at == knots[-1], fp[-1], found))


def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    f = array_of(f)
    axes = range(f.ndim) if axis is None else [k % f.ndim for k in np.atleast_1d(axis)]
    steps = spacing if len(spacing) == len(axes) else [spacing[0] if spacing else 1.0] * len(axes)
    found = [_slopes(f, k, step, edge_order) for k, step in zip(axes, steps, strict=True)]
    return found[0] if len(found) == 1 and (axis is None or np.ndim(axis) == 0) else tuple(found)


def _slopes(f: Any, axis: int, step: Any, edge_order: int) -> Any:
    """Second-order differences inside, of the first or second order at both ends."""
    f = np.moveaxis(f, axis, 0)
    n = len(f)
    if n < edge_order + 1:
        raise ValueError(f"np.gradient needs {edge_order + 1} entries along an axis, not {n}")
    apart = np.diff(array_of(step)) if np.ndim(step) else array_of(step) * np.ones(n - 1, int)
    apart = apart.reshape((n - 1,) + (1,) * (f.ndim - 1))
    rises = (f[1:] - f[:-1]) / apart
    before, behind = apart[:-1], apart[1:]
    inside = (rises[:-1] * behind + rises[1:] * before) / (before + behind)
    first, last = rises[:1], rises[-1:]
    if edge_order == 2:
        first = first - (rises[1:2] - rises[:1]) * apart[:1] / (apart[:1] + apart[1:2])
        last = last + (rises[-1:] - rises[-2:-1]) * apart[-1:] / (apart[-1:] + apart[-2:-1])
    return np.moveaxis(np.concatenate([first, inside, last]), 0, axis)


def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    places = np.asarray(shadows(x)).astype(int)
    if weights is None:
        return np.bincount(places, minlength=minlength)
    weights = array_of(weights)
    size = max(int(places.max(initial=-1)) + 1, minlength)
    return np.stack([np.sum(weights[places == k]) for k in range(size)])


def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    **_: Any,
) -> Any:
    if fweights is not None or aweights is not None:
        raise Refused("np.cov with weights cannot be recorded: write it with sums and products")
    x = np.atleast_2d(array_of(m))
    x = x if rowvar or len(x) == 1 else x.T
    if y is not None:
        other = np.atleast_2d(array_of(y))
        x = np.concatenate([x, other if rowvar or len(other) == 1 else other.T])
    d = x - np.mean(x, axis=1, keepdims=True)
    found = d @ d.T / (x.shape[1] - (int(not bias) if ddof is None else ddof))
    return found[0, 0] if len(found) == 1 else found


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, **_: Any) -> Any:
    c = _cov(x, y, rowvar)
    if np.ndim(c) == 0:
        return c / c
    d = np.sqrt(np.diagonal(c))
    return c / d[:, None] / d[None, :]


def _quantile(a: Any, q: Any, axis: Any = None, method: str = "linear", keepdims: bool = False, **_: Any) -> Any:
    if method not in _POSITIONS:
        raise Refused(f"np.quantile with method {method!r} cannot be recorded: there are {', '.join(_POSITIONS)}")
    a, shares = array_of(a), np.asarray(shadows(array_of(q)), float)
    kept = [1 if axis is None or k in np.atleast_1d(axis) % a.ndim else n for k, n in enumerate(a.shape)]
    if axis is None:
        a, axis = a.reshape(-1), 0
    elif np.ndim(axis):
        a = np.moveaxis(a, axis, range(len(axis)))
        a, axis = a.reshape(-1, *a.shape[len(axis) :]), 0
    a = np.sort(np.moveaxis(a, axis, 0), axis=0)
    found = [_between(a, _POSITIONS[method](float(share), len(a))) for share in shares.ravel()]
    whole = np.stack(found) if shares.ndim else array_of(found[0])
    return whole.reshape(shares.shape + tuple(kept if keepdims else a.shape[1:]))[()]


def _between(a: Any, position: float) -> Any:
    position = min(max(position, 0.0), len(a) - 1.0)
    k = min(math.floor(position), max(len(a) - 2, 0))
    share = position - k
    return a[k] if not share else a[k] + (a[k + 1] - a[k]) * share


_POSITIONS: dict[str, Callable[[float, int], float]] = {
    "linear": lambda q, n: q * (n - 1),
    "lower": lambda q, n: math.floor(q * (n - 1)),
    "higher": lambda q, n: math.ceil(q * (n - 1)),
    "nearest": lambda q, n: round(q * (n - 1)),
    "midpoint": lambda q, n: (math.floor(q * (n - 1)) + math.ceil(q * (n - 1))) / 2,
    "hazen": lambda q, n: n * q - 0.5,
    "weibull": lambda q, n: (n + 1) * q - 1,
    "median_unbiased": lambda q, n: (n + 1 / 3) * q - 2 / 3,
    "normal_unbiased": lambda q, n: (n + 1 / 4) * q - 5 / 8,
}


def _percentile(a: Any, q: Any, axis: Any = None, **options: Any) -> Any:
    return _quantile(a, np.asarray(shadows(array_of(q)), float) / 100, axis, **options)


def _median(a: Any, axis: Any = None, keepdims: bool = False, **_: Any) -> Any:
    return _quantile(a, 0.5, axis, keepdims=keepdims)


def _without_nan(function: Function, neutral: Callable[[Any], Any]) -> Function:
    """A reduction without the entries that are nan."""

    def reduction(a: Any, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        a = array_of(a)
        nothing = np.isnan(shadows(a))
        a = np.where(nothing, neutral(np.asarray(shadows(a))), a) if nothing.any() else a
        return function(a, axis=axis, keepdims=keepdims, **options)

    return reduction


def _there(a: Any, axis: Any, keepdims: bool) -> Any:
    return np.sum(~np.isnan(shadows(a)), axis=axis, keepdims=keepdims)


_nansum = _without_nan(np.sum, lambda x: 0)


def _nanmean(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    a = array_of(a)
    return _nansum(a, axis, keepdims) / _there(a, axis, keepdims)


def _nanvar(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False, correction: float | None = None) -> Any:
    a = array_of(a)
    d = a - _nanmean(a, axis, True)
    return _nansum(d * d, axis, keepdims) / (_there(a, axis, keepdims) - (ddof if correction is None else correction))


def _sinc(x: Any) -> Any:
    x = array_of(x)
    nothing = np.asarray(shadows(x)) == 0
    y = math.pi * np.where(nothing, 1, x)
    return np.where(nothing, 1 - x * x, np.sin(y) / y)[()]


def _polyval(p: Any, x: Any) -> Any:
    p, found = array_of(p), 0
    for k in range(len(p)):
        found = found * x + p[k]
    return found


def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    x = array_of(x)
    powers = range(len(x) if N is None else N)
    columns = [x**k if k else x * 0 + 1 for k in (powers if increasing else reversed(powers))]
    return np.stack(columns, axis=1)


def _meshgrid(*xs: Any, indexing: str = "xy", sparse: bool = False, copy: bool = True) -> Any:
    xs = tuple(array_of(x).reshape(-1) for x in xs)
    shaped = [x.reshape([len(x) if k == place else 1 for k in range(len(xs))]) for place, x in enumerate(xs)]
    if indexing == "xy" and len(xs) > 1:
        shaped = [np.swapaxes(x, 0, 1) for x in shaped]
    return tuple(shaped) if sparse else tuple(x.copy() for x in np.broadcast_arrays(*shaped))


def _select(conditions: Any, choices: Any, default: Any = 0) -> Any:
    found = default
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        found = np.where(condition, choice, found)
    return found


def _insert(array: Any, places: Any, numbers: Any, axis: Any = None) -> Any:
    array = array_of(array)
    if axis is None:
        array, axis = array.reshape(-1), 0
    if np.ndim(places) or isinstance(places, slice):
        raise Refused("np.insert can be recorded at one place: use np.concatenate")
    array = np.moveaxis(array, axis, 0)
    numbers = array_of(numbers)
    numbers = np.broadcast_to(numbers, array.shape[1:])[None] if numbers.ndim < array.ndim else numbers
    whole = np.concatenate([array[:places], numbers, array[places:]])
    return np.moveaxis(whole, 0, axis)


def _along_axis(function: Function, axis: int, array: Any, *args: Any, **keywords: Any) -> Any:
    array = np.moveaxis(array_of(array), axis, -1)
    rows = [function(x, *args, **keywords) for x in array.reshape(-1, array.shape[-1])]
    found = np.stack([array_of(x) for x in rows])
    whole = found.reshape(array.shape[:-1] + found.shape[1:])
    return np.moveaxis(whole, -1, axis) if found.ndim == 2 else whole


def _extract(condition: Any, array: Any) -> Any:
    return array_of(array).reshape(-1)[np.flatnonzero(np.asarray(shadows(condition)))]


def _matrix_power(A: Any, n: int) -> Any:
    A = array_of(A)
    if n < 0:
        A, n = FUNCTIONS["linalg.inv"](A), -n
    found, square = None, A
    while n:
        if n & 1:
            found = square if found is None else found @ square
        n >>= 1
        square = square @ square if n else square
    return A @ A * 0 + np.identity(A.shape[-1], int) if found is None else found


def _multi_dot(arrays: Sequence[Any]) -> Any:
    return functools.reduce(lambda x, y: x @ y, map(array_of, arrays))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    x = array_of(x)
    if isinstance(axis, (int, np.integer)) or (axis is None and (x.ndim == 1 or ord is None)):
        return _vector_norm(x, axis, keepdims, 2 if ord is None else ord)
    return _matrix_norm(x, keepdims, "fro" if ord is None else ord, (-2, -1) if axis is None else axis)


def _vector_norm(x: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x = array_of(x)
    match ord:
        case 2:
            return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
        case 1:
            return np.sum(abs(x), axis=axis, keepdims=keepdims)
        case math.inf:
            return np.max(abs(x), axis=axis, keepdims=keepdims)
        case 0:
            return np.sum(np.asarray(shadows(x)) != 0, axis=axis, keepdims=keepdims)
    if isinstance(ord, str) or ord == -math.inf:
        raise Refused(f"np.linalg.norm with ord={ord!r} cannot be recorded: write it with sums and products")
    return np.sum(abs(x) ** ord, axis=axis, keepdims=keepdims) ** (1 / ord)


def _matrix_norm(x: Any, keepdims: bool = False, ord: Any = "fro", axis: Any = (-2, -1)) -> Any:
    x = np.moveaxis(array_of(x), axis, (-2, -1))
    match ord:
        case "fro":
            found = np.sqrt(np.sum(x * x, axis=(-2, -1)))
        case 1:
            found = np.max(np.sum(abs(x), axis=-2), axis=-1)
        case math.inf:
            found = np.max(np.sum(abs(x), axis=-1), axis=-1)
        case _ if ord in (2, "nuc") and x.ndim == 2:
            s = FUNCTIONS["linalg.svd"](x, compute_uv=False)
            found = s[0] if ord == 2 else np.sum(s)
        case _:
            raise Refused(f"np.linalg.norm with ord={ord!r} cannot be recorded: write it with sums and products")
    return np.expand_dims(found, axis) if keepdims else found


def _vecdot(x: Any, y: Any, axis: int = -1) -> Any:
    return np.sum(np.moveaxis(x, axis, -1) * np.moveaxis(y, axis, -1), axis=-1)


def _i0(x: Any) -> Any:
    return row("i0", array_of(x))


def _piecewise(x: Any, conditions: Any, functions: Sequence[Any], *args: Any, **keywords: Any) -> Any:
    x, masks = array_of(x), [np.asarray(shadows(c), bool) for c in conditions]
    if len(functions) == len(masks) + 1:
        masks.append(~np.logical_or.reduce(masks))
    found: Any = x * 0
    for mask, f in zip(masks, functions, strict=True):
        found = np.where(mask, f(x, *args, **keywords) if callable(f) else f, found)
    return found


def _writable(array: Any, name: str) -> Any:
    if isinstance(array, np.ndarray) and array.dtype != object:
        raise Refused(f"np.{name} cannot write into an array of floats here: its gradient would be lost")
    return array


def _put(array: Any, places: Any, numbers: Any, mode: str = "raise") -> None:
    _writable(array, "put").flat[places] = numbers


def _putmask(array: Any, mask: Any, numbers: Any) -> None:
    mask = np.asarray(shadows(mask), bool)
    _writable(array, "putmask")[mask] = array_of(numbers)[mask] if np.shape(numbers) == np.shape(array) else numbers


def _copyto(array: Any, numbers: Any, casting: Any = None, where: Any = True) -> None:
    array = _writable(array, "copyto")
    array[...] = numbers if where is True else np.where(where, numbers, array)


def _fill_diagonal(array: Any, numbers: Any, wrap: bool = False) -> None:
    n = min(np.shape(array))
    _writable(array, "fill_diagonal")[(np.arange(n),) * np.ndim(array)] = numbers


def _ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    steps = np.diff(array_of(x).reshape(-1))
    parts = [array_of(p).reshape(-1) for p in (to_begin, steps, to_end) if p is not None]
    return np.concatenate(parts) if len(parts) > 1 else steps


def _divmod(x: Any, y: Any) -> Any:
    return np.floor_divide(shadows(x), shadows(y)), COMPOSED["remainder"](x, y)


LIBRARY: dict[str, Function] = {
    "interp": _interp,
    "gradient": _gradient,
    "bincount": _bincount,
    "cov": _cov,
    "corrcoef": _corrcoef,
    "quantile": _quantile,
    "percentile": _percentile,
    "median": _median,
    "nansum": _nansum,
    "nanprod": _without_nan(np.prod, lambda x: 1),
    "nanmax": _without_nan(np.max, np.nanmin),
    "nanmin": _without_nan(np.min, np.nanmax),
    "nanmean": _nanmean,
    "nanvar": _nanvar,
    "nanstd": lambda a, *args, **options: np.sqrt(_nanvar(a, *args, **options)),
    "sinc": _sinc,
    "polyval": _polyval,
    "vander": _vander,
    "meshgrid": _meshgrid,
    "select": _select,
    "insert": _insert,
    "apply_along_axis": _along_axis,
    "extract": _extract,
    "piecewise": _piecewise,
    "ediff1d": _ediff1d,
    "put": _put,
    "putmask": _putmask,
    "copyto": _copyto,
    "fill_diagonal": _fill_diagonal,
    "i0": _i0,
    "linalg.matrix_power": _matrix_power,
    "linalg.multi_dot": _multi_dot,
    "linalg.norm": _norm,
    "linalg.vector_norm": lambda x, /, *, axis=None, keepdims=False, ord=2: _vector_norm(x, axis, keepdims, ord),
    "linalg.matrix_norm": lambda x, /, *, keepdims=False, ord="fro": _matrix_norm(x, keepdims, ord),
    "linalg.vecdot": _vecdot,
    "linalg.outer": lambda x, y, /: np.outer(x, y),
    "linalg.matmul": lambda x, y, /: x @ y,
    "linalg.cross": lambda x, y, /, *, axis=-1: np.moveaxis(
        np.cross(np.moveaxis(x, axis, -1), np.moveaxis(y, axis, -1)), -1, axis
    ),
    "linalg.trace": lambda x, /, *, offset=0: np.sum(np.diagonal(x, offset, -2, -1), -1),
    "linalg.diagonal": lambda x, /, *, offset=0: np.diagonal(x, offset, -2, -1),
    "linalg.matrix_transpose": lambda x, /: np.swapaxes(x, -1, -2),
    "linalg.tensordot": lambda x, y, /, *, axes=2: np.tensordot(x, y, axes),
}
FUNCTIONS.update(LIBRARY)
FUNCTIONS.update(FOURIER)

"""SciPy's functions, and those of `statistics`, that insist on floats: by NumPy's, for all that stands for floats here.

Nothing here imports SciPy: what a program has not loaded it does not call.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd.number.carrier import FUNCTIONS
from autograd.number.ops import OPS
from autograd.number.vocabulary import COMPOSED, Refused, array_of, refusal, row, shadows
from autograd.record.linalg import LINEAR_ALGEBRA, expm, substituted

Function = Callable[..., Any]

# scipy.special


def _entry_by_entry(name: str) -> Function:
    """A rule for entries, for scalars, arrays and lists of them."""
    rule = COMPOSED.get(name) or functools.partial(row, name)

    def function(*xs: Any) -> Any:
        found = _each(rule, [array_of(x) for x in xs])
        return found[()] if isinstance(found, np.ndarray) else found

    return function


def _each(rule: Function, arrays: Sequence[Any]) -> Any:
    """The rule of whole arrays, or entry by entry of those that hold nodes and numbers one by one."""
    if any(isinstance(x, np.ndarray) and x.dtype == object for x in arrays):
        return array_of(np.frompyfunc(lambda *xs: rule(*map(_plain, xs)), len(arrays), 1)(*arrays))
    return rule(*arrays)


def _plain(x: Any) -> Any:
    return x.item() if isinstance(x, np.generic) else x


def _softmax(x: Any, axis: Any = None) -> Any:
    x = array_of(x)
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    if return_sign:
        raise Refused("scipy.special.logsumexp with return_sign cannot be recorded")
    a = array_of(a)
    largest = np.max(a, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(a - largest) * (1 if b is None else b), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.squeeze(total, axis=axis)


def _log_softmax(x: Any, axis: Any = None) -> Any:
    x = array_of(x)
    return x - _logsumexp(x, axis=axis, keepdims=True)


_POLYGAMMAS = ("digamma", "trigamma", "tetragamma", "pentagamma", "hexagamma")


def _polygamma(n: Any, x: Any) -> Any:
    if np.ndim(n) or n not in range(len(_POLYGAMMAS)):
        raise Refused(f"scipy.special.polygamma can be recorded up to the order {len(_POLYGAMMAS) - 2}")
    return _entry_by_entry(_POLYGAMMAS[int(n)])(x)


def _multigammaln(a: Any, d: int) -> Any:
    gammaln = _entry_by_entry("gammaln")
    return sum((gammaln(a - j / 2) for j in range(d)), start=d * (d - 1) / 4 * math.log(math.pi))


SPECIAL: dict[str, Function] = {
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "log_softmax": _log_softmax,
    "polygamma": _polygamma,
    "multigammaln": _multigammaln,
    "digamma": _entry_by_entry("digamma"),
    **{
        name: _entry_by_entry(name)
        for name in (
            *("erf", "erfc", "erfinv", "erfcinv", "ndtr", "log_ndtr", "ndtri", "gammaln", "gamma", "psi", "loggamma"),
            *("betaln", "beta", "i0", "i1", "xlogy", "xlog1py", "entr", "rel_entr", "kl_div", "huber", "pseudo_huber"),
            *("expit", "logit", "log_expit", "exprel", "boxcox", "expm1", "log1p", "cbrt", "exp2"),
        )
        if name in OPS or name in COMPOSED
    },
}

# scipy.linalg


def _cholesky(a: Any, lower: bool = False, **_: Any) -> Any:
    return LINEAR_ALGEBRA["cholesky"](a, upper=not lower)


def _cho_factor(a: Any, lower: bool = False, **_: Any) -> Any:
    """As SciPy has it: the other triangle keeps what a has there."""
    factor, a = _cholesky(a, lower), array_of(a)
    return factor + (np.triu(a, 1) if lower else np.tril(a, -1)), lower


def _cho_solve(c_and_lower: Any, b: Any, **_: Any) -> Any:
    c, lower = c_and_lower
    c = array_of(c)
    L = np.tril(c) if lower else np.triu(c).T
    return substituted(L.T, substituted(L, b), lower=False)


def _solve_triangular(
    a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **_: Any
) -> Any:
    a = array_of(a)
    if trans in (1, 2, "T", "C"):
        a, lower = np.swapaxes(a, -1, -2), not lower
    return substituted(a, b, lower, unit_diagonal)


def _solve(a: Any, b: Any, lower: bool = False, transposed: bool = False, assume_a: Any = None, **_: Any) -> Any:
    a = array_of(a)
    if assume_a in ("sym", "her", "pos", "symmetric", "hermitian", "positive definite"):
        half = np.tril(a, -1) if lower else np.triu(a, 1).T  # SciPy reads no more
        a = half + half.T + np.identity(len(a), int) * a
    elif assume_a in ("lower triangular", "upper triangular"):
        return substituted(a.T if transposed else a, b, (assume_a[0] == "l") != transposed)
    return LINEAR_ALGEBRA["solve"](a.T if transposed else a, b)


def _eigh(a: Any, b: Any = None, lower: bool = True, eigvals_only: bool = False, **options: Any) -> Any:
    if b is not None or options.keys() & {"subset_by_index", "subset_by_value"}:
        raise refusal("scipy.linalg.eigh of a pair of matrices, or of a part of the spectrum,")
    found = LINEAR_ALGEBRA["eigh"](a, "L" if lower else "U")
    return found[0] if eigvals_only else tuple(found)


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, **_: Any) -> Any:
    found = LINEAR_ALGEBRA["svd"](a, full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


def _qr(
    a: Any, overwrite_a: bool = False, lwork: Any = None, mode: str = "full", pivoting: bool = False, **_: Any
) -> Any:
    if pivoting:
        raise refusal("scipy.linalg.qr with pivoting")
    found = LINEAR_ALGEBRA["qr"](a, {"full": "complete", "economic": "reduced"}.get(mode, mode))
    return (found,) if mode == "r" else tuple(found)


def _lstsq(a: Any, b: Any, **_: Any) -> Any:
    return LINEAR_ALGEBRA["lstsq"](a, b)


def _block_diag(*arrays: Any) -> Any:
    matrices = [np.atleast_2d(array_of(x)) for x in arrays]
    widths = [x.shape[1] for x in matrices]
    return np.concatenate(
        [np.pad(x, ((0, 0), (sum(widths[:k]), sum(widths[k + 1 :])))) for k, x in enumerate(matrices)]
    )


_LINALG: dict[str, Function] = {
    "cholesky": _cholesky,
    "cho_factor": _cho_factor,
    "cho_solve": _cho_solve,
    "solve_triangular": _solve_triangular,
    "solve": _solve,
    "inv": lambda a, **_: LINEAR_ALGEBRA["inv"](a),
    "det": lambda a, **_: LINEAR_ALGEBRA["det"](a),
    "pinv": lambda a, **_: LINEAR_ALGEBRA["pinv"](a),
    "lstsq": _lstsq,
    "norm": lambda a, ord=None, axis=None, keepdims=False, **_: FUNCTIONS["linalg.norm"](a, ord, axis, keepdims),
    "eigh": _eigh,
    "eigvalsh": lambda a, b=None, lower=True, **options: _eigh(a, b, lower, True, **options),
    "svd": _svd,
    "svdvals": lambda a, **_: _svd(a, compute_uv=False),
    "qr": _qr,
    "expm": expm,
    "block_diag": _block_diag,
}

# scipy.spatial.distance

_METRICS: dict[str, Function] = {
    "sqeuclidean": lambda d: np.sum(d * d, axis=-1),
    "euclidean": lambda d: _root(np.sum(d * d, axis=-1)),
    "cityblock": lambda d: np.sum(abs(d), axis=-1),
    "chebyshev": lambda d: np.max(abs(d), axis=-1),
}


def _root(squares: Any) -> Any:
    """The square roots; of a 0 by choice, as of a point and itself, 0 with the slope 0."""
    nothing = np.asarray(shadows(squares)) == 0
    return np.where(nothing, 0, np.sqrt(np.where(nothing, 1, squares)))


def _distances(x: Any, y: Any, metric: Any, p: float = 2, w: Any = None, V: Any = None, VI: Any = None) -> Any:
    """The distances of rows, by their differences."""
    if metric in ("cosine", "correlation"):
        x, y = (a - np.mean(a, axis=-1, keepdims=True) if metric == "correlation" else a for a in (x, y))
        lengths = np.sqrt(np.sum(x * x, axis=-1) * np.sum(y * y, axis=-1))
        return 1 - np.sum(x * y, axis=-1) / lengths
    d = x - y
    if metric == "minkowski":
        return np.sum(abs(d) ** p * (1 if w is None else w), axis=-1) ** (1 / p)
    if metric == "seuclidean" and V is not None:
        return _root(np.sum(d * d / array_of(V), axis=-1))
    if metric == "mahalanobis" and VI is not None:
        return _root(np.sum((d @ array_of(VI)) * d, axis=-1))
    if metric not in _METRICS or w is not None:
        raise refusal(f"scipy.spatial.distance with the metric {metric!r}")
    return _METRICS[metric](d)


def _cdist(XA: Any, XB: Any, metric: Any = "euclidean", **options: Any) -> Any:
    XA, XB = array_of(XA), array_of(XB)
    return _distances(XA[:, None, :], XB[None, :, :], metric, **options)


def _pdist(X: Any, metric: Any = "euclidean", **options: Any) -> Any:
    X = array_of(X)
    first, second = np.triu_indices(len(X), 1)
    return _distances(X[first], X[second], metric, **options)


def _squareform(X: Any, *_: Any, **__: Any) -> Any:
    X = array_of(X)
    if X.ndim == 2:
        return X[np.triu_indices(len(X), 1)]
    n = math.isqrt(2 * len(X)) + 1
    places = np.zeros((n, n), int)
    places[np.triu_indices(n, 1)] = np.arange(len(X))
    return X[places + places.T] * (1 - np.identity(n, int))


def _between_two(metric: str) -> Function:
    def distance(u: Any, v: Any, *args: Any, **options: Any) -> Any:
        if metric == "minkowski" and args:
            options["p"], *args = args  # type: ignore[assignment]
        if args:
            raise refusal(f"scipy.spatial.distance.{metric} with weights")
        return _distances(array_of(u), array_of(v), metric, **options)

    return distance


_DISTANCE: dict[str, Function] = {
    "cdist": _cdist,
    "pdist": _pdist,
    "squareform": _squareform,
    **{name: _between_two(name) for name in (*_METRICS, "cosine", "correlation", "minkowski")},
}

# scipy.signal and scipy.ndimage: sums over shifts


def _shifted(x: Any, kernel: Any, out: tuple[int, ...]) -> Any:
    """The sum over the kernel's places of its number times the part of x that begins there."""
    found: Any = 0
    for place in np.ndindex(*kernel.shape):
        part = x[tuple(slice(i, i + n) for i, n in zip(place, out, strict=True))]
        found = found + part * kernel[place]
    return found


def _convolved(x: Any, y: Any, mode: str = "full", *_: Any, **__: Any) -> Any:
    x, y = array_of(x), array_of(y)
    if x.ndim != y.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    if mode == "valid" and any(i < k for i, k in zip(x.shape, y.shape, strict=True)):
        x, y = y, x
    full = tuple(n + k - 1 for n, k in zip(x.shape, y.shape, strict=True))
    if y.size > x.size:
        padded, kernel = np.pad(y, [(n - 1, n - 1) for n in x.shape]), np.flip(x)
    else:
        padded, kernel = np.pad(x, [(k - 1, k - 1) for k in y.shape]), np.flip(y)
    found = _shifted(padded, kernel, full)
    sizes = {"full": full, "same": x.shape, "valid": tuple(n - k + 1 for n, k in zip(x.shape, y.shape, strict=True))}
    size = sizes[mode]
    return found[tuple(slice((n - k) // 2, (n - k) // 2 + k) for n, k in zip(full, size, strict=True))]


def _correlated(x: Any, y: Any, mode: str = "full", *_: Any, **__: Any) -> Any:
    x, y = array_of(x), array_of(y)
    return _convolved(x, np.flip(y), mode)


def _convolved_images(x: Any, y: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    if boundary != "fill" or fillvalue:
        raise refusal(f"scipy.signal.convolve2d with boundary={boundary!r}")
    return _convolved(x, y, mode)


def _correlated_images(x: Any, y: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    """Its middle part begins where the middle of y, or what is right of it, lies on the first entry of x."""
    x, y = array_of(x), array_of(y)
    full = _convolved_images(x, np.flip(y), "valid" if mode == "valid" else "full", boundary, fillvalue)
    if mode != "same":
        return full
    return full[tuple(slice(k // 2, k // 2 + n) for k, n in zip(y.shape, x.shape, strict=True))]


def _lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    if zi is not None:
        raise refusal("scipy.signal.lfilter with zi")
    b, a, x = array_of(b).reshape(-1), array_of(a).reshape(-1), np.moveaxis(array_of(x), axis, 0)
    found: list[Any] = []
    for n in range(len(x)):
        now = sum(b[k] * x[n - k] for k in range(min(n + 1, len(b))))
        for k in range(1, min(n + 1, len(a))):
            now = now - a[k] * found[n - k]
        found.append(now / a[0])
    return np.moveaxis(np.stack(found), 0, axis)


_SIGNAL: dict[str, Function] = {
    "convolve": _convolved,
    "fftconvolve": _convolved,
    "oaconvolve": _convolved,
    "correlate": _correlated,
    "convolve2d": _convolved_images,
    "correlate2d": _correlated_images,
    "lfilter": _lfilter,
}

_EDGES = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}  # in NumPy's words


def _correlated_image(
    image: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0, origin: Any = 0, **_: Any
) -> Any:
    image, weights = array_of(image), array_of(weights)
    if output is not None or np.any(origin):
        raise refusal("scipy.ndimage.correlate with output or origin")
    widths = [(k // 2, k - 1 - k // 2) for k in weights.shape]
    if mode in ("constant", "grid-constant"):
        padded = np.pad(image, widths, constant_values=cval)
    else:
        how: Any = _EDGES[mode.removeprefix("grid-")]
        padded = np.pad(image, widths, mode=how)
    return _shifted(padded, weights, image.shape)


def _convolved_image(
    image: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: Any = 0.0, **o: Any
) -> Any:
    weights = np.flip(array_of(weights))
    if any(k % 2 == 0 for k in weights.shape):
        raise refusal("scipy.ndimage.convolve with weights of an even size")
    return _correlated_image(image, weights, output, mode, cval, **o)


def _along(function: Function) -> Function:
    def filtered(image: Any, weights: Any, axis: int = -1, *args: Any, **options: Any) -> Any:
        image, weights = array_of(image), array_of(weights)
        shape = [len(weights) if k == axis % image.ndim else 1 for k in range(image.ndim)]
        return function(image, weights.reshape(shape), *args, **options)

    return filtered


_NDIMAGE: dict[str, Function] = {
    "correlate": _correlated_image,
    "convolve": _convolved_image,
    "correlate1d": _along(_correlated_image),
    "convolve1d": _along(_convolved_image),
}

# statistics


def _mean(data: Iterable[Any], weights: Any = None) -> Any:
    x = array_of(list(data))
    return np.mean(x) if weights is None else np.sum(x * array_of(list(weights))) / np.sum(array_of(list(weights)))


_STATISTICS: dict[str, Function] = {"mean": lambda data: _mean(data), "fmean": _mean}

#: by the name of the module, and of the function
SCIENTIFIC: dict[str, dict[str, Function]] = {
    "scipy.special": SPECIAL,
    "scipy.linalg": _LINALG,
    "scipy.spatial.distance": _DISTANCE,
    "scipy.signal": _SIGNAL,
    "scipy.ndimage": _NDIMAGE,
    "statistics": _STATISTICS,
}


class Normal:
    """`scipy.stats.norm`, for all that stands for floats here; what has no rule is the original's."""

    def __init__(self, original: Any, wrapped: Callable[[Function, Function], Function]) -> None:
        self._original, self._wrapped = original, wrapped

    def __getattr__(self, name: str) -> Any:
        original = getattr(self._original, name)
        return self._wrapped(original, _NORMAL[name]) if name in _NORMAL else original

    def __call__(self, loc: Any = 0, scale: Any = 1) -> Any:
        return _Frozen(self, loc, scale)


class _Frozen:
    def __init__(self, normal: Normal, loc: Any, scale: Any) -> None:
        self._normal, self._loc, self._scale = normal, loc, scale

    def __getattr__(self, name: str) -> Any:
        if name not in _NORMAL:
            return getattr(self._normal._original(self._loc, self._scale), name)
        return lambda x: getattr(self._normal, name)(x, self._loc, self._scale)


def _standardised(function: Function, density: int = 0) -> Function:
    """A function of the standard normal distribution for one with another place and width."""

    def of_any(x: Any, loc: Any = 0, scale: Any = 1) -> Any:
        plain = isinstance(loc, (int, float)) and isinstance(scale, (int, float)) and (loc, scale) == (0, 1)
        x, loc, scale = array_of(x), array_of(loc), array_of(scale)
        found = function(x if plain else (x - loc) / scale)
        if density and not plain:
            found = found / scale if density == 1 else found - np.log(scale)
        return found[()] if isinstance(found, np.ndarray) else found

    return of_any


_ROOT = math.sqrt(2 * math.pi)
_ndtr, _log_ndtr, _ndtri = map(_entry_by_entry, ("ndtr", "log_ndtr", "ndtri"))


def _quantile(q: Any, loc: Any = 0, scale: Any = 1) -> Any:
    return _ndtri(q) * scale + loc


_NORMAL: dict[str, Function] = {
    "pdf": _standardised(lambda z: np.exp(-(z * z) / 2) / _ROOT, density=1),
    "logpdf": _standardised(lambda z: -(z * z) / 2 - math.log(_ROOT), density=2),
    "cdf": _standardised(_ndtr),
    "logcdf": _standardised(_log_ndtr),
    "sf": _standardised(lambda z: _ndtr(-z)),
    "logsf": _standardised(lambda z: _log_ndtr(-z)),
    "ppf": _quantile,
    "isf": lambda q, loc=0, scale=1: -_ndtri(q) * scale + loc,
}

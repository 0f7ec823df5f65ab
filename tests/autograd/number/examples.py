"""Code of each function that is made of others, as `f(x, v)` of a matrix (3, 4) and a vector (4)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg
import scipy.ndimage
import scipy.signal
import scipy.special
import scipy.stats
from scipy.spatial import distance

Code = Callable[..., Any]
AT = np.array([0.2, 0.75, 2.0, 2.9])
KERNEL = np.array([[0.5, -1.0], [0.25, 2.0]])
SPECTRUM = np.fft.rfft(np.array([1.0, -0.5, 0.25, 2.0]))
I3 = np.eye(3)


def spd(x: Any) -> Any:
    """A symmetric positive definite matrix (3, 3) of the matrix x, with eigenvalues apart."""
    return x @ x.T + np.diag([1.0, 2.0, 4.0])


OF_NUMPY: dict[str, Code] = {
    "interp": lambda x, v: (np.interp(AT, np.arange(4.0), v), np.interp(v, [0.0, 0.5, 1.0], [0.0, 1.0, -1.0])),
    "gradient": lambda x, v: (np.gradient(v, 0.5), *np.gradient(x), np.gradient(v, AT, edge_order=2)),
    "bincount": lambda x, v: np.bincount([0, 2, 2, 0], weights=v, minlength=4),
    "cov": lambda x, v: (np.cov(x), np.cov(v, x[0]), np.cov(v, bias=True), np.cov(x, rowvar=False)),
    "corrcoef": lambda x, v: (np.corrcoef(x), np.corrcoef(v, x[1])),
    "quantile": lambda x, v: (
        np.quantile(v, 0.3),
        np.quantile(x, [0.1, 0.6], axis=1),
        np.quantile(x, 0.4, axis=0, keepdims=True),
        *(np.quantile(v, 0.4, method=m) for m in ("lower", "higher", "nearest", "midpoint", "hazen", "weibull")),
        *(np.quantile(v, 0.4, method=m) for m in ("median_unbiased", "normal_unbiased")),
    ),
    "percentile": lambda x, v: (np.percentile(v, 30), np.percentile(x, [10, 100], axis=0)),
    "median": lambda x, v: (np.median(v), np.median(x, axis=0), np.median(x, axis=1, keepdims=True)),
    "nansum": lambda x, v: np.nansum(x, axis=0),
    "nanprod": lambda x, v: np.nanprod(x, axis=1),
    "nanmax": lambda x, v: np.nanmax(x, axis=1),
    "nanmin": lambda x, v: np.nanmin(x),
    "nanmean": lambda x, v: np.nanmean(x, axis=1),
    "nanvar": lambda x, v: np.nanvar(x, axis=0),
    "nanstd": lambda x, v: np.nanstd(x, axis=1, ddof=1),
    "sinc": lambda x, v: np.sinc(x),
    "polyval": lambda x, v: (np.polyval(v, 0.7), np.polyval([1.0, -2.0, 0.5], x)),
    "vander": lambda x, v: (np.vander(v), np.vander(v, 3, increasing=True)),
    "meshgrid": lambda x, v: [a * 2 for a in np.meshgrid(v, x[0, :3])],
    "select": lambda x, v: np.select([AT > 2, AT > 0.5], [v, v * v], 0.5),
    "insert": lambda x, v: (np.insert(v, 1, 2.0), np.insert(x, 2, v, axis=0)),
    "apply_along_axis": lambda x, v: np.apply_along_axis(lambda row: row @ row, 1, x),
    "extract": lambda x, v: np.extract(AT > 0.5, v),
    "piecewise": lambda x, v: np.piecewise(v, [AT < 1], [lambda t: 2 * t, lambda t: t * t]),
    "ediff1d": lambda x, v: np.ediff1d(v, to_begin=1.0),
    "put": lambda x, v: in_place(x, lambda a: np.put(a, [1, 4], v[:2])),
    "putmask": lambda x, v: in_place(x, lambda a: np.putmask(a, np.eye(3, 4) > 0, 2 * x)),
    "copyto": lambda x, v: (
        in_place(x, lambda a: np.copyto(a, v)),
        in_place(x, lambda a: np.copyto(a, 1.0, where=AT > 1)),
    ),
    "fill_diagonal": lambda x, v: in_place(x[:, :3], lambda a: np.fill_diagonal(a, v[0])),
    "i0": lambda x, v: np.i0(x),
    "linalg.matrix_power": lambda x, v: (np.linalg.matrix_power(spd(x), 3), np.linalg.matrix_power(spd(x), -2)),
    "linalg.multi_dot": lambda x, v: np.linalg.multi_dot([x, x.T, x]),
    "linalg.norm": lambda x, v: (
        *(np.linalg.norm(v, ord) for ord in (None, 1, 2, 3, np.inf)),
        *(np.linalg.norm(x, ord) for ord in (None, "fro", 1, np.inf)),
        np.linalg.norm(x, axis=0),
        np.linalg.norm(x, 1, axis=1, keepdims=True),
    ),
    "linalg.vector_norm": lambda x, v: np.linalg.vector_norm(x, axis=1),
    "linalg.matrix_norm": lambda x, v: np.linalg.matrix_norm(x),
    "linalg.vecdot": lambda x, v: np.linalg.vecdot(x, x),
    "linalg.outer": lambda x, v: np.linalg.outer(v, v),
    "linalg.matmul": lambda x, v: np.linalg.matmul(x, x.T),
    "linalg.cross": lambda x, v: np.linalg.cross(x[:, :3], x[:, 1:]),
    "linalg.trace": lambda x, v: np.linalg.trace(x, offset=1),
    "linalg.diagonal": lambda x, v: np.linalg.diagonal(x),
    "linalg.matrix_transpose": lambda x, v: np.linalg.matrix_transpose(x),
    "linalg.tensordot": lambda x, v: np.linalg.tensordot(x, x),
    "linalg.solve": lambda x, v: (
        np.linalg.solve(spd(x), x),
        np.linalg.solve(spd(x), v[:3]),
        np.linalg.solve(np.stack([spd(x), I3]), np.stack([x, x])),
    ),
    "linalg.inv": lambda x, v: np.linalg.inv(np.stack([spd(x), spd(2 * x)])),
    "linalg.det": lambda x, v: (np.linalg.det(spd(x)), np.linalg.det(np.stack([spd(x), spd(2 * x)]))),
    "linalg.slogdet": lambda x, v: (np.linalg.slogdet(spd(x)).logabsdet, np.linalg.slogdet(np.stack([spd(x)]))[1]),
    "linalg.cholesky": lambda x, v: (np.linalg.cholesky(spd(x)), np.linalg.cholesky(spd(x), upper=True)),
    "linalg.pinv": lambda x, v: (np.linalg.pinv(x), np.linalg.pinv(x.T)),
    "linalg.lstsq": lambda x, v: (*np.linalg.lstsq(x.T, v, rcond=None)[:2], np.linalg.lstsq(x, v[:3], rcond=None)[0]),
    "fft.fft": lambda x, v: (np.fft.fft(v).real, np.fft.fft(x, axis=0).imag, np.abs(np.fft.fft(v, 6)) ** 2),
    "fft.ifft": lambda x, v: (np.fft.ifft(np.fft.fft(v) * (1 + 2j)).real, np.fft.ifft(v).imag),
    "fft.rfft": lambda x, v: (np.fft.rfft(v).real, np.fft.rfft(x[:, :3], norm="ortho").imag),
    "fft.irfft": lambda x, v: (np.fft.irfft(SPECTRUM * np.fft.rfft(v), 4), np.fft.irfft(np.fft.rfft(v, 5), 5)),
    "fft.fft2": lambda x, v: np.abs(np.fft.fft2(x)) ** 2,
    "fft.ifft2": lambda x, v: np.fft.ifft2(np.fft.fft2(x) * 1j).imag,
    "fft.fftn": lambda x, v: np.fft.fftn(x).real,
    "fft.ifftn": lambda x, v: np.fft.ifftn(x).imag,
    "fft.rfft2": lambda x, v: np.fft.rfft2(x).imag,
    "fft.irfft2": lambda x, v: np.fft.irfft2(np.fft.rfft2(x)),
    "fft.fftshift": lambda x, v: np.fft.fftshift(x),
    "fft.ifftshift": lambda x, v: np.fft.ifftshift(x, axes=1),
}
# the limits of iterations that start at the floats: nodes alone have them
REFINED: dict[str, Code] = {
    "linalg.eigh": lambda x, v: (np.linalg.eigh(spd(x))[0], np.abs(np.linalg.eigh(spd(x)).eigenvectors)),
    "linalg.eigvalsh": lambda x, v: np.linalg.eigvalsh(np.stack([spd(x), spd(2 * x)])),
    "linalg.svd": lambda x, v: (np.linalg.svd(x, compute_uv=False), *map(abs, np.linalg.svd(x.T, full_matrices=False))),
    "linalg.svdvals": lambda x, v: np.linalg.svd(spd(x))[1],
    "linalg.qr": lambda x, v: (*np.linalg.qr(x.T), np.linalg.qr(x, mode="r")),
    "scipy.linalg.expm": lambda x, v: scipy.linalg.expm(x[:, :3]),
    "scipy.linalg.eigh": lambda x, v: scipy.linalg.eigh(spd(x), eigvals_only=True),
    "scipy.linalg.eigvalsh": lambda x, v: scipy.linalg.eigvalsh(spd(x)),
    "scipy.linalg.svd": lambda x, v: scipy.linalg.svd(x, full_matrices=False)[1],
    "scipy.linalg.svdvals": lambda x, v: scipy.linalg.svdvals(x),
    "scipy.linalg.qr": lambda x, v: scipy.linalg.qr(x.T, mode="economic"),
    "a matrix norm": lambda x, v: (np.linalg.norm(x, 2), np.linalg.norm(x, "nuc")),
}

norm = scipy.stats.norm
OF_SCIPY: dict[str, Code] = {
    "scipy.special.softmax": lambda x, v: (scipy.special.softmax(x, axis=1), scipy.special.softmax(v)),
    "scipy.special.logsumexp": lambda x, v: (
        scipy.special.logsumexp(x),
        scipy.special.logsumexp(x, axis=1, keepdims=True),
        scipy.special.logsumexp(x, axis=0, b=2.0),
    ),
    "scipy.special.log_softmax": lambda x, v: scipy.special.log_softmax(x, axis=0),
    "scipy.special.polygamma": lambda x, v: [scipy.special.polygamma(n, v) for n in range(4)],
    "scipy.special.multigammaln": lambda x, v: scipy.special.multigammaln(v[0] + 2, 3),
    "scipy.special of a sum": lambda x, v: (
        scipy.special.gammaln(np.sum(v)),
        scipy.special.digamma(v[0]),
        scipy.special.expit(np.mean(x)),
        scipy.special.xlogy(v[0], v[1]),
        scipy.special.erf([v[0], v[1]]),
    ),
    "scipy.linalg.cholesky": lambda x, v: (scipy.linalg.cholesky(spd(x)), scipy.linalg.cholesky(spd(x), lower=True)),
    "scipy.linalg.cho_factor": lambda x, v: [  # the other triangle holds anything: in some versions 0, in some not
        np.tril(scipy.linalg.cho_factor(spd(x), lower=True)[0]),
        np.triu(scipy.linalg.cho_factor(spd(x), lower=False)[0]),
    ],
    "scipy.linalg.cho_solve": lambda x, v: [
        scipy.linalg.cho_solve(scipy.linalg.cho_factor(spd(x), lower=low), x) for low in (True, False)
    ],
    "scipy.linalg.solve_triangular": lambda x, v: (
        scipy.linalg.solve_triangular(spd(x), x),
        scipy.linalg.solve_triangular(spd(x), v[:3], lower=True),
        scipy.linalg.solve_triangular(spd(x), v[:3], trans="T", unit_diagonal=True),
    ),
    "scipy.linalg.solve": lambda x, v: (
        scipy.linalg.solve(spd(x), x, assume_a="pos"),
        scipy.linalg.solve(spd(x) + np.triu(x[:, :3]), v[:3]),
        scipy.linalg.solve(spd(x) + np.triu(x[:, :3]), v[:3], transposed=True),
    ),
    "scipy.linalg.inv": lambda x, v: scipy.linalg.inv(spd(x)),
    "scipy.linalg.det": lambda x, v: scipy.linalg.det(spd(x)),
    "scipy.linalg.pinv": lambda x, v: scipy.linalg.pinv(x),
    "scipy.linalg.lstsq": lambda x, v: scipy.linalg.lstsq(x.T, v)[0],
    "scipy.linalg.norm": lambda x, v: (scipy.linalg.norm(v), scipy.linalg.norm(x, 1)),
    "scipy.linalg.block_diag": lambda x, v: scipy.linalg.block_diag(x, v, 2.0),
    "scipy.spatial.distance.cdist": lambda x, v: (
        *(distance.cdist(x, 2 * x[:2], m) for m in ("euclidean", "sqeuclidean", "cityblock", "chebyshev", "cosine")),
        distance.cdist(x, x + 1, "minkowski", p=3),
        distance.cdist(x, x + 1, "mahalanobis", VI=np.diag([1.0, 2.0, 3.0, 4.0])),
        distance.cdist(x, x + 1, "seuclidean", V=np.array([1.0, 2.0, 3.0, 4.0])),
    ),
    "scipy.spatial.distance.pdist": lambda x, v: (distance.pdist(x), distance.pdist(x, "correlation")),
    "scipy.spatial.distance.squareform": lambda x, v: (
        distance.squareform(distance.pdist(x)),
        distance.squareform(distance.squareform(v[:3])),
    ),
    "scipy.spatial.distance.euclidean": lambda x, v: distance.euclidean(x[0], v),
    "scipy.spatial.distance.sqeuclidean": lambda x, v: distance.sqeuclidean(x[0], v),
    "scipy.spatial.distance.cityblock": lambda x, v: distance.cityblock(x[0], v),
    "scipy.spatial.distance.chebyshev": lambda x, v: distance.chebyshev(x[0], v),
    "scipy.spatial.distance.cosine": lambda x, v: distance.cosine(x[0], v),
    "scipy.spatial.distance.correlation": lambda x, v: distance.correlation(x[0], v),
    "scipy.spatial.distance.minkowski": lambda x, v: distance.minkowski(x[0], v, 3),
    "scipy.signal.convolve": lambda x, v: (
        *(scipy.signal.convolve(v, x[0, :3], mode) for mode in ("full", "same", "valid")),
        scipy.signal.convolve(x, KERNEL, "same"),
    ),
    "scipy.signal.fftconvolve": lambda x, v: scipy.signal.fftconvolve(v, x[0]),
    "scipy.signal.oaconvolve": lambda x, v: scipy.signal.oaconvolve(v, x[0], "valid"),
    "scipy.signal.correlate": lambda x, v: (
        *(scipy.signal.correlate(v, x[0, :3], mode) for mode in ("full", "same", "valid")),
        scipy.signal.correlate(x[0, :3], v, "valid"),
        scipy.signal.correlate(x, KERNEL, "same"),
        scipy.signal.correlate(KERNEL, x, "valid"),
    ),
    "scipy.signal.convolve2d": lambda x, v: [scipy.signal.convolve2d(x, KERNEL, m) for m in ("full", "same", "valid")],
    "scipy.signal.correlate2d": lambda x, v: [
        scipy.signal.correlate2d(x, KERNEL, m) for m in ("full", "same", "valid")
    ],
    "scipy.signal.lfilter": lambda x, v: (
        scipy.signal.lfilter([1.0, 0.5], [2.0, -0.3], v),
        scipy.signal.lfilter(v[:2], v[2:], x, axis=0),
    ),
    "scipy.ndimage.correlate": lambda x, v: [
        scipy.ndimage.correlate(x, I3 + 0.5, mode=m) for m in ("reflect", "constant", "nearest", "mirror", "wrap")
    ],
    "scipy.ndimage.convolve": lambda x, v: scipy.ndimage.convolve(x, np.arange(9.0).reshape(3, 3)),
    "scipy.ndimage.correlate1d": lambda x, v: scipy.ndimage.correlate1d(x, [1.0, 2.0, -1.0], axis=0),
    "scipy.ndimage.convolve1d": lambda x, v: scipy.ndimage.convolve1d(x, [1.0, 2.0, -1.0]),
    "scipy.stats.norm": lambda x, v: (
        *(f(x) for f in (norm.pdf, norm.logpdf, norm.cdf, norm.logcdf, norm.sf, norm.logsf, norm.ppf, norm.isf)),
        norm.pdf(v, 0.5, 2.0),
        norm.logpdf(v, loc=x[0], scale=v),
        norm(0.5, 2.0).cdf(v),
    ),
    "statistics.mean": lambda x, v: statistics.mean(v),
    "statistics.fmean": lambda x, v: (statistics.fmean(v), statistics.fmean([v[0], 2.0])),
}

# keywords and methods, and Python's operators on scalars
FORMS: dict[str, Code] = {
    "where=": lambda x, v: (np.sum(x, where=AT > 0.5), np.mean(x, axis=1, where=AT > 0.5), np.prod(x, where=AT > 2)),
    "initial=": lambda x, v: (np.sum(v, initial=2.0), np.prod(v, initial=2.0), np.max(x, axis=0, initial=0.5)),
    "max where=": lambda x, v: np.max(x, axis=1, where=AT > 0.5, initial=0.0),
    "var where=": lambda x, v: np.var(x, axis=1, where=AT > 0.5),
    "correction=": lambda x, v: (np.var(v, correction=1), np.std(x, axis=0, correction=1)),
    "offset=": lambda x, v: (np.diagonal(x, offset=1), np.trace(x, offset=-1)),
    "order=": lambda x, v: (np.ravel(x, order="F"), x.reshape(12, order="F"), x.flatten("F"), x.ravel("F")),
    "flat": lambda x, v: (sum(a * a for a in x.flat), in_place(x, lambda a: a.flat.__setitem__(slice(2, 4), v[:2]))),
    "tolist": lambda x, v: sum(a * a for row in x.tolist() for a in row),
    "sort": lambda x, v: in_place(x, lambda a: a.sort(axis=0)),
    "fill": lambda x, v: in_place(x, lambda a: a.fill(0.5)) * x,
    "mT": lambda x, v: x.mT * 1,
    "% of scalars": lambda x, v: (7 * v[0] % 2.0, 5.0 % v[1], divmod(5 * v[2], v[3])[1]),
    "divmod": lambda x, v: np.divmod(5 * x, v)[1],
    "hypot of large and of tiny numbers": lambda x, v: (
        np.hypot(x * 1e200, v * 1e200) * 1e-200,
        np.hypot(x * 1e-200, 0.5e-200) * 1e200,
    ),
    "fmax of nan": lambda x, v: (np.fmax(v, [np.nan, 0.5, 2.0, np.nan]), np.fmin(v, [np.nan, 0.5, 2.0, np.nan])),
    "nan among the numbers": lambda x, v: (
        np.nansum(np.where(AT > 2, np.nan, x)),
        np.nanmean(np.where(AT > 2, np.nan, x), axis=1),
        np.nanvar(np.where(AT > 2, np.nan, x), axis=1),
    ),
    "vectorize": lambda x, v: (
        np.vectorize(lambda t: math.exp(t), otypes=[float])(x),
        np.vectorize(lambda t, s: t * s if t > 0.5 else 0.0)(x, v),
    ),
    "nditer": lambda x, v: sum(a * a for a in np.nditer(x)),
    "ndenumerate": lambda x, v: sum((i + 2 * j) * a for (i, j), a in np.ndenumerate(x)),
}


def in_place(x: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of x, changed."""
    x = x.copy()
    change(x)
    return x

"""Costs made of NumPy's and SciPy's larger functions: the right gradient passes, and one with an error does not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import linalg, ndimage, signal, sparse, special, stats
from scipy.spatial.distance import cdist, pdist

from compare.report.report import DATA, DIFFERENT, DIGITS, PROVED
from tests.compare.verdict.judging import judged

RNG = np.random.default_rng(12)
V, W, Y = RNG.uniform(0.3, 0.9, 4), RNG.normal(size=(4, 3)), RNG.normal(size=4)
A = RNG.normal(size=(3, 3)) + 4 * np.eye(3)
S = RNG.normal(size=(4, 4)) * (RNG.random((4, 4)) > 0.5)
SPARSE = sparse.csr_matrix(S)
Code = Callable[..., Any]


def spd(x: Any) -> Any:
    return x.T @ x + np.diag([1.0, 2.0, 4.0])


def through_spd(x: Any, G: Any) -> Any:
    """The gradient by x of what has the gradient G by spd(x)."""
    return x @ (G + G.T)


def cholesky_likelihood(x: Any) -> Any:
    factor = linalg.cho_factor(spd(x), lower=True)
    return 0.5 * A[0] @ linalg.cho_solve(factor, A[0]) + np.sum(np.log(np.diag(factor[0])))


def of_cholesky_likelihood(x: Any) -> Any:
    factor = linalg.cho_factor(spd(x), lower=True)
    a = linalg.cho_solve(factor, A[0])
    return through_spd(x, 0.5 * (linalg.cho_solve(factor, np.eye(3)) - np.outer(a, a)))


def of_triangular(x: Any) -> Any:
    z = linalg.solve_triangular(x, A[0], lower=True)
    return -np.tril(np.outer(linalg.solve_triangular(x, 2 * z, lower=True, trans="T"), z))


def of_interp(v: Any) -> Any:
    k = np.array([0, 1, 2])
    share = np.array([0.25, 0.5, 0.75])
    d = 2 * ((1 - share) * v[k] + share * v[k + 1])
    g = np.zeros(4)
    np.add.at(g, k, d * (1 - share))
    np.add.at(g, k + 1, d * share)
    return g


def of_gradient(v: Any) -> Any:
    d = 2 * np.gradient(v)
    return np.array([-d[0] - d[1] / 2, d[0] - d[2] / 2, d[1] / 2 - d[3], d[2] / 2 + d[3]])


def of_dirichlet(v: Any) -> Any:
    return special.digamma(v) - special.digamma(v.sum()) - Y


def of_probit(v: Any) -> Any:
    z = S @ v
    return -S.T @ (stats.norm.pdf(z) / stats.norm.cdf(z))


def of_log_probit(v: Any) -> Any:
    z = S @ v
    return -S.T @ np.exp(stats.norm.logpdf(z) - special.log_ndtr(z))


def of_soft_targets(x: Any) -> Any:
    d = special.softmax(x, axis=1) - 1 / 3
    return d / 4


def of_kernel(x: Any) -> Any:
    k = np.exp(-cdist(x, x[:0].sum(axis=0) + A, "sqeuclidean"))
    return -2 * (k.sum(axis=1)[:, None] * x - k @ A)


def of_pairs(x: Any) -> Any:
    difference = x[:, None, :] - x[None, :, :]
    square = np.sum(difference**2, axis=-1)
    return 4 * np.sum(2 * square[:, :, None] * difference, axis=1) / 2


def of_spectrum(v: Any) -> Any:
    z = np.fft.rfft(v)
    return 2 * 4 * np.fft.irfft(z * np.array([1.0, 0.5, 1.0]) * np.arange(3.0), 4)


def of_filter(v: Any) -> Any:
    y = signal.lfilter([1.0, 0.5], [1.0, -0.25], v)
    return signal.lfilter([1.0, 0.5], [1.0, -0.25], (3 * y**2)[::-1])[::-1]


def of_blur(x: Any) -> Any:
    return ndimage.correlate(2 * ndimage.convolve(x, A, mode="constant"), A, mode="constant")


def of_eigenvalues(x: Any) -> Any:
    w, U = np.linalg.eigh(spd(x))
    return through_spd(x, U @ np.diag(1 / w**2) @ U.T / -1)


def of_nuclear_norm(x: Any) -> Any:
    U, _, Vh = np.linalg.svd(x, full_matrices=False)
    return U @ Vh


def of_least_squares(x: Any) -> Any:
    r = Y - x @ np.linalg.lstsq(x, Y, rcond=None)[0]
    return -2 * np.outer(r, np.linalg.lstsq(x, Y, rcond=None)[0])


def of_inverse_square(x: Any) -> Any:
    P = np.linalg.matrix_power(x, -1)
    return -(P.T @ P.T @ P.T + P.T @ P.T @ P.T)


def of_acyclicity(x: Any) -> Any:
    return linalg.expm(x * x).T * 2 * x


def of_quantile(v: Any) -> Any:
    order = np.argsort(v)
    g = np.zeros(4)
    g[order[0]], g[order[1]] = 0.25, 0.75
    return 2 * np.quantile(v, 0.25) * g


def of_covariance(x: Any) -> Any:
    return 4 * np.cov(x) @ (x - x.mean(axis=1, keepdims=True)) / 2


def of_sparse(v: Any) -> Any:
    return SPARSE.T @ (2 * (SPARSE @ v)) + SPARSE @ (2 * (v @ SPARSE))


def of_counts(v: Any) -> Any:
    return 2 * np.bincount([0, 1, 1, 0], weights=v)[[0, 1, 1, 0]]


def of_math(v: Any) -> Any:
    r = math.dist(v[:2], [1.0, 2.0])
    slopes = special.digamma(v[2]), -2 / math.sqrt(math.pi) * math.exp(-(v[3] ** 2))
    return np.array([(v[0] - 1) / r, (v[1] - 2) / r, *slopes])


def of_divergence(v: Any) -> Any:
    return np.log(v / 0.4) - special.entr(v) * 0


CASES: dict[str, tuple[Code, Code, Any]] = {
    "cho_solve": (cholesky_likelihood, of_cholesky_likelihood, W),
    "solve_triangular": (lambda x: np.sum(linalg.solve_triangular(x, A[0], lower=True) ** 2), of_triangular, A),
    "interp": (lambda v: np.sum(np.interp([0.25, 1.5, 2.75], np.arange(4.0), v) ** 2), of_interp, V),
    "gradient": (lambda v: np.sum(np.gradient(v) ** 2), of_gradient, V),
    "gammaln": (lambda v: np.sum(special.gammaln(v)) - special.gammaln(np.sum(v)) - Y @ v, of_dirichlet, V),
    "norm.cdf": (lambda v: -np.sum(np.log(stats.norm.cdf(S @ v))), of_probit, V),
    "norm.logcdf": (lambda v: -np.sum(stats.norm.logcdf(S @ v)), of_log_probit, V),
    "log_softmax": (lambda x: -np.mean(special.log_softmax(x, axis=1) @ np.ones(3) / 3), of_soft_targets, W),
    "cdist": (lambda x: np.sum(np.exp(-cdist(x, A, "sqeuclidean"))), of_kernel, W),
    "pdist": (lambda x: np.sum(pdist(x, "sqeuclidean") ** 2), of_pairs, W),
    "rfft": (lambda v: np.sum(np.abs(np.fft.rfft(v)) ** 2 * np.arange(3.0)), of_spectrum, V),
    "lfilter": (lambda v: np.sum(signal.lfilter([1.0, 0.5], [1.0, -0.25], v) ** 3), of_filter, V),
    "ndimage": (lambda x: np.sum(ndimage.convolve(x, A, mode="constant") ** 2), of_blur, W),
    "eigh": (lambda x: np.sum(1 / np.linalg.eigvalsh(spd(x))), of_eigenvalues, W),
    "svd": (lambda x: np.sum(np.linalg.svd(x, compute_uv=False)), of_nuclear_norm, W),
    "lstsq": (lambda x: np.sum((Y - x @ np.linalg.lstsq(x, Y, rcond=None)[0]) ** 2), of_least_squares, W),
    "matrix_power": (lambda x: np.trace(np.linalg.matrix_power(x, -2)), of_inverse_square, A),
    "expm": (lambda x: np.trace(linalg.expm(x * x)), of_acyclicity, A[:2, :2] / 5),
    "quantile": (lambda v: np.quantile(v, 0.25) ** 2, of_quantile, V),
    "cov": (lambda x: np.sum(np.cov(x) ** 2), of_covariance, W.T[:, :3]),
    "sparse": (lambda v: np.sum((SPARSE @ v) ** 2) + np.sum((v @ SPARSE) ** 2), of_sparse, V),
    "bincount": (lambda v: np.sum(np.bincount([0, 1, 1, 0], weights=v) ** 2), of_counts, V),
    "math": (lambda v: math.dist(v[:2], [1.0, 2.0]) + math.lgamma(v[2]) + math.erfc(v[3]), of_math, V),
    "kl_div": (lambda v: np.sum(special.kl_div(v, 0.4)), of_divergence, V),
}


@pytest.mark.parametrize("name", CASES)
def test_right_passes_and_an_error_in_one_entry_does_not(name: str) -> None:
    cost, gradient, point = CASES[name]
    (row,) = judged(cost, gradient, point).rows
    assert row.verdict in (PROVED, DIGITS, DATA)

    def wrong(x: Any) -> Any:
        found = np.array(gradient(x))
        found.flat[planted] *= 1.0000001
        return found

    planted = np.argmax(np.abs(gradient(point)))
    (row,) = judged(cost, wrong, point).rows
    assert (row.verdict, row.size - row.equal) == (DIFFERENT, 1)

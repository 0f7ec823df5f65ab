"""NumPy's idioms, unmodified, leave a graph with the right gradients; what cannot be recorded is refused by name."""

# ruff: noqa: NPY002
from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy import empty, exp, zeros
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from autograd import Value, gradients, values
from autograd.number.vocabulary import shadows
from autograd.record.running import recording
from autograd.record.values import ValueArray
from compare.subject.arithmetic import precise

rng = np.random.default_rng(0)
A, B, C, v = rng.normal(size=(3, 4)), rng.normal(size=(4, 5)), rng.normal(size=(3, 4)), rng.normal(size=4)
S = rng.normal(size=(3, 3)) + 3 * np.eye(3)
P = np.abs(A) + 0.5
mask, idx = C > 0, np.array([0, 2, 1])
IDIOMS: dict[str, tuple[Callable[[Any], Any], Any]] = {}


def at(point: Any) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Test a cost at this point."""

    def noted(cost: Callable[[Any], Any]) -> Callable[[Any], Any]:
        IDIOMS[cost.__name__] = cost, point
        return cost

    return noted


def w(x: Any) -> Any:
    """A sum with weights of its own for each entry."""
    return np.sum(np.sin(1 + np.arange(math.prod(x.shape))).reshape(x.shape) * x)


@at(A)
def dot(x):
    return w(np.dot(x, B))


@at(A)
def dot_method(x):
    return w(x.dot(B))


@at(A)
def matmul(x):
    return w(x @ B)


@at(A)
def rmatmul(x):
    return w(B.T @ x.T)


@at(A)
def matmul_batch(x):
    return w(np.stack([x, x * 2]) @ B)


@at(A)
def einsum(x):
    return w(np.einsum("ij,jk->ik", x, B))


@at(A)
def einsum_opt(x):
    return w(np.einsum("ij,jk,kl->il", x, B, B.T, optimize=True))


@at(A)
def tensordot(x):
    return w(np.tensordot(x, B, axes=1))


@at(A)
def tensordot2(x):
    return np.tensordot(x, C, axes=2) * 1.0


@at(v)
def outer(x):
    return w(np.outer(x, x * 2))


@at(v)
def outer2(x):
    return w(np.outer(C[0], x))


@at(v)
def inner(x):
    return np.inner(x, v) * np.vdot(x, x)


@at(v)
def kron(x):
    return w(np.kron(x, v))


@at(v)
def cross(x):
    return w(np.cross(x[:3], C[1, :3]))


@at(v)
def convolve(x):
    return w(np.convolve(x, np.array([1.0, 2.0, 3.0])))


@at(v)
def convolve_same(x):
    return w(np.convolve(x, np.array([1.0, 2.0, 3.0]), "same"))


@at(v)
def correlate(x):
    return w(np.correlate(x, np.array([1.0, 2.0]), "full"))


@at(v)
def broadcast_to(x):
    return w(np.broadcast_to(x, (3, 4)) * C)


@at(A)
def fancy(x):
    return w(x[idx, np.array([1, 3, 3])])


@at(A)
def fancy2(x):
    return w(x[np.arange(3), idx] ** 2)


@at(A)
def boolean(x):
    return w(x[mask])


@at(A)
def boolean_self(x):
    return w(x[x > 0] ** 2)


@at(A)
def take(x):
    return w(np.take(x, idx, axis=1))


@at(A)
def take_along(x):
    return w(np.take_along_axis(x, np.argsort(C, axis=1), axis=1))


@at(A)
def np_ix(x):
    return w(x[np.ix_([0, 2], [1, 3])])


@at(A)
def assign_zeros(x):
    h = np.zeros((3, 4))
    h[:, 1] = x[:, 0]
    h[0] += x[1] * 2
    return w(h**2)


@at(A)
def assign_empty(x):
    h = np.empty((3, 4))
    for i in range(3):
        for j in range(4):
            h[i, j] = x[i, j] ** 2
    return w(h)


@at(A)
def assign_ones(x):
    h = np.ones_like(x)
    h[1] *= x[1]
    return w(h)


@at(A)
def assign_full(x):
    h = np.full((3, 4), 0.5)
    h[:2] = x[:2]
    return w(h**2)


@at(A)
def zeros_dtype(x):
    h = np.zeros(x.shape, dtype=np.float64)
    h += x
    return w(h**2)


@at(A)
def zeros_xdtype(x):
    h = np.zeros(x.shape, dtype=x.dtype)
    h += x
    return w(h**2)


@at(A)
def zeros_float32(x):
    h = np.zeros(x.shape, dtype="float64")
    h[0, 0] = x[0, 0]
    h[...] = x * h[0, 0]
    return w(h)


@at(A)
def out_kw(x):
    h = np.empty((3, 4))
    np.multiply(x, x, out=h)
    np.exp(h, out=h)
    return w(h)


@at(A)
def out_dot(x):
    h = np.empty((3, 5))
    np.dot(x, B, out=h)
    return w(h**2)


@at(A)
def out_matmul(x):
    h = np.empty((3, 5))
    np.matmul(x, B, out=h)
    return w(h**2)


@at(A)
def out_maximum(x):
    h = np.zeros((3, 4))
    np.maximum(x, 0, out=h)
    return w(h)


@at(A)
def out_sum(x):
    h = np.zeros(4)
    np.sum(x, axis=0, out=h)
    return w(h**2)


@at(A)
def out_where(x):
    h = np.zeros((3, 4))
    np.divide(C, x, out=h, where=mask)
    return w(h)


@at(A)
def inplace_ops(x):
    h = x.copy()
    h += C
    h *= 2
    h -= 1
    h /= 3
    h **= 2
    return w(h)


@at(A)
def add_at(x):
    h = np.zeros(5)
    np.add.at(h, np.array([0, 1, 1, 4]), x[0])
    return w(h**2)


@at(A)
def subtract_at(x):
    h = np.zeros((3, 4))
    np.subtract.at(h, (np.array([0, 0, 2]), np.array([1, 1, 3])), x[:, 0])
    return w(h**2)


@at(A)
def pad(x):
    return w(np.pad(x, ((1, 1), (0, 2))) ** 2)


@at(A)
def pad_edge(x):
    return w(np.pad(x, 1, mode="edge"))


@at(A)
def pad_reflect(x):
    return w(np.pad(x, 1, mode="reflect"))


@at(A)
def pad_const(x):
    return w(np.exp(np.pad(x, 1, mode="constant", constant_values=0.0)))


@at(A)
def strided(x):
    s = x.strides
    win = as_strided(x, shape=(2, 2, 2, 3), strides=(s[0], s[1], s[0], s[1]))
    return w(win**2)


@at(A)
def np_strided(x):
    s = x.strides
    win = np.lib.stride_tricks.as_strided(x, (2, 2, 2, 3), (s[0], s[1], s[0], s[1]))
    return w(win**2)


@at(A)
def sliding(x):
    return w(sliding_window_view(x, (2, 2)) * np.array([[1.0, 2.0], [3.0, 4.0]]))


@at(A)
def strided_itemsize(x):
    n = x.itemsize
    win = as_strided(x, (2, 2, 2, 3), (4 * n, n, 4 * n, n))
    return w(win**2)


@at(A)
def strided_8(x):
    win = as_strided(x, (2, 2, 2, 3), (32, 8, 32, 8))
    return w(win**2)


@at(A)
def split(x):
    a, b = np.split(x, 2, axis=1)
    return w(a * np.exp(b))


@at(A)
def hsplit(x):
    a, b = np.hsplit(x, 2)
    return w(a * b)


@at(A)
def array_split(x):
    a, b, c = np.array_split(x, 3, axis=1)
    return w(a) + w(b * 2) + w(c)


@at(A)
def concat(x):
    return w(np.concatenate([x, C], axis=0) ** 2)


@at(A)
def concat1(x):
    return w(np.concatenate((C, x), axis=1) ** 2)


@at(A)
def stack(x):
    return w(np.stack([x, C, x * x], axis=1))


@at(A)
def vstack(x):
    return w(np.vstack([x, C])) + w(np.hstack([x, C]))


@at(A)
def c_(x):
    return w(np.c_[x, np.ones(3)] ** 2)


@at(A)
def r_(x):
    return w(np.r_[x[0], 1.0, x[1]])


@at(A)
def column_stack(x):
    return w(np.column_stack([x[:, 0], np.ones(3)]))


@at(A)
def append(x):
    return w(np.append(x, np.ones((3, 1)), axis=1))


@at(A)
def insert(x):
    return w(np.insert(x, 0, 1.0, axis=1))


@at(A)
def swapaxes(x):
    return w(np.swapaxes(x, 0, 1)) + w(x.transpose()) + w(np.moveaxis(x, 0, 1))


@at(A)
def reshape(x):
    return w(x.reshape(-1, 2)) + w(x.ravel()) + w(x.flatten()) + w(np.reshape(x, (2, 6)))


@at(A)
def roll(x):
    return w(np.roll(x, 1, axis=1)) + w(np.flip(x, 0)) + w(x[::-1]) + w(np.rot90(x)) + w(np.fliplr(x))


@at(A)
def tile(x):
    return w(np.tile(x, (2, 1))) + w(np.repeat(x, 2, axis=0))


@at(A)
def triu(x):
    return w(np.triu(x)) + w(np.tril(x, -1))


@at(A)
def diag(x):
    return w(np.diag(x[0])) + w(np.diag(x[:3, :3])) + np.trace(x)


@at(A)
def where(x):
    return w(np.where(x > 0, x, 0.1 * x))


@at(A)
def where2(x):
    return w(np.where(mask, x**2, 0))


@at(A)
def select(x):
    return w(np.select([x < -0.5, x > 0.5], [x * 2, x**2], default=0.3))


@at(A)
def select2(x):
    return w(np.select([x < -0.5, x > 0.5], [-x, x], x**2))


@at(A)
def piecewise(x):
    return w(np.piecewise(x, [x < 0, x >= 0], [lambda z: 0.1 * z, lambda z: z**2]))


@at(A)
def clip(x):
    return w(np.clip(x, -0.5, 0.5))


@at(A)
def clip_method(x):
    return w(x.clip(-0.5, 0.5))


@at(P)
def clip_log(x):
    return w(np.log(np.clip(x, 1e-12, 1 - 1e-12) + 0 * x) + x)


@at(A)
def np_max(x):
    return np.max(x) + w(np.max(x, axis=0)) + w(x.max(axis=1, keepdims=True)) + np.min(x)


@at(A)
def amax(x):
    return np.amax(x) + np.ptp(x)


@at(A)
def np_argmax(x):
    return w(x[np.arange(3), np.argmax(x, axis=1)]) + x.flat[np.argmax(x)]


@at(A)
def argmax_unravel(x):
    i, j = np.unravel_index(np.argmax(x), x.shape)
    return x[i, j] ** 2


@at(A)
def sort(x):
    return w(np.sort(x, axis=1))


@at(A)
def sort_method(x):
    h = x.copy()
    h.sort(axis=0)
    return w(h)


@at(A)
def argsort(x):
    return w(x[0][np.argsort(x[0])])


@at(A)
def argpartition(x):
    return w(np.take_along_axis(x, np.argsort(-x, axis=1)[:, :2], axis=1))


@at(A)
def partition(x):
    return w(np.sort(np.partition(x, 2, axis=1)[:, :2], axis=1))


@at(A)
def median(x):
    return np.median(x) + w(np.median(x, axis=0))


@at(A)
def var(x):
    return np.var(x) + w(np.var(x, axis=0, ddof=1)) + w(x.var(axis=1, keepdims=True))


@at(A)
def std(x):
    return np.std(x) + w(np.std(x, axis=0, ddof=1)) + w(x.std(axis=1))


@at(A)
def mean(x):
    return np.mean(x) + w(x.mean(axis=0)) + np.average(x, weights=P) + np.average(x)


@at(A)
def cumsum(x):
    return w(np.cumsum(x, axis=1)) + w(x.cumsum()) + w(np.add.accumulate(x))


@at(A)
def cumprod(x):
    return w(np.cumprod(x, axis=1)) + np.prod(x) + w(x.prod(axis=0))


@at(A)
def diff(x):
    return w(np.diff(x, axis=1)) + w(np.ediff1d(x))


@at(A)
def norm(x):
    return np.linalg.norm(x) + w(np.linalg.norm(x, axis=1)) + w(np.linalg.norm(x, axis=1, keepdims=True))


@at(A)
def norm1(x):
    return w(np.linalg.norm(x, 1, axis=1)) + w(np.linalg.norm(x, ord=np.inf, axis=0)) + np.linalg.norm(x, "fro")


@at(A)
def norm3(x):
    return w(np.linalg.norm(x, 3, axis=1))


@at(A)
def inf_mask(x):
    s = np.where(mask, x, -np.inf)
    s = s - s.max(axis=1, keepdims=True)
    e = np.exp(s)
    return w(e / e.sum(axis=1, keepdims=True))


@at(A)
def inf_mask2(x):
    m = np.triu(np.full((3, 4), -np.inf), k=2)
    s = x + m
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return w(e / e.sum(-1, keepdims=True))


@at(A)
def big_mask(x):
    s = np.where(mask, x, -1e9)
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return w(e / e.sum(axis=1, keepdims=True))


@at(A)
def stable_sigmoid(x):
    out = np.empty_like(x)
    p = x >= 0
    out[p] = 1 / (1 + np.exp(-x[p]))
    z = np.exp(x[~p])
    out[~p] = z / (1 + z)
    return w(out)


@at(A)
def stable_sigmoid2(x):
    return w(np.where(x >= 0, 1 / (1 + np.exp(-x)), np.exp(x) / (1 + np.exp(x))))


@at(A)
def vectorize_sigmoid(x):
    return w(np.vectorize(lambda z: 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z)))(x))


@at(A)
def lse(x):
    m = np.max(x, axis=1, keepdims=True)
    return w(m + np.log(np.sum(np.exp(x - m), axis=1, keepdims=True)))


@at(A)
def squeeze_cost(x):
    return np.squeeze(np.sum(x**2, keepdims=True))


@at(A)
def squeeze2(x):
    return np.squeeze(np.dot(x[:1], x[:1].T))


@at(A)
def item_cost(x):
    return np.sum(x**2).item()


@at(A)
def loop_if(x):
    J = 0.0
    for row in x:
        for z in row:
            if z > 0:
                J += z**2
            elif -z > 0.2:
                J -= z
            else:
                J += 0.1 * z
    return J


@at(A)
def loop_flat(x):
    J = 0
    for z in x.flat:
        J = J + max(z, 0) * 1.5
    return J


@at(A)
def nditer(x):
    J = 0
    for i, z in np.ndenumerate(x):
        J = J + (i[0] + 1) * z**2
    return J


@at(A)
def builtin_sum(x):
    return sum(sum(x**2))


@at(S)
def inv(x):
    return w(np.linalg.inv(x))


@at(S)
def det(x):
    return np.linalg.det(x)


@at(S)
def slogdet(x):
    return np.linalg.slogdet(x)[1]


@at(S)
def solve(x):
    return w(np.linalg.solve(x, np.array([1.0, 2.0, 3.0])))


@at(S)
def solve2(x):
    return w(np.linalg.solve(np.eye(3) * 2 + C[:, :3], x))


@at(S)
def matrix_power(x):
    return w(np.linalg.matrix_power(x, 3))


@at(S)
def multi_dot(x):
    return w(np.linalg.multi_dot([x, A, B]))


@at(S)
def cholesky(x):
    return w(np.linalg.cholesky(x @ x.T))


@at(A)
def nan_checks(x):
    assert not np.isnan(x).any() and np.isfinite(x).all() and np.allclose(x, x) and not np.any(np.isnan(x))
    return w(x**2)


@at(A)
def nan_checks_scalar(x):
    J = np.sum(x**2)
    if np.isnan(J) or math.isnan(J) or not np.isfinite(J):
        raise ValueError
    return J


@at(A)
def nan_to_num(x):
    return w(np.nan_to_num(x))


@at(A)
def m_exp(x):
    return math.exp(x[0, 0]) + math.tanh(x[1, 1]) + math.sqrt(x[0, 1] ** 2) + math.log(x[1, 0] ** 2) + math.erf(x[0, 0])


@at(A)
def m_more(x):
    return (
        math.pow(x[0, 0], 2)
        + math.log2(x[0, 0] ** 2)
        + math.log10(x[0, 1] ** 2)
        + math.hypot(x[0, 0], x[0, 1])
        + math.fsum(x[0])
        + math.atan(x[0, 0])
    )


@at(A)
def from_imports(x):
    h = zeros((3, 4))
    h[0] = exp(x[0])
    g = empty(4)
    g[:] = x[1]
    return w(h) + w(g)


@at(A)
def local_import(x):
    import numpy as np

    h = np.zeros((3, 4))
    h[0] = np.exp(x[0])
    return np.sum(h * C)


@at(A)
def local_from(x):
    from numpy import zeros as zz

    h = zz((3, 4))
    h[0] = x[0] ** 2
    return np.sum(h * C)


@at(A)
def local_math(x):
    import math as mm

    return mm.exp(x[0, 0])


@at(A)
def apply_along(x):
    return w(np.apply_along_axis(lambda r: r / np.sum(r**2), 1, x))


@at(A)
def array_list(x):
    return w(np.array([[x[0, 0], 1.0], [x[1, 1], x[0, 1]]]))


@at(A)
def array_comp(x):
    return w(np.array([math.exp(z) for z in x.ravel()]))


@at(A)
def array_dtype(x):
    return w(np.array(x, dtype=np.float64) ** 2)


@at(A)
def array_dtype_float(x):
    return w(np.array(x, dtype=float) ** 2)


@at(A)
def atleast(x):
    return w(np.atleast_2d(x[0])) + w(np.expand_dims(x, 0)) + w(x[None]) + w(np.atleast_1d(x[0, 0]))


@at(A)
def meshy(x):
    return w(np.linspace(0, 1, 4) * x) + w(np.arange(4.0) * x)


@at(A)
def sign(x):
    return w(np.sign(x) * x)


@at(A)
def heaviside(x):
    return w(np.heaviside(x, 0.5) * x)


@at(A)
def absx(x):
    return w(np.abs(x)) + w(np.absolute(x)) + w(abs(x)) + w(np.fabs(x))


@at(A)
def relu_idioms(x):
    return (
        w(x * (x > 0))
        + w((x + np.abs(x)) / 2)
        + w(np.maximum(0, x))
        + w(np.where(x > 0, x, 0))
        + w(np.maximum(x, 0.01 * x))
    )


@at(A)
def relu_copy(x):
    h = np.copy(x)
    h[h < 0] = 0
    return w(h**2)


@at(A)
def relu_copy2(x):
    h = x.copy()
    h[h <= 0] = 0.0
    return w(np.exp(h))


@at(A)
def putmask(x):
    h = x.copy()
    np.putmask(h, h < 0, 0)
    return w(np.exp(h))


@at(A)
def copyto(x):
    h = np.zeros((3, 4))
    np.copyto(h, x)
    return w(h**2)


@at(A)
def fill_diag(x):
    h = x[:3, :3] @ x[:3, :3].T
    np.fill_diagonal(h, 0)
    return w(h)


@at(A)
def mod(x):
    return w(x % 1.0) + w(np.mod(x, 0.7))


@at(A)
def floor(x):
    return w(x - np.floor(x))


@at(P)
def powers(x):
    return (
        w(np.power(x, 2.5))
        + w(x**-1)
        + w(2**x)
        + w(np.power(2.0, x))
        + w(np.sqrt(x))
        + w(np.square(x))
        + w(np.reciprocal(x))
        + w(np.cbrt(x))
        + w(x**x)
    )


@at(P)
def logs(x):
    return w(np.log2(x)) + w(np.log10(x)) + w(np.log1p(x)) + w(np.exp2(x)) + w(np.expm1(x))


@at(A)
def trig(x):
    return (
        w(np.sin(x))
        + w(np.cos(x))
        + w(np.tan(x))
        + w(np.arctan(x))
        + w(np.sinh(x))
        + w(np.arcsin(x / 9))
        + w(np.arccos(x / 9))
    )


@at(P)
def trig2(x):
    return w(np.arctan2(x, C)) + w(np.arcsinh(x)) + w(np.arccosh(x + 1)) + w(np.arctanh(x / 9)) + w(np.hypot(x, C))


@at(A)
def sinc(x):
    return w(np.sinc(x)) + w(np.deg2rad(x)) + w(np.degrees(x))


@at(A)
def polyval(x):
    return w(np.polyval([1.0, 2.0, 3.0], x))


@at(A)
def quantile(x):
    return w(np.quantile(x, 0.3, axis=0))


@at(A)
def nansum(x):
    return np.nansum(x) + np.nanmean(x) + w(np.nansum(x, axis=0))


@at(A)
def nanmax(x):
    return np.nanmax(x)


@at(A)
def fromfunction(x):
    return w(np.fromfunction(lambda i, j: x[i.astype(int), j.astype(int)], (3, 4)))


@at(A)
def unique(x):
    return w(np.unique(x))


@at(A)
def nonzero(x):
    return w(x[np.nonzero(x > 0)]) + w(x[np.where(x > 0)]) + np.count_nonzero(x) * np.sum(x)


@at(A)
def anyall(x):
    return w(x) if np.any(x > 0) and not (x > 0).all() else 0 * w(x)


@at(A)
def matvec(x):
    return w(x @ v) + w(v @ x.T) + np.linalg.norm(x @ v)


@at(A)
def random_mask(x):
    np.random.seed(3)
    m = np.random.rand(*x.shape) < 0.5
    return w(x * m / 0.5)


@at(A)
def random_noise(x):
    r = np.random.default_rng(3)
    return w(x + r.normal(size=x.shape) * x)


@at(A)
def maximum_reduce(x):
    return (
        w(np.maximum.reduce(x, axis=0))
        + w(np.multiply.reduce(x))
        + w(np.minimum.reduce(x, axis=1))
        + w(np.maximum.accumulate(x, axis=1))
    )


@at(A)
def multiply_outer(x):
    return w(np.multiply.outer(x[0], v)) + w(np.subtract.outer(x[0], x[1]))


@at(A)
def add_reduceat(x):
    return w(np.add.reduceat(x[0], [0, 2]))


@at(A)
def sum_where(x):
    return np.sum(x, where=mask) + w(np.mean(x, axis=0, where=mask | True))


@at(A)
def sum_initial(x):
    return np.sum(x, initial=2.0) * np.max(x, initial=-9.0)


@at(A)
def sum_axes(x):
    return w(np.sum(x[None], axis=(0, 2))) + w(np.sum(x, axis=-1, keepdims=True))


@at(A)
def choose(x):
    return w(np.choose(mask.astype(int), [x, x**2]))


@at(A)
def compress(x):
    return w(np.compress([True, False, True], x, axis=0)) + w(np.extract(mask, x))


@at(A)
def delete(x):
    return w(np.delete(x, 1, axis=0))


@at(A)
def tolist(x):
    return sum(z * z for row in x.tolist() for z in row)


@at(A)
def lists(x):
    return sum(max(0, z) for z in list(x[0]))


@at(A)
def minmax_builtin(x):
    return max(x[0]) * min(x[1]) + max(x[0, 0], x[0, 1])


@at(A)
def item_idx(x):
    return x.item(0) * x.item((1, 2))


@at(A)
def ufunc_types(x):
    return (
        w(np.add(x, 1))
        + w(np.subtract(1, x))
        + w(np.divide(x, 2))
        + w(np.true_divide(1, x))
        + w(np.negative(x))
        + w(np.positive(x))
    )


@at(A)
def floatpow(x):
    return w(np.float64(2) * x) + w(np.float32(2) * x) + w(np.float64(1.5) + x[0, 0])


@at(A)
def real_if(x):
    return w(np.real(x)) + w(np.conj(x)) + w(x.real)


@at(A)
def isinst(x):
    return w(x**2) if isinstance(x, np.ndarray) and x.ndim == 2 and x.size == 12 and len(x) == 3 else 0 * w(x)


@at(A)
def where3(x):
    return w(np.where([True, False, True, False], x, -x))


@at(A)
def block(x):
    return w(np.block([[x, C], [C, x]]))


@at(A)
def vander(x):
    return w(np.vander(x[0], 3))


@at(A)
def eye_like(x):
    return w(np.eye(3) @ x) + w(np.identity(3) @ x) + w(np.diagflat(x[0])) + w(x - np.eye(3, 4))


@at(A)
def logical(x):
    return w(x * np.logical_and(x > 0, mask)) + w(x * ((x > 0) & mask)) + w(x * ~(x > 0))


@at(A)
def digitize(x):
    return w(x * np.digitize(x, [-1.0, 0.0, 1.0]))


@at(A)
def searchsorted(x):
    return w(x[0] * np.searchsorted(np.array([-1.0, 0.0, 1.0]), x[0]))


@at(A)
def divmod_(x):
    return w(x // 1.0 * x)


@at(A)
def copysign(x):
    return w(np.copysign(C, x) * x)


@at(A)
def empty_list(x):
    hs = []
    h = np.zeros(3)
    for t in range(4):
        h = np.tanh(h + x[:, t])
        hs.append(h)
    return w(np.array(hs))


@at(A)
def dict_cache(x):
    c = {}
    c["h0"] = np.zeros(3)
    for t in range(4):
        c[f"h{t + 1}"] = np.tanh(c[f"h{t}"] + x[:, t])
    return w(c["h4"])


@at(A)
def ndindex_(x):
    h = np.zeros_like(x, dtype=float)
    for i in np.ndindex(*x.shape):
        h[i] = x[i] * 2
    return w(h * h)


@at(A)
def expand_view(x):
    h = np.zeros((2, 3, 4))
    h[0] = x
    g = h.view()
    g[1] = x**2
    return w(h)


@at(A)
def flat_assign(x):
    h = np.zeros((3, 4))
    h.flat[:] = x.ravel() ** 2
    return w(h)


@at(A)
def einsum_path(x):
    return (
        w(np.einsum("ij,ij->i", x, x))
        + np.einsum("ii", x[:3, :3])
        + w(np.einsum("ij->ji", x))
        + w(np.einsum("...j,jk->...k", x, B))
    )


@at(A)
def array_nested_param(x):
    return w(np.array([x, C]))


@at(A)
def float_x(x):
    return float(np.sum(x**2))


@at(A)
def fslots(x):
    h = [0.0] * 3
    h[0] = x[0, 0]
    return np.sum(np.array(h) ** 2)


@at(A)
def linspace_buf(x):
    h = np.linspace(0, 1, 4)
    h[0] = x[0, 0]
    return w(h**2)


@at(A)
def arange_buf(x):
    h = np.arange(4.0)
    h += x[0]
    return w(h**2)


@at(A)
def array_float_lit(x):
    h = np.array([1.0, 2.0, 3.0, 4.0])
    h[1] = x[0, 0]
    return w(h**2)


@at(A)
def isclose_(x):
    return w(np.where(np.isclose(x, 0), 0, x))


@at(A)
def errstate(x):
    with np.errstate(all="ignore"):
        return w(np.log(np.abs(x)))


@at(A)
def finfo(x):
    return w(np.log(np.abs(x) + np.finfo(float).eps)) + w(np.log(np.abs(x) + np.finfo(np.float64).tiny))


@at(A)
def finfo_x(x):
    return w(np.log(np.abs(x) + np.finfo(x.dtype).eps))


@at(A)
def issub(x):
    return w(x**2) if np.issubdtype(x.dtype, np.floating) else 0.0


@at(A)
def result_type(x):
    return w(x + np.zeros(4, dtype=np.result_type(x, C)))


if importlib.util.find_spec("scipy"):
    import scipy.special
    from scipy.special import erf, expit, logsumexp, softmax

    @at(A)
    def sp_expit(x):
        return w(expit(x)) + w(scipy.special.expit(x))

    @at(A)
    def sp_erf(x):
        return w(erf(x))

    @at(A)
    def sp_softmax(x):
        return w(softmax(x, axis=1)) + w(scipy.special.log_softmax(x, axis=1)) + w(scipy.special.softmax(x))

    @at(A)
    def sp_lse(x):
        return w(logsumexp(x, axis=1)) + logsumexp(x)

    @at(A)
    def sp_lse_keep(x):
        return w(logsumexp(x, axis=1, keepdims=True)) + w(logsumexp(x, axis=0, b=P))

    @at(P)
    def sp_xlogy(x):
        return w(scipy.special.xlogy(C, x)) + w(scipy.special.xlogy(x, x))

    @at(A)
    def sp_ndtr(x):
        return w(scipy.special.ndtr(x))

    @at(A)
    def sp_logexpit(x):
        return w(scipy.special.log_expit(x))

    @at(P)
    def sp_logit(x):
        return w(scipy.special.logit(x / 10))

    @at(P)
    def sp_rel_entr(x):
        return w(scipy.special.rel_entr(x, P * 2)) + w(scipy.special.entr(x))


def differences(cost: Callable[[Any], Any], x: Any, h: float = 1e-5) -> Any:
    slopes = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[index] = h
        slopes[index] = (cost(x + step) - cost(x - step)) / (2 * h)
    return slopes


@pytest.mark.parametrize("name", IDIOMS)
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_an_idiom_leaves_its_graph(name: str) -> None:
    cost, point = IDIOMS[name]
    with np.errstate(all="ignore"):
        true = differences(cost, point)
    for numbers in (point, precise(200).variables(point, "x")):
        x = values(numbers, "x")
        with np.errstate(all="ignore"), recording(cost):
            J = cost(x)
        J = J.item() if isinstance(J, np.ndarray) else J
        assert isinstance(J, Value)
        J.backward()
        np.testing.assert_allclose(shadows(J), cost(point), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(shadows(gradients(x)), true, rtol=1e-5, atol=1e-6)
    with np.errstate(all="ignore"), recording(cost):  # and on the numbers alone, as in a backward pass
        J = cost(precise(200).variables(point, "x").view(ValueArray))
    np.testing.assert_allclose(float(shadows(np.asarray(J, object)).item()), cost(point), rtol=1e-9, atol=1e-12)


REFUSED = {
    "np.round": lambda x: np.round(x),
    "np.linalg.svd": lambda x: np.linalg.svd(x),
    "np.linalg.eigh": lambda x: np.linalg.eigh(np.identity(3) * x[0, 0]),
    "np.linalg.eig": lambda x: np.linalg.eig(x @ x.T),
    "np.fft.hfft": lambda x: np.fft.hfft(x),
    "np.histogram": lambda x: np.histogram(x),
    "np.modf": lambda x: np.modf(x),
    "math.floor": lambda x: math.floor(x[0, 0]),
    "int()": lambda x: int(x[0, 0]),
    "float()": lambda x: np.float64(x[0, 0]),
    "np.add": lambda x: np.add(x, 1, out=C.copy()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_recorded_is_refused_by_name(name: str) -> None:
    with pytest.raises(TypeError) as error, recording(REFUSED[name]):
        REFUSED[name](values(A, "x"))
    assert name in str(error.value)


def test_everything_is_as_before_afterwards() -> None:
    import builtins

    seen, import_ = dict(globals()), builtins.__import__
    with pytest.raises(KeyError), recording(w):
        raise KeyError
    assert globals() == seen
    assert builtins.__import__ is import_
    assert "float" not in globals()


def test_float_is_the_same_type_while_recording() -> None:
    def answers() -> list[Any]:
        return [float("inf"), float(3), isinstance(1.0, float), np.zeros(2, dtype=float).shape, np.dtype(float)]

    before = answers()
    with recording(answers):
        assert answers() == before

"""Functions of `np.linalg` that insist on floats, for all that stands for floats here: by elimination, or refined.

Eigenvectors are the limit of an iteration that starts at those of the floats and doubles the digits in each step, so
that the recorded ones are right, with their derivatives, in long floats too (T. Ogita, K. Aishima, Iterative refinement
for symmetric eigenvalue decomposition, Japan J. Indust. Appl. Math. 35 (2018), 1007-1035).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd.number.carrier import FUNCTIONS, Carrier
from autograd.number.vocabulary import Refused, array_of, depends, row, shadows
from autograd.record.values import ValueArray


def _working(*arrays: Any) -> list[Any]:
    """Copies to work on: of Values, or of the kind of array that one of them is."""
    one = next((x for x in arrays if isinstance(x, Carrier)), None)
    if one is not None:
        return [one.as_one(x).copy() for x in arrays]
    return [np.array(x, object).view(ValueArray) for x in arrays]


def _stacked(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of square matrices, for stacks of them as well."""

    @functools.wraps(function)
    def of_stacks(A: Any, *others: Any) -> Any:
        if np.ndim(A) < 2 or np.shape(A)[-1] != np.shape(A)[-2]:
            raise np.linalg.LinAlgError(f"a square matrix is needed, or a stack of them, not shape {np.shape(A)}")
        if np.ndim(A) == 2:
            return function(A, *others)
        stack, n = np.shape(A)[:-2], np.shape(A)[-1]
        A, *rest = _working(A, *others)
        rest = [np.broadcast_to(x, stack + x.shape[-2:]).reshape(-1, *x.shape[-2:]) for x in rest]
        found = [function(*parts) for parts in zip(A.reshape(-1, n, n), *rest, strict=True)]
        whole = np.stack([array_of(x) for x in found])
        return whole.reshape(stack + np.shape(found[0]))

    return of_stacks


def _each_of_a_stack(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of one matrix that gives several arrays, for stacks of matrices as well."""

    @functools.wraps(function)
    def of_stacks(A: Any, *args: Any) -> Any:
        if np.ndim(A) <= 2:
            return function(A, *args)
        A = array_of(A)
        found = [function(matrix, *args) for matrix in A.reshape(-1, *A.shape[-2:])]
        arrays = [np.stack(parts) for parts in zip(*found, strict=True)]
        return type(found[0])(*(x.reshape(A.shape[:-2] + x.shape[1:]) for x in arrays))

    return of_stacks


def _eliminated(A: Any, X: Any = None) -> int:
    """Gaussian elimination below the diagonal, in place, the largest number of a column as its pivot; its sign.

    What is done to the rows of A is done to those of X. 0 where a pivot is 0.
    """
    sign = 1
    for k in range(len(A)):
        pivot = k + int(np.argmax(np.abs(shadows(A[k:, k]))))
        if not shadows(A[pivot, k]):
            return 0
        if pivot != k:
            sign = -sign
            for rows in (A, X) if X is not None else (A,):
                rows[[k, pivot]] = rows[[pivot, k]]
        if k + 1 < len(A):
            factors = A[k + 1 :, k : k + 1] / A[k, k]  # (n - k - 1, 1)
            A[k + 1 :, k + 1 :] = A[k + 1 :, k + 1 :] - factors * A[k, k + 1 :]
            if X is not None:
                X[k + 1 :] = X[k + 1 :] - factors * X[k]
    return sign


@_stacked
def _solve(A: Any, B: Any) -> Any:
    """The solution of A X = B by elimination."""
    A, B = _working(A, B)
    X = B.reshape(len(A), -1)
    if not _eliminated(A, X):
        raise np.linalg.LinAlgError("Singular matrix")
    for k in reversed(range(len(A))):
        rest = X[k] - np.dot(A[k, k + 1 :], X[k + 1 :]) if k + 1 < len(A) else X[k]
        X[k] = rest / A[k, k]
    return X.reshape(B.shape)


@_stacked
def _det(A: Any) -> Any:
    """The determinant: by elimination, or where it is small or singular by minors, without a division."""
    (working,) = _working(A)
    sign = _eliminated(working) if len(working) > 3 else 0
    if not sign:
        return _by_minors(*_working(A))
    product = sign
    for k in range(len(working)):
        product = product * working[k, k]
    return product


def _by_minors(A: Any) -> Any:
    """The expansion along the first row."""
    if len(A) == 1:
        return A[0, 0]
    rest = np.delete(A, 0, axis=0)
    return sum((-1) ** k * A[0, k] * _by_minors(np.delete(rest, k, axis=1)) for k in range(len(A)))


class SlogdetResult(NamedTuple):
    """As NumPy has it."""

    sign: Any
    logabsdet: Any


def _slogdet(A: Any) -> SlogdetResult:
    det = _det(A)
    return SlogdetResult(np.sign(shadows(det)), np.log(abs(det)))


def _cholesky(A: Any, *, upper: bool = False) -> Any:
    A = array_of(A)
    return np.swapaxes(_lower(np.swapaxes(A, -1, -2)), -1, -2) if upper else _lower(A)


@_stacked
def _lower(A: Any) -> Any:
    """L with L L^T = A, column by column."""
    A, L = _working(A, np.zeros(A.shape, int).tolist())
    for j in range(len(A)):
        L[j, j] = row("sqrt", A[j, j] - sum(L[j, :j] ** 2))
        if j + 1 < len(A):
            L[j + 1 :, j] = (A[j + 1 :, j] - (np.dot(L[j + 1 :, :j], L[j, :j]) if j else 0)) / L[j, j]
    return L


def _inv(A: Any) -> Any:
    return _solve(A, np.identity(np.shape(A)[-1], int).tolist())


def substituted(A: Any, B: Any, lower: bool = True, unit_diagonal: bool = False) -> Any:
    """The solution of A X = B for a triangular A, whose other triangle is not read."""
    A, B = _working(A, B)
    X, n = B.reshape(len(A), -1), len(A)
    for k in range(n) if lower else reversed(range(n)):
        done = slice(0, k) if lower else slice(k + 1, n)
        rest = X[k] - np.dot(A[k, done], X[done]) if done.start < done.stop else X[k]
        X[k] = rest if unit_diagonal else rest / A[k, k]
    return X.reshape(B.shape)


_STEPS = 7  # from 16 digits to 2,000
_APART = 1e-7  # eigenvalues nearer to each other than this part of the largest count as equal


def _eigenvectors(A: Any, X: Any, of: str) -> tuple[Any, Any]:
    """The eigenvalues and eigenvectors of a symmetric A near the floats X, refined."""
    if not depends(A):
        raise Refused(f"{of} of data is left to floats")
    n = len(X)
    found = np.sort(np.linalg.eigvalsh(np.asarray(shadows(A), float)))
    if n > 1 and np.min(np.diff(found)) <= _APART * np.max(np.abs(found)):
        raise Refused(f"{of} of a matrix with equal eigenvalues or singular values has no derivative there")
    identity, off = np.identity(n, int), 1 - np.identity(n, int)
    for _ in range(_STEPS):
        R, S = identity - X.T @ X, X.T @ (A @ X)
        eigenvalues = np.diagonal(S) / (1 - np.diagonal(R))
        gaps = eigenvalues[None, :] - eigenvalues[:, None] + identity
        X = X + X @ (off * ((S + eigenvalues[None, :] * R) / gaps) + identity * R / 2)
    S, lengths = X.T @ (A @ X), np.sum(X * X, axis=0)
    return np.diagonal(S) / lengths, X


class EighResult(NamedTuple):
    """As NumPy has it."""

    eigenvalues: Any
    eigenvectors: Any


@_each_of_a_stack
def _eigh(A: Any, UPLO: str = "L") -> Any:
    A = array_of(A)
    below = np.tril(A, -1) if UPLO.upper() == "L" else np.triu(A, 1).T
    A = below + below.T + np.identity(len(A), int) * A
    return EighResult(*_eigenvectors(A, np.linalg.eigh(np.asarray(shadows(A), float))[1], "np.linalg.eigh"))


def _eigvalsh(A: Any, UPLO: str = "L") -> Any:
    return _eigh(A, UPLO)[0]


class SVDResult(NamedTuple):
    """As NumPy has it."""

    U: Any
    S: Any
    Vh: Any


def _svd(A: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    U, s, Vh = _thin_svd(A)
    if not compute_uv:
        return s
    if full_matrices and np.shape(A)[-1] != np.shape(A)[-2]:
        raise Refused("np.linalg.svd of a matrix that is not square can be recorded with full_matrices=False alone")
    return SVDResult(U, s, Vh)


@_each_of_a_stack
def _thin_svd(A: Any) -> Any:
    A = array_of(A)
    if A.shape[0] < A.shape[1]:
        U, s, Vh = _thin_svd(A.T)
        return SVDResult(Vh.T, s, U.T)
    floats = np.asarray(shadows(A), float)
    _, s, Vh = np.linalg.svd(floats, full_matrices=False)
    if s[-1] <= 1e-7 * s[0]:
        raise Refused("np.linalg.svd of a matrix without full rank has no derivative there")
    _, V = _eigenvectors(A.T @ A, Vh.T, "np.linalg.svd")
    stretched = A @ V
    s = np.sqrt(np.sum(stretched * stretched, axis=0))
    return SVDResult(stretched / s, s, V.T)


class QRResult(NamedTuple):
    """As NumPy has it."""

    Q: Any
    R: Any


def _qr(A: Any, mode: str = "reduced") -> Any:
    Q, R = _thin_qr(A)
    if mode == "r":
        return R
    if mode not in ("reduced", "complete") or (mode == "complete" and np.shape(A)[-2] > np.shape(A)[-1]):
        raise Refused(f"np.linalg.qr with mode={mode!r} cannot be recorded: there are 'reduced' and 'r'")
    return QRResult(Q, R)


@_each_of_a_stack
def _thin_qr(A: Any) -> Any:
    """Gram and Schmidt's columns, each with the sign that LAPACK gives it."""
    A = array_of(A)
    if not depends(A):
        raise Refused("np.linalg.qr of data is left to floats")
    m, n = A.shape
    k = min(m, n)
    signs = np.sign(np.diagonal(np.linalg.qr(np.asarray(shadows(A), float), mode="r"))).astype(int)
    if not signs.all() or _deficient(A[:, :k]):
        raise Refused("np.linalg.qr of a matrix without full rank has no derivative there")
    columns: list[Any] = []
    for j in range(k):
        rest = A[:, j]
        for q in columns:
            rest = rest - q * np.dot(q, rest)
        columns.append(rest * int(signs[j]) / np.sqrt(np.dot(rest, rest)))
    Q = np.stack(columns, axis=1)
    return QRResult(Q, np.triu(Q.T @ A))


def _deficient(A: Any) -> bool:
    s = np.linalg.svd(np.asarray(shadows(A), float), compute_uv=False)
    return bool(s[-1] <= 1e-10 * s[0])


def _pinv(A: Any, *_: Any, **__: Any) -> Any:
    A = array_of(A)
    if _deficient(A) if A.ndim == 2 else any(map(_deficient, A.reshape(-1, *A.shape[-2:]))):
        raise Refused("np.linalg.pinv of a matrix without full rank has no derivative there")
    At = np.swapaxes(A, -1, -2)
    if A.shape[-2] >= A.shape[-1]:
        return _solve(At @ A, At)
    return np.swapaxes(_solve(A @ At, A), -1, -2)


class Unrecorded:
    """A result that has no rule here; what uses it is refused."""

    def __init__(self, name: str) -> None:
        self.name = name

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise Refused(f"{self.name} cannot be recorded")

    __getattr__ = __array_ufunc__ = __array_function__ = __array__ = __getitem__ = __len__ = __iter__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __bool__ = _refuse


def _lstsq(A: Any, b: Any, *_: Any, **__: Any) -> Any:
    A, b = array_of(A), array_of(b)
    if _deficient(A):
        raise Refused("np.linalg.lstsq of a matrix without full rank has no derivative there")
    m, n = A.shape
    x = _solve(A.T @ A, A.T @ b) if m >= n else A.T @ _solve(A @ A.T, b)
    rest = b - A @ x
    residuals = np.atleast_1d(np.sum(rest * rest, axis=0)) if m > n else np.zeros(0)
    return x, residuals, min(m, n), Unrecorded("the fourth result of np.linalg.lstsq, the singular values,")


_TERMS, _AT_ONCE = 256, 16  # of the exponential series: for 2,000 bits where the norm is at most 1/4


def expm(A: Any) -> Any:
    """The exponential of a square matrix: its series by Paterson and Stockmeyer, and squarings."""
    A = array_of(A)
    if not depends(A):
        raise Refused("scipy.linalg.expm of data is left to floats")
    size = float(np.max(np.sum(np.abs(np.asarray(shadows(A), float)), axis=-1), initial=0))
    squarings = max(0, math.ceil(math.log2(size)) + 2) if size else 0
    powers = [A / 2**squarings]
    for _ in range(_AT_ONCE - 1):
        powers.append(powers[-1] @ powers[0])
    terms = np.stack(
        powers
    )  # (16, n, n), of which the block that follows j others takes the k-th by (16 j)! / (16 j + k)!
    for divisors in _divisors():
        terms = terms / divisors  # (16, 16, n, n)
    blocks = np.sum(terms[:, :-1], axis=1) + np.identity(A.shape[-1], int)
    found = blocks[-1]
    for j in reversed(range(len(blocks) - 1)):
        found = blocks[j] + terms[j, -1] @ found
    for _ in range(squarings):
        found = found @ found
    return found


@functools.cache
def _divisors() -> list[Any]:
    """(16 j + 1) (16 j + 2) ... (16 j + k) for j and k, in factors that floats hold exactly."""
    parts: list[Any] = []
    for j in range(_TERMS // _AT_ONCE):
        product, place = 1, 0
        for k in range(1, _AT_ONCE + 1):
            factor = _AT_ONCE * j + k
            if product * factor >= 2**53:
                product, place = 1, place + 1
            product *= factor
            while len(parts) <= place:
                parts.append(np.ones((_TERMS // _AT_ONCE, _AT_ONCE, 1, 1), int))
            parts[place][j, k - 1 :] = product
    return parts


LINEAR_ALGEBRA: dict[str, Callable[..., Any]] = {
    "solve": _solve,
    "inv": _inv,
    "det": _det,
    "slogdet": _slogdet,
    "cholesky": _cholesky,
    "eigh": _eigh,
    "eigvalsh": _eigvalsh,
    "svd": _svd,
    "svdvals": lambda x, /: _svd(x, compute_uv=False),
    "qr": _qr,
    "pinv": _pinv,
    "lstsq": _lstsq,
}
FUNCTIONS.update({f"linalg.{name}": function for name, function in LINEAR_ALGEBRA.items()})

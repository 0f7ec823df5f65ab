"""Functions of `np.linalg` and `scipy.special` that insist on floats, for all that stands for floats here."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd.number.carrier import Carrier
from autograd.number.vocabulary import row, shadows
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
        if isinstance(found[0], Carrier):
            whole = np.stack(found)
        else:
            whole = np.array([np.asarray(x, object) for x in found], object).view(ValueArray)
        return whole.reshape(stack + np.shape(found[0]))

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
    L = _lower(A)
    return np.swapaxes(L, -1, -2) if upper else L


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


LINEAR_ALGEBRA: dict[str, Callable[..., Any]] = {
    "solve": _solve,
    "inv": _inv,
    "det": _det,
    "slogdet": _slogdet,
    "cholesky": _cholesky,
}


def _softmax(x: Any, axis: Any = None) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    largest = np.max(a, axis=axis, keepdims=True)
    total = np.log(np.sum(np.exp(a - largest) * (1 if b is None else b), axis=axis, keepdims=True)) + largest
    return total if keepdims else np.squeeze(total, axis=axis)


SPECIAL: dict[str, Callable[..., Any]] = {
    "softmax": _softmax,
    "logsumexp": _logsumexp,
    "log_softmax": lambda x, axis=None: x - _logsumexp(x, axis=axis, keepdims=True),
}

"""Functions of `np.linalg` and `scipy.special` that insist on floats, for all that stands for floats here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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


def _solve(A: Any, B: Any) -> Any:
    """The solution of A X = B by elimination, the largest number of a column as its pivot."""
    A, B = _working(A, B)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise TypeError(f"np.linalg here solves one square system, not one of shape {A.shape}: loop over the stack")
    n = len(A)
    X = B.reshape(n, -1)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(shadows(A[k:, k]))))
        A[[k, pivot]], X[[k, pivot]] = A[[pivot, k]], X[[pivot, k]]
        if not shadows(A[k, k]):
            raise np.linalg.LinAlgError("Singular matrix")
        for i in range(n):
            if i != k:
                factor = A[i, k] / A[k, k]
                A[i, k:] = A[i, k:] - factor * A[k, k:]
                X[i] = X[i] - factor * X[k]
    return (X / np.diag(A)[:, None]).reshape(B.shape)


def _det(A: Any) -> Any:
    """The determinant, by expansion along the first row without a square root or a division."""
    (A,) = _working(A)
    if len(A) == 1:
        return A[0, 0]
    rest = np.delete(A, 0, axis=0)
    return sum((-1) ** k * A[0, k] * _det(np.delete(rest, k, axis=1)) for k in range(len(A)))


def _slogdet(A: Any) -> tuple[float, Any]:
    det = _det(A)
    return float(np.sign(shadows(det))), row("log", abs(det))


def _cholesky(A: Any) -> Any:
    """L with L L^T = A, row by row."""
    A, L = _working(A, np.zeros(A.shape, int).tolist())
    for i in range(len(A)):
        for j in range(i):
            L[i, j] = (A[i, j] - sum(L[i, :j] * L[j, :j])) / L[j, j]
        L[i, i] = row("sqrt", A[i, i] - sum(L[i, :i] ** 2))
    return L


LINEAR_ALGEBRA: dict[str, Callable[..., Any]] = {
    "solve": _solve,
    "inv": lambda A: _solve(A, np.identity(len(A), int).tolist()),
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

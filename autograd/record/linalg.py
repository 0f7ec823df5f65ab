"""Functions of `np.linalg` and `scipy.special` that insist on floats, written for arrays of Values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.graph.value import apply
from autograd.number.ops import OPS
from autograd.number.vocabulary import shadows
from autograd.record.values import ValueArray


def _solve(A: Any, B: Any) -> Any:
    """The solution of A X = B by elimination, the largest number of a column as its pivot."""
    A, B = np.array(A, object).view(ValueArray), np.array(B, object).view(ValueArray)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise TypeError(
            f"np.linalg on Values solves one square system, not one of shape {A.shape}: loop over the stack"
        )
    n = len(A)
    X = B.reshape(n, -1)
    for k in range(n):
        pivot = k + int(np.argmax(np.abs(shadows(A[k:, k]))))
        A[[k, pivot]], X[[k, pivot]] = A[[pivot, k]], X[[pivot, k]]
        if not shadows(A[k, k]):
            raise np.linalg.LinAlgError("Singular matrix")
        for row in range(n):
            if row != k:
                factor = A[row, k] / A[k, k]
                A[row, k:] = A[row, k:] - factor * A[k, k:]
                X[row] = X[row] - factor * X[k]
    return (X / np.diag(A)[:, None]).reshape(B.shape)


def _det(A: Any) -> Any:
    """The determinant, by expansion along the first row without a square root or a division."""
    A = np.asarray(A, object)
    if len(A) == 1:
        return A[0, 0]
    rest = np.delete(A, 0, axis=0)
    return sum((-1) ** k * A[0, k] * _det(np.delete(rest, k, axis=1)) for k in range(len(A)))


def _slogdet(A: Any) -> tuple[float, Any]:
    det = _det(A)
    return float(np.sign(shadows(det))), apply(OPS["log"], abs(det))


def _cholesky(A: Any) -> Any:
    """L with L L^T = A, row by row."""
    A = np.asarray(A, object)
    L = np.array(np.zeros(A.shape).tolist(), object)
    for i in range(len(A)):
        for j in range(i):
            L[i, j] = (A[i, j] - sum(L[i, :j] * L[j, :j])) / L[j, j]
        L[i, i] = apply(OPS["sqrt"], A[i, i] - sum(L[i, :i] ** 2))
    return L.view(ValueArray)


LINEAR_ALGEBRA: dict[str, Callable[..., Any]] = {
    "solve": _solve,
    "inv": lambda A: _solve(A, np.array(np.identity(len(A)).tolist(), object)),
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

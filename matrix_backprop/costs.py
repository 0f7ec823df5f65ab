"""The costs J^(i) of single observations, and for each its derivative with respect to the last activations.

The cost of all observations together is the mean of the J^(i) (E1); here nothing is averaged (E2).

>>> COSTS["squared_error"].J(np.array([[1.0, 5.0]]), np.array([[1.0, 3.0]]))
array([[0., 2.]])
"""

# mypy: disable-error-code="no-any-return"
# NumPy types many results as Any.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .formulas import Array


@dataclass(frozen=True)
class Cost:
    """A cost: `J(a, y)` of shape (1, m), and `dJda(a, y)` of shape (n, m), column i the derivative of J^(i).

    >>> COSTS["squared_error"].dJda(np.array([[1.0, 5.0]]), np.array([[1.0, 3.0]]))
    array([[0., 2.]])

    `outputs` are the activations it may follow: a logarithm needs positive numbers. `matched` is the one, if any, with
    which dJdz becomes a - y (A4). `target_problem(y)` says what is wrong with number targets y, or is "".
    """

    J: Callable[[Array, Array], Array]
    dJda: Callable[[Array, Array], Array]
    outputs: tuple[str, ...]
    matched: str | None
    target_problem: Callable[[Array], str]


def binary_cross_entropy(a: Array, y: Array) -> Array:
    """-{ y log a + (1 - y) log(1 - a) }, summed over the units.

    >>> binary_cross_entropy(np.array([[0.5, 0.75]]), np.array([[1, 0]])).round(4)
    array([[0.6931, 1.3863]])

    Shapes: a and y (n, m), result (1, m). Source: A3, one term of its sum over i.
    """
    with np.errstate(divide="ignore"):  # log(0) = -inf is the truth about a certain and wrong a
        terms = y * np.log(_where_used(y, a)) + (1 - y) * np.log(_where_used(1 - y, 1 - a))  # (n, m)
    return -np.sum(terms, axis=0, keepdims=True)  # (1, m)


def dJda_binary_cross_entropy(a: Array, y: Array) -> Array:
    """The derivative of `binary_cross_entropy`: (1 - y) / (1 - a) - y / a.

    >>> dJda_binary_cross_entropy(np.array([[0.25, 0.5]]), np.array([[1, 0]]))
    array([[-4.,  2.]])

    Shapes: a and y (n, m), result (n, m).
    """
    with np.errstate(divide="ignore"):
        return (1 - y) / _where_used(1 - y, 1 - a) - y / _where_used(y, a)  # (n, m)


def categorical_cross_entropy(a: Array, y: Array) -> Array:
    """-y log a, summed over the units.

    >>> categorical_cross_entropy(np.array([[0.5, 0.25], [0.5, 0.75]]), np.array([[1, 1], [0, 0]])).round(4)
    array([[0.6931, 1.3863]])

    Shapes: a and y (n, m), result (1, m).
    """
    with np.errstate(divide="ignore"):
        terms = y * np.log(_where_used(y, a))  # (n, m)
    return -np.sum(terms, axis=0, keepdims=True)  # (1, m)


def dJda_categorical_cross_entropy(a: Array, y: Array) -> Array:
    """The derivative of `categorical_cross_entropy`: -y / a.

    >>> dJda_categorical_cross_entropy(np.array([[0.25], [0.75]]), np.array([[1.0], [0.0]]))
    array([[-4.],
           [-0.]])

    Shapes: a and y (n, m), result (n, m).
    """
    with np.errstate(divide="ignore"):
        return -(y / _where_used(y, a))  # (n, m)


def squared_error(a: Array, y: Array) -> Array:
    """0.5 * (a - y)^2, summed over the units.

    >>> squared_error(np.array([[1.0], [2.0]]), np.array([[0.0], [0.0]]))
    array([[2.5]])

    Shapes: a and y (n, m), result (1, m).
    """
    return 0.5 * np.sum((a - y) ** 2, axis=0, keepdims=True)  # (1, m)


def dJda_squared_error(a: Array, y: Array) -> Array:
    """The derivative of `squared_error`: a - y.

    >>> dJda_squared_error(np.array([[1.0], [2.0]]), np.array([[0.0], [0.0]]))
    array([[1.],
           [2.]])

    Shapes: a and y (n, m), result (n, m).
    """
    return a - y  # (n, m)


def _where_used(y: Array, a: Array) -> Array:
    """a, but 1 where the float target y is 0: there y log a and y / a are 0 whatever a is, even 0."""
    return a if a.dtype == object else np.where(y == 0, 1, a)


def _not_probabilities(y: Array) -> str:
    return "" if y.min() >= 0 and y.max() <= 1 else "has entries outside 0 to 1"


def _not_distributions(y: Array) -> str:
    if problem := _not_probabilities(y):
        return problem
    return "" if np.abs(y.sum(axis=0) - 1).max() <= 1e-5 else "has columns that do not sum to 1"


COSTS = {
    "binary_cross_entropy": Cost(
        binary_cross_entropy, dJda_binary_cross_entropy, ("sigmoid",), "sigmoid", _not_probabilities
    ),
    "categorical_cross_entropy": Cost(
        categorical_cross_entropy, dJda_categorical_cross_entropy, ("sigmoid", "softmax"), "softmax", _not_distributions
    ),
    "squared_error": Cost(
        squared_error,
        dJda_squared_error,
        ("sigmoid", "tanh", "relu", "identity", "softmax"),
        None,
        lambda y: "",
    ),
}

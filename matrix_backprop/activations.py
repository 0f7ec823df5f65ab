"""The activations a = g(z), and for each the way back from dJda to dJdz.

>>> ACTIVATIONS["tanh"].g(np.array([[0.0]]))
array([[0.]])
"""

# mypy: disable-error-code="no-any-return"
# NumPy types many results as Any.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from . import formulas
from .formulas import Array


@dataclass(frozen=True)
class Activation:
    """An activation: `g`, and its derivative `dadz`.

    >>> tanh = ACTIVATIONS["tanh"]
    >>> z = np.array([[0.0, 0.5]])
    >>> tanh.dJdz(np.array([[3.0, 0.0]]), z, tanh.g(z))
    array([[3., 0.]])

    `dadz(z, a)` has the shape of z. It is None for softmax: there each z moves every a of its column, and one
    derivative per entry is not enough.
    """

    g: Callable[[Array], Array]
    dadz: Callable[[Array, Array], Array] | None

    def dJdz(self, dJda: Array, z: Array, a: Array) -> Array:
        """The way back through a = g(z), (n, m) -> (n, m): B2, or for softmax its own chain rule."""
        if self.dadz is None:
            return dJdz_softmax(dJda, a)
        return formulas.dJdz(dJda, self.dadz(z, a))


def sigmoid(z: Array) -> Array:
    """The logistic function 1 / (1 + exp(-z)), without overflow for any z.

    >>> sigmoid(np.array([[-1000.0, 0.0, 1000.0]]))
    array([[0. , 0.5, 1. ]])

    Elements of an object array answer with their own method `.sigmoid()`, so that a graph gets one node. Source: A2.
    """
    if hasattr(z, "sigmoid"):
        return z.sigmoid()
    if isinstance(z, np.ndarray) and z.dtype == object:
        return np.frompyfunc(sigmoid, 1, 1)(z)
    e = np.exp(-np.abs(z))  # at most 1
    return np.maximum(z >= 0, e) / (1 + e)  # above: 1 for z >= 0, else e


def relu(z: Array) -> Array:
    """The positive part max(z, 0).

    >>> relu(np.array([[-2.0, 3.0]]))
    array([[0., 3.]])

    Elements of an object array answer with their own method `.relu()`, so that a graph gets one node.
    """
    if hasattr(z, "relu"):
        return z.relu()
    if isinstance(z, np.ndarray) and z.dtype == object:
        return np.frompyfunc(relu, 1, 1)(z)
    return np.maximum(z, 0)


def identity(z: Array) -> Array:
    """z itself.

    >>> identity(np.array([[-2.0, 3.0]]))
    array([[-2.,  3.]])
    """
    return z


def softmax(z: Array) -> Array:
    """exp(z) divided by its sum over the units, in each column.

    >>> softmax(np.array([[0.0, 1000.0], [0.0, 0.0]]))
    array([[0.5, 1. ],
           [0.5, 0. ]])

    The largest z of a column is subtracted first: it changes nothing in the quotient, and exp cannot overflow.
    """
    e = np.exp(z - np.max(z, axis=0, keepdims=True))  # (n, m)
    return e / np.sum(e, axis=0, keepdims=True)  # (n, m) / (1, m)


def dJdz_softmax(dJda: Array, a: Array) -> Array:
    """The way back through softmax, where z_j moves every a_k of its column: da_k/dz_j = a_k * ((k == j) - a_j).

    >>> dJdz_softmax(np.array([[1.0], [0.0]]), np.array([[0.5], [0.5]]))
    array([[ 0.25],
           [-0.25]])

    Shapes: dJda and a (n, m), result (n, m). Source: C1, the sum over k of dJda_k * da_k/dz_j.
    """
    return a * (dJda - np.sum(a * dJda, axis=0))  # (n, m) * ((n, m) - (m,))


ACTIVATIONS = {
    "sigmoid": Activation(sigmoid, lambda z, a: a * (1 - a)),
    "tanh": Activation(np.tanh, lambda z, a: 1 - a**2),
    # by way of int, because an array of objects would hold True for 1
    "relu": Activation(relu, lambda z, a: (z > 0).astype(int).astype(a.dtype)),
    "identity": Activation(identity, lambda z, a: np.ones_like(a)),
    "softmax": Activation(softmax, None),
}

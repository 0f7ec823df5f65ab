"""The formulas of back propagation as derived by hand, one function each.

Letters and numbers such as A4 or B1 name the statements of the notes. Everywhere `m` is the number of observations,
layer `l` has `n_l` units, and column i of `dJda` and `dJdz` holds derivatives of J^(i), the cost of observation i
alone (E2). The mean over the observations is taken in `dJdb` and `dJdW` (E1).

Every function takes float arrays or object arrays of numbers, and keeps the kind of number it is given.
"""

# mypy: disable-error-code="no-any-return"
# NumPy types many results as Any.

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def dJdz_logistic(a: Array, y: Array) -> Array:
    """The derivative of the cross-entropy with respect to z, for a sigmoid (or softmax) output: a - y.

    >>> dJdz_logistic(np.array([[0.75, 0.5]]), np.array([[1, 0]]))
    array([[-0.25,  0.5 ]])

    Shapes: a and y (n, m), result (n, m). Raises ValueError when the shapes differ. Source: A4.
    """
    _check(a.shape == y.shape, "a - y needs equal shapes", a=a, y=y)
    return a - y  # (n, m)


def dJda(W_next: Array, dJdz_next: Array) -> Array:
    """The derivative of the cost with respect to the activations of a layer, from the dJdz of the *next* layer.

    An activation feeds every z of the next layer, so each entry is a sum over the units of the next layer (D4).

    >>> W_next = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]])    # from 2 units to 3
    >>> dJdz_next = np.array([[1.0], [10.0], [100.0]])           # 3 units, 1 observation
    >>> dJda(W_next, dJdz_next)
    array([[ 21.],
           [310.]])

    Shapes: W_next (n_l, n_{l+1}), dJdz_next (n_{l+1}, m), result (n_l, m). Raises ValueError when W_next does not have
    as many columns as dJdz_next has rows. Source: B1, derived in D1-D6.
    """
    _check(
        W_next.shape[1:] == dJdz_next.shape[:1],
        "np.dot(W_next, dJdz_next) needs as many columns in W_next as rows in dJdz_next; is W_next transposed?",
        dJdz_next=dJdz_next,
        W_next=W_next,
    )
    return np.dot(W_next, dJdz_next)  # (n_l, n_{l+1}) . (n_{l+1}, m) -> (n_l, m)


def dJdz(dJda: Array, dadz: Array) -> Array:
    """The derivative of the cost with respect to z: the chain rule through the activation, element by element.

    >>> dJdz(np.array([[2.0, -1.0]]), np.array([[0.25, 0.5]]))
    array([[ 0.5, -0.5]])

    Shapes: dJda and dadz (n_l, m), result (n_l, m). Raises ValueError when the shapes differ. Source: B2.
    """
    _check(dJda.shape == dadz.shape, "dJda * dadz needs equal shapes", dJda=dJda, dadz=dadz)
    return dJda * dadz  # (n_l, m)


def dJdb(dJdz: Array) -> Array:
    """The derivative of the cost with respect to the biases: the mean of dJdz over the observations, since dz/db = 1.

    >>> dJdb(np.array([[1.0, 3.0], [0.5, 0.0]]))
    array([[2.  ],
           [0.25]])

    Shapes: dJdz (n_l, m), result (n_l, 1), the shape of b (E3). Raises ValueError when dJdz is not 2-D or holds no
    observation. Source: A5, B3, spelled out in B4.
    """
    _check(dJdz.shape[1:] != (0,), "the mean over the observations needs at least one", dJdz=dJdz)
    return np.mean(dJdz, axis=1, keepdims=True)  # (n_l, m) -> (n_l, 1)


def dJdW(a_prev: Array, dJdz: Array) -> Array:
    """The derivative of the cost with respect to the weights, from the activations of the layer before.

    Entry [j, k] is the mean over the observations of dJ^(i)/dz_k^(i) * a_j^(i), since dz_k/dw_kj = a_j.

    >>> a_prev = np.array([[1.0, 2.0], [0.0, 4.0], [1.0, 1.0]])  # 3 units, 2 observations
    >>> dJdW(a_prev, np.array([[1.0, 0.5]]))
    array([[1.  ],
           [1.  ],
           [0.75]])

    Shapes: a_prev (n_{l-1}, m), dJdz (n_l, m), result (n_{l-1}, n_l), the shape of W. Raises ValueError when the two
    do not hold the same number of observations, or none. Source: A6, B5, spelled out in A7.
    """
    _check(
        a_prev.shape[1:] == dJdz.shape[1:] != (0,),
        "np.dot(a_prev, dJdz.T) needs the same observations, at least one, in the columns of both",
        dJdz=dJdz,
        a_prev=a_prev,
    )
    m = dJdz.shape[1]
    return (1 / m) * np.dot(a_prev, dJdz.T)  # (n_{l-1}, m) . (m, n_l) -> (n_{l-1}, n_l)


def _check(shapes_fit: bool, need: str, **arrays: Array) -> None:
    """Raise a ValueError that names every array and its shape, unless they are 2-D and fit together."""
    flat = [array for array in arrays.values() if array.ndim != 2]
    if flat or not shapes_fit:
        if flat:
            need = "every array here is 2-D, with one column per observation (W_next: per unit)"
        shapes = ", but ".join(f"{name} has shape {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{shapes}: {need}")

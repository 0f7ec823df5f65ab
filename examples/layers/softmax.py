"""Softmax of the columns as a layer of its own, its Jacobian applied without being built."""

import numpy as np


def forward(z):
    e = np.exp(z - np.max(z, axis=0, keepdims=True))
    a = e / np.sum(e, axis=0, keepdims=True)  # (n, m)
    return a, a


def backward(dJda, a):
    inner = np.sum(dJda * a, axis=0, keepdims=True)  # (1, m)
    return a * (dJda - inner)  # (n, m)


rng = np.random.default_rng(35)
inputs = (rng.normal(size=(4, 3)),)

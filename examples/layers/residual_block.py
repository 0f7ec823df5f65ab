"""Residual block: two dense layers beside an identity, added before the last ReLU."""

import numpy as np


def forward(x, W1, b1, W2, b2):
    z1 = x @ W1 + b1  # (N, H)
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2 + b2  # (N, D)
    y = x + z2
    out = np.maximum(y, 0)
    return out, (x, W1, z1, a1, W2, z2, y)


def backward(dout, cache):
    x, W1, z1, a1, W2, _, y = cache
    dy = dout * (y > 0)
    dW2 = a1.T @ dy  # (H, D)
    db2 = dy.sum(axis=0)
    dz1 = (dy @ W2.T) * (z1 > 0)  # (N, H)
    dW1 = x.T @ dz1  # (D, H)
    db1 = dz1.sum(axis=0)
    dx = dz1 @ W1.T
    dx += dy  # the identity
    return dx, dW1, db1, dW2, db2


rng = np.random.default_rng(25)
inputs = (
    rng.normal(size=(6, 3)),
    rng.normal(size=(3, 4)),
    rng.normal(size=4),
    rng.normal(size=(4, 3)),
    rng.normal(size=3),
)

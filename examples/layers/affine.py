"""Affine layer: every image is flattened to a row, multiplied by W and shifted by b."""

import numpy as np


def forward(x, W, b):
    N = x.shape[0]
    rows = x.reshape(N, -1)  # (N, D)
    out = rows.dot(W) + b  # (N, M)
    cache = (x, W)
    return out, cache


def backward(dout, cache):
    x, W = cache
    N = x.shape[0]
    rows = x.reshape(N, -1)
    dx = dout.dot(W.T).reshape(x.shape)  # (N, 2, 2)
    dW = rows.T.dot(dout)  # (D, M)
    db = np.sum(dout, axis=0)  # (M,)
    return dx, dW, db


rng = np.random.default_rng(0)
inputs = (rng.normal(size=(3, 2, 2)), rng.normal(size=(4, 5)), rng.normal(size=5))

"""Affine layer followed by ReLU, the workhorse of a fully connected net."""

import numpy as np


def affine_forward(x, w, b):
    return x @ w + b, (x, w)


def relu_forward(z):
    return np.maximum(0, z), z


def forward(x, w, b):
    z, fc_cache = affine_forward(x, w, b)
    out, relu_cache = relu_forward(z)
    return out, (fc_cache, relu_cache)


def relu_backward(dout, cache):
    z = cache
    dz = dout.copy()
    dz[z <= 0] = 0
    return dz


def affine_backward(dz, cache):
    x, w = cache
    dx = dz @ w.T  # (N, D)
    dw = x.T @ dz  # (D, M)
    db = dz.sum(axis=0)  # (M,)
    return dx, dw, db


def backward(dout, cache):
    fc_cache, relu_cache = cache
    dz = relu_backward(dout, relu_cache)
    return affine_backward(dz, fc_cache)


rng = np.random.default_rng(2)
inputs = (rng.normal(size=(6, 3)), rng.normal(size=(3, 4)), rng.normal(size=4))

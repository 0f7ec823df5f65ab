"""Batch normalisation with a mistake that is easily made: the variance depends on x too, and dx forgets it.

`backprop-compare check examples/wrong_batch_norm.py` says so.
"""

import numpy as np


def forward(x, gamma, beta):
    centred = x - np.mean(x, axis=0)  # (N, D)
    var = np.mean(centred**2, axis=0)  # (D,)
    x_hat = centred / np.sqrt(var + 1e-5)
    return gamma * x_hat + beta, (x_hat, gamma, var)


def backward(dout, cache):
    x_hat, gamma, var = cache
    dgamma = np.sum(dout * x_hat, axis=0)  # (D,)
    dbeta = np.sum(dout, axis=0)
    dx_hat = dout * gamma  # (N, D)
    dx = (dx_hat - np.mean(dx_hat, axis=0)) / np.sqrt(var + 1e-5)
    return dx, dgamma, dbeta


rng = np.random.default_rng(1)
inputs = (rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3))

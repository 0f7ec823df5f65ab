"""Batch normalisation whose backward pass is one line, as it comes out after simplification on paper."""

import numpy as np


def forward(x, gamma, beta, eps=1e-5):
    mean = x.mean(axis=0)
    var = x.var(axis=0)
    x_hat = (x - mean) / np.sqrt(var + eps)  # (N, D)
    out = gamma * x_hat + beta
    return out, (x_hat, var, gamma, eps)


def backward(dout, cache):
    x_hat, var, gamma, eps = cache
    N = dout.shape[0]
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx = (gamma / np.sqrt(var + eps)) / N * (N * dout - dbeta - x_hat * dgamma)
    return dx, dgamma, dbeta


rng = np.random.default_rng(4)
inputs = (rng.normal(-1.0, 2.0, size=(6, 4)), rng.normal(1.0, 0.3, size=4), rng.normal(size=4))

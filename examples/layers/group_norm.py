"""Group normalisation of images: each group of channels of each image is normalised by itself."""

import numpy as np


def forward(x, gamma, beta, G=2, eps=1e-5):
    N, C, H, W = x.shape
    groups = x.reshape(N, G, C // G, H, W)
    mean = np.mean(groups, axis=(2, 3, 4), keepdims=True)  # (N, G, 1, 1, 1)
    var = np.var(groups, axis=(2, 3, 4), keepdims=True)
    x_hat = ((groups - mean) / np.sqrt(var + eps)).reshape(N, C, H, W)
    out = gamma * x_hat + beta
    cache = {"G": G, "x_hat": x_hat, "std": np.sqrt(var + eps), "gamma": gamma}
    return out, cache


def backward(dout, cache):
    G, x_hat, std, gamma = cache["G"], cache["x_hat"], cache["std"], cache["gamma"]
    N, C, H, W = dout.shape
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)  # (1, C, 1, 1)
    dgamma = np.sum(dout * x_hat, axis=(0, 2, 3), keepdims=True)  # (1, C, 1, 1)

    size = C // G * H * W
    dx_hat = (dout * gamma).reshape(N, G, size)
    x_hat = x_hat.reshape(N, G, size)
    total = np.sum(dx_hat, axis=2, keepdims=True)  # (N, G, 1)
    slope = np.sum(dx_hat * x_hat, axis=2, keepdims=True)  # (N, G, 1)
    dx = (size * dx_hat - total - x_hat * slope) / (size * std.reshape(N, G, 1))
    return dx.reshape(N, C, H, W), dgamma, dbeta


rng = np.random.default_rng(10)
inputs = (rng.normal(size=(3, 4, 1, 2)), rng.normal(1.0, 0.5, size=(1, 4, 1, 1)), rng.normal(size=(1, 4, 1, 1)))

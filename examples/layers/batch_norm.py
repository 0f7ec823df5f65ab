"""Batch normalisation in training mode, with running statistics; the backward pass goes back one step at a time."""

import numpy as np

bn_param = {"mode": "train", "eps": 1e-5, "momentum": 0.9}


def forward(x, gamma, beta, bn_param=bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D))
    running_var = bn_param.get("running_var", np.zeros(D))

    if mode == "train":
        mu = 1.0 / N * np.sum(x, axis=0)  # (D,)
        centred = x - mu  # (N, D)
        var = 1.0 / N * np.sum(centred**2, axis=0)  # (D,)
        std = np.sqrt(var + eps)
        inv_std = 1.0 / std
        x_hat = centred * inv_std  # (N, D)
        out = gamma * x_hat + beta
        cache = (centred, std, inv_std, x_hat, gamma)
        running_mean = momentum * running_mean + (1 - momentum) * mu
        running_var = momentum * running_var + (1 - momentum) * var
    else:
        out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
        cache = None

    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def backward(dout, cache):
    centred, std, inv_std, x_hat, gamma = cache
    N, D = dout.shape

    # out = gamma * x_hat + beta
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * x_hat, axis=0)
    dx_hat = dout * gamma  # (N, D)

    # x_hat = centred * inv_std
    dcentred = dx_hat * inv_std
    dinv_std = np.sum(dx_hat * centred, axis=0)  # (D,)

    # inv_std = 1 / std, std = sqrt(var + eps)
    dstd = -dinv_std / std**2
    dvar = 0.5 * dstd / std

    # var = mean(centred**2)
    dsquares = 1.0 / N * np.ones((N, D)) * dvar
    dcentred += 2 * centred * dsquares

    # centred = x - mu, mu = mean(x)
    dmu = -np.sum(dcentred, axis=0)
    dx = dcentred + 1.0 / N * np.ones((N, D)) * dmu
    return dx, dgamma, dbeta


rng = np.random.default_rng(3)
inputs = (rng.normal(2.0, 1.5, size=(5, 3)), rng.normal(1.0, 0.3, size=3), rng.normal(size=3))

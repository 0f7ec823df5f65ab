"""Robust regression: the Huber loss is quadratic for small errors and linear for large ones."""

import numpy as np


def cost(params, X, y, delta):
    r = X @ params["w"] - y  # (N, 1)
    quadratic = 0.5 * r**2
    linear = delta * (np.abs(r) - 0.5 * delta)
    return np.mean(np.where(np.abs(r) <= delta, quadratic, linear))


def gradients(params, X, y, delta):
    r = X @ params["w"] - y
    dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r))
    dw = X.T @ dr / len(y)  # (D, 1)
    return {"w": dw}


rng = np.random.default_rng(32)
params = {"w": rng.normal(size=(3, 1))}
args = (rng.normal(size=(7, 3)), rng.normal(size=(7, 1)), 1.0)

"""Linear regression whose observations have weights: the weighted mean of the squared errors."""

import numpy as np


def cost(params, X, y, weights):
    error = X @ params["w"] + params["b"] - y  # (N,)
    return np.sum(weights * error**2) / np.sum(weights)


def gradients(params, X, y, weights):
    error = X @ params["w"] + params["b"] - y
    derror = 2 * weights * error / np.sum(weights)  # (N,)
    return {"w": X.T @ derror, "b": np.sum(derror)}


rng = np.random.default_rng(30)
params = {"w": rng.normal(size=4), "b": 0.75}
args = (rng.normal(size=(6, 4)), rng.normal(size=6), rng.uniform(0.5, 2.0, size=6))

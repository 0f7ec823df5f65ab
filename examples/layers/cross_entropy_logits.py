"""Binary cross-entropy straight from the scores, stable by np.logaddexp, with a heavier weight on class 1."""

import numpy as np


def cost(params, X, Y, heavier):
    z = np.dot(params["w"], X) + params["b"]  # (m,)
    losses = heavier * Y * np.logaddexp(0, -z) + (1 - Y) * np.logaddexp(0, z)
    return losses.mean()


def gradients(params, X, Y, heavier):
    m = len(Y)
    z = np.dot(params["w"], X) + params["b"]
    p = 1 / (1 + np.exp(-z))
    dz = (heavier * Y * (p - 1) + (1 - Y) * p) / m
    return {"w": np.dot(X, dz), "b": dz.sum(keepdims=True)}


rng = np.random.default_rng(34)
params = {"w": rng.normal(size=3), "b": rng.normal(size=1)}
args = (rng.normal(size=(3, 6)), np.array([0, 1, 1, 0, 0, 1]), 3.0)

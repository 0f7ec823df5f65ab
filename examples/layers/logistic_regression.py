"""Logistic regression on columns of observations, with the mean cross-entropy as cost."""

import numpy as np


def forward_propagation(params, X):
    z = params["b"] + np.dot(params["w"].T, X)  # (1, m)
    return 1 / (1 + np.exp(-z))


def cost(params, X, Y):
    a = forward_propagation(params, X)
    return -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))


def gradients(params, X, Y):
    m = X.shape[1]
    a = forward_propagation(params, X)
    dJda = -Y / a + (1 - Y) / (1 - a)  # (1, m)
    dadz = a * (1 - a)
    dJdz = dJda * dadz
    dJdb = np.mean(dJdz, axis=1, keepdims=True)  # (1, 1)
    dJdw = (1 / m) * np.dot(X, dJdz.T)  # (n, 1)
    return {"w": dJdw, "b": dJdb}


rng = np.random.default_rng(8)
params = {"w": rng.normal(size=(3, 1)), "b": rng.normal(size=(1, 1))}
args = (rng.normal(size=(3, 5)), np.array([[1, 0, 0, 1, 1]]))

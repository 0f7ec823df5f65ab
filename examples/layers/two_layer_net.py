"""Two-layer network, tanh then sigmoid, written layer by layer as in lecture notes: W_l is (n_{l-1}, n_l)."""

import numpy as np

from compare import watch


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward_propagation(params, X):
    z1 = params["b1"] + np.dot(params["W1"].T, X)  # (n_1, m)
    a1 = watch("a1", np.tanh(z1))
    z2 = params["b2"] + np.dot(params["W2"].T, a1)  # (n_2, m)
    a2 = sigmoid(z2)
    return {"z1": z1, "a1": a1, "z2": z2, "a2": a2}


def cost(params, X, Y):
    m = X.shape[1]
    a2 = forward_propagation(params, X)["a2"]
    return -(1 / m) * np.sum(Y * np.log(a2) + (1 - Y) * np.log(1 - a2))


def gradients(params, X, Y):
    m = X.shape[1]
    forward = forward_propagation(params, X)
    a1, a2 = forward["a1"], forward["a2"]

    dJdz2 = a2 - Y  # (n_2, m)
    dJdb2 = np.mean(dJdz2, axis=1, keepdims=True)  # (n_2, 1)
    dJdW2 = (1 / m) * np.dot(a1, dJdz2.T)  # (n_1, n_2)

    dJda1 = np.dot(params["W2"], dJdz2)  # (n_1, m)
    dJdz1 = dJda1 * (1 - a1**2)
    dJdb1 = np.mean(dJdz1, axis=1, keepdims=True)  # (n_1, 1)
    dJdW1 = (1 / m) * np.dot(X, dJdz1.T)  # (n_0, n_1)
    return {"W1": dJdW1, "b1": dJdb1, "W2": dJdW2, "b2": dJdb2, "a1": dJda1 / m}


rng = np.random.default_rng(9)
params = {
    "W1": rng.normal(size=(4, 5)),
    "b1": rng.normal(size=(5, 1)),
    "W2": rng.normal(size=(5, 3)),
    "b2": rng.normal(size=(3, 1)),
}
args = (rng.normal(size=(4, 6)), rng.integers(0, 2, size=(3, 6)))

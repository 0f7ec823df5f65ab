"""Regression by a two-layer ReLU net whose weights, not its biases, are penalised by half their squares."""

import numpy as np


def cost(params, X, y, reg):
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    hidden = np.maximum(0, X @ W1 + b1)  # (N, H)
    prediction = hidden @ W2 + b2  # (N, 1)
    data_loss = np.mean((prediction - y) ** 2)
    return data_loss + 0.5 * reg * (np.sum(W1**2) + np.sum(W2**2))


def gradients(params, X, y, reg):
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    N = X.shape[0]
    hidden = np.maximum(0, X @ W1 + b1)
    prediction = hidden @ W2 + b2
    grads = {}
    dprediction = 2 * (prediction - y) / N  # (N, 1)
    grads["W2"] = hidden.T @ dprediction + reg * W2  # (H, 1)
    grads["b2"] = dprediction.sum(axis=0)  # (1,)
    dhidden = dprediction @ W2.T  # (N, H)
    dhidden[hidden <= 0] = 0
    grads["W1"] = X.T @ dhidden + reg * W1  # (D, H)
    grads["b1"] = dhidden.sum(axis=0)  # (H,)
    return grads


rng = np.random.default_rng(26)
params = {
    "W1": rng.normal(size=(3, 4)),
    "b1": rng.normal(size=4),
    "W2": rng.normal(size=(4, 1)),
    "b2": rng.normal(size=1),
}
args = (rng.normal(size=(6, 3)), rng.normal(size=(6, 1)), 0.25)

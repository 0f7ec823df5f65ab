"""Linear classifier with the multiclass hinge loss and a penalty on the squares of the weights."""

import numpy as np


def cost(params, X, y, reg):
    W = params["W"]
    N = X.shape[0]
    scores = X.dot(W)  # (N, C)
    correct = scores[np.arange(N), y].reshape(N, 1)
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(N), y] = 0
    return np.sum(margins) / N + reg * np.sum(W * W)


def gradients(params, X, y, reg):
    W = params["W"]
    N = X.shape[0]
    scores = X.dot(W)
    correct = scores[np.arange(N), y].reshape(N, 1)
    margins = scores - correct + 1
    violated = (margins > 0).astype(float)  # (N, C)
    violated[np.arange(N), y] = 0
    violated[np.arange(N), y] = -np.sum(violated, axis=1)
    dW = X.T.dot(violated) / N  # (D, C)
    dW += 2 * reg * W
    return {"W": dW}


rng = np.random.default_rng(16)
params = {"W": rng.normal(size=(3, 4))}
args = (rng.normal(size=(5, 3)), np.array([1, 3, 0, 0, 2]), 0.1)

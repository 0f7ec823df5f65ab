"""Linear classifier with the softmax loss, labels as integers and the maximum subtracted before exp."""

import numpy as np


def probabilities(params, X):
    scores = X.dot(params["W"]) + params["b"]  # (N, C)
    scores = scores - np.max(scores, axis=1, keepdims=True)
    exp_scores = np.exp(scores)
    return exp_scores / np.sum(exp_scores, axis=1, keepdims=True)


def cost(params, X, y):
    N = X.shape[0]
    probs = probabilities(params, X)
    return -np.sum(np.log(probs[np.arange(N), y])) / N


def gradients(params, X, y):
    N = X.shape[0]
    dscores = probabilities(params, X)
    dscores[np.arange(N), y] -= 1
    dscores /= N
    grads = {}
    grads["W"] = X.T.dot(dscores)  # (D, C)
    grads["b"] = np.sum(dscores, axis=0)  # (C,)
    return grads


rng = np.random.default_rng(7)
params = {"W": rng.normal(size=(4, 3)), "b": rng.normal(size=3)}
args = (rng.normal(size=(5, 4)), np.array([2, 0, 1, 1, 0]))

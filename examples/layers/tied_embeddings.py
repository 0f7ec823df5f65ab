"""Next-word model with tied embeddings: E turns words into vectors and, as h @ E.T, vectors into scores of words."""

import numpy as np


def softmax(scores):
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(params, words):
    x = params["E"][words]  # (T, D)
    h = np.tanh(x @ params["W"])  # (T, D)
    scores = h @ params["E"].T  # (T, V)
    return x, h, scores


def cost(params, words, next_words):
    T = len(words)
    _, _, scores = forward(params, words)
    p = softmax(scores)
    return -np.mean(np.log(p[np.arange(T), next_words]))


def gradients(params, words, next_words):
    E, W = params["E"], params["W"]
    T = len(words)
    x, h, scores = forward(params, words)

    dscores = softmax(scores)  # (T, V)
    dscores[np.arange(T), next_words] -= 1
    dscores /= T
    dE = dscores.T @ h  # (V, D), from the output
    dh = dscores @ E  # (T, D)
    dz = dh * (1 - h * h)
    dW = x.T @ dz  # (D, D)
    dx = dz @ W.T  # (T, D)
    np.add.at(dE, words, dx)  # and from the input
    return {"E": dE, "W": dW}


rng = np.random.default_rng(18)
params = {"E": rng.normal(size=(5, 3)), "W": rng.normal(size=(3, 3))}
text = np.array([1, 0, 4, 1, 1, 3, 0])
args = (text[:-1], text[1:])

"""Bag of words: the mean embedding of each text, in which words repeat, then a linear output and a squared error."""

import numpy as np


def cost(params, ids, targets):
    vectors = params["E"][ids]  # (N, T, D)
    text = vectors.mean(axis=1)  # (N, D)
    prediction = text @ params["U"]  # (N, K)
    return 0.5 * np.sum((prediction - targets) ** 2)


def gradients(params, ids, targets):
    E, U = params["E"], params["U"]
    T = ids.shape[1]
    text = E[ids].mean(axis=1)
    dprediction = text @ U - targets  # (N, K)
    dU = text.T @ dprediction  # (D, K)
    dtext = dprediction @ U.T  # (N, D)
    dvectors = np.repeat(dtext[:, None, :], T, axis=1) / T  # (N, T, D)
    dE = np.zeros_like(E)
    np.add.at(dE, ids, dvectors)
    return {"E": dE, "U": dU}


rng = np.random.default_rng(17)
params = {"E": rng.normal(size=(6, 3)), "U": rng.normal(size=(3, 2))}
ids = np.array([[0, 2, 2, 5], [1, 2, 0, 4], [5, 5, 5, 3]])
args = (ids, rng.normal(size=(3, 2)))

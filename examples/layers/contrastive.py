"""Siamese net with a margin: pairs that are alike attract, the others repel as long as they are nearer than 2."""

import numpy as np

MARGIN = 2.0


def cost(params, left, right, alike):
    W = params["W"]
    difference = left @ W - right @ W  # (P, D)
    distance = np.sqrt(np.sum(difference**2, axis=1))  # (P,)
    hinge = np.maximum(0, MARGIN - distance)
    return np.mean(alike * distance**2 + (1 - alike) * hinge**2) / 2


def gradients(params, left, right, alike):
    W = params["W"]
    P = len(alike)
    u, v = left @ W, right @ W
    difference = u - v
    distance = np.sqrt(np.sum(difference**2, axis=1))
    hinge = np.maximum(0, MARGIN - distance)
    ddistance = (alike * distance - (1 - alike) * hinge) / P  # (P,)
    du = (ddistance / distance)[:, np.newaxis] * difference  # (P, D)
    dv = -du
    dW = np.dot(left.T, du) + np.dot(right.T, dv)  # (K, D)
    return {"W": dW}


rng = np.random.default_rng(27)
params = {"W": rng.normal(size=(4, 3)) / 2}
args = (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)), np.array([1, 0, 0, 1, 0, 0]))

"""Contrastive loss on pairs of views, both ways, as in CLIP: each image finds its text and each text its image."""

import numpy as np


def normalise(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def softmax(x, axis):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def cost(params, temperature):
    u, v = normalise(params["images"]), normalise(params["texts"])
    logits = u @ v.T / temperature  # (N, N)
    to_text = -np.mean(np.log(np.diag(softmax(logits, axis=1))))
    to_image = -np.mean(np.log(np.diag(softmax(logits, axis=0))))
    return (to_text + to_image) / 2


def normalise_backward(du, x):
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    u = x / norm
    return (du - u * np.sum(u * du, axis=1, keepdims=True)) / norm


def gradients(params, temperature):
    images, texts = params["images"], params["texts"]
    N = len(images)
    u, v = normalise(images), normalise(texts)
    logits = u @ v.T / temperature
    dto_text = (softmax(logits, axis=1) - np.eye(N)) / N
    dto_image = (softmax(logits, axis=0) - np.eye(N)) / N
    dlogits = (dto_text + dto_image) / 2
    du = dlogits @ v / temperature  # (N, D)
    dv = dlogits.T @ u / temperature  # (N, D)
    return {"images": normalise_backward(du, images), "texts": normalise_backward(dv, texts)}


rng = np.random.default_rng(28)
params = {"images": rng.normal(size=(4, 3)), "texts": rng.normal(size=(4, 3))}
args = (0.5,)

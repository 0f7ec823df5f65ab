"""Cosine of the angle between the rows of two arrays."""

import numpy as np


def forward(x, y):
    xy = np.einsum("nd,nd->n", x, y)  # (N,)
    norm_x = np.sqrt(np.einsum("nd,nd->n", x, x))
    norm_y = np.sqrt(np.einsum("nd,nd->n", y, y))
    cosine = xy / (norm_x * norm_y)
    return cosine, (x, y, norm_x, norm_y, cosine)


def backward(dcosine, cache):
    x, y, norm_x, norm_y, cosine = cache
    upstream = dcosine[:, None]
    scale = upstream / (norm_x * norm_y)[:, None]  # (N, 1)
    dx = scale * y - upstream * (cosine / norm_x**2)[:, None] * x
    dy = scale * x - upstream * (cosine / norm_y**2)[:, None] * y
    return dx, dy


rng = np.random.default_rng(31)
inputs = (rng.normal(size=(3, 4)), rng.normal(size=(3, 4)))

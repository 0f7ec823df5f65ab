"""RMS normalisation: divide by the root of the mean square, without a mean to subtract."""

import numpy as np


def forward(x, g, eps=1e-6):
    ms = np.mean(x**2, axis=-1, keepdims=True)  # (T, 1)
    r = 1 / np.sqrt(ms + eps)
    out = x * r * g  # (T, D)
    return out, (x, g, r)


def backward(dout, cache):
    x, g, r = cache
    D = x.shape[-1]
    dg = np.sum(dout * x * r, axis=0)  # (D,)
    dxr = dout * g
    dr = np.sum(dxr * x, axis=-1, keepdims=True)  # (T, 1)
    dms = -0.5 * r**3 * dr
    dx = dxr * r
    dx += dms * 2 * x / D
    return dx, dg


rng = np.random.default_rng(11)
inputs = (rng.normal(size=(3, 4)), rng.normal(1.0, 0.4, size=4))

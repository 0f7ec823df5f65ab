"""Inverted dropout: what is kept is scaled up in training, so that nothing need be done when testing."""

import numpy as np


def forward(x, p=0.6, seed=231):
    rng = np.random.default_rng(seed)
    mask = (rng.random(x.shape) < p) / p  # 0 or 1 / p
    out = x * mask
    return out, mask


def backward(dout, cache):
    mask = cache
    return dout * mask


rng = np.random.default_rng(6)
inputs = (rng.normal(size=(4, 5)),)

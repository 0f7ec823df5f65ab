"""Gated unit of a transformer: silu(x Wg) times x Wu, then Wd back to the width of x."""

import numpy as np


def forward(x, Wg, Wu, Wd):
    gate = x @ Wg  # (T, F)
    up = x @ Wu  # (T, F)
    sig = 1 / (1 + np.exp(-gate))
    silu = gate * sig
    h = silu * up
    out = h @ Wd  # (T, D)
    cache = {"x": x, "Wg": Wg, "Wu": Wu, "Wd": Wd, "gate": gate, "up": up, "sig": sig, "silu": silu, "h": h}
    return out, cache


def backward(dout, c):
    dWd = c["h"].T @ dout  # (F, D)
    dh = dout @ c["Wd"].T  # (T, F)
    dup = dh * c["silu"]
    dsilu = dh * c["up"]
    dgate = dsilu * c["sig"] * (1 + c["gate"] * (1 - c["sig"]))
    dWg = c["x"].T @ dgate  # (D, F)
    dWu = c["x"].T @ dup  # (D, F)
    dx = dgate @ c["Wg"].T + dup @ c["Wu"].T  # (T, D)
    return dx, dWg, dWu, dWd


rng = np.random.default_rng(24)
inputs = (rng.normal(size=(4, 3)), rng.normal(size=(3, 5)), rng.normal(size=(3, 5)), rng.normal(size=(5, 3)))

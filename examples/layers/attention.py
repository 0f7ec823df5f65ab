"""Causal self-attention with two heads: scaled scores, the future masked by minus infinity, softmax."""

import numpy as np

H = 2  # heads


def split_heads(x):
    N, T, D = x.shape
    return x.reshape(N, T, H, D // H).transpose(0, 2, 1, 3)  # (N, H, T, d)


def merge_heads(x):
    N, _, T, d = x.shape
    return x.transpose(0, 2, 1, 3).reshape(N, T, H * d)  # (N, T, D)


def forward(x, Wq, Wk, Wv, Wo):
    T, D = x.shape[1:]
    q, k, v = split_heads(x @ Wq), split_heads(x @ Wk), split_heads(x @ Wv)
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(D // H)  # (N, H, T, T)
    mask = np.triu(np.ones((T, T), dtype=bool), k=1)
    scores[:, :, mask] = -np.inf
    scores = scores - scores.max(axis=-1, keepdims=True)
    weights = np.exp(scores)
    weights = weights / weights.sum(axis=-1, keepdims=True)
    merged = merge_heads(weights @ v)  # (N, T, D)
    out = merged @ Wo
    return out, (x, Wq, Wk, Wv, Wo, q, k, v, weights, merged)


def backward(dout, cache):
    x, Wq, Wk, Wv, Wo, q, k, v, weights, merged = cache
    D = x.shape[2]
    dWo = np.einsum("ntd,nte->de", merged, dout)
    dheads = split_heads(dout @ Wo.T)  # (N, H, T, d)
    dweights = dheads @ v.transpose(0, 1, 3, 2)  # (N, H, T, T)
    dv = weights.transpose(0, 1, 3, 2) @ dheads  # (N, H, T, d)
    dscores = weights * (dweights - np.sum(dweights * weights, axis=-1, keepdims=True))
    dscores /= np.sqrt(D // H)
    dq = merge_heads(dscores @ k)  # (N, T, D)
    dk = merge_heads(dscores.transpose(0, 1, 3, 2) @ q)
    dv = merge_heads(dv)
    dWq = np.einsum("ntd,nte->de", x, dq)
    dWk = np.einsum("ntd,nte->de", x, dk)
    dWv = np.einsum("ntd,nte->de", x, dv)
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, dWq, dWk, dWv, dWo


rng = np.random.default_rng(21)
inputs = (rng.normal(size=(1, 4, 6)), *(rng.normal(size=(6, 6)) / 2 for _ in range(4)))

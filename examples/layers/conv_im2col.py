"""Convolution as one matrix product: every window of the padded images becomes a column (im2col)."""

import numpy as np


def window_indices(shape, HH, WW, stride):
    _, C, H, W = shape
    H_out = (H - HH) // stride + 1
    W_out = (W - WW) // stride + 1
    k = np.repeat(np.arange(C), HH * WW).reshape(-1, 1)
    i0 = np.tile(np.repeat(np.arange(HH), WW), C)
    j0 = np.tile(np.arange(WW), HH * C)
    i1 = stride * np.repeat(np.arange(H_out), W_out)
    j1 = stride * np.tile(np.arange(W_out), H_out)
    return k, i0.reshape(-1, 1) + i1, j0.reshape(-1, 1) + j1, H_out, W_out


def forward(x, w, b, stride=1, pad=1):
    N = x.shape[0]
    F, C, HH, WW = w.shape
    x_pad = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    k, i, j, H_out, W_out = window_indices(x_pad.shape, HH, WW, stride)
    cols = x_pad[:, k, i, j]  # (N, C*HH*WW, H_out*W_out)
    cols = cols.transpose(1, 2, 0).reshape(C * HH * WW, -1)  # (C*HH*WW, H_out*W_out*N)
    out = w.reshape(F, -1) @ cols + b.reshape(-1, 1)  # (F, H_out*W_out*N)
    out = out.reshape(F, H_out, W_out, N).transpose(3, 0, 1, 2)  # (N, F, H_out, W_out)
    return out, (x_pad.shape, w, cols, stride, pad)


def backward(dout, cache):
    padded_shape, w, cols, stride, pad = cache
    F, C, HH, WW = w.shape
    N = dout.shape[0]
    db = np.sum(dout, axis=(0, 2, 3))
    dout_cols = dout.transpose(1, 2, 3, 0).reshape(F, -1)  # (F, H_out*W_out*N)
    dw = (dout_cols @ cols.T).reshape(w.shape)
    dcols = w.reshape(F, -1).T @ dout_cols  # (C*HH*WW, H_out*W_out*N)
    dcols = dcols.reshape(C * HH * WW, -1, N).transpose(2, 0, 1)
    dx_pad = np.zeros(padded_shape)
    k, i, j, _, _ = window_indices(padded_shape, HH, WW, stride)
    np.add.at(dx_pad, (slice(None), k, i, j), dcols)
    dx = dx_pad[:, :, pad:-pad, pad:-pad]
    return dx, dw, db


rng = np.random.default_rng(13)
inputs = (rng.normal(size=(2, 3, 3, 4)), rng.normal(size=(5, 3, 2, 2)), rng.normal(size=5))

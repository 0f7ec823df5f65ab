"""LSTM over time, the four gates in one matrix product."""

import numpy as np

from compare import watch


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward(x, h0, Wx, Wh, b):
    T, _, _ = x.shape  # (T, N, D): time first
    N, H = h0.shape
    h_prev, c_prev = h0, np.zeros((N, H))
    hs, cache = [], []
    for t in range(T):
        z = x[t].dot(Wx) + h_prev.dot(Wh) + b  # (N, 4H)
        i = sigmoid(z[:, :H])
        f = sigmoid(z[:, H : 2 * H])
        o = sigmoid(z[:, 2 * H : 3 * H])
        g = np.tanh(z[:, 3 * H :])
        c = watch("c", f * c_prev + i * g)  # (N, H)
        h = watch("h", o * np.tanh(c))
        cache.append((x[t], h_prev, c_prev, i, f, o, g, c))
        hs.append(h)
        h_prev, c_prev = h, c
    return np.stack(hs), (cache, Wx, Wh)


def backward(dhs, cache):
    steps, Wx, Wh = cache
    T, N, H = dhs.shape
    dx = np.zeros((T, N, Wx.shape[0]))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(4 * H)
    dh_next, dc_next = np.zeros((N, H)), np.zeros((N, H))
    for t in range(T - 1, -1, -1):
        x, h_prev, c_prev, i, f, o, g, c = steps[t]
        dh = dhs[t] + dh_next
        tanh_c = np.tanh(c)
        do = dh * tanh_c
        dc = dc_next + dh * o * (1 - tanh_c**2)
        df = dc * c_prev
        di = dc * g
        dg = dc * i
        dz_i = di * i * (1 - i)
        dz_f = df * f * (1 - f)
        dz_o = do * o * (1 - o)
        dz_g = dg * (1 - g**2)
        dz = np.concatenate((dz_i, dz_f, dz_o, dz_g), axis=1)  # (N, 4H)
        dx[t] = dz.dot(Wx.T)
        dWx += x.T.dot(dz)
        dWh += h_prev.T.dot(dz)
        db += dz.sum(axis=0)
        dh_next = dz.dot(Wh.T)
        dc_next = dc * f
    return dx, dh_next, dWx, dWh, db


rng = np.random.default_rng(20)
inputs = (
    rng.normal(size=(3, 2, 5)),
    rng.normal(size=(2, 4)),
    rng.normal(size=(5, 16)) / 2,
    rng.normal(size=(4, 16)) / 2,
    rng.normal(size=16),
)

"""Four models with hand-written gradients at any size, right and with a mistake, for `benchmarks.sizes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from compare import Report, check_vjp, gradcheck

Check = Callable[[bool], Report]  # of the right code, or of the wrong
M = 16  # observations, or positions


def logistic_regression(parameters: int) -> tuple[int, Check]:
    """One unit, all of it in arrays."""
    rng = np.random.default_rng(0)
    n = max(parameters, 2)
    X, y, w = rng.normal(size=(M, n)), rng.integers(0, 2, M).astype(float), rng.normal(size=n) / np.sqrt(n)

    def cost(w: Any, X: Any, y: Any) -> Any:
        z = X @ w
        return np.mean(np.log(1 + np.exp(z)) - y * z)

    def gradient(w: Any, X: Any, y: Any) -> Any:
        e = np.exp(X @ w)
        p = e / (1 + e)
        return X.T @ (p - y) / len(y)

    def without_targets(w: Any, X: Any, y: Any) -> Any:
        e = np.exp(X @ w)
        p = e / (1 + e)
        return X.T @ p / len(y)

    return n, lambda right: gradcheck(cost, gradient if right else without_targets, w, X, y, raise_exception=False)


def network(parameters: int) -> tuple[int, Check]:
    """Two layers, n inputs and n / 2 units of tanh."""
    rng = np.random.default_rng(0)
    n = max(2, round(np.sqrt(2 * parameters)))
    h = max(1, n // 2)
    X, Y = rng.normal(size=(n, M)), rng.normal(size=(1, M))
    params = {
        "W1": rng.normal(size=(h, n)) / np.sqrt(n),
        "b1": rng.normal(size=(h, 1)),
        "W2": rng.normal(size=(1, h)) / np.sqrt(h),
    }

    def cost(params: Any, X: Any, Y: Any) -> Any:
        a = np.tanh(params["W1"] @ X + params["b1"])
        return np.mean((params["W2"] @ a - Y) ** 2)

    def gradients(params: Any, X: Any, Y: Any) -> Any:
        a = np.tanh(params["W1"] @ X + params["b1"])
        dout = 2 * (params["W2"] @ a - Y) / Y.size
        dz = params["W2"].T @ dout * (1 - a**2)
        return {"W1": dz @ X.T, "b1": dz.sum(axis=1, keepdims=True), "W2": dout @ a.T}

    def without_slope(params: Any, X: Any, Y: Any) -> Any:
        a = np.tanh(params["W1"] @ X + params["b1"])
        dout = 2 * (params["W2"] @ a - Y) / Y.size
        dz = params["W2"].T @ dout
        return {"W1": dz @ X.T, "b1": dz.sum(axis=1, keepdims=True), "W2": dout @ a.T}

    size = sum(x.size for x in params.values())
    return size, lambda right: gradcheck(
        cost, gradients if right else without_slope, params, X, Y, raise_exception=False
    )


def softmax_by_loops(parameters: int) -> tuple[int, Check]:
    """Ten classes, in loops over observations and classes."""
    rng = np.random.default_rng(0)
    n = max(1, parameters // 10)
    X, y, W = rng.normal(size=(M, n)), rng.integers(0, 10, M), rng.normal(size=(n, 10)) / np.sqrt(n)

    def cost(W: Any, X: Any, y: Any) -> Any:
        loss = 0.0
        for i in range(len(y)):
            s = X[i].dot(W)
            s = s - np.max(s)
            loss += np.log(np.sum(np.exp(s))) - s[y[i]]
        return loss / len(y)

    def without_mean(W: Any, X: Any, y: Any) -> Any:
        dW = np.zeros_like(W)
        for i in range(len(y)):
            s = X[i].dot(W)
            p = np.exp(s - np.max(s))
            p = p / np.sum(p)
            for j in range(10):
                dW[:, j] += (p[j] - (j == y[i])) * X[i]
        return dW

    def gradient(W: Any, X: Any, y: Any) -> Any:
        return without_mean(W, X, y) / len(y)

    return W.size, lambda right: gradcheck(cost, gradient if right else without_mean, W, X, y, raise_exception=False)


def attention(parameters: int) -> tuple[int, Check]:
    """One head of attention, d wide, 16 positions."""
    rng = np.random.default_rng(0)
    d = max(2, round(np.sqrt(parameters / 3)))
    inputs = {"x": rng.normal(size=(M, d))} | {
        name: rng.normal(size=(d, d)) / np.sqrt(d) for name in ("Wq", "Wk", "Wv")
    }

    def forward(x: Any, Wq: Any, Wk: Any, Wv: Any) -> Any:
        q, k, v = x @ Wq, x @ Wk, x @ Wv  # (16, d)
        s = q @ k.T / np.sqrt(d)
        e = np.exp(s - s.max(axis=1, keepdims=True))
        a = e / e.sum(axis=1, keepdims=True)  # (16, 16)
        return a @ v, (x, Wq, Wk, Wv, q, k, v, a)

    def backward(dout: Any, cache: Any) -> Any:
        x, Wq, Wk, Wv, q, k, v, a = cache
        da = dout @ v.T
        ds = a * (da - (da * a).sum(axis=1, keepdims=True)) / np.sqrt(d)
        dq, dk, dv = ds @ k, ds.T @ q, a.T @ dout
        return {"x": dq @ Wq.T + dk @ Wk.T + dv @ Wv.T, "Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}

    def diagonal(dout: Any, cache: Any) -> Any:
        x, Wq, Wk, Wv, q, k, v, a = cache
        da = dout @ v.T
        ds = a * (1 - a) * da / np.sqrt(d)
        dq, dk, dv = ds @ k, ds.T @ q, a.T @ dout
        return {"x": dq @ Wq.T + dk @ Wk.T + dv @ Wv.T, "Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}

    return 3 * d * d, lambda right: check_vjp(forward, backward if right else diagonal, inputs, raise_exception=False)


MODELS = {
    "logistic regression": logistic_regression,
    "network, two layers": network,
    "softmax regression, loops": softmax_by_loops,
    "attention": attention,
}

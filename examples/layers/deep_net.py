"""Deep network of equal layers, a loop over the layers as in lecture notes: an index off by one still runs."""

import numpy as np

L = 3


def forward_propagation(params, X):
    z, a = {}, {0: X}
    for layer in range(1, L + 1):
        z[layer] = params[f"b{layer}"] + np.dot(params[f"W{layer}"].T, a[layer - 1])  # (n, m)
        a[layer] = np.tanh(z[layer])
    return z, a


def cost(params, X, Y):
    _, a = forward_propagation(params, X)
    return np.mean(np.sum((a[L] - Y) ** 2, axis=0) / 2)


def gradients(params, X, Y):
    m = X.shape[1]
    z, a = forward_propagation(params, X)
    grads = {}
    dJda = a[L] - Y
    for layer in range(L, 0, -1):
        dadz = 1 - np.tanh(z[layer]) ** 2
        dJdz = dJda * dadz  # (n, m)
        grads[f"b{layer}"] = 1 / m * np.sum(dJdz, axis=1, keepdims=True)  # (n, 1)
        grads[f"W{layer}"] = 1 / m * np.dot(a[layer - 1], dJdz.T)  # (n, n)
        dJda = np.dot(params[f"W{layer}"], dJdz)
    return grads


rng = np.random.default_rng(22)
params = {}
for layer in range(1, L + 1):
    params[f"W{layer}"] = rng.normal(size=(3, 3))
    params[f"b{layer}"] = rng.normal(size=(3, 1))
args = (rng.normal(size=(3, 5)), rng.normal(size=(3, 5)))

"""Variational autoencoder: reparameterised sample, squared reconstruction error, divergence from the unit normal."""

import numpy as np


def encode(params, X):
    mu = X @ params["W_mu"]  # (N, K)
    logvar = X @ params["W_logvar"]  # (N, K)
    return mu, logvar


def cost(params, X, noise):
    N = X.shape[0]
    mu, logvar = encode(params, X)
    code = mu + np.exp(0.5 * logvar) * noise
    X_hat = code @ params["W_out"]  # (N, D)
    reconstruction = np.sum((X_hat - X) ** 2)
    KL = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))
    return (reconstruction + KL) / N


def gradients(params, X, noise):
    N = X.shape[0]
    mu, logvar = encode(params, X)
    std = np.exp(0.5 * logvar)
    code = mu + std * noise
    X_hat = code @ params["W_out"]

    dX_hat = 2 * (X_hat - X) / N  # (N, D)
    dW_out = code.T @ dX_hat  # (K, D)
    dcode = dX_hat @ params["W_out"].T  # (N, K)
    dmu = dcode.copy()
    dlogvar = dcode * noise * 0.5 * std
    dmu += mu / N
    dlogvar += -0.5 * (1 - np.exp(logvar)) / N
    return {"W_mu": X.T @ dmu, "W_logvar": X.T @ dlogvar, "W_out": dW_out}


rng = np.random.default_rng(29)
params = {
    "W_mu": rng.normal(size=(4, 2)) / 2,
    "W_logvar": rng.normal(size=(4, 2)) / 2,
    "W_out": rng.normal(size=(2, 4)) / 2,
}
args = (rng.normal(size=(3, 4)), rng.normal(size=(3, 2)))

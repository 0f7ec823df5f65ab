"""Classic mistakes in hand-written backward passes, each as an edit of a right one in examples/layers/."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from layers import Layer, load, source_of

Edits = list[tuple[str, str]]


@dataclass(frozen=True)
class Mistake:
    """One mistake: the layer it is made in, its name, the edits that make it, and what a true reason must mention.

    Each old text occurs once in the source. Each pattern of `reason` (a regular expression, case ignored) must be
    found in a sentence that names this mistake.
    """

    layer: str
    name: str
    edits: Edits
    reason: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.layer}: {self.name}"

    def explained_by(self, text: str) -> bool:
        return all(re.search(pattern, text, re.IGNORECASE | re.DOTALL) for pattern in self.reason)


def mutated_source(layer: str, mistake: Mistake | str) -> str:
    """The source of a layer with the mistake, or the mistake of that name, made in it."""
    if isinstance(mistake, str):
        mistake = next(other for other in MISTAKES if (other.layer, other.name) == (layer, mistake))
    source = source_of(layer)
    for old, new in mistake.edits:
        if source.count(old) != 1:
            raise ValueError(f"{mistake}: {old!r} occurs {source.count(old)} times in {layer}.py, not once")
        source = source.replace(old, new)
    return source


def mistaken(mistake: Mistake) -> Layer:
    """The layer with the mistake made in it, ready to be checked."""
    return load(mistake.layer, mutated_source(mistake.layer, mistake))


CATALOGUE: dict[str, list[tuple[Any, ...]]] = {
    "affine": [
        ("db not summed over the batch", [("db = np.sum(dout, axis=0)", "db = dout")], "db|b", "sum|shape|batch"),
        ("db summed along the wrong axis", [("db = np.sum(dout, axis=0)", "db = np.sum(dout, axis=1)")], "axis|shape"),
        ("db a mean", [("db = np.sum(dout, axis=0)", "db = np.mean(dout, axis=0)")], "mean|1/N|factor|N = 3|1/3"),
        ("dW transposed", [("dW = rows.T.dot(dout)", "dW = dout.T.dot(rows)")], "transposed"),
        (
            "dx reshaped in another order",
            [(".reshape(x.shape)  # (N", '.reshape(x.shape, order="F")  # (N')],
            "order|permut|transposed|reshape",
        ),
        ("sign of dx", [("dx = dout.dot", "dx = -dout.dot")], "sign|minus|negative|factor -1"),
    ],
    "square_layer": [
        ("W transposed", [("dJdX = np.dot(W, dJdz)", "dJdX = np.dot(W.T, dJdz)")], r"W", "transposed|W\\.T"),
        ("dW transposed", [("np.dot(X, dJdz.T)", "np.dot(dJdz, X.T)")], "W", "transposed"),
        (
            "slope of tanh left out",
            [("dJdz = dJda * (1 - a**2)", "dJdz = dJda")],
            "tanh|slope|1 - a",
            "left out|miss|forgot|slope",
        ),
        ("slope of tanh at z", [("dJda * (1 - a**2)", 'dJda * (1 - cache["z"] ** 2)')], "slope|tanh", "z"),
        ("slope of tanh without the square", [("(1 - a**2)", "(1 - a)")], "slope|tanh|square|1 - a"),
        ("dz itself for db", [("dJdb = np.sum(dJdz, axis=1, keepdims=True)", "dJdb = dJdz")], "sum|shape|batch"),
    ],
    "affine_relu": [
        ("slope of ReLU left out", [("    dz[z <= 0] = 0\n", "")], "relu|maximum|slope|mask"),
        ("mask from the upstream gradient", [("dz[z <= 0] = 0", "dz[dz <= 0] = 0")], "mask|relu|maximum|slope"),
        ("mask the wrong way round", [("dz[z <= 0] = 0", "dz[z > 0] = 0")], "mask|relu|maximum|slope"),
        (
            "db before the ReLU",
            [
                (
                    "return affine_backward(dz, fc_cache)",
                    "dx, dw, _ = affine_backward(dz, fc_cache)\n    return dx, dw, dout.sum(axis=0)",
                )
            ],
            "b",
            "relu|maximum|slope|mask",
        ),
    ],
    "batch_norm": [
        (
            "variance taken as a constant",
            [("    dcentred += 2 * centred * dsquares\n", "")],
            "var",
            "constant|left out|missing|path",
        ),
        (
            "mean taken as a constant",
            [("dx = dcentred + 1.0 / N * np.ones((N, D)) * dmu", "dx = dcentred")],
            "mu|mean",
            "constant|left out|missing|path",
        ),
        (
            "1/N of the variance missing",
            [("dsquares = 1.0 / N * np.ones", "dsquares = np.ones")],
            "1/N|1/5|N = 5|factor|mean",
        ),
        (
            "1/N of the mean missing",
            [("dcentred + 1.0 / N * np.ones", "dcentred + np.ones")],
            "1/N|1/5|N = 5|factor|mean",
        ),
        ("gamma forgotten", [("dx_hat = dout * gamma", "dx_hat = dout * 1.0")], "gamma"),
        ("2 of the square missing", [("2 * centred * dsquares", "centred * dsquares")], "2|square"),
        ("square root's one half missing", [("dvar = 0.5 * dstd / std", "dvar = dstd / std")], "sqrt|0\\.5|1/2|half"),
        (
            "gradient of centred overwritten",
            [("dcentred += 2", "dcentred = 2")],
            "centred|accumulat|overwrit|path|left out",
        ),
    ],
    "batch_norm_compact": [
        (
            "mean taken as a constant",
            [("(N * dout - dbeta - x_hat", "(N * dout - x_hat")],
            "mean",
            "constant|left out|missing|path",
        ),
        (
            "variance taken as a constant",
            [("- dbeta - x_hat * dgamma)", "- dbeta)")],
            "var",
            "constant|left out|missing|path",
        ),
        (
            "mean and variance taken as constants",
            [(" / N * (N * dout - dbeta - x_hat * dgamma)", " * dout")],
            "mean|var",
            "constant|left out|missing|path",
        ),
        ("gamma forgotten", [("(gamma / np.sqrt", "(1.0 / np.sqrt")], "gamma"),
        ("N times dout without N", [("(N * dout - dbeta", "(dout - dbeta")], "N|direct|factor"),
        ("square root forgotten", [("dx = (gamma / np.sqrt(var + eps))", "dx = gamma / var")], "sqrt|var"),
    ],
    "layer_norm": [
        (
            "mean taken as a constant",
            [("dnorm - dnorm.mean(axis=-1, keepdims=True) - ", "dnorm - ")],
            "mean",
            "constant|left out|missing|path",
        ),
        (
            "variance taken as a constant",
            [(" - norm * (dnorm * norm).mean(axis=-1, keepdims=True)", "")],
            "var",
            "constant|left out|missing|path",
        ),
        ("weight forgotten", [("dnorm = dout * weight", "dnorm = dout")], "weight"),
        ("sum for mean", [("(dnorm * norm).mean", "(dnorm * norm).sum")], "mean|1/C|1/5|factor"),
        ("means over the positions", [("dnorm - dnorm.mean(axis=-1, ", "dnorm - dnorm.mean(axis=1, ")], "axis"),
        (
            "bias not summed over the positions",
            [("dbias = dout.sum(axis=(0, 1))", "dbias = dout.sum(axis=0)")],
            "bias",
            "sum|shape|axis",
        ),
        ("last scaling forgotten", [("    dx *= rstd\n", "")], "rstd|factor"),
    ],
    "dropout": [
        ("mask not applied", [("return dout * mask", "return dout * 1.0")], "mask"),
        ("mask not scaled", [("return dout * mask", "return dout * (mask > 0)")], "mask|1/p|0\\.6|5/3|3/5|factor"),
        (
            "mask drawn anew",
            [("return dout * mask", "return dout * (np.random.default_rng(0).random(dout.shape) < 0.6) / 0.6")],
            "mask",
        ),
        ("scaled twice", [("return dout * mask", "return dout * mask / 0.6")], "mask|1/p|0\\.6|5/3|3/5|factor"),
    ],
    "softmax_cross_entropy": [
        (
            "labels off by one",
            [("dscores[np.arange(N), y] -= 1", "dscores[np.arange(N), y - 1] -= 1")],
            "y|label|\\[np.arange",
        ),
        ("1 of the right class not taken off", [("    dscores[np.arange(N), y] -= 1\n", "")], "y|label|\\[np.arange"),
        ("1/N missing", [("    dscores /= N\n", "")], "1/N|1/5|N = 5|factor|mean"),
        ("1/N twice", [("X.T.dot(dscores)", "X.T.dot(dscores) / N")], "1/N|1/5|N = 5|factor|mean|twice"),
        (
            "sign",
            [("dscores[np.arange(N), y] -= 1\n    dscores /= N", "dscores[np.arange(N), y] -= 1\n    dscores /= -N")],
            "sign|minus|negative",
        ),
        ("db a mean", [("np.sum(dscores, axis=0)", "np.mean(dscores, axis=0)")], "mean|1/N|1/5|factor"),
    ],
    "logistic_regression": [
        ("1/m missing in dJdw", [("(1 / m) * np.dot(X, dJdz.T)", "np.dot(X, dJdz.T)")], "1/m|m = 5|1/5"),
        ("sum for mean in dJdb", [("np.mean(dJdz, axis=1", "np.sum(dJdz, axis=1")], "sum|mean|1/m|m = 5|1/5"),
        ("dJdb without keepdims", [("axis=1, keepdims=True)  # (1, 1)", "axis=1)")], "shape|keepdims"),
        ("dJdw transposed", [("np.dot(X, dJdz.T)", "np.dot(dJdz, X.T)")], "shape|transposed"),
        ("sign", [("dJda = -Y / a + (1 - Y) / (1 - a)", "dJda = Y / a - (1 - Y) / (1 - a)")], "sign|minus|negative"),
        ("observations of class 0 forgotten", [("-Y / a + (1 - Y) / (1 - a)", "-Y / a")], "1 - Y|1 - a|left out|path"),
        (
            "slope of the sigmoid left out",
            [("dJdz = dJda * dadz", "dJdz = dJda")],
            "slope|sigmoid|dadz|a \\* \\(1 - a\\)",
        ),
        ("slope of the sigmoid without 1 - a", [("dadz = a * (1 - a)", "dadz = a")], "slope|sigmoid|dadz|1 - a"),
    ],
    "two_layer_net": [
        (
            "slope of tanh left out",
            [("dJdz1 = dJda1 * (1 - a1**2)", "dJdz1 = dJda1")],
            "tanh|slope|1 - a",
            "left out|miss|forgot|slope",
        ),
        ("slope of tanh at z", [("(1 - a1**2)", '(1 - forward["z1"] ** 2)')], "tanh|slope", "z"),
        ("slope of the sigmoid for that of tanh", [("(1 - a1**2)", "a1 * (1 - a1)")], "tanh|slope|sigmoid"),
        (
            "slope of the sigmoid twice",
            [("dJdz2 = a2 - Y", "dJdz2 = (a2 - Y) * a2 * (1 - a2)")],
            "slope|sigmoid|a2 \\* \\(1 - a2\\)",
        ),
        ("1/m missing in dJdW1", [("dJdW1 = (1 / m) * ", "dJdW1 = ")], "1/m|m = 6|1/6"),
        ("sum for mean in dJdb2", [("dJdb2 = np.mean", "dJdb2 = np.sum")], "sum|mean|1/m|m = 6|1/6"),
        ("1/m twice", [("dJdz2 = a2 - Y", "dJdz2 = (a2 - Y) / m")], "1/m|m = 6|1/6|twice"),
        ("dJdb1 averaged over the units", [("np.mean(dJdz1, axis=1, ", "np.mean(dJdz1, axis=0, ")], "axis|shape"),
    ],
}

MISTAKES = [
    Mistake(layer, name, edits, tuple(reason)) for layer, rows in CATALOGUE.items() for name, edits, *reason in rows
]

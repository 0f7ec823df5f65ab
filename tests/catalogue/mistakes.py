"""Classic mistakes in hand-written backward passes, each as an edit of a right one in examples/layers/."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Any

from tests.catalogue.layers import Layer, load, source_of

Edits = list[tuple[str, str]]


@dataclass(frozen=True)
class Mistake:
    """One mistake: the layer it is made in, its name, the edits that make it, and what a true reason must mention.

    Each old text occurs once in the source. `reason` holds lists of alternatives, `a|b|c` (regular expressions, case
    ignored): a sentence that names this mistake has one of each. Names of one or two letters are whole words.
    """

    layer: str
    name: str
    edits: Edits
    reason: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.layer}: {self.name}"

    @property
    def lines(self) -> set[int]:
        """The lines that the mistake changed, as they are numbered with it."""
        right, wrong = source_of(self.layer).splitlines(), mutated_source(self.layer, self).splitlines()
        blocks = difflib.SequenceMatcher(None, right, wrong, autojunk=False).get_opcodes()
        return {k + 1 for tag, _, _, low, high in blocks if tag != "equal" for k in range(low, high)}

    def explained_by(self, text: str) -> bool:
        if text.startswith("No edit explains it"):
            return False
        corrected = re.search(r"exactly right (?:when|without) line (\d+)", text)
        if corrected and int(corrected[1]) in self.lines:  # a correction, confirmed, in the line of the mistake
            return True
        return all(any(_found(pattern, text) for pattern in patterns.split("|")) for patterns in self.reason)


def _found(pattern: str, text: str) -> bool:
    if re.fullmatch(r"\w{1,2}", pattern):
        pattern = rf"(?<![\w.])d?{pattern}\d*(?!\w)"
    if re.search(r"forgotten|taken as a constant|overwritten", text):
        text += " (its path is left out, its contribution is missing)"  # the same in other words
    if "derivative of" in text:
        text += " (its slope)"
    return re.search(pattern, text, re.IGNORECASE) is not None


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
        (
            "1 of the right class not taken off",  # that is the path through the numerator
            [("    dscores[np.arange(N), y] -= 1\n", "")],
            "y|label|\\[np.arange|`np.exp\\(scores\\)` in `exp_scores / .* is forgotten",
        ),
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
    "group_norm": [
        (
            "mean taken as a constant",
            [("size * dx_hat - total - x_hat", "size * dx_hat - x_hat")],
            "mean",
            "constant|left out|missing|path",
        ),
        (
            "variance taken as a constant",
            [("- total - x_hat * slope)", "- total)")],
            "var|std",
            "constant|left out|missing|path",
        ),
        (
            "size of a group without its pixels",
            [("size * dx_hat - total", "(C // G) * dx_hat - total")],
            "size|mean|factor|1/4|N = 4|direct",
        ),
        ("gamma forgotten", [("(dout * gamma).reshape", "dout.reshape")], "gamma"),
        ("divided by the variance", [("std.reshape(N, G, 1))", "std.reshape(N, G, 1) ** 2)")], "std|sqrt|var"),
        (
            "dbeta without keepdims",
            [("dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)", "dbeta = np.sum(dout, axis=(0, 2, 3))")],
            "shape|keepdims",
        ),
    ],
    "rms_norm": [
        (
            "mean square taken as a constant",
            [("    dx += dms * 2 * x / D\n", "")],
            "ms|mean|r",
            "constant|left out|missing|path",
        ),
        ("1/D missing", [("2 * x / D", "2 * x")], "1/D|1/4|D = 4|factor|mean"),
        ("2 of the square missing", [("dms * 2 * x / D", "dms * x / D")], "2|square"),
        ("r squared for r cubed", [("-0.5 * r**3 * dr", "-0.5 * r**2 * dr")], "r|sqrt|slope"),
        ("sign of dms", [("dms = -0.5", "dms = 0.5")], "sign|minus|negative"),
        ("weight forgotten", [("dxr = dout * g", "dxr = dout * 1.0")], "g"),
        ("r forgotten in dg", [("dout * x * r, axis=0", "dout * x, axis=0")], "r"),
    ],
    "conv_loops": [
        (
            "padding cropped at one end only",
            [("dx_pad[:, :, pad : pad + H, pad : pad + W]", "dx_pad[:, :, :H, :W]")],
            "pad|shift|offset|crop|order|permut",
        ),
        ("padding not cropped", [("dx = dx_pad[:, :, pad : pad + H, pad : pad + W]", "dx = dx_pad")], "shape|pad"),
        (
            "stride ignored",
            [("top, left = i * stride, j * stride", "top, left = i, j")],
            "stride|window|position|x_pad",
        ),
        (
            "filter turned round",
            [("left : left + WW] += g * w[f]", "left : left + WW] += g * w[f][:, ::-1, ::-1]")],
            "flip|turned|w|order|permut",
        ),
        (
            "dx assigned, not accumulated",
            [("left : left + WW] += g * w[f]", "left : left + WW] = g * w[f]")],
            "accumulat|\\+=|overwrit|consumer|path|left out",
        ),
        (
            "dw assigned, not accumulated",
            [("dw[f] += g", "dw[f] = g")],
            "accumulat|\\+=|overwrit|consumer|path|left out",
        ),
        (
            "db assigned, not accumulated",
            [("db[f] += g", "db[f] = g")],
            "accumulat|\\+=|overwrit|consumer|path|left out",
        ),
        (
            "db a mean over the batch",
            [("    return dx, dw, db\n", "    return dx, dw, db / N\n")],
            "mean|1/N|1/2|factor",
        ),
    ],
    "conv_im2col": [
        (
            "overlapping windows lost",
            [("np.add.at(dx_pad, (slice(None), k, i, j), dcols)", "dx_pad[:, k, i, j] += dcols")],
            "np\\.add\\.at|repeat|accumulat|overlap|consumer|path",
        ),
        (
            "images and positions mixed",
            [
                (
                    "dcols.reshape(C * HH * WW, -1, N).transpose(2, 0, 1)",
                    "dcols.reshape(C * HH * WW, N, -1).transpose(1, 0, 2)",
                )
            ],
            "order|permut|reshape|transposed|mixed",
        ),
        (
            "images and filters mixed",
            [("dout.transpose(1, 2, 3, 0).reshape(F, -1)", "dout.reshape(F, -1)")],
            "order|permut|reshape|transposed|mixed",
        ),
        (
            "db not summed over the images",
            [("np.sum(dout, axis=(0, 2, 3))", "np.sum(dout[0], axis=(1, 2))")],
            "sum|image|axis|left out|path|batch",
        ),
        (
            "filter turned round",
            [("dcols = w.reshape(F, -1).T", "dcols = w[:, :, ::-1, ::-1].reshape(F, -1).T")],
            "flip|turned|w|order|permut",
        ),
    ],
    "max_pool": [
        (
            "overlapping windows overwrite each other",
            [("left + s] += dout", "left + s] = dout")],
            "accumulat|\\+=|overwrit|overlap|consumer|path|left out",
        ),
        (
            "stride ignored",
            [("top, left = i * stride, j * stride", "top, left = i, j")],
            "stride|window|position|maxim",
        ),
        (
            "row and column of the maximum swapped",
            [("top + r, left + s]", "top + s, left + r]")],
            "transposed|swap|position|maxim|order|permut|reads `s, r = ",
        ),
        (
            "gradient shared by the whole window",
            [
                (
                    "dx[n, c, top + r, left + s] += dout[n, c, i, j]",
                    "dx[n, c, top : top + size, left : left + size] += dout[n, c, i, j] / window.size",
                )
            ],
            "maxim|window|entry|zero",
        ),
        ("smallest entry for the largest", [("np.argmax(window)", "np.argmin(window)")], "maxim|window|entry|zero"),
    ],
    "average_pool": [
        ("size of the window missing", [(" / (HEIGHT * WIDTH)", "")], "mean|1/6|factor|HEIGHT|size"),
        ("divided by the width alone", [("(HEIGHT * WIDTH)", "WIDTH")], "mean|1/6|1/3|factor|HEIGHT|size"),
        (
            "overlapping windows overwrite each other",
            [("dx[:, :, rows, columns] += dout", "dx[:, :, rows, columns] = dout")],
            "accumulat|\\+=|overwrit|overlap|consumer|path|left out",
        ),
    ],
    "svm_hinge": [
        (
            "right class forgotten",
            [("    violated[np.arange(N), y] = -np.sum(violated, axis=1)\n", "")],
            "correct|y|\\[np.arange",
            "left out|miss|forgot|path",
        ),
        ("right class counted once", [("= -np.sum(violated, axis=1)", "= -1")], "correct|count|sum|once|y"),
        ("1/N missing", [("X.T.dot(violated) / N", "X.T.dot(violated)")], "1/N|1/5|N = 5|factor|mean"),
        ("2 of the squared weights missing", [("2 * reg * W", "reg * W")], "2|reg|square"),
        ("penalty forgotten", [("    dW += 2 * reg * W\n", "")], "reg|penalty|W \\* W"),
        (
            "margin of 1 forgotten",
            [("margins = scores - correct + 1\n", "margins = scores - correct\n")],
            "margin|maximum|mask|slope|relu|violated",
        ),
    ],
    "embedding": [
        ("repeated words lost", [("np.add.at(dE, ids, dvectors)", "dE[ids] += dvectors")], "np\\.add\\.at|repeat"),
        (
            "repeated words overwritten",
            [("np.add.at(dE, ids, dvectors)", "dE[ids] = dvectors")],
            "np\\.add\\.at|repeat|overwrit",
        ),
        ("1/T of the mean missing", [(", T, axis=1) / T", ", T, axis=1)")], "1/T|1/4|T = 4|mean|factor"),
        ("dU transposed", [("dU = text.T @ dprediction", "dU = dprediction.T @ text")], "shape|transposed"),
        ("sign", [("text @ U - targets", "targets - text @ U")], "sign|minus|negative"),
        (
            "one word per text",
            [("np.add.at(dE, ids, dvectors)", "np.add.at(dE, ids[:, 0], dtext / T)")],
            "E|ids|left out|path|word",
        ),
    ],
    "tied_embeddings": [
        (
            "use as input forgotten",
            [("    np.add.at(dE, words, dx)  # and from the input\n", "")],
            "E",
            "input|words|use|path|left out",
        ),
        (
            "use as output forgotten",
            [("dE = dscores.T @ h", "dE = np.zeros_like(dscores.T @ h)")],
            "E",
            "output|scores|use|path|left out",
        ),
        ("repeated words lost", [("np.add.at(dE, words, dx)", "dE[words] += dx")], "np\\.add\\.at|repeat"),
        (
            "input overwrites output",
            [("np.add.at(dE, words, dx)", "dE[words] = dx")],
            "np\\.add\\.at|repeat|overwrit|accumulat|use|path|left out",
        ),
        ("W transposed", [("dx = dz @ W.T", "dx = dz @ W")], "W", "transposed"),
        (
            "slope of tanh left out",
            [("dz = dh * (1 - h * h)", "dz = dh * 1.0")],
            "tanh|slope|1 - h",
            "left out|miss|forgot|slope",
        ),
        (
            "labels off by one",
            [("dscores[np.arange(T), next_words] -= 1", "dscores[np.arange(T), words] -= 1")],
            "label|next_words",
        ),
    ],
    "rnn": [
        (
            "gradient of the later steps not added",
            [("dh[:, t, :] + dprev_h", "dh[:, t, :]")],
            "h",
            "step|path|left out|later|time",
        ),
        (
            "upstream of the last step only",
            [("step_backward(dh[:, t, :] + dprev_h, ", "step_backward((dh[:, t, :] if t == T - 1 else 0) + dprev_h, ")],
            "h|dh|t == T - 1",
            "step|path|left out|time|consumer|t <= ",
        ),
        (
            "slope of tanh left out",
            [("dz = dnext_h * (1 - next_h**2)", "dz = dnext_h")],
            "tanh|slope|1 - next_h",
            "left out|miss|forgot|slope",
        ),
        ("Wh transposed", [("dprev_h = dz @ Wh.T", "dprev_h = dz @ Wh")], "Wh", "transposed"),
        ("dWh from the new state", [("dWh = prev_h.T @ dz", "dWh = next_h.T @ dz")], "prev_h|next_h|h"),
        (
            "dWx of the first step only",
            [("dWx += dWx_t", "dWx = dWx_t")],
            "accumulat|\\+=|overwrit|step|path|left out|consumer",
        ),
        (
            "dh0 before the last product",
            [("    dh0 = dprev_h\n", "    dh0 = dh[:, 0, :]\n")],
            "h0|Wh|slope|factor|step",
        ),
    ],
    "lstm": [
        ("carry of c dropped", [("dc = dc_next + dh", "dc = dh")], "c|c_prev", "path|left out|dropped|carry|step|time"),
        (
            "carry of c without the forget gate",
            [("dc_next = dc * f\n", "dc_next = dc\n")],
            "f|forget",
            "factor|left out|missing|slope",
        ),
        (
            "gradient of the later steps not added",
            [("dh = dhs[t] + dh_next", "dh = dhs[t]")],
            "h|h_prev",
            "path|left out|dropped|step|later|time",
        ),
        ("slope of tanh of c left out", [("o * (1 - tanh_c**2)", "o")], "tanh|slope", "c"),
        ("slope of tanh at c", [("(1 - tanh_c**2)", "(1 - c**2)")], "tanh|slope", "c"),
        (
            "forget gate with the input gate's slope",
            [("dz_f = df * f * (1 - f)", "dz_f = df * i * (1 - i)")],
            "f|slope|sigmoid",
        ),
        (
            "candidate with the slope of a sigmoid",
            [("dz_g = dg * (1 - g**2)", "dz_g = dg * g * (1 - g)")],
            "g|z\\[:, 3 \\* H :\\]",
            "tanh|slope|sigmoid",
        ),
        (
            "gates in another order",
            [("(dz_i, dz_f, dz_o, dz_g)", "(dz_i, dz_o, dz_f, dz_g)")],
            "order|swap|exchang|permut",
        ),
        ("forget gate times the new c", [("df = dc * c_prev", "df = dc * c")], "c_prev|c"),
        ("db of the first step only", [("db += dz", "db = dz")], "accumulat|\\+=|overwrit|step|path|left out|consumer"),
        (
            "dWh from the state of the step before",
            [("dWh += h_prev.T.dot(dz)", "dWh += steps[t - 1][1].T.dot(dz)")],
            "h_prev|h|step",
        ),
    ],
    "attention": [
        ("scale forgotten", [("    dscores /= np.sqrt(D // H)\n", "")], "scale|sqrt|1/sqrt|factor"),
        (
            "scaled by all features",
            [("    dscores /= np.sqrt(D // H)\n", "    dscores /= np.sqrt(D)\n")],
            "scale|sqrt|factor|D = x.* / H`",
        ),
        (
            "softmax without its sum",
            [("weights * (dweights - np.sum(dweights * weights, axis=-1, keepdims=True))", "weights * dweights")],
            "softmax|sum|normal|jacobian",
            "left out|missing|constant|path|jacobian",
        ),
        (
            "softmax as independent sigmoids",
            [
                (
                    "weights * (dweights - np.sum(dweights * weights, axis=-1, keepdims=True))",
                    "dweights * weights * (1 - weights)",
                )
            ],
            "softmax|sum|normal|jacobian|off",
        ),
        (
            "sum of the softmax along the queries",
            [("np.sum(dweights * weights, axis=-1", "np.sum(dweights * weights, axis=-2")],
            "axis",
        ),
        (
            "scores not transposed for the keys",
            [("dk = merge_heads(dscores.transpose(0, 1, 3, 2) @ q)", "dk = merge_heads(dscores @ q)")],
            "transposed",
        ),
        (
            "weights not transposed for the values",
            [("dv = weights.transpose(0, 1, 3, 2) @ dheads", "dv = weights @ dheads")],
            "transposed",
        ),
        ("Wo transposed", [("dout @ Wo.T", "dout @ Wo")], "Wo", "transposed"),
        ("heads mixed", [("dv = merge_heads(dv)", "dv = dv.reshape(x.shape)")], "head|order|permut|transposed|reshape"),
        ("queries forgotten in dx", [("dx = dq @ Wq.T + dk", "dx = dk")], "q|Wq", "path|left out|missing"),
        ("values forgotten in dx", [(" + dv @ Wv.T", "")], "v|Wv", "path|left out|missing"),
    ],
    "deep_net": [
        (
            "W of the layer before",
            [('dJda = np.dot(params[f"W{layer}"], dJdz)', 'dJda = np.dot(params[f"W{max(layer - 1, 1)}"], dJdz)')],
            "W",
        ),
        (
            "W transposed",
            [('dJda = np.dot(params[f"W{layer}"], dJdz)', 'dJda = np.dot(params[f"W{layer}"].T, dJdz)')],
            "W",
            "transposed|W.*\\.T",
        ),
        (
            "activation of the layer after",
            [("np.dot(a[layer - 1], dJdz.T)", "np.dot(a[layer], dJdz.T)")],
            "a|input|activation",
        ),
        ("slope of the layer before", [("np.tanh(z[layer]) ** 2", "np.tanh(z[max(layer - 1, 1)]) ** 2")], "tanh|slope"),
        ("slope of tanh at z", [("np.tanh(z[layer]) ** 2", "z[layer] ** 2")], "tanh|slope", "z"),
        (
            "slope of the last layer left out",
            [("dadz = 1 - np.tanh(z[layer]) ** 2", "dadz = 1 - np.tanh(z[layer]) ** 2 if layer < L else 1")],
            "tanh|slope",
            "left out|miss|forgot|slope",
        ),
        ("dW transposed", [("np.dot(a[layer - 1], dJdz.T)", "np.dot(dJdz, a[layer - 1].T)")], "W", "transposed"),
        ("1/m missing in dW", [("1 / m * np.dot", "np.dot")], "1/m|m = 5|1/5"),
        ("2 of the square kept", [("dJda = a[L] - Y", "dJda = 2 * (a[L] - Y)")], "2|square|factor"),
    ],
    "gelu": [
        (
            "x times the slope missing",
            [(" + 0.5 * x * sech2 * dinner", "")],
            "tanh|x \\*|x",
            "left out|missing|constant|path",
        ),
        ("3 of the cube missing", [("3.0 * 0.044715 * x**2", "0.044715 * x**2")], "3|cube|x\\*\\*3|power"),
        (
            "slope of tanh left out",
            [("0.5 * x * sech2 * dinner", "0.5 * x * dinner")],
            "tanh|slope",
            "left out|miss|forgot|slope",
        ),
        ("root of 2 / pi missing", [("dinner = s * (", "dinner = (")], "factor|s|sqrt|0\\.79"),
        (
            "cubic term missing",
            [(" * (1.0 + 3.0 * 0.044715 * x**2)", "")],
            "cube|x\\*\\*3|0\\.044715",
            "left out|missing|path",
        ),
        ("upstream gradient forgotten", [("return dout * dx", "return dx")], "dout|upstream"),
    ],
    "swiglu": [
        (
            "gate times the slope missing",
            [(' * (1 + c["gate"] * (1 - c["sig"]))', "")],
            "sig|gate|slope",
            "left out|missing|constant|path",
        ),
        (
            "slope of the sigmoid for that of silu",
            [('c["sig"] * (1 + c["gate"] * (1 - c["sig"]))', 'c["sig"] * (1 - c["sig"])')],
            "slope|silu|gate",
        ),
        ("up taken as a constant in dx", [(' + dup @ c["Wu"].T', "")], "up|Wu", "left out|missing|constant|path"),
        (
            "gate taken as a constant in dx",
            [('dx = dgate @ c["Wg"].T + dup', "dx = dup")],
            "gate|Wg",
            "left out|missing|constant|path",
        ),
        ("up without its gate", [('dup = dh * c["silu"]', 'dup = dh * c["gate"]')], "silu|sig|up|gate"),
        (
            "weights swapped",
            [('dgate @ c["Wg"].T + dup @ c["Wu"].T', 'dgate @ c["Wu"].T + dup @ c["Wg"].T')],
            "Wg|Wu|swap|exchang",
        ),
    ],
    "residual_block": [
        (
            "identity forgotten",
            [("    dx += dy  # the identity\n", "")],
            "x|identity|skip",
            "left out|missing|path|identity|skip",
        ),
        (
            "branch forgotten",
            [("dx = dz1 @ W1.T\n", "dx = np.zeros_like(x)\n")],
            "W1|z1|branch",
            "left out|missing|path|branch",
        ),
        ("identity past the last ReLU", [("dx += dy", "dx += dout")], "relu|maximum|slope|mask|y"),
        ("last ReLU forgotten", [("dy = dout * (y > 0)", "dy = dout * 1.0")], "relu|maximum|slope|mask"),
        (
            "mask of the branch for that of the sum",
            [("a1, W2, _, y = cache\n    dy = dout * (y > 0)", "a1, W2, z2, y = cache\n    dy = dout * (z2 > 0)")],
            "relu|maximum|slope|mask|y",
        ),
        ("ReLU of the branch forgotten", [("(dy @ W2.T) * (z1 > 0)", "dy @ W2.T")], "relu|maximum|slope|mask"),
    ],
    "l2_net": [
        (
            "penalty of W1 forgotten",
            [("X.T @ dhidden + reg * W1", "X.T @ dhidden")],
            "W1",
            "reg|penalty|left out|path|square",
        ),
        (
            "penalty doubled",
            [("hidden.T @ dprediction + reg * W2", "hidden.T @ dprediction + 2 * reg * W2")],
            "2|reg|twice|square",
        ),
        (
            "penalty on a bias",
            [('grads["b2"] = dprediction.sum(axis=0)', 'grads["b2"] = dprediction.sum(axis=0) + reg * b2')],
            "b2",
            "reg|too much|extra|constant|added|term",
        ),
        ("2 of the square missing", [("2 * (prediction - y) / N", "(prediction - y) / N")], "2|square"),
        ("1/N missing", [("2 * (prediction - y) / N", "2 * (prediction - y)")], "1/N|1/6|N = 6|factor|mean"),
        ("slope of ReLU left out", [("    dhidden[hidden <= 0] = 0\n", "")], "relu|maximum|slope|mask"),
        (
            "penalty divided by N",
            [("X.T @ dhidden + reg * W1", "X.T @ dhidden + reg * W1 / N")],
            "reg|penalty|1/N|1/6|N = 6|factor",
        ),
    ],
    "contrastive": [
        ("right side forgotten", [(" + np.dot(right.T, dv)", "")], "right|v|second", "left out|missing|path|constant"),
        ("sign of the right side", [("dv = -du", "dv = du")], "sign|minus|negative"),
        (
            "pairs that differ forgotten",
            [("(alike * distance - (1 - alike) * hinge)", "(alike * distance)")],
            "hinge|1 - alike|maximum",
            "left out|missing|path|constant",
        ),
        ("sign of the hinge", [("- (1 - alike) * hinge) / P", "+ (1 - alike) * hinge) / P")], "sign|minus|negative"),
        ("1/distance missing", [("(ddistance / distance)", "ddistance")], "distance|sqrt"),
        (
            "margin not clipped",
            [
                (
                    "    hinge = np.maximum(0, MARGIN - distance)\n    ddistance",
                    "    hinge = MARGIN - distance\n    ddistance",
                )
            ],
            "maximum|clip|relu|hinge|slope|mask",
        ),
        ("2 of the square kept", [("/ P  # (P,)", "/ P * 2  # (P,)")], "2|factor|square|half"),
    ],
    "info_nce": [
        (
            "loss of the images forgotten",
            [("(dto_text + dto_image) / 2", "dto_text / 2")],
            "to_image|axis=0|second",
            "left out|missing|path|constant",
        ),
        ("temperature forgotten", [("du = dlogits @ v / temperature", "du = dlogits @ v")], "temperature|factor"),
        ("dlogits not transposed for the texts", [("dlogits.T @ u", "dlogits @ u")], "transposed"),
        (
            "norm taken as a constant",
            [("(du - u * np.sum(u * du, axis=1, keepdims=True)) / norm", "du / norm")],
            "norm",
            "constant|left out|missing|path",
        ),
        ("norm not divided by", [("keepdims=True)) / norm", "keepdims=True))")], "norm"),
        (
            "softmax along the other axis",
            [("dto_text = (softmax(logits, axis=1)", "dto_text = (softmax(logits, axis=0)")],
            "axis|softmax|transposed",
        ),
        (
            "diagonal forgotten",
            [("dto_image = (softmax(logits, axis=0) - np.eye(N)) / N", "dto_image = softmax(logits, axis=0) / N")],
            "eye|diag|label|left out|path",
        ),
    ],
    "vae_loss": [
        ("divergence forgotten for mu", [("    dmu += mu / N\n", "")], "mu", "KL|left out|missing|path"),
        ("half of mu", [("dmu += mu / N", "dmu += 0.5 * mu / N")], "mu", "2|half|0\\.5|square|factor"),
        (
            "divergence forgotten for logvar",
            [("    dlogvar += -0.5 * (1 - np.exp(logvar)) / N\n", "")],
            "logvar",
            "KL|left out|missing|path",
        ),
        ("half of logvar missing", [("dlogvar += -0.5 * (1", "dlogvar += -(1")], "0\\.5|half|1/2|factor|doubled"),
        (
            "sample taken as a constant for logvar",
            [("dlogvar = dcode * noise * 0.5 * std", "dlogvar = dcode * 0.0")],
            "noise|std|exp",
            "constant|left out|missing|path",
        ),
        ("half of the standard deviation missing", [("noise * 0.5 * std", "noise * std")], "0\\.5|half|1/2|factor"),
        ("noise forgotten", [("dcode * noise * 0.5 * std", "dcode * 0.5 * std")], "noise"),
        ("1/N missing in the divergence", [("dmu += mu / N", "dmu += mu")], "1/N|1/3|N = 3|factor|mean"),
        ("decoder fed with mu", [("dW_out = code.T", "dW_out = mu.T")], "code|mu|noise"),
    ],
    "weighted_squared_error": [
        ("weights forgotten", [("2 * weights * error", "2 * error")], "weights"),
        (
            "mean over the number for that over the weights",
            [("error / np.sum(weights)", "error / len(y)")],
            "np\\.sum\\(weights\\)|weights|factor|1/N|mean",
        ),
        ("2 of the square missing", [("2 * weights", "weights")], "2|square"),
        ("db a mean", [('"b": np.sum(derror)', '"b": np.mean(derror)')], "mean|1/N|1/6|N = 6|factor"),
        ("dw by observation", [("X.T @ derror", "X * derror[:, None]")], "shape|sum"),
    ],
    "cosine_similarity": [
        (
            "norm of x taken as a constant",
            [("dx = scale * y - upstream * (cosine / norm_x**2)[:, None] * x", "dx = scale * y")],
            "norm_x|norm",
            "constant|left out|missing|path",
        ),
        ("norm not squared", [("(cosine / norm_y**2)", "(cosine / norm_y)")], "norm_y|norm"),
        ("norms swapped", [("(cosine / norm_x**2)", "(cosine / norm_y**2)")], "norm"),
        (
            "sign of the norm's share",
            [("dy = scale * x - upstream", "dy = scale * x + upstream")],
            "sign|minus|negative",
        ),
        (
            "divided by one norm only",
            [("scale = upstream / (norm_x * norm_y)[:, None]", "scale = upstream / norm_x[:, None]")],
            "norm_y|norm|factor",
        ),
    ],
    "huber": [
        (
            "large errors not clipped",
            [("dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r))", "dr = r")],
            "where|abs|sign|linear|clip|branch|delta",
        ),
        ("sign of large errors forgotten", [("delta * np.sign(r))", "delta)")], "sign|abs"),
        ("large errors without gradient", [("delta * np.sign(r))", "0.0)")], "linear|abs|where|left out|path|branch"),
        (
            "branches swapped",
            [("np.abs(r) <= delta, r, delta * np.sign(r)", "np.abs(r) > delta, r, delta * np.sign(r)")],
            "where|branch|swap|exchang|linear|quadratic|mask",
        ),
        ("1/N missing", [(" / len(y)", "")], "1/N|1/7|N = 7|factor|mean"),
    ],
    "log_sum_exp": [
        (
            "normaliser forgotten",
            [("p = np.exp(scores / temperature - top) / total", "p = np.exp(scores / temperature - top)")],
            "total|sum|log",
        ),
        (
            "maximum not subtracted",
            [("p = np.exp(scores / temperature - top) / total", "p = np.exp(scores / temperature) / total")],
            "top|max|shift",
        ),
        (
            "gradient to the maximum only",
            [("p = np.exp(scores / temperature - top) / total", "p = 1.0 * (scores / temperature == top)")],
            "max|top|exp|log|sum",
        ),
        (
            "temperature too often",
            [("return -denergy[:, None] * p", "return -denergy[:, None] * p / temperature")],
            "temperature|2|factor",
        ),
        ("sign", [("return -denergy", "return denergy")], "sign|minus|negative"),
    ],
    "cross_entropy_logits": [
        ("weight of class 1 forgotten", [("heavier * Y * (p - 1)", "Y * (p - 1)")], "heavier|weight|3|factor"),
        (
            "weight of class 1 on both",
            [("(heavier * Y * (p - 1) + (1 - Y) * p)", "heavier * (p - Y)")],
            "heavier|weight|3|factor",
        ),
        (
            "slope of the sigmoid too much",
            [("(1 - Y) * p) / m", "(1 - Y) * p) * p * (1 - p) / m")],
            "slope|sigmoid|p \\* \\(1 - p\\)",
        ),
        ("1/m missing", [("(1 - Y) * p) / m", "(1 - Y) * p)")], "1/m|m = 6|1/6"),
        ("db a mean", [("dz.sum(keepdims=True)", "dz.mean(keepdims=True)")], "mean|1/m|m = 6|1/6"),
        ("sign", [("(p - 1) + (1 - Y) * p", "(1 - p) - (1 - Y) * p")], "sign|minus|negative"),
    ],
    "softmax": [
        (
            "Jacobian off the diagonal forgotten",
            [("a * (dJda - inner)", "dJda * a * (1 - a)")],
            "softmax|sum|normal|jacobian|off",
        ),
        (
            "sum taken as a constant",
            [("a * (dJda - inner)", "a * dJda")],
            "softmax|sum|normal|jacobian",
            "constant|left out|missing|path|jacobian",
        ),
        ("sum along the other axis", [("np.sum(dJda * a, axis=0", "np.sum(dJda * a, axis=1")], "axis"),
        ("mean for sum", [("inner = np.sum", "inner = np.mean")], "sum|mean|1/4|factor"),
    ],
}

MISTAKES = [
    Mistake(layer, name, edits, tuple(reason)) for layer, rows in CATALOGUE.items() for name, edits, *reason in rows
]

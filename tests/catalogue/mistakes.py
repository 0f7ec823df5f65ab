"""Classic mistakes in hand-written backward passes, each as an edit of a right one in examples/layers/."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from compare import Report
from tests.catalogue.layers import Layer, load, source_of

Edits = list[tuple[str, str]]


@dataclass(frozen=True)
class Mistake:
    """One mistake: the layer it is made in, its name, and the edits that make it; each old text occurs once there."""

    layer: str
    name: str
    edits: Edits

    def __str__(self) -> str:
        return f"{self.layer}: {self.name}"

    @property
    def lines(self) -> set[int]:
        """The lines that the mistake changed, as they are numbered with it."""
        return changed_lines(source_of(self.layer), mutated_source(self.layer, self))

    def explained_by(self, report: Report) -> bool:
        """Whether the first mistake that a report names is in one of these lines."""
        return bool(report.mistakes) and report.mistakes[0].line in self.lines


def changed_lines(right: str, wrong: str) -> set[int]:
    """The lines of the wrong text that are not those of the right one; of lines taken out those on both sides."""
    blocks = difflib.SequenceMatcher(None, right.splitlines(), wrong.splitlines(), autojunk=False).get_opcodes()
    changed = [(low, high) if high > low else (low - 1, low + 1) for tag, _, _, low, high in blocks if tag != "equal"]
    return {k + 1 for low, high in changed for k in range(low, high)}


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


CATALOGUE: dict[str, list[tuple[str, Edits]]] = {
    "affine": [
        ("db not summed over the batch", [("db = np.sum(dout, axis=0)", "db = dout")]),
        ("db summed along the wrong axis", [("db = np.sum(dout, axis=0)", "db = np.sum(dout, axis=1)")]),
        ("db a mean", [("db = np.sum(dout, axis=0)", "db = np.mean(dout, axis=0)")]),
        ("dW transposed", [("dW = rows.T.dot(dout)", "dW = dout.T.dot(rows)")]),
        ("dx reshaped in another order", [(".reshape(x.shape)  # (N", '.reshape(x.shape, order="F")  # (N')]),
        ("sign of dx", [("dx = dout.dot", "dx = -dout.dot")]),
    ],
    "square_layer": [
        ("W transposed", [("dJdX = np.dot(W, dJdz)", "dJdX = np.dot(W.T, dJdz)")]),
        ("dW transposed", [("np.dot(X, dJdz.T)", "np.dot(dJdz, X.T)")]),
        ("slope of tanh left out", [("dJdz = dJda * (1 - a**2)", "dJdz = dJda")]),
        ("slope of tanh at z", [("dJda * (1 - a**2)", 'dJda * (1 - cache["z"] ** 2)')]),
        ("slope of tanh without the square", [("(1 - a**2)", "(1 - a)")]),
        ("dz itself for db", [("dJdb = np.sum(dJdz, axis=1, keepdims=True)", "dJdb = dJdz")]),
    ],
    "affine_relu": [
        ("slope of ReLU left out", [("    dz[z <= 0] = 0\n", "")]),
        ("mask from the upstream gradient", [("dz[z <= 0] = 0", "dz[dz <= 0] = 0")]),
        ("mask the wrong way round", [("dz[z <= 0] = 0", "dz[z > 0] = 0")]),
        (
            "db before the ReLU",
            [
                (
                    "return affine_backward(dz, fc_cache)",
                    "dx, dw, _ = affine_backward(dz, fc_cache)\n    return dx, dw, dout.sum(axis=0)",
                )
            ],
        ),
    ],
    "batch_norm": [
        ("variance taken as a constant", [("    dcentred += 2 * centred * dsquares\n", "")]),
        ("mean taken as a constant", [("dx = dcentred + 1.0 / N * np.ones((N, D)) * dmu", "dx = dcentred")]),
        ("1/N of the variance missing", [("dsquares = 1.0 / N * np.ones", "dsquares = np.ones")]),
        ("1/N of the mean missing", [("dcentred + 1.0 / N * np.ones", "dcentred + np.ones")]),
        ("gamma forgotten", [("dx_hat = dout * gamma", "dx_hat = dout * 1.0")]),
        ("2 of the square missing", [("2 * centred * dsquares", "centred * dsquares")]),
        ("square root's one half missing", [("dvar = 0.5 * dstd / std", "dvar = dstd / std")]),
        ("gradient of centred overwritten", [("dcentred += 2", "dcentred = 2")]),
    ],
    "batch_norm_compact": [
        ("mean taken as a constant", [("(N * dout - dbeta - x_hat", "(N * dout - x_hat")]),
        ("variance taken as a constant", [("- dbeta - x_hat * dgamma)", "- dbeta)")]),
        ("mean and variance taken as constants", [(" / N * (N * dout - dbeta - x_hat * dgamma)", " * dout")]),
        ("gamma forgotten", [("(gamma / np.sqrt", "(1.0 / np.sqrt")]),
        ("N times dout without N", [("(N * dout - dbeta", "(dout - dbeta")]),
        ("square root forgotten", [("dx = (gamma / np.sqrt(var + eps))", "dx = gamma / var")]),
    ],
    "layer_norm": [
        ("mean taken as a constant", [("dnorm - dnorm.mean(axis=-1, keepdims=True) - ", "dnorm - ")]),
        ("variance taken as a constant", [(" - norm * (dnorm * norm).mean(axis=-1, keepdims=True)", "")]),
        ("weight forgotten", [("dnorm = dout * weight", "dnorm = dout")]),
        ("sum for mean", [("(dnorm * norm).mean", "(dnorm * norm).sum")]),
        ("means over the positions", [("dnorm - dnorm.mean(axis=-1, ", "dnorm - dnorm.mean(axis=1, ")]),
        ("bias not summed over the positions", [("dbias = dout.sum(axis=(0, 1))", "dbias = dout.sum(axis=0)")]),
        ("last scaling forgotten", [("    dx *= rstd\n", "")]),
    ],
    "dropout": [
        ("mask not applied", [("return dout * mask", "return dout * 1.0")]),
        ("mask not scaled", [("return dout * mask", "return dout * (mask > 0)")]),
        (
            "mask drawn anew",
            [("return dout * mask", "return dout * (np.random.default_rng(0).random(dout.shape) < 0.6) / 0.6")],
        ),
        ("scaled twice", [("return dout * mask", "return dout * mask / 0.6")]),
    ],
    "softmax_cross_entropy": [
        ("labels off by one", [("dscores[np.arange(N), y] -= 1", "dscores[np.arange(N), y - 1] -= 1")]),
        (
            "1 of the right class not taken off",  # that is the path through the numerator
            [("    dscores[np.arange(N), y] -= 1\n", "")],
        ),
        ("1/N missing", [("    dscores /= N\n", "")]),
        ("1/N twice", [("X.T.dot(dscores)", "X.T.dot(dscores) / N")]),
        (
            "sign",
            [("dscores[np.arange(N), y] -= 1\n    dscores /= N", "dscores[np.arange(N), y] -= 1\n    dscores /= -N")],
        ),
        ("db a mean", [("np.sum(dscores, axis=0)", "np.mean(dscores, axis=0)")]),
    ],
    "logistic_regression": [
        ("1/m missing in dJdw", [("(1 / m) * np.dot(X, dJdz.T)", "np.dot(X, dJdz.T)")]),
        ("sum for mean in dJdb", [("np.mean(dJdz, axis=1", "np.sum(dJdz, axis=1")]),
        ("dJdb without keepdims", [("axis=1, keepdims=True)  # (1, 1)", "axis=1)")]),
        ("dJdw transposed", [("np.dot(X, dJdz.T)", "np.dot(dJdz, X.T)")]),
        ("sign", [("dJda = -Y / a + (1 - Y) / (1 - a)", "dJda = Y / a - (1 - Y) / (1 - a)")]),
        ("observations of class 0 forgotten", [("-Y / a + (1 - Y) / (1 - a)", "-Y / a")]),
        ("slope of the sigmoid left out", [("dJdz = dJda * dadz", "dJdz = dJda")]),
        ("slope of the sigmoid without 1 - a", [("dadz = a * (1 - a)", "dadz = a")]),
    ],
    "two_layer_net": [
        ("slope of tanh left out", [("dJdz1 = dJda1 * (1 - a1**2)", "dJdz1 = dJda1")]),
        ("slope of tanh at z", [("(1 - a1**2)", '(1 - forward["z1"] ** 2)')]),
        ("slope of the sigmoid for that of tanh", [("(1 - a1**2)", "a1 * (1 - a1)")]),
        ("slope of the sigmoid twice", [("dJdz2 = a2 - Y", "dJdz2 = (a2 - Y) * a2 * (1 - a2)")]),
        ("1/m missing in dJdW1", [("dJdW1 = (1 / m) * ", "dJdW1 = ")]),
        ("sum for mean in dJdb2", [("dJdb2 = np.mean", "dJdb2 = np.sum")]),
        ("1/m twice", [("dJdz2 = a2 - Y", "dJdz2 = (a2 - Y) / m")]),
        ("dJdb1 averaged over the units", [("np.mean(dJdz1, axis=1, ", "np.mean(dJdz1, axis=0, ")]),
    ],
    "group_norm": [
        ("mean taken as a constant", [("size * dx_hat - total - x_hat", "size * dx_hat - x_hat")]),
        ("variance taken as a constant", [("- total - x_hat * slope)", "- total)")]),
        ("size of a group without its pixels", [("size * dx_hat - total", "(C // G) * dx_hat - total")]),
        ("gamma forgotten", [("(dout * gamma).reshape", "dout.reshape")]),
        ("divided by the variance", [("std.reshape(N, G, 1))", "std.reshape(N, G, 1) ** 2)")]),
        (
            "dbeta without keepdims",
            [("dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)", "dbeta = np.sum(dout, axis=(0, 2, 3))")],
        ),
    ],
    "rms_norm": [
        ("mean square taken as a constant", [("    dx += dms * 2 * x / D\n", "")]),
        ("1/D missing", [("2 * x / D", "2 * x")]),
        ("2 of the square missing", [("dms * 2 * x / D", "dms * x / D")]),
        ("r squared for r cubed", [("-0.5 * r**3 * dr", "-0.5 * r**2 * dr")]),
        ("sign of dms", [("dms = -0.5", "dms = 0.5")]),
        ("weight forgotten", [("dxr = dout * g", "dxr = dout * 1.0")]),
        ("r forgotten in dg", [("dout * x * r, axis=0", "dout * x, axis=0")]),
    ],
    "conv_loops": [
        ("padding cropped at one end only", [("dx_pad[:, :, pad : pad + H, pad : pad + W]", "dx_pad[:, :, :H, :W]")]),
        ("padding not cropped", [("dx = dx_pad[:, :, pad : pad + H, pad : pad + W]", "dx = dx_pad")]),
        ("stride ignored", [("top, left = i * stride, j * stride", "top, left = i, j")]),
        ("filter turned round", [("left : left + WW] += g * w[f]", "left : left + WW] += g * w[f][:, ::-1, ::-1]")]),
        ("dx assigned, not accumulated", [("left : left + WW] += g * w[f]", "left : left + WW] = g * w[f]")]),
        ("dw assigned, not accumulated", [("dw[f] += g", "dw[f] = g")]),
        ("db assigned, not accumulated", [("db[f] += g", "db[f] = g")]),
        ("db a mean over the batch", [("    return dx, dw, db\n", "    return dx, dw, db / N\n")]),
    ],
    "conv_im2col": [
        (
            "overlapping windows lost",
            [("np.add.at(dx_pad, (slice(None), k, i, j), dcols)", "dx_pad[:, k, i, j] += dcols")],
        ),
        (
            "images and positions mixed",
            [
                (
                    "dcols.reshape(C * HH * WW, -1, N).transpose(2, 0, 1)",
                    "dcols.reshape(C * HH * WW, N, -1).transpose(1, 0, 2)",
                )
            ],
        ),
        ("images and filters mixed", [("dout.transpose(1, 2, 3, 0).reshape(F, -1)", "dout.reshape(F, -1)")]),
        ("db not summed over the images", [("np.sum(dout, axis=(0, 2, 3))", "np.sum(dout[0], axis=(1, 2))")]),
        ("filter turned round", [("dcols = w.reshape(F, -1).T", "dcols = w[:, :, ::-1, ::-1].reshape(F, -1).T")]),
    ],
    "max_pool": [
        ("overlapping windows overwrite each other", [("left + s] += dout", "left + s] = dout")]),
        ("stride ignored", [("top, left = i * stride, j * stride", "top, left = i, j")]),
        ("row and column of the maximum swapped", [("top + r, left + s]", "top + s, left + r]")]),
        (
            "gradient shared by the whole window",
            [
                (
                    "dx[n, c, top + r, left + s] += dout[n, c, i, j]",
                    "dx[n, c, top : top + size, left : left + size] += dout[n, c, i, j] / window.size",
                )
            ],
        ),
        ("smallest entry for the largest", [("np.argmax(window)", "np.argmin(window)")]),
    ],
    "average_pool": [
        ("size of the window missing", [(" / (HEIGHT * WIDTH)", "")]),
        ("divided by the width alone", [("(HEIGHT * WIDTH)", "WIDTH")]),
        (
            "overlapping windows overwrite each other",
            [("dx[:, :, rows, columns] += dout", "dx[:, :, rows, columns] = dout")],
        ),
    ],
    "svm_hinge": [
        ("right class forgotten", [("    violated[np.arange(N), y] = -np.sum(violated, axis=1)\n", "")]),
        ("right class counted once", [("= -np.sum(violated, axis=1)", "= -1")]),
        ("1/N missing", [("X.T.dot(violated) / N", "X.T.dot(violated)")]),
        ("2 of the squared weights missing", [("2 * reg * W", "reg * W")]),
        ("penalty forgotten", [("    dW += 2 * reg * W\n", "")]),
        ("margin of 1 forgotten", [("margins = scores - correct + 1\n", "margins = scores - correct\n")]),
    ],
    "embedding": [
        ("repeated words lost", [("np.add.at(dE, ids, dvectors)", "dE[ids] += dvectors")]),
        ("repeated words overwritten", [("np.add.at(dE, ids, dvectors)", "dE[ids] = dvectors")]),
        ("1/T of the mean missing", [(", T, axis=1) / T", ", T, axis=1)")]),
        ("dU transposed", [("dU = text.T @ dprediction", "dU = dprediction.T @ text")]),
        ("sign", [("text @ U - targets", "targets - text @ U")]),
        ("one word per text", [("np.add.at(dE, ids, dvectors)", "np.add.at(dE, ids[:, 0], dtext / T)")]),
    ],
    "tied_embeddings": [
        ("use as input forgotten", [("    np.add.at(dE, words, dx)  # and from the input\n", "")]),
        ("use as output forgotten", [("dE = dscores.T @ h", "dE = np.zeros_like(dscores.T @ h)")]),
        ("repeated words lost", [("np.add.at(dE, words, dx)", "dE[words] += dx")]),
        ("input overwrites output", [("np.add.at(dE, words, dx)", "dE[words] = dx")]),
        ("W transposed", [("dx = dz @ W.T", "dx = dz @ W")]),
        ("slope of tanh left out", [("dz = dh * (1 - h * h)", "dz = dh * 1.0")]),
        ("labels off by one", [("dscores[np.arange(T), next_words] -= 1", "dscores[np.arange(T), words] -= 1")]),
    ],
    "rnn": [
        ("gradient of the later steps not added", [("dh[:, t, :] + dprev_h", "dh[:, t, :]")]),
        (
            "upstream of the last step only",
            [("step_backward(dh[:, t, :] + dprev_h, ", "step_backward((dh[:, t, :] if t == T - 1 else 0) + dprev_h, ")],
        ),
        ("slope of tanh left out", [("dz = dnext_h * (1 - next_h**2)", "dz = dnext_h")]),
        ("Wh transposed", [("dprev_h = dz @ Wh.T", "dprev_h = dz @ Wh")]),
        ("dWh from the new state", [("dWh = prev_h.T @ dz", "dWh = next_h.T @ dz")]),
        ("dWx of the first step only", [("dWx += dWx_t", "dWx = dWx_t")]),
        ("dh0 before the last product", [("    dh0 = dprev_h\n", "    dh0 = dh[:, 0, :]\n")]),
    ],
    "lstm": [
        ("carry of c dropped", [("dc = dc_next + dh", "dc = dh")]),
        ("carry of c without the forget gate", [("dc_next = dc * f\n", "dc_next = dc\n")]),
        ("gradient of the later steps not added", [("dh = dhs[t] + dh_next", "dh = dhs[t]")]),
        ("slope of tanh of c left out", [("o * (1 - tanh_c**2)", "o")]),
        ("slope of tanh at c", [("(1 - tanh_c**2)", "(1 - c**2)")]),
        ("forget gate with the input gate's slope", [("dz_f = df * f * (1 - f)", "dz_f = df * i * (1 - i)")]),
        ("candidate with the slope of a sigmoid", [("dz_g = dg * (1 - g**2)", "dz_g = dg * g * (1 - g)")]),
        ("gates in another order", [("(dz_i, dz_f, dz_o, dz_g)", "(dz_i, dz_o, dz_f, dz_g)")]),
        ("forget gate times the new c", [("df = dc * c_prev", "df = dc * c")]),
        ("db of the first step only", [("db += dz", "db = dz")]),
        ("dWh from the state of the step before", [("dWh += h_prev.T.dot(dz)", "dWh += steps[t - 1][1].T.dot(dz)")]),
    ],
    "attention": [
        ("scale forgotten", [("    dscores /= np.sqrt(D // H)\n", "")]),
        ("scaled by all features", [("    dscores /= np.sqrt(D // H)\n", "    dscores /= np.sqrt(D)\n")]),
        (
            "softmax without its sum",
            [("weights * (dweights - np.sum(dweights * weights, axis=-1, keepdims=True))", "weights * dweights")],
        ),
        (
            "softmax as independent sigmoids",
            [
                (
                    "weights * (dweights - np.sum(dweights * weights, axis=-1, keepdims=True))",
                    "dweights * weights * (1 - weights)",
                )
            ],
        ),
        (
            "sum of the softmax along the queries",
            [("np.sum(dweights * weights, axis=-1", "np.sum(dweights * weights, axis=-2")],
        ),
        (
            "scores not transposed for the keys",
            [("dk = merge_heads(dscores.transpose(0, 1, 3, 2) @ q)", "dk = merge_heads(dscores @ q)")],
        ),
        (
            "weights not transposed for the values",
            [("dv = weights.transpose(0, 1, 3, 2) @ dheads", "dv = weights @ dheads")],
        ),
        ("Wo transposed", [("dout @ Wo.T", "dout @ Wo")]),
        ("heads mixed", [("dv = merge_heads(dv)", "dv = dv.reshape(x.shape)")]),
        ("queries forgotten in dx", [("dx = dq @ Wq.T + dk", "dx = dk")]),
        ("values forgotten in dx", [(" + dv @ Wv.T", "")]),
    ],
    "deep_net": [
        (
            "W of the layer before",
            [('dJda = np.dot(params[f"W{layer}"], dJdz)', 'dJda = np.dot(params[f"W{max(layer - 1, 1)}"], dJdz)')],
        ),
        ("W transposed", [('dJda = np.dot(params[f"W{layer}"], dJdz)', 'dJda = np.dot(params[f"W{layer}"].T, dJdz)')]),
        ("activation of the layer after", [("np.dot(a[layer - 1], dJdz.T)", "np.dot(a[layer], dJdz.T)")]),
        ("slope of the layer before", [("np.tanh(z[layer]) ** 2", "np.tanh(z[max(layer - 1, 1)]) ** 2")]),
        ("slope of tanh at z", [("np.tanh(z[layer]) ** 2", "z[layer] ** 2")]),
        (
            "slope of the last layer left out",
            [("dadz = 1 - np.tanh(z[layer]) ** 2", "dadz = 1 - np.tanh(z[layer]) ** 2 if layer < L else 1")],
        ),
        ("dW transposed", [("np.dot(a[layer - 1], dJdz.T)", "np.dot(dJdz, a[layer - 1].T)")]),
        ("1/m missing in dW", [("1 / m * np.dot", "np.dot")]),
        ("2 of the square kept", [("dJda = a[L] - Y", "dJda = 2 * (a[L] - Y)")]),
    ],
    "gelu": [
        ("x times the slope missing", [(" + 0.5 * x * sech2 * dinner", "")]),
        ("3 of the cube missing", [("3.0 * 0.044715 * x**2", "0.044715 * x**2")]),
        ("slope of tanh left out", [("0.5 * x * sech2 * dinner", "0.5 * x * dinner")]),
        ("root of 2 / pi missing", [("dinner = s * (", "dinner = (")]),
        ("cubic term missing", [(" * (1.0 + 3.0 * 0.044715 * x**2)", "")]),
        ("upstream gradient forgotten", [("return dout * dx", "return dx")]),
    ],
    "swiglu": [
        ("gate times the slope missing", [(' * (1 + c["gate"] * (1 - c["sig"]))', "")]),
        (
            "slope of the sigmoid for that of silu",
            [('c["sig"] * (1 + c["gate"] * (1 - c["sig"]))', 'c["sig"] * (1 - c["sig"])')],
        ),
        ("up taken as a constant in dx", [(' + dup @ c["Wu"].T', "")]),
        ("gate taken as a constant in dx", [('dx = dgate @ c["Wg"].T + dup', "dx = dup")]),
        ("up without its gate", [('dup = dh * c["silu"]', 'dup = dh * c["gate"]')]),
        ("weights swapped", [('dgate @ c["Wg"].T + dup @ c["Wu"].T', 'dgate @ c["Wu"].T + dup @ c["Wg"].T')]),
    ],
    "residual_block": [
        ("identity forgotten", [("    dx += dy  # the identity\n", "")]),
        ("branch forgotten", [("dx = dz1 @ W1.T\n", "dx = np.zeros_like(x)\n")]),
        ("identity past the last ReLU", [("dx += dy", "dx += dout")]),
        ("last ReLU forgotten", [("dy = dout * (y > 0)", "dy = dout * 1.0")]),
        (
            "mask of the branch for that of the sum",
            [("a1, W2, _, y = cache\n    dy = dout * (y > 0)", "a1, W2, z2, y = cache\n    dy = dout * (z2 > 0)")],
        ),
        ("ReLU of the branch forgotten", [("(dy @ W2.T) * (z1 > 0)", "dy @ W2.T")]),
    ],
    "l2_net": [
        ("penalty of W1 forgotten", [("X.T @ dhidden + reg * W1", "X.T @ dhidden")]),
        ("penalty doubled", [("hidden.T @ dprediction + reg * W2", "hidden.T @ dprediction + 2 * reg * W2")]),
        (
            "penalty on a bias",
            [('grads["b2"] = dprediction.sum(axis=0)', 'grads["b2"] = dprediction.sum(axis=0) + reg * b2')],
        ),
        ("2 of the square missing", [("2 * (prediction - y) / N", "(prediction - y) / N")]),
        ("1/N missing", [("2 * (prediction - y) / N", "2 * (prediction - y)")]),
        ("slope of ReLU left out", [("    dhidden[hidden <= 0] = 0\n", "")]),
        ("penalty divided by N", [("X.T @ dhidden + reg * W1", "X.T @ dhidden + reg * W1 / N")]),
    ],
    "contrastive": [
        ("right side forgotten", [(" + np.dot(right.T, dv)", "")]),
        ("sign of the right side", [("dv = -du", "dv = du")]),
        ("pairs that differ forgotten", [("(alike * distance - (1 - alike) * hinge)", "(alike * distance)")]),
        ("sign of the hinge", [("- (1 - alike) * hinge) / P", "+ (1 - alike) * hinge) / P")]),
        ("1/distance missing", [("(ddistance / distance)", "ddistance")]),
        (
            "margin not clipped",
            [
                (
                    "    hinge = np.maximum(0, MARGIN - distance)\n    ddistance",
                    "    hinge = MARGIN - distance\n    ddistance",
                )
            ],
        ),
        ("2 of the square kept", [("/ P  # (P,)", "/ P * 2  # (P,)")]),
    ],
    "info_nce": [
        ("loss of the images forgotten", [("(dto_text + dto_image) / 2", "dto_text / 2")]),
        ("temperature forgotten", [("du = dlogits @ v / temperature", "du = dlogits @ v")]),
        ("dlogits not transposed for the texts", [("dlogits.T @ u", "dlogits @ u")]),
        ("norm taken as a constant", [("(du - u * np.sum(u * du, axis=1, keepdims=True)) / norm", "du / norm")]),
        ("norm not divided by", [("keepdims=True)) / norm", "keepdims=True))")]),
        (
            "softmax along the other axis",
            [("dto_text = (softmax(logits, axis=1)", "dto_text = (softmax(logits, axis=0)")],
        ),
        (
            "diagonal forgotten",
            [("dto_image = (softmax(logits, axis=0) - np.eye(N)) / N", "dto_image = softmax(logits, axis=0) / N")],
        ),
    ],
    "vae_loss": [
        ("divergence forgotten for mu", [("    dmu += mu / N\n", "")]),
        ("half of mu", [("dmu += mu / N", "dmu += 0.5 * mu / N")]),
        ("divergence forgotten for logvar", [("    dlogvar += -0.5 * (1 - np.exp(logvar)) / N\n", "")]),
        ("half of logvar missing", [("dlogvar += -0.5 * (1", "dlogvar += -(1")]),
        ("sample taken as a constant for logvar", [("dlogvar = dcode * noise * 0.5 * std", "dlogvar = dcode * 0.0")]),
        ("half of the standard deviation missing", [("noise * 0.5 * std", "noise * std")]),
        ("noise forgotten", [("dcode * noise * 0.5 * std", "dcode * 0.5 * std")]),
        ("1/N missing in the divergence", [("dmu += mu / N", "dmu += mu")]),
        ("decoder fed with mu", [("dW_out = code.T", "dW_out = mu.T")]),
    ],
    "weighted_squared_error": [
        ("weights forgotten", [("2 * weights * error", "2 * error")]),
        ("mean over the number for that over the weights", [("error / np.sum(weights)", "error / len(y)")]),
        ("2 of the square missing", [("2 * weights", "weights")]),
        ("db a mean", [('"b": np.sum(derror)', '"b": np.mean(derror)')]),
        ("dw by observation", [("X.T @ derror", "X * derror[:, None]")]),
    ],
    "cosine_similarity": [
        (
            "norm of x taken as a constant",
            [("dx = scale * y - upstream * (cosine / norm_x**2)[:, None] * x", "dx = scale * y")],
        ),
        ("norm not squared", [("(cosine / norm_y**2)", "(cosine / norm_y)")]),
        ("norms swapped", [("(cosine / norm_x**2)", "(cosine / norm_y**2)")]),
        ("sign of the norm's share", [("dy = scale * x - upstream", "dy = scale * x + upstream")]),
        (
            "divided by one norm only",
            [("scale = upstream / (norm_x * norm_y)[:, None]", "scale = upstream / norm_x[:, None]")],
        ),
    ],
    "huber": [
        ("large errors not clipped", [("dr = np.where(np.abs(r) <= delta, r, delta * np.sign(r))", "dr = r")]),
        ("sign of large errors forgotten", [("delta * np.sign(r))", "delta)")]),
        ("large errors without gradient", [("delta * np.sign(r))", "0.0)")]),
        (
            "branches swapped",
            [("np.abs(r) <= delta, r, delta * np.sign(r)", "np.abs(r) > delta, r, delta * np.sign(r)")],
        ),
        ("1/N missing", [(" / len(y)", "")]),
    ],
    "log_sum_exp": [
        (
            "normaliser forgotten",
            [("p = np.exp(scores / temperature - top) / total", "p = np.exp(scores / temperature - top)")],
        ),
        (
            "maximum not subtracted",
            [("p = np.exp(scores / temperature - top) / total", "p = np.exp(scores / temperature) / total")],
        ),
        (
            "gradient to the maximum only",
            [("p = np.exp(scores / temperature - top) / total", "p = 1.0 * (scores / temperature == top)")],
        ),
        ("temperature too often", [("return -denergy[:, None] * p", "return -denergy[:, None] * p / temperature")]),
        ("sign", [("return -denergy", "return denergy")]),
    ],
    "cross_entropy_logits": [
        ("weight of class 1 forgotten", [("heavier * Y * (p - 1)", "Y * (p - 1)")]),
        ("weight of class 1 on both", [("(heavier * Y * (p - 1) + (1 - Y) * p)", "heavier * (p - Y)")]),
        ("slope of the sigmoid too much", [("(1 - Y) * p) / m", "(1 - Y) * p) * p * (1 - p) / m")]),
        ("1/m missing", [("(1 - Y) * p) / m", "(1 - Y) * p)")]),
        ("db a mean", [("dz.sum(keepdims=True)", "dz.mean(keepdims=True)")]),
        ("sign", [("(p - 1) + (1 - Y) * p", "(1 - p) - (1 - Y) * p")]),
    ],
    "softmax": [
        ("Jacobian off the diagonal forgotten", [("a * (dJda - inner)", "dJda * a * (1 - a)")]),
        ("sum taken as a constant", [("a * (dJda - inner)", "a * dJda")]),
        ("sum along the other axis", [("np.sum(dJda * a, axis=0", "np.sum(dJda * a, axis=1")]),
        ("mean for sum", [("inner = np.sum", "inner = np.mean")]),
    ],
}

MISTAKES = [Mistake(layer, name, edits) for layer, rows in CATALOGUE.items() for name, edits in rows]

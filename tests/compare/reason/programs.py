"""Small right programs of many kinds, and mistakes in them, each an edit or two of the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from compare import Report, check_vjp, gradcheck
from tests.catalogue.layers import load
from tests.catalogue.mistakes import changed_lines

RNG = "rng = np.random.default_rng(7)\n"

TWO_LAYERS = """
def cost(p, X, Y):
    H = np.tanh(p["W1"] @ X + p["b1"])
    S = p["W2"] @ H + p["b2"]
    E = np.exp(S - S.max(axis=0))
    P = E / E.sum(axis=0)
    return -np.sum(Y * np.log(P)) / X.shape[1] + 0.07 * np.sum(p["W2"] ** 2)


def gradients(p, X, Y):
    n = X.shape[1]
    H = np.tanh(p["W1"] @ X + p["b1"])
    S = p["W2"] @ H + p["b2"]
    E = np.exp(S - S.max(axis=0))
    P = E / E.sum(axis=0)
    dS = (P - Y) / n
    dW2 = dS @ H.T + 0.14 * p["W2"]
    db2 = dS.sum(axis=1, keepdims=True)
    dH = p["W2"].T @ dS
    dA = dH * (1 - H**2)
    dW1 = dA @ X.T
    db1 = dA.sum(axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


params = {
    "W1": rng.normal(size=(4, 4)), "b1": rng.normal(size=(4, 1)),
    "W2": rng.normal(size=(3, 4)), "b2": rng.normal(size=(3, 1)),
}
args = (rng.normal(size=(4, 5)), np.eye(3)[:, [0, 2, 1, 0, 1]])
"""

GATED = """
def squash(x):
    return 1 / (1 + np.exp(-x))


def forward(x, U, V):
    g = squash(x @ U)
    c = np.tanh(x @ V)
    return g * c, (x, U, V, g, c)


def backward(dout, cache):
    x, U, V, g, c = cache
    dg = dout * c
    dc = dout * g
    du = dg * g * (1 - g)
    dv = dc * (1 - c**2)
    dU = x.T @ du
    dV = x.T @ dv
    dx = du @ U.T + dv @ V.T
    return dx, dU, dV


inputs = (rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=(3, 4)))
"""

LEAKY = """
def forward(X, W, R, b):
    h = np.zeros(W.shape[1])
    hs = [h]
    for t in range(len(X)):
        h = 0.75 * h + 0.25 * np.tanh(X[t] @ W + h @ R + b)
        hs.append(h)
    return np.array(hs[1:]), (X, W, R, b, hs)


def backward(dout, cache):
    X, W, R, b, hs = cache
    dX, dW, dR, db = np.zeros_like(X), np.zeros_like(W), np.zeros_like(R), np.zeros_like(b)
    carry = np.zeros_like(b)
    for t in reversed(range(len(X))):
        dh = dout[t] + carry
        a = np.tanh(X[t] @ W + hs[t] @ R + b)
        dz = 0.25 * dh * (1 - a * a)
        dX[t] = W @ dz
        dW += np.outer(X[t], dz)
        dR += np.outer(hs[t], dz)
        db += dz
        carry = 0.75 * dh + R @ dz
    return dX, dW, dR, db


inputs = (rng.normal(size=(5, 2)), rng.normal(size=(2, 3)), rng.normal(size=(3, 3)), rng.normal(size=3))
"""

LOOK_UP = """
def softmax(S):
    E = np.exp(S - S.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def forward(Q, K, V):
    scale = 1 / np.sqrt(K.shape[1])
    P = softmax(scale * (Q @ K.T))
    return P @ V, (Q, K, V, P, scale)


def backward(dout, cache):
    Q, K, V, P, scale = cache
    dV = P.T @ dout
    dP = dout @ V.T
    dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
    dQ = scale * (dS @ K)
    dK = scale * (dS.T @ Q)
    return dQ, dK, dV


inputs = (rng.normal(size=(3, 2)), rng.normal(size=(5, 2)), rng.normal(size=(5, 4)))
"""

STANDARD = """
def forward(x, gain, shift):
    centred = x - x.mean(axis=1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 0.25)
    unit = centred / spread
    return gain * unit + shift, (gain, unit, spread)


def backward(dout, cache):
    gain, unit, spread = cache
    dgain = (dout * unit).sum(axis=0)
    dshift = dout.sum(axis=0)
    dunit = dout * gain
    inner = dunit - dunit.mean(axis=1, keepdims=True) - unit * (dunit * unit).mean(axis=1, keepdims=True)
    dx = inner / spread
    return dx, dgain, dshift


inputs = (rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=5))
"""

BAG = """
def cost(p, words, target):
    rows = p["table"][words]
    mean = rows.mean(axis=0)
    return 0.5 * np.sum((mean @ p["out"] - target) ** 2)


def gradients(p, words, target):
    rows = p["table"][words]
    mean = rows.mean(axis=0)
    error = mean @ p["out"] - target
    dout = np.outer(mean, error)
    dmean = p["out"] @ error
    dtable = np.zeros_like(p["table"])
    np.add.at(dtable, words, dmean / len(words))
    return {"table": dtable, "out": dout}


params = {"table": rng.normal(size=(6, 3)), "out": rng.normal(size=(3, 2))}
args = (np.array([1, 4, 1, 5]), rng.normal(size=2))
"""

SLIDING = """
def forward(x, w, b):
    n = len(x) - len(w) + 1
    z = np.zeros(n)
    for i in range(n):
        z[i] = np.sum(x[i : i + len(w)] * w) + b
    return np.maximum(z, 0), (x, w, z)


def backward(dout, cache):
    x, w, z = cache
    dz = dout * (z > 0)
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    for i in range(len(z)):
        dx[i : i + len(w)] += dz[i] * w
        dw += dz[i] * x[i : i + len(w)]
    return dx, dw, dz.sum()


inputs = (rng.normal(size=8), rng.normal(size=3), 0.3)
"""

OBJECT = """
class Unit:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        self.z = x @ self.W
        self.a = np.log(1 + np.exp(self.z))
        return self.a

    def backward(self, da):
        self.dz = da / (1 + np.exp(-self.z))
        self.dW = self.x.T @ self.dz
        return self.dz @ self.W.T


def cost(p, X):
    first, second = Unit(p["A"]), Unit(p["B"])
    return np.sum(second.forward(first.forward(X)) ** 2)


def gradients(p, X):
    first, second = Unit(p["A"]), Unit(p["B"])
    out = second.forward(first.forward(X))
    first.backward(second.backward(2 * out))
    return {"A": first.dW, "B": second.dW}


params = {"A": rng.normal(size=(3, 4)), "B": rng.normal(size=(4, 2))}
args = (rng.normal(size=(5, 3)),)
"""

MARGIN = """
def cost(w, X, y):
    slack = np.maximum(0, 1 - y * (X @ w))
    return np.mean(slack**2) + 0.5 * np.sum(w**2)


def gradients(w, X, y):
    slack = np.maximum(0, 1 - y * (X @ w))
    ds = 2 * slack / len(y)
    dm = -y * ds
    return X.T @ dm + w


params = rng.normal(size=3)
args = (rng.normal(size=(7, 3)), np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0]))
"""

POOL = """
def forward(x):
    pairs = x.reshape(x.shape[0], -1, 2)
    return pairs.max(axis=2), pairs


def backward(dout, pairs):
    dpairs = np.zeros_like(pairs)
    rows, columns = np.indices(dout.shape)
    dpairs[rows, columns, pairs.argmax(axis=2)] = dout
    return dpairs.reshape(pairs.shape[0], -1)


inputs = (rng.normal(size=(3, 8)),)
"""

SKIP = """
def forward(x, W, b):
    h = np.sin(x @ W + b)
    y = x + h @ W.T
    return y, (x, W, b, h)


def backward(dout, cache):
    x, W, b, h = cache
    dh = dout @ W
    dz = dh * np.cos(x @ W + b)
    dx = dout + dz @ W.T
    dW = x.T @ dz + dout.T @ h
    db = dz.sum(axis=0)
    return dx, dW, db


inputs = (rng.normal(size=(5, 3)), rng.normal(size=(3, 4)), rng.normal(size=4))
"""

TABLE = """
ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "swish": (lambda z: z / (1 + np.exp(-z)), lambda z: (1 + np.exp(-z) * (1 + z)) / (1 + np.exp(-z)) ** 2),
}


def cost(p, X):
    a, k = X, 0
    for name in ("swish", "tanh"):
        a = ACTIVATIONS[name][0](a @ p[k])
        k = k + 1
    return np.sum(a**3)


def gradients(p, X):
    kept, a = [], X
    for k, name in enumerate(("swish", "tanh")):
        z = a @ p[k]
        kept.append((name, a, z))
        a = ACTIVATIONS[name][0](z)
    found, da = [], 3 * a**2
    for k in (1, 0):
        name, before, z = kept[k]
        dz = da * ACTIVATIONS[name][1](z)
        found.insert(0, before.T @ dz)
        da = dz @ p[k].T
    return found


params = [rng.normal(size=(3, 4)), rng.normal(size=(4, 2))]
args = (rng.normal(size=(5, 3)),)
"""

ANGLE = """
def cost(p):
    u, v = p["u"], p["v"]
    return np.dot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v))


def gradients(p):
    u, v = p["u"], p["v"]
    nu, nv = np.linalg.norm(u), np.linalg.norm(v)
    c = np.dot(u, v) / (nu * nv)
    du = v / (nu * nv) - c * u / nu**2
    dv = u / (nu * nv) - c * v / nv**2
    return {"u": du, "v": dv}


params = {"u": rng.normal(size=4), "v": rng.normal(size=4)}
"""

RATES = """
def cost(p, X, k):
    eta = X @ p["w"] + p["b"]
    mu = np.exp(eta)
    return np.mean(mu - k * eta)


def gradients(p, X, k):
    mu = np.exp(X @ p["w"] + p["b"])
    deta = (mu - k) / len(k)
    return {"w": X.T @ deta, "b": deta.sum()}


params = {"w": rng.normal(size=3), "b": 0.2}
args = (rng.normal(size=(7, 3)), np.array([0.0, 2.0, 1.0, 0.0, 3.0, 1.0, 1.0]))
"""

CLIPPED = """
def cost(p, X, Y):
    z = X @ p["W"] + p["b"]
    a = np.where(z > 0, z, 0.1 * z)
    return np.sum((a - Y) ** 2) / len(X)


def gradients(p, X, Y):
    z = X @ p["W"] + p["b"]
    a = np.where(z > 0, z, 0.1 * z)
    dz = 2 * (a - Y)
    dz[z <= 0] *= 0.1
    dz /= len(X)
    grads = {}
    grads["W"] = X.T @ dz
    grads["b"] = np.zeros_like(p["b"])
    for row in dz:
        grads["b"] += row
    return grads


params = {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)}
args = (rng.normal(size=(7, 3)), rng.normal(size=(7, 4)))
"""

PROGRAMS = {
    "two layers": TWO_LAYERS, "gated": GATED, "leaky": LEAKY, "look up": LOOK_UP, "standard": STANDARD, "bag": BAG,
    "sliding": SLIDING, "object": OBJECT, "margin": MARGIN, "pool": POOL, "skip": SKIP, "table": TABLE, "angle": ANGLE,
    "rates": RATES, "clipped": CLIPPED,
}  # fmt: skip


class Case(NamedTuple):
    """A mistake: of what kind, in which program, and what of its text becomes what."""

    kind: str
    program: str
    edits: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.program}: {self.kind}"

    @property
    def source(self) -> str:
        """The program with the mistake."""
        text = source_of(self.program)
        for old, new in self.edits:
            before, backward, after = _halves(text)
            assert after.count(old) == 1, (old, after.count(old))
            text = before + backward + after.replace(old, new)
        return text

    @property
    def lines(self) -> set[int]:
        """The lines with the mistake; where a statement was taken out, those around it."""
        lines = changed_lines(source_of(self.program), self.source)
        return lines | {min(lines) - 1} if "statement left out" in self.kind else lines


def _halves(text: str) -> tuple[str, str, str]:
    """What stands before the backward pass, the text that begins it, and the rest."""
    start = next(start for start in ("def gradients", "def backward", "    def backward") if f"\n{start}" in text)
    start = "    def backward" if "\n    def backward" in text else start
    start = "ACTIVATIONS = " if "\nACTIVATIONS = " in text else start
    return text.partition(start)


def source_of(program: str) -> str:
    """The right program."""
    return f"import numpy as np\n\n{RNG}{PROGRAMS[program]}"


def checked(name: str, source: str, diagnose: bool = True) -> Report:
    """The report on a program."""
    layer = load(name, source)
    check: Callable[..., Report] = gradcheck if layer.is_cost else check_vjp
    return check(*layer.call, raise_exception=False, diagnose=diagnose)


CASES = [
    Case(kind, program, edits)
    for program, cases in {
        "two layers": [
            ("the mean left out", (("(P - Y) / n", "P - Y"),)),
            ("a sign in the error", (("(P - Y) / n", "(Y - P) / n"),)),
            ("the penalty left out", (('dS @ H.T + 0.14 * p["W2"]', "dS @ H.T"),)),
            ("the penalty not doubled", (('0.14 * p["W2"]', '0.07 * p["W2"]'),)),
            ("a sum over the wrong axis", (("db2 = dS.sum(axis=1", "db2 = dS.sum(axis=0"),)),
            ("a sum left out", (("db1 = dA.sum(axis=1, keepdims=True)", "db1 = dA"),)),
            ("a mean for a sum", (("db1 = dA.sum(", "db1 = dA.mean("),)),
            ("the slope of tanh left out", (("dA = dH * (1 - H**2)", "dA = dH"),)),
            ("the slope without its square", (("(1 - H**2)", "(1 - H)"),)),
            ("the slope of another function", (("(1 - H**2)", "H * (1 - H)"),)),
            ("a square matrix transposed", (("dW1 = dA @ X.T", "dW1 = (dA @ X.T).T"),)),
            ("the wrong array in a product", (("dW1 = dA @ X.T", "dW1 = dH @ X.T"),)),
        ],
        "gated": [
            ("the other gate's array", (("dg = dout * c", "dg = dout * g"),)),
            ("a slope left out", (("du = dg * g * (1 - g)", "du = dg"),)),
            ("half of a slope", (("dg * g * (1 - g)", "dg * (1 - g)"),)),
            ("a path left out", (("du @ U.T + dv @ V.T", "du @ U.T"),)),
            ("a path with another's weight", (("du @ U.T + dv @ V.T", "du @ U.T + dv @ U.T"),)),
            ("a sign between paths", (("du @ U.T + dv @ V.T", "du @ U.T - dv @ V.T"),)),
            ("the upstream gradient forgotten", (("dc = dout * g", "dc = g"),)),
        ],
        "leaky": [
            ("a part of the carry left out", (("carry = 0.75 * dh + R @ dz", "carry = R @ dz"),)),
            ("overwritten in the loop", (("dW += np.outer", "dW = np.outer"),)),
            ("an index one step late", (("dR += np.outer(hs[t], dz)", "dR += np.outer(hs[t + 1], dz)"),)),
            ("a square matrix the wrong way round", (("0.75 * dh + R @ dz", "0.75 * dh + R.T @ dz"),)),
            ("the loop runs forwards", (("for t in reversed(range(len(X))):", "for t in range(len(X)):"),)),
            ("a factor left out", (("dz = 0.25 * dh", "dz = dh"),)),
            ("another number", (("0.75 * dh + R", "0.25 * dh + R"),)),
        ],
        "look up": [
            ("the softmax as its diagonal", (("(dP - np.sum(dP * P, axis=1, keepdims=True))", "(1 - P) * dP"),)),
            ("a sum along the wrong axis", (("np.sum(dP * P, axis=1, keepdims=True)", "np.sum(dP * P, axis=0)"),)),
            ("the scale left out", (("dQ = scale * (dS @ K)", "dQ = dS @ K"),)),
            ("the other weights", (("dK = scale * (dS.T @ Q)", "dK = scale * (P.T @ Q)"),)),
        ],
        "standard": [
            ("the mean taken as a constant", ((" - dunit.mean(axis=1, keepdims=True)", ""),)),
            ("the spread taken as a constant", ((" - unit * (dunit * unit).mean(axis=1, keepdims=True)", ""),)),
            ("a weight forgotten", (("dunit = dout * gain", "dunit = dout"),)),
            ("the wrong factor", (("dgain = (dout * unit).sum", "dgain = (dout * gain).sum"),)),
        ],
        "bag": [
            ("a repeated index", (("np.add.at(dtable, words, dmean /", "dtable[words] += (dmean /"),)),
        ],
        "sliding": [
            ("the mask left out", (("dz = dout * (z > 0)", "dz = dout"),)),
            ("the mask of another array", (("(z > 0)", "(dout > 0)"),)),
            ("the mask the wrong way round", (("(z > 0)", "(z < 0)"),)),
            ("set for added", (("dx[i : i + len(w)] += dz", "dx[i : i + len(w)] = dz"),)),
        ],
        "object": [
            ("an attribute for another", (("da / (1 + np.exp(-self.z))", "da / (1 + np.exp(-self.a))"),)),
            ("a sign inside of exp", (("np.exp(-self.z)", "np.exp(self.z)"),)),
            ("a product for its other half", (("self.x.T @ self.dz", "self.x.T @ da"),)),
        ],
        "margin": [
            ("a factor left out", (("ds = 2 * slack", "ds = slack"),)),
            ("a sign", (("dm = -y * ds", "dm = y * ds"),)),
            ("a term left out", (("return X.T @ dm + w", "return X.T @ dm"),)),
        ],
        "pool": [("the smallest for the largest", (("pairs.argmax", "pairs.argmin"),))],
        "skip": [
            ("a path left out", (("dx = dout + dz @ W.T", "dx = dz @ W.T"),)),
            ("the second use of a weight", (("x.T @ dz + dout.T @ h", "x.T @ dz"),)),
            ("sin for cos", (("np.cos(x @ W + b)", "np.sin(x @ W + b)"),)),
        ],
        "table": [
            ("the slope at the result", (("[1](z)", "[1](da)"),)),
        ],
        "angle": [
            ("a power", (("c * u / nu**2", "c * u / nu"),)),
            ("a term left out", (("dv = u / (nu * nv) - c * v / nv**2", "dv = u / (nu * nv)"),)),
        ],
        "clipped": [
            ("a statement left out", (("    dz /= len(X)\n", ""),)),
            ("the other side of the mask", (("dz[z <= 0] *= 0.1", "dz[z > 0] *= 0.1"),)),
            ("set for added", (('grads["b"] += row', 'grads["b"] = row'),)),
            ("too large a number", (("dz = 2 * (a - Y)", "dz = 4 * (a - Y)"),)),
        ],
        "rates": [
            ("the link for its slope", (("mu = np.exp(X", "mu = (X"),)),
            ("an observation counted wrong", (("/ len(k)", "/ (len(k) - 1)"),)),
        ],
    }.items()
    for kind, edits in cases
]  # fmt: skip

"""A network's backward pass, derived from its forward pass: the notes' formulas are found again, line for line.

The forward pass is written down as the notes have it and derived as any other. As there, column i of dJda and dJdz
belongs to J^(i) (E2), so it is the sum of the J^(i) that is derived; the mean comes in where the observations are
brought together, in dJdb and dJdW (E1).
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.check import gradcheck
from compare.derive.derivation import Derivation, derive_functions
from compare.derive.ir import CannotDerive
from compare.derive.proof import compiled
from compare.derive.text import Line
from matrix_backprop import Network, Step
from matrix_backprop.rules import substituted

Array = NDArray[Any]

ACTIVATIONS = {
    "sigmoid": ["{a} = 1 / (1 + np.exp(-{z}))"],
    "tanh": ["{a} = np.tanh({z})"],
    "relu": ["{a} = np.maximum({z}, 0)"],
    "identity": ["{a} = 1 * {z}"],
    "softmax": [
        "e{l} = np.exp({z} - np.max({z}, axis=0, keepdims=True))",
        "{a} = e{l} / np.sum(e{l}, axis=0, keepdims=True)",
    ],
}
COSTS = {
    "binary_cross_entropy": "-np.sum(Y * np.log({a}) + (1 - Y) * np.log(1 - {a}))",
    "categorical_cross_entropy": "-np.sum(Y * np.log({a}))",
    "squared_error": "0.5 * np.sum(({a} - Y)**2)",
}
SHORT = {"dJda": "da", "dJdz": "dz", "dJdb": "db", "dJdW": "dW"}


def derive_network(net: Network, X: Any = None, Y: Any = None) -> Derivation:
    """The backward pass of a network in the notes' names, each line with the statement that it is, and proved.

    >>> for line in derive_network(Network([3, 1], ["sigmoid"], seed=0)).lines:
    ...     print(line.text)
    dJdz[1] = a[1] - Y
    dJdb[1] = np.mean(dJdz[1], axis=1, keepdims=True)
    dJdW[1] = (1/m) * np.dot(X, dJdz[1].T)
    """
    X, Y = _data(net) if X is None or Y is None else (np.asarray(X, float), np.asarray(Y, float))
    forward = _forward(net)
    total = COSTS[net.cost].format(a=f"a{net.layers[-1]}")
    params = {f"{kind}{layer}": x[layer] for layer in net.layers for kind, x in (("W", net.W), ("b", net.b))}
    cost = compiled(_function("cost", forward, total), "cost", {"np": np})
    mean = compiled(_function("J", forward, f"({total}) / X.shape[1]"), "J", {"np": np})
    derived = derive_functions(cost, params, X, Y, is_cost=True)
    if not derived:
        raise CannotDerive(f"the network was derived, but not proved: {derived.certificate}")
    lines = _in_the_notes_names(net, derived)
    code = _code(net, forward, lines)
    made = compiled(code, "gradients", {"np": np})
    report = gradcheck(mean, made, params, X, Y, raise_exception=False, diagnose=False)
    rng = np.random.default_rng(0)
    more = np.concatenate([X, X[:, :1] * rng.uniform(0.5, 1.5)], axis=1), np.concatenate([Y, Y[:, :1]], axis=1)
    elsewhere = gradcheck(mean, made, params, *more, raise_exception=False, diagnose=False)
    found = Derivation(code, lines, made, "back propagation derived from the forward pass", report, elsewhere)
    found.simplified, found.unsimplified = derived.simplified, derived.unsimplified
    return found


def _data(net: Network) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    m, k = 4, net.sizes[-1]
    Y = np.eye(k)[:, rng.integers(0, k, m)] if k > 1 else rng.integers(0, 2, (1, m)).astype(float)
    return rng.normal(size=(net.sizes[0], m)), Y


def _forward(net: Network) -> list[str]:
    """The forward pass, in names such as z1."""
    rows = []
    for l in net.layers:  # noqa: E741  the notes' letter
        before = f"a{l - 1}" if l > 1 else "X"
        rows.append(f'z{l} = params["b{l}"] + np.dot(params["W{l}"].T, {before})')
        rows += [row.format(z=f"z{l}", a=f"a{l}", l=l) for row in ACTIVATIONS[net.activation(l)]]
    return rows


def _function(name: str, rows: list[str], returned: str) -> str:
    return "\n".join([f"def {name}(params, X, Y):", *(f"    {row}" for row in rows), f"    return {returned}", ""])


def _in_the_notes_names(net: Network, derived: Derivation) -> list[Line]:
    """The derived lines in the order and the names of `Network.steps`, each held against the formula of its step."""
    by_name = {match[1]: line for line in derived.lines if (match := re.match(r"(\w+) = ", line.text))}
    found = []
    for step in net.steps():
        line = by_name.get(f"{SHORT[step.kind]}{step.layer}")
        if line is None and step.kind == "dJda":
            continue  # A4 does without
        if line is None and step.kind == "dJdz":  # the slope of the identity is 1
            found.append(Line(f"{step.name} = dJda[{step.layer}]", f"{step.id}: dadz is 1", 0, ""))
            continue
        if line is None:
            raise CannotDerive(f"the derivation has no line for {step.name}")
        text = _bracketed(line.text.partition(" = ")[2])
        for layer in net.layers:
            if f"dz{layer}" not in by_name:
                text = text.replace(f"dJda[{layer}]", f"dJdz[{layer}]")
        text = _with_the_mean(step, text)
        if not _is_the_formula(step, text):
            raise CannotDerive(f"{step.id} says {step.name} = {step.formula}, and the derivation {text}")
        why = _bracketed(line.why)
        if step.kind in ("dJdb", "dJdW"):
            why = re.sub(r"^.*; ", "", why).replace(": sum over", ": mean (E1) over")
        found.append(Line(f"{step.name} = {text}", f"{step.id}: {why}", line.line, line.source))
    return found


def _with_the_mean(step: Step, text: str) -> str:
    """E1: J is the mean of the J^(i), and the parameters are where the observations are brought together."""
    if step.kind == "dJdb":
        return text.replace("np.sum(", "np.mean(", 1)
    return f"(1/m) * {text}" if step.kind == "dJdW" else text


def _is_the_formula(step: Step, text: str) -> bool:
    """Whether a derived line says what the notes say: the same text, with dadz written out in B2."""
    if step.id == "B1" and step.formula.startswith("dJ/da"):
        return True  # the notes leave the cost open
    if step.id == "B2":
        return text.startswith(step.formula.rpartition(" * ")[0])
    if step.id == "C1":
        dJda, a = step.operands
        return text == substituted("a * (d - np.sum(d * a, axis=0, keepdims=True))", a=a, d=dJda)
    return text == step.formula


def _bracketed(text: str) -> str:
    """z1, params["W1"] and dz1 as z[1], W[1] and dJdz[1]."""
    text = re.sub(r'params\["([Wb])(\d+)"\]', r"\1[\2]", text)
    text = re.sub(r"\bd([azbW])(\d+)\b", r"dJd\1[\2]", text)
    return re.sub(r"\b([azWb])(\d+)\b", r"\1[\2]", text)


def _code(net: Network, forward: list[str], lines: list[Line]) -> str:
    """The backward pass as a function, after the forward pass, in lists by layer."""
    count = len(net.sizes)
    lists = {kind: ", ".join(f'params["{kind}{layer}"]' for layer in net.layers) for kind in "Wb"}
    rows = [
        "m = X.shape[1]",
        *(f"{kind} = [None, {names}]" for kind, names in lists.items()),
        f"z, a = [None] * {count}, [X] + [None] * {count - 1}",
        *(_bracketed(row) for row in forward),
        "",
        f"dJda, dJdz, dJdb, dJdW = ([None] * {count} for _ in range(4))",
    ]
    for line in lines:
        row = f"{line.text}  # {line.why}"
        rows += [row] if len(row) < 117 else [f"# {line.why}", line.text]
    grads = ", ".join(f'"{kind}{layer}": dJd{kind}[{layer}]' for layer in net.layers for kind in "Wb")
    body = "\n".join(f"    {row}" if row else "" for row in [*rows, f"return {{{grads}}}"])
    return f"import numpy as np\n\n\ndef gradients(params, X, Y):\n{body}\n"

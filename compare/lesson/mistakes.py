"""Classic mistakes, planted in the code of one network's back propagation, and run.

The code is written out line by line, as a student writes it from the notes. A mistake is an edit of one line. What the
edited code gives is compared with the chain rule, entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.lesson.data import Run, short
from compare.lesson.scene import rows
from matrix_backprop import Network
from matrix_backprop.activations import ACTIVATIONS, dJdz_softmax
from matrix_backprop.costs import COSTS

Array = NDArray[Any]

SLOPES = {
    "sigmoid": "a{l} * (1 - a{l})",
    "tanh": "(1 - a{l}**2)",
    "relu": "(z{l} > 0).astype(int)",
    "identity": "np.ones_like(a{l})",
}


class Mistake(NamedTuple):
    """One mistake: a name, why the line is wrong in one sentence, the line of code and what stands in its place."""

    name: str
    why: str
    line: str
    instead: str


def code(net: Network) -> list[str]:
    """The lines of back propagation, A4 or B1 first.

    >>> code(Network([2, 3, 1], ["tanh", "sigmoid"]))[:2]
    ['dJdz2 = a2 - Y', 'dJdb2 = np.mean(dJdz2, axis=1, keepdims=True)']
    """
    lines = []
    for step in net.steps():
        if step.kind == "dJda" and "Y" in step.operands:  # the last layer's, which A4 does without
            if net.matched:
                continue
            formula = f"cost_slope({', '.join(step.operands)})"
        elif step.id == "C1":
            formula = f"softmax_backward({', '.join(step.operands)})"
        else:
            slope = SLOPES.get(net.activation(step.layer), "").format(l=step.layer)
            formula = step.formula.replace(f"dadz[{step.layer}]", slope)
        lines.append(short(f"{step.name} = {formula}"))
    return lines


def mistakes(net: Network, m: int) -> Iterator[Mistake]:
    """The classic mistakes that can be made in this network.

    >>> [mistake.name for mistake in mistakes(Network([2, 3, 3, 1], ["tanh", "tanh", "sigmoid"]), 2)]
    ['W transposed', 'mean for sum', 'slope missing', '1/m missing', 'sum for mean', 'wrong sign']
    """
    sizes, last = net.sizes, net.layers[-1]
    hidden = net.layers[:-1]
    lines = {line.split(" = ")[0]: line for line in code(net)}

    def edit(name: str, why: str, array: str, old: str, new: str) -> Mistake:
        return Mistake(name, why, lines[array], lines[array].replace(old, new))

    # where W is not square, NumPy refuses its transpose; where it is, nothing but a check does
    l = next((l for l in hidden if sizes[l] == sizes[l + 1] > 1), hidden[0])  # noqa: E741
    why = (
        f"row j of W{l + 1} holds the weights that the {sizes[l + 1]} units of layer {l + 1} give to unit j of layer"
        f" {l}: it is not to be turned"
    )
    yield edit("W transposed", why, f"dJda{l}", f"np.dot(W{l + 1},", f"np.dot(W{l + 1}.T,")
    several = [layer for layer in hidden if sizes[layer + 1] > 1]
    if several:
        l = several[0]  # noqa: E741
        why = f"the chain rule takes the sum over the {sizes[l + 1]} consumers, not their mean"
        product = f"np.dot(W{l + 1}, dJdz{l + 1})"
        yield edit("mean for sum", why, f"dJda{l}", product, f"{product} / {sizes[l + 1]}")
    sloped = [layer for layer in hidden if net.activation(layer) != "identity"]
    if sloped:
        l = sloped[-1]  # noqa: E741
        slope = SLOPES[net.activation(l)].format(l=l)
        why = f"the slope of layer {l}, {slope}, is left out: it is the local derivative of a by z"
        yield edit("slope missing", why, f"dJdz{l}", f" * {slope}", "")
    if m > 1:
        why = f"J is the mean of the costs of {m} observations, so each of them counts 1/m"
        yield edit("1/m missing", why, f"dJdW{last}", "(1/m) * ", "")
        yield edit("sum for mean", why, f"dJdb{last}", "np.mean", "np.sum")
    if net.matched:
        why = f"a larger a{last} makes the cost larger where Y is below it: what is predicted comes first"
        yield edit("wrong sign", why, f"dJdz{last}", f"a{last} - Y", f"Y - a{last}")
    else:
        why = "the slope of the cost has one minus too many"
        yield edit("wrong sign", why, f"dJda{last}", "cost_slope", "-cost_slope")


def planted(net: Network, found: dict[str, Run], m: int) -> dict[str, Any]:
    """The code, and every mistake with what it does: the arrays that come out, and the wrong entries.

    "wrong" lists, for each array, the entries that differ from the chain rule; an array that cannot be computed has no
    entries, and all are wrong. Decimals and fractions each have their own, as the numbers differ. The line and its
    correction are known, as the mistake was planted; the tests hold that `check` finds the same.
    """
    source = program(net, code(net))
    return {
        "code": source,
        "first": source.index(f"    {code(net)[0]}"),
        "planted": [
            {
                "name": mistake.name,
                "why": mistake.why,
                "line": source.index(f"    {mistake.line}"),
                "instead": mistake.instead,
                "numbers": {mode: _effect(run, mistake) for mode, run in found.items()},
            }
            for mistake in mistakes(net, m)
        ],
    }


def _edited(net: Network, mistake: Mistake | None) -> list[str]:
    return [mistake.instead if mistake and line == mistake.line else line for line in code(net)]


def _effect(run: Run, mistake: Mistake | None) -> dict[str, Any]:
    """The arrays that the code gives and the entries that are wrong, in one kind of number."""
    chain = run.graph.gradients()
    arrays, problem = _run_lines(run, _edited(run.net, mistake))
    effect: dict[str, Any] = {"arrays": {}, "wrong": {}, "problem": problem}
    for line in code(run.net):
        name = line.split(" = ")[0]
        true = getattr(chain, name[:4])[int(name[4:])]
        ours = arrays.get(name)
        if ours is None or np.shape(ours) != true.shape:
            effect["wrong"][name] = [[j, i] for j, i in np.ndindex(true.shape)]
            effect["arrays"][name] = None
            continue
        differ = [not _equal(x, y) for x, y in zip(np.asarray(ours).flat, true.flat, strict=True)]
        effect["arrays"][name] = rows(ours, run.scene.number)
        effect["wrong"][name] = [list(index) for index, bad in zip(np.ndindex(true.shape), differ, strict=True) if bad]
    return effect


def _equal(x: Any, y: Any) -> bool:
    return bool(np.isclose(float(x), float(y), rtol=1e-9, atol=1e-12)) if isinstance(x, float) else bool(x == y)


def _run_lines(run: Run, lines: list[str]) -> tuple[dict[str, Any], str]:
    """The arrays of the lines up to the first that raises, and what it raised."""
    forward, net = run.graph.forward_numbers(), run.net
    names: dict[str, Any] = {"np": np, "X": forward.a[0], "Y": run.Y, "m": run.Y.shape[1], **_helpers(net)}
    for l in net.layers:  # noqa: E741
        names |= {f"W{l}": net.W[l], f"b{l}": net.b[l], f"z{l}": forward.z[l], f"a{l}": forward.a[l]}
    for line in lines:
        try:
            exec(line, names)
        except ValueError as problem:
            return names, f"{line.split(' = ')[1]} raises {type(problem).__name__}: {problem}"
    return names, ""


def _helpers(net: Network) -> dict[str, Callable[..., Any]]:
    """The functions that the code calls besides NumPy's."""
    cost = COSTS[net.cost]
    found: dict[str, Callable[..., Any]] = {name: ACTIVATIONS[name].g for name in net.activations if name != "tanh"}
    return found | {"costs": cost.J, "cost_slope": cost.dJda, "softmax_backward": dJdz_softmax}


def program(net: Network, backward: list[str]) -> list[str]:
    """The lines of a file for `check`: `cost`, and `gradients` with these lines of back propagation.

    >>> print(*program(Network([2, 1], ["sigmoid"]), ["dJdz1 = a1 - Y"])[:5], sep="\\n")
    def cost(params, X, Y):
        W1, b1 = (params[name] for name in ("W1", "b1"))
        z1 = b1 + np.dot(W1.T, X)
        a1 = sigmoid(z1)
        return np.mean(costs(a1, Y))
    """
    letters = _letters(net)
    unpack = f"    {', '.join(letters)} = (params[name] for name in ({', '.join(map(_quoted, letters))}))"
    forward = [
        line
        for l in net.layers  # noqa: E741
        for line in (
            f"    z{l} = b{l} + np.dot(W{l}.T, {f'a{l - 1}' if l > 1 else 'X'})",
            f"    a{l} = {'np.' * (net.activation(l) == 'tanh')}{net.activation(l)}(z{l})",
        )
    ]
    return [
        "def cost(params, X, Y):",
        unpack,
        *forward,
        f"    return np.mean(costs(a{net.layers[-1]}, Y))",
        "",
        "def gradients(params, X, Y):",
        unpack,
        "    m = X.shape[1]",
        *forward,
        *(f"    {line}" for line in backward),
        f"    return {{{', '.join(f'{_quoted(name)}: dJd{name}' for name in letters)}}}",
    ]


def _letters(net: Network) -> list[str]:
    return [f"{letter}{layer}" for layer in net.layers for letter in "Wb"]


def _quoted(name: str) -> str:
    return f'"{name}"'

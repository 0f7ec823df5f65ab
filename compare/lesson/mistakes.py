"""Classic mistakes, planted in the code of one network's back propagation, run, and handed to the checker.

The code is written out line by line, as a student writes it from the notes. A mistake is an edit of one line. What the
edited code gives is compared with the chain rule, entry by entry, and `gradcheck` says why it is wrong.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.check import UnusableCode, gradcheck
from compare.lesson.data import Run, short
from compare.lesson.scene import rows
from compare.report.report import Report
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
    """One mistake: a name, what it is in words, the line of code and what stands in its place."""

    name: str
    words: str
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

    def edit(name: str, words: str, array: str, old: str, new: str) -> Mistake:
        return Mistake(name, words, lines[array], lines[array].replace(old, new))

    # where W is not square, NumPy refuses its transpose; where it is, nothing but a check does
    l = next((l for l in hidden if sizes[l] == sizes[l + 1] > 1), hidden[0])  # noqa: E741
    words = f"the rows of W{l + 1} taken for its columns"
    yield edit("W transposed", words, f"dJda{l}", f"np.dot(W{l + 1},", f"np.dot(W{l + 1}.T,")
    several = [layer for layer in hidden if sizes[layer + 1] > 1]
    if several:
        l = several[0]  # noqa: E741
        words = f"the mean over the {sizes[l + 1]} consumers, where their sum belongs"
        product = f"np.dot(W{l + 1}, dJdz{l + 1})"
        yield edit("mean for sum", words, f"dJda{l}", product, f"{product} / {sizes[l + 1]}")
    sloped = [layer for layer in hidden if net.activation(layer) != "identity"]
    if sloped:
        l = sloped[-1]  # noqa: E741
        words = f"the factor dadz of layer {l} left out"
        slope = " * " + SLOPES[net.activation(l)].format(l=l)
        yield edit("slope missing", words, f"dJdz{l}", slope, "")
    if m > 1:
        words = "the sum over the observations, where their mean belongs"
        yield edit("1/m missing", words, f"dJdW{last}", "(1/m) * ", "")
        yield edit("sum for mean", words, f"dJdb{last}", "np.mean", "np.sum")
    if net.matched:
        yield edit("wrong sign", "y − a for a − y", f"dJdz{last}", f"a{last} - Y", f"Y - a{last}")
    else:
        words = "a minus too many"
        yield edit("wrong sign", words, f"dJda{last}", "cost_slope", "-cost_slope")


def planted(
    net: Network,
    found: dict[str, Run],
    X: Array,
    Y: Array,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """The code, and every mistake with what it does: the arrays that come out, the wrong entries, what `check` says.

    "wrong" lists, for each array, the entries that differ from the chain rule; an array that cannot be computed has no
    entries, and all are wrong. Decimals and fractions each have their own, as the numbers differ.
    """
    source = program(net, code(net))
    planted = []
    for mistake in mistakes(net, X.shape[1]):
        if progress:
            progress(f"a planted mistake, {mistake.name}")
        planted.append(
            {
                "name": mistake.name,
                "words": mistake.words,
                "line": source.index(f"    {mistake.line}"),
                "instead": mistake.instead,
                "diagnosis": diagnosis(net, X, Y, mistake, seed),
                "numbers": {mode: _effect(run, mistake) for mode, run in found.items()},
            }
        )
    return {"code": source, "first": source.index(f"    {code(net)[0]}"), "planted": planted}


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


def diagnosis(net: Network, X: Array, Y: Array, mistake: Mistake | None, seed: int = 0) -> list[str]:
    """What `check` says about the code with a mistake: what the wrong gradients are instead, and the correction.

    >>> net = Network([2, 2, 1], ["tanh", "sigmoid"], seed=0)
    >>> diagnosis(net, np.eye(2), np.array([[0, 1]]), None)
    []
    """
    filename = f"<the lesson: {mistake.name if mistake else 'no mistake'}>"
    text = "\n".join(program(net, _edited(net, mistake))) + "\n"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names: dict[str, Any] = {"np": np, **_helpers(net)}
    exec(compile(text, filename, "exec"), names)
    params = {name: np.asarray((net.W if name[0] == "W" else net.b)[int(name[1:])], float) for name in _letters(net)}
    data = np.asarray(X, float), np.asarray(Y)
    try:
        report = gradcheck(names["cost"], names["gradients"], params, *data, seed=seed, raise_exception=False)
    except UnusableCode as problem:
        return [str(problem).replace(f" of {filename}", "")]
    finally:
        linecache.cache.pop(filename, None)
    return _in_short(report)


def _in_short(report: Report) -> list[str]:
    """Why, each cause once; that something differs where no cause is known."""
    if report or report.reasons:
        return report.reasons
    return [f"{', '.join(f'd{row.name}' for row in report.differing)}: it differs."]

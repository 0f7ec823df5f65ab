"""One network, recorded and swept by every engine: relu and squared error, because all of them have these.

Each engine takes a `Problem` and answers with dJ/dW of the first layer, so that a test can hold them to each other.
"""

from __future__ import annotations

import gc
import importlib
import math
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autograd import Tape, Value, gradients, values
from benchmarks.problem import Problem

Run = Callable[[Problem], Any]  # dJ/dW of the first layer

GROUP = 32  # observations


def by_formulas(problem: Problem) -> Any:
    net = problem.net
    return net.backward(net.forward(problem.X), problem.Y).dJdW[1]


def cost(W: Any, b: Any, X: Any, Y: Any) -> Any:
    """J in NumPy code, for the engines that run it: mean over the columns of half the squared error."""
    a = X
    for layer in range(1, len(W)):
        z = b[layer] + np.dot(W[layer].T, a)  # (n_l, m)
        a = np.maximum(z, 0) if layer < len(W) - 1 else z
    return np.sum((a - Y) ** 2) / (2 * Y.shape[1])


def by_values(problem: Problem) -> Any:
    W, b = [None, *map(values, problem.net.W[1:])], [None, *map(values, problem.net.b[1:])]
    J = cost(W, b, values(problem.X), problem.Y)
    J.backward()
    return gradients(W[1])


def by_tape(problem: Problem) -> Any:
    tape = Tape()
    W, b = ([None, *map(tape.array, p[1:])] for p in (problem.net.W, problem.net.b))
    tape.backward(cost(W, b, tape.array(problem.X), problem.Y))
    return W[1].grad  # type: ignore[union-attr]


def by_tape_in_groups(problem: Problem) -> Any:
    """The same in groups of observations on one tape, whose memory is used again: the gradient is a sum over them."""
    tape, found = Tape(), np.zeros_like(problem.net.W[1])
    for start in range(0, problem.m, GROUP):
        X, Y = (array[:, start : start + GROUP] for array in (problem.X, problem.Y))
        tape.clear()
        W, b = ([None, *map(tape.array, p[1:])] for p in (problem.net.W, problem.net.b))
        tape.backward(cost(W, b, tape.array(X), Y))
        found += W[1].grad * (Y.shape[1] / problem.m)  # type: ignore[union-attr]
    return found


def by_scalar_loops(scalar: Callable[[float], Any], problem: Problem) -> tuple[Any, list[list[Any]]]:
    """J and the weights of the first layer as micrograd's own `nn.py` writes it: Python lists of scalars."""
    W = [None, *([[scalar(w) for w in row] for row in W.tolist()] for W in problem.net.W[1:])]
    b = [None, *([scalar(row[0]) for row in b.tolist()] for b in problem.net.b[1:])]
    J = scalar(0.0)
    for x, y in zip(problem.X.T.tolist(), problem.Y.T.tolist(), strict=True):
        a = [scalar(number) for number in x]
        for layer in range(1, len(W)):
            columns = zip(*W[layer], strict=True)  # type: ignore[misc]
            a = [
                sum((w_j * a_j for w_j, a_j in zip(w, a, strict=True)), b_k)
                for w, b_k in zip(columns, b[layer], strict=True)  # type: ignore[arg-type]
            ]
            if layer < len(W) - 1:
                a = [z.relu() for z in a]
        for a_k, y_k in zip(a, y, strict=True):
            J = J + (a_k - y_k) ** 2
    return J * (0.5 / problem.m), W[1]  # type: ignore[return-value]


def by_micrograd(problem: Problem) -> Any:
    engine = importlib.import_module("micrograd.engine")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)  # its topological sort calls itself for every operand
    try:
        J, W = by_scalar_loops(engine.Value, problem)
        J.backward()
    finally:
        sys.setrecursionlimit(limit)
    return np.array([[w.grad for w in row] for row in W])


def without_collection(engine: Run) -> Run:
    """The same engine with Python's garbage collector off."""

    def run(problem: Problem) -> Any:
        gc.disable()
        try:
            return engine(problem)
        finally:
            gc.enable()

    return run


def by_values_in_loops(problem: Problem) -> Any:
    """Values in the loops that micrograd runs: one node for each product and each sum of two."""
    J, W = by_scalar_loops(Value, problem)
    J.backward()
    return np.array([[w.grad for w in row] for row in W])


def by_casadi(problem: Problem) -> Any:
    casadi = importlib.import_module("casadi")
    net = problem.net
    W = [None, *(casadi.SX.sym(f"W{layer}", *net.W[layer].shape) for layer in net.layers)]
    b = [None, *(casadi.SX.sym(f"b{layer}", *net.b[layer].shape) for layer in net.layers)]
    X = casadi.SX.sym("X", *problem.X.shape)
    a = X
    for layer in net.layers:
        z = casadi.repmat(b[layer], 1, problem.m) + casadi.mtimes(W[layer].T, a)
        a = casadi.fmax(z, 0) if layer < net.layers[-1] else z
    J = casadi.sumsqr(a - problem.Y) / (2 * problem.m)
    parameters = [*W[1:], *b[1:]]
    flat = casadi.vertcat(*(casadi.vec(p) for p in parameters))
    found = casadi.Function("gradients", [*parameters, X], [casadi.gradient(J, flat)])
    numbers = np.array(found(*net.W[1:], *net.b[1:], problem.X)).ravel()
    return numbers[: net.W[1].size].reshape(net.W[1].shape, order="F")


def by_torch(problem: Problem) -> Any:
    torch = importlib.import_module("torch")
    W = [torch.tensor(p, requires_grad=True) for p in problem.net.W[1:]]
    b = [torch.tensor(p, requires_grad=True) for p in problem.net.b[1:]]
    torch_cost(torch, W, b, torch.from_numpy(problem.X), torch.from_numpy(problem.Y)).backward()
    return W[0].grad.numpy()


def torch_cost(torch: Any, W: list[Any], b: list[Any], X: Any, Y: Any) -> Any:
    a = X
    for layer, (W_l, b_l) in enumerate(zip(W, b, strict=True)):
        z = b_l + W_l.T @ a
        a = torch.relu(z) if layer < len(W) - 1 else z
    return ((a - Y) ** 2).sum() / (2 * Y.shape[1])


class Engine(NamedTuple):
    """How an engine runs a problem, the module it needs, and the size beyond which it takes too long or too much."""

    run: Run
    module: str | None = None
    most_terms: float = math.inf


REFERENCE = "micrograd, no collection"
ENGINES = {
    "micrograd": Engine(by_micrograd, "micrograd", 200_000),
    REFERENCE: Engine(without_collection(by_micrograd), "micrograd", 200_000),
    "Values in micrograd's loops": Engine(by_values_in_loops, None, 200_000),
    "CasADi SX": Engine(by_casadi, "casadi", 4_000_000),
    "Values": Engine(by_values, None, 4_000_000),
    "Tape": Engine(by_tape),
    "Tape in groups": Engine(by_tape_in_groups),
    "torch": Engine(by_torch, "torch"),
}

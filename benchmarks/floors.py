"""What no engine can do without: the matrix products of a network, explicit edges, and NumPy's own calls."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd import Tape
from benchmarks.engines import ENGINES
from benchmarks.formulas import all_products
from benchmarks.measure import absent_peers, interleaved, short, table
from benchmarks.problem import Problem

PROBLEMS = tuple(Problem((784, 128, 10), m) for m in (32, 256))
BLOCK = 16_384  # edges that stay in the cache
OPERATIONS = 9  # of `_cost`


def main(problems: Sequence[Problem] = PROBLEMS) -> None:
    print("Floors: a term w * a has two edges, one to its w and one to its a, each an int64.")
    for problem in problems:
        net = problem.net
        forward = net.forward(problem.X)
        back = net.backward(forward, problem.Y)
        runs: dict[str, Callable[[], Any]] = {
            "bare matrix products": partial(all_products, net, forward, back),
            f"edges in blocks of {BLOCK:,}, written once, read twice": partial(edges, problem.terms, BLOCK),
            "edges all at a time, written once, read twice": partial(edges, problem.terms, problem.terms),
        }
        runs |= {name: partial(engine.run, problem) for name, engine in ENGINES.items() if name.startswith("Tape")}
        seconds = interleaved(runs)
        print(f"\n{problem}: {problem.terms:,} terms")
        rows = [[name, short(1e3 * s), short(1e9 * s / problem.terms)] for name, s in seconds.items()]
        table(["record and backward", "ms", "ns a term"], rows)
    print(f"\nRecording: {OPERATIONS} operations (tanh, a product of matrices, ...) on {OPERATIONS} arrays of 3 x 3")
    seconds = interleaved(recordings(), repeats=300, collect=False)
    floor = seconds["NumPy"]
    rows = [[name, short(1e6 * s), short(1e6 * s / OPERATIONS), short(s / floor)] for name, s in seconds.items()]
    table(["forward", "us", "us an operation", "of NumPy's"], rows)


def recordings() -> dict[str, Callable[[], Any]]:
    """The same few operations on small arrays, in NumPy alone and as they are recorded."""
    W = np.random.default_rng(0).normal(size=(OPERATIONS, 3, 3))
    runs: dict[str, Callable[[], Any]] = {
        "NumPy": lambda: _cost(np, W),
        "Tape": lambda: _cost(np, [(tape := Tape()).array(W[0]), *map(tape.array, W[1:])]),
    }
    if not absent_peers(["torch"]):
        torch = importlib.import_module("torch")
        runs["torch"] = lambda: _cost(torch, [torch.tensor(w, requires_grad=True) for w in W])
    return runs


def _cost(library: Any, w: Any) -> Any:
    a = library.tanh(w[0] * w[1] + w[2]) * w[3] - w[4]
    return library.sum((library.matmul(a, w[5]) + w[6]) * w[7])


def edges(terms: int, block: int) -> None:
    """Write the two edges of each term into a buffer of one block, and read them twice: forward and back."""
    block = min(block, terms)
    steps = np.arange(block)
    w, a = np.empty(block, np.int64), np.empty(block, np.int64)
    for start in range(0, terms, block):
        n = min(block, terms - start)
        np.add(steps[:n], start, out=w[:n])
        np.add(steps[:n], start, out=a[:n])
        for _ in ("forward", "backward"):
            np.bitwise_or.reduce(w[:n])
            np.bitwise_or.reduce(a[:n])


if __name__ == "__main__":
    main()

"""What no engine can do without: the matrix products of a network, and explicit edges written once and read twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.engines import ENGINES
from benchmarks.formulas import all_products
from benchmarks.measure import interleaved, short, table
from benchmarks.problem import Problem

PROBLEMS = tuple(Problem((784, 128, 10), m) for m in (32, 256))
BLOCK = 16_384  # edges that stay in the cache


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

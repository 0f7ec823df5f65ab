"""Bytes for each product w * a: the most memory that recording and sweeping a network takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.engines import ENGINES
from benchmarks.measure import absent_peers, peak_bytes, short, table
from benchmarks.problem import Problem

PROBLEMS = (Problem((64, 32, 10), 32), Problem((784, 128, 10), 32), Problem((784, 128, 10), 256))
TRACED = ("micrograd, no collection", "Values in micrograd's loops", "Values", "Tape", "Tape in groups")
MOST_TERMS = 200_000  # tracing makes objects several times slower


def main(problems: Sequence[Problem] = PROBLEMS) -> None:
    print(
        "Most bytes in use at a time, for each term: Python objects and NumPy arrays, from the first to the gradients."
    )
    engines = {name: engine for name, engine in ENGINES.items() if name in TRACED}
    absent = absent_peers(engine.module for engine in engines.values())
    rows = []
    for name, engine in engines.items():
        if engine.module in absent:
            continue
        engine.run(Problem((2, 2, 1), 1))  # imports are not part of it
        cells = []
        for problem in problems:
            small = problem.terms <= MOST_TERMS or name.startswith("Tape")
            cells.append(short(peak_bytes(partial(engine.run, problem)) / problem.terms) if small else "-")
        rows.append([name, *cells])
    table(["engine", *map(str, problems)], rows)
    print(f"-: only up to {MOST_TERMS:,} terms, because tracing makes objects slow")


if __name__ == "__main__":
    main()

"""Record a network scalar by scalar and sweep it back: Values and Tape against micrograd, CasADi SX and torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.engines import ENGINES, REFERENCE
from benchmarks.measure import absent_peers, interleaved, short, table
from benchmarks.problem import Problem

PROBLEMS = (
    Problem((4, 5, 3), 8),
    Problem((64, 32, 10), 32),
    Problem((784, 128, 10), 1),
    Problem((784, 128, 10), 32),
    Problem((784, 128, 10), 256),
)


def main(problems: Sequence[Problem] = PROBLEMS) -> None:
    print("Record and backward: a network with relu and squared error; a term is one product w * a.")
    print("torch keeps matrices where the others keep scalars. Medians of interleaved runs.")
    absent = absent_peers(engine.module for engine in ENGINES.values())
    there = {name: engine for name, engine in ENGINES.items() if engine.module not in absent}
    for engine in there.values():
        engine.run(Problem((2, 2, 1), 1))  # imports and compiles
    for problem in problems:
        print(f"\n{problem}: {problem.terms:,} terms")
        running = {name: partial(e.run, problem) for name, e in there.items() if problem.terms <= e.most_terms}
        seconds = interleaved(running)
        rows = []
        for name, engine in there.items():
            if name not in seconds:
                rows.append([name, "", "", f"not run beyond {engine.most_terms:,} terms"])
                continue
            cells = [short(1e3 * seconds[name]), short(1e9 * seconds[name] / problem.terms)]
            times = short(seconds[REFERENCE] / seconds[name]) if REFERENCE in seconds else ""
            rows.append([name, *cells, times])
        table(["engine", "ms", "ns a term", f"times as fast as {REFERENCE}"], rows)


if __name__ == "__main__":
    main()

"""Record a network scalar by scalar and sweep it back: Values and Tape against micrograd, CasADi SX and torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.engines import ENGINES, REFERENCE, Problem
from benchmarks.measure import interleaved, peer, short, table

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
    absent = {name for name in dict.fromkeys(e.module for e in ENGINES.values()) if name and peer(name) is None}
    for problem in problems:
        print(f"\n{problem}: {problem.terms:,} terms")
        there = {name: engine for name, engine in ENGINES.items() if engine.module not in absent}
        running = {name: partial(e.run, problem) for name, e in there.items() if problem.terms <= e.most_terms}
        seconds = interleaved(running)
        rows = []
        for name, engine in there.items():
            if name not in seconds:
                rows.append([name, "not run", f"> {engine.most_terms:,} terms", ""])
                continue
            cells = [short(1e3 * seconds[name]), short(1e9 * seconds[name] / problem.terms)]
            times = f"{short(seconds[REFERENCE] / seconds[name])} x" if REFERENCE in seconds else ""
            rows.append([name, *cells, times])
        table(["engine", "ms", "ns a term", f"speed ({REFERENCE} = 1)"], rows)


if __name__ == "__main__":
    main()

"""How time and memory of the Tape grow with the observations, against the number of terms.."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from benchmarks.engines import ENGINES
from benchmarks.measure import interleaved, peak_bytes, short, table
from benchmarks.problem import Problem

SIZES = (784, 128, 10)
OBSERVATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
NAMES = ("Tape", "Tape in groups")


def main(observations: Sequence[int] = OBSERVATIONS, sizes: tuple[int, ...] = SIZES) -> None:
    print(f"Growth with the observations m: network {'-'.join(map(str, sizes))}, record and backward.")
    print("Linear growth is a number of ns and bytes a term that stays the same. The bars: ns a term.")
    for name in (name for name in NAMES if name in ENGINES):
        rows, ns = [], []
        for m in observations:
            problem = Problem(sizes, m)
            run = partial(ENGINES[name].run, problem)
            ns.append(1e9 * interleaved({name: run}, repeats=5)[name] / problem.terms)
            most = peak_bytes(run)
            rows.append([str(m), f"{problem.terms:,}", short(ns[-1] * problem.terms / 1e6), short(ns[-1])])
            rows[-1] += [short(most / 1e6), short(most / problem.terms)]
        bars = ["#" * round(30 * number / max(ns)) for number in ns]
        print(f"\n{name}")
        heads = ["m", "terms", "ms", "ns a term", "megabytes", "bytes a term", ""]
        table(heads, [[*row, bar] for row, bar in zip(rows, bars, strict=True)])


if __name__ == "__main__":
    main()

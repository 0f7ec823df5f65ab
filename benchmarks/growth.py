"""How time and memory of the Tape grow with the observations, against the number of terms: a table and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.engines import ENGINES
from benchmarks.measure import interleaved, peak_bytes, short, table
from benchmarks.problem import Problem

SIZES = (784, 128, 10)
OBSERVATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
NAMES = ("Tape", "Tape in groups")


def main(observations: Sequence[int] = OBSERVATIONS, sizes: tuple[int, ...] = SIZES, plot: Path | None = None) -> None:
    print(f"Growth with the observations m: network {'-'.join(map(str, sizes))}, record and backward")
    names = [name for name in NAMES if name in ENGINES]
    measured: dict[str, list[tuple[int, float, float]]] = {name: [] for name in names}  # terms, seconds, bytes
    rows = []
    for m in observations:
        problem = Problem(sizes, m)
        runs = {name: partial(ENGINES[name].run, problem) for name in names}
        seconds = interleaved(runs, repeats=5)
        cells = [str(m), f"{problem.terms:,}"]
        for name, run in runs.items():
            most = peak_bytes(run)
            measured[name].append((problem.terms, seconds[name], most))
            cells += [
                short(1e3 * seconds[name]),
                short(1e9 * seconds[name] / problem.terms),
                short(most / problem.terms),
            ]
        rows.append(cells)
    heads = [f"{name}: ms", "ns a term", "bytes a term"]
    table(
        [
            "m",
            "terms",
            *(head.format(name=name) for name in names for head in ("{name}: ms", "ns a term", "bytes a term")),
        ],
        rows,
    )


if __name__ == "__main__":
    main()

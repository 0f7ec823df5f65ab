"""How time and memory of the Tape grow with the observations, against the number of terms."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks.engines import ENGINES
from benchmarks.measure import absent_peers, interleaved, peak_bytes, short, table
from benchmarks.problem import Problem

SIZES = (784, 128, 10)
OBSERVATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
NAMES = ("Tape", "Tape in groups")
PLOT = Path(__file__).parent / "growth.svg"


class Measured(NamedTuple):
    m: int
    terms: int
    seconds: float
    most_bytes: int


def main(observations: Sequence[int] = OBSERVATIONS, sizes: tuple[int, ...] = SIZES, plot: Path | None = None) -> None:
    network = f"network {'-'.join(map(str, sizes))}"
    print(f"Growth with the observations m: {network}, record and backward.")
    print("Linear growth is a number of ns and bytes a term that stays the same; the bars show the ns.")
    runs = {(name, m): partial(ENGINES[name].run, Problem(sizes, m)) for name in NAMES for m in observations}
    seconds = interleaved(runs, repeats=7)
    growth = {
        name: [Measured(m, Problem(sizes, m).terms, seconds[name, m], peak_bytes(runs[name, m])) for m in observations]
        for name in NAMES
    }
    for name, points in growth.items():
        print(f"\n{name}")
        slowest = max(point.seconds / point.terms for point in points)
        rows = []
        for m, terms, spent, most in points:
            bar = "#" * round(30 * spent / terms / slowest)
            each = [short(1e9 * spent / terms), short(most / terms)]
            rows.append([str(m), f"{terms:,}", short(1e3 * spent), short(most / 1e6), *each, bar])
        table(["m", "terms", "ms", "megabytes", "ns a term", "bytes a term", ""], rows)
    if plot is not None and not absent_peers(["matplotlib"]):
        draw(growth, network, plot)


def draw(growth: dict[str, list[Measured]], network: str, file: Path) -> None:
    """Time and memory against the terms on logarithmic axes: linear growth is a line that rises at 45 degrees."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    importlib.import_module("matplotlib").use("svg")
    pyplot.rcParams["svg.fonttype"] = "none"  # letters stay letters
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.5), layout="constrained")
    for axis, what, unit in ((axes[0], "seconds", 1), (axes[1], "most_bytes", 1e-6)):
        for name, points in growth.items():
            axis.loglog([p.terms for p in points], [unit * getattr(p, what) for p in points], marker="o", label=name)
        axis.set_xlabel("terms w · a")
        axis.grid(visible=True, alpha=0.3)
        axis.legend()
    axes[0].set_title("record and backward, seconds")
    axes[1].set_title("most memory, megabytes")
    figure.suptitle(f"{network}, 1 to {max(p.m for points in growth.values() for p in points)} observations")
    figure.savefig(file)
    pyplot.close(figure)


if __name__ == "__main__":
    main()

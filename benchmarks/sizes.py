"""Seconds of a check against the number of parameters, for four models written by hand, right and wrong."""

from __future__ import annotations

import functools
import importlib
import itertools
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.measure import absent_peers, short, table
from benchmarks.models import MODELS
from compare import Report, check_vjp, gradcheck
from tests.catalogue.layers import LAYERS

PARAMETERS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
MOST_WRONG = 10_000  # parameters of wrong code, whose mistake is looked for
REPEATS, BUDGET = 3, 0.3  # the least of so many runs, or of those that fit into so many seconds
QUICK = 40  # ms that a right layer may take
MOST_SECONDS = 1.0  # that a size may take for the next one to be tried
PLOT = Path(__file__).parent / "sizes.svg"
Points = dict[tuple[str, bool], list[tuple[int, float]]]


def main(parameters: Sequence[int] = PARAMETERS, plot: Path | None = None) -> None:
    print(
        "Seconds of CPU time of a check, from the call to the verdict; of wrong code with the search for the mistake."
    )
    print_layers()
    found: Points = {(name, right): [] for name in MODELS for right in (True, False)}
    for (name, right), points in found.items():
        for wanted in parameters:
            if (right or wanted <= MOST_WRONG) and (not points or points[-1][1] < MOST_SECONDS):
                size, check = MODELS[name](wanted)
                seconds, report = least(functools.partial(check, right))
                assert bool(report) == right
                points.append((size, seconds))
    for right in (True, False):
        print("\nright" if right else "\nwrong")
        rows = []
        for name in MODELS:
            points = found[name, right]
            grows = ", ".join(f"{size:,}: {short(seconds)}" for size, seconds in points)
            ratios = [after / before for (_, before), (_, after) in itertools.pairwise(points)]
            rows.append([name, grows, short(min(ratios, default=1.0))])
        table(["model", "parameters: seconds", "least ratio to the size before"], rows)
    print(f"\nmost memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2g} GB")
    if plot is not None and not absent_peers(["matplotlib"]):
        draw(found, plot)


def print_layers() -> None:
    """The layers of examples/layers, right as they are, from the quickest to the slowest."""
    found = []
    for layer in LAYERS:
        door = gradcheck if layer.is_cost else check_vjp
        found.append((1e3 * least(functools.partial(door, *layer.call))[0], layer.name))
    quick = sum(milliseconds < QUICK for milliseconds, _ in found)
    print(f"\nms of each layer of examples/layers, right: {quick} of {len(found)} below {QUICK}")
    times = [f"{name} {milliseconds:.0f}" for milliseconds, name in sorted(found)]
    for row in range(0, len(times), 6):
        print(", ".join(times[row : row + 6]))


def least(run: Callable[[], Report]) -> tuple[float, Report]:
    """The CPU seconds of the quickest of several runs, and what it found."""
    seconds: list[float] = []
    while len(seconds) < REPEATS and sum(seconds) < BUDGET:
        start = time.process_time()
        report = run()
        seconds.append(time.process_time() - start)
    return min(seconds), report


def draw(found: Points, file: Path) -> None:
    """Both on logarithmic axes, right code with a line, wrong code dashed."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    importlib.import_module("matplotlib").use("svg")
    pyplot.rcParams["svg.fonttype"] = "none"  # letters stay letters
    figure, axis = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for k, name in enumerate(MODELS):
        for right, line in ((True, "o-"), (False, "x--")):
            sizes, seconds = zip(*found[name, right], strict=True)
            axis.loglog(sizes, seconds, line, color=f"C{k}", label=name if right else f"{name}, wrong")
    axis.set_xlabel("parameters")
    axis.set_ylabel("seconds")
    axis.grid(visible=True, alpha=0.3)
    axis.legend(fontsize=7)
    figure.savefig(file)
    pyplot.close(figure)


if __name__ == "__main__":
    main()

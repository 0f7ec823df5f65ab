"""What the benchmarks share: interleaved runs, tables, peers that may be absent, and the words about the machine."""

from __future__ import annotations

import gc
import importlib.metadata
import importlib.util
import os
import platform
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from autograd.tape.sweep import BUFFERS

PEERS = ("micrograd", "casadi", "torch", "jax")
Run = Callable[[], Any]
Name = TypeVar("Name")


def interleaved(
    runs: Mapping[Name, Run], repeats: int = 15, budget: float = 2.0, collect: bool = True
) -> dict[Name, float]:
    """The median of the seconds of CPU time that each takes; they take turns, so that all meet the same moods.

    >>> sorted(interleaved({"one": lambda: None, "two": lambda: sum(range(1000))}, repeats=3))
    ['one', 'two']

    The order of a round is drawn anew, so that none always finds the cache as the same other left it. Each runs
    `repeats` times after a first that does not count, or less often when it has used up its `budget` of seconds; a run
    of more than twice that long is not repeated. Garbage is collected between the runs, unless they make none and are
    so short that its look at all of memory would slow them.
    """
    first = {name: _seconds(run, collect) for name, run in runs.items()}
    seconds = {name: [first[name]] if first[name] > 2 * budget else list[float]() for name in runs}
    rng = random.Random(0)
    for _ in range(repeats):
        for name, run in rng.sample(list(runs.items()), len(runs)):
            if not seconds[name] or sum(seconds[name]) < budget:
                seconds[name].append(_seconds(run, collect))
    return {name: statistics.median(several) for name, several in seconds.items()}


def _seconds(run: Run, collect: bool) -> float:
    if collect:
        gc.collect()
    start = time.process_time()  # what other programs take of the processor does not count
    run()
    return time.process_time() - start


def peak_bytes(run: Run) -> int:
    """The most memory that Python objects and NumPy arrays take while something runs.

    >>> 8_000_000 <= peak_bytes(lambda: [0] * 1_000_000) < 8_100_000
    True
    """
    gc.collect()
    BUFFERS.free()  # they count too
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def absent_peers(modules: Iterable[str | None]) -> set[str]:
    """Those that are not installed; a word is printed about each.

    >>> absent_peers(["math", None, "no_such_module"])
    no_such_module is not installed and left out: pip install ".[benchmarks]"
    {'no_such_module'}
    """
    absent = {name for name in modules if name and importlib.util.find_spec(name) is None}
    for name in sorted(absent):
        print(f'{name} is not installed and left out: pip install ".[benchmarks]"')
    return absent


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; a column with a cell that ends in a digit is one of numbers and stands at the right.

    >>> table(["engine", "ms"], [["Values", "1.5"], ["Tape", "0.25"]])
    engine    ms
    Values   1.5
    Tape    0.25
    """
    lines = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    left = [not any(row[column][-1:].isdigit() for row in lines[1:]) for column in range(len(heads))]
    for line in lines:
        cells = [
            c.ljust(width) if at_left else c.rjust(width) for c, width, at_left in zip(line, widths, left, strict=True)
        ]
        print("  ".join(cells).rstrip())


def short(number: float) -> str:
    """A number with three digits that count, without an exponent.

    >>> short(35913.4), short(8.25), short(0.0123)
    ('35,913', '8.25', '0.0123')
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:#.3g}"


def surroundings() -> list[str]:
    """The machine and the versions, a line each."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0] if names else cpu
    versions = []
    for name in ("numpy", "gmpy2", *PEERS):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    return [
        f"{cpu}, {os.cpu_count()} cores; times are CPU time of one thread; {platform.system()}",
        f"Python {platform.python_version()}; {', '.join(versions)}",
    ]

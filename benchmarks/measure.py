"""What the benchmarks share: interleaved runs, tables, peers that may be absent, and the words about the machine."""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

PEERS = ("micrograd", "casadi", "torch", "jax")
Run = Callable[[], Any]


def interleaved(runs: dict[str, Run], repeats: int = 15, budget: float = 2.0) -> dict[str, float]:
    """The median of the seconds that each takes; they take turns, so that all meet the same moods of the machine.

    >>> sorted(interleaved({"one": lambda: None, "two": lambda: sum(range(1000))}, repeats=3))
    ['one', 'two']

    Each runs `repeats` times after a first that does not count, or less often when it has used up its `budget` of
    seconds; a run longer than that counts at the first time. Garbage is collected between the runs, not during the
    measurement of another.
    """
    first = {name: _seconds(run) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [first[name]] if first[name] > budget else [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            if not seconds[name] or sum(seconds[name]) < budget:
                seconds[name].append(_seconds(run))
    return {name: statistics.median(several) for name, several in seconds.items()}


def _seconds(run: Run) -> float:
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def peak_bytes(run: Run) -> int:
    """The most memory that Python objects and NumPy arrays take while something runs.

    >>> 8_000_000 <= peak_bytes(lambda: [0] * 1_000_000) < 8_100_000
    True
    """
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def peer(name: str) -> Any:
    """The module of a peer, or None and a printed word where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name} is not installed and left out: pip install '.[benchmarks]'")
        return None


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table whose first column is text and whose others are numbers.

    >>> table(["engine", "ms"], [["Values", "1.5"], ["Tape", "0.25"]])
    engine    ms
    Values   1.5
    Tape    0.25
    """
    lines = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip())


def short(number: float) -> str:
    """A number with three digits that count, without an exponent.

    >>> short(35913.4), short(8.25), short(0.0123)
    ('35,913', '8.25', '0.0123')
    """
    return f"{number:,.0f}" if number >= 100 else f"{number:#.3g}".rstrip(".")


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
        f"{cpu}, {os.cpu_count()} cores, one thread used; {platform.system()}",
        f"Python {platform.python_version()}; {', '.join(versions)}",
    ]

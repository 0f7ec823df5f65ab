"""`python -m benchmarks` runs all benchmarks, `python -m benchmarks NAME ...` some, on one thread.

With `--write` the tables also go to benchmarks/RESULTS.md, with the machine and the versions.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import growth
from benchmarks.measure import surroundings

NAMES = (
    "scalar", "memory", "exact", "formulas", "growth", "floors",  # speed
    "arithmetics", "diagnosis", "mutants",  # what a check costs, and what it finds
)  # fmt: skip
RESULTS = Path(__file__).parent / "RESULTS.md"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1") | {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
}


def main(arguments: list[str]) -> int:
    write = "--write" in arguments
    names = [argument for argument in arguments if argument != "--write"]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: the known ones are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    if write and names:
        print("--write is for a run of all benchmarks: leave out the names", file=sys.stderr)
        return 2
    if any(os.environ.get(variable) != value for variable, value in ONE_THREAD.items()):  # read when NumPy is loaded
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks", *arguments], os.environ | ONE_THREAD)
    printed = {}
    for name in names or NAMES:
        print(f"== {name}")
        printed[name] = run(name, **({"plot": growth.PLOT} if write and name == "growth" else {}))
    if write:
        RESULTS.write_text(results(printed), encoding="utf-8")
        print(f"written to {RESULTS}")
    return 0


def run(name: str, **options: Any) -> str:
    """Run one benchmark; what it prints is shown, and returned."""
    start = time.perf_counter()
    shown = _Shown()
    with contextlib.redirect_stdout(shown):
        importlib.import_module(f"benchmarks.{name}").main(**options)
        print(f"({time.perf_counter() - start:.0f} s)\n")
    return shown.getvalue()


class _Shown(io.StringIO):
    """Keeps what is printed, and prints it."""

    def write(self, text: str) -> int:
        assert sys.__stdout__ is not None
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
        return super().write(text)


def results(printed: dict[str, str]) -> str:
    """The tables as a page."""
    about = "\n".join(f"- {line}" for line in surroundings())
    page = f"# Results of `python -m benchmarks --write`\n\n{date.today().isoformat()}\n\n{about}\n"
    for name, text in printed.items():
        title = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]
        page += f"\n## {name}\n\n{title}\n\n```text\n{text.strip()}\n```\n"
        if name == "growth" and growth.PLOT.exists():
            page += f"\n![Time and memory of the Tape against the number of terms]({growth.PLOT.name})\n"
    return page


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""`python -m benchmarks` runs all benchmarks, `python -m benchmarks NAME ...` some, on one thread.

With `--write` the tables also go to benchmarks/RESULTS.md, with the machine and the versions; other tables there stay.
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks import growth, sizes
from benchmarks.measure import surroundings

NAMES = (
    "scalar", "memory", "exact", "formulas", "growth", "floors",  # speed
    "sizes", "linear", "loading",  # of checks, and of what is loaded
    "arithmetics", "diagnosis", "mutants",  # what a check costs, and what it finds
    "derive",  # what is derived, beside peers
)  # fmt: skip
PLOTS = {
    "growth": f"![Time and memory of the Tape against the number of terms]({growth.PLOT.name})",
    "sizes": f"![Seconds of a check against the number of parameters]({sizes.PLOT.name})",
}
RESULTS = Path(__file__).parent / "RESULTS.md"
MOST_LOAD = 1.5  # of a machine that does nothing else: the benchmark itself is 1
SETTING = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1") | {
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "PYTHONUNBUFFERED": "1",
    "PYTHONIOENCODING": "utf-8",
}


def main(arguments: list[str]) -> int:
    write = "--write" in arguments
    names = [argument for argument in arguments if argument != "--write"]
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: the known ones are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    printed = {}
    for name in names or NAMES:
        printed[name] = run(name, f"plot={name}.PLOT" if write and name in PLOTS else "")
    if write:
        before = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
        RESULTS.write_text(results(printed, before), encoding="utf-8")
        print(f"written to {RESULTS}")
    return 0


def run(name: str, arguments: str = "") -> str:
    """Run one benchmark, in a process of its own so that none has to live with the threads and the memory of another.

    What it prints is shown, and returned.
    """
    print(f"== {name}", flush=True)
    start, lines = time.perf_counter(), []
    command = [sys.executable, "-c", f"from benchmarks import {name}; {name}.main({arguments})"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, encoding="utf-8", env=os.environ | SETTING
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(f"the benchmark {name} failed")
    print(f"({time.perf_counter() - start:.0f} s)\n")
    return "".join(lines)


def results(printed: dict[str, str], before: str = "") -> str:
    """The tables as a page; a page from before on the same machine keeps the tables that were not printed anew."""
    head = "# Results of `python -m benchmarks --write`\n\n" + "".join(f"- {line}\n" for line in surroundings())
    old_head, *old = before.split("\n## ")
    sections = {text.partition("\n")[0]: text for text in old} if old_head == head else {}
    for name, text in printed.items():
        title = (importlib.import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]
        when = date.today().isoformat() + (", beside other work" if os.getloadavg()[0] > MOST_LOAD else "")
        section = f"{name}\n\n{title} ({when})\n\n```text\n{text.strip()}\n```\n"
        if name in PLOTS:
            section += f"\n{PLOTS[name]}\n"
        sections[name] = section
    return "\n## ".join([head, *(sections[name] for name in NAMES if name in sections)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

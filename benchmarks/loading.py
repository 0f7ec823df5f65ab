"""What an import and the shortest commands take, beside `import numpy`: each in a process of its own."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping

from benchmarks.measure import table

REPEATS = 7
PROGRAMS = {
    "import numpy": ("-c", "import numpy"),
    "import autograd": ("-c", "import autograd"),
    "autograd.Value": ("-c", "import autograd; autograd.Value(1.0)"),
    "import compare": ("-c", "import compare"),
    "compare.gradcheck": ("-c", "import compare; compare.gradcheck"),
    "a right check": (
        "-c",
        "import compare, numpy; compare.gradcheck(lambda w: (w**2).sum(), lambda w: 2 * w, numpy.ones(3))",
    ),
    "backprop-compare --help": ("-m", "compare", "--help"),
}
REFERENCE = "import numpy"


def main(programs: Mapping[str, tuple[str, ...]] = PROGRAMS, repeats: int = REPEATS) -> None:
    print("CPU time of a process that does this, beside one that imports NumPy; medians, the processes take turns.")
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for turn in range(repeats + 1):
        for name, arguments in programs.items():
            took = spent(arguments)
            if turn:  # the first fills the caches, Python's own among them
                seconds[name].append(took)
    medians = {name: statistics.median(several) for name, several in seconds.items()}
    table(
        ["program", "ms", f"times {REFERENCE}"],
        [[name, f"{1e3 * took:.0f}", f"{took / medians[REFERENCE]:.2f}"] for name, took in medians.items()],
    )


def spent(arguments: tuple[str, ...]) -> float:
    """The CPU seconds of one process."""
    environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()

"""What an import and the shortest commands take, beside `import numpy`: each in a process of its own."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import table

ROOT = Path(__file__).parents[1]
FILE = str(ROOT / "examples" / "layers" / "two_layer_net.py")
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
    "gradcheck of a file": (
        "-c",
        f"import compare, runpy; user = runpy.run_path({FILE!r});"
        " compare.gradcheck(user['cost'], user['gradients'], user['params'], *user['args'])",
    ),
    "backprop-compare FILE.py": ("-m", "compare", FILE),
    "backprop-compare --help": ("-m", "compare", "--help"),
    "draw unit": ("-m", "compare", "draw", "unit"),
    "draw network": ("-m", "compare", "draw", "network"),
    "draw z1[0,1] FILE.py": ("-m", "compare", "draw", "z1[0,1]", FILE),
}
REFERENCE = "import numpy"


def main(programs: Mapping[str, tuple[str, ...]] = PROGRAMS, repeats: int = REPEATS) -> None:
    print("CPU time of a process that does this, beside one that imports NumPy; the least of some, which take turns.")
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeats + 1):  # the first fills the caches, Python's own among them
        for name, arguments in programs.items():
            seconds[name].append(spent(arguments))
    least = {name: min(several) for name, several in seconds.items()}
    table(
        ["program", "ms", f"times {REFERENCE}"],
        [[name, f"{1e3 * took:.0f}", f"{took / least[REFERENCE]:.2f}"] for name, took in least.items()],
    )


def spent(arguments: tuple[str, ...]) -> float:
    """The CPU seconds of one process, and of those that it starts."""
    environment = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as folder:  # for a picture
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment, cwd=folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()

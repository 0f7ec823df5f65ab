"""`python -m benchmarks` runs all benchmarks; `python -m benchmarks NAME` runs one."""

from __future__ import annotations

import sys

from benchmarks import arithmetics, diagnosis, mutants

ALL = {"arithmetics": arithmetics.main, "diagnosis": diagnosis.main, "mutants": mutants.main}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}: the known ones are {', '.join(ALL)}", file=sys.stderr)
        return 2
    for name in names or ALL:
        print(f"== {name}")
        ALL[name]()
    return 0


sys.exit(main(sys.argv[1:]))

"""The catalogue of classic mistakes in hand-written layers: how many a check catches, and how many it explains.

A reason counts as true if its line is the one that the catalogue (tests/catalogue/mistakes.py) changed.
"""

from __future__ import annotations

import time
from collections import Counter

from compare import check_vjp, gradcheck
from tests.catalogue.mistakes import MISTAKES, mistaken


def main() -> None:
    count: Counter[str] = Counter()
    seconds: list[float] = []
    for mistake in MISTAKES:
        layer = mistaken(mistake)
        start = time.perf_counter()
        report = (gradcheck if layer.is_cost else check_vjp)(*layer.call, raise_exception=False)
        seconds.append(time.perf_counter() - start)
        first = report.mistakes[0] if report.mistakes else None
        count["caught"] += not report
        count["with a line named"] += first is not None
        count["the true line first"] += mistake.explained_by(report)
        count["with what it ought to be"] += first is not None and bool(first.should)
        if not mistake.explained_by(report):
            print(f"  not first: {mistake}")
    print(f"{len(MISTAKES)} mistakes in {len({mistake.layer for mistake in MISTAKES})} layers")
    for what, number in count.items():
        print(f"{what:>28}: {number:4d}  {number / len(MISTAKES):6.1%}")
    seconds.sort()
    print(f"seconds for a check with its diagnosis: median {seconds[len(seconds) // 2]:.2f}, most {seconds[-1]:.1f}")


if __name__ == "__main__":
    main()

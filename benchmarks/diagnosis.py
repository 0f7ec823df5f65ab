"""The catalogue of classic mistakes in hand-written layers: how many a check catches, and how many it explains.

A reason counts as true if it mentions what the catalogue (tests/catalogue/mistakes.py) says it must.
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
        rows = report.differing
        count["caught"] += not report
        count["with a reason"] += any(row.reasons and not row.reasons[0].startswith("No edit") for row in rows)
        count["the true reason first"] += any(row.reasons and mistake.explained_by(row.reasons[0]) for row in rows)
        count["the true reason among them"] += any(mistake.explained_by(text) for row in rows for text in row.reasons)
        if not any(row.reasons and mistake.explained_by(row.reasons[0]) for row in rows):
            print(f"  not first: {mistake}")
    print(f"{len(MISTAKES)} mistakes in {len({mistake.layer for mistake in MISTAKES})} layers")
    for what, number in count.items():
        print(f"{what:>28}: {number:4d}  {number / len(MISTAKES):6.1%}")
    seconds.sort()
    print(f"seconds for a check with its diagnosis: median {seconds[len(seconds) // 2]:.2f}, most {seconds[-1]:.1f}")


if __name__ == "__main__":
    main()

"""The figures of a report: the first entries that differ, and how far float64 is from the true gradient."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.show import in_full
from autograd.number.vocabulary import shadows
from compare.report.report import DIGITS, EXACT, PROVED, Mismatch, Row, counted
from compare.subject.arithmetic import ROUNDED, precise
from compare.subject.runs import CANNOT, Runs
from compare.verdict.agree import bounds_between, largest_difference

Array = NDArray[Any]

MOST_ULPS = 1e9  # beyond, a distance in them says nothing
SHORT = (4, 7, 10, 13, 17)  # significant digits
BITS = 200  # of the long floats that the true gradient is computed in


def mismatches(runs: Runs, name: str, equal: Array, in_floats: bool = False, most: int = 3) -> tuple[Mismatch, ...]:
    """The first entries that differ, with the numbers of both sides; `in_floats` those that the code itself gives."""
    ours, theirs = runs.floats.pair(name)
    if not in_floats and runs.knows_truth:
        with contextlib.suppress(*CANNOT):
            ours, theirs = runs.sides(precise(BITS)).pair(name)
    elif (
        in_floats
        and ours is not None
        and np.shape(ours) == theirs.shape
        and np.allclose(ours, theirs, rtol=1e-12, atol=0)
    ):
        return ()  # equal at this point only: there is nothing to see
    found = []
    for index in np.argwhere(~equal)[:most]:
        place = tuple(map(int, index))
        if ours is None:
            mine = "nothing"
        elif np.shape(ours) != theirs.shape:
            mine = f"an array of shape {np.shape(ours)}"
        else:
            mine, true = _apart(ours[place], theirs[place])
            if mine == true:  # the same digits, yet not the same
                if in_floats or ours[place] == theirs[place]:
                    continue
                mine += f" (off by {in_full(ours[place] - theirs[place], 2)})"
            found.append(Mismatch(place, mine, true))
            continue
        found.append(Mismatch(place, mine, _apart(theirs[place], 0.0)[0]))
    return tuple(found)


def _apart(x: Any, y: Any) -> tuple[str, str]:
    """Two numbers with as many digits as tell them apart, four at least."""
    floats = isinstance(shadows(x), (float, np.floating)) and isinstance(shadows(y), (float, np.floating))
    for digits in SHORT if floats else ():
        one, other = f"{float(shadows(x)):.{digits}g}", f"{float(shadows(y)):.{digits}g}"
        if one != other:
            return one, other
    return in_full(x), in_full(y)


def ulps(runs: Runs, name: str, agree: bool) -> dict[str, float | None]:
    """The largest difference of both sides in float64; where they agree, in ulps of the largest entry too."""
    ours, theirs = runs.floats.pair(name)
    difference: dict[str, float | None] = {"largest_difference": largest_difference(ours, theirs)}
    if not agree:
        return difference
    try:
        with np.errstate(all="ignore"):
            apart = np.abs(np.asarray(ours) - theirs)
            for bound in bounds_between(runs.sides(ROUNDED), name):
                if (apart <= bound).all():
                    break
            ulp = float(np.spacing(np.abs(theirs).max(initial=0))) or 1.0
    except CANNOT:
        return difference
    found = {"ulps": difference["largest_difference"], "ulps_bound": float(bound.max(initial=0))}
    in_ulps = {key: error / ulp for key, error in found.items() if error is not None}
    few = all(number < MOST_ULPS for number in in_ulps.values())  # not where the gradient is 0, or as good as that
    return difference | (in_ulps if few else {})


def about_floats(runs: Runs, rows: list[Row]) -> list[str]:
    """What the difference in float64 is where the exact runs agree, and what the check of a large graph took."""
    bounded = [row for row in rows if row.ok and row.ulps is not None and row.largest_difference is not None]
    lines = []
    if bounded:
        largest = max(bounded, key=lambda row: row.largest_difference or 0)
        size = float(np.max(np.abs(runs.floats.chain[largest.name]), initial=0))
        same = not largest.largest_difference
        differ = f"differ by up to {largest.largest_difference:.2g} ({largest.name}, entries up to {size:.2g})"
        exactly = all(row.verdict in (PROVED, EXACT, DIGITS) for row in bounded)
        because = "" if same else ": rounding, since they agree exactly" if exactly else ""
        sentence = f"float64: the two sides {'are the same to the last bit' if same else differ}{because}."
        lines.append(sentence if same else f"{sentence} ulps: this distance ≤ a bound on what rounding can cause.")
    if not runs.knows_truth and runs.tape is not None:
        memory = peak_memory()
        lines.append(
            f"the graph: {counted(runs.tape.nodes, 'scalar')} and {counted(runs.tape.edges, 'edge')}, recorded in"
            f" {counted(len(runs.tape.groups), 'group')} of observations"
            + (f"; peak memory {memory:,.0f} MB." if memory else ".")
        )
    return lines


def peak_memory() -> float:
    """The most memory that this process has had, in MB; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6

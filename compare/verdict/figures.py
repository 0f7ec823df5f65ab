"""The figures of a report: the first entries that differ, and how far float64 is from the true gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.vocabulary import shadows
from compare.report.report import ROUNDING, Mismatch, Row, counted
from compare.subject.arithmetic import ROUNDED, precise
from compare.subject.runs import CANNOT, Runs
from compare.verdict.agree import errors, largest_difference, show

Array = NDArray[Any]

BITS = 200  # of the long floats that the true gradient is computed in


def mismatches(runs: Runs, name: str, equal: Array, floats: bool = False, most: int = 3) -> tuple[Mismatch, ...]:
    """The first entries that differ at this point, with the numbers of both sides; of ours the floats if so wished."""
    try:
        ours, theirs = runs.sides(precise(BITS)).pair(name)
    except CANNOT:
        ours, theirs = runs.floats.pair(name)
    ours = runs.floats.ours[name] if floats else ours
    found = []
    for index in np.argwhere(~equal)[:most]:
        place = tuple(map(int, index))
        if ours is None:
            mine = "nothing"
        elif np.shape(ours) != theirs.shape:
            mine = f"an array of shape {np.shape(ours)}"
        else:
            mine = show(ours[place])
            if mine == show(theirs[place]):  # the same digits, yet not the same
                if floats or ours[place] == theirs[place]:
                    continue
                mine += f" (off by {show(ours[place] - theirs[place], 2)})"
        found.append(Mismatch(place, mine, show(theirs[place])))
    return tuple(found)


def ulps(runs: Runs, name: str, agree: bool) -> dict[str, float | None]:
    """Errors of both sides in float64 and the bound on ours, in ulps of the largest entry; their largest difference."""
    ours, theirs = runs.floats.pair(name)
    difference: dict[str, float | None] = {"largest_difference": largest_difference(ours, theirs)}
    if not agree:
        return difference
    try:
        true, bound = shadows(runs.sides(precise(BITS)).chain[name]), runs.sides(ROUNDED).ours.get(name)
    except CANNOT:
        return difference
    found = {
        "ulps": largest_difference(ours, true),
        "ulps_chain_rule": largest_difference(theirs, true),
        "ulps_bound": None if bound is None else float(np.max(errors(bound), initial=0)),
    }
    with np.errstate(all="ignore"):
        ulp = float(np.spacing(np.max(np.abs(true), initial=0))) or 1.0
    in_ulps = {key: error / ulp for key, error in found.items() if error is not None}
    return difference | (in_ulps if np.isfinite(list(in_ulps.values())).all() else {})


def about_floats(runs: Runs, rows: list[Row]) -> list[str]:
    """What the difference in float64 is, where the exact runs agree."""
    bounded = [row for row in rows if row.ulps is not None and row.ulps_chain_rule is not None]
    if not bounded:
        return []
    largest = max(bounded, key=lambda row: row.largest_difference or 0)
    if not largest.largest_difference:
        return ["float64: the two sides are the same to the last bit."]
    ours = sum((row.ulps or 0) < (row.ulps_chain_rule or 0) for row in bounded)
    theirs = sum((row.ulps or 0) > (row.ulps_chain_rule or 0) for row in bounded)
    exactly = all(row.verdict != ROUNDING for row in rows)
    return [
        f"float64: the two sides differ by up to {largest.largest_difference:.2g} ({largest.name})"
        + (": rounding, since they agree exactly." if exactly else ".")
        + f" The hand-written side is closer to the true gradient in {counted(ours, 'array')}, the scalar sum in"
        f" {theirs}. ulps: distance from the true gradient ≤ the most that rounding can cause."
    ]

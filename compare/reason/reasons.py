"""The reasons for each gradient that differs, the likeliest first."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from compare.reason.edit import MOST_REASONS, UNSURE, Known, Reason
from compare.reason.of_the_array import only_some
from compare.reason.repair import repairs
from compare.reason.search import Diagnosis, expanded
from compare.report.report import DIFFERENT, Row
from compare.subject.subject import Sides, UserCode


def with_reasons(
    subject: UserCode, rows: list[Row], floats: Sides, seed: int, tell: Callable[[str], None]
) -> list[Row]:
    """The rows, those that differ with the reasons."""
    wrong = [row.name for row in rows if row.verdict == DIFFERENT]
    if not wrong:
        return rows
    tell("looking for the reason")
    reasons, left_out = why(subject, wrong, floats, seed)
    return [
        dataclasses.replace(row, reasons=_reasons(subject, row, reasons, left_out, floats))
        if row.name in wrong
        else row
        for row in rows
    ]


def why(subject: UserCode, wrong: list[str], floats: Sides, seed: int) -> tuple[dict[str, list[Reason]], list[str]]:
    """For each wrong gradient what it is instead, then the corrections of the code that make it right.

    The second is what was not tried, where a search was cut short.
    """
    diagnosis = Diagnosis(subject, wrong, floats, known(subject), seed)
    reasons = diagnosis.reasons()
    unexplained = [name for name in wrong if not any(reason.rank < UNSURE for reason in reasons[name])]
    corrections, stopped = repairs(subject, wrong, unexplained, floats, seed)
    for name, found in reasons.items():
        fixes = [fix for fix in corrections if name in fix.names]
        ties = [fix for fix in fixes if (len(fix.names), fix.rank) == (len(fixes[0].names), fixes[0].rank)][:2]
        found[MOST_REASONS - len(ties) :] = []
        found += [Reason(fix.text, fix.names, UNSURE - 1 if fix.rank < UNSURE else fix.rank + UNSURE) for fix in ties]
        found.sort(key=lambda reason: reason.rank if reason.rank >= UNSURE else 0)
    return reasons, [*diagnosis.stopped, *filter(None, [stopped])]


def _reasons(
    subject: UserCode, row: Row, reasons: dict[str, list[Reason]], left_out: list[str], floats: Sides
) -> tuple[str, ...]:
    found = [reason.text if reason.text.endswith("?") else f"{reason.text}." for reason in reasons.get(row.name, [])]
    ours = floats.ours.get(row.name)
    if row.ok or ours is None or found or row.problem:
        return tuple(found)
    ours, true = np.asarray(ours), np.asarray(floats.chain[row.name], float)
    remark, sum_over_consumers = only_some(ours, true), expanded(subject, row.name, ours, true)
    cut_short = f" Not tried were {'; '.join(left_out)}." if left_out else ""
    return (f"No edit explains it{'; ' + remark if remark else ''}. {sum_over_consumers}.{cut_short}",)


def known(subject: UserCode) -> list[Known]:
    """Sizes and numbers that a constant factor may be."""
    found: dict[float, list[str]] = {}
    for name, x in subject.known_numbers():
        found.setdefault(x, []).append(name)
    return [Known(float(x), f"{x:g} = {' = '.join(names[:3])}") for x, names in found.items() if x not in (0, 1)]

"""What the tests of verdicts share: a check without reasons, and the one row of it."""

from __future__ import annotations

from typing import Any

from compare import gradcheck
from compare.report.report import Report, Row


def judged(cost: Any, gradients: Any, point: Any, *args: Any) -> Report:
    """The report of a check that looks for no reasons and raises nothing."""
    return gradcheck(cost, gradients, point, *args, raise_exception=False, diagnose=False)


def judged_row(cost: Any, gradients: Any, point: Any, *args: Any) -> Row:
    """The row of the one parameter."""
    (row,) = judged(cost, gradients, point, *args).rows
    return row


def words(report: Report) -> str:
    """What a user reads, on one line."""
    return " ".join(str(report).split())

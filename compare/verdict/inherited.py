"""Gradients that are wrong only because they build on one that is: their own step is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd import Value
from autograd import gradients as gradients_of
from autograd.graph.edges import backward_with
from compare.subject.arithmetic import precise
from compare.subject.runs import CANNOT, Runs
from compare.verdict.agree import apart, size_of
from compare.verdict.formula import Formula

BITS = 200


def inherited(
    runs: Runs, formula: Formula, wrong: list[str], problems: dict[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """For each gradient that is wrong only because of another: that one; and what the steps raised."""
    if runs.subject.order:
        return _by_the_steps(runs, formula, wrong)
    return _from_watched(runs, wrong, problems), {}


def _by_the_steps(runs: Runs, formula: Formula, wrong: list[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Where the steps are known: each is judged alone, on the chain rule's own arrays."""
    right, raised = formula.alone()
    because: dict[str, str] = {}
    for name in wrong:
        cause = runs.subject.cause(name, wrong)
        if cause and name in right:
            because[name] = because.get(cause, cause)
    return because, raised


def _from_watched(runs: Runs, wrong: list[str], problems: dict[str, str]) -> dict[str, str]:
    """Where a user has named arrays in between: the chain rule from there agrees.

    The sweep runs with the user's own numbers in the place of the gradients of the wrong watched arrays before.
    """
    watched = [name for name in wrong if not problems[name] and name not in runs.subject.arrays]
    if not watched:
        return {}
    try:
        J, nodes, sides = runs.subject.traced(precise(BITS))
    except CANNOT:
        return {}
    because: dict[str, str] = {}
    theirs: dict[Value, Any] = {}  # the user's gradients of watched nodes
    cause = ""
    for name in wrong:
        if problems[name]:
            continue
        if cause:
            backward_with(J, theirs)
            chain = np.asarray(gradients_of(nodes[name]))
            if (apart(sides.ours[name], chain) < size_of(chain) - BITS // 2).all():
                because[name] = cause
        if name in watched:
            cause = cause if name in because else name
            flat = np.asarray(sides.ours[name], object).flat
            theirs |= dict(zip(np.asarray(nodes[name], object).flat, flat, strict=True))
    return because

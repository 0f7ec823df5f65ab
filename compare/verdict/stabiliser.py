"""Gradients that differ by a stabiliser alone: log(p + 1e-8) in the cost, and by hand the gradient of log p."""

from __future__ import annotations

import contextlib

import numpy as np

from autograd.number.residue import ZeroResidue
from autograd.number.vocabulary import shadows
from compare.report.report import DIFFERENT
from compare.subject.arithmetic import precise
from compare.subject.runs import CANNOT, Runs
from compare.subject.source import Stabiliser, stabilisers, without
from compare.subject.subject import UserCode
from compare.verdict.formula import Formula

BITS = 200
MOST = 1e-3  # the part of the largest entry that a stabiliser may change


def stabilised(runs: Runs, wrong: list[str], seed: int) -> dict[str, str]:
    """For those of the gradients that are right where stabilisers are 0: what they are equal apart from."""
    subject = runs.subject
    if not isinstance(subject, UserCode) or not wrong:
        return {}
    found = stabilisers(subject.functions)
    small = [name for name in wrong if _effect(runs, name) <= MOST] if found else []
    if not small:
        return {}
    right = _right_without(runs, found, small, seed)
    if right and len(found) > 1:  # only those that matter
        found = [
            x for x in found if len(_right_without(runs, [y for y in found if y is not x], small, seed)) < len(right)
        ]
    names = " and ".join(map(str, found)) or "small constants"
    which = "the stabiliser" if len(found) == 1 else "the stabilisers"
    return {name: f"equal apart from {which} {names} (relative {_effect(runs, name):.1g})" for name in right}


def _right_without(runs: Runs, found: list[Stabiliser], names: list[str], seed: int) -> list[str]:
    assert isinstance(runs.subject, UserCode)
    with without(runs.subject.functions, found):
        try:
            formula = Formula(Runs(runs.subject, runs.progress, runs.may_use_tape), None, seed)
        except (*CANNOT, ZeroResidue):
            return []
    return [name for name in names if formula.findings[name].verdict != DIFFERENT]


def _effect(runs: Runs, name: str) -> float:
    """The largest difference of both sides, as a part of the largest entry."""
    ours, chain = runs.floats.pair(name)
    if runs.knows_truth:
        with contextlib.suppress(*CANNOT):
            ours, chain = runs.sides(precise(BITS)).pair(name)
    if ours is None or np.shape(ours) != np.shape(chain) or not np.size(chain):
        return float(np.inf)
    with np.errstate(all="ignore"):
        difference = np.asarray(shadows(np.asarray(ours, object) - np.asarray(chain, object)), float)
        largest = np.max(np.abs(np.asarray(shadows(chain), float)))
        return float(np.max(np.abs(difference)) / largest) if largest else float(np.inf)

"""Slopes at a kink or a tie, where a function has no derivative but a choice: which choices are legitimate.

A choice is one if it lies in the convex hull of the gradients around the point (Clarke's generalised gradient). The
hull is known by gradients at random points nearby: no entry may leave their range, and together they must lie in the
affine space that those gradients span: of a maximum that two entries share, the shares sum to 1. Smooth code has no
choice, however fast its gradients change: somewhere there must be a kink or a tie, or a question that code asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.ops import KINKED
from compare.subject.points import near
from compare.subject.runs import CANNOT, Runs

Array = NDArray[Any]

STEP = 1e-7  # how far away the points nearby are
SAMPLES, MOST_SAMPLES = 16, 64
TOLERANCE = 1e-5  # of the largest entry: what smooth parts change over such a step
ROUNDING = 1e-12  # of the largest entry
NEAR = 1e-4  # of the operands of a kink: how far it is from those that such a step may take to its other side


def conventions(runs: Runs, equal: Mapping[str, Array], seed: int) -> set[str]:
    """Those of the gradients that differ from the chain rule's by nothing but the choice of a slope at this point.

    `equal` says of each of them which entries are the chain rule's.
    """
    found: set[str] = set()
    names = list(equal) if _is_at_a_choice(runs) else []
    for data in (False, True):
        left = [name for name in names if name not in found]
        samples: list[dict[str, Array]] = []
        for k in range(MOST_SAMPLES):
            if not left:
                break
            sides = _floats(runs, [seed, 7, k], data)
            if sides is None:
                return found
            samples.append({name: sides[1][name] for name in left})
            ours, chain = sides
            left = [name for name in left if _agree(ours[name], chain[name], equal[name])]
            if k + 1 >= SAMPLES:
                spans = {
                    name: _choice(runs.floats.ours[name], [sample[name] for sample in samples], equal[name])
                    for name in left
                }
                found |= {name for name, legitimate in spans.items() if legitimate}
                left = [name for name, legitimate in spans.items() if legitimate is None]
    return found


def _is_at_a_choice(runs: Runs) -> bool:
    """Whether an operation is near a kink or a tie of its own, or code asks about numbers near one; or who knows."""
    tape = runs.tape
    if tape is None or len(tape.groups) > 1:
        return True
    for unit in runs.units():
        apart = unit.x if unit.y is None else unit.x - unit.y
        scale = np.abs(unit.x) + (1.0 if unit.y is None else np.abs(unit.y))
        if unit.name in KINKED and (np.abs(apart) <= NEAR * scale).any():
            return True
    for sides in tape.tape.asked:
        x, *others = (tape.tape.numbers_at(side) if side.dtype.kind == "i" else side for side in sides)
        if not others or (np.abs(x - others[0]) <= NEAR * (np.abs(x) + np.abs(others[0]) + 1)).any():
            return True
    return False


def _floats(runs: Runs, seed: list[int], data: bool) -> tuple[dict[str, Any], dict[str, Array]] | None:
    """Both sides in float64 at a point nearby."""
    try:
        found = runs.moved(near(seed, STEP), data).floats
        return found.ours, found.chain
    except CANNOT:
        return None


def _as_floats(ours: Any, chain: Array) -> Array | None:
    """An array as floats, None for one that holds no numbers or has another shape."""
    try:
        return np.asarray(ours, float) if np.shape(ours) == np.shape(chain) and np.isrealobj(ours) else None
    except (TypeError, ValueError):
        return None


def _agree(ours: Any, chain: Array, equal: Array) -> bool:
    ours = _as_floats(ours, chain)
    if ours is None:
        return False
    return bool((np.abs(ours - chain) <= _allowed(np.abs(chain), equal)).all())


def _allowed(sizes: Array, equal: Array) -> Array:
    """How far entries may be off: those that are equal at the point itself as parts of all, others each by itself."""
    largest = np.max(sizes, initial=0)
    by_itself = np.minimum(TOLERANCE * sizes + ROUNDING * largest, TOLERANCE * largest)
    allowed: Array = np.where(equal, TOLERANCE * largest, by_itself)
    return allowed


def _choice(ours: Any, samples: list[Array], equal: Array) -> bool | None:
    """Whether an array is in the hull of these; None where there are too few to say."""
    around = np.array([sample.ravel() for sample in samples])  # (samples, entries)
    largest = float(np.max(np.abs(around), initial=0))
    tolerance = TOLERANCE * largest
    ours = _as_floats(ours, samples[0])
    if ours is None or not np.isfinite(ours).all():
        return False
    mine, low, high = np.ravel(ours), around.min(axis=0), around.max(axis=0)
    allowed = _allowed(np.abs(around).max(axis=0), np.ravel(equal))
    if (high - low).max(initial=0) <= tolerance or ((mine < low - allowed) | (mine > high + allowed)).any():
        return False
    mean = around.mean(axis=0)
    _, sizes, directions = np.linalg.svd(around - mean, full_matrices=False)
    spanning = directions[sizes > tolerance * np.sqrt(len(mine))]
    if len(spanning) >= len(samples) - 1 and len(samples) < MOST_SAMPLES:
        return None
    rest = (mine - mean) - spanning.T @ (spanning @ (mine - mean))
    return bool(np.max(np.abs(rest)) <= 10 * tolerance)

"""Slopes at a kink or a tie, where a function has no derivative but a choice: which choices are legitimate.

A choice is one if it lies in the convex hull of the gradients around the point (Clarke's generalised gradient). The
hull is known by gradients at random points nearby: no entry may leave their range, and together they must lie in the
affine space that those gradients span: of a maximum that two entries share, the shares sum to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.subject.points import near
from compare.subject.runs import CANNOT, Runs

Array = NDArray[Any]

STEP = 1e-7  # how far away the points nearby are
SAMPLES, MOST_SAMPLES = 16, 64
TOLERANCE = 1e-5  # of the largest entry: what smooth parts change over such a step


def conventions(runs: Runs, names: list[str], seed: int) -> set[str]:
    """Those of the gradients that differ from the chain rule's by nothing but the choice of a slope at this point."""
    found: set[str] = set()
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
            left = [name for name in left if _agree(*(side[name] for side in sides))]
            if k + 1 >= SAMPLES:
                spans = {name: _choice(runs.floats.ours[name], [sample[name] for sample in samples]) for name in left}
                found |= {name for name, legitimate in spans.items() if legitimate}
                left = [name for name, legitimate in spans.items() if legitimate is None]
    return found


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


def _agree(ours: Any, chain: Array) -> bool:
    ours = _as_floats(ours, chain)
    if ours is None:
        return False
    return bool(np.max(np.abs(ours - chain), initial=0) <= TOLERANCE * np.max(np.abs(chain), initial=0))


def _choice(ours: Any, samples: list[Array]) -> bool | None:
    """Whether an array is in the hull of these; None where there are too few to say."""
    around = np.array([sample.ravel() for sample in samples])  # (samples, entries)
    largest = float(np.max(np.abs(around), initial=0))
    tolerance = TOLERANCE * largest
    ours = _as_floats(ours, samples[0])
    if ours is None or not np.isfinite(ours).all():
        return False
    mine, low, high = np.ravel(ours), around.min(axis=0), around.max(axis=0)
    if (high - low).max(initial=0) <= tolerance or ((mine < low - tolerance) | (mine > high + tolerance)).any():
        return False
    mean = around.mean(axis=0)
    _, sizes, directions = np.linalg.svd(around - mean, full_matrices=False)
    spanning = directions[sizes > tolerance * np.sqrt(len(mine))]
    if len(spanning) >= len(samples) - 1 and len(samples) < MOST_SAMPLES:
        return None
    rest = (mine - mean) - spanning.T @ (spanning @ (mine - mean))
    return bool(np.max(np.abs(rest)) <= 10 * tolerance)

"""Laws that an array of gradients tells at once, whatever the code: a constant factor, a transposition, a mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.reason.trial import close

Array = NDArray[Any]

PART = 1e-9


def laws(name: str, ours: Any, true: dict[str, Array], numbers: Iterable[tuple[str, float]]) -> Iterator[str]:
    """What is true of one wrong gradient: how it and the true ones hang together."""
    right = true[name]
    if not isinstance(ours, (np.ndarray, np.generic, float, int)):
        return
    ours = np.asarray(ours)
    if ours.dtype.kind not in "fiub" or not np.isfinite(ours).all():
        return
    if ours.shape != right.shape:
        yield from _of_shapes(name, ours, right)
        return
    if not ours.any():
        yield f"your d{name} is 0 in every entry"
        return
    factor = _factor(ours, right)
    if factor is not None:
        yield f"your d{name} is {_number(factor, numbers)} times the gradient"
    if ours.ndim == 2 and ours.shape == ours.shape[::-1] and close(ours.T, right, PART):
        yield f"your d{name} is the gradient transposed"
    for other, gradient in true.items():
        if other != name and gradient.shape == ours.shape and close(ours, gradient, PART):
            yield f"your d{name} is the gradient of {other}"
    size = float(np.max(np.abs(right), initial=0))
    wrong = np.abs(ours - right) > PART * size
    if wrong.any() and not wrong.all() and not ours[wrong].any():
        yield f"every wrong entry of your d{name} is 0"


def _of_shapes(name: str, ours: Array, right: Array) -> Iterator[str]:
    if ours.shape == right.shape[::-1] and close(ours.T, right, PART):
        yield f"your d{name} is the gradient transposed"
    for axis in range(ours.ndim):
        for keep in (False, True):
            if close(ours.sum(axis=axis, keepdims=keep), right, PART):
                yield f"your d{name} is not summed over axis {axis}"
                return


def _factor(ours: Array, right: Array) -> float | None:
    """c where ours is c times the gradient, of more than one entry."""
    k = int(np.argmax(np.abs(right)))
    if right.size < 2 or not right.flat[k]:
        return None
    factor = float(ours.flat[k] / right.flat[k])
    return factor if close(ours, factor * right, PART) and abs(factor - 1) > PART else None


def _number(factor: float, numbers: Iterable[tuple[str, float]]) -> str:
    """A factor, and what of the code it equals: it, or 1 divided by it."""
    for what, x in numbers:
        if x not in (0, 1) and isinstance(x, (int, float)):
            if abs(factor - x) <= PART * abs(x):
                return f"{x:.4g} ({what})"
            if abs(factor * x - 1) <= PART:
                return f"1/{x:.4g} ({what} is {x:.4g})"
    return f"{factor:.4g}"

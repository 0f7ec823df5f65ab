"""Entry by entry, whether two arrays of numbers are the same, and how far apart two arrays of floats are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.array import NumberArray
from autograd.number.number import plain
from autograd.number.precise import magnitude
from autograd.number.residue import Residue
from autograd.number.rounded import RoundedArray
from compare.subject.subject import Sides

Array = NDArray[Any]


def same(ours: Any, theirs: Any) -> Array:
    """Entry by entry, whether two arrays hold the same numbers; an array of another shape holds none of them."""
    if ours is None or np.shape(ours) != theirs.shape:
        return np.zeros(theirs.shape, bool)
    if isinstance(theirs, NumberArray):
        try:
            return np.asarray(theirs.same(ours))
        except (TypeError, ValueError):  # no numbers that could be compared
            return np.zeros(theirs.shape, bool)
    pairs = zip(np.asarray(ours).flat, theirs.flat, strict=True)
    return np.array([_same(x, y) for x, y in pairs], bool).reshape(theirs.shape)


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, Residue) or isinstance(y, Residue):
        x, y = _as_residue(x), _as_residue(y)
        return x is not None and y is not None and x.same(y)
    return bool(x == y)


def _as_residue(x: Any) -> Residue | None:
    number = None if isinstance(x, Residue) else plain(x)
    if number is None:
        return x if isinstance(x, Residue) else None
    return Residue.of(Residue.lift(number)) if np.isfinite(float(number)) else None


def apart(ours: Any, theirs: Any) -> Array:
    """Entry by entry, the binary logarithm of the difference of long floats; -inf where equal, inf where not finite."""
    if ours is None or np.shape(ours) != np.shape(theirs):
        return np.full(np.shape(theirs), np.inf)
    pairs = zip(np.asarray(ours, object).flat, np.asarray(theirs, object).flat, strict=True)
    return np.array([_log2(x, y) for x, y in pairs], float).reshape(np.shape(theirs))


def _log2(x: Any, y: Any) -> float:
    try:
        return magnitude(abs(x - y))
    except TypeError:  # not numbers at all
        return np.inf


def digits(ours: Any, theirs: Any) -> Array:
    """Entry by entry, to how many decimal digits two arrays of long floats agree; inf where they are equal."""
    difference = apart(ours, theirs)
    if np.isposinf(difference).all():
        return np.zeros(np.shape(theirs))
    zeros = np.zeros(np.shape(theirs), int)
    with np.errstate(invalid="ignore"):
        size = np.maximum(apart(ours, zeros), apart(theirs, zeros))
        found: Array = np.where(np.isposinf(difference), 0.0, np.maximum(size - difference, 0) * np.log10(2))
    return np.where(np.isneginf(difference), np.inf, found)


def size_of(array: Any) -> float:
    """The binary logarithm of the largest entry of an array of long floats; -inf where all are 0."""
    return float(np.max(apart(array, np.zeros(np.shape(array), int)), initial=-np.inf))


def errors(array: Any) -> Array:
    """The bounds on the rounding errors of an array of `Rounded` numbers, or of a `RoundedArray`."""
    if isinstance(array, RoundedArray):
        return array.errors
    array = np.asarray(array, object)
    return np.array([getattr(x, "error", 0.0) for x in array.flat]).reshape(array.shape)


def bounds_between(sides: Sides, name: str) -> Iterator[Array]:
    """By how much rounding lets two gradients differ: the bound of the chain rule's own, then that of both.

    Where the first explains a difference, the hand-written side need not run once more.
    """
    bound = errors(sides.chain[name])
    yield bound
    yield bound + errors(sides.ours[name])


def largest_difference(ours: Any, theirs: Array) -> float | None:
    """The largest difference of two float arrays; None where there is none to speak of."""
    if ours is None or np.shape(ours) != theirs.shape:
        return None
    try:
        with np.errstate(all="ignore"):
            difference = float(np.max(np.abs(np.asarray(ours) - theirs).astype(float), initial=0))
    except TypeError:  # the formula under test gave something else than numbers
        return None
    return difference if np.isfinite(difference) else None

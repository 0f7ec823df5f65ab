"""Other points to run a user's code at: near the given one, or drawn anew at a similar scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Move = Callable[[Array], Array]


def near(seed: list[int], size: float) -> Move:
    """Moves arrays at random by this part of each entry's size, and of the array's."""
    rng = np.random.default_rng(seed)

    def move(x: Array) -> Array:
        scale = float(np.sqrt(np.mean(x**2))) if x.any() else 1.0
        return np.asarray(x + size * (np.abs(x) + scale) / 2 * rng.uniform(-1, 1, x.shape))

    return move


def redrawn(seed: int | list[int], scale: float = 1.0) -> Move:
    """Draws another point of similar scale, or of a part of it: what is positive or between 0 and 1 stays there."""
    rng = np.random.default_rng(seed)

    def draw(x: Array) -> Array:
        factor = rng.uniform(0.5, 1.5, x.shape)
        if x.size and ((x > 0) & (x < 1)).all():
            return np.asarray(x**factor)
        size = np.sqrt(np.mean(x**2)) if x.any() else 1.0
        return np.asarray(scale * (x * factor if (x > 0).all() else size * rng.normal(size=x.shape)))

    return draw


def moved_data(x: Any, move: Callable[[Array], Array]) -> Any:
    """Data at another point: float arrays moved, but whole numbers are labels and masks, and stay."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and not (x == np.round(x)).all():
        return move(x)
    if isinstance(x, Mapping):
        return {key: moved_data(child, move) for key, child in x.items()}
    return type(x)(moved_data(child, move) for child in x) if type(x) in (list, tuple) else x

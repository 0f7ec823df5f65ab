"""What the chain rule knows: an array is matched with the true gradients, and the numbers, of the forward steps."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.steps.passes import ForwardStep

Array = NDArray[Any]

NEAR = 1e-8  # relative: float64 on the way through a few layers
MOST_ENTRIES = 1 << 22


class Match(NamedTuple):
    """A forward step whose gradient, or whose numbers, an array is: times a factor, perhaps with its axes turned."""

    step: ForwardStep
    factor: float
    turned: bool
    of_gradient: bool


class Known:
    """The gradients, or the numbers, of the forward steps, to be found by their entries."""

    def __init__(self, steps: Sequence[ForwardStep], of_data: bool = False) -> None:
        self.of_data = of_data
        self._by_size: dict[int, list[tuple[float, ForwardStep]]] = {}
        for step in steps:
            x = step.data if of_data else step.grad
            sign = signature(x) if x is not None else None
            if sign is not None and x is not None:
                self._by_size.setdefault(x.size, []).append((sign, step))

    def find(self, x: Array) -> Iterator[Match]:
        """The steps whose array this is, times a factor."""
        sign = signature(x)
        if sign is None:
            return
        for other, step in self._by_size.get(x.size, ()):
            if abs(other - sign) <= NEAR * sign:
                y = step.data if self.of_data or step.grad is None else step.grad
                factor, turned = ratio(x, y)
                if factor is not None:
                    yield Match(step, factor, turned, not self.of_data)


def signature(x: Array) -> float | None:
    """A number that does not change with a factor and the order of the entries; None for what says nothing."""
    if not 0 < x.size <= MOST_ENTRIES:
        return None
    x = np.asarray(x, float).ravel()
    largest = np.max(np.abs(x))
    if not largest or not np.isfinite(largest):
        return None
    squares = (x / largest) ** 2
    return float(np.sum(squares**2) / np.sum(squares) ** 2)


def ratio(x: Array, y: Array) -> tuple[float | None, bool]:
    """c where x is c * y, in some order of the axes; whether that is another order than y's. None where it is not."""
    for order in _orders(x.shape, y.shape):
        z = (y if order is None else y.transpose(order)).ravel()
        flat = np.asarray(x, float).ravel()
        k = int(np.argmax(np.abs(z)))
        factor = flat[k] / z[k]
        if np.all(np.abs(flat - factor * z) <= NEAR * np.max(np.abs(flat))):
            one_value = flat.size == 1 or bool(np.all(np.abs(z - z[0]) <= NEAR * np.abs(z[0])))
            if one_value and abs(factor - 1) > NEAR:  # any two such arrays are multiples
                continue
            nice = round(factor, 12)
            return (1.0 if abs(factor - 1) <= NEAR else nice), order is not None
    return None, False


def _orders(shape: tuple[int, ...], other: tuple[int, ...]) -> Iterator[tuple[int, ...] | None]:
    yield None
    if 2 <= len(other) <= 4:
        for order in list(itertools.permutations(range(len(other))))[1:]:
            if len(shape) != len(other) or tuple(other[k] for k in order) == shape:
                yield order


_PREFIX = re.compile(r"^(d[JLEC]_?d_?|grad_?|delta_?|d_?|g_?|D)(?=\w)")
_SUFFIX = re.compile(r"(_?grad|_?bar|_?delta)$")


def base_name(name: str) -> str:
    """The bare name of a variable, an attribute or an entry: z2 of self.z2, W of p["W"]."""
    found = re.search(r"""(\w+)\s*(?:["']\])?$|\[['"](\w+)['"]\]""", name)
    text = found.group(1) or found.group(2) if found else name
    return text or name


def is_gradient_of(name: str, forward: str) -> bool:
    """Whether a name of the backward pass says that it is the gradient of this one: dz2, grad_z2, z2_bar of z2."""
    bare, known = base_name(name), base_name(forward)
    for stripped in (_PREFIX.sub("", bare), _SUFFIX.sub("", bare)):
        if stripped != bare and stripped.replace("_", "").lower() == known.replace("_", "").lower():
            return True
    return False

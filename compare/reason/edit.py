"""What a search tries and finds: a change of some local derivatives, a piece of code as one function, a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.edges import Recorded
from compare.reason.source import Expression

Array = NDArray[Any]


MOST_REASONS = 3  # named for one gradient
UNSURE = 3  # the rank from which a reason may be an accident


class Known(NamedTuple):
    """Numbers that a factor may be: their value and what they are."""

    value: float
    name: str


class Reason(NamedTuple):
    """One explanation: the sentence, the gradients it explains, and how likely it is (0 comes first)."""

    text: str
    names: tuple[str, ...]
    rank: int


class Step(NamedTuple):
    """A piece of the user's code as one function: the edges that enter it, and its operands and results in pairs."""

    expression: Expression
    edges: Array
    enters: Array
    leaves: Array
    first: int  # the number of its first edge over the whole step

    @property
    def over(self) -> Array:
        """The numbers of its edges over the whole step."""
        return np.arange(self.first, self.first + len(self.enters))


class Edit(NamedTuple):
    """A change of some local derivatives: which edges, what they become, what that means, how likely it is."""

    edges: Array
    change: Callable[[Recorded, Array], Any]
    meaning: str
    rank: int

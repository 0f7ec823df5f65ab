"""The networks and data that the benchmarks measure on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matrix_backprop import Network

Array = NDArray[Any]


@dataclass(frozen=True)
class Problem:
    """A network with random parameters and data: relu and squared error, or as `classifier` gives it tanh and softmax.

    >>> problem = Problem((4, 5, 3), 8)
    >>> str(problem), problem.terms, problem.parameters, problem.entries
    ('4-5-3 x 8', 280, 43, 171)
    """

    sizes: tuple[int, ...]
    m: int
    hidden: str = "relu"
    output: str = "identity"

    @classmethod
    def classifier(cls, sizes: tuple[int, ...], m: int) -> Problem:
        return cls(sizes, m, "tanh", "softmax")

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} x {self.m}"

    @property
    def terms(self) -> int:
        """How many products w * a the forward pass has."""
        return self.m * sum(n * k for n, k in itertools.pairwise(self.sizes))

    @property
    def parameters(self) -> int:
        """How many parameters there are, so many entries have dJdW and dJdb."""
        return sum(n * k + k for n, k in itertools.pairwise(self.sizes))

    @property
    def entries(self) -> int:
        """The same and those of dJda and dJdz."""
        return self.parameters + 2 * self.m * sum(self.sizes[1:])

    @cached_property
    def net(self) -> Network:
        return Network(self.sizes, [self.hidden] * (len(self.sizes) - 2) + [self.output], seed=0)

    @cached_property
    def X(self) -> Array:
        return np.random.default_rng(1).normal(size=(self.sizes[0], self.m))  # (n_0, m)

    @cached_property
    def Y(self) -> Array:
        rng = np.random.default_rng(2)
        if self.output == "softmax":
            return np.eye(self.sizes[-1])[:, rng.integers(0, self.sizes[-1], self.m)]  # (n_L, m), one-hot
        return rng.normal(size=(self.sizes[-1], self.m))  # (n_L, m)

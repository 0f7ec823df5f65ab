"""The laws of exponentials and logarithms, for numbers that can be compared but know no functions: residues.

Each exponential is a number drawn at random, or a product of such numbers and their inverses where the laws say so.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.number.array import NumberArray
from autograd.number.functions import choose

VANISHING = -5000  # the exponential of less has no digit among the first 2,000
_MOST = 16  # arguments of exp, and logarithms, that are compared with a new one: the last ones

# functions by exp and log
WRITTEN: dict[str, Callable[[Any], Any]] = {
    "expm1": lambda x: np.exp(x) - 1,
    "log1p": lambda x: np.log(1 + x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "tanh": lambda x: 1 - 2 / (1 + np.exp(2 * x)),
    "sinh": lambda x: (np.exp(x) - 1 / np.exp(x)) / 2,
    "cosh": lambda x: (np.exp(x) + 1 / np.exp(x)) / 2,
}
KNOWN = frozenset({"sqrt", "exp", "log", *WRITTEN})  # the functions of which more is known


class _Power:
    """exp(argument) = value, of arrays of one shape."""

    def __init__(self, argument: Any, value: Any) -> None:
        self.argument = argument
        self.value: Any = value if value.shape == argument.shape else np.broadcast_to(value, argument.shape)

    def fits(self, x: NumberArray) -> bool:
        """Whether it can be stretched to the shape of x."""
        here = self.argument.shape
        return len(here) <= x.ndim and all(n in (1, N) for n, N in zip(here[::-1], x.shape[::-1], strict=False))


class Laws:
    """What one run knows of its exponentials: exp(0) = 1, exp(-a), exp(2a), exp(a + b), exp(log p) = p, log(exp a) = a.

    Arguments are compared entry by entry, sums of them as whole arrays. How many `tests` that took, and of which
    `degree` they were at most, is for the chance of a false agreement.
    """

    def __init__(self, primes: Sequence[int], vanishing: bool = False) -> None:
        self.primes = primes  # of the residues at each point
        self.vanishing = vanishing  # whether exp of a large negative number is 0, as in all floats
        self.powers: list[_Power] = []
        self.tests = self.degree = 0

    def exp(self, x: Any, atom: Callable[[Any], Any]) -> Any:
        """exp(x) by what is known, else a new number."""
        self.degree = max(self.degree, sum(x.degree))
        if not any(lane.any() for lane in x.lanes):
            return x.constant(np.ones(x.shape))
        found = next(self._found(x, atom), None) or _Power(x, atom(x))
        self.powers = [*self.powers[1 - _MOST :], found]
        return choose(x.shadow < VANISHING, 0, found.value) if self.vanishing else found.value

    def log(self, x: Any, atom: Callable[[Any], Any]) -> Any:
        """The argument of the exponential that x is, else a new number."""
        self.degree = max(self.degree, sum(x.degree), *(sum(known.value.degree) for known in self.powers))
        for known in self.powers:
            self.tests += 1
            if known.value.shape == x.shape and x.same(known.value).all():
                return known.argument
        found = _Power(atom(x), x)
        self.powers = [*self.powers[1 - _MOST :], found]
        return found.argument

    def _found(self, x: Any, atom: Callable[[Any], Any]) -> Iterator[_Power]:
        """exp(x) as a product of what is known, in each way that there is."""
        known = [power for power in self.powers if power.fits(x)]
        ends = _first(x)
        starts = [_first(power.argument) for power in known]
        for power, start in zip(known, starts, strict=True):
            for n in (1, -1, 2, -2):
                if self._agree(ends, [n * a for a in start]) and x.same(n * power.argument).all():
                    yield _Power(x, power.value**n)
        yield from self._by_entries(x)
        for (one, a), (other, b) in itertools.combinations(zip(known, starts, strict=True), 2):
            for n, m in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
                is_sum = self._agree(ends, [n * s + m * t for s, t in zip(a, b, strict=True)])
                if is_sum and x.same(n * one.argument + m * other.argument).all():
                    yield _Power(x, one.value**n * other.value**m)
        for power in known:
            for axis, n in itertools.product(range(x.ndim), (1, -1)):
                rest = x - n * power.argument  # a number that all along an axis share: exp(z - max z) beside exp(z)
                self.tests += 1
                shared = np.take(rest, [0], axis)
                if x.shape[axis] > 1 and rest.same(np.broadcast_to(shared, x.shape)).all():
                    yield _Power(x, power.value**n * self.exp(shared, atom))

    def _by_entries(self, x: Any) -> Iterator[_Power]:
        """Each entry of x is one of those that were met, or its opposite: a part of an array, or -abs(z)."""
        if not self.powers or not x.size:
            return
        arguments, values = _joined([p.argument for p in self.powers]), _joined([p.value for p in self.powers])
        self.tests += 2 * x.size * arguments.size
        order = np.argsort(arguments.lanes[0])
        places = [
            order[np.searchsorted(arguments.lanes[0], y.lanes[0], sorter=order).clip(max=arguments.size - 1)]
            for y in (x, -x)
        ]
        here, opposite = x.same(arguments[places[0]]), (-x).same(arguments[places[1]])
        if (here | opposite).all():
            value = values[places[0]]
            yield _Power(x, value if here.all() else choose(here, value, 1 / values[places[1]]))

    def _agree(self, ends: list[int], others: list[int]) -> bool:
        """Whether two numbers have the same residues, the first entries of arrays that may be the same."""
        self.tests += 1
        return all((x - y) % prime == 0 for x, y, prime in zip(ends, others, self.primes, strict=False))


def _joined(arrays: Sequence[NumberArray]) -> Any:
    """The entries of all, one after another."""
    return np.concatenate([x.ravel() for x in arrays])


def _first(x: NumberArray) -> list[int]:
    """The residues of the first entry."""
    return [lane.item(0) for lane in x.lanes] if x.size else [0 for _ in x.lanes]

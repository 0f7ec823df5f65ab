"""`Degree` and `Bound`, the degree of a rational function: how large the chance of a false agreement can be.

Code that runs on these numbers computes, for each result, a bound on the degrees of its numerator and denominator as
polynomials in the inputs; a transcendental function is a new variable. An array of residues has one `Bound` for all its
entries. See `autograd.number.residue`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self

from autograd.number.shadowed import Shadowed

Degrees = tuple[int, int]  # of the numerator, of the denominator


class Atoms(NamedTuple):
    """An array of results of an elementary function: its name, how many they are, and the degree of their argument."""

    name: str
    size: int
    degree: int


def _of_a_sum(x: Degrees, y: Degrees) -> Degrees:
    return max(x[0] + y[1], x[1] + y[0]), x[1] + y[1]


_ALGEBRA: dict[str, Callable[[Degrees, Degrees], Degrees]] = {
    "add": _of_a_sum,
    "subtract": _of_a_sum,
    "multiply": lambda x, y: (x[0] + y[0], x[1] + y[1]),
    "divide": lambda x, y: (x[0] + y[1], x[1] + y[0]),
}
_ATOM = 1, 0  # a new variable


class Degree(Shadowed):
    """Bounds for the degrees of the numerator and the denominator, beside the float that decides comparisons.

    >>> x, y = Degree.variable(0.5), Degree.variable(2.0)
    >>> (x * y + 1).content, (x / y).content, (x / y + y / x).content
    ((2, 0), (1, 1), (2, 2))

    Numbers that code brings in have degree 0; what an elementary function gives is a new variable.
    """

    __slots__ = ()
    ALGEBRA: ClassVar = _ALGEBRA
    atoms: ClassVar[list[Atoms] | None] = None

    @classmethod
    def collecting(cls, atoms: list[Atoms]) -> type[Self]:
        """The type of the numbers of one run, which puts down its elementary functions in a list.

        >>> atoms = []
        >>> x = Degree.collecting(atoms).variable(0.5)
        >>> (x * x).exp().content, atoms
        ((1, 0), [Atoms(name='exp', size=1, degree=2)])
        """
        return type(cls.__name__, (cls,), {"__slots__": (), "atoms": atoms})

    @classmethod
    def variable(cls, x: float) -> Self:
        """A variable, which stands for the float x."""
        return cls.of(((1, 0), float(x)))

    @classmethod
    def rational(cls, x: Any) -> Degrees:
        return 0, 0

    @classmethod
    def whole_power(cls, content: Degrees, n: int) -> Degrees:
        numerator, denominator = content if n >= 0 else content[::-1]
        return abs(n) * numerator, abs(n) * denominator

    @classmethod
    def atom(cls, name: str, *contents: Degrees) -> Degrees:
        if cls.atoms is not None:
            cls.atoms.append(Atoms(name, 1, max(map(sum, contents))))
        return _ATOM


Divisors = Mapping[int, tuple[int, int]]  # of a division: the power of the product of its divisors, and its degree


def _either(x: Divisors, y: Divisors) -> Divisors:
    """What is below in both, at least: itself where y adds nothing, as it mostly does."""
    more = {key: found for key, found in y.items() if key not in x or x[key][0] < found[0]} if x is not y else {}
    return {**x, **more} if more else x


def _both(x: Divisors, y: Divisors) -> Divisors:
    """What is below a product."""
    if not x or not y:
        return x or y
    return {**x, **{key: (power + x[key][0] if key in x else power, degree) for key, (power, degree) in y.items()}}


class Bound(NamedTuple):
    """A bound for the rational functions in an array, in two ways: each alone, and all over one denominator.

    >>> x = VARIABLE
    >>> x.times(x).plus(CONSTANT).degrees, CONSTANT.over(x, 6).total(6).degrees, x.over(x, 2).total(3).degrees
    ((2, 0), (5, 6), (3, 2))

    `alone` are the degrees of numerator and denominator where each sum multiplies the denominators of its terms. Over
    one denominator sums share it: `excess` is by how much the degree of a numerator is above that of its denominator,
    and `divisors` are, for each division on the way, the power in which all its divisors stand below, and the degree of
    their product. Entry by entry the first is the smaller one, for sums of many terms the second.
    """

    alone: Degrees = (0, 0)
    excess: int = 0
    divisors: Divisors = MappingProxyType({})

    @property
    def degrees(self) -> Degrees:
        """Of numerator and denominator, in the way in which they are smaller."""
        below = sum(power * degree for power, degree in self.divisors.values())
        return min(self.alone, (max(self.excess + below, 0), below), key=sum)

    def either(self, other: Bound) -> Bound:
        """For an array made of both."""
        if other is self:
            return self
        alone = max(self.alone[0], other.alone[0]), max(self.alone[1], other.alone[1])
        return Bound(alone, max(self.excess, other.excess), _either(self.divisors, other.divisors))

    def plus(self, other: Bound) -> Bound:
        """For sums of two."""
        return self.either(other)._replace(alone=_of_a_sum(self.alone, other.alone))

    def total(self, terms: int) -> Bound:
        """For sums of so many."""
        n, d = self.alone
        return self._replace(alone=(n + max(terms - 1, 0) * d, max(terms, 1) * d))

    def times(self, other: Bound) -> Bound:
        """For products."""
        alone = _ALGEBRA["multiply"](self.alone, other.alone)
        return Bound(alone, self.excess + other.excess, _both(self.divisors, other.divisors))

    def over(self, divisor: Bound, count: int) -> Bound:
        """For quotients by so many divisors."""
        above, below = divisor.degrees
        shared = {next(_divisions): (1, count * above)} if above else {}
        return self.times(Bound(divisor.alone[::-1], below, shared))


CONSTANT, VARIABLE = Bound(), Bound((1, 0), 1)  # a transcendental function is a new variable, too
_divisions = itertools.count()  # numbers of divisions

"""`Degree` and `DegreeArray`, the degree of a rational function: how large the chance of a false agreement can be.

Code that runs on these numbers computes, for each result, a bound on the degrees of its numerator and denominator as
polynomials in the inputs; a transcendental function is a new variable. See `autograd.number.residue`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from autograd.number.array import Array, NumberArray
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


def combined(name: str, x: Degrees, y: Degrees) -> Degrees:
    """The degrees of x + y, x * y, ..."""
    return _ALGEBRA[name](x, y)


def summed(x: Degrees, terms: int) -> Degrees:
    """The degrees of a sum of so many such terms."""
    return x[0] + max(terms - 1, 0) * x[1], max(terms, 1) * x[1]


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


class DegreeArray(NumberArray):
    """One bound on the degrees of numerator and denominator for all entries of an array of rational functions.

    >>> x = DegreeArray.variable(np.ones((2, 3)))
    >>> (x * x + 1).degree, (1 / x).degree, np.sum(1 / x).degree
    ((2, 0), (0, 1), (5, 6))
    """

    __slots__ = ("degree",)
    called = "degrees"
    atoms: ClassVar[list[Atoms] | None] = None

    def __init__(self, shadow: Any, lanes: Sequence[Any] = (), degree: Degrees = (0, 0)) -> None:
        super().__init__(shadow)
        self.degree = degree

    @classmethod
    def collecting(cls, atoms: list[Atoms]) -> type[Self]:
        """The type of the arrays of one run, which puts down its elementary functions in a list, as `Degree` does.

        >>> atoms = []
        >>> x = DegreeArray.collecting(atoms).variable(np.ones((2, 3)))
        >>> np.exp(x / (x + 1)).degree, atoms
        ((1, 0), [Atoms(name='exp', size=6, degree=2)])
        """
        return type(cls.__name__, (cls,), {"__slots__": (), "atoms": atoms})

    @classmethod
    def variable(cls, shadow: Any) -> Self:
        """Variables that stand for these floats."""
        return cls(shadow, degree=(1, 0))

    def constant(self, x: Any) -> Self:
        return type(self)(np.asarray(x).astype(float))

    def made(self, contents: list[Any], sources: Sequence[Any]) -> Self:
        return type(self)(contents[0], degree=(max(x.degree[0] for x in sources), max(x.degree[1] for x in sources)))

    def __setitem__(self, index: Any, other: Any) -> None:
        super().__setitem__(index, other)
        other = self.as_one(other)
        self.degree = max(self.degree[0], other.degree[0]), max(self.degree[1], other.degree[1])

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        return type(self)(shadow, degree=combined(name, x.degree, y.degree))

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        if self.atoms is not None:
            self.atoms.append(Atoms(name, shadow.size, max(sum(x.degree) for x in arguments)))
        return type(self)(shadow, degree=_ATOM)

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        return type(self)(shadow, degree=summed(combined("multiply", x.degree, y.degree), x.shape[1]))

    def _total(self, axis: Any, keepdims: bool, shadow: Array) -> Self:
        return type(self)(shadow, degree=summed(self.degree, self.size // max(shadow.size, 1)))

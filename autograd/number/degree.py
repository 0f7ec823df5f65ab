"""`Degree`, the degree of a rational function: how large the chance of a false agreement can be.

Code that runs on these numbers computes, for each result, a bound on the degrees of its numerator and denominator as
polynomials in the inputs; a transcendental function is a new variable. See `autograd.residue`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from autograd.number.shadowed import Shadowed


class Degree(Shadowed):
    """Bounds for the degrees of the numerator and the denominator, beside the float that decides comparisons.

    >>> x, y = Degree.variable(0.5), Degree.variable(2.0)
    >>> (x * y + 1).content, (x / y).content, (x / y + y / x).content
    ((2, 0), (1, 1), (2, 2))

    Numbers that code brings in have degree 0. `Degree.arguments` collects the degree of the argument of every
    transcendental function, until somebody clears it.
    """

    __slots__ = ()
    arguments: ClassVar[list[int]] = []
    ALGEBRA: ClassVar = {
        "add": lambda x, y: _sum(x, y),
        "sub": lambda x, y: _sum(x, y),
        "mul": lambda x, y: (x[0] + y[0], x[1] + y[1]),
        "truediv": lambda x, y: (x[0] + y[1], x[1] + y[0]),
    }

    @classmethod
    def variable(cls, x: float) -> Degree:
        """A variable, which stands for the float x."""
        return cls.of(((1, 0), float(x)))

    @classmethod
    def rational(cls, x: Any) -> tuple[int, int]:
        return 0, 0

    @classmethod
    def whole_power(cls, content: tuple[int, int], n: int) -> tuple[int, int]:
        numerator, denominator = content if n >= 0 else content[::-1]
        return abs(n) * numerator, abs(n) * denominator

    @classmethod
    def atom(cls, name: str, *contents: tuple[int, int]) -> tuple[int, int]:
        cls.arguments.append(max(sum(content) for content in contents))
        return 1, 0


def _sum(x: tuple[int, int], y: tuple[int, int]) -> tuple[int, int]:
    if not x[1] and not y[1]:
        return max(x[0], y[0]), 0
    return max(x[0] + y[1], x[1] + y[0]), x[1] + y[1]

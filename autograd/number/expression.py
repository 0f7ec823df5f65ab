"""`Expression`, a SymPy expression beside the float that it stands for: formulas to read.

A bare SymPy expression may stand in a node too; this one can also be compared, so that relu and max know their branch.
"""

from __future__ import annotations

import operator
from typing import Any, ClassVar

from autograd.number import symbolic
from autograd.number.number import operator_of
from autograd.number.shadowed import Shadowed


class Expression(Shadowed):
    """A SymPy expression; needs SymPy.

    >>> x = Expression.symbol("x", 0.5)
    >>> (2 * x**2 + x).content
    2*x**2 + x
    >>> x > 0, x.tanh().content
    (True, tanh(x))
    """

    __slots__ = ()
    ALGEBRA: ClassVar = {name: operator_of(name) for name in ("add", "subtract", "multiply", "divide")}

    @classmethod
    def symbol(cls, name: str, x: float) -> Expression:
        """The symbol of this name, which stands for the float x."""
        import sympy

        return cls.of((sympy.Symbol(name), float(x)))

    @classmethod
    def rational(cls, x: Any) -> Any:
        import sympy

        return sympy.Rational(int(x.numerator), int(x.denominator))

    @classmethod
    def whole_power(cls, content: Any, n: int) -> Any:
        return content**n

    @classmethod
    def atom(cls, name: str, *contents: Any) -> Any:
        return operator.pow(*contents) if name == "power" else symbolic.elementary(name, *contents)

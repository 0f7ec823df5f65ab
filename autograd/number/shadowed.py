"""`Shadowed`, numbers of an algebra without an order, each beside the float that it stands for.

Residues and expressions can be added and multiplied but not compared; comparisons (`>`, `max`, the mask of a relu) ask
the float shadow, so the branch that code takes is that of real numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from autograd.number.exact import Exact
from autograd.number.number import Number, operator_of, plain
from autograd.number.ops import OPS
from autograd.number.rational import meant, power_by_parts


class Shadowed(Number):
    """A number whose raw value is a pair: the content, and the float that it stands for.

    A subclass defines `ALGEBRA`, functions of two contents under the names add, subtract, multiply and
    divide, and `rational` (a rational number -> content), `whole_power` (content to a whole power) and `atom` (the
    content of an elementary function of contents). A float given to the type itself enters exactly.
    """

    __slots__ = ()
    ALGEBRA: ClassVar[dict[str, Callable[[Any, Any], Any]]] = {}
    ARITHMETIC: ClassVar[dict[str, Callable[[Any, Any], Any]]] = {}

    def __init__(self, x: Any = 0) -> None:
        exact = Exact(x)
        self.raw = (self.rational(exact.raw), exact.shadow())

    def __init_subclass__(cls) -> None:
        cls.ARITHMETIC = {name: _pairwise(function, name) for name, function in cls.ALGEBRA.items()}
        super().__init_subclass__()

    @classmethod
    def rational(cls, x: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def whole_power(cls, content: Any, n: int) -> Any:
        raise NotImplementedError

    @classmethod
    def atom(cls, name: str, *contents: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def lift(cls, x: Any) -> Any:
        number = plain(x)
        if number is None:
            return None
        return cls.rational(meant(number)), float(number)

    @property
    def content(self) -> Any:
        return self.raw[0]

    def shadow(self) -> float:
        shadow: float = self.raw[1]
        return shadow

    comparable = shadow

    def __str__(self) -> str:
        return f"{self.content}, near {self.shadow():.6g}"

    def __format__(self, spec: str) -> str:
        return format(self.shadow(), spec) if spec else str(self)

    def elementary(self, name: str) -> Any:
        return self.of((self.atom(name, self.content), OPS[name].value(self.shadow())))

    def __pow__(self, n: Any) -> Any:
        exponent = plain(n)
        if exponent is None:
            return self._to_the(n) if type(n) is type(self) else NotImplemented
        if isinstance(exponent, float) and not math.isfinite(exponent):
            return in_floats("power", self.shadow(), exponent)
        return power_by_parts(self, exponent, self._to_the_whole, lambda rest: self._to_the(self.of(self.lift(rest))))

    def _to_the_whole(self, n: int) -> Any:
        return self.of((self.whole_power(self.content, n), in_floats("power", self.shadow(), float(n))))

    def __rpow__(self, base: Any) -> Any:
        raw = self.lift(base)
        return NotImplemented if raw is None else self.of(raw)._to_the(self)

    def _to_the(self, n: Any) -> Any:
        shadow = in_floats("power", self.shadow(), n.shadow())
        return self.of((self.atom("power", self.content, n.content), shadow))


def in_floats(name: str, x: float, y: float) -> float:
    """The float of an operation, inf or nan where Python would raise."""
    function = operator_of(name)
    try:
        result: float = function(x, y)
    except (ZeroDivisionError, OverflowError):
        with np.errstate(all="ignore"):
            result = float(function(np.float64(x), np.float64(y)))
    return result if isinstance(result, float) else math.nan  # a complex power


def _pairwise(function: Callable[[Any, Any], Any], name: str) -> Callable[[Any, Any], Any]:
    by_float = operator_of(name)

    def pairwise(x: Any, y: Any) -> Any:
        try:
            return function(x[0], y[0]), by_float(x[1], y[1])
        except (ZeroDivisionError, OverflowError):
            return function(x[0], y[0]), in_floats(name, x[1], y[1])

    return pairwise

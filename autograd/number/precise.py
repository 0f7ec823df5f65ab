"""`Precise`, floats of 1000 bits: every elementary function correctly rounded, no atoms.

They decide identities that atoms cannot see, sqrt(v)**2 = v or exp(log p) = p: two formulas that are equal agree to
nearly all digits, and to twice as many with twice the bits; two that differ keep their distance.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar

import gmpy2
from gmpy2 import mpfr

from autograd.number.exact import Exact
from autograd.number.number import Number
from autograd.number.special import IN_FLOATS, in_long_floats

BITS = 1000
# where gmpy2 does not use NumPy's name
_NAMES = {f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")}


def _context(bits: int) -> Any:
    return gmpy2.context(precision=bits, emax=gmpy2.get_emax_max(), emin=gmpy2.get_emin_min())


def _arithmetic(context: Any) -> dict[str, Callable[[Any, Any], Any]]:
    return {
        "add": context.add,
        "subtract": context.sub,
        "multiply": context.mul,
        "divide": context.div,
        "power": context.pow,
    }


class Precise(Number):
    """A float of 1000 bits.

    >>> x = Precise(2)
    >>> abs(x.sqrt() ** 2 - 2) < 1e-300
    True
    >>> Precise.with_bits(2000).context.precision
    2000

    Takes what `Exact` takes; a float that code brings in means the simplest fraction that rounds to it, as there.
    `Precise.with_bits(n)` is the type of another precision. As with floats, a division by 0 gives inf or nan.
    """

    __slots__ = ()
    context: ClassVar[Any] = _context(BITS)
    ARITHMETIC: ClassVar[dict[str, Callable[[Any, Any], Any]]] = _arithmetic(context)

    def __init__(self, x: Any = 0) -> None:
        self.raw = mpfr(Exact(x).raw, self.context.precision)

    @classmethod
    @functools.cache
    def with_bits(cls, bits: int) -> type[Precise]:
        """The type of floats of so many bits."""
        context = _context(bits)
        members = {"__slots__": (), "context": context, "ARITHMETIC": _arithmetic(context)}
        return type(f"Precise{bits}", (Precise,), members)

    @classmethod
    def lift(cls, x: Any) -> Any:
        rational = Exact.lift(x)
        return None if rational is None else mpfr(rational, cls.context.precision)

    def shadow(self) -> float:
        return float(self.raw)

    def __neg__(self) -> Precise:
        return self.of(self.context.minus(self.raw))

    def __str__(self) -> str:
        return f"{self.raw:.25g}"

    def __format__(self, spec: str) -> str:
        return format(self.raw, spec) if spec else str(self)

    def elementary(self, name: str) -> Precise:
        context, x = self.context, self.raw
        match name:
            case "sigmoid":
                return self.of(context.div(1, context.add(1, context.exp(context.minus(x)))))
            case "softplus":
                return self.of(context.log1p(context.exp(x)))
        if name in IN_FLOATS and name != "erfc":
            return self.of(in_long_floats(name, x, context))
        return self.of(getattr(context, _NAMES.get(name, name))(x))


def magnitude(x: Any) -> float:
    """The binary logarithm of a number that is not negative; -inf of 0, inf of what is not finite.

    >>> magnitude(Precise(8)), magnitude(0)
    (3.0, -inf)

    Raises TypeError for what is no number.
    """
    raw = mpfr(x.raw if isinstance(x, Precise) else x)
    if raw == 0:
        return -math.inf
    return float(gmpy2.log2(raw)) if gmpy2.is_finite(raw) else math.inf

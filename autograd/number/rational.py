"""What all exact arithmetic shares: the fraction that a number of code means, and powers of fractions."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from gmpy2 import mpq

_BITS = 2**30  # the largest power; beyond the memory the library would end the process


def meant(x: Any) -> Any:
    """The fraction that a plain number of code means: a float means the simplest one that rounds to it.

    >>> meant(0.1), meant(2)
    (mpq(1,10), mpq(2,1))
    """
    return simplest(float(x)) if isinstance(x, float) else mpq(x)


@functools.lru_cache(maxsize=4096)
def simplest(x: float) -> Any:
    """The fraction with the smallest denominator among those that round to the float x: 0.1 -> 1/10.

    >>> simplest(1 / 3)
    mpq(1,3)
    """
    if x == int(x):
        return mpq(int(x))
    if x < 0:
        return -simplest(-x)
    below, above = mpq(math.nextafter(x, 0)), mpq(math.nextafter(x, math.inf))
    return _simplest_between((below + mpq(x)) / 2, (mpq(x) + above) / 2)


def _simplest_between(low: Any, high: Any) -> Any:
    """The fraction with the smallest denominator strictly between 0 <= low and high, by continued fractions."""
    whole = math.floor(low)
    if high is None or whole + 1 < high:  # None stands for infinity
        return mpq(whole + 1)
    return whole + 1 / _simplest_between(1 / (high - whole), 1 / (low - whole) if low != whole else None)


def nearest(x: Any) -> float:
    """The float nearest to a fraction, an infinity beyond the largest."""
    try:
        return float(x)  # correctly rounded
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def rational_power(x: Any, n: Any) -> Any:
    """x**n of fractions: the whole part of n is repeated multiplication, the rest an atom, so x**1.5 = x * sqrt(x)."""
    whole = math.floor(n)
    rest = n - whole
    if abs(whole) * (max(abs(x.numerator), x.denominator).bit_length() - 1) > _BITS:
        raise OverflowError(f"({x}) ** ({n}) has too many digits")
    if not rest:
        return x**whole
    if x < 0:
        raise ValueError(f"({x}) ** ({n}) is no real number")
    root = math.sqrt(x) if rest == mpq(1, 2) else float(x) ** float(rest)
    return x**whole * mpq(root)


def power_by_parts(x: Any, n: Any, whole_power: Callable[[int], Any], rest_power: Callable[[Any], Any]) -> Any:
    """x**n in an algebra that knows whole powers: what is left of n is a square root or an atom, as above."""
    n = meant(n)
    whole = math.floor(n)
    rest = n - whole
    power = whole_power(int(whole))
    if not rest:
        return power
    return power * (x.sqrt() if rest == mpq(1, 2) else rest_power(rest))

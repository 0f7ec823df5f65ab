"""The special functions that neither `math` nor gmpy2 has, for floats and for floats of any length.

Each is a series or an iteration that is true to the last digits of the numbers it is given: Python's floats, or gmpy2's
`mpfr` inside of a context. M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), chapters 6, 7, 9.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from autograd import late

gmpy2 = late.module("gmpy2")
_FLOAT_BITS = 53


@functools.cache
def _weights(order: int, count: int) -> list[Any]:
    """B_2k (2k + order - 1)! / (2k)! for k = 1, 2, ...: Bernoulli numbers by tangent numbers (Brent, Harvey)."""
    tangents = [math.factorial(k) for k in range(count)]
    for k in range(1, count):
        for j in range(k, count):
            tangents[j] = (j - k) * tangents[j - 1] + (j - k + 2) * tangents[j]
    weights = []
    for k, tangent in enumerate(tangents, 1):
        bernoulli = gmpy2.mpq((-1) ** (k + 1) * 2 * k * tangent, 4**k * (4**k - 1))
        weights.append(bernoulli * math.factorial(2 * k + order - 1) / math.factorial(2 * k))
    return weights


def polygamma(order: int, x: Any, bits: int = _FLOAT_BITS) -> Any:
    """The derivative of this order of the digamma function, by the recurrence and the asymptotic series.

    >>> abs(polygamma(0, 1.0) + 0.5772156649015329) < 1e-15, abs(polygamma(1, 1.0) - math.pi**2 / 6) < 1e-15
    (True, True)

    nan at 0 and at negative whole numbers.
    """
    if not gmpy2.is_finite(x) or (x <= 0 and x == math.floor(x)):
        return math.nan if not x > 0 else math.inf if order == 0 else 0.0
    small, total = 10 + bits // 6, 0 * x  # the terms of the series go down to exp(-2 pi x)
    while x < small:
        total += 1 / x ** (order + 1)
        x += 1
    if order == 0:
        series = 1 / (2 * x) - (gmpy2.log(x) if bits > _FLOAT_BITS else math.log(x))
    else:
        series = (math.factorial(order - 1) + math.factorial(order) / (2 * x)) / x**order
    least, power = abs(series) / (2.0**bits if bits == _FLOAT_BITS else gmpy2.exp2(bits)), x ** (order + 2)
    for weight in _weights(order, 24 if bits == _FLOAT_BITS else bits // 4):
        term = (float(weight) if bits == _FLOAT_BITS else weight) / power
        series += term
        if abs(term) <= least:
            break
        power *= x * x
    found = series + math.factorial(order) * total
    return found if order % 2 else -found


def bessel(order: int, x: Any, bits: int = _FLOAT_BITS) -> Any:
    """The modified Bessel functions I_0 and I_1 by their power series, whose terms are all of one sign.

    >>> abs(bessel(0, 1.0) - 1.2660658777520084) < 1e-15, abs(bessel(1, -1.0) + 0.5651591039924851) < 1e-15
    (True, True)
    """
    k, square, divisor = 0, x * x / 4, 2 ** (bits + 4)
    term = total = x / 2 if order else x * 0 + 1
    while term and abs(term) > abs(total) / divisor and gmpy2.is_finite(total):
        k += 1
        term = term * square / (k * (k + order))
        total += term
    return total


def log_ndtr(x: float) -> float:
    """The logarithm of the normal distribution function, also far out where the function itself is 0.

    >>> round(log_ndtr(-40.0), 12)
    -804.608442013754
    """
    if x > -5:
        tail = math.erfc(abs(x) / math.sqrt(2)) / 2
        return math.log1p(-tail) if x > 0 else math.log(tail)
    fraction = x * x + 1.0  # a continued fraction of Mills' ratio, from behind
    for k in range(100, 0, -1):
        fraction = -x + k / fraction
    return -x * x / 2 - math.log(2 * math.pi) / 2 - math.log(fraction)


def _newton(x: Any, f: Callable[[Any], Any], slope: Callable[[Any], Any], steps: int) -> Any:
    for _ in range(steps):
        x = x - f(x) / slope(x)
    return x


def _in_the_tail(q: float) -> float:
    """x with erfc(x) = q, to three digits: A&S 26.2.23."""
    t = math.sqrt(-2 * math.log(q / 2))
    ratio = (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    return (t - ratio) / math.sqrt(2)


def erfinv(y: Any, bits: int = _FLOAT_BITS) -> Any:
    """The inverse of erf, by Newton's method.

    >>> abs(math.erf(erfinv(0.3)) - 0.3) < 1e-16, erfinv(1.0)
    (True, inf)
    """
    if not abs(y) < 1:
        return y * math.inf if abs(y) == 1 else y * math.nan
    if abs(y) <= 0.5:
        erf, pi = (gmpy2.erf, gmpy2.const_pi()) if bits > _FLOAT_BITS else (math.erf, math.pi)
        x = y * (1 + y * y * math.pi / 12) * math.sqrt(math.pi) / 2
        return _newton(x, lambda x: erf(x) - y, lambda x: 2 * _bell(x, pi, bits), 5 + _doublings(bits))
    found = erfcinv(1 - abs(y), bits)
    return found if y > 0 else -found


def erfcinv(q: Any, bits: int = _FLOAT_BITS) -> Any:
    """The inverse of erfc, by Newton's method on its logarithm."""
    if not 0 < q < 2:
        return math.inf if q == 0 else -math.inf if q == 2 else math.nan
    if abs(q - 1) <= 0.5:
        return erfinv(1 - q, bits)
    if q > 1:
        return -erfcinv(2 - q, bits)
    long = bits > _FLOAT_BITS
    erfc, log, pi = (gmpy2.erfc, gmpy2.log, gmpy2.const_pi()) if long else (math.erfc, math.log, math.pi)
    x = q * 0 + (_in_the_tail(float(q)) if float(q) else 27.0)
    return _newton(x, lambda x: log(erfc(x) / q), lambda x: -2 * _bell(x, pi, bits) / erfc(x), 4 + _doublings(bits))


def _bell(x: Any, pi: Any, bits: int) -> Any:
    """exp(-x^2) / sqrt(pi)."""
    return gmpy2.exp(-x * x) / gmpy2.sqrt(pi) if bits > _FLOAT_BITS else math.exp(-x * x) / math.sqrt(pi)


def _doublings(bits: int) -> int:
    """How many steps of Newton's method lead from the digits of a float to so many."""
    return max(0, math.ceil(math.log2(bits / _FLOAT_BITS))) + 1 if bits > _FLOAT_BITS else 0


def _or(at_a_pole: float, function: Callable[[float], float]) -> Callable[[float], float]:
    """The function of `math` where NumPy answers with inf or nan instead of an error."""

    def value(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError):
            return math.inf if math.isinf(x) and x < 0 and at_a_pole == math.inf else at_a_pole

    return value


def _polygamma_or_pole(order: int, x: float) -> float:
    """Infinite where the powers of a float overflow, 0 where they vanish."""
    try:
        return float(polygamma(order, float(x)))
    except ZeroDivisionError:  # beside 0
        return math.inf if order % 2 else -math.inf
    except OverflowError:  # far out
        return math.log(x) if order == 0 else 0.0


IN_FLOATS: dict[str, Callable[[float], float]] = {
    "gammaln": _or(math.inf, math.lgamma),
    "gamma": _or(math.nan, math.gamma),
    **{
        name: functools.partial(_polygamma_or_pole, order)
        for order, name in enumerate(("digamma", "trigamma", "tetragamma", "pentagamma", "hexagamma"))
    },
    "erfc": math.erfc,
    "erfinv": lambda x: erfinv(float(x)),
    "ndtr": lambda x: math.erfc(-x / math.sqrt(2)) / 2,
    "log_ndtr": log_ndtr,
    "ndtri": lambda p: -math.sqrt(2) * erfcinv(2 * float(p)),
    "i0": lambda x: bessel(0, float(x)),
    "i1": lambda x: bessel(1, float(x)),
}


def in_long_floats(name: str, x: Any, context: Any) -> Any:
    """One of these functions of an `mpfr`, to the bits of a context.

    >>> context = gmpy2.context(precision=200)
    >>> x = in_long_floats("ndtri", gmpy2.mpfr("0.975", 200), context)
    >>> f"{x:.30f}"
    '1.959963984540054235524594430521'
    """
    bits = context.precision
    with gmpy2.context(context):
        match name:
            case "gammaln":
                return gmpy2.lgamma(x)[0]
            case "gamma" | "digamma" | "erfc":
                return getattr(gmpy2, name)(x)
            case "trigamma" | "tetragamma" | "pentagamma" | "hexagamma":
                order = ("trigamma", "tetragamma", "pentagamma", "hexagamma").index(name) + 1
                return polygamma(order, x, bits)
            case "erfinv":
                return erfinv(x, bits)
            case "ndtr":
                return gmpy2.erfc(-x / gmpy2.sqrt(gmpy2.mpfr(2))) / 2
            case "log_ndtr":
                tail = gmpy2.erfc(abs(x) / gmpy2.sqrt(gmpy2.mpfr(2))) / 2
                return gmpy2.log1p(-tail) if x > 0 else gmpy2.log(tail)
            case "ndtri":
                return -gmpy2.sqrt(gmpy2.mpfr(2)) * erfcinv(2 * x, bits)
        return bessel(int(name == "i1"), x, bits)

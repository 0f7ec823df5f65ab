"""The arithmetics that a check can run in, and what agreement in each of them is worth.

A check is run by handing the same code numbers of another type. `variable` makes numbers of the things that a proof is
to hold for (parameters, inputs); `given` makes numbers of the data that stay as they are (targets).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Exact
from autograd.number.degree import Degree
from autograd.number.expression import Expression
from autograd.number.number import Number, plain
from autograd.number.precise import Precise
from autograd.number.residue import PRIME, Residue
from autograd.number.rounded import Rounded

Array = NDArray[Any]

#: the names that `arithmetic=` takes
NAMES = ("residue", "exact", "precise", "float64", "symbolic")


class Arithmetic(NamedTuple):
    """A type of number: `variable(name, x)` and `given(x)` make one of a float; the name is that of the entry."""

    name: str
    variable: Callable[[str, float], Any]
    given: Callable[[float], Any]

    def variables(self, array: Array, name: str) -> Array:
        """The array as numbers that may be anything, each called `name[i, j]`."""
        return _convert(array, lambda index, x: self.variable(f"{name}[{', '.join(map(str, index))}]", x))

    def constants(self, array: Array) -> Array:
        """The array as the numbers that it holds."""
        return _convert(array, lambda index, x: self.given(x))


def _convert(array: Array, number: Callable[[Any, Any], Any]) -> Array:
    result = np.empty(array.shape, object)
    for index, x in np.ndenumerate(array):
        result[index] = number(index, x)
    return result


def _one_type(name: str, kind: Callable[[Any], Any]) -> Arithmetic:
    return Arithmetic(name, lambda _, x: kind(x), kind)


EXACT_NUMBERS, ROUNDED = _one_type("fractions", Exact), _one_type("rounding bounds", Rounded)
DEGREES = Arithmetic("degrees", lambda _, x: Degree.variable(x), Degree)
SYMBOLS = Arithmetic("expressions", Expression.symbol, Expression)


def residues(rng: np.random.Generator) -> Arithmetic:
    """Residues at a random point."""
    return Arithmetic("residues at a random point", lambda _, x: Residue.random(x, rng), Residue)


def precise(bits: int) -> Arithmetic:
    """Floats of so many bits."""
    return _one_type(f"floats of {bits} bits", Precise.with_bits(bits))


def same(ours: Any, theirs: Array) -> Array:
    """Entry by entry, whether two arrays hold the same numbers; an array of another shape holds none of them."""
    if ours is None or np.shape(ours) != theirs.shape:
        return np.zeros(theirs.shape, bool)
    pairs = zip(np.asarray(ours).flat, theirs.flat, strict=True)
    return np.array([_same(x, y) for x, y in pairs], bool).reshape(theirs.shape)


def _same(x: Any, y: Any) -> bool:
    if isinstance(x, Residue) or isinstance(y, Residue):
        x, y = _as_residue(x), _as_residue(y)
        return x is not None and y is not None and x.same(y)
    return bool(x == y)


def _as_residue(x: Any) -> Residue | None:
    number = None if isinstance(x, Residue) else plain(x)
    if number is None:
        return x if isinstance(x, Residue) else None
    return Residue.of(Residue.lift(number)) if np.isfinite(float(number)) else None


def digits(ours: Any, theirs: Array) -> Array:
    """Entry by entry, to how many decimal digits two arrays of `Precise` numbers agree; inf where they are equal."""
    if ours is None or np.shape(ours) != theirs.shape:
        return np.zeros(theirs.shape)
    pairs = zip(np.asarray(ours).flat, theirs.flat, strict=True)
    return np.array([_digits(x, y) for x, y in pairs]).reshape(theirs.shape)


def _digits(x: Any, y: Any) -> float:
    try:
        return _common_digits(x, y)
    except TypeError:  # not numbers at all
        return 0.0


def _common_digits(x: Any, y: Any) -> float:
    difference, size = abs(x - y), max(abs(x), abs(y))
    if difference == 0:
        return np.inf
    if not isinstance(difference, Number) or not isinstance(size, Number):  # one of them is inf or nan
        return 0.0
    common = -float((difference / size).log().raw) / float(np.log(10))
    return max(0.0, common) if np.isfinite(common) else 0.0


def chance_of_error(pairs: Iterable[tuple[Array, Array]], points: int) -> float:
    """How likely different formulas are to agree at so many random points: a bound, from the degrees of both sides.

    `pairs` are the arrays of both sides computed on `Degree` numbers, after `Degree.arguments` was cleared. At a point
    two different rational functions n1/d1 and n2/d2 agree with a chance of at most deg(n1 d2 - n2 d1) / p
    (Schwartz-Zippel), and two different arguments of a transcendental function are taken for one with a chance of at
    most their degree / p. The points are independent, so the chances multiply; so does the number of entries.
    """
    degree, entries = 0, 0
    for ours, theirs in pairs:
        entries += theirs.size
        if ours is None or np.shape(ours) != theirs.shape:
            continue  # nothing to mistake for equal
        for x, y in zip(np.asarray(ours).flat, theirs.flat, strict=True):
            (n1, d1), (n2, d2) = _degrees(x), _degrees(y)
            degree = max(degree, n1 + d2, n2 + d1)
    arguments = Degree.arguments
    confusions = len(arguments) ** 2 * max(arguments, default=0)
    return entries * min(1.0, (degree + confusions) / PRIME) ** points


def _degrees(x: Any) -> tuple[int, int]:
    return x.content if isinstance(x, Degree) else (0, 0)

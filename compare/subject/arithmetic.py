"""The arithmetics that a check can run in, and what agreement in each of them is worth.

A check is run by handing the same code numbers of another type. `variable` makes numbers of the things that a proof is
to hold for (parameters, inputs); `given` makes numbers of the data that stay as they are (targets).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Exact
from autograd.number.degree import Atoms, Degree
from autograd.number.expression import Expression
from autograd.number.number import Number
from autograd.number.precise import Precise
from autograd.number.rational import plain
from autograd.number.residue import Residue
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
SYMBOLS = Arithmetic("expressions", Expression.symbol, Expression)


def residues(rng: np.random.Generator) -> Arithmetic:
    """Residues at a random point."""
    return Arithmetic("residues at a random point", lambda _, x: Residue.random(x, rng), Residue)


def degrees(atoms: list[Atoms]) -> Arithmetic:
    """Degrees; what elementary functions give in this run is put down in the list."""
    kind = Degree.collecting(atoms)
    return Arithmetic("degrees", lambda _, x: kind.variable(x), kind)


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

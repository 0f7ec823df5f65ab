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
from autograd.number.residue import Residue
from autograd.number.rounded import Perturbed, Rounded
from autograd.tape.blocks import GIVEN, VARIABLE

Array = NDArray[Any]


class Arithmetic(NamedTuple):
    """A type of number: `variable(name, x)` and `given(x)` make one of a float; the name is that of the entry."""

    name: str
    variable: Callable[[str, float], Any]
    given: Callable[[float], Any]
    kind: type[Number] | None = None

    def variables(self, array: Array, name: str) -> Array:
        """The array as numbers that may be anything, each called `name[i, j]`."""
        return _convert(array, lambda index, x: self.variable(f"{name}[{', '.join(map(str, index))}]", x))

    def constants(self, array: Array) -> Array:
        """The array as the numbers that it holds."""
        return _convert(array, lambda index, x: self.given(x))

    def leaf(self, kind: str, name: str, array: Array) -> Array:
        """The numbers of a leaf of a tape."""
        if kind == VARIABLE:
            return self.variables(array, name)
        if kind == GIVEN or self.kind is None:
            return self.constants(array)
        beside = self.kind.beside
        return _convert(array, lambda _, x: beside(x.item() if isinstance(x, np.generic) else x))


def _convert(array: Array, number: Callable[[Any, Any], Any]) -> Array:
    result = np.empty(array.shape, object)
    for index, x in np.ndenumerate(array):
        result[index] = number(index, x)
    return result


def _one_type(name: str, kind: type[Exact] | type[Rounded] | type[Precise]) -> Arithmetic:
    return Arithmetic(name, lambda _, x: kind(x), kind, kind)


EXACT_NUMBERS, ROUNDED = _one_type("fractions", Exact), _one_type("rounding bounds", Rounded)
OF_THE_DATA = Arithmetic("rounding of the data", lambda _, x: Perturbed(x), Perturbed.data, Perturbed)
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

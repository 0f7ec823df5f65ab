"""How likely it is that formulas which agreed at random points are different ones, worked out in one place.

At a point two different rational functions n1/d1 and n2/d2 agree with a chance of at most deg(n1 d2 - n2 d1) / p for
a prime p (Schwartz-Zippel lemma, see `autograd.number.residue`). The points are independent, so the chances multiply.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from autograd.number.degree import Atoms, Degree, Degrees
from autograd.number.modulo import PRIMES
from autograd.number.residue import Residue, ResidueArray

CHANCE = 1e-12  # random points are added until the chance of a false agreement is below
MOST_POINTS, FEW_POINTS = 20, 4


def chance_of_error(
    sides: Iterable[tuple[Any, Any]],
    atoms: Iterable[Atoms],
    points: int,
    numbers: type[Residue] | type[ResidueArray],
) -> float:
    """A bound on the chance that different formulas agree at so many random points.

    `sides` are the arrays of both sides, a `ResidueArray` each or an array of `Degree` numbers; `atoms` are the results
    of elementary functions met on the way; `numbers` is the type of residues that is compared. Two different arguments
    of a function may be taken for one where their residues are the same. A `Residue` is known by itself at each point;
    in a `ResidueArray` an argument is known by its residues at all points together, and their hash has 64 bits.
    """
    degree, entries = 0, 0  # the largest degree; how many entries are compared
    for ours, theirs in sides:
        entries += theirs.size
        if np.shape(ours) == theirs.shape:  # else there is nothing to mistake for equal
            for (n1, d1), (n2, d2) in _degrees(ours, theirs):
                degree = max(degree, n1 + d2, n2 + d1)
    counts, argument = Counter[str](), 0
    for name, size, of_argument in atoms:
        counts[name] += size
        argument = max(argument, of_argument)
    pairs = sum(n * n for n in counts.values()) / 2
    confused = min(2 * argument, numbers.prime) / numbers.prime  # a pair of them, at one point
    together = issubclass(numbers, ResidueArray)
    at_a_point = min(degree, numbers.prime) / numbers.prime + pairs * (2.0**-64 if together else confused)
    chance = entries * min(1.0, at_a_point) ** points + (pairs * confused**points if together else 0.0)
    return float(min(chance, 1.0))


def enough_points(sides: Sequence[tuple[Any, Any]], atoms: Sequence[Atoms], least: int = 2) -> tuple[int, float]:
    """How many random points of a `ResidueArray`, `least` or more, make a false agreement unlikely enough; its chance.

    Where the degrees are beyond what any number of points could help against, it is a few.
    """
    for points in range(least, MOST_POINTS + 1):
        chance = chance_of_error(sides, atoms, points, ResidueArray)
        if chance <= CHANCE or (chance == 1 and points >= FEW_POINTS):
            break
    return points, chance


def evidence_of(scope: str, points: int, numbers: type[Residue] | type[ResidueArray], seed: int, chance: float) -> str:
    """What a proof by residues rests on."""
    primes = PRIMES[:points] if issubclass(numbers, ResidueArray) else (numbers.prime,)
    modulo = " and ".join(map(_power, primes)) if len(primes) < 3 else "another prime below 2^31 at each"
    return (
        f"proved: the same rational functions of {scope}. Checked at {points} random points modulo {modulo} (seed"
        f" {seed}); the chance that different formulas would agree is below {max(chance, 1e-99):.0e}"
        " (Schwartz-Zippel lemma)."
    )


def _power(prime: int) -> str:
    """2^31 - 1"""
    bits = prime.bit_length()
    return f"2^{bits} - {2**bits - prime}"


def _degrees(ours: Any, theirs: Any) -> Iterator[tuple[Degrees, Degrees]]:
    """Those of both sides: one bound for all entries, or those of each; plain numbers have none."""
    if isinstance(theirs, ResidueArray):
        yield getattr(ours, "degree", (0, 0)), theirs.degree
        return
    for x, y in zip(np.asarray(ours).flat, theirs.flat, strict=True):
        yield x.content if isinstance(x, Degree) else (0, 0), y.content if isinstance(y, Degree) else (0, 0)

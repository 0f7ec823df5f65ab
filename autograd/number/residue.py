"""`Residue`, integers modulo a prime: identities of rational functions tested at random points.

Let two formulas be different rational functions of degree d at most. At a point drawn at random modulo a prime p they
agree with a chance of at most d / p (the Schwartz-Zippel lemma: J. T. Schwartz, "Fast probabilistic algorithms for
verification of polynomial identities", J. ACM 27 (1980), 701-717). With p near 2**61 agreement at a point or two is as
good as a proof, and costs little more than arithmetic on ints.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any, ClassVar

import numpy as np

from autograd.number.shadowed import Shadowed

PRIME = 2**61 - 1


class ZeroResidue(ZeroDivisionError):
    """Raised by a division whose divisor happens to be 0 modulo the prime: an unlucky point, draw another."""


def _inverse(x: int) -> int:
    if not x:
        raise ZeroResidue("division by a number that is 0 modulo the prime at this random point: draw another point")
    return pow(x, -1, PRIME)


@functools.lru_cache(maxsize=1 << 16)
def _rational(numerator: int, denominator: int) -> int:
    return numerator * _inverse(denominator % PRIME) % PRIME


class Residue(Shadowed):
    """An integer modulo 2**61 - 1 beside the float that it stands for.

    >>> third = Residue(1) / 3
    >>> third * 3 == 1, third.content
    (True, 1537228672809129301)
    >>> rng = np.random.default_rng(0)
    >>> x = Residue.random(0.5, rng)                    # any residue; comparisons see 0.5
    >>> x > 0, ((x + 1) ** 2).same(x**2 + 2 * x + 1)
    (True, True)

    `Residue(number)` is the residue of that rational number (a float enters exactly); `Residue.random` draws one. The
    algebra is that of the residues; comparisons ask the floats; `same` compares residues. An elementary function is an
    atom: a residue that looks random and is the same for the same argument. Raises ZeroResidue for an unlucky division.
    """

    __slots__ = ()
    ALGEBRA: ClassVar = {
        "add": lambda x, y: (x + y) % PRIME,
        "sub": lambda x, y: (x - y) % PRIME,
        "mul": lambda x, y: x * y % PRIME,
        "truediv": lambda x, y: x * _inverse(y) % PRIME,
    }

    @classmethod
    def random(cls, x: float, rng: np.random.Generator) -> Residue:
        """A residue drawn at random that stands for the float x."""
        return cls.of((int(rng.integers(PRIME)), float(x)))

    @classmethod
    def rational(cls, x: Any) -> int:
        return _rational(int(x.numerator), int(x.denominator))

    @classmethod
    def whole_power(cls, content: int, n: int) -> int:
        return pow(content if n >= 0 else _inverse(content), abs(n), PRIME)

    @classmethod
    def atom(cls, name: str, *contents: int) -> int:
        """The same for the same name and arguments, and otherwise as good as random: a hash."""
        text = f"{name} {' '.join(map(str, contents))}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big") % PRIME

    def same(self, other: Any) -> bool:
        """Whether this is the same residue as another number."""
        other = other if isinstance(other, Residue) else Residue.of(self.lift(other))
        return bool(self.content == other.content)

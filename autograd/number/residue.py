"""`Residue` and `ResidueArray`, integers modulo a prime: identities of rational functions tested at random points.

Let two formulas be different rational functions of degree d at most. At a point drawn at random modulo a prime p they
agree with a chance of at most d / p (the Schwartz-Zippel lemma: J. T. Schwartz, "Fast probabilistic algorithms for
verification of polynomial identities", J. ACM 27 (1980), 701-717). With p near 2**61 agreement at a point or two is as
good as a proof, and costs little more than arithmetic on ints.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from gmpy2 import invert

from autograd.number.array import Array, NumberArray
from autograd.number.degree import CONSTANT, VARIABLE, Atoms, Bound, Degrees
from autograd.number.functions import choose
from autograd.number.laws import KNOWN, WRITTEN, Laws
from autograd.number.modulo import (
    LEAST,
    MODULO,
    PRIME,
    PRIMES,
    lanes_of,
    mixed,
    powers_of_2,
    product_modulo,
    seeds_of,
)
from autograd.number.rational import meant
from autograd.number.shadowed import Shadowed
from autograd.number.vocabulary import Refused


class ZeroResidue(ZeroDivisionError):
    """Raised by a division whose divisor happens to be 0 modulo the prime: an unlucky point, draw another."""


_UNLUCKY = "division by a number that is 0 modulo the prime at this random point: draw another point"


def _inverse(x: int, prime: int) -> int:
    """1 / x; raises ZeroResidue for 0."""
    try:
        return int(invert(x, prime))
    except ZeroDivisionError:
        raise ZeroResidue(_UNLUCKY) from None


@functools.lru_cache(maxsize=1 << 16)
def _rational(numerator: int, denominator: int, prime: int) -> int:
    """A fraction modulo the prime."""
    return numerator * _inverse(denominator % prime, prime) % prime


@functools.lru_cache(maxsize=1 << 12)
def _residues(x: float, points: int) -> list[int]:
    """The number that one of code means, at so many points."""
    number = meant(x)
    return [_rational(int(number.numerator), int(number.denominator), prime) for prime in PRIMES[:points]]


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
    prime: ClassVar[int] = PRIME
    ALGEBRA: ClassVar = {
        "add": lambda x, y: (x + y) % PRIME,
        "subtract": lambda x, y: (x - y) % PRIME,
        "multiply": lambda x, y: x * y % PRIME,
        "divide": lambda x, y: x * _inverse(y, PRIME) % PRIME,
    }

    @classmethod
    def random(cls, x: float, rng: np.random.Generator) -> Residue:
        """A residue drawn at random that stands for the float x."""
        return cls.of((int(rng.integers(PRIME)), float(x)))

    @classmethod
    def rational(cls, x: Any) -> int:
        return _rational(int(x.numerator), int(x.denominator), PRIME)

    @classmethod
    def whole_power(cls, content: int, n: int) -> int:
        return pow(content if n >= 0 else _inverse(content, PRIME), abs(n), PRIME)

    @classmethod
    def atom(cls, name: str, *contents: int) -> int:
        """The same for the same name and arguments, and otherwise as good as random: a hash."""
        text = f"{name} {' '.join(map(str, contents))}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=16).digest(), "big") % PRIME

    @classmethod
    def undefined(cls, name: str, x: Any, y: Any) -> Any:
        """An atom, where the divisor is 0 in floats as well; raises ZeroResidue where it only happens to be 0."""
        x, y = (z if isinstance(z, Residue) else cls.of(cls.lift(z)) for z in (x, y))
        divisor = y if name == "divide" else x
        if divisor.content or divisor.shadow():
            _inverse(0, cls.prime)
        return cls.of((cls.atom(name, x.content, y.content), super().undefined(name, x, y)))

    def same(self, other: Any) -> bool:
        """Whether this is the same residue as another number."""
        other = other if isinstance(other, Residue) else Residue.of(self.lift(other))
        return bool(self.content == other.content)


class ResidueArray(NumberArray):
    """Residues at several random points at once, one lane for each point, modulo a prime of its own just below 2**31.

    >>> rng = np.random.default_rng(0)
    >>> x = ResidueArray.random(np.array([0.5, -2.0]), points=2, rng=rng)     # any residues; comparisons see 0.5, -2
    >>> ((x + 1) ** 2).same(x**2 + 2 * x + 1), x > 0
    (array([ True,  True]), array([ True, False]))

    An elementary function is an atom: residues that look random and are the same for the same argument, which is known
    by its residues at all points together. One `bound` on the degrees of all entries goes along, as `degree`:

    >>> (x * x + 1).degree, (1 / x).degree, np.sum(1 / x).degree
    ((2, 0), (0, 1), (1, 2))

    Raises ZeroResidue for an unlucky division.
    """

    __slots__ = ("bound",)
    called = "residues"
    prime: ClassVar[int] = PRIMES[-1]  # the smallest, for chances
    atoms: ClassVar[list[Atoms] | None] = None

    def __init__(self, shadow: Any, lanes: Sequence[Any] = (), bound: Bound = CONSTANT) -> None:
        super().__init__(shadow, lanes)
        self.bound = bound

    @property
    def degree(self) -> Degrees:
        """The degrees of numerator and denominator."""
        return self.bound.degrees

    @classmethod
    def collecting(cls) -> type[Self]:
        """The type of the arrays of one run, which puts down its elementary functions.

        >>> numbers = ResidueArray.collecting()
        >>> x = numbers.random(np.ones((2, 3)), 1, np.random.default_rng(0))
        >>> np.exp(x / (x + 1)).degree, numbers.met()
        ((1, 0), [Atoms(name='exp', size=6, degree=2)])
        """
        return cls._of_a_run()

    @classmethod
    def _of_a_run(cls, **kept: Any) -> type[Self]:
        return type(cls.__name__, (cls,), {"__slots__": (), "atoms": [], **kept})

    @classmethod
    def met(cls) -> list[Atoms]:
        """What the run took for new numbers: two of them may have been taken for one by mistake."""
        return list(cls.atoms or ())

    @classmethod
    def beside_infinite(cls) -> type[ExtendedResidueArray]:
        """The type of the same run that has room for infinite numbers."""
        return ExtendedResidueArray._of_a_run(atoms=cls.atoms)

    @classmethod
    def random(cls, shadow: Any, points: int, rng: np.random.Generator) -> Self:
        """Residues drawn at random that stand for these floats."""
        shape = np.shape(shadow)  # of 64 random bits the residues are even to a part of 2**-33
        drawn = rng.bit_generator.random_raw(points * math.prod(shape)).reshape(points, *shape)
        return cls(shadow, lanes_of(drawn), VARIABLE)

    @classmethod
    def given(cls, numbers: Any, points: int) -> Self:
        """Floats (or ints) as they are: each is a whole number times a power of 2."""
        if np.asarray(numbers).dtype.kind in "biu":
            return cls(numbers, [(np.asarray(numbers) % prime).astype(np.int64) for prime in PRIMES[:points]])
        mantissa, exponent = np.frexp(np.asarray(numbers, float))
        whole, exponent = (mantissa * 2.0**53).astype(np.int64), exponent.astype(np.int64)
        lanes = [whole % prime * powers_of_2(prime)[exponent - LEAST] % prime for prime in PRIMES[:points]]
        return cls(numbers, lanes)

    def constant(self, x: Any) -> Self:
        if type(x) is int or (type(x) is float and math.isfinite(x)):
            return type(self)(x, [np.array(residue) for residue in _residues(x, len(self.lanes))])
        x, primes = np.asarray(x), PRIMES[: len(self.lanes)]
        if x.dtype.kind not in "biufO":
            raise Refused(f"residues beside an array of {x.dtype}")
        if x.dtype.kind in "bi" or (x.dtype.kind == "f" and np.all(np.trunc(x) == x) and np.all(abs(x) < 2.0**53)):
            whole = x.astype(np.int64)
            lanes = [np.asarray(whole % prime) for prime in primes]
        else:
            unique, places = np.unique(x, return_inverse=True)
            if x.dtype.kind == "f" and not np.all(np.isfinite(unique)):
                raise Refused("no residue stands for inf or nan")
            numbers = [(int(u.numerator), int(u.denominator)) for u in map(meant, unique)]
            residues = ([_rational(*number, prime) for number in numbers] for prime in primes)
            lanes = [np.array(lane, np.int64)[places].reshape(x.shape) for lane in residues]
        return type(self)(x.astype(float), lanes)

    def made(self, contents: list[Any], sources: Sequence[Any]) -> Self:
        bound = functools.reduce(Bound.either, [x.bound for x in sources])
        return type(self)(contents[0], contents[1:], bound)

    def __setitem__(self, index: Any, other: Any) -> None:
        super().__setitem__(index, other)
        self.bound = self.bound.either(self.as_one(other).bound)

    def same(self, other: Any) -> Array:
        """Entry by entry, whether these are the same residues at every point."""
        other = self.as_one(other)
        same: Array = np.logical_and.reduce([x == y for x, y in zip(self.lanes, other.lanes, strict=True)])
        return same

    def _each(self, function: Callable[..., Any], shadow: Array, bound: Bound, *arrays: Any) -> Self:
        """A function of the lanes of these arrays and of the prime that they are taken modulo."""
        lanes = zip(*(x.lanes for x in arrays), PRIMES, strict=False)
        return type(self)(shadow, [np.asarray(function(*parts)) for parts in lanes], bound)

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        if name == "divide" and not y.shadow.all():
            nothing = np.logical_and.reduce([y.shadow == 0, *(lane == 0 for lane in y.lanes)])
            if nothing.any():  # an atom, as code may compute it and not use it
                divisor = type(self)(y.shadow, [np.where(nothing, 1, lane) for lane in y.lanes], y.bound)
                found: Self = choose(
                    nothing, self._atom(name, [x, y], shadow), self._arithmetic(name, x, divisor, shadow)
                )
                return found
        try:
            return self._each(MODULO[name], shadow, _BOUNDS[name](x.bound, y.bound, y.size), x, y)
        except ZeroDivisionError:
            raise ZeroResidue(_UNLUCKY) from None

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        """A hash (the finalizer of splitmix64, keyed by the name) of the residues at all points."""
        if self.atoms is not None:
            self.atoms.append(Atoms(name, shadow.size, max(sum(x.degree) for x in arguments)))
        h = np.empty((len(self.lanes), *shadow.shape), np.uint64)
        h.T[:] = seeds_of(name)[: len(self.lanes)]
        lanes = [lane for argument in arguments for lane in argument.lanes]
        for pair in (lanes[k : k + 2] for k in range(0, len(lanes), 2)):  # of 31 bits each
            h = mixed(h + (pair[0] << 31 | pair[1] if len(pair) == 2 else pair[0]).view(np.uint64))
        return type(self)(shadow, lanes_of(h), VARIABLE)

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        return self._each(product_modulo, shadow, x.bound.times(y.bound).total(x.shape[1]), x, y)

    def _total(self, axes: tuple[int, ...], shadow: Array) -> Self:
        def total(lane: Array, prime: int) -> Array:
            return np.add.reduce(lane, axis=axes) % prime  # type: ignore[no-any-return]

        return self._each(total, shadow, self.bound.total(self.size // max(shadow.size, 1)), self)


class KnowingResidueArray(ResidueArray):
    """Residues of a run in which roots can be squared, and exponentials and logarithms obey their laws.

    >>> x, z = np.array([0.5, 2.0]), np.array([3.0, 4.0])
    >>> numbers, rng = KnowingResidueArray.collecting(), np.random.default_rng(0)
    >>> z = numbers.random(z, 2, rng)
    >>> (1 / (1 + np.exp(-z))).same(np.exp(z - np.log(1 + np.exp(z))))
    array([ True,  True])
    >>> v = numbers.random(x, 2, rng).squares(np.array([True, False]))
    >>> root = np.sqrt(v)
    >>> (root * root).same(v), (root * v).same(v**1.5)
    (array([ True, False]), array([ True,  True]))

    A radicand v becomes the square of a random root. That is the run of a program in which a free number is added to v;
    what holds for all of them holds where it is 0.
    """

    __slots__ = ()
    laws: ClassVar[Laws]
    meant: ClassVar[Array]  # the radicands so far, by their keys, in order
    radicands: ClassVar[Array]  # and what they became, by their keys, in order
    roots: ClassVar[list[Array]]  # of each of those, lane by lane

    @classmethod
    def collecting(cls, vanishing: bool = False) -> type[Self]:
        """The type of the numbers of one run; `vanishing` if exp(-1e9) of a mask is 0, as it is in floats."""
        nothing, laws = np.array([-1]), Laws(PRIMES, vanishing)  # -1 is no key: there is always one to compare with
        kept = {"meant": nothing, "radicands": nothing, "roots": [nothing] * len(PRIMES)}
        return cls._of_a_run(laws=laws, **kept)

    @classmethod
    def met(cls) -> list[Atoms]:
        most = 2 * cls.laws.degree  # of what is compared: differences of up to four arguments
        return [*super().met(), Atoms("law", 2 + math.isqrt(2 * cls.laws.tests), most)]

    def squares(self, under_a_root: Array) -> Self:
        """The same, where these entries, and others that are as radicands before, are the squares of random roots."""
        cls, keys = type(self), self._keys()
        if under_a_root.any():
            cls.meant = np.union1d(cls.meant, keys[under_a_root])
        here = cls.meant[_places(keys, cls.meant)] == keys
        if not here.any():
            return self
        root = super()._atom("root", [self], self.shadow)
        found: Self = choose(here, root * root, self)
        found.shadow = self.shadow
        known = np.append(cls.radicands, found._keys()[here])
        cls.radicands, places = np.unique(known, return_index=True)
        cls.roots = [np.append(a, b[here])[places] for a, b in zip(cls.roots, root.lanes, strict=False)]
        return found

    def _keys(self) -> Array:
        """A number for each entry: its residues at the first two points."""
        first, *others = self.lanes
        return first << 31 | others[0] if others else first  # type: ignore[no-any-return]

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        if name not in KNOWN:
            return super()._atom(name, arguments, shadow)
        (x,) = arguments
        if name in WRITTEN:
            found = WRITTEN[name](x)
        elif name == "sqrt":
            keys, radicands = x._keys(), type(self).radicands
            places = _places(keys, radicands)
            root = type(self)(shadow, [lane[places] for lane in type(self).roots[: len(x.lanes)]], VARIABLE)
            found = choose(radicands[places] == keys, root, super()._atom(name, arguments, shadow))
        else:
            new = super()._atom
            found = getattr(self.laws, name)(x, lambda x: new(name, [x], x.shadow))
        return type(self)(shadow, found.lanes, found.bound)


class ExtendedResidueArray(ResidueArray):
    """Residues beside entries that are infinite or nan, and stay so: no residue stands for them, their lanes hold -1.

    >>> x = ExtendedResidueArray.given(np.array([1.0, 2.0]), 1)
    >>> masked = x + np.array([-np.inf, 0.0])
    >>> masked.lanes[0], np.exp(masked[:1]).lanes[0], (1 / masked[:1]).lanes[0]
    (array([-1,  2]), array([0]), array([0]))

    As for `Residue`, what is finite again is an exact number: exp(-inf) is 0, and so is x / inf. Raises Refused where a
    term of a sum is infinite.
    """

    __slots__ = ()

    def constant(self, x: Any) -> Self:
        x = np.asarray(x)
        if x.dtype.kind != "f" or np.isfinite(x).all():
            return super().constant(x)
        there = np.isfinite(x)
        finite = super().constant(np.where(there, x, 0))
        return type(self)(x, [np.where(there, lane, -1) for lane in finite.lanes])

    def same(self, other: Any) -> Array:
        other = self.as_one(other)
        same: Array = super().same(other) & (~self._infinite(other) | (self.shadow == other.shadow))
        return same

    @staticmethod
    def _infinite(*arrays: Any) -> Array:
        """Where one of these arrays has no residue."""
        infinite: Array = functools.reduce(np.logical_or, [x.lanes[0] < 0 for x in arrays])
        return infinite

    def _beside(self, infinite: Array, function: Callable[..., Self], *arrays: Any) -> Self:
        """A function of residues, where none is infinite; elsewhere the exact number that the floats give, if any."""
        residues = [x.made([x.shadow, *(np.where(x.lanes[0] < 0, 1, lane) for lane in x.lanes)], [x]) for x in arrays]
        found = function(*residues)
        floats = self.constant(np.where(infinite, found.shadow, 0))
        return choose(infinite, floats, found)  # type: ignore[no-any-return]

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        arithmetic, infinite = super()._arithmetic, self._infinite(x, y)
        if not infinite.any():
            return arithmetic(name, x, y, shadow)
        return self._beside(infinite, lambda x, y: arithmetic(name, x, y, shadow), x, y)

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        atom, infinite = super()._atom, self._infinite(*arguments)
        if not infinite.any():
            return atom(name, arguments, shadow)
        return self._beside(infinite, lambda *x: atom(name, x, shadow), *arguments)

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        refuse_infinite(x.lanes[0], y.lanes[0])
        return super()._product(x, y, shadow)

    def _total(self, axes: tuple[int, ...], shadow: Array) -> Self:
        refuse_infinite(self.lanes[0])
        return super()._total(axes, shadow)


def refuse_infinite(*lanes: Array) -> None:
    """Refuse lanes in which an entry has no residue."""
    if any((lane < 0).any() for lane in lanes):
        raise Refused("no residue stands for inf or nan in a sum")


def _places(keys: Array, known: Array) -> Array:
    """Where each key is among known ones, which are in order, if it is."""
    return np.searchsorted(known, keys).clip(max=known.size - 1)


_BOUNDS: dict[str, Callable[[Bound, Bound, int], Bound]] = {
    "add": lambda x, y, size: x.plus(y),
    "subtract": lambda x, y, size: x.plus(y),
    "multiply": lambda x, y, size: x.times(y),
    "divide": Bound.over,
}

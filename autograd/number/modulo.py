"""Arithmetic of whole numbers modulo a prime, on ints and on arrays of them, and random numbers there."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from gmpy2 import invert
from numpy.typing import NDArray

Array = NDArray[Any]

PRIME = 2**61 - 1
_BELOW = (1, 61, 69, 85, 105, 225, 249, 325, 469, 477, 525, 589, 697, 705, 781, 789, 829, 837, 885, 909)
PRIMES = tuple(2**31 - c for c in _BELOW)  # of arrays, one for each point: what one does not see, the next one does
_MASK = 2**31 - 1  # products of two residues fit into an int64, and 2**31 is c
_LOW = 16  # the bits of the lower half of a residue in a product of matrices


def half_modulo(x: Array, prime: int, upper: Array, lower: Array) -> Array:
    """Products modulo the prime with 2**31 = c, in these arrays: so short that some millions can be added up."""
    np.right_shift(x, 31, out=upper)
    if prime != _MASK:
        upper *= _MASK + 1 - prime
    np.bitwise_and(x, _MASK, out=lower)
    lower += upper
    return lower


LEAST = -1100  # the exponents of floats are above, and below its opposite


@functools.cache
def powers_of_2(prime: int) -> Array:
    """2**(e - 53) modulo the prime, for each e from LEAST on."""
    power, found = pow(2, LEAST - 53, prime), []
    for _ in range(-2 * LEAST):
        found.append(power)
        power = 2 * power % prime
    return np.array(found)


def inverses(x: Array, prime: int) -> Array:
    """1 / x: one division for a product of many entries, and what the others leave of it for each of them.

    Raises ZeroDivisionError.
    """
    if not x.size:
        return x
    levels = [x.ravel()]  # each of products of two of the one before
    while len(levels[-1]) > _FEW:
        factors = levels[-1]
        products = factors[:-1:2] * factors[1::2] % prime
        levels.append(np.append(products, factors[-1]) if len(factors) % 2 else products)
    inverses = np.array([int(invert(number, prime)) for number in levels.pop().tolist()], np.int64)
    for factors in reversed(levels):
        pairs = len(factors) // 2
        others = factors[: 2 * pairs].reshape(pairs, 2)[:, ::-1]
        found = (inverses[:pairs, None] * others % prime).ravel()
        inverses = np.append(found, inverses[-1]) if len(factors) % 2 else found
    return inverses.reshape(x.shape)


_FEW = 64  # numbers that are divided by one by one


MODULO: dict[str, Callable[[Array, Array, int], Any]] = {
    "add": lambda x, y, prime: (x + y) % prime,
    "subtract": lambda x, y, prime: (x - y) % prime,
    "multiply": lambda x, y, prime: x * y % prime,
    "divide": lambda x, y, prime: x * inverses(y, prime) % prime,
}


def lanes_of(bits: Array) -> list[Array]:
    """Numbers of 64 bits, for each point, modulo its prime."""
    return [np.asarray(each % np.uint64(prime), np.int64) for each, prime in zip(bits, PRIMES, strict=False)]


@functools.cache
def seeds_of(name: str) -> Array:
    """Of the hashes of a function, one for each point."""
    keys = (f"{name} {k}".encode() for k in range(len(PRIMES)))
    return np.array([int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") for key in keys], np.uint64)


def mixed(h: Array) -> Array:
    """Each number of 64 bits becomes another one, and no two the same; in place."""
    h += _STEP
    for shift, factor in _ROUNDS:
        h ^= h >> shift
        h *= factor
    h ^= h >> _LAST
    return h


_STEP, _LAST = np.uint64(0x9E3779B97F4A7C15), np.uint64(31)
_ROUNDS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)


_TINY = 2**10  # products that are sooner made one by one


def product_modulo(x: Array, y: Array, prime: int) -> Array:
    """A product of matrices modulo the prime: halves of 16 bits, whose products of floats are whole and exact."""
    terms, most = x.shape[-1], 2**12  # the sums of so many stay below 2**62
    if x.size * y.shape[1] <= _TINY:
        return (x[:, :, None] * y % prime).sum(axis=1) % prime  # type: ignore[no-any-return]
    if terms > most:
        return (product_modulo(x[:, :most], y[:most], prime) + product_modulo(x[:, most:], y[most:], prime)) % prime
    x1, x0 = (x >> _LOW).astype(float), (x & (2**_LOW - 1)).astype(float)
    y1, y0 = (y >> _LOW).astype(float), (y & (2**_LOW - 1)).astype(float)
    high, low = np.dot(x1, y1), np.dot(x0, y0)
    middle = np.dot(x1 + x0, y1 + y0) - high - low
    found = high.astype(np.int64) * (2 * (_MASK + 1 - prime))  # 2**32 is 2c
    found += middle.astype(np.int64) << _LOW
    found += low.astype(np.int64)
    return found % prime  # type: ignore[no-any-return]

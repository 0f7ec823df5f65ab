"""Number systems on whole arrays: `ResidueArray`, `ExactArray` and `DegreeArray`.

Each is an array of numbers beside the array of floats that they stand for, its shadow, which decides every comparison.
NumPy code runs on them through NumPy's own protocols: arithmetic, the elementary functions, sums, products of matrices,
and whatever only moves entries. Everything else is refused by name. They are the types of number that a `Tape` is
replayed in, and that formulas written for float arrays run on, unmodified, at a speed near that of floats.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Self

import numpy as np
from gmpy2 import lcm, mpq
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from autograd.number.exact import power, simplest
from autograd.number.number import plain
from autograd.number.ops import OPS, choose
from autograd.number.residue import ZeroResidue

Array = NDArray[Any]


class Refused(TypeError):
    """Raised for what NumPy can do with floats and these arrays of numbers cannot."""


PRIME = 2**31 - 1  # a product of two residues fits into an int64
_LOW = 16  # the bits of the lower half of a residue in a product of matrices
_QUESTIONS: tuple[str, ...] = (
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "not_equal",
    "isnan",
    "isfinite",
    "isinf",
)
_QUESTIONS += ("sign", "signbit", "logical_not", "logical_and", "logical_or")

# functions that only move entries (and put zeros beside them): they act on each lane as on the floats
_MOVES = """
    reshape transpose swapaxes moveaxis rollaxis ravel squeeze expand_dims broadcast_to tile repeat flip fliplr flipud
    roll rot90 split array_split hsplit vsplit dsplit take take_along_axis diagonal diag triu tril atleast_1d
    atleast_2d atleast_3d compress delete copy resize matrix_transpose permute_dims trim_zeros unstack
"""
_JOINS = "concatenate stack vstack hstack dstack column_stack block"
MOVES, JOINS = frozenset(_MOVES.split()), frozenset(_JOINS.split())  # the latter of a sequence of arrays


class NumberArray(NDArrayOperatorsMixin):
    """An array of numbers: `lanes`, arrays of their content, beside `shadow`, the floats that they stand for.

    A subclass says what an arithmetic operation does to the content. Plain numbers beside it are those of code: a float
    means the simplest fraction that rounds to it.
    """

    __slots__ = ("lanes", "shadow")
    __array_priority__ = 1000
    dtype: ClassVar[Any] = np.dtype(float)  # what code that asks takes it for
    called: ClassVar[str] = "numbers"

    def __init__(self, shadow: Any, lanes: Sequence[Any] = ()) -> None:
        self.shadow: Array = np.asarray(shadow, float)
        self.lanes: list[Any] = list(lanes)

    # what a subclass brings

    def constant(self, x: Any) -> Self:
        """Plain numbers of code as an array of this type."""
        raise NotImplementedError

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        raise NotImplementedError

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        raise NotImplementedError

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        """x @ y of two matrices."""
        raise NotImplementedError

    def _total(self, axis: Any, keepdims: bool, shadow: Array) -> Self:
        raise NotImplementedError

    def _moved(self, function: Callable[..., Any], *arrays: Any) -> Self:
        """The function of shadows and of lanes: it moves entries about."""
        lanes = [function(*(x.lanes[k] for x in arrays)) for k in range(len(self.lanes))]
        return type(self)(function(*(x.shadow for x in arrays)), lanes)

    # what NumPy and code ask of an array

    shape = property(lambda self: self.shadow.shape)
    ndim = property(lambda self: self.shadow.ndim)
    size = property(lambda self: self.shadow.size)
    T = property(lambda self: self._moved(np.transpose, self))

    def __len__(self) -> int:
        return len(self.shadow)

    def __getitem__(self, index: Any) -> Self:
        return self._moved(lambda x: _array(x[index], x.dtype), self)

    def __setitem__(self, index: Any, other: Any) -> None:
        other = self._as_one(other)
        for x, y in zip([self.shadow, *self.lanes], [other.shadow, *other.lanes], strict=True):
            x[index] = y

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of shape {self.shape} near {self.shadow}>"

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise Refused(f"an array of {self.called} is no array of floats")

    def reshape(self, *shape: Any) -> Self:
        return self._moved(lambda x: x.reshape(*shape), self)

    def transpose(self, *axes: Any) -> Self:
        return self._moved(lambda x: x.transpose(*axes), self)

    def ravel(self) -> Self:
        return self.reshape(-1)

    flatten = ravel

    def copy(self) -> Self:
        return self._moved(np.copy, self)

    def astype(self, dtype: Any) -> Self:
        if np.dtype(dtype).kind not in "fO":
            raise Refused(f"an array of {self.called} cannot become one of {np.dtype(dtype)}")
        return self.copy()

    def dot(self, other: Any) -> Any:
        return np.dot(self, other)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        return np.mean(self, axis=axis, keepdims=keepdims)

    def __getattr__(self, name: str) -> Any:
        if name in OPS and OPS[name].arity == 1:  # x.exp(), x.sigmoid()
            return lambda: self._elementary(name)
        raise AttributeError(f"an array of {self.called} has no attribute {name!r}")

    def _elementary(self, name: str) -> Any:
        op = OPS[name]
        if op.in_floats is None:
            return op.value(self)
        with np.errstate(all="ignore"):
            return self._atom(name, [self], np.asarray(op.value(self.shadow)))

    def _as_one(self, x: Any) -> Self:
        if isinstance(x, NumberArray):
            if type(x) is not type(self):
                raise TypeError(f"an array of {self.called} beside one of {x.called}")
            return x
        return self.constant(x)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = {"true_divide": "divide"}.get(ufunc.__name__, ufunc.__name__)
        out = kwargs.pop("out", None)
        if method == "reduce" and name == "add":
            axis = kwargs.pop("axis", 0)
            result = np.sum(inputs[0], axis=axis, **{k: x for k, x in kwargs.items() if x is not None})
        elif method != "__call__" or kwargs:
            raise Refused(f"np.{name}{'' if method == '__call__' else '.' + method} on an array of {self.called}")
        elif name in _QUESTIONS:
            return ufunc(*(x.shadow if isinstance(x, NumberArray) else x for x in inputs))
        else:
            with np.errstate(all="ignore"):
                result = self._call(name, *inputs)
        if out is not None:
            out[0][...] = result
            return out[0]
        return result

    def _call(self, name: str, *inputs: Any) -> Any:
        if name in ("add", "subtract", "multiply", "divide"):
            x, y = map(self._as_one, inputs)
            return self._arithmetic(name, x, y, getattr(np, name)(x.shadow, y.shadow))
        if name == "power":
            return self._power(*inputs)
        if name == "negative":
            return self._call("subtract", 0, *inputs)
        if name in ("positive", "conjugate"):
            return inputs[0]
        if name == "absolute":
            return choose(inputs[0].shadow < 0, -inputs[0], inputs[0])
        if name == "matmul":
            return np.dot(*inputs)
        if name in OPS:
            return OPS[name].value(*(map(self._as_one, inputs) if len(inputs) > 1 else inputs))
        raise Refused(f"np.{name} on an array of {self.called}")

    def _power(self, x: Any, n: Any) -> Any:
        exponent = plain(n.item() if isinstance(n, np.ndarray) and n.ndim == 0 else n)
        if exponent is None or not math.isfinite(exponent):
            x, n = self._as_one(x), self._as_one(n)
            return self._atom("power", [x, n], x.shadow**n.shadow)
        simple = simplest(exponent) if isinstance(exponent, float) else exponent
        fraction = Fraction(int(simple.numerator), int(simple.denominator))
        whole = math.floor(fraction)
        result, square, left = self.constant(np.ones(x.shape, int)), x, abs(whole)
        while left:
            if left & 1:
                result = result * square
            left >>= 1
            square = square * square if left else square
        result = 1 / result if whole < 0 else result
        rest = fraction - whole
        if rest == Fraction(1, 2):
            result = result * x.sqrt()
        elif rest:
            result = result * self._atom("power", [x, self.constant(float(rest))], x.shadow ** float(rest))
        result.shadow = np.asarray(x.shadow ** float(exponent))
        return result

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        name = func.__name__
        if name in MOVES:
            found = self._entries_moved(func, args[0], args[1:], kwargs)
        elif name == "where" and len(args) == 3:
            condition, x, y = args
            found = self._moved(lambda x, y: np.where(condition, x, y), self._as_one(x), self._as_one(y))
        elif name in JOINS:
            arrays = [self._as_one(x) for x in args[0]]
            found = self._moved(lambda *x: func(x, *args[1:], **kwargs), *arrays)
        elif name in _FUNCTIONS:
            found = _FUNCTIONS[name](self, *args, **kwargs)
        elif name in ("shape", "ndim", "size", "argmax", "argmin", "iscomplexobj", "any", "all"):
            found = func(args[0].shadow, *args[1:], **kwargs)
        else:
            raise Refused(f"np.{name} on an array of {self.called}")
        return found

    def _entries_moved(self, func: Callable[..., Any], array: Any, args: Any, kwargs: Any) -> Any:
        found = func(array.shadow, *args, **kwargs)
        if isinstance(found, (list, tuple)):
            parts = [func(lane, *args, **kwargs) for lane in array.lanes]
            return [type(array)(shadow, [part[k] for part in parts]).like(array) for k, shadow in enumerate(found)]
        return array._moved(lambda x: func(x, *args, **kwargs), array)

    def like(self, other: Any) -> Self:
        """This array with whatever else the other one knows of its numbers."""
        return self


def _dot(self: NumberArray, x: Any, y: Any) -> Any:
    x, y = self._as_one(x), self._as_one(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    if x.ndim > 2 or y.ndim > 2:
        raise Refused(f"products of arrays of {self.called} with more than 2 axes")
    rows, columns = x.reshape(-1, x.shape[-1]), y.reshape(y.shape[0], -1)
    if rows.shape[1] != columns.shape[0]:
        raise ValueError(f"shapes {x.shape} and {y.shape} not aligned: {rows.shape[1]} != {columns.shape[0]}")
    with np.errstate(all="ignore"):
        shadow = np.dot(rows.shadow, columns.shadow)
    product = self._product(rows, columns, shadow)
    return product.reshape(x.shape[:-1] + y.shape[1:])


def _sum(self: NumberArray, x: Any, axis: Any = None, keepdims: bool = False, **kwargs: Any) -> Any:
    if any(value is not None for value in kwargs.values()):
        raise Refused(f"np.sum({', '.join(kwargs)}) of an array of {self.called}")
    axis = tuple(range(x.ndim)) if axis is None else axis
    return x._total(axis, keepdims, np.sum(x.shadow, axis=axis, keepdims=keepdims))


def _mean(self: NumberArray, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    found = _sum(self, x, axis, keepdims)
    return found / (x.size // max(found.size, 1))


def _extreme(argument: Callable[..., Any]) -> Callable[..., Any]:
    def function(self: NumberArray, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        if axis is None:
            x, axis = x.reshape(-1), 0
        where = np.expand_dims(argument(x.shadow, axis=axis), axis)
        found = x._moved(lambda y: np.take_along_axis(y, where, axis), x)
        return found if keepdims else found._moved(lambda y: np.squeeze(y, axis), found)

    return function


def _full_like(number: Any) -> Callable[..., Any]:
    return lambda self, x, dtype=None, **_: self.constant(np.full(x.shape, number))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dot": _dot,
    "matmul": _dot,
    "outer": lambda self, x, y: self._as_one(x).reshape(-1, 1) * self._as_one(y).reshape(1, -1),
    "sum": _sum,
    "mean": _mean,
    "max": _extreme(np.argmax),
    "amax": _extreme(np.argmax),
    "min": _extreme(np.argmin),
    "amin": _extreme(np.argmin),
    "zeros_like": _full_like(0),
    "empty_like": _full_like(0),
    "ones_like": _full_like(1),
}


def _modulo(x: Array) -> Array:
    """Numbers from 0 to 2**62 modulo the prime, with shifts: 2**31 is 1."""
    x = (x & PRIME) + (x >> 31)
    x = (x & PRIME) + (x >> 31)
    found: Array = x - PRIME * (x >= PRIME)
    return found


def _inverses(x: Array) -> Array:
    """x**(p - 2), which is 1 / x (Fermat)."""
    if not np.all(x):
        raise ZeroResidue("division by a number that is 0 modulo the prime at this random point: draw another point")
    if x.size <= 64:  # one by one is faster
        return np.array([pow(number, -1, PRIME) for number in x.ravel().tolist()], np.int64).reshape(x.shape)
    result, square, left = np.ones_like(x), x, PRIME - 2
    while left:
        if left & 1:
            result = _modulo(result * square)
        left >>= 1
        square = _modulo(square * square)
    return result


def _residue(x: Any) -> int:
    """A rational number modulo the prime."""
    return int(x.numerator) * pow(int(x.denominator), -1, PRIME) % PRIME


class ResidueArray(NumberArray):
    """Residues modulo 2**31 - 1 at several random points at once, one lane for each point.

    >>> rng = np.random.default_rng(0)
    >>> x = ResidueArray.random(np.array([0.5, -2.0]), points=2, rng=rng)     # any residues; comparisons see 0.5, -2
    >>> ((x + 1) ** 2).same(x**2 + 2 * x + 1), x > 0
    (array([ True,  True]), array([ True, False]))

    An elementary function is an atom: residues that look random and are the same for the same argument, which is known
    by its residues at all points together. Raises ZeroResidue for an unlucky division.
    """

    __slots__ = ()
    called = "residues"

    @classmethod
    def random(cls, shadow: Any, points: int, rng: np.random.Generator) -> Self:
        """Residues drawn at random that stand for these floats."""
        return cls(shadow, [rng.integers(PRIME, size=np.shape(shadow)) for _ in range(points)])

    @classmethod
    def given(cls, numbers: Any, points: int) -> Self:
        """Floats (or ints) as they are: each is a whole number times a power of 2, and 2**31 is 1."""
        if np.asarray(numbers).dtype.kind in "biu":
            return cls(numbers, [(np.asarray(numbers) % PRIME).astype(np.int64)] * points)
        mantissa, exponent = np.frexp(np.asarray(numbers, float))
        whole = (mantissa * 2.0**53).astype(np.int64) % PRIME
        lane = _modulo(whole * (1 << (exponent.astype(np.int64) - 53) % 31))
        return cls(numbers, [lane.copy() for _ in range(points)])

    def constant(self, x: Any) -> Self:
        x = np.asarray(x)
        if x.dtype.kind not in "biufO":
            raise Refused(f"residues beside an array of {x.dtype}")
        if x.dtype.kind in "bi" or (x.dtype.kind == "f" and np.all(np.trunc(x) == x) and np.all(abs(x) < 2.0**53)):
            lane = x.astype(np.int64) % PRIME
        else:
            unique, places = np.unique(x, return_inverse=True)
            if x.dtype.kind == "f" and not np.all(np.isfinite(unique)):
                raise Refused("no residue stands for inf or nan")
            numbers = [simplest(float(u)) if isinstance(u, float) else u for u in unique]
            lane = np.array([_residue(u) for u in numbers], np.int64)[places].reshape(x.shape)
        return type(self)(x.astype(float), [lane] * len(self.lanes))

    def same(self, other: Any) -> Array:
        """Entry by entry, whether these are the same residues at every point."""
        other = self._as_one(other)
        same: Array = np.logical_and.reduce([x == y for x, y in zip(self.lanes, other.lanes, strict=True)])
        return same

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        function = _RESIDUES[name]
        lanes = [np.asarray(function(a, b)) for a, b in zip(x.lanes, y.lanes, strict=True)]
        return type(self)(shadow, lanes)

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        """A hash (the finalizer of splitmix64, keyed by the name) of the residues at all points."""
        lanes = []
        for k in range(len(self.lanes)):
            seed = int.from_bytes(hashlib.blake2b(f"{name} {k}".encode(), digest_size=8).digest(), "big")
            h = np.full(shadow.shape, seed, np.uint64)
            for argument in arguments:
                for lane in argument.lanes:
                    h = _mixed(h + lane.astype(np.uint64))
            lanes.append((_mixed(h) % np.uint64(PRIME)).astype(np.int64))
        return type(self)(shadow, lanes)

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        return type(self)(shadow, [_product(a, b) for a, b in zip(x.lanes, y.lanes, strict=True)])

    def _total(self, axis: Any, keepdims: bool, shadow: Array) -> Self:
        return type(self)(shadow, [np.sum(lane, axis=axis, keepdims=keepdims) % PRIME for lane in self.lanes])


def _times(x: Array, y: Array) -> Array:
    return _modulo(np.asarray(x * y))


_RESIDUES: dict[str, Callable[[Array, Array], Array]] = {
    "add": lambda x, y: (x + y) % PRIME,
    "subtract": lambda x, y: (x - y) % PRIME,
    "multiply": _times,
    "divide": lambda x, y: _times(x, _inverses(y)),
}


def _mixed(h: Array) -> Array:
    h = h + np.uint64(0x9E3779B97F4A7C15)
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Array = h ^ (h >> np.uint64(31))
    return mixed


def _product(x: Array, y: Array) -> Array:
    """A product of matrices modulo the prime: halves of 16 bits, whose products of floats are whole and exact."""
    terms, most = x.shape[-1], 2**12  # the sums of so many stay below 2**62
    if terms > most:
        return _modulo(_product(x[:, :most], y[:most]) + _product(x[:, most:], y[most:]))
    x1, x0 = (x >> _LOW).astype(float), (x & (2**_LOW - 1)).astype(float)
    y1, y0 = (y >> _LOW).astype(float), (y & (2**_LOW - 1)).astype(float)
    high, low = np.dot(x1, y1), np.dot(x0, y0)
    middle = np.dot(x1 + x0, y1 + y0) - high - low
    found = high.astype(np.int64) << 1  # 2**32 is 2
    found += middle.astype(np.int64) << _LOW
    found += low.astype(np.int64)
    return _modulo(found)


class ExactArray(NumberArray):
    """Fractions, each a gmpy2 `mpq`.

    >>> x = ExactArray.given(np.array([0.5, 3.0]))
    >>> (x / 3).lanes[0]
    array([mpq(1,6), mpq(1,1)], dtype=object)

    An elementary function is an atom, the fraction that the float of it stands for, as in `Exact`. A product of
    matrices brings all fractions of a factor to one denominator and multiplies whole numbers.
    """

    __slots__ = ()
    called = "fractions"

    @classmethod
    def given(cls, numbers: Any) -> Self:
        """Floats (or ints) as they are."""
        numbers = np.asarray(numbers)
        return cls(numbers, [_each(mpq, numbers.astype(object))])

    def constant(self, x: Any) -> Self:
        x = np.asarray(x)
        if x.dtype.kind == "f" and not np.all(np.isfinite(x)):
            raise Refused("no fraction stands for inf or nan")
        return type(self)(x.astype(float), [_each(lambda u: simplest(u) if isinstance(u, float) else mpq(u), x)])

    def same(self, other: Any) -> Array:
        """Entry by entry, whether these are the same fractions."""
        return np.asarray(self.lanes[0] == self._as_one(other).lanes[0], bool)

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        return type(self)(shadow, [_objects(getattr(np, name)(x.lanes[0], y.lanes[0]))])

    def _power(self, x: Any, n: Any) -> Any:
        """A root of a power is taken out, as in `Exact`."""
        x, n = self._as_one(x), self._as_one(n)
        return type(self)(x.shadow**n.shadow, [_objects(np.frompyfunc(power, 2, 1)(x.lanes[0], n.lanes[0]))])

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        """The fraction of the float of the function of the fraction's float."""
        numbers = [_each(float, x.lanes[0]) for x in arguments]
        values = np.frompyfunc(OPS[name].value, len(numbers), 1)(*numbers)
        if not np.all(np.isfinite(np.asarray(values, float))):
            raise ValueError(f"{name} is not finite: no fraction stands for it")
        return type(self)(shadow, [_each(mpq, values)])

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        (a, d), (b, e) = common(x.lanes[0]), common(y.lanes[0])
        scale = d * e
        return type(self)(shadow, [_each(lambda n: mpq(n, scale), np.dot(a, b))])

    def _total(self, axis: Any, keepdims: bool, shadow: Array) -> Self:
        return type(self)(shadow, [_objects(np.sum(self.lanes[0], axis=axis, keepdims=keepdims, initial=mpq(0)))])


def _array(x: Any, dtype: Any) -> Array:
    """An array, where NumPy gives the bare entry of one without axes."""
    if isinstance(x, np.ndarray):
        return x
    array = np.empty((), dtype)
    array[()] = x
    return array


def _objects(x: Any) -> Array:
    return _array(x, object)


def _each(function: Callable[[Any], Any], array: Any) -> Array:
    return _objects(np.frompyfunc(function, 1, 1)(array))


def common(fractions: Array) -> tuple[Array, Any]:
    """Fractions as whole numbers over one denominator, and that denominator."""
    denominators = {x.denominator for x in fractions.flat}
    scale = lcm(*denominators) if len(denominators) > 1 else next(iter(denominators), 1)
    return _each(lambda x: x.numerator * (scale // x.denominator), fractions), scale


class DegreeArray(NumberArray):
    """One bound on the degrees of numerator and denominator for all entries of an array of rational functions.

    >>> x = DegreeArray.variable(np.ones((2, 3)))
    >>> (x * x + 1).degree, (1 / x).degree, np.sum(1 / x).degree
    ((2, 0), (0, 1), (5, 6))

    `DegreeArray.atoms` collects, for each array of results of an elementary function, its name, its size and the degree
    of its argument, until somebody clears it.
    """

    __slots__ = ("degree",)
    called = "degrees"
    atoms: ClassVar[list[tuple[str, int, int]]] = []

    def __init__(self, shadow: Any, lanes: Sequence[Any] = (), degree: tuple[int, int] = (0, 0)) -> None:
        super().__init__(shadow)
        self.degree = degree

    @classmethod
    def variable(cls, shadow: Any) -> Self:
        """Variables that stand for these floats."""
        return cls(shadow, degree=(1, 0))

    def constant(self, x: Any) -> Self:
        return type(self)(np.asarray(x).astype(float))

    def like(self, other: Any) -> Self:
        self.degree = other.degree
        return self

    def _moved(self, function: Callable[..., Any], *arrays: Any) -> Self:
        degree = tuple(max(x.degree[k] for x in arrays) for k in (0, 1))
        return type(self)(function(*(x.shadow for x in arrays)), degree=degree)

    def __setitem__(self, index: Any, other: Any) -> None:
        super().__setitem__(index, other)
        other = self._as_one(other)
        self.degree = max(self.degree[0], other.degree[0]), max(self.degree[1], other.degree[1])

    def _arithmetic(self, name: str, x: Any, y: Any, shadow: Array) -> Self:
        return type(self)(shadow, degree=combined(name, x.degree, y.degree))

    def _atom(self, name: str, arguments: Sequence[Any], shadow: Array) -> Self:
        self.atoms.append((name, shadow.size, max(sum(x.degree) for x in arguments)))
        return type(self)(shadow, degree=(1, 0))

    def _product(self, x: Any, y: Any, shadow: Array) -> Self:
        return type(self)(shadow, degree=summed(combined("multiply", x.degree, y.degree), x.shape[1]))

    def _total(self, axis: Any, keepdims: bool, shadow: Array) -> Self:
        return type(self)(shadow, degree=summed(self.degree, self.size // max(shadow.size, 1)))


def combined(name: str, x: tuple[int, int], y: tuple[int, int]) -> tuple[int, int]:
    """The degrees of x + y, x * y, ..."""
    match name:
        case "multiply":
            return x[0] + y[0], x[1] + y[1]
        case "divide":
            return x[0] + y[1], x[1] + y[0]
    return max(x[0] + y[1], x[1] + y[0]), x[1] + y[1]


def summed(x: tuple[int, int], terms: int) -> tuple[int, int]:
    """The degrees of a sum of so many such terms."""
    return x[0] + max(terms - 1, 0) * x[1], max(terms, 1) * x[1]

"""`Carrier`, an array of what stands for floats: NumPy code runs on it through NumPy's own protocols.

What only moves entries acts on the contents; arithmetic, sums and products are the subclass's. NumPy's other functions
are written here once, in terms of those, for nodes of a tape and for arrays of numbers; the rest is refused by name.
"""

from __future__ import annotations

import functools
import math
import string
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from autograd.number.ops import OPS
from autograd.number.plane import calculated, is_complex
from autograd.number.vocabulary import (
    ASKS,
    COMPARISONS,
    COMPOSED,
    JOINS,
    MOVES,
    QUESTIONS,
    STEPS,
    Refused,
    array_of,
    has_rule,
    name_of,
    refusal,
    shadows,
)

Array = NDArray[Any]


class Carrier(NDArrayOperatorsMixin):
    """An array whose entries stand for floats: `contents` are arrays of its shape, the first of them the leading one.

    A subclass brings `made`, `as_one`, `row`, `total` and `products`.
    """

    __slots__ = ()
    __array_priority__ = 1000
    __hash__ = None  # type: ignore[assignment]
    called: ClassVar[str] = "numbers"
    functions: ClassVar[dict[str, Callable[..., Any]]] = {}  # a subclass's own ways to do some of those below

    @property
    def contents(self) -> list[Array]:
        raise NotImplementedError

    def made(self, contents: list[Any], sources: Sequence[Any]) -> Self:
        """An array of these contents, made of the sources."""
        raise NotImplementedError

    def as_one(self, x: Any) -> Self:
        """x as an array of this type; plain numbers are those of code."""
        raise NotImplementedError

    def row(self, name: str, *operands: Any) -> Any:
        """A row of the table of operations, entry by entry."""
        raise NotImplementedError

    def total(self, axes: tuple[int, ...]) -> Self:
        """The sums along some axes."""
        raise NotImplementedError

    def products(self, x: Any, y: Any, labels: Sequence[str], out: str) -> Self:
        """A sum of products: axes by letters, those that are not in `out` are summed."""
        raise NotImplementedError

    def moved(self, function: Callable[..., Any], *arrays: Any) -> Any:
        """The function of the contents: it moves entries about, into one array or into several."""
        found = [function(*parts) for parts in zip(*(x.contents for x in arrays), strict=True)]
        if not isinstance(found[0], (list, tuple)):
            return self.made([filled(x, y.dtype) for x, y in zip(found, self.contents, strict=True)], arrays)
        pieces = [self.made(list(parts), arrays) for parts in zip(*found, strict=True)]
        return tuple(pieces) if isinstance(found[0], tuple) else pieces

    # what NumPy and code ask of an array

    shape = property(lambda self: self.contents[0].shape)
    ndim = property(lambda self: self.contents[0].ndim)
    size = property(lambda self: self.contents[0].size)
    T = property(lambda self: self.moved(np.transpose, self))
    real = property(lambda self: self)

    def __len__(self) -> int:
        return len(self.contents[0])

    def __iter__(self) -> Iterator[Self]:
        return (self[k] for k in range(len(self)))

    def __bool__(self) -> bool:
        return bool(shadows(self))

    def __getitem__(self, index: Any) -> Self:
        return self.moved(lambda x: x[index], self)  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, other: Any) -> None:
        for x, y in zip(self.contents, self.as_one(other).contents, strict=True):
            x[index] = y

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise Refused(f"an array of {self.called} cannot become one of floats here: its gradient would be lost")

    def __deepcopy__(self, memo: Any) -> Self:
        return self.copy()

    def reshape(self, *shape: Any, **keywords: Any) -> Self:
        return self.moved(lambda x: x.reshape(*shape, **keywords), self)  # type: ignore[no-any-return]

    def transpose(self, *axes: Any) -> Self:
        return self.moved(lambda x: x.transpose(*axes), self)  # type: ignore[no-any-return]

    def swapaxes(self, first: int, second: int) -> Self:
        return self.moved(lambda x: x.swapaxes(first, second), self)  # type: ignore[no-any-return]

    def ravel(self, order: Any = "C") -> Self:
        return self.reshape(-1, order=order)

    def flatten(self, order: Any = "C") -> Self:
        return self.ravel(order).copy()

    @property
    def mT(self) -> Self:
        return self.swapaxes(-1, -2)

    @property
    def flat(self) -> Flat:
        """The entries one after another, to be read and to be written to."""
        return Flat(self)

    def tolist(self) -> Any:
        return [x.tolist() for x in self] if self.ndim else self

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, **_: Any) -> None:
        self[...] = np.sort(self, axis)

    def copy(self, order: str = "C") -> Self:
        return self.moved(np.array, self)  # type: ignore[no-any-return]

    def view(self, kind: Any = None) -> Self:
        """Itself, whatever type of array is asked for: it can hold what it holds."""
        return self

    def item(self) -> Self:
        return self.reshape(())

    def astype(self, dtype: Any, *_: Any, copy: bool = True, **keywords: Any) -> Self:
        """A copy, or itself where NumPy would not copy floats; TypeError for another kind of number."""
        kind = np.dtype(dtype)
        if kind.kind not in "fO":
            raise Refused(f"an array of {self.called} cannot become one of {kind}: its gradient would be lost")
        return self if not copy and kind in (np.dtype(float), np.dtype(object)) else self.copy()

    def __getattr__(self, name: str) -> Any:
        if name in OPS and OPS[name].arity == 1:  # x.exp(), x.sigmoid()
            return lambda: self.row(name, self)
        if name in _METHODS:
            return lambda *args, **keywords: getattr(np, name)(self, *args, **keywords)
        raise AttributeError(f"an array of {self.called} has no attribute {name!r}")

    # NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        name = ufunc.__name__
        if any(map(is_complex, inputs)):
            return calculated(ufunc, method, inputs, kwargs)
        out = kwargs.pop("out", None)
        if out is not None and not isinstance(out[0], Carrier):
            raise Refused(f"np.{name} cannot write {self.called} into an array of floats: its gradient would be lost")
        if method == "at" and name == "add":
            return _add_at(*inputs)
        if method in ("reduce", "accumulate") and _is_chained(ufunc):
            how = _reduced if method == "reduce" else _accumulated
            result = how(ufunc, *inputs, **{"axis": 0, **_asked(kwargs)})
        elif method == "outer" and _is_chained(ufunc) and not _asked(kwargs):
            x, y = inputs
            result = ufunc(np.reshape(x, np.shape(x) + (1,) * np.ndim(y)), y)
        elif method != "__call__" or _asked(kwargs):
            of = f".{method}" if method != "__call__" else f"({', '.join(_asked(kwargs))})"
            raise refusal(f"np.{name}{of}")
        elif name in COMPARISONS or name in QUESTIONS or name in STEPS:
            return ufunc(*map(shadows, inputs))
        elif name == "divmod":
            return np.floor_divide(*map(shadows, inputs)), COMPOSED["remainder"](*inputs)
        elif name == "matmul":
            result = _matmul(*inputs)
        elif name == "vecdot":
            result = np.sum(np.multiply(*inputs), axis=-1)
        elif name in OPS:
            result = self.row(name, *inputs)
        elif name in COMPOSED:
            result = COMPOSED[name](*map(_as_array, inputs))
            result = result.copy() if any(result is x for x in inputs) else result
        else:
            raise refusal(name_of(ufunc))
        if out is not None:
            out[0][...] = result
            return out[0]
        return result

    def __array_function__(self, func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        name = f"{func.__module__}.{func.__name__}".removeprefix("numpy.")
        if name in MOVES and args and isinstance(args[0], Carrier):
            return args[0].moved(lambda x: func(x, *args[1:], **kwargs), args[0])
        if name in JOINS:
            return _joined(self, func, *args, **kwargs)
        if name in ("shape", "ndim", "size"):  # no number is looked at
            return func(*(x.contents[0] if isinstance(x, Carrier) else x for x in args), **kwargs)
        if name in ASKS:
            return func(*map(shadows, args), **kwargs)
        if name not in FUNCTIONS:
            raise refusal(f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1))
        asked = _asked(kwargs)
        out = asked.pop("out", None)
        own = self.functions.get(name, FUNCTIONS[name])
        if own is not FUNCTIONS[name] and {"where", "initial"} & asked.keys():
            own = FUNCTIONS[name]
        found = own(*args, **asked)
        if out is None:
            return found
        if not isinstance(out, Carrier):
            raise Refused(f"np.{name} cannot write {self.called} into an array of floats: its gradient would be lost")
        out[...] = found
        return out


class Flat:
    """What `array.flat` is."""

    def __init__(self, array: Carrier) -> None:
        self._array = array

    def __len__(self) -> int:
        return self._array.size  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Carrier]:
        return iter(self._array.ravel())

    def __getitem__(self, index: Any) -> Carrier:
        return self._array.ravel()[index]

    def __setitem__(self, index: Any, other: Any) -> None:
        places = np.arange(self._array.size)[index]
        self._array[np.unravel_index(places, self._array.shape)] = other


_METHOD_NAMES = """
    sum mean max min var std dot clip prod cumsum cumprod squeeze repeat take argmax argmin argsort trace diagonal all
    any nonzero
"""
_METHODS = frozenset(_METHOD_NAMES.split())


@array_of.register
def _(x: Carrier) -> Any:
    return x


def filled(x: Any, dtype: Any) -> Array:
    """An array, where NumPy gives the bare entry of one without axes."""
    if isinstance(x, np.ndarray):
        return x
    array = np.empty((), dtype)
    array[()] = x
    return array


def _as_array(x: Any) -> Any:
    """Lists of code as arrays."""
    return np.asarray(x) if isinstance(x, (list, tuple)) else x


def one_of(*arrays: Any) -> Carrier:
    """The first that is no array of floats."""
    return next(x for x in arrays if isinstance(x, Carrier))


def _asked(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Keyword arguments that say more than the default."""
    default: dict[str, Any] = {"where": True, "keepdims": False}
    return {
        key: x
        for key, x in kwargs.items()
        if not (x is None and key != "axis")
        and x is not default.get(key, math.nan)
        and key not in ("dtype", "order")
        and type(x) is not type(np._NoValue)
    }


def _broadcast_to(array: Carrier, shape: tuple[int, ...]) -> Any:
    return array.moved(lambda x: np.broadcast_to(x, shape), array)


def _joined(self: Carrier, func: Callable[..., Any], arrays: Any, *args: Any, **kwargs: Any) -> Any:
    """A sequence (of sequences) of arrays as one."""
    flat: list[Any] = []

    def places(xs: Any) -> Any:
        found = []
        for x in xs:
            if isinstance(x, (list, tuple)):
                found.append(places(x))
            else:
                found.append(len(flat))
                flat.append(self.as_one(x))
        return found

    nested = places(arrays)

    def filled_in(xs: Any, contents: Sequence[Array]) -> Any:
        return [contents[x] if isinstance(x, int) else filled_in(x, contents) for x in xs]

    return self.moved(lambda *contents: func(filled_in(nested, contents), *args, **kwargs), *flat)


# sums and other reductions


def axes_of(array: Any, axis: Any) -> tuple[int, ...]:
    """The axes that `axis` means, as numbers from 0."""
    return tuple(range(array.ndim)) if axis is None else normalize_axis_tuple(axis, array.ndim)


def _sum(array: Any, axis: Any = None, keepdims: bool = False, where: Any = True, initial: Any = None) -> Any:
    if not isinstance(array, Carrier):
        return np.sum(array, axis=axis, keepdims=keepdims)
    array = array if where is True else np.where(where, array, 0)
    axes = axes_of(array, axis)
    result = array.total(axes)
    if keepdims:
        result = result.reshape([1 if k in axes else n for k, n in enumerate(array.shape)])
    return result if initial is None else result + initial


def _count(array: Any, axis: Any) -> int:
    return math.prod(array.shape[k] for k in axes_of(array, axis))


def _mean(array: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Any:
    if where is not True:
        there = np.broadcast_to(shadows(where), array.shape)
        return _sum(array, axis, keepdims, where) / np.sum(there, axis=axis, keepdims=keepdims)
    return _sum(array, axis, keepdims) / _count(array, axis)


def _average(x: Any, axis: Any = None, weights: Any = None, keepdims: bool = False) -> Any:
    if weights is None:
        return _mean(x, axis, keepdims)
    if np.ndim(weights) != np.ndim(x):
        weights = np.reshape(weights, [n if k == axis % np.ndim(x) else 1 for k, n in enumerate(np.shape(x))])
    return np.sum(x * weights, axis=axis, keepdims=keepdims) / np.sum(
        weights + np.zeros(np.shape(x)), axis=axis, keepdims=keepdims
    )


def _var(
    array: Any,
    axis: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    mean: Any = None,
    correction: float | None = None,
    where: Any = True,
) -> Any:
    ddof = ddof if correction is None else correction
    deviations = array - (_mean(array, axis, True, where) if mean is None else mean)
    if where is not True:
        there = np.sum(np.broadcast_to(shadows(where), array.shape), axis=axis, keepdims=keepdims)
        return _sum(deviations * deviations, axis, keepdims, where) / (there - ddof)
    return _sum(deviations * deviations, axis, keepdims) / max(_count(array, axis) - ddof, 0)


def _is_chained(ufunc: np.ufunc) -> bool:
    return ufunc.nin == 2 and has_rule(ufunc.__name__)


_NEUTRAL = {"multiply": 1}


def _reduced(
    ufunc: np.ufunc, array: Any, axis: Any = None, keepdims: bool = False, where: Any = True, initial: Any = None
) -> Any:
    """A sum; another reduction is one operation of two operands after the other, as NumPy does it on objects."""
    if ufunc is np.add:
        return _sum(array, axis, keepdims, where, initial)
    if where is not True:
        neutral = _NEUTRAL.get(ufunc.__name__, initial)
        if neutral is None:
            raise ValueError(f"np.{ufunc.__name__}.reduce with `where` needs an `initial` number")
        array = np.where(where, array, neutral)
    if initial is not None:
        return ufunc(_reduced(ufunc, array, axis, keepdims), initial)
    axes = axes_of(array, axis)
    kept = [k for k in range(array.ndim) if k not in axes]
    terms = np.transpose(array, [*axes, *kept]).reshape(_count(array, axis), *(array.shape[k] for k in kept))
    if not len(terms):
        raise ValueError(f"np.{ufunc.__name__}.reduce of no entries")
    result = functools.reduce(ufunc, terms)
    return np.expand_dims(result, axes) if keepdims else result


def _reduction(ufunc: np.ufunc) -> Callable[..., Any]:
    return functools.partial(_reduced, ufunc)


def _accumulated(ufunc: np.ufunc, array: Any, axis: Any = None) -> Any:
    if axis is None:
        array, axis = array.ravel(), 0
    entries = list(np.moveaxis(array, axis, 0))
    for k in range(1, len(entries)):
        entries[k] = ufunc(entries[k - 1], entries[k])
    return np.stack(entries, axis) if entries else array


def _add_at(array: Any, index: Any, numbers: Any) -> None:
    """np.add.at: in the first round each entry of the array takes the first number for it, then the second, ..."""
    if not isinstance(array, Carrier):
        raise Refused("np.add.at cannot add to an array of floats here: its gradient would be lost")
    places = np.arange(array.size).reshape(array.shape)[index]
    terms = _broadcast_to(array.as_one(numbers), places.shape).ravel()
    places = places.ravel()
    order = np.argsort(places, kind="stable")
    _, first, counts = np.unique(places[order], return_index=True, return_counts=True)
    ranks = np.empty(places.size, int)
    ranks[order] = np.arange(places.size) - np.repeat(first, counts)
    for rank in range(counts.max(initial=0)):
        now = ranks == rank
        targets = np.unravel_index(places[now], array.shape)
        array[targets] = array[targets] + terms[now]


# products


def _products(x: Any, y: Any, labels: Sequence[str], out: str) -> Any:
    return one_of(x, y).products(x, y, labels, out)


def _fits(x: Any, y: Any, n: int, k: int) -> None:
    if n != k:
        raise ValueError(
            f"product of arrays of shapes {np.shape(x)} and {np.shape(y)}: the inner sizes {n}, {k} differ"
        )


def _dot(x: Any, y: Any, out: Any = None) -> Any:
    n, k = np.ndim(x), np.ndim(y)
    if n == 0 or k == 0:
        found = x * y
    else:
        _fits(x, y, np.shape(x)[-1], np.shape(y)[-2 if k > 1 else 0])
        rows, columns = string.ascii_lowercase[: n - 1], string.ascii_uppercase[: max(k - 1, 0)]
        behind = columns[: k - 2] + "z" + columns[k - 2 :] if k > 1 else "z"
        found = _products(x, y, [rows + "z", behind], rows + columns)
    if out is not None:
        out[...] = found
    return found if out is None else out


def _matmul(x: Any, y: Any) -> Any:
    n, k = np.ndim(x), np.ndim(y)
    if n == 0 or k == 0:
        raise ValueError(f"matrix product of arrays of shapes {np.shape(x)} and {np.shape(y)}: multiply with *")
    _fits(x, y, np.shape(x)[-1], np.shape(y)[-2 if k > 1 else 0])
    batch = string.ascii_lowercase[: max(n, k, 2) - 2]
    first = batch[len(batch) - max(n - 2, 0) :] + "X" * (n > 1) + "z"
    second = batch[len(batch) - max(k - 2, 0) :] + "z" + "Y" * (k > 1)
    return _products(x, y, [first, second], batch + "X" * (n > 1) + "Y" * (k > 1))


def _tensordot(x: Any, y: Any, axes: Any = 2) -> Any:
    n, k = np.ndim(x), np.ndim(y)
    first, second = (range(n - axes, n), range(axes)) if isinstance(axes, int) else axes
    first, second = np.atleast_1d(first) % n, np.atleast_1d(second) % k
    left, right = [*string.ascii_lowercase[:n]], [*string.ascii_uppercase[:k]]
    for i, j in zip(first, second, strict=True):
        _fits(x, y, np.shape(x)[i], np.shape(y)[j])
        right[j] = left[i]
    out = [a for i, a in enumerate(left) if i not in first] + [b for j, b in enumerate(right) if j not in second]
    return _products(x, y, ["".join(left), "".join(right)], "".join(out))


def _einsum(subscripts: Any, *arrays: Any, **kwargs: Any) -> Any:
    if not isinstance(subscripts, str) or set(kwargs) - {"optimize"}:
        raise Refused("np.einsum can be recorded with its subscripts as a string, and without `out`")
    inputs, arrow, out = subscripts.replace(" ", "").partition("->")
    labels = inputs.split(",")
    if len(labels) != len(arrays):
        raise ValueError(f"np.einsum({subscripts!r}) names {len(labels)} arrays, but was given {len(arrays)}")
    if "..." in subscripts:
        free = [letter for letter in string.ascii_letters if letter not in subscripts]
        extra = [np.ndim(x) - len(label.replace("...", "")) for x, label in zip(arrays, labels, strict=True)]
        dots = "".join(free[: max(extra)])
        labels = [x.replace("...", dots[len(dots) - n :]) for x, n in zip(labels, extra, strict=True)]
        out = out.replace("...", dots) if arrow else dots
        letters = set("".join(labels)) - set(dots)
    else:
        letters = set("".join(labels))
    if not arrow:
        out += "".join(sorted(letter for letter in letters if "".join(labels).count(letter) == 1))
    terms = []
    for array, label in zip(arrays, labels, strict=True):
        x: Any = one_of(*arrays).as_one(array)
        once = "".join(dict.fromkeys(label))  # a diagonal, where a letter stands twice
        for letter in once:
            while label.count(letter) > 1:
                i = label.index(letter)
                k = label.index(letter, i + 1)
                x = np.diagonal(x, axis1=i, axis2=k)
                label = label[:i] + label[i + 1 : k] + label[k + 1 :] + letter
        terms.append((x, label))
    while len(terms) > 2:
        (x, a), (y, b) = terms[:2]
        both = "".join(dict.fromkeys(a + b))
        terms[:2] = [(_products(x, y, [a, b], both), both)]
    if len(terms) == 2:
        (x, a), (y, b) = terms
        return _products(x, y, [a, b], out)
    x, a = terms[0]
    summed = _sum(x, tuple(k for k, letter in enumerate(a) if letter not in out))
    rest = "".join(letter for letter in a if letter in out)
    return np.transpose(summed, [rest.index(letter) for letter in out])


def _kron(x: Any, y: Any) -> Any:
    n = max(np.ndim(x), np.ndim(y))
    x, y = (np.reshape(a, (1,) * (n - np.ndim(a)) + np.shape(a)) for a in (x, y))
    first, second = string.ascii_lowercase[:n], string.ascii_uppercase[:n]
    found = _products(x, y, [first, second], "".join(a + b for a, b in zip(first, second, strict=True)))
    return found.reshape([i * k for i, k in zip(np.shape(x), np.shape(y), strict=True)])


def _convolve(x: Any, y: Any, mode: str = "full") -> Any:
    """Sums over the pairs of entries whose places add up: the products on the diagonals of their table."""
    n, k = np.shape(x)[0], np.shape(y)[0]
    one = one_of(x, y)
    table = np.pad(_products(x, y, ["a", "b"], "ab"), ((0, 0), (0, n)))  # each row one place further than the last
    sheared = one.as_one(table).ravel()[: n * (n + k - 1)].reshape(n, n + k - 1)
    full = _sum(sheared, 0)
    if mode == "full":
        return full
    size = max(n, k) if mode == "same" else max(n, k) - min(n, k) + 1
    first = (min(n, k) - 1) // 2 if mode == "same" else min(n, k) - 1
    return full[first : first + size]


def _cross(x: Any, y: Any) -> Any:
    if np.shape(x)[-1] != 3 or np.shape(y)[-1] != 3:
        raise Refused("np.cross can be recorded of vectors with three entries along the last axis")
    ahead, behind = [1, 2, 0], [2, 0, 1]
    return x[..., ahead] * y[..., behind] - x[..., behind] * y[..., ahead]


# moves that look at the floats, or at more than one array


def _where(condition: Any, *choices: Any) -> Any:
    condition = shadows(condition)
    if not choices:
        return np.where(condition)
    one = one_of(*choices)
    return one.moved(lambda x, y: np.where(condition, x, y), *map(one.as_one, choices))


def _clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    found = x if low is None else np.maximum(x, low)
    found = found if high is None else np.minimum(found, high)
    return found.copy() if found is x else found


def _pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    if not isinstance(mode, str) or mode not in ("constant", "edge", "reflect", "symmetric", "wrap"):
        raise Refused(f"np.pad with mode {mode!r} cannot be recorded")
    if mode != "constant":
        return array.moved(lambda x: np.pad(x, pad_width, mode), array)  # type: ignore[call-overload]
    value = array.as_one(constant_values)
    return array.moved(
        lambda x, fill: np.pad(x, pad_width, constant_values=fill if fill.ndim else fill[()]), array, value
    )


def _sort(array: Any, axis: Any = -1, kind: Any = None) -> Any:
    if axis is None:
        array, axis = array.ravel(), -1
    order = np.argsort(shadows(array), axis=axis, kind="stable")
    return np.take_along_axis(array, order, axis)


def _compress(condition: Any, array: Any, axis: Any = None) -> Any:
    return array.moved(lambda x: np.compress(condition, x, axis), array)


def _trim_zeros(array: Any, trim: str = "fb") -> Any:
    there = np.flatnonzero(shadows(array))
    first = there[0] if "f" in trim.lower() and there.size else 0
    last = there[-1] + 1 if "b" in trim.lower() and there.size else array.size
    return array[first:last] if there.size else array[:0]


def _full_like(number: Any) -> Callable[..., Any]:
    def function(array: Any, fill: Any = number, shape: Any = None, **_: Any) -> Any:
        shape = array.shape if shape is None else shape
        return np.broadcast_to(array.as_one(fill), shape).copy()

    return function


def _full_of(array: Any, fill_value: Any, shape: Any = None, **_: Any) -> Any:
    return _full_like(0)(array, fill_value, shape)


def _finite(x: Any, copy: bool = True, **_: Any) -> Any:
    """np.nan_to_num of finite numbers, a copy as NumPy makes it."""
    if not np.isfinite(shadows(x)).all():
        raise Refused("np.nan_to_num of what is not finite cannot be recorded: replace it with np.where before")
    return x.copy() if copy and np.ndim(x) else x


def _diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    for _ in range(n):
        x = np.moveaxis(x, axis, 0)
        x = np.moveaxis(x[1:] - x[:-1], 0, axis)
    return x


def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    steps = dx if x is None else np.diff(x, axis=axis if np.ndim(x) > 1 else -1)
    y = np.moveaxis(y, axis, -1)
    return np.sum((y[..., 1:] + y[..., :-1]) * steps, axis=-1) / 2


def _flat(x: Any) -> Any:
    return x.ravel() if isinstance(x, Carrier) else np.ravel(x)


def _spread(*arrays: Any) -> Any:
    shape = np.broadcast_shapes(*map(np.shape, arrays))
    return tuple(_broadcast_to(one_of(*arrays).as_one(x), shape) for x in arrays)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "mean": _mean,
    "average": _average,
    "var": _var,
    "std": lambda x, **options: np.sqrt(_var(x, **options)),
    "prod": _reduction(np.multiply),
    "max": _reduction(np.maximum),
    "amax": _reduction(np.maximum),
    "min": _reduction(np.minimum),
    "amin": _reduction(np.minimum),
    "ptp": lambda x, axis=None, keepdims=False: (
        np.max(x, axis=axis, keepdims=keepdims) - np.min(x, axis=axis, keepdims=keepdims)
    ),
    "cumsum": lambda x, axis=None: _accumulated(np.add, x, axis),
    "cumprod": lambda x, axis=None: _accumulated(np.multiply, x, axis),
    "dot": _dot,
    "vdot": lambda x, y: _dot(_flat(x), _flat(y)),
    "inner": lambda x, y: _tensordot(x, y, (-1, -1)) if np.ndim(x) and np.ndim(y) else x * y,
    "outer": lambda x, y: _products(_flat(x), _flat(y), ["a", "b"], "ab"),
    "tensordot": _tensordot,
    "einsum": _einsum,
    "kron": _kron,
    "convolve": _convolve,
    "correlate": lambda x, y, mode="valid": _convolve(x, np.flip(y), mode),
    "cross": _cross,
    "trace": lambda x, offset=0, axis1=0, axis2=1: _sum(np.diagonal(x, offset, axis1, axis2), -1),
    "where": _where,
    "clip": _clip,
    "pad": _pad,
    "sort": _sort,
    "compress": _compress,
    "trim_zeros": _trim_zeros,
    "append": lambda x, y, axis=None: np.concatenate([_flat(x), _flat(y)] if axis is None else [x, y], axis or 0),
    "zeros_like": _full_like(0),
    "empty_like": _full_like(0),
    "ones_like": _full_like(1),
    "full_like": _full_of,
    "nan_to_num": _finite,
    "diff": _diff,
    "trapezoid": _trapezoid,
    "broadcast_arrays": _spread,
}

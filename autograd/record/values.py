"""NumPy arrays of Values: in, out, and NumPy's own functions recording a graph on the way.

`values` makes a `ValueArray`, an ndarray of objects. NumPy sends most operations to the elements by itself; the class
catches the few where that would lose something: an elementary function meets plain numbers among the Values (padding,
masks), a sum or a product of matrices would become a long chain of additions where one node says it all.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import ArrayLike, NDArray

from autograd import late
from autograd.graph.value import Value, apply, as_number, constant, kind_of, record
from autograd.number.carrier import FUNCTIONS, Carrier
from autograd.number.library import LIBRARY
from autograd.number.number import Number, NumpyScalar
from autograd.number.ops import OPS
from autograd.number.plane import FOURIER, Complex, calculated, is_complex
from autograd.number.threads import elsewhere
from autograd.number.vocabulary import (
    ASKS,
    COMPARISONS,
    COMPOSED,
    QUESTIONS,
    RECORDERS,
    STEPS,
    Refused,
    array_of,
    depends,
    has_rule,
    name_of,
    refusal,
    shadows,
)

Array = NDArray[Any]

RECORDERS[Value] = lambda name, *operands: apply(OPS[name], *operands)


@shadows.register
def _(x: Value) -> Any:
    return shadows(x.data)


@depends.register
def _(x: Value) -> bool:
    return True


@array_of.register(Value)
@array_of.register(Number)
def _(x: Any) -> Any:
    return x.reshape(()).view(ValueArray)


@array_of.register
def _(x: np.ndarray) -> Any:
    return x.view(ValueArray) if type(x) is np.ndarray and x.dtype == object else x


# made of others for all carriers; the rest of FUNCTIONS NumPy does on objects itself
OF_OTHERS = {*LIBRARY, *FOURIER}

# these run faster as NumPy's loop over the elements' own operators, and make the same nodes
_LOOPS = ("add", "subtract", "multiply", "negative")


class ValueArray(np.ndarray[Any, Any]):
    """An ndarray of Values, as `values` makes it; NumPy code runs on it and leaves a graph."""

    def _repr_html_(self) -> str:
        return str(late.bound("ValueArray._repr_html_")(self))  # pictures build on this module

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, (Carrier, Complex, np.ma.MaskedArray)) for x in inputs):
            return NotImplemented  # an array that `recording` made, beside one of a tape; the mask decides
        if elsewhere():
            return getattr(ufunc, method)(*map(_floats, inputs), **kwargs)
        return record_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Callable[..., Any], types: Iterable[type], args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, (Carrier, Complex)) for kind in types):
            return NotImplemented
        if elsewhere():
            return func(*map(_floats, args), **{key: _floats(x) for key, x in kwargs.items()})
        if func is np.dot:
            return _dot(*args, **kwargs)
        if func is np.i0 or func is np.linalg.matrix_power:  # NumPy's own series, and its own inverse of floats
            return FUNCTIONS[f"{func.__module__}.{func.__name__}".removeprefix("numpy.")](*args, **kwargs)
        try:
            result = _recorded(super().__array_function__(func, types, args, kwargs))
        except (TypeError, AttributeError) as error:
            if func.__name__ in ASKS:  # NumPy looks for floats
                return func(*map(shadows, args), **kwargs)
            by_numpy = isinstance(error, Refused) and str(error).startswith(f"np.{func.__name__} cannot")  # its ufunc
            if " on Values" in str(error) or (isinstance(error, Refused) and not by_numpy):
                raise
            if of_data(args, kwargs):
                return on_floats(func, *args, **kwargs)
            name = f"{func.__module__}.{func.__name__}".removeprefix("numpy.")
            if name in OF_OTHERS or (name.startswith("linalg.") and name in FUNCTIONS):
                return FUNCTIONS[name](*args, **kwargs)
            raise refusal(f"{func.__module__}.{func.__name__}".replace("numpy", "np", 1)) from error
        if isinstance(result, ValueArray) and result.ndim == 0 and isinstance(result.item(), Value):
            return result.item()  # a lone Value, so that it can be asked for its gradient
        return result

    def dot(self, other: Any, out: Any = None) -> Any:
        return np.dot(self, other, out=out)

    def clip(self, min: Any = None, max: Any = None, out: Any = None, **keywords: Any) -> Any:
        """NumPy's own would put plain bounds in place of Values, and the graph would not show the clipping."""
        found = self if min is None else np.maximum(self, min)
        found = found if max is None else np.minimum(found, max)
        if out is None:
            return found.copy() if found is self else found
        out[...] = found
        return out

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Values stay Values whatever float type is asked for; a copy where floats of 64 bits would be copied."""
        if np.dtype(dtype).kind == "f" and holds_nodes(self):
            return self if not kwargs.get("copy", True) and np.dtype(dtype) == np.dtype(float) else self.copy()
        if np.dtype(dtype).kind in "biu" and of_data((self,), {}):
            return np.asarray(shadows(self)).astype(dtype, *args, **kwargs)
        return super().astype(dtype, *args, **kwargs)

    def round(self, decimals: int = 0, out: Any = None) -> Any:  # type: ignore[override]
        """The rounded data; what is recorded would lose its gradient."""
        if not of_data((self,), {}):
            raise refusal("np.round")
        return on_floats(np.round, self, decimals)

    def __int__(self) -> int:
        return int(shadows(self).item()) if of_data((self,), {}) else int(self.item())


_data: list[Callable[[Array], Any] | None] = [None]  # the last one makes the numbers of data of a run


@contextlib.contextmanager
def data_as(make: Callable[[Array], Any] | None) -> Iterator[None]:
    """While the block runs, functions that take only floats are given them, where nothing they get is recorded.

    >>> x = np.array([1.5, 2.5], object).view(ValueArray)
    >>> with data_as(lambda x: x.astype(object).view(ValueArray)):
    ...     x.round()
    ValueArray([2.0, 2.0], dtype=object)

    `make` makes numbers of the floats that they give.
    """
    _data.append(make)
    try:
        yield
    finally:
        _data.pop()


def of_data(args: Iterable[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a function of these arguments works on data alone, in a run that knows which numbers are data."""
    return _data[-1] is not None and not depends([*args, *kwargs.values()])


def on_floats(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function of data gives in floats, as data."""
    return _as_data(function(*map(_floats, args), **{key: _floats(x) for key, x in kwargs.items()}))


def _floats(x: Any) -> Any:
    """Data as floats, other arguments as they are."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(_floats, x)) if type(x) in (list, tuple) else x
    if isinstance(x, ValueArray):
        return shadows(x.view(np.ndarray))
    return shadows(x) if isinstance(x, (Number, Carrier)) else x


def _as_data(x: Any) -> Any:
    make = _data[-1]
    if make is not None and isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f":
        return make(np.asarray(x))[()] if np.isfinite(x).all() else x
    if isinstance(x, tuple):
        return type(x)._make(map(_as_data, x)) if hasattr(x, "_make") else tuple(map(_as_data, x))
    return [_as_data(y) for y in x] if isinstance(x, list) else x


def values(array: ArrayLike, name: str = "") -> ValueArray:
    """An array of the same shape whose entries are Values labelled `name[i, j]`.

    >>> W = values(np.array([[1.0, 2.0], [3.0, 4.0]]), "w")
    >>> W[1, 0]
    Value(3.0, label='w[1,0]')

    Entries are whatever a Value may hold; the array may have any shape, a single number gives shape (). Raises
    TypeError for an entry that is not a real number.
    """
    numbers = np.asarray(array)
    places = np.ndindex(numbers.shape) if name else [()] * numbers.size
    labels = [f"{name}[{','.join(map(str, place))}]" if place else name for place in places]
    return _filled(list(map(Value, numbers.ravel().tolist(), labels)), numbers.shape).view(ValueArray)


def gradients(array: Any) -> Array:
    """The array of the `.grad` of an array of Values, of the same shape; floats where all of them are.

    >>> x = values([1.0, 2.0], "x")
    >>> np.dot(x, x).backward()
    >>> gradients(x)
    array([2., 4.])

    A plain number among the Values, and a Value that no `backward` has reached, has the gradient 0.
    """
    return _array_of(array, lambda x: x.grad if isinstance(x, Value) else 0)


def numbers(array: Any) -> Array:
    """The array of the `.data` of an array of Values, of the same shape; floats where all of them are.

    >>> numbers(2 * values([1.0, 2.0], "x"))
    array([2., 4.])
    """
    return _array_of(array, lambda x: x.data if isinstance(x, Value) else x)


def holds_nodes(x: Any) -> bool:
    """Whether x is a Value or a number of this package, or an array, list or tuple with one in it."""
    if isinstance(x, (Value, Number)):
        return True
    if isinstance(x, np.ndarray):
        return x.dtype == object and any(isinstance(y, (Value, Number)) for y in x.flat)
    return isinstance(x, (list, tuple)) and any(map(holds_nodes, x))


def _array_of(array: Any, content: Callable[[Any], Any]) -> Array:
    nodes = np.asarray(array, object)
    contents = [content(x) for x in nodes.flat]
    if any(isinstance(x, float) for x in contents) and all(map(_is_float, contents)):
        return np.array(contents, float).reshape(nodes.shape)
    return _filled(contents, nodes.shape)


def _is_float(x: Any) -> bool:
    """Whether x is a float, or the whole number of a mask or a padding, which is one without rounding."""
    return isinstance(x, float) or (isinstance(x, (int, np.integer)) and -(2**53) <= int(x) <= 2**53)


def record_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A NumPy ufunc on Values: by the table of operations where it has the ufunc, else by NumPy's loop over objects."""
    arrays = [_plain(x) for x in inputs]
    kwargs = {key: _plain_out(x) if key == "out" else x for key, x in kwargs.items()}
    name = ufunc.__name__
    if any(map(is_complex, inputs)):
        return calculated(ufunc, method, tuple(array_of(x) for x in inputs), kwargs)
    if not any(isinstance(x, np.ndarray) and x.dtype == object for x in arrays):
        return getattr(ufunc, method)(*arrays, **kwargs)  # no Values: the indices of an argmax, say
    if method == "reduce" and ufunc is np.add:
        return _recorded(_sum(*arrays, **kwargs))
    if method == "reduce" and ufunc is np.multiply and kwargs.get("where", True) is not True:
        kwargs = {**kwargs, "initial": 1} if kwargs.get("initial") in (None, np._NoValue) else kwargs
    if name == "divmod" and method == "__call__" and not kwargs:
        return np.floor_divide(*map(shadows, arrays)), record_ufunc(np.remainder, method, inputs, kwargs)
    if method == "__call__" and ufunc is np.matmul and not kwargs:
        return _recorded(_matmul(*arrays))
    if name in QUESTIONS or name in STEPS:
        return getattr(ufunc, method)(*map(shadows, arrays), **kwargs)
    known = has_rule(name)
    of_pairs = ufunc.nin == 2 and (name in COMPOSED or "OO->O" not in ufunc.types)  # its reduce makes nodes, too
    if known and name not in _LOOPS and (method == "__call__" or of_pairs):
        ufunc = np.frompyfunc(_element(name), ufunc.nin, 1)
    try:
        with np.errstate(all="ignore"):  # a comparison with nan in a loop over objects would warn
            return _recorded(getattr(ufunc, method)(*arrays, **kwargs))
    except (TypeError, AttributeError) as error:
        if not known and name not in COMPARISONS:
            if of_data(inputs, kwargs):
                return on_floats(getattr(ufunc, method), *inputs, **kwargs)
            raise refusal(name_of(ufunc)) from error
        raise TypeError(f"np.{name} on Values: {error}") from error


@functools.cache
def _element(name: str) -> Callable[..., Any]:
    """What a ufunc does to the elements: a Value's method, else the table, where 1/3 is a third, or its own rule."""
    if name not in OPS:
        rule = COMPOSED[name]
        return lambda *xs: rule(*map(_as_plain, xs))
    op, method = OPS[name], getattr(Value, name)
    if op.arity == 1:
        return lambda x: method(x) if type(x) is Value else apply(op, x)
    return lambda x, y: method(x, y) if type(x) is Value else apply(op, x, y)


def _as_plain(x: Any) -> Any:
    """An element, NumPy's scalars as Python's own."""
    number = as_number(x)
    return x if number is None else number


def _plain(x: Any) -> Any:
    """x for NumPy's own loops: without the class, and a lone Value as an array that holds it."""
    if isinstance(x, ValueArray):
        return x.view(np.ndarray)
    if isinstance(x, Value):
        return x.reshape(()).view(np.ndarray)
    return x


def _plain_out(out: Any) -> Any:
    return tuple(map(_plain, out)) if isinstance(out, tuple) else _plain(out)


def _recorded(result: Any) -> Any:
    """The result of NumPy's own code, its arrays of objects as ValueArrays again."""
    if isinstance(result, np.ndarray) and result.dtype == object:
        return result.view(ValueArray)
    if isinstance(result, ValueArray):
        return result.view(np.ndarray)
    if isinstance(result, (list, tuple)) and type(result) in (list, tuple):
        return type(result)(map(_recorded, result))
    return result


def total(terms: Iterable[Any]) -> Any:
    """The sum of Values and numbers as one node.

    >>> x, y, z = values([1.0, 2.0, 3.0], "x")
    >>> total([x, y, z]).op.name
    'sum'
    """
    terms = list(terms)
    return terms[0] if len(terms) == 1 else apply(OPS["sum"], *terms)


def _sum(
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """np.add.reduce with one node for each sum."""
    array = np.asarray(array, object)
    if initial is not None or where is not True or array.ndim == 0:
        initial = 0 if initial is None else initial
        return np.add.reduce(array, axis=axis, out=out, keepdims=keepdims, initial=initial, where=where)
    axes = tuple(range(array.ndim)) if axis is None else normalize_axis_tuple(axis, array.ndim)
    kept = [k for k in range(array.ndim) if k not in axes]
    shape = [array.shape[k] for k in kept]
    rows = array.transpose(*kept, *axes).reshape(math.prod(shape), math.prod(array.shape[k] for k in axes))
    result = _filled([total(row) for row in rows.tolist()], shape)
    if keepdims:
        result = np.expand_dims(result, axes)
    if out is not None:
        out = out[0] if isinstance(out, tuple) else out
        out[...] = result
        return out
    return result if result.ndim else result[()]


def _filled(elements: list[Any], shape: Any) -> Array:
    result = np.empty(len(elements), object)
    result[:] = elements
    return result.reshape(shape)


def _dot(a: Any, b: Any, out: Any = None) -> Any:
    """np.dot on Values; its rule for more than two axes, on the products of matrices below."""
    a, b = np.asarray(_plain(a)), np.asarray(_plain(b))
    if a.ndim == 0 or b.ndim == 0:
        result = _recorded(np.multiply(a, b))
    elif b.ndim <= 2:
        result = _recorded(_matmul(a, b))
    else:
        columns = np.moveaxis(b, -2, 0)
        result = _matmul(a, columns.reshape(len(columns), math.prod(columns.shape[1:])))
        result = _recorded(result.reshape(a.shape[:-1] + columns.shape[1:]))
    if out is not None:
        out[...] = result
        return out
    return result


def _matmul(a: Any, b: Any) -> Any:
    """a @ b with one node for each entry: the sum of the products of a row's and a column's scalars."""
    a, b = np.asarray(a), np.asarray(b)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError(f"matrix product of arrays of shapes {a.shape} and {b.shape}: multiply by a number with *")
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise ValueError(f"matrix product of arrays of shapes {a.shape} and {b.shape}: the inner sizes differ")
    recording = _holds_values(a) or _holds_values(b)
    if recording:
        kind = kind_of(a.flat) or kind_of(b.flat)
        a, b = _operands(a, kind), _operands(b, kind)
    rows = a[np.newaxis, :] if a.ndim == 1 else a
    columns = b[np.newaxis, :] if b.ndim == 1 else np.swapaxes(b, -1, -2)
    batch = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    n, p, k = rows.shape[-1], rows.shape[-2], columns.shape[-2]
    rows = np.broadcast_to(rows, (*batch, p, n)).reshape(math.prod(batch), p, n)
    columns = np.broadcast_to(columns, (*batch, k, n)).reshape(math.prod(batch), k, n)
    dots = _recorded_dots if recording else _dots
    elements = [x for pair in zip(rows.tolist(), columns.tolist(), strict=True) for x in dots(*pair)]
    shape = batch + (p,) * (a.ndim > 1) + (k,) * (b.ndim > 1)
    result = _filled(elements, shape)
    return result if result.ndim else result[()]


def _dots(rows: list[list[Any]], columns: list[list[Any]]) -> Iterable[Any]:
    """The sum of the products of each row and each column of numbers."""
    value = OPS["dot"].value
    return [value(*row, *column) for row in rows for column in columns]


def _recorded_dots(rows: list[list[Value]], columns: list[list[Value]]) -> Iterable[Value]:
    """The same of nodes; the number of a node is read once here, and not once for each product it takes part in."""
    numbers = _dots([[x.data for x in row] for row in rows], [[x.data for x in column] for column in columns])
    operands = ((*row, *column) for row in rows for column in columns)
    return [record(OPS["dot"], *node) for node in zip(operands, numbers, strict=True)]


def _holds_values(array: Array) -> bool:
    return array.dtype == object and any(isinstance(x, Value) for x in array.flat)


def _operands(array: Array, kind: type[Number] | None) -> Array:
    """The array with its plain numbers as nodes, each once, however many products it takes part in."""
    return _filled([x if isinstance(x, Value) else constant(x, kind) for x in array.flat], array.shape)


def _ufunc(self: Value, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
    return record_ufunc(ufunc, method, inputs, kwargs)


def _reshape(self: Value, *shape: Any, **keywords: Any) -> Any:
    return NumpyScalar.reshape(self, *shape, **keywords).view(ValueArray)


Value.__array_ufunc__, Value.reshape = _ufunc, _reshape


def _whole_part(x: Any, y: Any) -> float:
    return float(np.floor_divide(float(shadows(x)), float(shadows(y))))


def _of_numbers(function: Callable[[Any, Any], Any], turned: bool = False) -> Callable[[Any, Any], Any]:
    """An operator of two scalars, which leaves arrays to NumPy."""

    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, Value) and as_number(other) is None:
            return NotImplemented
        return function(other, self) if turned else function(self, other)

    return method


_REMAINDERS: dict[str, Callable[[Any, Any], Any]] = {
    "mod": COMPOSED["remainder"],
    "floordiv": _whole_part,
    "divmod": lambda x, y: (_whole_part(x, y), COMPOSED["remainder"](x, y)),
}
for _name, _function in _REMAINDERS.items():
    for _kind in (Value, Number):
        setattr(_kind, f"__{_name}__", _of_numbers(_function))
        setattr(_kind, f"__r{_name}__", _of_numbers(_function, turned=True))

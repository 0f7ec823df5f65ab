"""`TapeArray`, an array of scalars on a tape: NumPy code runs on it, through NumPy's own protocols.

It is an array of node numbers. What only moves entries about acts on those numbers; arithmetic, elementary functions,
sums and products of matrices record a block of scalar operations. The rest is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from autograd.graph.value import Value
from autograd.number.carrier import Carrier, one_of
from autograd.number.ops import OPS
from autograd.number.threads import elsewhere
from autograd.number.vocabulary import COMPARISONS, RECORDERS, Refused, depends, shadows
from autograd.tape.blocks import CONSTANT, GIVEN
from autograd.tape.node import node_of
from autograd.tape.sweep import Swept

Array = NDArray[Any]


class TapeArray(Carrier):
    """An array of scalars on a tape: `data` are their numbers, `grad` their gradients after `tape.backward(J)`.

    >>> from autograd import Tape
    >>> tape = Tape()
    >>> x = tape.array([[1.0, 2.0], [3.0, 4.0]], "x")
    >>> tape.backward(np.sum(x[0] * np.exp(x[1])))
    >>> x.grad[1].round(2), x[0, 1].node
    (array([ 20.09, 109.2 ]), Value(2.0, label='x[0,1]'))

    Raises TypeError, with the name, for what cannot be recorded. `node` is a lone scalar as a Value.
    """

    __slots__ = ("ids", "tape")
    called = "scalars on a tape"
    dtype: ClassVar[Any] = np.dtype(float)  # what code that asks takes it for

    def __init__(self, tape: Swept, ids: Any) -> None:
        self.tape = tape
        self.ids: Array = np.asarray(ids, np.int64)

    shape = property(lambda self: self.ids.shape)
    ndim = property(lambda self: self.ids.ndim)
    size = property(lambda self: self.ids.size)

    @property
    def contents(self) -> list[Array]:
        return [self.ids]

    @property
    def data(self) -> Array:
        """The numbers."""
        return self.tape.numbers_at(self.ids)

    @property
    def grad(self) -> Array:
        """dJ/dself after `tape.backward(J)`."""
        return self.tape.gradients_at(self.ids)

    @property
    def node(self) -> Value:
        """A lone scalar as a Value, for `contributions` and `draw_dot`."""
        return node_of(self.tape, int(self.ids.item()))

    def __repr__(self) -> str:
        return f"TapeArray({np.array2string(self.data, separator=', ', prefix='TapeArray(')})"

    def __iter__(self) -> Iterator[Self]:
        return (type(self)(self.tape, ids) for ids in self.ids)

    def __getitem__(self, index: Any) -> Self:
        return type(self)(self.tape, self.ids[index])

    # in another thread the floats; and what takes only floats is given them, where nobody asks for gradients

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if elsewhere():
            return getattr(ufunc, method)(*map(_floats, inputs), **kwargs)
        if ufunc.__name__ in COMPARISONS and method == "__call__" and not kwargs and all(map(self._fits, inputs)):
            self.tape.note(*(x.ids if isinstance(x, TapeArray) else np.asarray(x, float) for x in inputs))
            return ufunc(*map(_floats, inputs))
        try:
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        except Refused:
            if depends([*inputs, *kwargs.values()]):
                raise
            return self._data_of(getattr(ufunc, method)(*map(_floats, inputs), **kwargs))

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        options = {key: _floats(x) for key, x in kwargs.items()}
        if elsewhere():
            return func(*map(_floats, args), **options)
        try:
            return super().__array_function__(func, types, args, kwargs)
        except Refused:
            if depends([*args, *kwargs.values()]):
                raise
            return self._data_of(func(*map(_floats, args), **options))

    def _fits(self, x: Any) -> bool:
        """Whether x is an array of this tape, or of plain numbers."""
        return x.tape is self.tape if isinstance(x, TapeArray) else np.asarray(x).dtype.kind in "biuf"

    def astype(self, dtype: Any, *args: Any, **keywords: Any) -> Any:
        """Data may become whole numbers, too."""
        if np.dtype(dtype).kind in "biu" and not depends(self):
            return self.data.astype(dtype)
        return super().astype(dtype, *args, **keywords)

    def round(self, decimals: int = 0) -> Any:
        """Data as NumPy rounds them."""
        return np.round(self, decimals)

    def _data_of(self, x: Any) -> Any:
        """What a function of data gives, as data."""
        if isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f":
            return type(self)(self.tape, self.tape.leaf(np.asarray(x), GIVEN)) if np.isfinite(x).all() else x
        if isinstance(x, tuple):
            return type(x)._make(map(self._data_of, x)) if hasattr(x, "_make") else tuple(map(self._data_of, x))
        return [self._data_of(y) for y in x] if isinstance(x, list) else x

    # what a carrier brings

    def made(self, contents: list[Any], sources: Sequence[Any]) -> Self:
        return type(self)(self.tape, contents[0])

    def as_one(self, x: Any) -> Self:
        return x if isinstance(x, type(self)) and x.tape is self.tape else type(self)(self.tape, self._ids(x))

    def _ids(self, x: Any) -> Array:
        """The nodes of x; plain numbers become constants."""
        if isinstance(x, TapeArray):
            if x.tape is not self.tape:
                raise Refused("these arrays were recorded on two different tapes")
            return x.ids
        x = np.asarray(x)
        if x.dtype == object and all(isinstance(y, (float, int)) for y in x.flat):  # of plain numbers
            x = x.astype(float)
        if x.dtype.kind not in "biuf":
            raise Refused(f"a TapeArray beside an array of {x.dtype} cannot be recorded")
        return self.tape.leaf(x, CONSTANT) if x.ndim or x != 0 or x.dtype.kind == "f" else np.zeros((), np.int64)

    def row(self, name: str, *operands: Any) -> Self:
        if name == "power":
            x, n = operands
            number = isinstance(n, (int, float, np.number)) or (isinstance(n, np.ndarray) and n.ndim == 0)
            name = "power_n" if number and isinstance(x, TapeArray) else "power"
        return self._record(name, *map(self._ids, operands))

    def _record(self, name: str, *ids: Array, terms: int = 0) -> Self:
        return type(self)(self.tape, self.tape.record(OPS[name], *ids, terms=terms))

    def total(self, axes: tuple[int, ...]) -> Self:
        kept = [k for k in range(self.ndim) if k not in axes]
        ids = self.ids.transpose(*kept, *axes)
        if not axes or math.prod(ids.shape[len(kept) :]) == 1:  # a lone term is its own sum
            return type(self)(self.tape, ids.reshape(ids.shape[: len(kept)]))
        return self._record("sum", ids, terms=len(axes))

    def products(self, x: Any, y: Any, labels: Sequence[str], out: str) -> Self:
        summed = "".join(dict.fromkeys(letter for letter in labels[0] + labels[1] if letter not in out))
        size: dict[str, int] = {}
        nodes = [self._ids(x), self._ids(y)]
        for ids, axes in zip(nodes, labels, strict=True):
            for letter, n in zip(axes, ids.shape, strict=True):
                if size.setdefault(letter, n) != n and 1 not in (size[letter], n):
                    raise ValueError(f"shapes {nodes[0].shape} and {nodes[1].shape} do not fit: {size[letter]} != {n}")
                size[letter] = max(size[letter], n)
        edges = []
        for ids, axes in zip(nodes, labels, strict=True):
            order = [axes.index(letter) for letter in out + summed if letter in axes]
            shape = [ids.shape[axes.index(letter)] if letter in axes else 1 for letter in out + summed]
            edges.append(ids.transpose(order).reshape(shape))
        return self._record("dot", *edges, terms=len(summed)) if summed else self._record("multiply", *edges)


@shadows.register
def _(x: TapeArray) -> Array:
    x.tape.note(x.ids)
    return x.data


def _floats(x: Any) -> Any:
    """Arrays of a tape as floats, other arguments as they are."""
    if type(x) in (list, tuple):
        return type(x)(map(_floats, x))
    return x.data if isinstance(x, TapeArray) else x


@depends.register
def _(x: TapeArray) -> bool:
    return x.tape.needs(x.ids)


RECORDERS[TapeArray] = lambda name, *operands: one_of(*operands).row(name, *operands)

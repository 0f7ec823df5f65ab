"""`Value`, one scalar node of a computation graph, and the chain rule over the graph.

Every scalar is a node: the number, the operation that made it, and its operands. The gradient of a node is the sum,
over the nodes that consume it, of local derivative times the consumer's gradient (statement C1, the multivariate chain
rule). `Value.backward` is that sentence; the local derivatives stand in the table of `autograd.ops`.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from autograd import late
from autograd.number import symbolic
from autograd.number.number import OPERATORS, Number, NumpyScalar, plain
from autograd.number.ops import OPS, Op

_CONSTANT = 0  # the `order` of a number that code brought in: it is nobody's result
_creation = itertools.count(1)
Scalar: TypeAlias = "Value | float | Fraction | np.number[Any] | Number"  # what makes a Value with a Value


if TYPE_CHECKING:

    class _Operator(Protocol):
        """An operator of a node: with a number a node, with an array one of nodes."""

        @overload
        def __call__(self, other: Scalar, /) -> Value: ...
        @overload
        def __call__(self, other: NDArray[Any], /) -> NDArray[Any]: ...


class Value(NumpyScalar):
    """One scalar: its number, where it came from, and (after `backward`) its gradient.

    >>> x = Value(3.0, label="x")
    >>> J = 2 * x**2 + x
    >>> J.backward()
    >>> J.data, x.grad
    (21.0, 13.0)

    `data` is a float, an int, a `fractions.Fraction`, a number of this package (`Exact`, `Residue`, `Precise`) or a
    SymPy expression; ints and fractions stay exact through every rational operation. `grad` is dJ/dself after
    `J.backward()`, 0 before. `op` is the row of the table of operations that made the node (None for a leaf) and
    `operands` are the nodes it was made from, repeated ones kept.

    Raises TypeError for data that is not one real number. Source: statement C1.
    """

    __slots__ = ("data", "grad", "label", "op", "operands", "order")

    data: Any
    grad: Any
    label: str
    op: Op | None
    operands: tuple[Value, ...]
    order: int

    # arrays of nodes build on nodes and bind themselves
    __array_ufunc__: ClassVar[Callable[..., Any]]
    reshape: ClassVar[Callable[..., Any]]

    def __init__(self, data: Any, label: str = "") -> None:
        self.data = _checked(data)
        self.grad = 0
        self.label = label
        self.op = None
        self.operands = ()
        self.order = next(_creation)

    def backward(self) -> None:
        """Set `.grad` of every node of this node's graph to d self / d node, by the multivariate chain rule.

        >>> x = Value(4, label="x")
        >>> (x * x).backward()
        >>> x.grad
        8

        Calling it again, or for another root, starts from zero: gradients never pile up.
        """
        nodes = graph(self)
        for node in nodes:
            node.grad = 0
        self.grad = _one(self.data)
        unclear = False
        for consumer in reversed(nodes):  # a node's consumers are newer than the node, so its gradient is complete here
            operands, upstream = consumer.operands, consumer.grad
            if len(operands) == 2:  # the loop below written out for the commonest case: a third of the time
                x, y = operands
                dx, dy = consumer.op.partials(consumer.data, x.data, y.data)  # type: ignore[union-attr]
                x.grad += dx * upstream
                y.grad += dy * upstream
            elif operands:
                for operand, local_derivative in zip(operands, local_derivatives(consumer), strict=True):
                    operand.grad += local_derivative * upstream
            elif upstream != upstream:
                unclear = True
        if unclear:  # rarely, and only then what is 0 by choice is looked for
            for node in nodes:
                node.grad = 0
            self.grad = _one(self.data)
            for consumer in reversed(nodes):
                for operand, local_derivative in zip(consumer.operands, local_derivatives(consumer), strict=True):
                    operand.grad += _product(consumer, local_derivative)

    @property
    def constant(self) -> bool:
        """Whether this is a number that code brought in, as the 2 in `2 * x`."""
        return self.order == _CONSTANT

    def __repr__(self) -> str:
        label = f", label={self.label!r}" if self.label else ""
        return f"Value({self.data!r}{label})"

    def _repr_html_(self) -> str:
        return str(late.bound("Value._repr_html_")(self))  # pictures build on nodes

    def __format__(self, spec: str) -> str:
        data = float(self.data) if isinstance(self.data, Fraction) else self.data
        return format(data, spec) if spec else repr(self)

    def __bool__(self) -> bool:
        return bool(self.data != 0)

    __hash__ = object.__hash__  # a node is itself; two nodes that hold equal numbers stay two nodes

    def __copy__(self) -> Value:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Value:
        return self

    def __pos__(self) -> Value:
        return self

    if TYPE_CHECKING:
        # the operators below, and the other rows of the table under NumPy's names: x.exp(), x.tanh(), x.maximum(y)

        def __getattr__(self, name: str) -> Callable[..., Value]: ...
        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...

        __add__: _Operator
        __radd__: _Operator
        __sub__: _Operator
        __rsub__: _Operator
        __mul__: _Operator
        __rmul__: _Operator
        __truediv__: _Operator
        __rtruediv__: _Operator
        __pow__: _Operator
        __rpow__: _Operator

        def __lt__(self, other: Any) -> bool: ...
        def __le__(self, other: Any) -> bool: ...
        def __gt__(self, other: Any) -> bool: ...
        def __ge__(self, other: Any) -> bool: ...


class Contribution(NamedTuple):
    """What one consumer adds to a gradient: `product = local_derivative * upstream`."""

    consumer: Value
    local_derivative: Any
    upstream: Any
    product: Any


def graph(J: Value) -> list[Value]:
    """All nodes that J was computed from, J included, in the order of their creation.

    >>> x = Value(2.0, label="x")
    >>> [node.data for node in graph(x * x)]
    [2.0, 4.0]

    That order is a topological one: a node is made after its operands.
    """
    nodes, found = [J], {J}
    for node in nodes:  # the list grows while it is read
        for operand in node.operands:
            if operand not in found:
                found.add(operand)
                nodes.append(operand)
    return sorted(nodes, key=operator.attrgetter("order"))


def local_derivatives(node: Value) -> Any:
    """d node / d operand for each operand of a node."""
    return node.op.partials(node.data, *[x.data for x in node.operands]) if node.op else ()


def _product(consumer: Value, local_derivative: Any) -> Any:
    """Local derivative times upstream; one that is 0 by choice, of a mask or a branch, makes 0 of inf and nan, too.

    Such a 0 is the int of a piecewise row of the table, or comes of a number 0 that code brought in.
    """
    product = local_derivative * consumer.grad
    if product == product or local_derivative != 0:
        return product
    chosen = type(local_derivative) is int or any(x.constant and x.data == 0 for x in consumer.operands)
    return 0 if chosen else product


def contributions(J: Value, x: Value) -> list[Contribution]:
    """One contribution for every use of x in J's graph; their products sum to `x.grad`.

    >>> x = Value(3.0, label="x")
    >>> J = 2 * x**2 + x
    >>> [c.product for c in contributions(J, x)], x.grad
    ([12.0, 1.0], 13.0)

    The list is in the order in which the consumers were made; x * x is two contributions of one consumer. A node that J
    does not depend on has none and the gradient 0. Runs `J.backward()`. Source: statements C1, D4.
    """
    J, x = getattr(J, "node", J), getattr(x, "node", x)  # scalars of a Tape
    x.grad = 0
    J.backward()
    return [
        Contribution(consumer, local_derivative, consumer.grad, _product(consumer, local_derivative))
        for consumer in graph(J)
        for operand, local_derivative in zip(consumer.operands, local_derivatives(consumer), strict=True)
        if operand is x
    ]


def all_contributions(J: Value) -> dict[Value, list[Contribution]]:
    """`contributions` of every scalar of J's graph, by one sweep.

    >>> x = Value(3.0, label="x")
    >>> J = 2 * x**2 + x
    >>> [c.product for c in all_contributions(J)[x]]
    [12.0, 1.0]
    """
    J.backward()
    found: dict[Value, list[Contribution]] = {}
    for consumer in graph(J):
        for operand, slope in zip(consumer.operands, local_derivatives(consumer), strict=True):
            product = _product(consumer, slope)
            found.setdefault(operand, []).append(Contribution(consumer, slope, consumer.grad, product))
    return found


# Nodes are made

_data = operator.attrgetter("data")
_new, _next = object.__new__, _creation.__next__


def record(op: Op, operands: tuple[Value, ...], data: Any = None) -> Value:
    """The node that `op` makes of nodes; `data` is its number where that is known already."""
    return _node(op.value(*map(_data, operands)) if data is None else data, op, operands)


def _node(data: Any, op: Op, operands: tuple[Value, ...]) -> Value:
    node = _new(Value)
    node.data = data
    node.grad = 0
    node.label = ""
    node.op = op
    node.operands = operands
    node.order = _next()
    return node


def apply(op: Op, *operands: Any) -> Any:
    """The node `op(*operands)`; a plain number where no operand is a node.

    >>> apply(OPS["tanh"], Value(0.0)).op.name
    'tanh'
    """
    nodes = [x for x in operands if isinstance(x, Value)]
    if not nodes:
        return op.value(*map(_checked, operands))
    if len(nodes) == len(operands):
        return record(op, operands)
    kind = kind_of(nodes)
    return record(op, tuple([x if isinstance(x, Value) else constant(x, kind) for x in operands]))


def kind_of(nodes: Iterable[Any]) -> type[Number] | None:
    """The type of number of this package that some of the nodes hold; None if they hold Python's own."""
    return next((type(x.data) for x in nodes if isinstance(x, Value) and isinstance(x.data, Number)), None)


def constant(number: Any, kind: type[Number] | None = None) -> Value:
    """A leaf for a number that code brought in, as a number of the kind that it stands beside."""
    number = _checked(number)
    return _leaf(number if kind is None else kind.beside(number))


def _leaf(number: Any) -> Value:
    node = _new(Value)
    node.data = number
    node.grad = 0
    node.label = ""
    node.op = None
    node.operands = ()
    node.order = _CONSTANT
    return node


def as_number(x: Any) -> Any:
    """x as a number that a node may hold (a NumPy scalar becomes Python's own); None if it is not one."""
    kind = type(x)
    if kind is float or kind is int or isinstance(x, Number):
        return x
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return as_number(x.item())
    return x if symbolic.is_expression(x) else plain(x)


def _checked(x: Any) -> Any:
    """x as a number that a node may hold; raises TypeError."""
    number = as_number(x)
    if number is not None:
        return number
    if isinstance(x, Value):
        raise TypeError("a Value holds a number, not another Value")
    if isinstance(x, np.ndarray):
        raise TypeError(
            f"a Value holds one number, not an array of shape {x.shape}: values(array, name) makes one of Values"
        )
    raise TypeError(f"a Value holds one real number, not {type(x).__name__} {x!r}")


def _one(data: Any) -> Any:
    """The gradient of J with respect to itself, in J's own type of number."""
    return 1 if symbolic.is_expression(data) else type(data)(1)


# The operators: each row of the table is one of Python's, or a method under NumPy's name


def _unary(op: Op) -> Callable[[Value], Value]:
    def method(self: Value) -> Value:
        return _node(op.value(self.data), op, (self,))

    return method


def _binary(op: Op, with_constant: Op | None = None) -> Callable[..., Any]:
    value, op_n = op.value, with_constant or op

    def method(self: Value, other: Any) -> Any:
        if type(other) is Value:
            return _node(value(self.data, other.data), op, (self, other))
        number = as_number(other)
        if number is None:
            return NotImplemented  # an ndarray then loops over its own elements
        if op_n is op and isinstance(self.data, Number):
            number = self.data.beside(number)
        return _node(value(self.data, number), op_n, (self, _leaf(number)))

    return method


def _reflected(op: Op) -> Callable[[Value, Any], Any]:
    def method(self: Value, other: Any) -> Any:
        number = as_number(other)
        if number is None:
            return NotImplemented
        if isinstance(self.data, Number):
            number = self.data.beside(number)
        return _node(op.value(number, self.data), op, (_leaf(number), self))

    return method


def _named(op: Op, operator_: Callable[..., Any]) -> Callable[[Value, Any], Any]:
    """The same as a method, x.maximum(y), where nobody tries the other operand after a NotImplemented."""

    def method(self: Value, other: Any) -> Any:
        node = operator_(self, other)
        return apply(op, self, other) if node is NotImplemented else node  # raises what is wrong with the operand

    return method


def _comparison(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Any], bool]:
    def method(self: Value, other: Any) -> bool:
        other = other.data if isinstance(other, Value) else as_number(other)
        return NotImplemented if other is None else compare(self.data, other)

    return method


for _name, _python in OPERATORS.items():
    _with_constant = OPS["power_n"] if _name == "power" else None
    setattr(Value, f"__{_python}__", _binary(OPS[_name], _with_constant))
    setattr(Value, f"__r{_python}__", _reflected(OPS[_name]))
for _name, _python in {"negative": "neg", "absolute": "abs"}.items():
    setattr(Value, f"__{_python}__", _unary(OPS[_name]))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(Value, f"__{_name}__", _comparison(getattr(operator, _name)))
for _op in OPS.values():
    if _op.arity == 1:
        setattr(Value, _op.name, _unary(_op))
    elif _op.arity == 2 and _op is not OPS["power_n"]:
        setattr(Value, _op.name, _named(_op, Value.__pow__ if _op.name == "power" else _binary(_op)))

"""Edits of calls and of products of matrices: another function, other axes, other arguments, the other way round."""

from __future__ import annotations

import ast
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from compare.reason.nodes import Edit, copied, parsed, transposed
from compare.reason.scope import Scope, shape_of

FUNCTIONS = (
    ("sum", "mean"), ("sin", "cos"), ("argmax", "argmin"), ("max", "min"), ("maximum", "minimum"),
    ("ones_like", "zeros_like"),
    ("tanh", "cosh"), ("tanh", "exp"), ("exp", "log"), ("std", "var"), ("cumsum", "cumprod"), ("zeros", "ones"),
)  # fmt: skip


def of_call(scope: Scope, node: Any) -> Iterator[Edit]:
    name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    for pair in FUNCTIONS:
        if name in pair:
            other = pair[1 - pair.index(name)]
            field = "attr" if isinstance(node.func, ast.Attribute) else "id"
            kind = "sum for mean" if pair == ("sum", "mean") else "function"
            yield Edit(0.9, copied(node, func=copied(node.func, **{field: other})), kind, other)
    if isinstance(node.func, ast.Name) and isinstance(scope.names.get(name), types.FunctionType):
        me = scope.names[name]
        for other, x in scope.names.items():
            is_like = isinstance(x, types.FunctionType) and x.__module__ == me.__module__ and other != name
            if is_like and x.__code__.co_argcount == me.__code__.co_argcount:
                yield Edit(0.95, copied(node, func=ast.Name(other, ast.Load())), "function", other)
    is_method = isinstance(node.func, ast.Attribute) and not (
        isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
    )
    array = node.func.value if is_method else node.args[0] if node.args else None
    keeps = [k for k in node.keywords if k.arg == "keepdims"]
    if name in ("sum", "mean", "max", "min", "prod", "std", "var", "argmax", "argmin", "cumsum", "softmax"):
        x = scope.value(array) if array is not None else None
        others = [k for k in node.keywords if k.arg not in ("axis", "keepdims")]
        for axis in [*range(np.ndim(x) if x is not None else 2), None]:
            for keep in (True, False):
                changed = [*others]
                if axis is not None:
                    changed.append(ast.keyword("axis", ast.Constant(axis)))
                if keep:
                    changed.append(ast.keyword("keepdims", ast.Constant(True)))
                args = [] if is_method else node.args[:1]
                same_keep = keep == bool(keeps)
                cost = 0.8 + 0.2 * (not same_keep) + 0.2 * (axis is None)
                yield Edit(cost, copied(node, args=args, keywords=changed), "axis", str(axis))
    for k, argument in enumerate(node.args):
        if len(node.args) == 2 and k == 0 and name not in ("reshape", "transpose", "sum", "mean"):
            yield Edit(0.9, copied(node, args=node.args[::-1]), "arguments swapped")
        if len(node.args) == 1 and not is_method and shape_of(scope.value(argument)) == shape_of(scope.value(node)):
            yield Edit(1.0, argument, "function left out", name)
    if is_method and shape_of(scope.value(array)) is not None:
        yield Edit(1.0, array, "function left out", name)
    if name in ("dot", "matmul"):
        if is_method and len(node.args) == 1:

            def method(x: Any, y: Any) -> Any:
                return copied(node, func=copied(node.func, value=x), args=[y])

            yield from of_product(scope, array, node.args[0], method)
        elif len(node.args) == 2:
            yield from of_product(scope, node.args[0], node.args[1], lambda x, y: copied(node, args=[x, y]))
    if name in ("dot", "inner") and len(node.args) == 2 and isinstance(node.func, ast.Attribute):
        yield Edit(1.1, copied(node, func=copied(node.func, attr="outer")), "function", "outer")
    if name in ("reshape", "ravel", "flatten") and array is not None:
        yield from _turned(scope, node, array, is_method)


def of_product(scope: Scope, x: Any, y: Any, make: Callable[[Any, Any], Any]) -> Iterator[Edit]:
    """The other ways to multiply two matrices."""
    turned_x, turned_y = _turned_over(scope, x), _turned_over(scope, y)
    for a, b in itertools.product((x, turned_x), (y, turned_y)):
        for first, second, swap in ((a, b, 0.0), (b, a, 0.2)):
            turned = (a is not x) + (b is not y)
            if turned or swap:
                yield Edit(0.7 + 0.15 * turned + swap, make(first, second), "transposed")
                if swap or turned == 2:
                    yield Edit(1.1 + 0.15 * turned, transposed(make(first, second)), "transposed")


def _turned_over(scope: Scope, node: Any) -> Any:
    """The last two axes exchanged."""
    if len(shape_of(scope.value(node)) or ()) <= 2:
        return transposed(node)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and getattr(node.func, "attr", "") == "swapaxes"
    ):
        return node.func.value
    return parsed(f"({ast.unparse(node)}).swapaxes(-1, -2)")


def _turned(scope: Scope, node: Any, array: Any, is_method: bool) -> Iterator[Edit]:
    """Axes exchanged before or after a reshape."""

    def on(x: Any, order: tuple[int, ...]) -> Any:
        return ast.Call(ast.Attribute(x, "transpose", ast.Load()), [ast.Constant(k) for k in order], [])

    x = scope.value(array)
    if 2 <= np.ndim(x) <= 5:
        for order in list(itertools.permutations(range(np.ndim(x))))[1:]:
            new = on(array, order)
            after = (
                copied(node, func=copied(node.func, value=new))
                if is_method
                else copied(node, args=[new, *node.args[1:]])
            )
            yield Edit(1.2, after, "axes", str(order))

"""Edits of what stands in brackets: indices, slices, strides, the order of entries."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from compare.reason.nodes import Edit, copied, parsed, product
from compare.reason.scope import Scope, shape_of


def of_subscript(scope: Scope, node: Any) -> Iterator[Edit]:
    if shape_of(scope.value(node.value)) is not None:
        yield Edit(1.0, node.value, "index left out")
        yield from _of_another(scope, node)
    if isinstance(node.slice, ast.Tuple) and any(_is_reversed(x) for x in node.slice.elts):
        kept = [ast.Slice() if _is_reversed(x) else x for x in node.slice.elts]
        yield Edit(0.9, copied(node, slice=copied(node.slice, elts=kept)), "reversed")
    if _is_reversed(node.slice):
        yield Edit(0.9, node.value, "reversed")
    names = {x.id for x in ast.walk(node.slice) if isinstance(x, ast.Name)}
    for name in names:
        for term in scope.scalars:
            if isinstance(term.value, (int, np.integer)) and term.text != name and term.cost == 0:
                yield Edit(
                    1.2,
                    copied(node, slice=_renamed(node.slice, name, product(parsed(name), term.node))),
                    "stride",
                    term.text,
                )
    if len(names) > 1:
        for term in scope.scalars:
            if isinstance(term.value, (int, np.integer)) and term.cost == 0 and term.text not in names:
                new = node.slice
                for name in {x.id for s in _indices(node.slice) for x in ast.walk(s) if isinstance(x, ast.Name)}:
                    if _is_counter(scope, name):
                        new = _renamed(new, name, product(parsed(name), term.node))
                yield Edit(1.25, copied(node, slice=new), "stride", term.text)
    for slice_ in _slices(node.slice):
        for other in _slices_like(scope, slice_):
            yield Edit(1.2, copied(node, slice=_exchanged(node.slice, slice_, other)), "slice")


def of_slice(node: Any) -> Iterator[Edit]:
    if node.step is not None:
        yield Edit(1.0, copied(node, step=None), "step")
    if node.lower is not None:
        yield Edit(1.1, copied(node, lower=None), "slice")
    if node.upper is not None:
        yield Edit(1.1, copied(node, upper=None), "slice")


def of_index(scope: Scope, node: Any) -> Iterator[Edit]:
    for change in ("- 1", "+ 1"):
        yield Edit(0.9, parsed(f"{node.id} {change}"), "index", f"{node.id} {change}")
    for term in scope.scalars:
        if isinstance(term.value, (int, np.integer)) and term.cost == 0:
            yield Edit(1.2, product(term.node, node), "stride", term.text)


def _of_another(scope: Scope, node: Any) -> Iterator[Edit]:
    """The same index of another array, which need not have the same shape."""
    before, shape = scope.value(node.value), shape_of(scope.value(node))
    for term in scope.atoms:
        if shape is not None and term.value.ndim == np.ndim(before) and term.value.shape != np.shape(before):
            other = copied(node, value=term.node)
            if shape_of(scope.value(other)) == shape:
                yield Edit(1.0 + term.cost, other, "replaced", term.text)


def _slices_like(scope: Scope, old: Any) -> Iterator[Any]:
    """Other slices of the same length that the code uses, or that leave out the other end."""
    low, high = old.lower, old.upper
    if low is None and isinstance(high, ast.UnaryOp):
        yield ast.Slice(high.operand, None)
    if low is not None and high is None:
        yield ast.Slice(None, ast.UnaryOp(ast.USub(), low))
        yield ast.Slice(None, low)
    if high is not None and low is None:
        yield ast.Slice(high, None)
    for term in scope.scalars:
        if isinstance(term.value, (int, np.integer)) and term.cost == 0:
            yield ast.Slice(term.node, ast.UnaryOp(ast.USub(), term.node))
            yield ast.Slice(term.node, None)
            yield ast.Slice(None, term.node)


def _is_counter(scope: Scope, name: str) -> bool:
    """Whether a name may count the passes of a loop."""
    value = scope.names.get(name)
    return isinstance(value, (int, np.integer)) and value == 0


def of_target(scope: Scope, node: Any) -> Iterator[Edit]:
    """Other slices in what a statement writes into."""
    for slice_ in _slices(node.slice):
        for other in _slices_like(scope, slice_):
            yield Edit(1.2, copied(node, slice=_exchanged(node.slice, slice_, other)), "slice")


def _indices(node: Any) -> list[Any]:
    """The indices of an array of several axes."""
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _is_reversed(node: Any) -> bool:
    return isinstance(node, ast.Slice) and isinstance(node.step, ast.UnaryOp)


def _slices(node: Any) -> Iterator[Any]:
    for one in [node, *getattr(node, "elts", [])]:
        if isinstance(one, ast.Slice) and one.step is None and (one.lower or one.upper):
            yield one


def _exchanged(node: Any, old: Any, new: Any) -> Any:
    """The index with every slice like the old one exchanged."""
    like = ast.dump(old)
    if isinstance(node, ast.Tuple):
        return copied(node, elts=[new if ast.dump(x) == like else x for x in node.elts])
    return new


def _renamed(node: Any, name: str, new: Any) -> Any:
    class Rename(ast.NodeTransformer):
        def visit_Name(self, found: ast.Name) -> Any:
            return new if found.id == name else found

    return Rename().visit(copy.deepcopy(node))

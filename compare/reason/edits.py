"""Small edits of one statement of a user's code: each gives the statement as it might have been meant.

The edits know the numbers at hand where the statement runs, so that only what fits by shape is tried.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from compare.reason.calls import of_call, of_product
from compare.reason.indices import of_index, of_slice, of_subscript, of_target
from compare.reason.missing import depth_of, larger, terms
from compare.reason.nodes import (
    Edit,
    Path,
    at,
    copied,
    everywhere,
    is_stored,
    loaded,
    parsed,
    product,
    slots,
    transposed,
)
from compare.reason.scope import Scope, broadcasts, shape_of

SWAPPED = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
}  # fmt: skip
DRAWN = {
    "random", "normal", "binomial", "standard_normal", "rand", "randn", "uniform", "integers", "choice", "permutation",
}  # fmt: skip
COMPARED = {
    ast.Gt: (ast.Lt, ast.GtE), ast.Lt: (ast.Gt, ast.LtE), ast.GtE: (ast.LtE, ast.Gt), ast.LtE: (ast.GtE, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip


_OF_TWO = {frozenset({ast.Add, ast.Sub}): "sign", frozenset({ast.Mult, ast.Div}): "operator"}  # one for the other


class Edits:
    """The edits of one statement, in a scope."""

    def __init__(self, statement: Any, scope: Scope) -> None:
        self.statement, self.scope = statement, scope

    def changed(self) -> Iterator[Edit]:
        """Something in the statement is another one of its kind, or left out."""
        yield from self.of_the_statement()
        whole = getattr(self.statement, "value", None) if not isinstance(self.statement, ast.Expr) else None
        if whole is not None and len(shape_of(self.scope.value(whole)) or ()) == 2:
            yield Edit(1.0, transposed(whole), "transposed", "", (("value", None),))
        for path, node in slots(self.statement):
            if isinstance(node, ast.expr) and not is_stored(node):
                if isinstance(self.statement, ast.Expr) and node is self.statement.value:
                    continue  # it is called for what it does
                for edit in self.small(node, path):
                    yield edit if edit.kind == "replaced everywhere" else edit._replace(path=path)
            elif isinstance(node, ast.Subscript) and is_stored(node):
                for edit in of_target(self.scope, node):
                    yield edit._replace(path=path)

    def grown(self) -> Iterator[Edit]:
        """A factor, a slope, a sum or a term at hand is missing in the statement."""
        for path, node in self._around():
            for edit in larger(self.scope, node, path):
                yield edit._replace(path=path)

    def extended(self) -> Iterator[Edit]:
        """A term that is made of several things at hand is missing."""
        for path, node in self._around():
            value, depth = self.scope.value(node), depth_of(path)
            if shape_of(value) is not None and depth <= 0.45:
                for edit in terms(self.scope, node, np.shape(value), depth):
                    yield edit._replace(path=path)

    def _around(self) -> Iterator[tuple[Path, Any]]:
        for path, node in slots(self.statement):
            inside = any(field == "slice" for field, _ in path) or (path[:1] and path[0][0] in ("targets", "target"))
            if isinstance(node, ast.expr) and not is_stored(node) and not inside and not isinstance(node, ast.Constant):
                yield path, node

    def small(self, node: Any, path: Path) -> Iterator[Edit]:
        """Something inside of the node is another one of its kind, or left out."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield from self._of_number(node, path)
        elif isinstance(node, ast.BinOp):
            yield from self._of_operation(node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
            yield Edit(0.8, node.operand, "sign" if isinstance(node.op, ast.USub) else "not")
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            for other in COMPARED.get(type(node.ops[0]), ()):
                yield Edit(1.0, copied(node, ops=[other()]), "comparison")
        elif isinstance(node, ast.Call):
            yield from of_call(self.scope, node)
        elif isinstance(node, ast.Subscript):
            yield from of_subscript(self.scope, node)
        elif isinstance(node, ast.Attribute) and node.attr == "T":
            yield Edit(0.9, node.value, "transposed")
        elif isinstance(node, ast.IfExp):
            yield Edit(0.9, node.body, "condition")
            yield Edit(0.9, node.orelse, "condition")
        elif isinstance(node, ast.Slice):
            yield from of_slice(node)
        elif isinstance(node, ast.Name) and any(f == "slice" for f, _ in path):
            yield from of_index(self.scope, node)
        if isinstance(node, (ast.Tuple,)) and any(f == "slice" for f, _ in path) and len(node.elts) == 2:
            yield Edit(1.0, copied(node, elts=node.elts[::-1]), "indices swapped")
        yield from self._replaced(node, path)

    def _of_number(self, node: Any, path: Path) -> Iterator[Edit]:
        x = node.value
        in_index = any(field == "slice" for field, _ in path)
        if (
            x
            and not in_index
            and sum(isinstance(n, ast.Constant) and n.value == x for n in ast.walk(self.statement)) > 1
        ):
            for other in (2 * x, x / 2):
                exchanged = functools.partial(everywhere, self.statement, repr(x), repr(other))
                yield Edit(1.15, exchanged, "replaced everywhere", repr(other))
        if type(x) is int:
            for other in (x + 1, x - 1):
                yield Edit(0.9, ast.Constant(other), "number", str(other))
        if in_index:
            return
        if x:
            yield Edit(1.0, ast.Constant(-x), "number", str(-x))
        for other in (2 * x, x / 2, 3 * x, 4 * x):
            other = int(other) if other == int(other) and type(x) is int else other
            yield Edit(1.1, ast.Constant(other), "number", f"{other:g}")
        for other in self.scope.numbers:
            if other != x:
                yield Edit(1.1, ast.Constant(other), "number", f"{other:g}")
        for term in self.scope.scalars + self.scope.sizes:
            yield Edit(1.2 + term.cost, term.text, "number", term.text)

    def _of_operation(self, node: Any) -> Iterator[Edit]:
        left, op, right = node.left, node.op, node.right
        whole = shape_of(self.scope.value(node))
        for one, other in ((left, right), (right, left)):
            if whole is None or shape_of(self.scope.value(one)) == whole:
                yield Edit(0.9, one, "left in", ast.unparse(other))
        if isinstance(op, ast.MatMult):
            yield from of_product(self.scope, left, right, lambda x, y: product(x, y, ast.MatMult()))
        else:
            for kind in SWAPPED.get(type(op), ()):
                yield Edit(0.8, copied(node, op=kind()), "operator")
        if isinstance(op, (ast.Sub, ast.Div)):
            yield Edit(0.8, copied(node, left=right, right=left), "swapped")
        if isinstance(op, ast.Pow):
            yield Edit(1.0, left, "power")
        if isinstance(op, ast.Mult):
            yield from self._distributed(node)

    def _distributed(self, node: Any) -> Iterator[Edit]:
        """(a + b) * c where a + b * c stands."""
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Add, ast.Sub)):
                yield Edit(1.2, copied(one, right=product(one.right, other)), "brackets")
                yield Edit(1.2, copied(one, left=product(one.left, other)), "brackets")

    def _replaced(self, node: Any, path: Path) -> Iterator[Edit]:
        """Something else at hand in the place of the node."""
        value = self.scope.value(node)
        shape = shape_of(value)
        if shape is None or isinstance(node, ast.Constant):
            return
        text = ast.unparse(node)
        is_atom = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
        size = sum(1 for _ in ast.walk(node))
        drawn = any(getattr(x, "attr", "") in DRAWN for x in ast.walk(node))
        in_index = any(field == "slice" for field, _ in path)
        is_whole = np.asarray(value).dtype.kind in "iu"
        parent = at(self.statement, path[:-1]) if path else None
        around = (
            shape_of(self.scope.value(parent))
            if isinstance(parent, ast.BinOp) and not isinstance(parent.op, ast.MatMult)
            else None
        )
        terms = [*self.scope.terms, *self.scope.sizes] if shape == () else self.scope.arrays
        for term in terms:
            if term.text == text:
                continue
            fits = np.shape(term.value) == shape
            if not fits and (around is None or not shape or not broadcasts(np.shape(term.value), around)):
                continue
            if in_index and is_whole and np.asarray(term.value).dtype.kind not in "iu":
                continue
            cost = 0.9 + term.cost - 0.3 * _likeness(text, term.text) if is_atom else 1.0 + 0.04 * size + term.cost
            if drawn and term.cost < 0.3:
                cost = 0.7 + term.cost
            yield Edit(cost + 0.2 * in_index + 0.2 * (not fits), term.text, "replaced", term.text)
        if is_atom and not in_index and shape:
            count = sum(ast.unparse(x) == text for _, x in slots(self.statement) if isinstance(x, type(node)))
            if count > 1:
                for term in self.scope.atoms:
                    if np.shape(term.value) == shape and term.text != text:
                        exchanged = functools.partial(everywhere, self.statement, text, term.text)
                        yield Edit(0.95 + term.cost, exchanged, "replaced everywhere", term.text)

    def of_the_statement(self) -> Iterator[Edit]:
        """`+=` for `=`, np.add.at for a repeated index, values of a tuple exchanged."""
        node = self.statement
        if isinstance(node, ast.AugAssign):
            for op in (ast.Add, ast.Sub, ast.Mult, ast.Div):
                if not isinstance(node.op, op):
                    kind = _OF_TWO.get(frozenset({type(node.op), op}), "accumulate")
                    yield Edit(1.4 if kind == "accumulate" else 0.8, copied(node, op=op()), kind)
            yield Edit(1.0, ast.copy_location(ast.Assign([node.target], node.value), node), "overwrite")
            yield from self._of_a_part(node)
            if isinstance(node.target, ast.Subscript) and isinstance(node.op, (ast.Add, ast.Sub)):
                where = "add" if isinstance(node.op, ast.Add) else "subtract"
                base = copied(node.target.value)
                call = ast.Call(parsed(f"np.{where}.at"), [base, node.target.slice, node.value], [])
                if not any(isinstance(x, ast.Slice) for x in ast.walk(node.target.slice)):
                    yield Edit(0.9, ast.copy_location(ast.Expr(call), node), "repeated index")
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and not isinstance(node.targets[0], ast.Tuple):
            first: Any = node.targets[0]
            for way in (ast.Add(), ast.Sub()):
                yield Edit(0.8, ast.copy_location(ast.AugAssign(first, way, node.value), node), "accumulate")
                minus = node.value.operand if isinstance(node.value, ast.UnaryOp) else None
                if minus is not None:
                    yield Edit(0.9, ast.copy_location(ast.AugAssign(first, way, minus), node), "accumulate")
            if isinstance(first, ast.Subscript):
                yield Edit(0.9, ast.copy_location(ast.AugAssign(first, ast.Mult(), node.value), node), "scaled")
            target: Any = copied(node.targets[0])
            if hasattr(target, "ctx"):
                read = copied(target, ctx=ast.Load())
                yield Edit(0.85, copied(node, value=product(read, node.value, ast.Add())), "accumulate")
        for path, inner in slots(node):
            if isinstance(inner, (ast.Tuple, ast.List)) and not is_stored(inner) and 2 <= len(inner.elts) <= 12:
                if any(f == "slice" for f, _ in path):
                    continue
                for i, j in itertools.combinations(range(len(inner.elts)), 2):
                    elts = list(inner.elts)
                    elts[i], elts[j] = elts[j], elts[i]
                    yield Edit(1.0, copied(inner, elts=elts), "swapped", "", path)
            if isinstance(inner, ast.Dict) and len(inner.values) >= 2:
                for i, j in itertools.combinations(range(len(inner.values)), 2):
                    values = list(inner.values)
                    values[i], values[j] = values[j], values[i]
                    yield Edit(1.0, copied(inner, values=values), "swapped", "", path)

    def _of_a_part(self, node: Any) -> Iterator[Edit]:
        """Only a part of an array is added to: the same part everywhere."""
        whole = shape_of(self.scope.value(loaded(node.target)))
        if not whole or not isinstance(node.target, (ast.Name, ast.Attribute, ast.Subscript)):
            return
        like = [
            x
            for x in ast.walk(node.value)
            if isinstance(x, (ast.Name, ast.Attribute)) and shape_of(self.scope.value(x)) == whole
        ]
        for part in ("1:", ":-1"):
            value = node.value
            for text in {ast.unparse(x) for x in like}:
                value = everywhere(value, text, f"{text}[{part}]")
            target = ast.Subscript(loaded(node.target), parsed(f"x[{part}]").slice, ast.Store())
            yield Edit(1.15, ast.copy_location(copied(node, target=target, value=value), node), "part", part)


def _likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1."""
    if one.rpartition("[")[0] and one.rpartition("[")[0] == other.rpartition("[")[0]:
        return 1.0
    one, other = one.lower(), other.lower()
    strip = one.strip("0123456789_'\"[]"), other.strip("0123456789_'\"[]")
    return 1.0 if strip[0] == strip[1] else 0.5 if one[:1] == other[:1] else 0.0

"""The shapes of what comes back, and how a line asks a name for them."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from compare.derive.calls import Known, names_of
from compare.derive.flat import Flat
from compare.derive.hoist import Hoisting
from compare.derive.ir import CannotDerive, Set, reads
from compare.derive.lines import Gradient, OutLoop
from matrix_backprop.rules import parsed, written


class Shapes(Hoisting):
    """Shapes, as tuples and as text."""

    def shape_of(self, code: str, call: Known, g: Gradient, node: ast.expr) -> tuple[int, ...]:
        """The shape that a line gives, from a run of it."""
        scope = {"np": np, "dout": np.ones(g.shape), "out": self.flat.value(node)}
        scope |= {k: self.flat.value(x) for k, x in call.operands.items() if k != "index"}
        scope |= {k: self.flat.env[k] for k in names_of(ast.parse(code)) if k not in scope and k in self.flat.env}
        with np.errstate(all="ignore"):
            return np.shape(eval(code, scope))

    def shape_text(self, node: ast.expr, out: str) -> str:
        """The shape of an expression, asked of a name that has it."""
        if re.fullmatch(r"[\w.]+", out):
            return f"{out}.shape"
        return f"{self._like(node)}.shape"

    def _like(self, node: ast.expr) -> str:
        shape = np.shape(self.flat.value(node))
        for x in ast.walk(node):
            if isinstance(x, ast.Name) and isinstance(self.flat.env.get(x.id), np.ndarray):
                found = getattr(x, "found", self.flat.env[x.id])
                if np.shape(found) == shape:
                    return x.id
        return f"({written(node)})" if not isinstance(node, (ast.Call, ast.Subscript, ast.Attribute)) else written(node)

    def with_sizes(self, code: str) -> str:
        """`(x - y).shape` asked of a name of that shape, so that nothing is computed for it."""
        if not re.search(r"[\)\]]\.(shape|size)", code):
            return code
        return written(_Sizes(self).visit(ast.parse(code)))


class _Sizes(ast.NodeTransformer):
    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if node.attr in ("shape", "size") and not isinstance(node.value, ast.Name):
            try:
                like = self.shapes._like(node.value)
            except CannotDerive:
                return node
            return ast.Attribute(parsed(like), node.attr, ast.Load())
        self.generic_visit(node)
        return node


def ask_what_is_there(lines: list[Any], flat: Flat) -> None:
    """Ask an array that the lines use anyway for a size, not one that would be computed for its size alone."""
    made = {x.target.id: x for x in flat.block if isinstance(x, Set) and isinstance(x.target, ast.Name)}
    texts = [text for text, _ in _in_order(lines)]
    asked = {name for name in made if any(re.search(rf"\b{name}\.(shape|size)\b", text) for text in texts)}
    for name in sorted(asked):
        size = re.compile(rf"\b{name}(?=\.(shape|size)\b)")
        if any(re.search(rf"\b{name}\b", size.sub("", text)) for text in texts):
            continue
        other = _of_the_same_shape(name, made, flat, texts)
        if other:
            for _, x in _in_order(lines):
                x.text = size.sub(other, x.text)


def _in_order(lines: list[Any]) -> list[tuple[str, Any]]:
    return [pair for x in lines for pair in (_in_order(x.body) if isinstance(x, OutLoop) else [(x.text, x)])]


def _of_the_same_shape(name: str, made: dict[str, Set], flat: Flat, texts: list[str]) -> str:
    """An array that a name was made of, entry by entry, and that the lines use."""
    todo = [name]
    for seen in todo:
        for other in sorted(reads(made[seen])) if seen in made else ():
            if other not in todo and other in flat.env and np.shape(flat.env[other]) == np.shape(flat.env[name]) != ():
                todo.append(other)
    used = (other for other in todo[1:] if any(re.search(rf"\b{other}\b(?!\.(shape|size))", text) for text in texts))
    return next(used, "")

"""Edits of a user's source: one classic mistake each.

An edit replaces a piece of text and keeps the numbers of the lines.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, NamedTuple


class Edit(NamedTuple):
    """One edit of a source: where it starts and ends (bytes), what stands there instead, its line, and how it reads."""

    start: int
    end: int
    new: str
    line: int
    before: str
    after: str
    statement: bool
    rank: int = 0  # how unlikely it is as a correction


PRODUCTS = {"dot", "matmul"}
SWAPPED = {"sum": "mean", "mean": "sum"}
DROPPED = {"tanh", "exp", "log", "sqrt", "sign", "abs", "square", "sigmoid", "cumsum", "flip"}
FLIPPED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Gt: (">", "<"),
    ast.Lt: ("<", ">"),
    ast.GtE: (">=", "<"),
    ast.LtE: ("<=", ">"),
}
SHAPES = {"range", "reshape", "zeros", "ones", "empty", "full", "arange", "len", "repeat", "tile", "pad", "transpose"}


class Editor:
    """The source of a file and the edits that can be made in it.

    >>> editor = Editor("def f(W, d, m):\\n    return np.dot(W.T, d) / m\\n")
    >>> for edit in editor.edits(editor.tree):
    ...     print(edit.before, "->", edit.after)
    np.dot(W.T, d) / m -> -(np.dot(W.T, d) / m)
    np.dot(W.T, d) / m -> np.dot(W.T, d)
    np.dot(W.T, d) / m -> np.dot(W.T, d) * m
    np.dot(W.T, d) -> np.dot(d, W.T)
    d -> d.T
    W.T -> W
    """

    def __init__(self, source: str) -> None:
        self.tree, self.source = ast.parse(source), source.encode()
        lengths = [len(line) for line in self.source.split(b"\n")]
        self.starts = [sum(lengths[:k]) + k for k in range(len(lengths))]

    def applied(self, edit: Edit) -> str:
        """The source with the edit made; its lines keep their numbers."""
        lost = self.source[edit.start : edit.end].count(b"\n") - edit.new.count("\n")
        new = edit.new
        if lost > 0:
            new = new + "\n" * lost if edit.statement else f"({new}" + "\n" * lost + ")"
        return (self.source[: edit.start] + new.encode() + self.source[edit.end :]).decode()

    def edits(self, node: ast.AST, indices: bool = False, everywhere: bool = False) -> Iterator[Edit]:
        """The edits in a part of the tree; in indices and shapes only comparisons and slopes, or `everywhere`."""
        if isinstance(node, (ast.Assert, ast.Raise, ast.JoinedStr, ast.While)):
            return  # an edited while might never end
        if everywhere or not indices or isinstance(node, ast.Compare):
            for place, new in self._here(node):
                start, end = self._span(place)
                before = self._text(place)
                yield Edit(start, end, new, place.lineno, one_line(before), one_line(new), isinstance(place, ast.stmt))
        for name, child in ast.iter_fields(node):
            inside = indices or (isinstance(node, ast.Subscript) and name == "slice")
            inside |= isinstance(node, ast.Call) and name == "args" and called_name(node) in SHAPES
            if name in ("decorator_list", "returns", "annotation") or (
                isinstance(node, ast.FunctionDef) and name == "args"
            ):
                continue
            for part in child if isinstance(child, list) else [child]:
                if isinstance(part, ast.AST):
                    yield from self.edits(part, inside, everywhere)

    def _here(self, node: Any) -> Iterator[tuple[Any, str]]:
        """(what is replaced, by what)."""
        match node:
            case ast.Attribute(attr="T", ctx=ast.Load()):
                yield node, self._term(node.value)
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                add = isinstance(node.op, ast.Add)
                yield node, self._operator(node, "-" if add else "+")
                yield node, self._term(node.left)
                yield node, self._term(node.right) if add else f"(-{self._term(node.right)})"
            case ast.BinOp(op=ast.Mult()):
                if not isinstance(node.left, ast.Constant):
                    yield node, self._term(node.left)
                left_is_chain = isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.Mult)
                if not left_is_chain and not isinstance(node.right, ast.Constant):
                    yield node, self._term(node.right)
            case ast.BinOp(op=ast.Div()):
                yield node, self._term(node.left)
                yield node, self._operator(node, "*")
            case ast.BinOp(op=ast.MatMult()):
                yield node, f"{self._term(node.right)} @ {self._term(node.left)}"
                yield from self._transposed(node.left, node.right)
            case ast.BinOp(op=ast.Pow(), right=ast.Constant(value=int() | float() as n)):
                less = n - 1 if n > 1 else n + 1
                yield node, self._term(node.left) if less == 1 else f"{self._term(node.left)} ** {less}"
            case ast.UnaryOp(op=ast.USub()) if not isinstance(node.operand, ast.Constant):
                yield node, self._term(node.operand)
            case ast.Compare(ops=[op]) if type(op) in FLIPPED:
                yield node, self._between(node.left, node.comparators[0], *FLIPPED[type(op)])
            case ast.AugAssign(op=ast.Add()):
                yield node, self._between(node.target, node.value, "+=", "=")
                yield node, self._between(node.target, node.value, "+=", "-=")
                yield node, "pass"
            case ast.AugAssign(op=ast.Sub()):
                yield node, self._between(node.target, node.value, "-=", "+=")
                yield node, "pass"
            case ast.AugAssign(op=ast.Mult() | ast.Div()):
                yield node, "pass"
            case ast.Assign(targets=[ast.Subscript(slice=ast.Compare())]):
                yield node, "pass"
            case ast.Assign(targets=[ast.Name() | ast.Subscript()], value=value) | ast.Return(value=value):
                if _is_product(value):
                    yield value, f"-({self._text(value)})"
            case ast.Dict():
                yield from ((value, f"-({self._text(value)})") for value in node.values if _is_product(value))
            case ast.Expr(value=ast.Call(func=ast.Attribute(attr="at"), args=[array, index, value])):
                yield node, f"{self._text(array)}[{self._text(index)}] += {self._text(value)}"
            case ast.keyword(arg="axis", value=ast.Constant(value=0 | 1 as axis)):
                yield node, f"axis={1 - axis}"
            case ast.keyword(arg="keepdims", value=ast.Constant(value=True)):
                yield node, "keepdims=False"
            case ast.Call():
                yield from self._call(node)

    def _call(self, node: ast.Call) -> Iterator[tuple[Any, str]]:
        name, args = called_name(node), node.args
        method = isinstance(node.func, ast.Attribute) and not _is_numpy(node.func.value)
        if name in SWAPPED and isinstance(node.func, ast.Attribute):
            head, rest = self._owner(node.func), self._text(node)[len(self._text(node.func)) :]
            yield node, f"{head}.{SWAPPED[name]}{rest}"
            axis = args[0 if method else 1 :]
            if axis and isinstance(axis[0], ast.Constant) and axis[0].value in (0, 1):
                yield axis[0], str(1 - axis[0].value)
        if name in PRODUCTS and isinstance(node.func, ast.Attribute):
            head = self._owner(node.func)
            if method and len(args) == 1:
                yield node, f"{self._term(args[0])}.{name}({head})"
                yield from self._transposed(node.func.value, args[0])
            elif len(args) == 2:
                yield node, f"{head}.{name}({self._text(args[1])}, {self._text(args[0])})"
                yield from self._transposed(*args)
        if name == "transpose" and (method or len(args) == 1):
            yield node, self._term(node.func.value if method else args[0])  # type: ignore[attr-defined]
        if name in DROPPED and len(args) == 1:
            yield node, self._term(args[0])
        if name in ("maximum", "minimum") and len(args) == 2:
            yield node, self._term(args[1] if isinstance(args[0], ast.Constant) else args[0])
        if name == "where" and len(args) == 3:
            yield node, self._term(args[2] if isinstance(args[1], ast.Constant) else args[1])

    def _transposed(self, *operands: ast.expr) -> Iterator[tuple[Any, str]]:
        for x in operands:
            if isinstance(x, (ast.Name, ast.Subscript)):
                yield x, f"{self._text(x)}.T"

    def _span(self, node: Any) -> tuple[int, int]:
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def _text(self, node: Any) -> str:
        start, end = self._span(node)
        return self.source[start:end].decode()

    def _owner(self, node: ast.Attribute) -> str:
        """What stands before the last dot, with its parentheses."""
        return self._text(node).rpartition(".")[0].rstrip()

    def _term(self, node: ast.expr) -> str:
        """The text of an expression, in parentheses where another place needs them."""
        simple = isinstance(node, (ast.Name, ast.Constant, ast.Attribute, ast.Call, ast.Subscript))
        return self._text(node) if simple else f"({self._text(node)})"

    def _operator(self, node: ast.BinOp, new: str) -> str:
        return f"{self._term(node.left)} {new} {self._term(node.right)}"

    def _between(self, left: ast.expr, right: ast.expr, old: str, new: str) -> str:
        """Two operands and what is between them, with the operator replaced."""
        (start, end), (right_start, right_end) = self._span(left), self._span(right)
        middle = self.source[end:right_start].decode().replace(old, new, 1)
        return self.source[start:end].decode() + middle + self.source[right_start:right_end].decode()


def called_name(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _is_numpy(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy")


def _is_product(node: ast.expr | None) -> bool:
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, (ast.Mult, ast.Div, ast.MatMult))
    return isinstance(node, ast.Call) and called_name(node) in PRODUCTS | SWAPPED.keys()


def one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text)

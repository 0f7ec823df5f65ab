"""A row of the table of matrix derivatives: what it is made of, and its text as code.

The text of a row is Python: `dout` is the derivative of the cost by the result `out`, and the operands have the names
of the row. The code is that text, compiled; nothing is written a second time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Shape = tuple[int, ...]


class NoRule(ValueError):
    """Raised for a call that the table has no derivative for; its message says which."""


class Call(NamedTuple):
    """A call as far as a derivative depends on it: the shapes of the operands by name, that of the result, the options.

    >>> Call.of("sum", x=(4, 3), options={"axis": 0}).out
    (3,)
    """

    function: str
    shapes: dict[str, Shape]
    out: Shape
    options: dict[str, Any]

    @classmethod
    def of(cls, function: str, options: Mapping[str, Any] | None = None, **shapes: Shape) -> Call:
        """The call of a function of NumPy's on arrays of these shapes; the shape of its result is that of a run."""
        ones = [np.ones(shape) for shape in shapes.values()]
        return cls(function, shapes, np.shape(getattr(np, function)(*ones, **(options or {}))), dict(options or {}))

    def get(self, option: str, default: Any = None) -> Any:
        """The value of an option, or what NumPy takes without it."""
        return self.options.get(option, default)


class Line(NamedTuple):
    """What the derivative by one operand is, and why.

    `code` is an expression. Where the derivative goes to some places of the operand only, `code` is instead a block of
    statements on `dx` (the operand's name after a d), which holds zeros before: `is_block`. An expression that
    `spreads` is smaller than the operand and stands, by broadcasting, for an array of the operand's shape.

    >>> Line("dout * out", "each entry moves its own alone").run({"dout": 2.0, "out": 3.0})
    6.0
    """

    code: str
    why: str
    is_block: bool = False
    spreads: bool = False

    def run(self, names: Mapping[str, Any], operand: str = "x") -> Any:
        """The derivative, from the arrays by name."""
        scope = {"np": np, **names}
        if not self.is_block:
            found = eval(self.code, scope)
            return found + np.zeros(np.shape(names[operand])) if self.spreads else found
        scope[f"d{operand}"] = np.zeros(np.shape(names[operand]), object if _is_object(names["dout"]) else float)
        exec(self.code, scope)
        return scope[f"d{operand}"]


def _is_object(x: Any) -> bool:
    return bool(np.asarray(x).dtype == object)


@dataclass(frozen=True)
class Rule:
    """A function of the vocabulary: the names of its operands and options, and its derivative by each operand."""

    name: str
    operands: tuple[str, ...]
    options: tuple[str, ...]
    by: Callable[[Call, str], Line]

    def line(self, call: Call, operand: str) -> Line:
        """The derivative by one operand of a call.

        Raises NoRule for options or shapes that the row does not cover.
        """
        return self.by(call, operand)


RULES: dict[str, Rule] = {}


def rule(
    names: str, operands: str = "x", options: str = ""
) -> Callable[[Callable[[Call, str], Line]], Callable[[Call, str], Line]]:
    """Enter a function that writes the lines into the table, under each of the names."""

    def enter(by: Callable[[Call, str], Line]) -> Callable[[Call, str], Line]:
        for name in names.split():
            RULES[name] = Rule(name, tuple(operands.split()), tuple(options.split()), by)
        return by

    return enter


# Broadcasting, made visible


def summed(code: str, why: str, shape: Shape, operand: str, to: Shape) -> Line:
    """`code` of the shape of the result, summed over the axes along which the operand was repeated.

    >>> summed("dout", "one for one", (5, 3), "b", (3,)).code
    'np.sum(dout, axis=0)'
    >>> summed("dout", "one for one", (5, 3), "b", (5, 1)).code
    'np.sum(dout, axis=1, keepdims=True)'
    """
    lead = tuple(range(len(shape) - len(to)))
    if shape == to:
        return Line(code, why)
    ones = tuple(k for k in range(len(lead), len(shape)) if to[k - len(lead)] == 1)
    if len(shape) == 2:  # of more axes, one of size 1 is one by chance
        ones = tuple(k for k in ones if shape[k] != 1)
    if not to:
        return Line(f"np.sum({code})", f"{why}; {operand} is one number, used by every entry: sum over all")
    axes = lead + ones
    over = f"axis {axes[0]}" if len(axes) == 1 else "axes " + ", ".join(map(str, axes[:-1])) + f" and {axes[-1]}"
    text = f"np.sum({code}, axis={axes[0] if len(axes) == 1 else axes}"
    text += ", keepdims=True)" if not lead else ")"
    text += f".reshape({operand}.shape)" if lead and ones else ""
    return Line(text, f"{why}; {operand} takes part at every place along {over}: sum over {over}")


# Text


def parsed(text: str) -> ast.expr:
    """An expression as a tree."""
    return ast.parse(text, mode="eval").body


def written(tree: ast.AST) -> str:
    """A tree as text, in the spacing that people use.

    >>> written(parsed("2*x  ** 2 + y[ : , 1:n]"))
    '2 * x**2 + y[:, 1:n]'
    """
    text = ast.unparse(ast.fix_missing_locations(tree))
    text = re.sub(r"([\w\)\]]) \*\* (-?[\w.]+)(?![\w(\[.])", r"\1**\2", text)
    return re.sub(r"'([^'\"\\\n]*)'", r'"\1"', text)


def substituted(text: str, **names: str) -> str:
    """The text with expressions in place of names, in parentheses where they must be; .T of .T is nothing.

    >>> substituted("dout * (1 - out**2)", dout="dh + da", out="h")
    '(dh + da) * (1 - h**2)'
    """
    return filled(text, {name: parsed(x) for name, x in names.items()})


def filled(text: str, trees: Mapping[str, ast.expr]) -> str:
    """The text with trees in place of names; an index that holds slices becomes a tuple where it is an argument.

    >>> filled("np.add.at(dx, index, dout)", {"index": ast.parse("x[:, k]").body[0].value.slice})
    'np.add.at(dx, (slice(None), k), dout)'
    """
    return written(tidied(_Substitution(trees).visit(ast.parse(text))))


class _Substitution(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.names.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        node.args = [_as_argument(x) for x in node.args]
        return node


def _as_argument(x: ast.expr) -> ast.expr:
    """An index as an expression of its own: `:, k` is (slice(None), k)."""
    match x:
        case ast.Tuple(elts=parts) if any(isinstance(part, ast.Slice) for part in parts):
            return ast.Tuple([_as_argument(part) for part in parts], ast.Load())
        case ast.Slice(lower=lower, upper=upper, step=step):
            nothing = ast.Constant(None)
            ends = [upper or nothing] if lower is None and step is None else [lower or nothing, upper or nothing]
            return ast.Call(ast.Name("slice", ast.Load()), ends + ([step] if step else []), [])
    return x


def tidied(tree: Any) -> Any:
    """A tree without transpositions that undo each other, products with 1 and signs that cancel."""
    return _Tidy().visit(tree)


class _Tidy(ast.NodeTransformer):
    def visit_Attribute(self, node: ast.Attribute) -> Any:
        self.generic_visit(node)
        if node.attr != "T":
            return node
        match node.value:
            case ast.Attribute(value=inner, attr="T"):
                return inner
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                product = ast.BinOp(_turned(right), ast.MatMult(), _turned(left))
                return self.visit(product)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="np"), attr="dot" | "outer" as name) as func, args=[left, right]
            ):
                turned = [right, left] if name == "outer" else [_turned(right), _turned(left)]
                return self.visit(ast.Call(func, turned, []))
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return ast.UnaryOp(ast.USub(), self.visit(_turned(inner)))
        return node

    def visit_Call(self, node: ast.Call) -> Any:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr="sum" | "dot"), args=[*args]):
                positive, odd = zip(*map(without_sign, args), strict=True)
                if any(odd):
                    product = ast.Call(node.func, list(positive), node.keywords)
                    return ast.UnaryOp(ast.USub(), product) if sum(odd) % 2 else product
            case ast.Call(func=ast.Attribute(value=inner, attr="swapaxes" | "transpose")) if swaps_the_last(node):
                if swaps_the_last(inner):
                    return inner.func.value  # type: ignore[attr-defined]
                if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.MatMult):
                    left, right = (self.visit(_swapped(x)) for x in (inner.right, inner.left))
                    return ast.BinOp(left, ast.MatMult(), right)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        self.generic_visit(node)
        positive, odd = without_sign(node.value)
        if odd and isinstance(node.op, ast.Add):
            return ast.AugAssign(node.target, ast.Sub(), positive)
        return node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        self.generic_visit(node)
        if isinstance(node.op, ast.USub):
            positive, odd = without_sign(node.operand)
            return positive if odd else node
        return node

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        self.generic_visit(node)
        match node:
            case ast.BinOp(left=x, op=ast.Mult() | ast.Div() | ast.Pow(), right=ast.Constant(value=1)):
                return x
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Mult(), right=x):
                return x
            case ast.BinOp(
                left=ast.BinOp(left=x, op=ast.Mult(), right=ast.Constant(value=int() | float() as a)),
                op=ast.Mult(),
                right=ast.Constant(value=int() | float() as b),
            ) if float(a * b).is_integer():  # 0.5 * 2 of a half of a square
                return x if a * b == 1 else ast.BinOp(x, ast.Mult(), ast.Constant(int(a * b)))
            case ast.BinOp(left=x, op=ast.Add() | ast.Sub() as op, right=y):
                positive, odd = without_sign(y)
                if odd:
                    return ast.BinOp(x, ast.Sub() if isinstance(op, ast.Add) else ast.Add(), positive)
                if isinstance(op, ast.Add) and ast.dump(x) == ast.dump(y):
                    return ast.BinOp(ast.Constant(2), ast.Mult(), x)
            case ast.BinOp(left=x, op=ast.MatMult() as op, right=y):
                (x, first), (y, second) = without_sign(x), without_sign(y)
                product = ast.BinOp(x, op, y)
                return ast.UnaryOp(ast.USub(), product) if first != second else product
        return node


def without_sign(x: ast.expr) -> tuple[ast.expr, bool]:
    """An expression without the minus in front of it, and whether there was one.

    >>> written(without_sign(parsed("-a * b"))[0])
    'a * b'
    """
    match x:
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return inner, True
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div() | ast.MatMult() as op, right=right):
            inner, odd = without_sign(left)
            return (ast.BinOp(inner, op, right), True) if odd else (x, False)
    return x, False


def swaps_the_last(x: ast.expr) -> bool:
    """Whether an expression is another with its last two axes swapped."""
    match x:
        case ast.Call(func=ast.Attribute(attr="swapaxes"), args=[_, _]):
            return ast.unparse(x.args[0]) == "-1" and ast.unparse(x.args[1]) == "-2"
        case ast.Call(func=ast.Attribute(attr="transpose"), args=[_, _, *_] as axes):
            n = len(axes)
            wanted = [*map(str, range(n - 2)), str(n - 1), str(n - 2)]
            return list(map(ast.unparse, axes)) == wanted and n > 2
    return False


def _swapped(x: ast.expr) -> ast.expr:
    if isinstance(x, ast.Call) and isinstance(x.func, ast.Attribute) and swaps_the_last(x):
        return x.func.value
    return parsed(f"({ast.unparse(ast.fix_missing_locations(x))}).swapaxes(-1, -2)")


def _turned(x: ast.expr) -> ast.expr:
    return ast.Attribute(x, "T", ast.Load())

"""Expressions of a forward pass as calls of the functions that `matrix_backprop.rules` knows."""

from __future__ import annotations

import ast
from typing import Any, NamedTuple

import numpy as np

from compare.derive.flat import Flat
from matrix_backprop.rules import RULES, Call, Line, NoRule, parsed, places, written

OPERATORS = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.MatMult: "matmul",
    ast.Pow: "power",
}
TEXT = {"pad_width", "n", "repeats", "shift"}  # options that a line repeats as the user wrote them


class Known(NamedTuple):
    """A call of a row of the table: its operands by name, and what the row asks for."""

    rule: str
    operands: dict[str, ast.expr]
    call: Call

    def line(self, operand: str) -> Line:
        """The derivative by one operand."""
        return RULES[self.rule].line(self.call, operand)


def known(flat: Flat, node: ast.expr, shaped: dict[str, Any] | None = None) -> Known | None:
    """An expression as a call of a row, or None where there is no row for it."""
    found = _written_by_hand(flat, node) or _read(flat, node)
    if found is None:
        return None
    rule, operands, options = found
    shapes = {name: np.shape(flat.value(x)) for name, x in operands.items() if name != "index"}
    return Known(rule, operands, Call(rule, shapes, np.shape(flat.value(node)), options))


def _read(flat: Flat, node: ast.expr) -> tuple[str, dict[str, ast.expr], dict[str, Any]] | None:
    match node:
        case ast.BinOp(left=x, op=ast.Pow(), right=n) if not flat.is_active(n):
            text = flat.value(n) if not names_of(n) else written(n)
            return "power_n", {"x": x}, {"n": text}
        case ast.BinOp(left=x, op=op, right=y) if type(op) in OPERATORS:
            return OPERATORS[type(op)], {"x": x, "y": y}, {}
        case ast.UnaryOp(op=ast.USub(), operand=x):
            return "negative", {"x": x}, {}
        case ast.UnaryOp(op=ast.UAdd(), operand=x):
            return "positive", {"x": x}, {}
        case ast.Attribute(value=x, attr="T"):
            return "T", {"x": x}, {}
        case ast.Subscript(value=ast.Call(func=ast.Attribute(attr="slogdet"), args=[x]), slice=ast.Constant(value=1)):
            return "slogdet", {"x": x}, {}
        case ast.Subscript(
            value=ast.Call(func=ast.Attribute(attr="split" | "array_split"), args=[x, count, *rest], keywords=keywords),
            slice=ast.Constant(value=int() as k),
        ) if isinstance(flat.value(count), int):
            axis = flat.value(rest[0]) if rest else next((flat.value(y.value) for y in keywords if y.arg == "axis"), 0)
            size = f"({written(x)}).shape[{axis}] // {written(count)}"
            part = f"{k} * ({size}):{k + 1} * ({size})" if k else f":{size}"
            found = parsed(f"x[{':, ' * axis}{part}]")
            assert isinstance(found, ast.Subscript)
            return "getitem", {"x": x, "index": found.slice}, {"may_repeat": False}
        case ast.Subscript(value=x, slice=index):
            if isinstance(flat.value(x), (list, tuple)):
                return None
            return "getitem", {"x": x, "index": index}, {"may_repeat": _may_repeat(flat, index)}
        case ast.Call(func=func, args=args, keywords=keywords):
            return _function(flat, func, list(args), {k.arg: k.value for k in keywords if k.arg})
    return None


def names_of(node: ast.AST) -> set[str]:
    """The names in an expression."""
    return {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}


def _function(
    flat: Flat, func: ast.expr, args: list[ast.expr], keywords: dict[str, ast.expr]
) -> tuple[str, dict[str, ast.expr], dict[str, Any]] | None:
    method = False
    if isinstance(func, ast.Name) and func.id in ("max", "min") and len(args) == 2:
        name = f"{func.id}imum"
    elif isinstance(func, ast.Name):
        if flat.env.get(func.id) is not None and hasattr(flat.env[func.id], "__module__"):
            name = getattr(flat.env[func.id], "__name__", func.id)
        else:
            name = func.id
    elif isinstance(func, ast.Attribute):
        name = func.attr
        if not _is_module(func.value):
            args, method = [func.value, *args], True
    else:
        return None
    name = {"max": "max", "abs": "absolute", "expit": "sigmoid"}.get(name, name)
    rule = RULES.get(name)
    if rule is None:
        return None
    if name == "einsum":
        operands = {f"x{k}": x for k, x in enumerate(args[1:], 1)}
        return name, operands, {"subscripts": flat.value(args[0])}
    if rule.operands[-1] == "*":
        parts = args[0].elts if isinstance(args[0], (ast.Tuple, ast.List)) else None
        operands = {f"x{k}": x for k, x in enumerate(parts, 1)} if parts is not None else {"x": args[0]}
        args = args[1:]
    else:
        count = len(rule.operands)
        operands = dict(zip(rule.operands, args[:count], strict=False))
        args = args[count:]
        operands |= {k: keywords.pop(k) for k in list(keywords) if k in rule.operands}
        operands = {k: x for k, x in operands.items() if not (isinstance(x, ast.Constant) and x.value is None)}
    if name in ("reshape", "transpose", "permute_dims", "tile") and len(args) > 1 and method:
        args = [ast.Tuple(args, ast.Load())]
    options: dict[str, ast.expr] = dict(zip(rule.options, args, strict=False)) | keywords
    return name, operands, {k: _texts(flat, x) if k in TEXT else flat.value(x) for k, x in options.items()}


def _is_module(base: ast.expr) -> bool:
    while isinstance(base, ast.Attribute):
        if base.attr not in ("linalg", "lib", "stride_tricks", "special"):
            return False
        base = base.value
    return isinstance(base, ast.Name) and base.id in ("np", "numpy", "scipy", "math", "special", "linalg")


def _texts(flat: Flat, x: ast.expr) -> Any:
    """An option as it is written, in tuples and lists as such."""
    if isinstance(x, (ast.Tuple, ast.List)):
        return tuple(_texts(flat, y) for y in x.elts)
    if not names_of(x):
        return flat.value(x)
    found = flat.value(x)
    return written(x) if isinstance(x, ast.Name) and np.ndim(found) == 0 else found


def _may_repeat(flat: Flat, index: ast.expr) -> bool:
    """Whether an index may take an entry twice: not where one of its parts counts the rows, np.arange(N)."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    for x in parts:
        if isinstance(x, ast.Call) and written(x.func).endswith("arange"):
            return False
    return any(
        places.is_fancy(flat.value(x)) for x in parts if not isinstance(x, (ast.Slice, ast.Constant, ast.Starred))
    )


def _written_by_hand(flat: Flat, node: ast.expr) -> tuple[str, dict[str, ast.expr], dict[str, Any]] | None:
    """The logistic function and relu, as people write them."""
    match node:
        case ast.BinOp(
            left=ast.Constant(value=1 | 1.0),
            op=ast.Div(),
            right=ast.BinOp(
                left=ast.Constant(value=1 | 1.0),
                op=ast.Add(),
                right=ast.Call(
                    func=ast.Attribute(attr="exp"), args=[ast.UnaryOp(op=ast.USub(), operand=x)], keywords=[]
                ),
            ),
        ):
            return "sigmoid", {"x": x}, {}
        case ast.Call(func=ast.Attribute(attr="maximum"), args=[ast.Constant(value=0 | 0.0), x], keywords=[]):
            return "relu", {"x": x}, {}
        case ast.Call(func=ast.Attribute(attr="maximum"), args=[x, ast.Constant(value=0 | 0.0)], keywords=[]):
            return "relu", {"x": x}, {}
        case ast.BinOp(left=x, op=ast.Mult(), right=ast.Compare(left=y, ops=[ast.Gt()], comparators=[zero])):
            if written(x) == written(y) and written(zero) == "0":
                return "relu", {"x": x}, {}
        case ast.BinOp(left=e, op=ast.Div(), right=total):
            return _softmax(flat, e, total)
    return None


def _softmax(flat: Flat, e: ast.expr, total: ast.expr) -> tuple[str, dict[str, ast.expr], dict[str, Any]] | None:
    """exp(x) / np.sum(exp(x), axis, keepdims=True), e perhaps a name."""
    if not flat.is_active(total):
        return None
    read = _read(flat, total)
    if read is None or read[0] != "sum" or written(read[1]["x"]) != written(e) or not read[2].get("keepdims"):
        return None
    inner = definition(flat, e)
    match inner:
        case ast.Call(func=ast.Attribute(attr="exp"), args=[x], keywords=[]):
            return "softmax", {"x": x}, {"axis": read[2].get("axis")}
    return None


def definition(flat: Flat, node: ast.expr) -> ast.expr:
    """What a name was set to, where it is set once and used by this alone; other expressions as they are."""
    if isinstance(node, ast.Name):
        return flat.once.get(node.id, node)
    return node


__all__ = ["Known", "NoRule", "definition", "known", "names_of"]

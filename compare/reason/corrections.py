"""Corrections of a user's source: the classic mistakes backwards, and many more small edits that may undo one."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from compare.reason.editor import Edit, Editor, called_name, one_line

REDUCTIONS = {"sum", "mean", "max", "min", "prod", "argmax"}


OTHERS = {
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "sin": ("cos",),
    "cos": ("sin",),
    "sinh": ("cosh",),
    "cosh": ("sinh",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "tile": ("repeat",),
    "repeat": ("tile",),
}


class Corrections(Editor):
    """The source of a file and the edits that may correct a mistake in it."""

    def corrections(self, function: ast.FunctionDef, constants: Iterable[str] = ()) -> Iterator[Edit]:
        """The edits, and many more that make little sense as mistakes but may correct one.

        They use the names of the function's arguments and variables, and these constants.
        """
        arguments = function.args
        names = [x.arg for x in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        keys: list[str] = []
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.append(node.id)
            if _is_member(node):
                names.append(self._text(node))
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                keys.append(self._text(node.slice))
        names, keys = list(dict.fromkeys([*names, *constants])), list(dict.fromkeys(keys))
        found = {(edit.start, edit.end, edit.new): edit for edit in self.edits(function, everywhere=True)}
        for place, new, rank in self._corrections(function, names, keys):
            start, end = self._span(place)
            before = self._text(place)
            if new != before and "--" not in new:
                edit = Edit(start, end, new, place.lineno, one_line(before), one_line(new), False, rank)
                found.setdefault((start, end, new), edit)
        yield from found.values()

    def _corrections(self, tree: ast.AST, names: list[str], keys: list[str]) -> Iterator[tuple[Any, str, int]]:
        """(what is replaced, by what, how unlikely it is)."""
        for node in _executed(tree):
            yield from ((place, new, 1) for place, new in self._exchanged(node))
            yield from ((place, new, 2) for place, new in self._adjusted(node, names, keys))
            rank = 2 if isinstance(node, (ast.BinOp, ast.Call)) else 3
            yield from ((place, new, rank) for place, new in self._wrapped(node))
            yield from ((place, new, 4) for place, new in self._extended(node, names))

    def _exchanged(self, node: Any) -> Iterator[tuple[Any, str]]:
        """Things in another order or direction: arguments, operands, axes, comparisons, overwritten or accumulated."""
        match node:
            case ast.Call(args=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts) if len(parts) > 1:
                yield from ((_Span(parts[0], parts[-1]), text) for text in self._orders(parts)[1:])
                match node:  # and of the arguments of two calls in a row, as reshape and transpose
                    case ast.Call(
                        func=ast.Attribute(value=ast.Call(func=called, args=[_, _, *_] as before), attr=name)
                    ):
                        for x, y in itertools.product(self._orders(before), self._orders(parts)):
                            yield node, f"{self._text(called)}({x}).{name}({y})"
            case ast.BinOp(op=ast.Sub() | ast.Div()):
                symbol = "-" if isinstance(node.op, ast.Sub) else "/"
                yield node, f"{self._term(node.right)} {symbol} {self._term(node.left)}"
            case ast.BinOp(op=ast.Mult()):
                yield node, self._operator(node, "/")
                match node.left:  # two factors too many
                    case ast.BinOp(op=ast.Mult(), left=first):
                        yield node, self._term(first)
            case ast.Compare(ops=[_]):
                for symbol in ("<", "<=", ">", ">=", "==", "!="):
                    yield node, f"{self._term(node.left)} {symbol} {self._term(node.comparators[0])}"
            case ast.Assign(targets=[target]):
                yield node, self._between(target, node.value, "=", "+=")
                match target:
                    case ast.Subscript(value=array, slice=index):
                        yield node, f"np.add.at({self._text(array)}, {self._text(index)}, {self._text(node.value)})"
            case ast.AugAssign(op=ast.Add(), target=ast.Subscript(value=array, slice=index)):
                yield node, f"np.add.at({self._text(array)}, {self._text(index)}, {self._text(node.value)})"
            case ast.Subscript(ctx=ast.Load()) if isinstance(node.slice, (ast.Slice, ast.Tuple)):
                yield node, self._term(node.value)
        match node:
            case ast.Call(func=ast.Attribute(attr=name) as called) if name in OTHERS:
                for other in OTHERS[name]:
                    yield node, f"{self._owner(called)}.{other}{self._text(node)[len(self._text(called)) :]}"

    def _adjusted(self, node: Any, names: list[str], keys: list[str]) -> Iterator[tuple[Any, str]]:
        """Another name, key, whole number, axis or exponent; an option left out or added."""
        match node:
            case ast.Name(ctx=ast.Load()):
                yield from ((node, name) for name in names)
            case ast.Attribute(ctx=ast.Load()) if _is_member(node):
                yield from ((node, name) for name in names)
            case ast.Assign(value=value) | ast.AugAssign(value=value):  # a name that stands there more than once
                uses = [x for x in ast.walk(value) if isinstance(x, ast.Name)]
                for old in {x.id for x in uses if sum(x.id == y.id for y in uses) > 1}:
                    yield from ((value, self._renamed(value, {old: name})) for name in names)
                for one, other in itertools.combinations(sorted({x.id for x in uses} & set(names)), 2):
                    yield value, self._renamed(value, {one: other, other: one})
                match value:
                    case ast.Tuple(elts=parts):
                        for name in names:
                            yield value, ", ".join(f"{self._term(x)} * {name}" for x in parts)
            case ast.Subscript(slice=ast.Constant(value=str())):
                yield from ((node.slice, key) for key in keys)
            case ast.Constant(value=int() as n) if not isinstance(n, bool):
                yield from ((node, str(k)) for k in (n - 1, n + 1, -n, 1 - n, 2 * n, 0))
            case ast.Slice(lower=None, upper=upper) if upper is not None:
                yield node, f"1:{self._text(upper)}"
            case ast.Call():
                for keyword in node.keywords:
                    if keyword.arg == "axis":
                        yield from ((keyword, f"axis={k}") for k in (0, 1, 2, 3, -1, -2, None))
                    before = [
                        *node.args,
                        *(x for x in node.keywords if x.lineno <= keyword.lineno and x is not keyword),
                    ]
                    if before and len(node.keywords) == 1:
                        yield (
                            _Span(node.args[-1], keyword) if node.args else keyword,
                            (self._text(node.args[-1]) if node.args else ""),
                        )
                if called_name(node) in REDUCTIONS:
                    inside = self._text(node)[:-1]
                    has_axis = any(x.arg == "axis" for x in node.keywords)
                    comma = ", " if node.args or node.keywords else ""
                    for option in ["keepdims=True", *(() if has_axis else ("axis=0", "axis=1", "axis=-1"))]:
                        yield node, f"{inside}{comma}{option})"
                    if not has_axis:
                        yield from ((node, f"{inside}{comma}axis={k}, keepdims=True)") for k in (0, 1, -1))
                if len(node.args) == 1 and not node.keywords:
                    yield node, self._term(node.args[0])
            case ast.BinOp(op=ast.Div(), right=ast.Name() as right):
                yield from ((right, f"({right.id} {sign} 1)") for sign in "-+")
            case ast.BinOp(op=ast.Pow(), right=right):
                for exponent in ("2", "3", "-1", "0.5", "-0.5", "-1.5", "-2", f"-{self._term(right)}"):
                    yield right, exponent

    def _wrapped(self, node: Any) -> Iterator[tuple[Any, str]]:
        """The operands of an operation, and what is assigned or returned: transposed, negated, squared."""
        match node:
            case ast.BinOp():
                operands = [node.left, node.right]
            case ast.Call():
                operands = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
            case ast.Assign(value=ast.Tuple()):
                return
            case ast.Assign(value=value) | ast.AugAssign(value=value):
                operands = [value]
            case ast.Return(value=ast.Tuple(elts=operands)) | ast.Dict(values=operands):
                pass
            case _:
                return
        for x in operands:
            if isinstance(x, (ast.Name, ast.Call, ast.BinOp, ast.Subscript)) or _is_member(x):
                for wrapped in ("{}.T", "{}.swapaxes(-1, -2)", "-{}", "(1 - {})", "{} ** 2"):
                    yield x, wrapped.format(self._term(x))

    def _renamed(self, tree: ast.AST, new: dict[str, str]) -> str:
        """The text of an expression with other names in place of these."""
        start, end = self._span(tree)
        text = self.source[start:end]
        places = [(self._span(x)[0] - start, x.id) for x in ast.walk(tree) if isinstance(x, ast.Name) and x.id in new]
        for place, old in sorted(places, reverse=True):
            text = text[:place] + new[old].encode() + text[place + len(old.encode()) :]
        return text.decode()

    def _extended(self, node: Any, names: list[str]) -> Iterator[tuple[Any, str]]:
        """A factor or a term more: one of the names."""
        match node:
            case ast.Assign(value=value) | ast.AugAssign(value=value) | ast.Return(value=ast.expr() as value):
                for x in value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]:
                    for function in ("maximum", "exp", "log", "sqrt", "tanh", "abs", "sign"):
                        zero = "0, " if function == "maximum" else ""
                        yield x, f"np.{function}({zero}{self._text(x)})"
                    for options in ("axis=0", "axis=1", "axis=0, keepdims=True", "axis=1, keepdims=True", ""):
                        yield x, f"np.sum({', '.join(filter(None, (self._text(x), options)))})"
                    for name in names:
                        for symbol in "*/+-":
                            yield x, f"{self._term(x)} {symbol} {name}"
            case ast.Dict():
                for x in node.values:
                    yield from ((x, f"{self._term(x)} {symbol} {name}") for name in names for symbol in "*/")
            case ast.BinOp():
                yield from ((node, name) for name in names)
                yield node, f"2 * {self._term(node)}"
            case ast.Call(args=[x]) if not node.keywords:
                for symbol in ("+", "-", "*", "/", "//"):
                    yield from ((x, f"{self._term(x)} {symbol} {name}") for name in names)
                yield from ((node, f"np.sum({name})") for name in names)

    def _orders(self, parts: list[ast.expr]) -> list[str]:
        """Arguments in every order, or two of them exchanged where they are many; as they are first."""
        n = len(parts)
        if n > 6 or any(isinstance(x, ast.Starred) for x in parts):
            return [self._text(_Span(parts[0], parts[-1]))]
        orders = [tuple(range(n)), *(_swapped(n, i, j) for i, j in itertools.combinations(range(n), 2))]
        if n <= 4:
            orders = list(itertools.permutations(range(n)))
        between = [*(self._between_nodes(x, y) for x, y in itertools.pairwise(parts)), ""]
        return ["".join(self._text(parts[k]) + gap for k, gap in zip(order, between, strict=True)) for order in orders]

    def _between_nodes(self, left: Any, right: Any) -> str:
        return self.source[self._span(left)[1] : self._span(right)[0]].decode()


class _Span:
    """From the start of one node to the end of another."""

    def __init__(self, first: Any, last: Any) -> None:
        self.lineno, self.col_offset = first.lineno, first.col_offset
        self.end_lineno, self.end_col_offset = last.end_lineno, last.end_col_offset


def _swapped(n: int, i: int, j: int) -> tuple[int, ...]:
    order = list(range(n))
    order[i], order[j] = j, i
    return tuple(order)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function's body, without loops that an edit could make endless, and what gives no number."""
    for name, child in ast.iter_fields(tree):
        if name in ("decorator_list", "returns", "annotation") or (
            isinstance(tree, ast.FunctionDef) and name == "args"
        ):
            continue
        for part in child if isinstance(child, list) else [child]:
            if isinstance(part, ast.AST) and not isinstance(part, (ast.Assert, ast.Raise, ast.JoinedStr, ast.While)):
                yield part
                yield from _executed(part)


def _is_member(node: ast.AST) -> bool:
    """Whether this is `self.x`."""
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=name):
            return name != "T"
    return False

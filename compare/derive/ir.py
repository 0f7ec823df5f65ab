"""A forward pass as simple statements: what they are, what they read and what they set."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from matrix_backprop.rules import written


class CannotDerive(ValueError):
    """Raised for a forward pass that cannot be derived; its message names the line."""

    __module__ = "compare"  # the name under which a traceback shows it


#: what a forward pass of an unforeseen form raises on the way
UNFORESEEN = (ValueError, TypeError, LookupError, AttributeError, AssertionError, SyntaxError)


@dataclass
class Set:
    """target = value, or target += value; the target is a name, or some places of an array."""

    target: ast.expr
    value: ast.expr
    line: int
    source: str
    adds: bool = False


@dataclass
class Append:
    """name.append(value), of a list that is stacked later."""

    name: str
    value: ast.expr
    line: int
    source: str
    place: str = ""  # where in the list it is put, where the list is read entry by entry


@dataclass
class Loop:
    """for target in iter: body. `carried` are the names that a pass takes over from the one before."""

    target: ast.expr
    iter: ast.expr
    body: list[Any]
    line: int
    source: str
    carried: set[str] = field(default_factory=set)


Statement = Set | Append | Loop


@dataclass
class Items:
    """A tuple, a list or a dict whose entries are expressions."""

    by_key: dict[Any, Any]
    kind: type = tuple
    name: str = ""

    def node(self) -> ast.expr:
        """As an expression."""
        parts = [x.node() if isinstance(x, Items) else twin(x) for x in self.by_key.values()]
        if self.kind is dict:
            return ast.Dict([ast.Constant(key) for key in self.by_key], parts)
        return (ast.List if self.kind is list else ast.Tuple)(parts, ast.Load())


@dataclass
class Local:
    """A function that the user defines inside of another."""

    tree: ast.FunctionDef | ast.Lambda
    frame: Frame


@dataclass
class Obj:
    """An object of the user's, and the attributes that the forward pass has given it.

    `instance` is None where the forward pass makes it, `path` what a text calls it, "" where it has no name there.
    """

    kind: type
    instance: Any = None
    path: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


class Frame:
    """The names of a function that is being written down, what each stands for, and where the source is."""

    def __init__(self, names: dict[str, Any], scope: Mapping[str, Any], outer: Frame | None, text: Text) -> None:
        self.names, self.scope, self.outer, self.text = names, scope, outer, text

    def find(self, name: str) -> Any:
        """What a name stands for, or None."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.outer
        return None


@dataclass(frozen=True)
class Text:
    """The source of a function and the number of the line that it starts at, less 1."""

    lines: tuple[str, ...]
    before: int

    def at(self, node: ast.AST) -> tuple[int, str]:
        """The line of a node and its text."""
        line = getattr(node, "lineno", 1)
        return line + self.before, self.lines[line - 1].strip() if line <= len(self.lines) else ""


def twin(node: Any) -> Any:
    """A copy of a tree, whose values stay the same objects."""
    new = copy.copy(node)
    for name, child in ast.iter_fields(node):
        if isinstance(child, ast.AST):
            setattr(new, name, twin(child))
        elif isinstance(child, list):
            setattr(new, name, [twin(x) if isinstance(x, ast.AST) else x for x in child])
    return new


def stored(target: ast.expr) -> ast.expr:
    """A target of an assignment."""
    new: ast.expr = twin(target)
    for x in ast.walk(new):
        if isinstance(x, (ast.Name, ast.Tuple, ast.List)):
            x.ctx = ast.Store()
    return new


def as_code(statements: Iterable[Statement]) -> list[ast.stmt]:
    """Statements as Python's own."""
    found: list[ast.stmt] = []
    for x in statements:
        if isinstance(x, Loop):
            found.append(ast.For(stored(x.target), twin(x.iter), as_code(x.body) or [ast.Pass()], []))
        elif isinstance(x, Append):
            call = ast.Call(ast.Attribute(ast.Name(x.name, ast.Load()), "append", ast.Load()), [twin(x.value)], [])
            found.append(ast.Expr(call))
        else:
            target = twin(x.target)
            for node in [target, *(target.elts if isinstance(target, ast.Tuple) else [])]:
                node.ctx = ast.Store()
            value = twin(x.value)
            adding: Any = ast.AugAssign(target, ast.Add(), value)
            found.append(adding if x.adds else ast.Assign([target], value))
    return found


def names_in(node: ast.AST) -> set[str]:
    """The names that an expression reads."""
    return {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}


def reads(x: Statement) -> set[str]:
    """The names that a statement reads."""
    if isinstance(x, Loop):
        return names_in(x.iter) | (set().union(*map(reads, x.body)) if x.body else set())
    if isinstance(x, Append):
        return names_in(x.value) | {x.name}
    return names_in(x.value) | (names_in(x.target) if isinstance(x.target, ast.Subscript) else set())


def writes(x: Statement) -> set[str]:
    """The names that a statement sets or changes."""
    if isinstance(x, Loop):
        return names_in(x.target) | (set().union(*map(writes, x.body)) if x.body else set())
    if isinstance(x, Append):
        return {x.name}
    if isinstance(x.target, ast.Subscript):
        base: ast.expr = x.target
        while isinstance(base, (ast.Subscript, ast.Attribute)):
            base = base.value
        return names_in(base)
    return names_in(x.target)


def read_first(body: list[Statement]) -> set[str]:
    """The names that a body reads before it sets them."""
    found: set[str] = set()
    set_before: set[str] = set()
    for x in body:
        found |= reads(x) - set_before
        if not isinstance(x, Loop):
            set_before |= writes(x) if not (isinstance(x, Set) and isinstance(x.target, ast.Subscript)) else set()
    return found


def looks_at(body: list[Statement]) -> set[str]:
    """The names whose values a body takes, not only a place in them to write to."""
    found: set[str] = set()
    for x in body:
        found |= looks_at(x.body) if isinstance(x, Loop) else names_in(x.value)
    return found


def in_place_only(body: list[Statement], name: str) -> bool:
    """Whether a name is changed in some places only, and never set anew."""
    for s in body:
        if isinstance(s, Loop):
            if name in writes(s) and (name in names_in(s.target) or not in_place_only(s.body, name)):
                return False
        elif isinstance(s, Set) and name in writes(s) and not isinstance(s.target, ast.Subscript):
            return False
    return True


def only_added_to(body: list[Statement], name: str) -> bool:
    """Whether a body takes a name only to add to it, so that the order of the passes does not matter."""
    chain = {name}  # what it is called on the way through a pass
    for s in body:
        if isinstance(s, Loop):
            if chain & (reads(s) | writes(s)):
                return False
        elif chain & reads(s):
            match s:
                case Set(
                    target=ast.Name(id=new), value=ast.BinOp(left=ast.Name(id=left), op=ast.Add(), right=added)
                ) if left in chain and not chain & names_in(added):
                    chain.add(new)
                case Set(target=ast.Name(id=new), value=ast.Name()):
                    chain.add(new)
                case _:
                    return False
    return True


def head_of(target: ast.expr, over: str) -> str:
    """The first line of a loop."""
    text = written(target)
    return f"for {text[1:-1] if isinstance(target, ast.Tuple) and text.startswith('(') else text} in {over}:"


def first_set(body: list[Statement], name: str) -> int:
    return next((k for k, s in enumerate(body) if name in writes(s)), -1)


def text_of(s: Set) -> str:
    return f"{written(s.target)} {'+=' if s.adds else '='} {written(s.value)}"


def set_once(block: list[Statement]) -> dict[str, ast.expr]:
    """The values of the names that are set once and read by one statement."""
    found: dict[str, list[ast.expr]] = {}
    readers: dict[str, int] = {}

    def look(statements: list[Statement]) -> None:
        for s in statements:
            for name in reads(s) if not isinstance(s, Loop) else names_in(s.iter):
                readers[name] = readers.get(name, 0) + 1
            if isinstance(s, Loop):
                look(s.body)
            elif isinstance(s, Set):
                for name in writes(s):
                    found.setdefault(name, []).append(s.value)

    look(block)
    return {name: values[0] for name, values in found.items() if len(values) == 1 and readers.get(name, 0) == 1}

"""A forward pass as a list of simple statements: helper functions written in place, branches taken, loops kept.

The user's source is walked along one run of it: each statement is executed as it is written down, so that every
expression is known with its value. What depends on the parameters or inputs is active; only that has a derivative.
"""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from compare.subject.usercode import Function, name_of
from matrix_backprop.rules import written

MOST_UNROLLED = 64
NO_SLOPE = {"shape", "ndim", "size", "dtype", "itemsize", "nbytes"}
ASKS = {
    "len", "range", "isinstance", "int", "bool", "str", "zeros_like", "ones_like", "empty_like", "full_like", "shape",
    "ndim", "size", "argmax", "argmin", "argsort", "sign", "floor", "ceil", "round", "rint", "isnan", "isfinite", "any",
    "all", "nonzero", "isclose", "allclose", "array_equal", "append", "print", "count_nonzero", "greater", "less",
}  # fmt: skip


class CannotDerive(ValueError):
    """Raised for a forward pass that cannot be derived; its message names the line."""


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
        parts = [x.node() if isinstance(x, Items) else copy.deepcopy(x) for x in self.by_key.values()]
        if self.kind is dict:
            return ast.Dict([ast.Constant(key) for key in self.by_key], parts)
        return (ast.List if self.kind is list else ast.Tuple)(parts, ast.Load())


@dataclass
class Local:
    """A function that the user defines inside of another."""

    tree: ast.FunctionDef | ast.Lambda
    frame: Frame


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


class _Returned(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


def source_of(function: Function) -> tuple[ast.FunctionDef | ast.Lambda, Text]:
    """The tree of a function and its text."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise CannotDerive(f"the source of {name_of(function)} cannot be read") from None
    text = textwrap.dedent("".join(lines))
    try:
        tree = ast.parse(text)
    except SyntaxError:
        raise CannotDerive(f"the source of {name_of(function)} stands inside of another expression") from None
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            return node, Text(tuple(text.splitlines()), first - 1)
    raise CannotDerive(f"the source of {name_of(function)} is no function")


class Flat:
    """The statements of a forward pass, and its values by name.

    `leaves` are what is differentiated: expressions such as x or params["W"] by their names, W.
    """

    def __init__(self, function: Function, arguments: dict[str, Any], leaves: set[str], tree: str = "") -> None:
        self.function = function
        self.env: dict[str, Any] = {"np": np}
        self.used: set[str] = set()
        self.versions: dict[str, int] = {}
        self.active: set[str] = set()
        self.block: list[Statement] = []
        self.depth = 0
        self.globals: dict[str, Any] = {}  # that the statements use
        self.once: dict[str, ast.expr] = {}  # what a name that one statement reads was set to
        self.function_tree, text = source_of(function)
        names: dict[str, Any] = {}
        for name, x in arguments.items():
            self.used.add(name)
            self.env[name] = x
            if name == tree and isinstance(x, (dict, list, tuple)):
                keys = x if isinstance(x, dict) else range(len(x))
                names[name] = Items(
                    {key: self._leaf(f"{name}[{_quoted(key)}]", x[key], leaves) for key in keys}, type(x)
                )
            else:
                names[name] = self._leaf(name, x, leaves)
        self.sizes: set[str] = set()  # the names of whole numbers that come from shapes
        self.hint = ""  # what the value at hand is going to be called
        self.first = self.frame = Frame(names, _scope(function), None, text)
        self.returned = self._body_of(self.function_tree)

    def _leaf(self, name: str, x: Any, leaves: set[str]) -> ast.expr:
        self.env[name] = x
        if name in leaves:
            self.active.add(name)
        return ast.Name(name, ast.Load())

    def _body_of(self, tree: ast.FunctionDef | ast.Lambda) -> Any:
        if isinstance(tree, ast.Lambda):
            return self.expr(tree.body)
        try:
            self.statements(tree.body)
        except _Returned as found:
            return found.value
        return None

    # statements

    def statements(self, body: Iterable[ast.stmt]) -> None:
        """Write down statements and execute them."""
        for node in body:
            self.at = node
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == len(
                values
            ) and not any(isinstance(x, ast.Starred) for x in [*targets, *values]):
                found = {k: self._hinted(t, x) for k, (t, x) in enumerate(zip(targets, values, strict=True))}
                self.assign(node.targets[0], Items(found), node)
            case ast.Assign(targets=[target], value=value):
                self.assign(target, self._hinted(target, value), node)
            case ast.Assign(targets=targets, value=value):
                found = self.expr(value)
                for target in targets:
                    self.assign(target, found, node)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self.assign(target, self.expr(value), node)
            case ast.AugAssign(target=target, op=op, value=value):
                self.augmented(target, op, value, node)
            case ast.Return(value=value):
                if self.depth:
                    raise self.refused(node, "a return inside of a loop")
                raise _Returned(self.expr(value) if value is not None else None)
            case ast.If(test=test, body=body, orelse=orelse):
                self.statements(body if self.truth(test) else orelse)
            case ast.For(target=target, iter=iterator, body=body, orelse=[]):
                self.loop(target, iterator, body, node)
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Assert() | ast.Import() | ast.ImportFrom():
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    self.run(node)
            case ast.Expr(value=ast.Call() as call):
                self.call_alone(call, node)
            case ast.With(body=body):
                self.statements(body)
            case ast.FunctionDef(name=name):
                self.frame.names[name] = Local(node, self.frame)
            case _:
                raise self.refused(node, f"a {type(node).__name__.lower()}")

    def assign(self, target: ast.expr, value: Any, node: ast.stmt) -> None:
        match target:
            case ast.Name(id=name):
                if isinstance(value, ast.Lambda):
                    self.frame.names[name] = Local(value, self.frame)
                    return
                if isinstance(value, Items):
                    self.frame.names[name] = self.named(value, name, node)
                    return
                old = self.frame.names.get(name)
                carried = isinstance(old, ast.Name) and old.id in self.carried
                if isinstance(value, ast.Name) and not carried and "[" not in value.id and value.id in self.used:
                    self.frame.names[name] = value  # another name for the same array
                    return
                emitted = old.id if carried and isinstance(old, ast.Name) else self.fresh(name)
                self.emit(Set(ast.Name(emitted, ast.Load()), self.plain(value), *self.frame.text.at(node)))
                self.frame.names[name] = ast.Name(emitted, ast.Load())
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                self.unpack(parts, value, node)
            case ast.Subscript(value=base, slice=index):
                found = self.expr(base)
                if isinstance(found, Items):
                    key = self.value(self.plain(self.expr(index)))
                    if isinstance(value, ast.Name) or isinstance(value, Items):
                        found.by_key[key] = value
                    else:
                        name = self.fresh(f"{found.name or written(base)}{key}" if isinstance(key, int) else str(key))
                        self.emit(Set(ast.Name(name, ast.Load()), value, *self.frame.text.at(node)))
                        found.by_key[key] = ast.Name(name, ast.Load())
                    return
                place = ast.Subscript(found, self.plain(self.expr(index)), ast.Store())
                self.emit(Set(place, self.plain(value), *self.frame.text.at(node)))
            case _:
                raise self.refused(node, f"an assignment to {ast.unparse(target)}")

    carried: frozenset[str] = frozenset()

    def _hinted(self, target: ast.expr, value: ast.expr) -> Any:
        before, self.hint = self.hint, target.id if isinstance(target, ast.Name) else self.hint
        found = self.expr(value)
        self.hint = before
        return found

    def named(self, items: Items, name: str, node: ast.stmt) -> Items:
        """Entries that are names: what is no name yet is given one."""
        items.name = items.name or name
        for key, x in items.by_key.items():
            if isinstance(x, Items):
                self.named(x, name, node)
            elif not isinstance(x, (ast.Name, ast.Constant)) and self.is_active(x):
                new = self.fresh(key if isinstance(key, str) and key.isidentifier() else f"{name}{key}")
                self.emit(Set(ast.Name(new, ast.Load()), x, *self.frame.text.at(node)))
                items.by_key[key] = ast.Name(new, ast.Load())
        return items

    def unpack(self, parts: list[ast.expr], value: Any, node: ast.stmt) -> None:
        if isinstance(value, Items):
            if len(value.by_key) != len(parts):
                raise self.refused(node, "an assignment of another number of things")
            values = list(value.by_key.values())
            targets = {x.id for x in parts if isinstance(x, ast.Name)}
            bound = {self.frame.names[t].id for t in targets if isinstance(self.frame.names.get(t), ast.Name)}
            for k, x in enumerate(values[1:], 1):  # a, b = b, a
                if (
                    isinstance(x, ast.expr)
                    and {n.id for n in ast.walk(x) if isinstance(n, ast.Name)} & bound & self.carried
                ):
                    before = {
                        n.id
                        for p in parts[:k]
                        for n in [self.frame.names.get(getattr(p, "id", ""))]
                        if isinstance(n, ast.Name)
                    }
                    if {n.id for n in ast.walk(x) if isinstance(n, ast.Name)} & before:
                        new = self.fresh(f"{getattr(parts[k], 'id', 'new')}_next")
                        self.emit(Set(ast.Name(new, ast.Load()), x, *self.frame.text.at(node)))
                        values[k] = ast.Name(new, ast.Load())
            for target, x in zip(parts, values, strict=True):
                self.assign(target, x, node)
            return
        if self.is_active(value):
            count = len(parts)
            for k, target in enumerate(parts):
                if isinstance(target, ast.Starred):
                    raise self.refused(node, "a starred assignment")
                self.assign(target, ast.Subscript(copy.deepcopy(value), ast.Constant(k), ast.Load()), node)
            assert count
            return
        new = []
        found = self.value(self.plain(value))
        again = {
            t.id
            for t, x in zip(parts, found, strict=False)
            if isinstance(t, ast.Name) and isinstance(x, int) and t.id in self.sizes and self.env.get(t.id) == x
        }
        for target in parts:
            if not isinstance(target, ast.Name):
                raise self.refused(node, f"an assignment to {ast.unparse(target)}")
            if self.frame.outer is not None or target.id not in again or self.frame is self.first:
                again.discard(target.id)
            new.append("_" if target.id in again else self.fresh(target.id, plain=True))
        self.sizes |= {name for name, x in zip(new, found, strict=False) if isinstance(x, int)}
        for name in again:  # a size that has this name already
            self.frame.names[name] = ast.Name(name, ast.Load())
        if set(new) <= {"_"}:
            return
        names = [ast.Name(name, ast.Store()) for name in new]
        self.emit(Set(ast.Tuple(list(names), ast.Store()), self.plain(value), *self.frame.text.at(node)))
        for target, name in zip(parts, new, strict=True):
            if name != "_":
                self.frame.names[target.id] = ast.Name(name, ast.Load())  # type: ignore[attr-defined]

    def augmented(self, target: ast.expr, op: ast.operator, value: ast.expr, node: ast.stmt) -> None:
        right = self.plain(self.expr(value))
        if isinstance(target, ast.Subscript) and isinstance(op, ast.Add):
            base = self.expr(target.value)
            if not isinstance(base, Items):
                place = ast.Subscript(base, self.plain(self.expr(target.slice)), ast.Store())
                self.emit(Set(place, right, *self.frame.text.at(node), adds=True))
                return
        load = copy.deepcopy(target)
        for x in ast.walk(load):
            if hasattr(x, "ctx"):
                x.ctx = ast.Load()
        left = self.plain(self.expr(load))
        self.assign(target, ast.BinOp(left, op, right), node)

    def call_alone(self, call: ast.Call, node: ast.stmt) -> None:
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]):
                items = self.frame.find(name)
                if isinstance(items, Items) and items.kind is list:
                    self.append(items, self.expr(item), node)
                    return
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="add"), attr="at"), args=[array, index, value]):
                place = ast.Subscript(self.plain(self.expr(array)), self.plain(self.expr(index)), ast.Store())
                self.emit(Set(place, self.plain(self.expr(value)), *self.frame.text.at(node), adds=True))
                return
        found = self.plain(self.expr(call))
        if self.is_active(found):
            raise self.refused(node, "a call whose result is not kept")
        if not isinstance(found, (ast.Name, ast.Constant)):
            self.value(found)

    def append(self, items: Items, value: Any, node: ast.stmt) -> None:
        if not self.depth or isinstance(value, Items):
            items.by_key[len(items.by_key)] = value
            if self.depth:
                items.by_key["of a loop"] = value
            return
        name = items.name or "parts"
        if name not in self.used:
            self.used.add(name)
            self.env[name] = []
        line, source = self.frame.text.at(node)
        self.value(value)
        self.block.append(Append(name, value, line, source))
        self.env[name].append(self.value(value))
        if self.is_active(value):
            self.active.add(name)
        items.by_key["appended"] = ast.Name(name, ast.Load())

    # loops

    def loop(self, target: ast.expr, iterator: ast.expr, body: list[ast.stmt], node: ast.For) -> None:
        over = self.expr(iterator)
        if isinstance(over, Items):
            self.unrolled(target, list(over.by_key.values()), body, node)
            return
        whole = self.value(over)
        passes = list(whole)
        if self._needs_unrolling(body) or self._zips_items(iterator):
            given = self._zipped(iterator) or [ast.Constant(x) for x in passes]
            self.unrolled(target, given, body, node)
            return
        if not passes:
            return
        for name in {
            x.id for x in ast.walk(ast.Module(body, [])) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
        }:
            old = self.frame.names.get(name)  # a name that a pass may take over gets a variable of its own
            if isinstance(old, (ast.Name, ast.Constant)) and not (
                isinstance(old, ast.Name) and self.frame_owns(name, old)
            ):
                new = self.fresh(name)
                self.emit(Set(ast.Name(new, ast.Load()), old, *self.frame.text.at(node)))
                self.frame.names[name] = ast.Name(new, ast.Load())
        start = self.snapshot()
        while True:
            loop = self._one_pass(target, over, passes, body, node)
            new = {name for name in loop.carried if name in self.active} - start[2]
            if not new:
                break
            self.restore(start)
            self.active |= new
            start[2].update(new)
        self.block.append(loop)
        rest = ast.For(_stored(target), ast.Name("passes of a loop", ast.Load()), as_code(loop.body), [])
        self.env["passes of a loop"] = passes[1:]
        self.run(rest)

    def frame_owns(self, name: str, old: ast.Name) -> bool:
        """Whether an emitted name is a variable of this name alone."""
        return (
            old.id.split("__")[0] == name
            and not any(
                isinstance(x, ast.Name) and x.id == old.id for other, x in self.frame.names.items() if other != name
            )
            and "[" not in old.id
            and old.id not in self.inputs
        )

    @property
    def inputs(self) -> set[str]:
        """The names of the arguments."""
        return {x.arg for x in [*self.function_tree.args.args, *self.function_tree.args.kwonlyargs]}

    def _one_pass(
        self, target: ast.expr, over: ast.expr, passes: list[Any], body: list[ast.stmt], node: ast.For
    ) -> Loop:
        outer_block, outer_carried = self.block, self.carried
        before = dict(self.frame.names)
        stored = {
            x.id for x in ast.walk(ast.Module(body, [])) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
        }
        own = {x.id for name in stored for x in [before.get(name)] if isinstance(x, ast.Name)}
        self.block, self.carried, self.depth = [], outer_carried | own, self.depth + 1
        target = copy.deepcopy(target)
        for x in ast.walk(target):
            if isinstance(x, ast.Name):
                name = self.fresh(x.id, plain=True)
                self.frame.names[x.id] = ast.Name(name, ast.Load())
                x.id = name
        first = ast.Assign([_stored(target)], ast.Name("passes of a loop", ast.Load()))
        self.env["passes of a loop"] = passes[0]
        self.run(first)
        self.statements(body)
        found, self.block, self.carried, self.depth = self.block, outer_block, outer_carried, self.depth - 1
        line, source = self.frame.text.at(node)
        loop = Loop(target, over, found, line, source)
        loop.carried = own & read_first(found)
        return loop

    def _needs_unrolling(self, body: list[ast.stmt]) -> bool:
        for node in ast.walk(ast.Module(body, [])):
            if isinstance(node, ast.JoinedStr):
                return True
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                found = self.frame.find(node.value.id)
                if isinstance(found, Items) and "appended" not in found.by_key:
                    return True
        return False

    def _zips_items(self, iterator: ast.expr) -> bool:
        return self._zipped(iterator) is not None

    def _zipped(self, iterator: ast.expr) -> list[Any] | None:
        match iterator:
            case ast.Call(func=ast.Name(id="zip"), args=parts):
                found = [self.expr(x) for x in parts]
                if all(isinstance(x, Items) for x in found):
                    rows = zip(*(x.by_key.values() for x in found), strict=False)
                    return [Items(dict(enumerate(row))) for row in rows]
            case ast.Call(func=ast.Name(id="enumerate"), args=[part]):
                items = self.expr(part)
                if isinstance(items, Items):
                    return [Items({0: ast.Constant(k), 1: x}) for k, x in enumerate(items.by_key.values())]
        return None

    def unrolled(self, target: ast.expr, values: list[Any], body: list[ast.stmt], node: ast.For) -> None:
        if len(values) > MOST_UNROLLED:
            raise self.refused(node, f"a loop of {len(values)} different passes")
        for x in values:
            self.bind(target, x, node)
            self.statements(body)

    def bind(self, target: ast.expr, x: Any, node: ast.AST) -> None:
        """A target stands for an expression from now on."""
        match target, x:
            case ast.Name(id=name), _:
                self.frame.names[name] = x
            case (ast.Tuple(elts=parts), Items()):
                for part, y in zip(parts, x.by_key.values(), strict=True):
                    self.bind(part, y, node)
            case (ast.Tuple(elts=parts), ast.Constant(value=tuple() as row)):
                for part, y in zip(parts, row, strict=True):
                    self.bind(part, ast.Constant(y), node)
            case _:
                raise self.refused(node, "a loop over something else than numbers and arrays")

    def snapshot(self) -> tuple[Any, ...]:
        env = {k: x.copy() if isinstance(x, (np.ndarray, list)) else x for k, x in self.env.items()}
        items = {k: copy.copy(x.by_key) for k, x in self.frame.names.items() if isinstance(x, Items)}
        return (
            env,
            dict(self.frame.names),
            set(self.active),
            set(self.used),
            dict(self.versions),
            len(self.block),
            items,
        )

    def restore(self, start: tuple[Any, ...]) -> None:
        env, names, active, used, versions, count, items = start
        self.env = {k: x.copy() if isinstance(x, (np.ndarray, list)) else x for k, x in env.items()}
        self.frame.names, self.active, self.used, self.versions = dict(names), set(active), set(used), dict(versions)
        for name, by_key in items.items():
            self.frame.names[name].by_key = dict(by_key)
        del self.block[count:]

    # expressions

    def expr(self, node: ast.expr) -> Any:
        """An expression with the names of the statements in it, helper functions written in place."""
        match node:
            case ast.Name(id=name):
                return self.name(name)
            case ast.Constant():
                return ast.Constant(node.value)
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                if any(isinstance(x, ast.Starred) for x in parts):
                    return self.generic(node)
                return Items(dict(enumerate(map(self.expr, parts))), list if isinstance(node, ast.List) else tuple)
            case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
                found = [self.value(self.plain(self.expr(key))) for key in keys if key is not None]
                return Items(dict(zip(found, map(self.expr, values), strict=True)), dict)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.expr(body if self.truth(test) else orelse)
            case ast.Call():
                return self.call(node)
            case ast.Subscript(value=base, slice=index):
                found = self.expr(base)
                if isinstance(found, Items):
                    return self.item(found, index, node)
                return ast.Subscript(found, self.plain(self.expr(index)), ast.Load())
            case ast.ListComp(elt=part, generators=[ast.comprehension(target=target, iter=iterator, ifs=[])]):
                return self.comprehension(part, target, iterator, node)
            case ast.Lambda():
                return node
            case ast.Attribute(value=base, attr=attr):
                found = self.expr(base)
                if isinstance(found, Items):
                    raise self.refused(node, f".{attr} of a {found.kind.__name__}")
                return ast.Attribute(found, attr, ast.Load())
        return self.generic(node)

    def generic(self, node: Any) -> Any:
        new = copy.copy(node)
        for name, child in ast.iter_fields(node):
            if isinstance(child, ast.expr):
                setattr(new, name, self.plain(self.expr(child)))
            elif isinstance(child, list):
                setattr(new, name, [self.plain(self.expr(x)) if isinstance(x, ast.expr) else x for x in child])
        return new

    def name(self, name: str) -> Any:
        found = self.frame.find(name)
        if found is not None:
            return found if isinstance(found, (Items, Local)) else copy.deepcopy(found)
        if name in self.frame.scope:
            x = self.frame.scope[name]
            if name in self.env and self.env[name] is not x and name in self.used:
                raise self.refused(self.at, f"a global {name} beside a variable of that name")
            self.env[name] = x
            self.globals[name] = x
        return ast.Name(name, ast.Load())

    def item(self, items: Items, index: ast.expr, node: ast.expr) -> Any:
        if "appended" in items.by_key:
            return ast.Subscript(copy.deepcopy(items.by_key["appended"]), self.plain(self.expr(index)), ast.Load())
        key = self.value(self.plain(self.expr(index)))
        if isinstance(key, slice):
            return Items(dict(enumerate(list(items.by_key.values())[key])), items.kind)
        if isinstance(key, int) and key < 0 and items.kind is not dict:
            key += len(items.by_key)
        if key not in items.by_key:
            raise self.refused(node, f"entry {key!r}, which is not there")
        found = items.by_key[key]
        return found if isinstance(found, Items) else copy.deepcopy(found)

    def comprehension(self, part: ast.expr, target: ast.expr, iterator: ast.expr, node: ast.expr) -> Any:
        over = self._zipped(iterator)
        if over is None:
            found = self.expr(iterator)
            over = (
                list(found.by_key.values())
                if isinstance(found, Items)
                else [ast.Constant(x) for x in self.value(found)]
            )
        if len(over) > MOST_UNROLLED:
            raise self.refused(node, f"a list of {len(over)} expressions")
        kept, found = dict(self.frame.names), {}
        for k, x in enumerate(over):
            self.bind(target, x, node)
            found[k] = self.expr(part)
        self.frame.names = kept
        return Items(found, list)

    def call(self, node: ast.Call) -> Any:
        function: Any = None
        if isinstance(node.func, ast.Name):
            function = self.frame.find(node.func.id) or self.frame.scope.get(node.func.id)
        elif isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            base = self.frame.scope.get(node.func.value.id)
            if isinstance(base, ModuleType) and not base.__name__.startswith(("numpy", "scipy", "math")):
                function = getattr(base, node.func.attr, None)
        if getattr(function, "__name__", "") == "watch" and len(node.args) == 2:
            return self.expr(node.args[1])
        if isinstance(function, Local):
            return self.inlined(function.tree, function.frame, function.frame.scope, function.frame.text, node)
        if isinstance(function, FunctionType) and not function.__module__.startswith("numpy"):
            tree, text = source_of(function)
            return self.inlined(tree, None, _scope(function), text, node, function)
        if isinstance(node.func, ast.Attribute):
            base = self.expr(node.func.value)
            if isinstance(base, Items):
                return self.method(base, node)
            func: ast.expr = ast.Attribute(base, node.func.attr, ast.Load())
        else:
            func = self.plain(self.expr(node.func))
        args = [self.plain(self.expr(x)) for x in node.args]
        return ast.Call(func, args, [ast.keyword(k.arg, self.plain(self.expr(k.value))) for k in node.keywords])

    def method(self, items: Items, node: ast.Call) -> Any:
        name = node.func.attr  # type: ignore[attr-defined]
        if name == "items":
            return Items(
                {k: Items({0: ast.Constant(key), 1: x}) for k, (key, x) in enumerate(items.by_key.items())}, list
            )
        if name == "values":
            return Items(dict(enumerate(items.by_key.values())), list)
        if name == "keys":
            return Items({k: ast.Constant(key) for k, key in enumerate(items.by_key)}, list)
        if name == "get" and node.args:
            key = self.value(self.plain(self.expr(node.args[0])))
            if key in items.by_key:
                return items.by_key[key]
            return self.expr(node.args[1]) if len(node.args) > 1 else ast.Constant(None)
        raise self.refused(node, f".{name}() of a {items.kind.__name__}")

    def inlined(
        self,
        tree: ast.FunctionDef | ast.Lambda,
        outer: Frame | None,
        scope: Mapping[str, Any],
        text: Text,
        node: ast.Call,
        function: Function | None = None,
    ) -> Any:
        """A call of a helper function as what it returns; its statements are written down before."""
        spec = tree.args
        if spec.vararg or spec.kwarg or any(isinstance(x, ast.Starred) for x in node.args):
            raise self.refused(node, "a function with *args")
        names = [x.arg for x in spec.args]
        given: dict[str, Any] = dict(zip(names, map(self.expr, node.args), strict=False))
        given |= {k.arg: self.expr(k.value) for k in node.keywords if k.arg}
        at = self.at
        defaults = function.__defaults__ or () if function else ()
        for name, x in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            given.setdefault(name, ast.Constant(x) if isinstance(x, (int, float, str, bool, tuple, type(None))) else x)
        for name, tree_of in zip(names[::-1], spec.defaults[::-1], strict=False):
            if name not in given:
                given[name] = self.expr(tree_of)
        given |= {
            k: ast.Constant(x)
            for k, x in ((function.__kwdefaults__ or {}) if function else {}).items()
            if k not in given
        }
        caller, self.frame = self.frame, Frame({}, scope, outer, text)
        try:
            for name, x in given.items():
                uses = (
                    sum(isinstance(y, ast.Name) and y.id == name for y in ast.walk(tree))
                    if isinstance(x, ast.expr)
                    else 0
                )
                if isinstance(x, (ast.Name, ast.Constant, Items, Local)) or uses <= 1:
                    self.frame.names[name] = x
                else:
                    self.frame, callee = caller, self.frame
                    new = self.fresh(f"{name}_{self.hint}" if self.hint and name in self.used else name)
                    self.emit(Set(ast.Name(new, ast.Load()), x, *caller.text.at(at)))
                    self.frame = callee
                    self.frame.names[name] = ast.Name(new, ast.Load())
            depth, self.depth = self.depth, 0 if not self.depth else self.depth
            found = self._inlined_body(tree)
            self.depth = depth
        finally:
            self.frame = caller
            self.at = at
        return ast.Constant(None) if found is None else found

    def _inlined_body(self, tree: ast.FunctionDef | ast.Lambda) -> Any:
        depth, self.depth, carried = self.depth, 0, self.carried
        inner = self.depth
        try:
            if isinstance(tree, ast.Lambda):
                return self.expr(tree.body)
            self.depth = inner
            try:
                self.statements(tree.body)
            except _Returned as found:
                return found.value
            return None
        finally:
            self.depth, self.carried = depth, carried

    # values

    def plain(self, x: Any) -> ast.expr:
        if isinstance(x, Items):
            if "appended" in x.by_key:
                return copy.deepcopy(x.by_key["appended"])
            return x.node()
        if isinstance(x, Local):
            raise self.refused(self.at, "a function as a value")
        found: ast.expr = x
        return found

    def value(self, node: ast.expr) -> Any:
        """What an expression is, here."""
        if not hasattr(node, "found"):
            tree = ast.fix_missing_locations(ast.Expression(copy.deepcopy(node)))
            with np.errstate(all="ignore"):
                try:
                    found = eval(compile(tree, "<derive>", "eval"), self.env)
                except Exception as problem:
                    raise self.refused(self.at, f"{written(node)}: {problem}") from problem
            node.found = found.copy() if isinstance(found, np.ndarray) else found  # type: ignore[attr-defined]
        return node.found  # type: ignore[attr-defined]

    def truth(self, test: ast.expr) -> bool:
        return bool(self.value(self.plain(self.expr(test))))

    def is_active(self, node: Any) -> bool:
        """Whether an expression has a derivative."""
        if isinstance(node, Items):
            return any(map(self.is_active, node.by_key.values()))
        match node:
            case ast.Name(id=name):
                return name in self.active
            case ast.Constant() | ast.Compare() | ast.JoinedStr():
                return False
            case ast.Attribute(value=base, attr=attr):
                return attr not in NO_SLOPE and self.is_active(base)
            case ast.Subscript(value=base):
                return self.is_active(base)
            case ast.Call(func=func, args=args, keywords=keywords):
                name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if name in ASKS:
                    return False
                base = isinstance(func, ast.Attribute) and self.is_active(func.value)
                return base or any(map(self.is_active, [*args, *(k.value for k in keywords)]))
        return any(self.is_active(x) for x in ast.iter_child_nodes(node) if isinstance(x, (ast.expr, ast.slice)))

    def emit(self, statement: Set) -> None:
        """Write a statement down and execute it."""
        if isinstance(statement.value, (Items, Local)):
            raise self.refused(self.at, "a tuple or a function where an array is meant")
        active = self.is_active(statement.value)
        if active:
            for node in ast.walk(statement.value):
                if (
                    isinstance(node, ast.expr)
                    and not isinstance(node, (ast.Slice, ast.Starred))
                    and self.is_active(node)
                ):
                    self.value(node)
                    for x in ast.iter_child_nodes(node):
                        if (
                            isinstance(x, ast.expr)
                            and not isinstance(x, (ast.Slice, ast.Starred, ast.Tuple))
                            and _alone(x)
                        ):
                            self.value(x)
            active = np.asarray(self.value(statement.value)).dtype.kind in "fO"
        if isinstance(statement.target, ast.Subscript):
            base = statement.target.value
            if isinstance(self.value(base), np.ndarray):
                statement.target.found = self.value(_loaded(statement.target))  # type: ignore[attr-defined]
            statement.target.was_active = self.is_active(base)  # type: ignore[attr-defined]
            if isinstance(base, ast.Name) and active and isinstance(self.value(base), np.ndarray):
                self.active.add(base.id)
        elif isinstance(statement.target, ast.Name):
            (self.active.add if active or statement.target.id in self.kept_active else self.active.discard)(
                statement.target.id
            )
        self.block.append(statement)
        code = as_code([statement])[0]
        self.run(code)

    @property
    def kept_active(self) -> frozenset[str]:
        return self.carried

    def run(self, code: ast.stmt) -> None:
        tree = ast.fix_missing_locations(ast.Module([copy.deepcopy(code)], []))
        with np.errstate(all="ignore"):
            try:
                exec(compile(tree, "<derive>", "exec"), self.env)
            except Exception as problem:
                raise self.refused(self.at, str(problem)) from problem

    def fresh(self, name: str, plain: bool = False) -> str:
        """A name that no statement uses yet: name, name__2, name__3, ..."""
        if name == "_" or (name not in self.used and name not in self.globals):
            self.used.add(name)
            return name
        self.versions[name] = self.versions.get(name, 1) + 1
        new = f"{name}__{self.versions[name]}"
        self.used.add(new)
        return new

    def refused(self, node: ast.AST, what: str) -> CannotDerive:
        """The error that names the line."""
        line, source = self.frame.text.at(node if hasattr(node, "lineno") else self.at)
        return CannotDerive(f"line {line}, `{source}`: {what} cannot be derived")

    at: ast.AST = ast.Pass()


def _alone(x: ast.expr) -> bool:
    """Whether an expression has a value of its own: the function of a call has none that is asked for."""
    return not isinstance(x, (ast.Attribute,)) or x.attr in ("T", *NO_SLOPE)


def _loaded(target: ast.Subscript) -> ast.Subscript:
    return ast.Subscript(target.value, target.slice, ast.Load())


def _stored(target: ast.expr) -> ast.expr:
    new = copy.deepcopy(target)
    for x in ast.walk(new):
        if isinstance(x, (ast.Name, ast.Tuple, ast.List)):
            x.ctx = ast.Store()
    return new


def _quoted(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else repr(key)


def _scope(function: Function) -> Mapping[str, Any]:
    """The globals and the closure of a function."""
    function = inspect.unwrap(function)
    found = dict(vars(builtins)) | dict(getattr(function, "__globals__", {}))
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        found[name] = cell.cell_contents
    return found


def as_code(statements: Iterable[Statement]) -> list[ast.stmt]:
    """Statements as Python's own."""
    found: list[ast.stmt] = []
    for x in statements:
        if isinstance(x, Loop):
            found.append(ast.For(_stored(x.target), copy.deepcopy(x.iter), as_code(x.body) or [ast.Pass()], []))
        elif isinstance(x, Append):
            call = ast.Call(
                ast.Attribute(ast.Name(x.name, ast.Load()), "append", ast.Load()), [copy.deepcopy(x.value)], []
            )
            found.append(ast.Expr(call))
        else:
            target = copy.deepcopy(x.target)
            for node in [target, *(target.elts if isinstance(target, ast.Tuple) else [])]:
                node.ctx = ast.Store()  # type: ignore[attr-defined]
            value = copy.deepcopy(x.value)
            found.append(ast.AugAssign(target, ast.Add(), value) if x.adds else ast.Assign([target], value))
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


Runner = Callable[..., Any]

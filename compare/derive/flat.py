"""A forward pass as a list of simple statements: helper functions written in place, branches taken, loops kept.

The user's source is walked along one run of it: each statement is executed as it is written down, so that every
expression is known with its value. What depends on the parameters or inputs is active; only that has a derivative.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from compare.derive.expressions import MOST_UNROLLED, Expressions, Returned, is_float, quoted, scope_of, source_of
from compare.derive.ir import (
    Append,
    Frame,
    Items,
    Local,
    Loop,
    Obj,
    Set,
    Statement,
    as_code,
    names_in,
    read_first,
    reads,
    stored,
)
from compare.subject.usercode import Function
from matrix_backprop.rules import written


class Flat(Expressions):
    """The statements of a forward pass, and its values by name.

    `leaves` are what is differentiated: expressions such as x or params["W"] by their names, W.
    """

    def __init__(self, function: Function, arguments: dict[str, Any], differentiated: Collection[str]) -> None:
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
        self.leaves: list[str] = []  # what is differentiated, params["W"] by that name
        self.objects: dict[int, Obj] = {}
        if inspect.ismethod(function):
            names[self.function_tree.args.args[0].arg] = self.object(function.__self__)
        for name, x in arguments.items():
            self.used.add(name)
            names[name] = self._argument(name, x, name in differentiated)
        self.sizes: set[str] = set()  # the names of whole numbers that come from shapes
        self.hint = ""  # what the value at hand is going to be called
        self.first = self.frame = Frame(names, scope_of(function), None, text)
        self.frames = [self.frame]
        self.returned = self._body_of(self.function_tree)

    def _argument(self, name: str, x: Any, differentiated: bool) -> Any:
        """An argument as an expression, or as entries that are some; what is differentiated is a leaf each."""
        self.env[name] = x
        if differentiated and isinstance(x, (dict, list, tuple)):
            keys = x if isinstance(x, dict) else range(len(x))
            return Items({key: self._argument(f"{name}[{quoted(key)}]", x[key], True) for key in keys}, type(x))
        if differentiated and is_float(x):
            self.active.add(name)
            self.leaves.append(name)
        return ast.Name(name, ast.Load())

    @property
    def kept(self) -> str:
        """The list in which the loops keep what the way back needs."""
        return next(name for name in ("steps", "kept", "kept_by_the_loops") if name not in self.used)

    def _body_of(self, tree: ast.FunctionDef | ast.Lambda) -> Any:
        if isinstance(tree, ast.Lambda):
            return self.expr(tree.body)
        try:
            self.statements(tree.body)
        except Returned as found:
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
                raise Returned(self.expr(value) if value is not None else None)
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
                if isinstance(value, ast.Name) and "[" not in value.id and value.id in self.used:
                    self.frame.names[name] = value  # another name for the same array
                    return
                emitted = self.fresh(name)
                self.emit(Set(ast.Name(emitted, ast.Load()), self.plain(value), *self.frame.text.at(node)))
                self.frame.names[name] = ast.Name(emitted, ast.Load())
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                self.unpack(parts, value, node)
            case ast.Subscript(value=base, slice=index):
                found = self.expr(base)
                if isinstance(found, Items):
                    key = self.value(self.plain(self.expr(index)))
                    if isinstance(value, (ast.Name, Items)):
                        found.by_key[key] = value
                    else:
                        name = self.fresh(f"{found.name or written(base)}{key}" if isinstance(key, int) else str(key))
                        self.emit(Set(ast.Name(name, ast.Load()), value, *self.frame.text.at(node)))
                        found.by_key[key] = ast.Name(name, ast.Load())
                    return
                at = self.plain(self.expr(index))
                if names_in(at) & names_in(found):  # h[h < 0] = 0: what is asked is how it was
                    asked = self.fresh("places")
                    self.emit(Set(ast.Name(asked, ast.Load()), at, *self.frame.text.at(node)))
                    at = ast.Name(asked, ast.Load())
                found = self._apart(found, node)
                place = ast.Subscript(found, at, ast.Store())
                self.emit(Set(place, self.plain(value), *self.frame.text.at(node)))
            case ast.Attribute(value=base, attr=attr) if isinstance(self.expr(base), Obj):
                thing = self.expr(base)
                if isinstance(value, Items):
                    value = self.named(value, attr, node)
                elif not isinstance(value, (ast.Name, ast.Constant)):
                    new = self.fresh(attr)
                    self.emit(Set(ast.Name(new, ast.Load()), value, *self.frame.text.at(node)))
                    value = ast.Name(new, ast.Load())
                thing.attributes[attr] = value
            case _:
                raise self.refused(node, f"an assignment to {ast.unparse(target)}")

    def _apart(self, array: ast.expr, node: ast.stmt) -> ast.expr:
        """An array that is going to be changed: a copy of it, where something was computed from it as it was."""
        if self.depth or not isinstance(array, ast.Name) or array.id not in self.active:
            return array
        before = [s for s in self.block if isinstance(s, Set) and isinstance(s.target, ast.Name)]
        if not any(array.id in reads(s) and self.is_active(s.value) for s in before):
            return array
        new = self.fresh(array.id.split("__")[0])
        copied = ast.Call(ast.Attribute(copy.deepcopy(array), "copy", ast.Load()), [], [])
        self.emit(Set(ast.Name(new, ast.Load()), copied, *self.frame.text.at(node)))
        for frame in self.frames:
            for name, x in frame.names.items():
                if isinstance(x, ast.Name) and x.id == array.id:
                    frame.names[name] = ast.Name(new, ast.Load())
        return ast.Name(new, ast.Load())

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
            for target, x in zip(parts, values, strict=True):
                self.assign(target, x, node)
            return
        if self.is_active(value):
            for k, target in enumerate(parts):
                if isinstance(target, ast.Starred):
                    raise self.refused(node, "a starred assignment")
                self.assign(target, ast.Subscript(copy.deepcopy(value), ast.Constant(k), ast.Load()), node)
            return
        new: list[str] = []
        found = self.value(self.plain(value))
        again = {
            t.id
            for t, x in zip(parts, found, strict=False)
            if isinstance(t, ast.Name) and isinstance(x, int) and t.id in self.sizes and self.env.get(t.id) == x
        }
        for target in parts:
            if not isinstance(target, ast.Name):
                raise self.refused(node, f"an assignment to {ast.unparse(target)}")
            if self.frame is self.first:
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
        passes = list(self.value(over)) if self.zipped(iterator) is None else []
        if self._needs_unrolling(body) or self.zipped(iterator) is not None:
            given = self.zipped(iterator)
            self.unrolled(target, self._entries(over, passes) if given is None else given, body, node)
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
        rest = ast.For(stored(target), ast.Name("passes of a loop", ast.Load()), as_code(loop.body), [])
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
    def inputs(self) -> list[str]:
        """The names of the arguments."""
        return [x.arg for x in [*self.function_tree.args.args, *self.function_tree.args.kwonlyargs]]

    def _one_pass(
        self, target: ast.expr, over: ast.expr, passes: list[Any], body: list[ast.stmt], node: ast.For
    ) -> Loop:
        outer_block, outer_carried = self.block, self.carried
        before = dict(self.frame.names)
        names_set = {
            x.id for x in ast.walk(ast.Module(body, [])) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
        }
        own = {x.id for name in names_set for x in [before.get(name)] if isinstance(x, ast.Name)}
        self.block, self.carried, self.depth = [], outer_carried | own, self.depth + 1
        target = copy.deepcopy(target)
        for x in ast.walk(target):
            if isinstance(x, ast.Name):
                name = self.fresh(x.id, plain=True)
                self.frame.names[x.id] = ast.Name(name, ast.Load())
                x.id = name
        first = ast.Assign([stored(target)], ast.Name("passes of a loop", ast.Load()))
        self.env["passes of a loop"] = passes[0]
        self.run(first)
        self.statements(body)
        self._hand_on({name: x.id for name, x in before.items() if name in names_set and isinstance(x, ast.Name)}, node)
        found, self.block, self.carried, self.depth = self.block, outer_block, outer_carried, self.depth - 1
        line, source = self.frame.text.at(node)
        loop = Loop(target, over, found, line, source)
        loop.carried = own & read_first(found)
        return loop

    def _hand_on(self, own: dict[str, str], node: ast.For) -> None:
        """At the end of a pass: the names that the next one takes over."""
        new: dict[str, Any] = {}
        for name, emitted in own.items():
            x = self.frame.names[name]
            if isinstance(x, ast.Name) and x.id != emitted and x.id in own.values():  # a, b = b, a
                later = self.fresh(f"{name}_next")
                self.emit(Set(ast.Name(later, ast.Load()), x, *self.frame.text.at(node)))
                x = ast.Name(later, ast.Load())
            new[name] = x
        for name, emitted in own.items():
            if not (isinstance(new[name], ast.Name) and new[name].id == emitted):
                self.emit(Set(ast.Name(emitted, ast.Load()), self.plain(new[name]), *self.frame.text.at(node)))
            self.frame.names[name] = ast.Name(emitted, ast.Load())

    def _needs_unrolling(self, body: list[ast.stmt]) -> bool:
        for node in ast.walk(ast.Module(body, [])):
            if isinstance(node, ast.JoinedStr):
                return True
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                found = self.frame.find(node.value.id)
                asked = isinstance(node.ctx, ast.Store) or names_in(node.slice)
                if isinstance(found, Items) and "appended" not in found.by_key and asked:
                    return True
        return False

    def _entries(self, over: ast.expr, passes: list[Any]) -> list[ast.expr]:
        """What a loop goes over, as expressions."""
        if all(isinstance(x, (int, float, str, np.integer, tuple)) for x in passes):
            return [ast.Constant(x) for x in passes]
        return [ast.Subscript(copy.deepcopy(over), ast.Constant(k), ast.Load()) for k in range(len(passes))]

    def zipped(self, iterator: ast.expr) -> list[Any] | None:
        match iterator:
            case ast.Call(func=ast.Name(id="zip"), args=parts):
                found = [self.expr(x) for x in parts]
                if any(isinstance(x, Items) for x in found):
                    columns = [
                        [*x.by_key.values()] if isinstance(x, Items) else self._entries(x, list(self.value(x)))
                        for x in found
                    ]
                    rows = zip(*columns, strict=False)
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

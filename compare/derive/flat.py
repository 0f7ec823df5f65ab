"""A forward pass as a list of simple statements: helper functions written in place, branches taken, loops kept.

The user's source is walked along one run of it: each statement is executed as it is written down, so that every
expression is known with its value. What depends on the parameters or inputs is active; only that has a derivative.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np

from compare.derive.ir import (
    UNFORESEEN,
    Append,
    CannotDerive,
    Frame,
    Items,
    Local,
    Obj,
    Set,
    Statement,
    names_in,
    reads,
    twin,
)
from compare.derive.loops import Loops
from compare.derive.sources import has_fields, is_float, is_whole, leaves_of, scope_of, source_of
from compare.derive.walk import Leaves, Returned, Varies, quoted
from compare.subject.usercode import Function, UnusableCode
from matrix_backprop.rules import written


class Flat(Loops):
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
        self.depth = self.outside = 0
        self.containers: set[str] = set()
        self.positions: dict[str, tuple[str, int]] = {}
        self.places: dict[str, str] = {}
        self.index = ""
        self.varying: set[str] = set()
        self.globals: dict[str, Any] = {}  # that the statements use
        self.once: dict[str, ast.expr] = {}  # what a name that one statement reads was set to
        names: dict[str, Any] = {}
        if isinstance(function, functools.partial):
            self.function_tree, text = source_of(function.func)
            bound = dict(zip(self.inputs, function.args, strict=False))
            arguments = bound | arguments
            self.globals |= bound
            function = function.func
        else:
            self.function_tree, text = source_of(function)
        self.unrolled_passes = 0
        self.written_out = False
        self.remarks: list[str] = []
        self.leaves: list[str] = []  # what is differentiated, params["W"] by that name
        self.objects: dict[int, Obj] = {}
        self.roots: dict[str, Any] = {}
        self.looked_at: set[tuple[int, str]] = set()
        self.begun: list[str] = []  # the lists that loops gather
        self.receiver = ""  # what a method calls its object
        if inspect.ismethod(function):
            self.receiver = self.function_tree.args.args[0].arg
            self.roots[self.receiver] = function.__self__
            names[self.receiver] = self.object(function.__self__, self.receiver)
        floats = [x for name in differentiated for x in leaves_of(arguments[name]) if is_float(x)]
        self.whole = not floats  # whether whole numbers are differentiated, as there are no others
        for name, x in arguments.items():
            self.used.add(name)
            names[name] = self._argument(name, x, name in differentiated)
        self.sizes: set[str] = set()  # the names of whole numbers that come from shapes
        self.hint = ""  # what the value at hand is going to be called
        self.first = self.frame = Frame(names, scope_of(function), None, text)
        self.frames = [self.frame]
        try:
            self.returned = self.body_of(self.function_tree)
        except (CannotDerive, UnusableCode):
            raise
        except UNFORESEEN as problem:
            raise self.refused(self.at, f"({problem}) this") from problem

    def _argument(self, name: str, x: Any, differentiated: bool) -> Any:
        """An argument as an expression, or as entries that are some; what is differentiated is a leaf each."""
        self.env[name] = x
        if differentiated and isinstance(x, (dict, list, tuple)):
            fields = getattr(x, "_fields", ())
            keys = x if isinstance(x, dict) else range(len(x))
            called = {key: f"{name}.{fields[key]}" if fields else f"{name}[{quoted(key)}]" for key in keys}
            return Items({key: self._argument(called[key], x[key], True) for key in keys}, type(x))
        if differentiated and has_fields(x):
            return Obj(type(x), x, name, {key: self._argument(f"{name}.{key}", y, True) for key, y in vars(x).items()})
        if differentiated and (is_float(x) or (self.whole and is_whole(x))):
            self.env[name] = x if is_float(x) else np.asarray(x, float)
            self.active.add(name)
            self.leaves.append(name)
        return ast.Name(name, ast.Load())

    @property
    def kept(self) -> str:
        """The list in which the loops keep what the way back needs."""
        return next(name for name in ("steps", "kept", "kept_by_the_loops") if name not in self.used)

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
            case ast.Assign(
                targets=[ast.Tuple() | ast.List() as target],
                value=(ast.GeneratorExp(elt=part, generators=loops) | ast.ListComp(elt=part, generators=loops)) as made,
            ):
                self.assign(target, Items(dict(enumerate(self.unfolded(part, loops, made)))), node)
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
                if self.depth > self.outside:
                    raise Varies(self.refused(node, "a return inside of a loop"))
                raise Returned(self.expr(value) if value is not None else None)
            case ast.If(test=test, body=body, orelse=orelse):
                self.statements(body if self.truth(test) else orelse)
            case ast.For(target=target, iter=iterator, body=body, orelse=[]):
                self.loop(target, iterator, body, node)
            case ast.While(orelse=[]):
                if self.depth > self.outside:
                    raise Varies(self.refused(node, "a while loop inside of a loop"))
                self.repeated(node)
            case ast.Break() | ast.Continue():
                if self.depth > self.outside:
                    raise Varies(self.refused(node, "a loop that is left early"))
                raise Leaves(isinstance(node, ast.Break))
            case ast.Delete() | ast.Global() | ast.Nonlocal():
                pass
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
                if isinstance(value, (Obj, Local)):
                    self.frame.names[name] = value
                    return
                if isinstance(value, Items):
                    self.frame.names[name] = self.named(value, name, node)
                    return
                if isinstance(value, ast.Name) and value.id in self.used:
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
                        name = self.fresh(_name_of_entry(found.name or written(base), key))
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
                if self.depth and (id(thing), attr) in self.looked_at:
                    raise Varies(self.refused(node, f"the attribute {attr}, which each pass of a loop takes over,"))
                if isinstance(value, Items):
                    value = self.named(value, attr, node)
                elif not isinstance(value, (ast.Name, ast.Constant, Obj, Local)):
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
        copied = ast.Call(ast.Attribute(twin(array), "copy", ast.Load()), [], [])
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
                self.assign(target, ast.Subscript(twin(value), ast.Constant(k), ast.Load()), node)
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
        load = twin(target)
        for x in ast.walk(load):
            if hasattr(x, "ctx"):
                x.ctx = ast.Load()
        left = self.plain(self.expr(load))
        self.assign(target, ast.BinOp(left, op, right), node)

    def call_alone(self, call: ast.Call, node: ast.stmt) -> None:
        match call:
            case ast.Call(func=ast.Attribute(value=base, attr="append"), args=[item]):
                items = self.expr(base)
                if isinstance(items, ast.Name) and items.id in self.containers:
                    self.appended(items.id, self.plain(self.expr(item)), node)
                    return
                if isinstance(items, Items) and items.kind is list:
                    self.append(items, self.expr(item), node)
                    return
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="add"), attr="at"), args=[array, index, value]):
                place = ast.Subscript(self.plain(self.expr(array)), self.plain(self.expr(index)), ast.Store())
                self.emit(Set(place, self.plain(self.expr(value)), *self.frame.text.at(node), adds=True))
                return
        found = self.plain(self.expr(call))
        if self.is_active(found) or "random" in written(found.func if isinstance(found, ast.Call) else found):
            raise self.refused(node, "a call whose result is not kept")
        if not isinstance(found, (ast.Name, ast.Constant)):
            self.value(found)

    def appended(self, name: str, value: ast.expr, node: ast.stmt) -> None:
        """An entry more of a list that is filled and read entry by entry."""
        if name not in self.positions:
            raise self.refused(node, "an entry more of a list that a loop has filled")
        self.value(value)
        place = written(self.position(name, 0))
        self.block.append(Append(name, value, *self.frame.text.at(node), place))
        self.env[name].append(self.value(value))
        index, first = self.positions[name]
        self.positions[name] = index, first + 1
        if self.is_active(value):
            self.active.add(name)
        if self.depth:
            self.varying.add(name)

    def append(self, items: Items, value: Any, node: ast.stmt) -> None:
        if self.depth and isinstance(value, Items) and value.kind is list and "appended" not in value.by_key:
            value = self.plain(value)
        if not self.depth or isinstance(value, Items):
            items.by_key[len(items.by_key)] = value
            if self.depth:
                items.by_key["of a loop"] = value
            return
        if items.by_key and "appended" not in items.by_key:
            raise Varies(self.refused(node, "an entry more of a list"))
        name = items.name or "parts"
        if name not in self.used:
            self.used.add(name)
            self.env[name] = []
            self.begun.append(name)
        line, source = self.frame.text.at(node)
        self.value(value)
        self.block.append(Append(name, value, line, source, self.places.get(name, self.index)))
        self.env[name].append(self.value(value))
        if self.is_active(value):
            self.active.add(name)
        items.by_key["appended"] = ast.Name(name, ast.Load())

    @property
    def inputs(self) -> list[str]:
        """The names of the arguments."""
        return [x.arg for x in [*self.function_tree.args.args, *self.function_tree.args.kwonlyargs]]


def _name_of_entry(items: str, key: Any) -> str:
    """What an entry of a list or a dict is called: hs3 of hs[3]."""
    if isinstance(key, int):
        return f"{items}{key}" if key >= 0 else f"{items}_before"
    return re.sub(r"\W", "_", str(key))

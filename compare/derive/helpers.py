"""The calls of a forward pass: the user's own functions and classes are written in place."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from compare.derive.expressions import Expressions
from compare.derive.ir import (
    Frame,
    Items,
    Local,
    Obj,
    Set,
    Text,
)
from compare.derive.sources import is_users, is_written_by_the_user, scope_of, source_of
from compare.derive.walk import Returned, constant
from compare.subject.usercode import Function
from matrix_backprop.rules import RULES, parsed, written


class Helpers(Expressions):
    """What a walk along a forward pass does at a call."""

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
        if isinstance(node.func, ast.Attribute) and function is None:
            thing = self.expr(node.func.value)
            if isinstance(thing, Obj):
                method = inspect.getattr_static(thing.kind, node.func.attr, None)
                if isinstance(method, staticmethod):
                    return self.inlined_function(method.__func__, node, None)
                if isinstance(method, FunctionType) and inspect.isgeneratorfunction(method):
                    args = [self.plain(self.expr(x)) for x in node.args]
                    return ast.Call(self.attribute_text(thing, node.func.attr, node), args, [])
                if isinstance(method, FunctionType):
                    return self.inlined_function(method, node, thing)
                function = thing.attributes.get(node.func.attr, getattr(thing.instance, node.func.attr, None))
        if isinstance(node.func, (ast.Call, ast.Subscript, ast.IfExp)):
            called = self.expr(node.func)
            function = called if isinstance(called, (Obj, Local)) else None
        if isinstance(function, Local):
            return self.inlined(function.tree, function.frame, function.frame.scope, function.frame.text, node)
        if getattr(node.func, "id", "") == "sum" and function is sum and len(node.args) == 1:
            found = self.summed(node.args[0], node)
            if found is not None:
                return found
        if isinstance(function, Obj):
            method = inspect.getattr_static(function.kind, "__call__", None)
            if isinstance(method, FunctionType):
                return self.inlined_function(method, node, function)
        if isinstance(function, type) and is_users(function):
            return self.made(function, node)
        is_a_helper = isinstance(function, FunctionType) and is_written_by_the_user(function)
        if is_a_helper and not inspect.isgeneratorfunction(function):
            return self.inlined_function(function, node, None)
        if isinstance(node.func, ast.Attribute):
            base = self.expr(node.func.value)
            if isinstance(base, Items):
                return self.method(base, node)
            func: ast.expr = ast.Attribute(base, node.func.attr, ast.Load())
        else:
            func = self.plain(self.expr(node.func))
        args = [self.plain(self.expr(x)) for x in node.args]
        if args and written(func).startswith("np.") and self.is_active(args[0]) and self.is_a_list(args[0]):
            found = self.of_a_list(written(func)[3:], args)
            if found is not None:
                return found
        return ast.Call(func, args, [ast.keyword(k.arg, self.plain(self.expr(k.value))) for k in node.keywords])

    def of_a_list(self, name: str, args: list[ast.expr]) -> ast.expr | None:
        """A function of a list of arrays by one of the array that they make; None where it takes the list itself."""
        shapes = {np.shape(x) for x in self.value(args[0])}
        vectors = all(len(x) == 1 for x in shapes)
        stacked = f"np.stack({written(args[0])})"
        if name in ("array", "asarray") or (name == "vstack" and vectors):
            return parsed(stacked)
        if name == "column_stack" and vectors:
            return parsed(f"{stacked[:-1]}, axis=1)")
        if name in ("vstack", "hstack") and isinstance(args[0], ast.Name):
            return parsed(f"np.concatenate({written(args[0])}{', axis=1' * (name == 'hstack' and not vectors)})")
        if name in RULES and RULES[name].operands[-1] != "*":
            args[0] = parsed(stacked)
        return None

    def is_a_list(self, node: ast.expr) -> bool:
        """Whether an expression is a list of arrays, not one array."""
        return isinstance(self.value(node), list)

    def summed(self, terms: ast.expr, node: ast.Call) -> Any:
        """Python's sum: over the entries of a list, or, of a comprehension over data, a loop that adds to a total."""
        match terms:
            case ast.GeneratorExp(elt=part, generators=[over]) | ast.ListComp(elt=part, generators=[over]):
                if self.is_a_loop([over]):
                    before, at, kept = self.snapshot(), self.at, dict(self.frame.names)
                    name = next(
                        x for x in (self.hint or "total", "total", "sum_of_all", "total_of_all") if x not in kept
                    )
                    add: Any = ast.AugAssign(ast.Name(name, ast.Store()), ast.Add(), part)
                    start = ast.Assign([ast.Name(name, ast.Store())], ast.Constant(0.0))
                    for x in (start, ast.For(over.target, over.iter, [add], [])):
                        for y in ast.walk(x):
                            ast.copy_location(y, node)
                        self.statement(x)
                    total = self.frame.names[name]
                    self.at, self.frame.names = at, kept
                    if np.ndim(self.value(total)) == 0:
                        return total
                    self.restore(before)
                    parts = written(self.plain(self.gathered(part, [over], node)))
                    return parsed(f"np.sum(np.stack({parts}), axis=0)")
        items = self.expr(terms)
        if isinstance(items, Items) and items.by_key and "appended" not in items.by_key:
            return self.added(list(items.by_key.values()))
        return None

    def added(self, terms: list[Any]) -> ast.expr:
        """A sum of expressions."""
        total: ast.expr = terms[0]
        for x in terms[1:]:
            total = ast.BinOp(total, ast.Add(), x)
        return total

    def made(self, kind: type, node: ast.Call) -> Any:
        """An object that the forward pass makes."""
        fields = getattr(kind, "_fields", None) if issubclass(kind, tuple) else None
        if fields is not None:
            given = dict(zip(fields, map(self.expr, node.args), strict=False))
            given |= {k.arg: self.expr(k.value) for k in node.keywords if k.arg}
            return Items({k: given[name] for k, name in enumerate(fields)}, kind)
        thing = Obj(kind)
        start = inspect.getattr_static(kind, "__init__", None)
        if dataclasses.is_dataclass(kind) and not is_in_a_file(start):
            names = [x.name for x in dataclasses.fields(kind) if x.init]
            thing.attributes = dict(zip(names, map(self.expr, node.args), strict=False))
            thing.attributes |= {k.arg: self.expr(k.value) for k in node.keywords if k.arg}
            for x in dataclasses.fields(kind):
                if x.name not in thing.attributes and x.default is not dataclasses.MISSING:
                    thing.attributes[x.name] = constant(x.default)
            start = inspect.getattr_static(kind, "__post_init__", None)
            node = ast.Call(node.func, [], [])
        if isinstance(start, FunctionType):
            self.inlined_function(start, node, thing)
        return thing

    def inlined_function(self, function: Function, node: ast.Call, thing: Obj | None) -> Any:
        """A call of a user's function, or of a method of a thing."""
        tree, text = source_of(function)
        return self.inlined(tree, None, scope_of(function), text, node, function, thing)

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
        if name == "copy" and "appended" not in items.by_key:
            return Items(dict(items.by_key), items.kind)
        raise self.refused(node, f".{name}() of a {items.kind.__name__}")

    def inlined(
        self,
        tree: ast.FunctionDef | ast.Lambda,
        outer: Frame | None,
        scope: Mapping[str, Any],
        text: Text,
        node: ast.Call,
        function: Function | None = None,
        thing: Obj | None = None,
    ) -> Any:
        """A call of a helper function as what it returns; its statements are written down before."""
        spec = tree.args
        if spec.kwarg:
            raise self.refused(node, "a function with **kwargs")
        names = [x.arg for x in [*spec.posonlyargs, *spec.args]]
        values = [] if thing is None else [thing]
        for y in node.args:
            values += self.spread(y.value, node) if isinstance(y, ast.Starred) else [self.expr(y)]
        given: dict[str, Any] = dict(zip(names, values, strict=False))
        if spec.vararg:
            given[spec.vararg.arg] = Items(dict(enumerate(values[len(names) :])))
        for keyword in node.keywords:
            found = self.expr(keyword.value)
            if keyword.arg is None and not isinstance(found, Items):
                raise self.refused(node, "**kwargs")
            given |= found.by_key if keyword.arg is None else {keyword.arg: found}
        at = self.at
        defaults = function.__defaults__ or () if function else ()
        for name, x in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            given.setdefault(name, constant(x))
        for name, tree_of in zip(names[::-1], spec.defaults[::-1], strict=False):
            if name not in given:
                given[name] = self.expr(tree_of)
        given |= {
            k: ast.Constant(x)
            for k, x in ((function.__kwdefaults__ or {}) if function else {}).items()
            if k not in given
        }
        caller, self.frame = self.frame, Frame({}, scope, outer, text)
        self.frames.append(self.frame)
        try:
            for name, x in given.items():
                uses = (
                    sum(isinstance(y, ast.Name) and y.id == name for y in ast.walk(tree))
                    if isinstance(x, ast.expr)
                    else 0
                )
                if isinstance(x, (ast.Name, ast.Constant, Items, Local, Obj)) or uses <= 1:
                    self.frame.names[name] = x
                else:
                    self.frame, callee = caller, self.frame
                    new = self.fresh(self._called(name, x))
                    self.emit(Set(ast.Name(new, ast.Load()), x, *caller.text.at(at)))
                    self.frame = callee
                    self.frame.names[name] = ast.Name(new, ast.Load())
            found = self.body_of(tree)
        finally:
            self.frames.pop()
            self.frame = caller
            self.at = at
        return ast.Constant(None) if found is None else found

    def spread(self, node: ast.expr, call: ast.Call) -> list[Any]:
        """The entries of what is handed over with a star."""
        found = self.expr(node)
        if isinstance(found, Items) and "appended" not in found.by_key:
            return list(found.by_key.values())
        return self.entries(found, list(self.value(self.plain(found))))

    def _called(self, name: str, x: Any) -> str:
        """The name of a helper's parameter beside the caller's names: x_t of x[:, t], else x_q on the way to q."""
        if name not in self.used:
            return name
        match x:
            case ast.Subscript(value=ast.Name(), slice=index):
                letters = [y.id for y in ast.walk(index) if isinstance(y, ast.Name)]
                return f"{name}_{letters[0]}" if letters else name
        return f"{name}_{self.hint}" if self.hint else name

    def body_of(self, tree: ast.FunctionDef | ast.Lambda) -> Any:
        """What a function returns; its statements are written down before."""
        outside, self.outside, carried = self.outside, self.depth, self.carried
        try:
            if isinstance(tree, ast.Lambda):
                return self.expr(tree.body)
            self.statements(tree.body)
        except Returned as found:
            return found.value
        finally:
            self.outside, self.carried = outside, carried
        return None


def is_in_a_file(function: Any) -> bool:
    """Whether a function was written, not made."""
    return isinstance(function, FunctionType) and not function.__code__.co_filename.startswith("<")

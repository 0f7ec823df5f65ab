"""The expressions of a forward pass: in the names of its statements, helper functions written in place; values."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from compare.derive.ir import (
    CannotDerive,
    Frame,
    Items,
    Local,
    Obj,
    Set,
    Statement,
    Text,
    as_code,
    names_in,
    twin,
    writes,
)
from compare.derive.sources import is_users, is_written_by_the_user, scope_of, source_of
from compare.subject.usercode import Function
from matrix_backprop.rules import written

MOST_UNROLLED = 64
NO_SLOPE = {"shape", "ndim", "size", "dtype", "itemsize", "nbytes"}
ASKS = {
    "len", "range", "isinstance", "int", "bool", "str", "zeros_like", "ones_like", "empty_like", "full_like", "shape",
    "ndim", "size", "argmax", "argmin", "argsort", "sign", "floor", "ceil", "round", "rint", "isnan", "isfinite", "any",
    "all", "nonzero", "isclose", "allclose", "array_equal", "append", "print", "count_nonzero", "greater", "less",
}  # fmt: skip


class Varies(Exception):
    """Raised for a branch that one pass of a loop takes and another does not."""

    def __init__(self, refusal: CannotDerive) -> None:
        self.refusal = refusal


class Returned(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class Expressions:
    """What a walk along a forward pass knows: its statements so far, and the values by name."""

    function_tree: ast.FunctionDef | ast.Lambda
    env: dict[str, Any]
    used: set[str]
    versions: dict[str, int]
    active: set[str]
    block: list[Statement]
    globals: dict[str, Any]  # that the statements use
    frame: Frame
    hint: str  # what the value at hand is going to be called
    depth: int
    varying: set[str]  # the names that are not the same in each pass of the loops around
    objects: dict[int, Obj]
    frames: list[Frame]  # those of the calls that are being written down
    at: ast.AST = ast.Pass()
    carried: frozenset[str] = frozenset()  # the names that the passes of the loops around hand on

    def zipped(self, iterator: ast.expr) -> list[Any] | None:
        """What a loop over zip(...) or enumerate(...) of tuples and lists of expressions goes over."""
        raise NotImplementedError

    def bind(self, target: ast.expr, x: Any, node: ast.AST) -> None:
        """A target stands for an expression from now on."""
        raise NotImplementedError

    def statements(self, body: Iterable[ast.stmt]) -> None:
        """Write down statements and execute them."""
        raise NotImplementedError

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
                if isinstance(found, Obj):
                    return self.attribute(found, attr, node)
                return ast.Attribute(found, attr, ast.Load())
        return self.generic(node)

    def object(self, instance: Any) -> Obj:
        """An object of the user's."""
        return self.objects.setdefault(id(instance), Obj(instance))

    def attribute(self, thing: Obj, attr: str, node: ast.expr) -> Any:
        """An attribute that the forward pass has set, or one that was there: a number."""
        if attr in thing.attributes:
            x = thing.attributes[attr]
            return x if isinstance(x, (Items, Obj)) else twin(x)
        x = getattr(thing.instance, attr, None)
        if isinstance(x, (int, float, str, bool)):
            return ast.Constant(x)
        if hasattr(type(x), "__dict__") and is_users(type(x)):
            return self.object(x)
        raise self.refused(node, f"the attribute {attr}, which is no number,")

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
            return found if isinstance(found, (Items, Local, Obj)) else twin(found)
        if name in self.frame.scope:
            x = self.frame.scope[name]
            if is_users(type(x)):
                return self.object(x)
            if name in self.env and self.env[name] is not x and name in self.used:
                raise self.refused(self.at, f"a global {name} beside a variable of that name")
            self.env[name] = x
            self.globals[name] = x
        return ast.Name(name, ast.Load())

    def item(self, items: Items, index: ast.expr, node: ast.expr) -> Any:
        if "appended" in items.by_key:
            return ast.Subscript(twin(items.by_key["appended"]), self.plain(self.expr(index)), ast.Load())
        key = self.value(self.plain(self.expr(index)))
        if isinstance(key, slice):
            return Items(dict(enumerate(list(items.by_key.values())[key])), items.kind)
        if isinstance(key, int) and key < 0 and items.kind is not dict:
            key += len(items.by_key)
        if key not in items.by_key:
            raise self.refused(node, f"entry {key!r}, which is not there")
        found = items.by_key[key]
        return found if isinstance(found, Items) else twin(found)

    def comprehension(self, part: ast.expr, target: ast.expr, iterator: ast.expr, node: ast.expr) -> Any:
        over = self.zipped(iterator)
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
        if isinstance(node.func, ast.Attribute) and function is None:
            thing = self.expr(node.func.value)
            if isinstance(thing, Obj):
                method = getattr(type(thing.instance), node.func.attr, None)
                if isinstance(method, FunctionType):
                    tree, text = source_of(method)
                    return self.inlined(tree, None, scope_of(method), text, node, method, thing)
        if isinstance(function, Local):
            return self.inlined(function.tree, function.frame, function.frame.scope, function.frame.text, node)
        if getattr(node.func, "id", "") == "sum" and function is sum and len(node.args) == 1:
            terms = self.expr(node.args[0])
            if isinstance(terms, Items) and terms.by_key and "appended" not in terms.by_key:
                return functools.reduce(lambda x, y: ast.BinOp(x, ast.Add(), y), terms.by_key.values())
        if isinstance(function, FunctionType) and is_written_by_the_user(function):
            tree, text = source_of(function)
            return self.inlined(tree, None, scope_of(function), text, node, function)
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
        thing: Obj | None = None,
    ) -> Any:
        """A call of a helper function as what it returns; its statements are written down before."""
        spec = tree.args
        if spec.vararg or spec.kwarg or any(isinstance(x, ast.Starred) for x in node.args):
            raise self.refused(node, "a function with *args")
        names = [x.arg for x in spec.args]
        first = [] if thing is None else [thing]
        given: dict[str, Any] = dict(zip(names, [*first, *map(self.expr, node.args)], strict=False))
        given |= {k.arg: self.expr(k.value) for k in node.keywords if k.arg}
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
            depth, self.depth = self.depth, 0 if not self.depth else self.depth
            found = self._inlined_body(tree)
            self.depth = depth
        finally:
            self.frames.pop()
            self.frame = caller
            self.at = at
        return ast.Constant(None) if found is None else found

    def _called(self, name: str, x: Any) -> str:
        """The name of a helper's parameter beside the caller's names: x_t of x[:, t], else x_q on the way to q."""
        if name not in self.used:
            return name
        match x:
            case ast.Subscript(value=ast.Name(), slice=index):
                letters = [y.id for y in ast.walk(index) if isinstance(y, ast.Name)]
                return f"{name}_{letters[0]}" if letters else name
        return f"{name}_{self.hint}" if self.hint else name

    def _inlined_body(self, tree: ast.FunctionDef | ast.Lambda) -> Any:
        depth, self.depth, carried = self.depth, 0, self.carried
        inner = self.depth
        try:
            if isinstance(tree, ast.Lambda):
                return self.expr(tree.body)
            self.depth = inner
            try:
                self.statements(tree.body)
            except Returned as found:
                return found.value
            return None
        finally:
            self.depth, self.carried = depth, carried

    # values

    def plain(self, x: Any) -> ast.expr:
        found: ast.expr
        if isinstance(x, Items):
            if "appended" in x.by_key:
                found = twin(x.by_key["appended"])
                return found
            return x.node()
        if isinstance(x, (Local, Obj)):
            raise self.refused(self.at, "a function or an object as a value")
        found = x
        return found

    def value(self, node: ast.expr) -> Any:
        """What an expression is, here."""
        if not hasattr(node, "found"):
            tree = ast.fix_missing_locations(ast.Expression(twin(node)))
            with np.errstate(all="ignore"):
                try:
                    found = eval(compile(tree, "<derive>", "eval"), self.env)
                except Exception as problem:
                    raise self.refused(self.at, f"{written(node)}: {problem}") from problem
            node.found = found.copy() if isinstance(found, np.ndarray) else found  # type: ignore[attr-defined]
        return node.found  # type: ignore[attr-defined]

    def truth(self, test: ast.expr) -> bool:
        asked = self.plain(self.expr(test))
        if self.depth and names_in(asked) & self.varying:
            raise Varies(self.refused(self.at, "a branch that each pass of the loop takes for itself"))
        return bool(self.value(asked))

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
                if isinstance(func, ast.Attribute) and self.is_active(func.value):
                    return True
                return any(map(self.is_active, [*args, *(k.value for k in keywords)]))
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
            kind = np.asarray(self.value(statement.value)).dtype.kind
            if kind == "c":
                raise self.refused(self.at, "an array of complex numbers")
            active = kind in "fO"
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
        if self.depth:
            self.varying |= writes(statement)
        code = as_code([statement])[0]
        self.run(code)

    @property
    def kept_active(self) -> frozenset[str]:
        return self.carried

    def run(self, code: ast.stmt) -> None:
        tree = ast.fix_missing_locations(ast.Module([twin(code)], []))
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


def _alone(x: ast.expr) -> bool:
    """Whether an expression has a value of its own: the function of a call has none that is asked for."""
    return not isinstance(x, (ast.Attribute,)) or x.attr in ("T", *NO_SLOPE)


def _loaded(target: ast.Subscript) -> ast.Subscript:
    return ast.Subscript(target.value, target.slice, ast.Load())


def constant(x: Any) -> ast.Constant:
    """A default of a parameter as an expression, an array too."""
    return ast.Constant(x)


def quoted(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else repr(key)

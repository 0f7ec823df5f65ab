"""The expressions of a forward pass in the names of its statements: entries, attributes, lists."""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from compare.derive.ir import (
    Items,
    Local,
    Obj,
    names_in,
    twin,
)
from compare.derive.sources import is_users, is_written_by_the_user
from compare.derive.walk import FEW, MOST_UNROLLED, Walk
from matrix_backprop.rules import parsed, written


class Expressions(Walk):
    """What a walk along a forward pass does at an expression."""

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
                at = self.plain(self.expr(index))
                if isinstance(found, ast.Name) and found.id in self.positions and written(at) == "-1":
                    at = self.position(found.id, -1)
                return ast.Subscript(found, at, ast.Load())
            case ast.ListComp(elt=part, generators=generators) | ast.GeneratorExp(elt=part, generators=generators):
                return self.comprehension(part, generators, node)
            case ast.DictComp(key=key, value=value, generators=generators):
                pairs = self.unfolded(ast.Tuple([key, value], ast.Load()), generators, node)
                return Items({self.value(self.plain(x.by_key[0])): x.by_key[1] for x in pairs}, dict)
            case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as op], comparators=[right]):
                one, other = self.expr(left), self.expr(right)
                if isinstance(one, (Items, Obj)) or isinstance(other, (Items, Obj)):
                    return ast.Constant((one is other) == isinstance(op, ast.Is))
                return ast.Compare(self.plain(one), [op], [self.plain(other)])
            case ast.Lambda():
                return node
            case ast.Attribute(value=base, attr=attr):
                found = self.expr(base)
                if isinstance(found, Items):
                    fields = getattr(found.kind, "_fields", ())
                    if attr not in fields:
                        raise self.refused(node, f".{attr} of a {found.kind.__name__}")
                    return self.item(found, ast.Constant(fields.index(attr)), node)
                if isinstance(found, Obj):
                    return self.attribute(found, attr, node)
                return ast.Attribute(found, attr, ast.Load())
        return self.generic(node)

    def object(self, instance: Any, path: str = "") -> Obj:
        """An object of the user's."""
        return self.objects.setdefault(id(instance), Obj(type(instance), instance, path))

    def attribute(self, thing: Obj, attr: str, node: ast.expr) -> Any:
        """An attribute that the forward pass has set, or one that was there: a number."""
        self.looked_at.add((id(thing), attr))
        if attr in thing.attributes:
            x = thing.attributes[attr]
            return x if isinstance(x, (Items, Obj, Local)) else twin(x)
        found = inspect.getattr_static(thing.kind, attr, None)
        method = found.fget if isinstance(found, property) else getattr(found, "func", None)
        if isinstance(method, FunctionType) and is_written_by_the_user(method):
            return self.inlined_function(method, ast.Call(node, [], []), thing)
        x = getattr(thing.kind if thing.instance is None else thing.instance, attr, None)
        if x is None or isinstance(x, (int, float, str, bool)):
            return ast.Constant(x)
        if hasattr(type(x), "__dict__") and is_users(type(x)):
            return self.object(x, thing.path and f"{thing.path}.{attr}")
        return self.attribute_text(thing, attr, node)

    def generic(self, node: Any) -> Any:
        new = copy.copy(node)
        for name, child in ast.iter_fields(node):
            if isinstance(child, ast.expr):
                setattr(new, name, self.plain(self.expr(child)))
            elif isinstance(child, list):
                setattr(new, name, [self.plain(self.expr(x)) if isinstance(x, ast.expr) else x for x in child])
        return self.folded(new) if isinstance(new, ast.BinOp) else new

    def folded(self, node: ast.BinOp) -> ast.expr:
        """A product or a sum of whole numbers, as of the passes of a loop that is written out, as a person has it."""
        match node:
            case ast.BinOp(left=ast.Constant(value=int() as x), right=ast.Constant(value=int() as y)):
                known = {ast.Add: x + y, ast.Sub: x - y, ast.Mult: x * y}
                return ast.Constant(known[type(node.op)]) if type(node.op) in known else node
            case (
                ast.BinOp(left=ast.Constant(value=int() as x), op=ast.Mult(), right=other)
                | ast.BinOp(left=other, op=ast.Mult(), right=ast.Constant(value=int() as x))
            ) if x in (0, 1) and not self.is_active(other) and isinstance(self.value(other), int):
                return other if x else ast.Constant(0)
        return node

    def name(self, name: str) -> Any:
        found = self.frame.find(name)
        if found is not None:
            return found if isinstance(found, (Items, Local, Obj)) else twin(found)
        if name in self.frame.scope:
            x = self.frame.scope[name]
            if is_users(type(x)) and not isinstance(x, (Mapping, list, tuple)):
                self.roots.setdefault(name, x)
                return self.object(x, name)
            if name in self.env and self.env[name] is not x and name in self.used:
                raise self.refused(self.at, f"a global {name} beside a variable of that name")
            self.env[name] = x
            self.globals[name] = x
        return ast.Name(name, ast.Load())

    def item(self, items: Items, index: ast.expr, node: ast.expr) -> Any:
        if "appended" in items.by_key:
            self.containers.add(items.by_key["appended"].id)
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

    def comprehension(self, part: ast.expr, generators: list[ast.comprehension], node: ast.expr) -> Any:
        """A list: its entries, or, where they are many of data or come from arrays, what a loop appends."""
        if self.is_a_loop(generators):
            return self.gathered(part, generators, node)
        return Items(dict(enumerate(self.unfolded(part, generators, node))), list)

    def is_a_loop(self, generators: list[ast.comprehension]) -> bool:
        """Whether a list is better gathered by a loop than written out: it is long, or as long as the data are."""
        if self.depth or any(x.ifs or self.zipped(x.iter) is not None for x in generators):
            return False
        first, *rest = generators
        over = self.expr(first.iter)
        if isinstance(over, Items) and "appended" not in over.by_key:
            return False
        over = self.plain(over)
        if rest:  # the place of an entry is known where all count from 0 to a number
            inner = set().union(*(names_in(x.target) for x in generators))
            return all(_counts(x.iter) and not names_in(x.iter) & inner for x in generators)
        count = len(list(self.value(over)))
        return count > FEW or (count > 1 and bool(names_in(over) - {"range", "len", "zip", "enumerate"}))

    def gathered(self, part: ast.expr, generators: list[ast.comprehension], node: ast.expr) -> Items:
        """A list as a loop that appends to it."""
        name = self.fresh("parts")
        items, kept = Items({}, list, name), dict(self.frame.names)
        self.used.discard(name)
        self.frame.names[name] = items
        append = ast.Call(ast.Attribute(ast.Name(name, ast.Load()), "append", ast.Load()), [part], [])
        loop: Any = ast.Expr(append)
        counted = self.counted(generators[0].target, generators[0].iter, [loop], True) if len(generators) == 1 else None
        if counted is not None:
            target, iterator, body = counted
            loop = ast.For(target, iterator, body, [])
        else:
            for over in reversed(generators):
                loop = ast.For(over.target, over.iter, [loop], [])
        if len(generators) > 1:
            place = ""
            for over in generators:
                counts = written(self.plain(self.expr(over.iter.args[0])))  # type: ignore[attr-defined]
                place = f"({place}) * ({counts}) + {written(over.target)}" if place else written(over.target)
            self.places[name] = written(parsed(place))
        for x in ast.walk(loop):
            ast.copy_location(x, node)
        at = self.at
        self.statement(loop)
        self.at, self.frame.names = at, kept
        return items

    def unfolded(self, part: ast.expr, generators: list[ast.comprehension], node: ast.expr) -> list[Any]:
        """The entries of a list, one expression each."""
        if not generators:
            return [self.expr(part)]
        first, *rest = generators
        over = self.zipped(first.iter)
        if over is None:
            found = self.expr(first.iter)
            over = (
                list(found.by_key.values())
                if isinstance(found, Items)
                else self.entries(found, list(self.value(found)))
            )
            self.written_out = self.written_out or bool(names_in(first.iter) - {"range"})
        if len(over) > MOST_UNROLLED:
            raise self.refused(node, f"a list of {len(over)} expressions")
        kept, entries = dict(self.frame.names), []
        for x in over:
            self.bind(first.target, x, node)
            if all(map(self.truth, first.ifs)):
                entries += self.unfolded(part, rest, node)
        self.frame.names = kept
        return entries

    def attribute_text(self, thing: Obj, attr: str, node: ast.expr) -> ast.expr:
        """An attribute as it is written from outside, of an object that has a name there."""
        if not thing.path:
            raise self.refused(node, f"the attribute {attr}")
        root = thing.path.partition(".")[0]
        if root not in self.env:
            self.env[root] = self.globals[root] = self.roots[root]
        return parsed(f"{thing.path}.{attr}")

    def position(self, name: str, more: int) -> ast.expr:
        """The place of the entry that a loop appends to a list next, or of one before it."""
        index, first = self.positions[name]
        shift = first + more
        return parsed(index if shift == 0 else f"{index} {'+' if shift > 0 else '-'} {abs(shift)}")


def _counts(iterator: ast.expr) -> bool:
    """Whether a loop counts from 0."""
    match iterator:
        case ast.Call(func=ast.Name(id="range"), args=[_]):
            return True
    return False

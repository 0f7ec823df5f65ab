"""The loops of a forward pass: written down as one pass of them, or pass by pass where the passes differ."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from compare.derive.helpers import Helpers
from compare.derive.ir import Items, Loop, Obj, Set, as_code, looks_at, names_in, read_first, stored, twin, writes
from compare.derive.walk import MOST_UNROLLED, Leaves, Varies
from matrix_backprop.rules import parsed, written

MOST_PASSES = 128  # of loops that are written down pass by pass


class Loops(Helpers):
    """What a walk along a forward pass does at a loop."""

    unrolled_passes: int
    begun: list[str]
    written_out: bool  # whether a loop is written out pass by pass that would have other passes with other data
    remarks: list[str]

    @property
    def inputs(self) -> list[str]:
        """The names of the arguments."""
        raise NotImplementedError

    def loop(self, target: ast.expr, iterator: ast.expr, body: list[ast.stmt], node: ast.For) -> None:
        over = self.expr(iterator)
        if isinstance(over, Items) and "appended" not in over.by_key:
            self.unrolled(target, list(over.by_key.values()), body, node)
            return
        over = self.plain(over)
        filled = self._filled(body)
        if self.zipped(iterator) is None:
            counted = self.counted(target, iterator, body, any(kind == "list" for kind in filled.values()))
            if counted is not None:
                target, iterator, body = counted
                over = self.plain(self.expr(iterator))
        passes = list(self.value(over)) if self.zipped(iterator) is None else []
        if self._needs_unrolling(body, filled) or self.zipped(iterator) is not None:
            given = self.zipped(iterator)
            self.unrolled(target, self.entries(over, passes) if given is None else given, body, node)
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
        self._begin(filled, target, iterator, node)
        begun, positions = self.snapshot(), dict(self.positions)
        while True:
            self.positions = dict(positions)
            around = self.block, self.carried, self.depth, set(self.varying), list(self.frames), self.frame
            try:
                loop = self._one_pass(target, over, passes, body, node)
            except Varies as varies:
                self.block, self.carried, self.depth, self.varying, self.frames, self.frame = around
                if len(passes) > MOST_UNROLLED or self.unrolled_passes > MOST_PASSES:
                    raise varies.refusal from None
                self.restore(start)
                self.unrolled_passes += len(passes)
                self.containers, self.positions = set(self.containers) - set(filled), {}
                line, _ = self.frame.text.at(node)
                remark = f"the loop of line {line} is written out pass by pass, with the branches that these data take"
                self.remarks = list(dict.fromkeys([*self.remarks, remark]))
                self.unrolled(target, self.entries(over, passes), body, node)
                return
            changed = set().union(*map(writes, loop.body)) & looks_at(loop.body) & set(begun[0])
            new = {name for name in loop.carried | changed if name in self.active} - begun[2]
            if not new:
                break
            self.restore(begun)
            self.active |= new
            begun[2].update(new)
        self.positions = {}
        if not self.depth:
            for name in self.begun:
                self.block.append(Set(ast.Name(name, ast.Load()), ast.List([], ast.Load()), *self.frame.text.at(node)))
            self.begun = []
        self.block.append(loop)
        rest = ast.For(stored(target), ast.Name("passes of a loop", ast.Load()), as_code(loop.body), [])
        self.env["passes of a loop"] = passes[1:]
        self.run(rest)

    def _filled(self, body: list[ast.stmt]) -> dict[str, str]:
        """The lists and dicts that the passes of a loop fill and read entry by entry, each a "list" or a "dict"."""
        found: dict[str, str] = {}
        module = ast.Module(body, [])
        read = {
            x.value.id
            for x in ast.walk(module)
            if isinstance(x, ast.Subscript) and isinstance(x.ctx, ast.Load) and isinstance(x.value, ast.Name)
        }
        for x in ast.walk(module):
            match x:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append")):
                    items = self.frame.names.get(name)
                    starts = isinstance(items, Items) and bool(items.by_key) and "appended" not in items.by_key
                    if starts or name in read or name in self.containers:
                        found[name] = "twice" if name in found else "list"
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store(), slice=index) if names_in(index):
                    if isinstance(self.frame.names.get(name), Items):
                        found.setdefault(name, "dict")
        for name in list(found):
            items = self.frame.names.get(name)
            kind = list if found[name] == "list" else dict
            entries = list(items.by_key.values()) if isinstance(items, Items) else []
            usable = isinstance(items, Items) and (items.kind is kind or (items.kind is list and kind is dict))
            if (
                not usable
                or self.depth
                or any(not isinstance(x, ast.expr) or _is_part_of_an_argument(x) for x in entries)
            ):
                del found[name]
        return found

    def _begin(self, filled: dict[str, str], target: ast.expr, iterator: ast.expr, node: ast.For) -> None:
        """Write down what is in the lists and dicts that a loop is going to fill."""
        for name, kind in filled.items():
            items = self.frame.names[name]
            new = self.fresh(name)
            literal = items.node()
            self.emit(Set(ast.Name(new, ast.Load()), literal, *self.frame.text.at(node)))
            self.frame.names[name] = ast.Name(new, ast.Load())
            self.containers.add(new)
            if any(map(self.is_active, items.by_key.values())):
                self.active.add(new)
            if kind == "list":
                first = self.value(parsed(written(iterator.args[0]))) if len(iterator.args) > 1 else 0  # type: ignore[attr-defined]
                self.positions[new] = target.id, len(items.by_key) - first  # type: ignore[attr-defined]

    def counted(
        self, target: ast.expr, iterator: ast.expr, body: list[ast.stmt], must: bool
    ) -> tuple[ast.expr, ast.expr, list[ast.stmt]] | None:
        """A loop over arrays as one over their places, where what it goes over has a derivative."""
        parts: list[tuple[ast.expr, ast.expr]] = []
        index: ast.expr | None = None
        match iterator, target:
            case ast.Call(func=ast.Name(id="enumerate"), args=[inner]), ast.Tuple(elts=[ast.Name() as index, rest]):
                pass
            case _:
                inner, rest = iterator, target
        match inner, rest:
            case ast.Call(func=ast.Name(id="zip"), args=arrays), ast.Tuple(elts=targets) if len(arrays) == len(targets):
                parts = list(zip(targets, arrays, strict=True))
            case ast.Call(func=ast.Name(id="range" | "enumerate" | "zip" | "reversed")), _:
                return None
            case _:
                parts = [(rest, inner)]
        values = [self.expr(x) for _, x in parts]
        if any(isinstance(x, Items) and "appended" not in x.by_key for x in values):
            return None
        values = [self.plain(x) for x in values]
        if not must and not any(map(self.is_active, values)):
            return None
        if not all(isinstance(self.value(x), (np.ndarray, list, tuple, range)) for x in values):
            return None
        if index is None:
            taken = names_in(self.function_tree) | self.used
            index = ast.Name(next((x for x in ("t", "i", "k", "n", "step") if x not in taken), "place"), ast.Store())
        count = ast.Call(ast.Name("range", ast.Load()), [ast.Call(ast.Name("len", ast.Load()), [parts[0][1]], [])], [])
        load = ast.Name(index.id, ast.Load())  # type: ignore[attr-defined]
        first: list[ast.stmt] = [ast.Assign([part], ast.Subscript(x, load, ast.Load())) for part, x in parts]
        for x in first:
            for y in ast.walk(x):
                ast.copy_location(y, iterator)
        return index, ast.copy_location(count, iterator), [*first, *body]

    def frame_owns(self, name: str, old: ast.Name) -> bool:
        """Whether an emitted name is a variable of this name alone."""
        return (
            old.id.split("__")[0] == name
            and not any(
                isinstance(x, ast.Name) and x.id == old.id for other, x in self.frame.names.items() if other != name
            )
            and old.id.isidentifier()
            and old.id not in self.inputs
        )

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
        outer_index, self.index = self.index, ""
        target = twin(target)
        for x in ast.walk(target):
            if isinstance(x, ast.Name):
                name = self.fresh(x.id, plain=True)
                self.frame.names[x.id] = ast.Name(name, ast.Load())
                self.varying.add(name)
                x.id = name
        match over, target:
            case ast.Call(func=ast.Name(id="range"), args=[_]), ast.Name(id=name) if self.depth == 1:
                self.index = name
            case ast.Call(func=ast.Name(id="range"), args=[start, _]), ast.Name(id=name) if self.depth == 1:
                self.index = f"{name} - {written(start)}" if isinstance(start, ast.Constant) else ""
            case ast.Call(func=ast.Name(id="range"), args=[start, _, step]), ast.Name(id=name) if self.depth == 1:
                self.index = written(parsed(f"({name} - {written(start)}) // ({written(step)})"))
        if isinstance(target, ast.Name):
            self.positions = {name: (target.id, first) for name, (_, first) in self.positions.items()}
        first = ast.Assign([stored(target)], ast.Name("passes of a loop", ast.Load()))
        self.env["passes of a loop"] = passes[0]
        self.run(first)
        self.statements(body)
        self._hand_on({name: x.id for name, x in before.items() if name in names_set and isinstance(x, ast.Name)}, node)
        found, self.block, self.carried, self.depth = self.block, outer_block, outer_carried, self.depth - 1
        self.index = outer_index
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

    def _needs_unrolling(self, body: list[ast.stmt], filled: dict[str, str]) -> bool:
        for node in ast.walk(ast.Module(body, [])):
            if isinstance(node, ast.JoinedStr):
                return True
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
                found = self.frame.find(node.value.id)
                asked = isinstance(node.ctx, ast.Store) or names_in(node.slice)
                if (
                    isinstance(found, Items)
                    and "appended" not in found.by_key
                    and asked
                    and node.value.id not in filled
                ):
                    return True
        return False

    def entries(self, over: ast.expr, passes: list[Any]) -> list[ast.expr]:
        """What a loop goes over, as expressions."""
        plain = (int, float, str, np.integer, tuple)
        if not self.is_active(over) and all(isinstance(x, plain) for x in passes):
            return [ast.Constant(x.item() if isinstance(x, np.generic) else x) for x in passes]
        match over:
            case ast.Subscript(
                value=ast.Name(id=name) as filled, slice=ast.Slice(lower=ast.Constant(value=int() as k), upper=None)
            ):
                if name in self.containers and k >= 0:
                    return [ast.Subscript(twin(filled), ast.Constant(k + n), ast.Load()) for n in range(len(passes))]
        return [ast.Subscript(twin(over), ast.Constant(k), ast.Load()) for k in range(len(passes))]

    def zipped(self, iterator: ast.expr) -> list[Any] | None:
        match iterator:
            case ast.Call(func=ast.Name(id="zip"), args=parts):
                found = [self.expr(x) for x in parts]
                if any(isinstance(x, Items) for x in found):
                    columns = [
                        [*x.by_key.values()] if isinstance(x, Items) else self.entries(x, list(self.value(x)))
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
        self.written_out = self.written_out or not _is_fixed(values)
        for x in values:
            self.bind(target, x, node)
            try:
                self.statements(body)
            except Leaves as leaves:
                if leaves.all:
                    break

    def repeated(self, node: ast.While) -> None:
        """A while loop, pass by pass."""
        for _ in range(MOST_UNROLLED):
            if not self.truth(node.test):
                return
            try:
                self.statements(node.body)
            except Leaves as leaves:
                if leaves.all:
                    return
        raise self.refused(node, f"a loop of more than {MOST_UNROLLED} different passes")

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

    def _things(self) -> list[Items | Obj]:
        """The tuples, lists, dicts and objects at hand."""
        found: dict[int, Items | Obj] = {}
        todo = [x for frame in self.frames for x in frame.names.values()] + list(self.objects.values())
        while todo:
            x = todo.pop()
            if isinstance(x, (Items, Obj)) and id(x) not in found:
                found[id(x)] = x
                todo += (x.by_key if isinstance(x, Items) else x.attributes).values()
        return list(found.values())

    def snapshot(self) -> tuple[Any, ...]:
        env = {k: x.copy() if isinstance(x, (np.ndarray, list, dict)) else x for k, x in self.env.items()}
        items = [(x, dict(x.by_key if isinstance(x, Items) else x.attributes)) for x in self._things()]
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
        self.env = {k: x.copy() if isinstance(x, (np.ndarray, list, dict)) else x for k, x in env.items()}
        self.frame.names, self.active, self.used, self.versions = dict(names), set(active), set(used), dict(versions)
        for thing, entries in items:
            if isinstance(thing, Items):
                thing.by_key = dict(entries)
            else:
                thing.attributes = dict(entries)
        del self.block[count:]


def _is_fixed(values: list[Any]) -> bool:
    """Whether the passes of a loop are as many with other data, as over the names of parameters."""
    return all(isinstance(x, Items) or (isinstance(x, ast.Constant) and isinstance(x.value, str)) for x in values)


def _is_part_of_an_argument(x: ast.expr) -> bool:
    return isinstance(x, ast.Name) and not x.id.isidentifier()

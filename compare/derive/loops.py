"""The loops of a forward pass: written down as one pass of them, or pass by pass where the passes differ."""

from __future__ import annotations

import ast
import copy
from typing import Any

import numpy as np

from compare.derive.expressions import MOST_UNROLLED, Expressions, Varies
from compare.derive.ir import Items, Loop, Set, as_code, names_in, read_first, stored, twin

MOST_PASSES = 128  # of loops that are written down pass by pass


class Loops(Expressions):
    """What a walk along a forward pass does at a loop."""

    unrolled_passes: int
    remarks: list[str]

    @property
    def inputs(self) -> list[str]:
        """The names of the arguments."""
        raise NotImplementedError

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
            around = self.block, self.carried, self.depth, set(self.varying), list(self.frames), self.frame
            try:
                loop = self._one_pass(target, over, passes, body, node)
            except Varies as varies:
                self.block, self.carried, self.depth, self.varying, self.frames, self.frame = around
                if len(passes) > MOST_UNROLLED or self.unrolled_passes > MOST_PASSES:
                    raise varies.refusal from None
                self.restore(start)
                self.unrolled_passes += len(passes)
                line, _ = self.frame.text.at(node)
                remark = f"the loop of line {line} is written out pass by pass, with the branches that these data take"
                self.remarks = list(dict.fromkeys([*self.remarks, remark]))
                self.unrolled(target, self._entries(over, passes), body, node)
                return
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
        target = twin(target)
        for x in ast.walk(target):
            if isinstance(x, ast.Name):
                name = self.fresh(x.id, plain=True)
                self.frame.names[x.id] = ast.Name(name, ast.Load())
                self.varying.add(name)
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
        return [ast.Subscript(twin(over), ast.Constant(k), ast.Load()) for k in range(len(passes))]

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

"""Trying an edit: the backward pass runs with a statement replaced, and its gradients are judged."""

from __future__ import annotations

import ast
import copy
import sys
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.nodes import at
from compare.steps.passes import Codes, Passes

Array = NDArray[Any]

RUN, LOCALS = "\0run", "\0locals"
MOST_SPACES = 40  # passes through a statement whose names are kept


class Aim(NamedTuple):
    """What a statement ought to leave in a target, pass by pass; with `total` only what the last leaves is known."""

    target: str
    arrays: list[Array]
    total: bool = False
    inside: bool = False  # it is written into
    inner: tuple[tuple[str, int | None], ...] = ()  # of a return statement, where it stands

    def part(self, place: str, k: int, space: dict[str, Any]) -> Array:
        """What is to be left in a part of the target in one pass."""
        goal = self.arrays[k]
        if not place or place == self.target:
            return np.asarray(goal, float)
        node = ast.parse(place, mode="eval").body
        assert isinstance(node, ast.Subscript)
        node.value = ast.Name("_aim_", ast.Load())
        return np.asarray(eval(ast.unparse(node), {**space, "_aim_": goal}), float)

    def instead(self, passes: int) -> Callable[[int, Any], Any]:
        """What the code is to go on with, pass by pass."""

        def other(times: int, x: Any) -> Any:
            k = 0 if self.total else times
            if k >= len(self.arrays) or (self.total and times != passes - 1):
                return x
            if not np.all(np.isfinite(self.arrays[k])):
                return x
            return self.arrays[k].copy() if self.arrays[k].ndim else float(self.arrays[k])

        return other


class Outcome(NamedTuple):
    """What a run changed: the wrong gradients that it makes right, and whether a right one is wrong now."""

    mended: frozenset[str]
    broken: bool


NOTHING = Outcome(frozenset(), True)


Elsewhere = Callable[[frozenset[str], list[str]], bool]  # whether what was mended, and what is right, is so elsewhere


class Court:
    """Holds the gradients of a run against the true ones; `wrong` are those that differed.

    `elsewhere` is asked of what makes some right: whether the last run does so at another point, too.
    """

    def __init__(
        self, true: dict[str, Array], wrong: list[str], tolerance: float, elsewhere: Elsewhere | None = None
    ) -> None:
        self.true, self.wrong, self.tolerance, self.elsewhere = true, wrong, tolerance, elsewhere
        self.right = [name for name in true if name not in wrong]

    def close(self, name: str, ours: Any) -> bool:
        """Whether this gradient is the true one, up to the tolerance."""
        return close(ours, self.true[name], self.tolerance)

    def judged(self, ours: dict[str, Any] | None) -> Outcome:
        """What became of the gradients."""
        if ours is None:
            return NOTHING
        mended = frozenset(name for name in self.wrong if self.close(name, ours.get(name)))
        if not mended:
            return NOTHING
        broken = not all(self.close(name, ours.get(name)) for name in self.right)
        return Outcome(mended, broken)

    def confirmed(self, outcome: Outcome) -> bool:
        """Whether the last run mends the same at another point."""
        return self.elsewhere is None or self.elsewhere(outcome.mended, self.right)


def close(ours: Any, true: Array, part: float) -> bool:
    """Whether two arrays differ by no more than this part of the largest entry."""
    if not isinstance(ours, (np.ndarray, np.generic, float, int)) or np.shape(ours) != true.shape:
        return False
    ours = np.asarray(ours)
    if ours.dtype.kind not in "fiub":
        return False
    size = float(np.max(np.abs(true), initial=0))
    return bool(np.all(np.abs(ours - true) <= part * size))


class Focus:
    """One statement of the backward pass, for which others can be put; with `then`, one that follows it.

    `spaces` are the names where it runs, at the first pass. Raises SyntaxError for what cannot be replaced.
    """

    def __init__(self, passes: Passes, file: str, statement: Any, then: Any = None) -> None:
        self.passes, self.first, self.file = passes, statement, file
        self.statement = statement if then is None else then
        self.is_value = isinstance(statement, (ast.Return, ast.Lambda))
        self.assigned = [] if self.is_value else sorted(_assigned(statement) | (_assigned(then) if then else set()))
        self._before = self.compiled(statement) if then is not None else None
        self._code: Any = None
        self._aim: Aim | None = None
        self._times = 0
        self._keeping: list[dict[str, Any]] | None = None
        self.names: dict[str, Any] = {}
        self.local: list[str] = []
        self.codes = self._replaced(statement)

    def _replaced(self, old: Any) -> Codes:
        source = self.passes.source
        closed = {name for f in source.functions[self.file] for name in f.__code__.co_freevars}
        used = sorted({x.id for x in ast.walk(old) if isinstance(x, ast.Name)} & closed)
        kept: Any = ast.Constant(None)  # what a closure holds stays in it
        if used:
            kept = ast.parse(f"lambda: ({', '.join(used)},)", mode="eval").body
        call: Any = ast.Call(ast.Constant(RUN), [ast.Call(ast.Constant(LOCALS), [], []), kept], [])
        if isinstance(old, ast.Return):
            new: Any = ast.Return(call)
        elif isinstance(old, ast.Lambda):
            new = ast.Lambda(old.args, call)
        elif self.assigned:
            new = ast.Assign([ast.Tuple([ast.Name(x, ast.Store()) for x in self.assigned], ast.Store())], call)
        else:
            new = ast.Expr(call)
        return source.changed(self.file, source.replacing(self.file, old, [new]), {RUN: self._run, LOCALS: locals})

    def _run(self, local: dict[str, Any], kept: Any) -> Any:
        names = {**sys._getframe(1).f_globals, **local}
        if self._before is not None:
            exec(self._before, names)
        if self._keeping is not None and len(self._keeping) < MOST_SPACES:
            self.local = [*local, *self.assigned]
            self._keeping.append({k: _snapshot(x) for k, x in names.items()})
        times, self._times = self._times, self._times + 1
        if self.is_value:
            value = eval(self._code, names)
            return value if self._aim is None or self._aim.inner else self._aim.instead(0)(times, value)
        exec(self._code, names)
        if self._aim is not None and not self._aim.total:
            value = self._aim.instead(0)(times, None)
            if value is not None:
                leave(names, self._aim.target, value, self._aim.inside)
        return tuple(names[name] for name in self.assigned)

    def compiled(self, statement: Any) -> Any:
        """The code of a statement, for `run`; raises SyntaxError, or ValueError."""
        if isinstance(statement, ast.Return):
            return self._expression(statement.value)
        if isinstance(statement, ast.Lambda):
            return self._expression(statement.body)
        return compile(ast.fix_missing_locations(ast.Module([statement], [])), self.file, "exec")

    def _expression(self, node: Any) -> Any:
        return compile(ast.fix_missing_locations(ast.Expression(node)), self.file, "eval")

    def run(self, statement: Any) -> dict[str, Any] | None:
        """The gradients with this statement in the place of the one that is there; None where it raises."""
        try:
            self._code = self.compiled(statement)
        except (SyntaxError, ValueError, TypeError):
            return None
        return self.passes.run(self.codes)

    def look(self, aim: Aim | None = None) -> list[dict[str, Any]]:
        """Run the statement as it is, and keep the names where it runs, pass by pass.

        With an aim the code goes on with what the statement ought to leave, so that the later passes are right too.
        """
        found: list[dict[str, Any]] = []
        self._keeping, self._aim, self._times = found, aim, 0
        self.run(self.statement)
        self._keeping = self._aim = None
        if not self.names and found:
            self.names = found[0]
        return found

    def replayed(
        self, statement: Any, space: dict[str, Any], target: str, inner: tuple[tuple[str, int | None], ...] = ()
    ) -> Any:
        """What a statement leaves in a target where these names are at hand; raises what it raises."""
        if inner:
            return eval(self._expression(at(statement, inner)), space)
        if self.is_value:
            return eval(self.compiled(statement), space)
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            return eval(self._expression(statement.value), space)
        code = self.compiled(statement)
        used = {x.id for x in ast.walk(statement) if isinstance(x, ast.Name)}
        names = {k: _apart(x) if k in used else x for k, x in space.items()}
        exec(code, names)
        return eval(target, names)


def written(statement: Any) -> str:
    """The source of what an assignment writes into, where it is one thing."""
    targets: list[Any] = (
        statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    )
    is_one = len(targets) == 1 and isinstance(targets[0], (ast.Name, ast.Attribute, ast.Subscript))
    return ast.unparse(targets[0]) if is_one else ""


def leave(names: dict[str, Any], target: str, value: Any, inside: bool) -> None:
    """Put a value into a target: a name, an attribute, an entry, or the whole of an array."""
    names["\0value"] = value
    if inside:
        eval(target, names)[...] = value
        return
    assign = ast.Assign([ast.parse(target, mode="eval").body], ast.Name("\0value", ast.Load()))
    assign.targets[0].ctx = ast.Store()  # type: ignore[attr-defined]
    exec(compile(ast.fix_missing_locations(ast.Module([assign], [])), "<aim>", "exec"), names)


def _assigned(statement: Any) -> set[str]:
    inner = [x for c in ast.walk(statement) if isinstance(c, ast.comprehension) for x in ast.walk(c.target)]
    names = [x for x in ast.walk(statement) if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)]
    return {x.id for x in names} - {x.id for x in inner if isinstance(x, ast.Name)}


def _snapshot(x: Any, depth: int = 0) -> Any:
    """A copy of what a statement may write into."""
    if isinstance(x, np.ndarray):
        return x.copy()
    if type(x) is dict and depth < 2 and len(x) < 100:
        return {k: _snapshot(v, depth + 1) for k, v in x.items()}
    if type(x) in (list, tuple) and depth < 2 and len(x) < 100:
        return type(x)(_snapshot(v, depth + 1) for v in x)
    return x


def _apart(x: Any) -> Any:
    """A copy of what a statement may change, of an object with its attributes."""
    if hasattr(x, "__dict__") and not callable(x) and not isinstance(x, (types.ModuleType, type, np.ndarray)):
        found = copy.copy(x)
        for name, value in vars(x).items():
            object.__setattr__(found, name, _snapshot(value))
        return found
    return _snapshot(x)

"""Trying an edit: the backward pass runs with a statement replaced, and its gradients are held against the chain rule."""

from __future__ import annotations

import ast
import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.steps.passes import Codes, Passes

Array = NDArray[Any]

RUN, LOCALS = "\0run", "\0locals"


class Outcome(NamedTuple):
    """What a run changed: the wrong gradients that it makes right, and whether a right one is wrong now."""

    mended: frozenset[str]
    broken: bool


NOTHING = Outcome(frozenset(), True)


class Court:
    """Holds the gradients of a run against the true ones; `wrong` are those that differed."""

    def __init__(self, true: dict[str, Array], wrong: list[str], tolerance: float) -> None:
        self.true, self.wrong, self.tolerance = true, wrong, tolerance
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
        return Outcome(mended, not all(self.close(name, ours.get(name)) for name in self.right))


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
        self._keeping = False
        self.names: dict[str, Any] = {}
        self.local: list[str] = []
        self.codes = self._replaced(statement)

    def _replaced(self, old: Any) -> Codes:
        call: Any = ast.Call(ast.Constant(RUN), [ast.Call(ast.Constant(LOCALS), [], [])], [])
        if isinstance(old, ast.Return):
            new: Any = ast.Return(call)
        elif isinstance(old, ast.Lambda):
            new = ast.Lambda(old.args, call)
        elif self.assigned:
            new = ast.Assign([ast.Tuple([ast.Name(x, ast.Store()) for x in self.assigned], ast.Store())], call)
        else:
            new = ast.Expr(call)
        source = self.passes.source
        return source.changed(self.file, source.replacing(self.file, old, [new]), {RUN: self._run, LOCALS: locals})

    def _run(self, local: dict[str, Any]) -> Any:
        names = {**sys._getframe(1).f_globals, **local}
        if self._before is not None:
            exec(self._before, names)
        if self._keeping:
            self._keeping = False
            self.local = [*local, *self.assigned]
            self.names = {k: _snapshot(x) for k, x in names.items()}
        if self.is_value:
            return eval(self._code, names)
        exec(self._code, names)
        return tuple(names[name] for name in self.assigned)

    def compiled(self, statement: Any) -> Any:
        """The code of a statement, for `run`; raises SyntaxError, or ValueError."""
        if isinstance(statement, ast.Return):
            return compile(ast.fix_missing_locations(ast.Expression(statement.value)), self.file, "eval")
        if isinstance(statement, ast.Lambda):
            return compile(ast.fix_missing_locations(ast.Expression(statement.body)), self.file, "eval")
        return compile(ast.fix_missing_locations(ast.Module([statement], [])), self.file, "exec")

    def run(self, statement: Any) -> dict[str, Any] | None:
        """The gradients with this statement in the place of the one that is there; None where it raises."""
        try:
            self._code = self.compiled(statement)
        except (SyntaxError, ValueError, TypeError):
            return None
        return self.passes.run(self.codes)

    def look(self) -> None:
        """Run the statement as it is, and keep the names where it runs."""
        self._keeping = True
        self.run(self.statement)
        self._keeping = False


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

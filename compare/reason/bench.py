"""Where edits are tried: the backward pass with its statements, what is at hand in each, and a budget of runs."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from compare.reason.scope import Own, Scope, is_harmless
from compare.reason.trial import Court, Focus, Outcome
from compare.steps.passes import Passes
from compare.steps.sites import Site

MOST_AIMS = 1_000  # runs with the chain rule's arrays
MOST_LOOKS = 8_000  # edits whose value is worked out where the statement stands, before a run
WORK, WORK_OF_AIMS = 900_000, 400_000  # steps of all the runs together, a hundred numbers are one


class Bench:
    """The backward pass, ready to be run with something else in it, and what it gives.

    `left` is how often it may still run with another statement, `aims` how often with the chain rule's arrays in it,
    and `looks` how often the value of an edit may be worked out.
    """

    def __init__(self, passes: Passes, court: Court, left: int) -> None:
        self.passes, self.court, self.stopped = passes, court, False
        self.events = passes.backward()
        self.base = passes.run()
        work = 1 + len(self.events) + sum(np.size(e.value) for e in self.events) // 100
        self.left, self.aims = min(left, WORK // work), min(MOST_AIMS, WORK_OF_AIMS // work)
        self.looks = MOST_LOOKS
        self._focuses: dict[int, Focus | None] = {}
        self._scopes: dict[int, Scope] = {}
        self._own: dict[str, list[Own]] = {}

    def focus(self, site: Site, then: Any = None) -> Focus | None:
        """A statement for which others can be put, or one that follows it; None where that cannot be."""
        key = id(site.statement if then is None else then)
        if key not in self._focuses:
            try:
                focus: Focus | None = Focus(self.passes, site.file, site.statement, then)
                assert focus is not None
                focus.look()
                if not focus.names:
                    focus = None
            except (SyntaxError, ValueError, TypeError, KeyError):
                focus = None
            self._focuses[key] = focus
            if focus is not None:
                self._scopes[key] = Scope(
                    focus.names, focus.local, self._expressions(site.file), self._numbers_of_code(site.file)
                )
        return self._focuses[key]

    def _expressions(self, file: str) -> list[Own]:
        """The expressions of both passes that can be evaluated once more without harm."""
        if file not in self._own:
            functions = {id(s.function): s.function for s in self.passes.sites if s.file == file and s.function}
            users = {f.__name__ for f in self.passes.source.functions[file]}
            kinds = (ast.BinOp, ast.Call, ast.Subscript, ast.Compare, ast.Attribute)
            nodes = [n for function in functions.values() for n in ast.walk(function) if isinstance(n, kinds)]
            self._own[file] = Own.of(
                n
                for n in nodes
                if isinstance(getattr(n, "ctx", None), (ast.Load, type(None))) and is_harmless(n, users)
            )
        return self._own[file]

    def _numbers_of_code(self, file: str) -> list[float]:
        tree = self.passes.source.trees[file]
        functions = [x for x in ast.walk(tree) if isinstance(x, (ast.FunctionDef, ast.Lambda))]
        constants = [x for f in functions for x in ast.walk(f) if isinstance(x, ast.Constant)]
        values: list[Any] = [x.value for x in constants]
        return [x for x in values if type(x) in (int, float)]

    def scope(self, statement: Any) -> Scope:
        """What is at hand where a statement runs that has a focus."""
        return self._scopes[id(statement)]

    def judged(self, instead: dict[int, Callable[[int, Any], Any]]) -> Outcome:
        """What becomes right when the code goes on with other values at some sites."""
        self.aims -= 1
        return self.court.judged(self.passes.run_with(instead))

    def mends(self, focus: Focus, statement: Any, wrong: set[str]) -> frozenset[str] | None:
        """What a statement in another's place makes right, if that is all that is wrong, here and elsewhere."""
        self.left -= 1
        return self.settled(focus.run(statement), wrong)

    def settled(self, ours: dict[str, Any] | None, wrong: set[str]) -> frozenset[str] | None:
        """What these gradients, the last that ran, make right, if that is all that is wrong, here and elsewhere."""
        outcome = self.court.judged(ours)
        good = not outcome.broken and outcome.mended >= wrong and self.court.confirmed(outcome)
        return outcome.mended if good else None

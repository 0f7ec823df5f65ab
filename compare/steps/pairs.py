"""The lines of the forward pass, and the one that a line of the backward pass belongs to.

dJ/dS belongs to the line that makes S, and dJ/dW of an array W that is given to the first line that uses it.
"""

from __future__ import annotations

import ast
import functools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from autograd import TapeArray
from compare.report.lines import Line
from compare.steps.known import base_name, is_gradient_of
from compare.steps.passes import ForwardStep, Passes
from compare.steps.sites import Site

BLOCKS = (ast.For, ast.While, ast.If, ast.With, ast.Try)
INDENT = "    "
EMPTY = ("zeros", "zeros_like", "empty", "empty_like")
OURS = str(Path(__file__).parents[1]) + os.sep


class Pairs:
    """Finds the forward line of an array of the backward pass."""

    def __init__(self, passes: Passes) -> None:
        self.passes = passes
        self._used: dict[str, int] = {}

    @functools.cached_property
    def forward(self) -> list[Line]:
        """The lines of the forward pass that depend on what is differentiated, as they stand, helpers where called."""
        shown: dict[int, Site] = {}
        functions: dict[int, Site] = {}
        for step in self.passes.forward:
            site = step.site
            if site is not None and not site.file.startswith(OURS):
                functions.pop(id(site.function), None)
                functions[id(site.function)] = site  # in the order in which they are left
                if step.grad is not None and (site.target is not None or is_result(site)) and not _renames(site):
                    shown.setdefault(id(site.statement), site)
        left = {key: site.function for key, site in functions.items() if site.file == self._file}
        found: list[list[Line]] = []
        while left:
            last = list(left)[-1]  # the one that is done last calls the others
            found.insert(0, list(self._walk(left.pop(last), 0, shown, left)))
        return [line for lines in found for line in lines]

    @functools.cached_property
    def _file(self) -> str:
        """The file of the forward pass; helpers in other files are no lines of it."""
        files = [s.site.file for s in self.passes.forward if s.site is not None and not s.site.file.startswith(OURS)]
        return files[-1] if files else ""

    def _walk(self, node: Any, depth: int, shown: dict[int, Site], left: dict[int, Any]) -> Iterator[Line]:
        """The shown lines of a function or a block; a helper stands before the first line that calls it."""
        for statement in node.body if isinstance(node.body, list) else ():
            if isinstance(statement, BLOCKS):
                inner = list(self._walk(statement, depth + 1, shown, left))
                if inner:
                    yield Line(statement.lineno, INDENT * depth + self._source(statement), "", file=self._file)
                    yield from inner
            elif id(statement) in shown:
                for name in _called(statement):
                    for key, function in list(left.items()):
                        if getattr(function, "name", None) == name:
                            yield from self._walk(left.pop(key), depth, shown, left)
                site = shown[id(statement)]
                names = (site.target,) if site.target else ()
                yield Line(statement.lineno, INDENT * depth + self._source(statement), "", "", names, self._file)

    def _source(self, statement: Any) -> str:
        return " ".join(self.passes.source.text(self._file, statement).split("\n", 1)[0].split())

    @functools.cached_property
    def _order(self) -> dict[int, int]:
        return {line.number: k for k, line in enumerate(self.forward)}

    @functools.cached_property
    def _given(self) -> list[ForwardStep]:
        return [step for step in self.passes.forward if step.site is None]

    @functools.cached_property
    def _named(self) -> dict[str, ForwardStep]:
        """What is differentiated by its names, what the forward pass is given first."""
        steps = [s for s in self.passes.forward if s.site is not None and s.site.target and s.grad is not None]
        return {s.name: s for s in [*self._given, *steps, *self._given]}

    @functools.cached_property
    def _left(self) -> list[tuple[int, Any]]:
        """The nodes that the lines of the forward pass leave."""
        return [
            (int(site.statement.lineno), s.nodes.ids)
            for s in self.passes.forward
            if isinstance(s.nodes, TapeArray)
            and (site := s.site)
            and site.file == self._file
            and (site.target is not None or is_result(site))
        ]

    def _is_given(self, step: ForwardStep) -> bool:
        """Whether a step is only another name for what the forward pass is given."""
        if not isinstance(step.nodes, TapeArray):
            return False
        ids = step.nodes.ids
        return any(isinstance(x.nodes, TapeArray) and np.array_equal(x.nodes.ids, ids) for x in self._given)

    def line_of(self, names: tuple[str, ...], steps: list[ForwardStep | None]) -> int:
        """The forward line to which a line belongs that gives these names the values of these steps; or 0."""
        found = [self._line(name, step) for name, step in zip(names, steps, strict=True)]
        known = [number for number in found if number in self._order]
        return min(known, key=self._order.__getitem__, default=0)

    def last_use(self, names: tuple[str, ...]) -> int:
        """The last of the forward lines that are the first to use these inputs; or 0."""
        found = [self._first_use(step) for step in self._given if step.name in names]
        return max(filter(None, found), key=self._order.__getitem__, default=0)

    def _line(self, name: str, step: ForwardStep | None) -> int:
        if step is None:
            step = next((s for s in self._named.values() if is_gradient_of(name, s.name)), None)
        if step is None:
            return 0
        if step.site is not None and not self._is_given(step):
            return int(step.site.statement.lineno) if step.site.file == self._file else 0
        return self._first_use(step)

    def _first_use(self, step: ForwardStep) -> int:
        """The first line of the forward pass that uses what it is given."""
        part = re.match(r"(?:the part of )?dJ/d(\S+)", step.name)
        step = self._named.get(part.group(1), step) if part else step
        if step.name not in self._used:
            numbers = [
                int(site.statement.lineno)
                for site in self.passes.consumers(step)
                if site is not None and site.file == self._file
            ]
            if numbers and isinstance(step.nodes, TapeArray):  # or where it is moved into something else
                numbers += [number for number, ids in self._left if np.isin(step.nodes.ids, ids).any()]
            name = re.compile(rf"\b{re.escape(base_name(step.name))}\b")
            numbers = numbers or [line.number for line in self.forward if name.search(line.source)]
            known = [number for number in numbers if number in self._order]
            self._used[step.name] = min(known, key=self._order.__getitem__, default=0)
        return self._used[step.name]


def is_result(site: Site) -> bool:
    """Whether an expression is one of those that a function returns."""
    if not isinstance(site.statement, (ast.Return, ast.Lambda)):
        return False
    value = site.statement.body if isinstance(site.statement, ast.Lambda) else site.statement.value
    return site.node in (value, *getattr(value, "elts", ()), *getattr(value, "values", ()))


def only_starts(statement: Any) -> bool:
    """Whether a statement only makes arrays that others fill, or returns what others have made."""
    value = getattr(statement, "value", None)
    parts = getattr(value, "elts", None) or getattr(value, "values", None) or [value]
    if isinstance(statement, ast.Return):
        return any(isinstance(part, ast.Name) for part in parts)
    return all(isinstance(x, ast.Call) and getattr(x.func, "attr", "") in EMPTY for x in parts)


def _renames(site: Site) -> bool:
    """Whether a statement only gives another name to what is there, or puts it into a list."""
    value = getattr(site.statement, "value", None)
    if isinstance(site.statement, ast.Expr):
        return isinstance(value, ast.Call) and getattr(value.func, "attr", "") in ("append", "extend", "insert")
    into = isinstance(site.statement, ast.Assign) and not isinstance(site.statement.targets[0], ast.Subscript)
    parts = getattr(value, "elts", [value])
    return (
        into
        and all(isinstance(part, (ast.Name, ast.Attribute, ast.Subscript)) for part in parts)
        and not any(isinstance(node, (ast.Call, ast.Slice)) for part in parts for node in ast.walk(part))
    )


def _called(statement: Any) -> list[str]:
    """The names of the functions and methods that a statement calls."""
    calls = [node.func for node in ast.walk(statement) if isinstance(node, ast.Call)]
    return [f.id if isinstance(f, ast.Name) else f.attr for f in calls if isinstance(f, (ast.Name, ast.Attribute))]

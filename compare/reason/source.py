"""Expressions and places of the user's source: where each node of a recorded graph comes from."""

from __future__ import annotations

import itertools
import linecache
import re
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Value
from autograd.record.places import Place
from compare.reason.edges import Recorded

Array = NDArray[Any]


class Expression(NamedTuple):
    """A piece of the user's source: where, and its text. A leaf is its name."""

    text: str
    file: str = ""
    line: int = 0
    end_line: int = 0
    column: int = 0
    end_column: int = 0

    @property
    def whole_line(self) -> bool:
        """Whether this is a line of code and not an expression in it."""
        return bool(self.line) and not self.end_line

    def __str__(self) -> str:
        if self.end_line < 0:
            return self.text
        return f"`{self.text}` (line {self.line})" if self.line else self.text


HARNESS = Expression("out * dout")  # what a check makes of a layer's output, to have a scalar


def expression(place: tuple[Any, int]) -> Expression:
    """The expression that an instruction of the user's code computes."""
    code, instruction = place
    line, end_line, column, end_column = list(code.co_positions())[instruction // 2]
    if line is None or end_line is None or column is None or end_column is None:
        return Expression(code.co_name, code.co_filename, line or code.co_firstlineno)
    lines = [text.encode() for text in linecache.getlines(code.co_filename)[line - 1 : end_line]]
    if not lines:
        return Expression(code.co_name, code.co_filename, line, end_line, column, end_column)
    lines[-1] = lines[-1][:end_column]
    lines[0] = lines[0][column:]
    text = " ".join(part.decode(errors="replace").strip() for part in lines)
    return Expression(text, code.co_filename, line, end_line, column, end_column)


class Source:
    """Which expression, line and call of the user's code each node belongs to."""

    def __init__(self, recorded: Recorded, places: dict[Value, Place]) -> None:
        known: dict[Any, Expression] = {}

        def at(place: Any) -> Expression:
            if place not in known:
                known[place] = expression(place)
            return known[place]

        names = {node: name for name, nodes in recorded.leaves.items() for node in nodes.flat}
        self.steps: list[list[Any]] = []  # for each node: its expression, then the calls around it
        for k, node in enumerate(recorded.nodes):
            place = places.get(node, ())
            if node.op is None or not place:
                unplaced = node.label or ("a constant" if node.op is None else HARNESS.text)
                self.steps.append([Expression(names.get(k, unplaced))])
                continue
            frames = [at(frame) for frame in place]
            lines = [Expression(_line(frames[-1]), frames[-1].file, frames[-1].line)]
            code = place[0][0]
            whole = Expression(f"the function {code.co_name}", code.co_filename, code.co_firstlineno, -1)
            self.steps.append([frames[-1], *lines, *reversed(frames[:-1]), whole])
        self._add_blocks()

        self.run = _runs(self.steps)

    def _add_blocks(self) -> None:
        """Two to four lines of code that follow each other are a step as well."""
        where: dict[str, set[int]] = defaultdict(set)
        for step in self.steps:
            if step[0].line:
                where[step[0].file].add(step[0].line)
        for file, found in where.items():
            lines = sorted(found)
            for start, count in itertools.product(range(len(lines)), (2, 3, 4)):
                block = lines[start : start + count]
                if len(block) == count:
                    name = Expression(f"lines {block[0]} to {block[-1]}", file, block[0], -2)
                    for step in self.steps:
                        if step[0].file == file and block[0] <= step[0].line <= block[-1]:
                            step.append(name)

    def of(self, node: int) -> Expression:
        step: Expression = self.steps[node][0]
        return step


def _runs(steps: list[list[Any]]) -> Array:
    """For each node, how often its expression had run before, in a loop say; nodes come in the order of creation."""
    count: dict[Any, int] = defaultdict(int)
    runs = []
    before = None
    for step in steps:
        if step[0] != before:
            count[step[0]] += 1
        before = step[0]
        runs.append(count[step[0]])
    return np.array(runs)


def _line(expression: Expression) -> str:
    line = linecache.getline(expression.file, expression.line)
    return re.sub(r"\s+#[^'\"]*$", "", line).strip() or expression.text  # without its comment

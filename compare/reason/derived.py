"""The line that the derivation writes, in the names of the user's backward pass: where no small edit mends one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import late
from compare.reason.mistakes import Finding
from compare.reason.nodes import Edit, copied, parsed
from compare.reason.trial import Court, Focus, close
from compare.steps.known import base_name
from compare.steps.passes import Passes
from compare.subject.subject import UserCode

Array = NDArray[Any]
Lines = Sequence[tuple[str, str]]  # assignments, each with its reason

PART = 1e-8
DEEPEST = 4  # lines that are put into one another


def derived(passes: Passes, court: Court, finding: Finding) -> Finding | None:
    """The mistake with the derived line that mends the same gradients; None where there is none."""
    statement = finding.site.statement
    derived_lines: Callable[[UserCode], Lines] | None = late.bound("derived_lines")  # the derivation stands above
    if derived_lines is None or not isinstance(statement, ast.Assign) or not finding.mended:
        return None
    with passes.ready():
        try:
            focus = Focus(passes, finding.site.file, statement)
            focus.look()
        except (SyntaxError, ValueError, TypeError, KeyError):
            return None
        if not focus.names:
            return None
        for value, why in _Writer(passes, focus, derived_lines(passes.subject)).values():
            after = copied(statement, value=value)
            outcome = court.judged(focus.run(after))
            if not outcome.broken and outcome.mended >= finding.mended and court.confirmed(outcome):
                edit = Edit(2.0, value, "derived", why)
                return Finding(finding.site, edit, after, outcome.mended, finding.target)
    return None


class _Writer:
    """Puts derived lines into the names that are at hand where a statement runs."""

    def __init__(self, passes: Passes, focus: Focus, lines: Lines) -> None:
        self.passes, self.focus = passes, focus
        self.exprs: dict[str, tuple[Any, str]] = {}
        for text, why in lines:
            node = ast.parse(text).body[0]
            target = getattr(node, "targets", [getattr(node, "target", None)])[0]
            if not isinstance(target, ast.Name) or not target.id.startswith("d"):
                continue
            value, before = getattr(node, "value", None), self.exprs.get(target.id)
            if isinstance(node, ast.AugAssign) and before is not None:
                self.exprs[target.id] = ast.BinOp(before[0], node.op, node.value), before[1] or why
            elif isinstance(node, ast.Assign):
                self.exprs[target.id] = value, why

    def values(self) -> Iterator[tuple[Any, str]]:
        """Each derived array as an expression in the user's names, where they are at hand."""
        for value, why in self.exprs.values():
            written = self._written(value, 0)
            if written is not None:
                yield written, why

    def _written(self, node: Any, depth: int) -> Any:
        names = {x.id for x in ast.walk(node) if isinstance(x, ast.Name)}
        known = {name: self._named(name, depth) for name in names - {"np"}}
        if any(x is None for x in known.values()):
            return None

        class Rename(ast.NodeTransformer):
            def visit_Name(self, found: ast.Name) -> Any:
                return known.get(found.id, found)

        return Rename().visit(ast.parse(ast.unparse(node), mode="eval").body)

    def _named(self, name: str, depth: int) -> Any:
        """What a name of the derivation is called here: by its value, or the lines that make it."""
        for wanted, of_gradient in ((name, False), (name[1:], True)):
            for step in self.passes.forward:
                array = step.grad if of_gradient else step.data
                if array is not None and base_name(step.name) == wanted and (found := self._local(array)):
                    return parsed(found)
        if name in self.exprs and depth < DEEPEST:
            return self._written(self.exprs[name][0], depth + 1)
        return parsed(name) if name in self.focus.names and name not in self.exprs else None

    def _local(self, array: Array) -> str:
        """The name, or the entry of something named, that holds these numbers."""
        for name in self.focus.local:
            x = self.focus.names.get(name)
            if isinstance(x, (np.ndarray, float)) and close(x, array, PART):
                return name
            if isinstance(x, dict):
                for key, y in x.items():
                    if isinstance(key, str) and isinstance(y, np.ndarray) and close(y, array, PART):
                        return f"{name}[{key!r}]"
        owner = self.focus.names.get("self")
        for key, y in getattr(owner, "__dict__", {}).items():
            if isinstance(y, np.ndarray) and close(y, array, PART):
                return f"self.{key}"
        return ""

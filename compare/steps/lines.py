"""What each line of a backward pass is: a gradient, a part of one, a local derivative, a number of the forward pass."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.report.lines import FOLLOWS, MISTAKE, OTHER, RIGHT, UNUSED, Line, Mistake
from compare.steps.known import Known, Match, base_name, is_gradient_of
from compare.steps.pairs import Pairs, is_result, only_starts
from compare.steps.passes import Event, ForwardStep, Passes
from compare.steps.sites import Site

Array = NDArray[Any]

FORWARD = " of the forward pass"
SIMPLE = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return, ast.Lambda)


def statements(passes: Passes, events: Iterable[Event]) -> list[tuple[Site, dict[int, list[Event]]]]:
    """The statements that ran, in the order of their lines, with what they left, target by target."""
    found: dict[int, dict[int, list[Event]]] = {}
    first: dict[int, Site] = {}
    for event in events:
        site = passes.sites[event.site]
        if isinstance(site.statement, SIMPLE):
            key = id(site.statement)
            first.setdefault(key, site)
            if site.target is not None or (is_result(site)):
                found.setdefault(key, {}).setdefault(event.site, []).append(event)
    ordered = sorted(found, key=lambda key: (first[key].file, first[key].statement.lineno))
    return [(first[key], found[key]) for key in ordered]


class Reader:
    """Says of an array of the backward pass what it is."""

    def __init__(self, passes: Passes) -> None:
        self.passes = passes
        self.gradients, self.numbers = Known(passes.forward), Known(passes.forward, of_data=True)
        self._more: tuple[Known, Known] | None = None

    def says(self, name: str, x: Any) -> tuple[str, bool, ForwardStep | None]:
        """What an array is, whether the chain rule knows it, and of which step; "" for what is on the way."""
        x = np.asarray(x)
        if x.dtype.kind == "b" or (x.dtype.kind in "iu" and x.ndim == 0):
            return "", False, None
        x = x.astype(float)
        gradients = sorted(self.gradients.find(x), key=lambda match: _rank(name, match))
        numbers = [m for m in self.numbers.find(x) if m.factor == 1 and not m.turned]
        numbers.sort(
            key=lambda m: (base_name(m.step.name) != base_name(name), m.step.site is not None, len(m.step.name))
        )
        if numbers and base_name(numbers[0].step.name) == base_name(name):
            return f"{_called(numbers[0])}{FORWARD}", True, numbers[0].step
        if gradients and gradients[0].factor in (1, -1):
            return self._gradient(gradients[0]), gradients[0].factor == 1, gradients[0].step
        if numbers and not gradients:
            return f"{_called(numbers[0])}{FORWARD}", True, numbers[0].step
        parts, slopes = self._others()
        for match in parts.find(x):
            if match.factor == 1:
                return match.step.name, True, match.step
        for match in sorted(slopes.find(x), key=lambda m: len(m.step.name)):
            if match.factor == 1:
                return f"the local derivative {match.step.name}", True, match.step
        if gradients:
            return self._gradient(gradients[0]), True, gradients[0].step
        return "", False, None

    def _others(self) -> tuple[Known, Known]:
        if self._more is None:
            self._more = Known(self.passes.parts), Known(self.passes.slopes, of_data=True)
        return self._more

    def _gradient(self, match: Match) -> str:
        factor = "" if match.factor == 1 else "-" if match.factor == -1 else f"{match.factor:.4g} · "
        name = match.step.name if match.step.site is None or match.step.site.target else f"({match.step.name})"
        return f"{factor}dJ/d{name}{', transposed' if match.turned else ''}"


def _rank(name: str, match: Match) -> tuple[Any, ...]:
    named = match.step.site is None or bool(match.step.site.target)
    return match.factor != 1, not is_gradient_of(name, match.step.name), not named, match.turned, len(match.step.name)


def _called(match: Match) -> str:
    site = match.step.site
    return f"`{match.step.name}`" + (f" (line {site.line})" if site is not None else "")


def lines_of(
    passes: Passes,
    events: list[Event],
    reaches: Callable[[Iterable[int]], bool],
    mistaken: dict[int, Mistake],
    changed: Callable[[int], bool],
) -> list[Line]:
    """The lines of the backward pass with what each is.

    `reaches` says whether a gradient depends on some sites, `mistaken` are the statements that are mistakes with what
    is said of them, and `changed` tells whether the value at a site is another one when these are mended.
    """
    reader, pairs, found = Reader(passes), Pairs(passes), list[Line]()
    targeted = Counter(id(x.statement) for x in passes.sites if x.target)  # of a return none
    zeros = _zero_terms(passes, events)
    forward = {id(step.site.function) for step in passes.forward if step.site is not None}
    ran = statements(passes, events)
    alone = [one for one in ran if id(one[0].function) not in forward]
    for site, targets in alone or ran:
        names = tuple(passes.sites[k].target or passes.sites[k].text for k in targets)
        source = " ".join(passes.source.text(site.file, site.statement).split("\n", 1)[0].split())
        number = site.statement.lineno
        if id(site.statement) in mistaken:
            one = mistaken[id(site.statement)]
            of = pairs.line_of(names, [None] * len(names)) or pairs.last_use(one.names)
            found.append(Line(number, source, MISTAKE, one.says, names, site.file, of))
            continue
        said = [reader.says(name, targets[k][-1].value) for name, k in zip(names, targets, strict=True)]
        known = _together([text for text, _, _ in said if text])
        right = bool(said) and all(is_known for _, is_known, _ in said)
        numbers = [text for text, _, _ in said if text.endswith(FORWARD)]
        steps = [step for _, _, step in said]
        prepares = len(numbers) > 1 or (numbers and all(step is None or step.site is None for step in steps))
        of = 0 if prepares or only_starts(site.statement) else pairs.line_of(names, steps)
        if any(map(changed, targets)):
            status, says = FOLLOWS, "follows from the mistake" + (f": {'; '.join(known)}" if right and known else "")
        elif len(targets) == targeted.get(id(site.statement)) and not reaches(targets):
            status, says = UNUSED, "no gradient depends on it"
        else:
            status, says = (RIGHT if right else OTHER), "; ".join(dict.fromkeys(known))
        says = "; ".join(filter(None, [says, *zeros.get(id(site.statement), ())]))
        found.append(Line(number, source, status, says, names, site.file, of))
    return found


def _zero_terms(passes: Passes, events: list[Event]) -> dict[int, list[str]]:
    """The terms of sums that were 0 in every pass, by the statement that they stand in."""
    always: dict[int, bool] = {}
    for event in events:
        if passes.sites[event.site].target is None and np.asarray(event.value).dtype.kind == "f":
            always[event.site] = always.get(event.site, True) and not np.any(event.value)
    found: dict[int, list[str]] = {}
    for k, is_zero in always.items():
        site = passes.sites[k]
        sums = [x for x in ast.walk(site.statement) if isinstance(x, ast.BinOp)]
        if is_zero and any(site.node in (x.left, x.right) for x in sums if isinstance(x.op, (ast.Add, ast.Sub))):
            found.setdefault(id(site.statement), []).append(f"`{site.text}` is 0 here")
    return found


def _together(said: list[str]) -> list[str]:
    """What is said of several targets, numbers of the forward pass in one phrase."""
    numbers = [text.removesuffix(FORWARD) for text in said if text.endswith(FORWARD)]
    rest = [text for text in said if not text.endswith(FORWARD)]
    return rest + [", ".join(numbers) + FORWARD] * bool(numbers)

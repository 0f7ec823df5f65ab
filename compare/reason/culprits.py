"""Whose array it is: suspects that make gradients right when the chain rule's own array is put in their place."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.bench import Bench
from compare.reason.nodes import parsed
from compare.reason.scope import evaluated, shape_of
from compare.reason.solve import parts
from compare.reason.suspects import Suspect, Suspects
from compare.reason.trial import Aim, close, written
from compare.steps.known import base_name, is_gradient_of
from compare.steps.passes import ForwardStep

Array = NDArray[Any]

MOST_TARGETS = 32
MOST_MISTAKES = 4


class Culprit(NamedTuple):
    """A statement that makes wrong gradients right when it leaves what it ought to: at which site, of which step."""

    suspect: Suspect
    site: int
    step: ForwardStep | None
    aim: Aim
    mended: frozenset[str]


class Culprits:
    """Which suspects make wrong gradients right, once they leave what the chain rule knows."""

    def __init__(self, bench: Bench, suspects: Suspects) -> None:
        self.bench, self.passes, self.court, self.suspects = bench, bench.passes, bench.court, suspects.all
        self._kept: dict[tuple[int, int], list[dict[str, Any]]] = {}
        self.rivals: list[Culprit] = []  # the same statement with another array, that mends as much, but something else

    def confirmed(self, suspects: list[Suspect], wrong: set[str], partial: bool = False) -> Culprit | None:
        """The first statement that makes all that is wrong right when the chain rule's own array is put in its place.

        With `partial` the one that makes the most right, and its `rivals`.
        """
        best: Culprit | None = None
        self.rivals = []
        for suspect in sorted(suspects, key=lambda s: s.is_right):
            for site in suspect.sites:
                for step, arrays, total in itertools.islice(self._targets(suspect, site), MOST_TARGETS):
                    if self.bench.aims <= 0:
                        self.bench.stopped = True
                        return best
                    instead = Aim("", arrays, total).instead(self._times(site))
                    outcome = self.bench.judged({site: instead})
                    if outcome.broken:
                        continue
                    is_whole, most = outcome.mended >= wrong, len(best.mended if best else ())
                    if not is_whole and not (partial and len(outcome.mended) >= max(most, 1)):
                        continue
                    found = Culprit(suspect, site, step, self._aim(suspect, site, arrays, total), outcome.mended)
                    if is_whole or len(outcome.mended) > most:
                        best, self.rivals = found, []
                        if is_whole:
                            return best
                    elif best is not None and suspect is best.suspect and outcome.mended != best.mended:
                        self.rivals.append(found)
        return best

    def result(self, name: str) -> Culprit | None:
        """The place in a return statement that a wrong gradient comes from."""
        for suspect in self.suspects:
            focus = self.bench.focus(suspect.site) if not suspect.sites else None
            if focus is None or not isinstance(suspect.statement, ast.Return):
                continue
            value = suspect.statement.value
            field = "values" if isinstance(value, ast.Dict) else "elts"
            for k, node in enumerate(getattr(value, field)):
                x = evaluated(node, focus.names)
                true = self.court.true[name]
                if (
                    shape_of(x) == true.shape
                    and self.bench.base is not None
                    and np.array_equal(x, np.asarray(self.bench.base.get(name)))
                ):
                    aim = Aim("", [true], inner=(("value", None), (field, k)))
                    return Culprit(suspect, -1, None, aim, frozenset([name]))
        return None

    def chain(self, culprit: Culprit, wrong: set[str]) -> list[Culprit]:
        """The culprit, and before it those that it is made from, where these alone mend as much: the first first."""
        found = [culprit]
        for one in found:
            if len(found) > MOST_MISTAKES:
                break
            focus = self.bench.focus(one.suspect.site)
            if focus is None:
                continue
            spaces = self.spaces(one)
            if len(spaces) != len(one.aim.arrays) and not one.aim.total:
                continue
            for part in itertools.islice(parts(one.suspect.statement, spaces, one.aim), 12):
                maker, later = self._maker(part.node, one.suspect, found)
                if maker is None:
                    continue
                needed = part.needed
                if later:  # what a pass leaves for the next
                    needed = [*needed[1:], np.full_like(needed[-1], np.nan)]
                elif any(not np.all(np.isfinite(n)) for n in needed):
                    continue
                if [np.shape(e.value) for e in maker.events] != [n.shape for n in needed]:
                    continue
                aim = self._aim(maker, maker.sites[0], needed)
                outcome = self.bench.judged({maker.sites[0]: aim.instead(len(maker.events))})
                if not outcome.broken and outcome.mended >= wrong:
                    found.append(Culprit(maker, maker.sites[0], None, aim, outcome.mended))
                    if later:
                        break
        found.sort(key=lambda c: self.suspects.index(c.suspect))
        return found

    def _maker(self, node: Any, user: Suspect, chain: list[Culprit]) -> tuple[Suspect | None, bool]:
        """The statement that an expression has its value from, and whether it is from the pass before."""
        name = ast.unparse(node)
        function = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
        place = self.suspects.index(user)
        later = [(s, True) for s in self.suspects[place + 1 :][::-1] if len(s.events) == len(user.events) > 1]
        for suspect, is_later in [*later, *((s, False) for s in self.suspects[:place][::-1])]:
            if len(suspect.sites) != 1 or any(c.suspect is suspect for c in chain):
                continue
            same = suspect.site.function is user.site.function and suspect.site.target == name
            is_result = suspect.site.target == "" and getattr(suspect.site.function, "name", "") == function
            if same or (is_result and not is_later):
                first = self.suspects[:place]
                if is_later and any(s.site.target == name and len(s.events) == len(user.events) for s in first):
                    continue  # made anew in every pass
                return suspect, is_later
        return None, False

    def _aim(self, suspect: Suspect, site: int, arrays: list[Array], total: bool = False) -> Aim:
        """What a statement ought to leave at a site."""
        target = self.passes.sites[site].target or ""
        node = parsed(target) if target else None
        inside = isinstance(suspect.statement, ast.Expr)
        focus = self.bench.focus(suspect.site)
        base = node.value if isinstance(node, ast.Subscript) else None
        if focus is not None and base is not None and isinstance(evaluated(base, focus.names), np.ndarray):
            target, inside = ast.unparse(base), True
        return Aim(target, arrays, total, inside)

    def spaces(self, culprit: Culprit) -> list[dict[str, Any]]:
        """The names where a culprit runs, pass by pass, where it always leaves what it ought to."""
        key = (id(culprit.suspect.statement), id(culprit.aim.arrays))
        if key not in self._kept:
            focus = self.bench.focus(culprit.suspect.site)
            self._kept[key] = focus.look(culprit.aim) if focus is not None else []
        return self._kept[key]

    def _targets(self, suspect: Suspect, site: int) -> Iterator[tuple[ForwardStep, list[Array], bool]]:
        """The chain rule's arrays that fit in the place of a statement's, pass by pass; whether one is their sum."""
        shapes = [np.shape(e.value) for e in self.bench.events if e.site == site]
        name, shape, passes = self.passes.sites[site].target or "", shapes[-1], len(shapes)
        by_site: dict[Any, list[ForwardStep]] = {}
        for step in self.passes.forward:
            by_site.setdefault(id(step.site) if step.site else step.name, []).append(step)
        ranked = sorted(by_site.values(), key=lambda steps: not is_gradient_of(name, steps[0].name))
        seen: set[bytes] = set()
        scaled: list[tuple[ForwardStep, list[Array], bool]] = []
        carried = passes > 1 and self._is_carried(suspect, name)
        # where the 1/m comes later, the lines before are m times the gradients, and this one is meant to be, too
        others = [s.match.factor for s in self.suspects if s.match is not None and s is not suspect]
        as_before = sorted({float(c) for c in others if c not in (1.0, -1.0)})
        for steps in ranked:
            first = steps[0]
            data = [s.data for s in steps]
            if base_name(first.name) == base_name(name) and [x.shape for x in data] in (shapes, [shape]):
                yield first, data, len(data) < passes
            grads = [s.grad for s in steps if s.grad is not None]
            turned = len(shape) == 2 and shape[0] != shape[1] and all(x.shape == shape[::-1] for x in grads)
            arrays = [x.T for x in grads] if turned else grads
            key = b"".join(a.tobytes() for a in arrays)
            if key in seen or not arrays:
                continue
            seen.add(key)
            for some in (arrays[::-1], arrays) if passes > 1 else (arrays,):
                if [x.shape for x in some] == shapes:
                    yield first, some, False
                    if passes > 1:  # what a pass leaves for the next
                        for start in (np.full_like(some[-1], np.nan), *self._inputs(shape)) if carried else ():
                            scaled.append((first, [*some[1:], start], False))
                    if passes == 1 and (not first.site or not first.site.target):
                        scaled += [(first, [c * x for x in some], False) for c in as_before]
                    if is_gradient_of(name, first.name):
                        yield from scaled  # before all that has another name
                        # of a sum where the mean is meant
                        factors = sorted({n for n in (*shape, int(np.prod(shape))) if n > 1})
                        scaled = [(first, [c * x for x in some], False) for c in factors]
            if len(arrays) == 1 < passes and arrays[0].shape == shape:  # many passes add up to one
                yield first, arrays, True
            elif len(arrays) == passes + 1 > 2:
                for some in (arrays[1:], arrays[:-1]):
                    for these in (some[::-1], some):
                        if [x.shape for x in these] == shapes:
                            yield first, these, False
        yield from self._added_up(shape, passes)
        yield from scaled

    def _is_carried(self, suspect: Suspect, name: str) -> bool:
        """Whether a statement before this one reads what this one leaves."""
        place = self.suspects.index(suspect)
        return any(
            isinstance(x, ast.Name) and x.id == name and isinstance(x.ctx, ast.Load)
            for s in self.suspects[: place + 1]
            if s.site.function is suspect.site.function
            for x in ast.walk(s.statement)
        )

    def _inputs(self, shape: tuple[int, ...]) -> list[Array]:
        """The gradients of what the forward pass is given in this shape."""
        return [s.grad for s in self.passes.forward if s.site is None and s.grad is not None and s.grad.shape == shape][
            :3
        ]

    def _added_up(self, shape: tuple[int, ...], passes: int) -> Iterator[tuple[ForwardStep, list[Array], bool]]:
        """The gradients of what the forward pass computes more than once, added up."""
        same: dict[bytes, dict[bytes, ForwardStep]] = {}
        for step in self.passes.forward if passes == 1 else ():
            if step.grad is not None and step.data.shape == shape and step.data.ndim and hasattr(step.nodes, "ids"):
                same.setdefault(step.data.tobytes(), {})[np.asarray(step.nodes.ids).tobytes()] = step
        for steps in same.values():
            found = [s.grad for s in steps.values() if s.grad is not None]
            if len(found) > 1:
                yield next(iter(steps.values())), [sum(found[1:], found[0])], False

    def _times(self, site: int) -> int:
        return sum(event.site == site for event in self.bench.events)

    def leaves(self, culprit: Culprit, statement: Any) -> bool:
        """Whether a statement would leave what it ought to, where that can be told without a run."""
        focus, spaces, aim = self.bench.focus(culprit.suspect.site), self.spaces(culprit), culprit.aim
        if (len(spaces) != len(aim.arrays) and not aim.total) or focus is None:
            return True
        if type(statement) is not type(culprit.suspect.statement) and isinstance(statement, (ast.Return, ast.Lambda)):
            return True
        if aim.total:
            return True  # only a run can tell
        tolerance = max(self.court.tolerance, 1e-8)
        place = written(culprit.suspect.statement)
        if place and place != aim.target and written(statement) != place:
            return True  # into another part
        for k in range(len(spaces))[::-1]:
            try:
                goal = aim.part(place, k, spaces[k])
                if np.all(np.isfinite(goal)):
                    value = focus.replayed(statement, spaces[k], place or aim.target, aim.inner)
                    if not close(value, goal, tolerance):
                        return False
            except Exception:  # an edit may be any nonsense
                return False
        return True

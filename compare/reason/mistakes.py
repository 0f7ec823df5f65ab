"""Which line of the backward pass is mistaken, and what it ought to be: found by reading, confirmed by running on.

A statement is suspected where a change of it reaches the wrong gradients; of those, one that is what the chain rule
knows is right. The first of the others whose array, put right, makes everything right that it feeds is the mistake.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.edits import Edit, Edits, Own, Scope, evaluated, is_harmless, shape_of
from compare.reason.structure import inserted, rearranged
from compare.reason.trial import Court, Focus, close
from compare.steps.known import Known, Match, base_name, is_gradient_of
from compare.steps.passes import Event, ForwardStep, Passes
from compare.steps.sites import Changes, Site

Array = NDArray[Any]

MOST_RUNS = 4_000  # of the backward pass, where it is small
WORK = 1_200_000  # steps of all the runs together, a hundred numbers are one
MOST_TARGETS = 24
MOST_PAIRS = 4_000  # of edits of one statement
MOST_MISTAKES = 4
MOST_EXTENDED = 3  # statements in which larger terms are looked for


class Finding(NamedTuple):
    """A mistake: its site, what mends it, and the gradients that it mends.

    `after` is the statement as it ought to read: None where none was found, a list where the order is another one;
    `is_new` says that it is to follow the one that is there.
    """

    site: Site
    edit: Edit | None
    after: Any
    mended: frozenset[str]
    target: ForwardStep | None = None
    changes: Changes | None = None
    is_new: bool = False


class Suspect(NamedTuple):
    """A statement of the backward pass: its sites, the passes through the first, what it reaches, what it is."""

    sites: tuple[int, ...]
    site: Site
    events: list[Event]
    reaches: dict[str, Array]
    is_right: bool
    match: Match | None
    role: ForwardStep | None  # whose gradient it is by its name, where it is another array

    @property
    def statement(self) -> Any:
        return self.site.statement


Aim = list[Array]  # what a statement ought to leave, pass by pass


class Mistakes:
    """The search for the mistakes of one backward pass."""

    def __init__(self, passes: Passes, court: Court, left: int = MOST_RUNS) -> None:
        self.passes, self.court, self.left = passes, court, left
        self.stopped = False
        self._focuses: dict[int, Focus | None] = {}
        self._scopes: dict[int, Scope] = {}
        self._seen: dict[int, set[Any]] = {}  # values that were tried, by statement
        self._own: dict[str, list[Own]] = {}

    def find(self) -> list[Finding]:
        """The mistakes, in the order in which they were found: each mends something that the ones before leave wrong."""
        with self.passes.ready():
            self.events = self.passes.backward()
            numbers = sum(np.size(e.value) for e in self.events)
            self.left = min(self.left, WORK // (1 + len(self.events) + numbers // 100))
            self.base = self.passes.run()
            if self.base is None:
                return []
            self.suspects = self._suspects()
            one = self._one(set(self.court.wrong))
        if one is None:
            return []
        still = [name for name in self.court.wrong if name not in one.mended]
        if not still or one.after is None or len(self.court.wrong) < len(still):
            return [one]
        changes = one.changes or self.passes.source.replacing(
            one.site.file, one.site.statement, [one.site.statement, one.after] if one.is_new else [one.after]
        )
        after = Mistakes(
            self.passes.edited(one.site.file, changes), Court(self.court.true, still, self.court.tolerance), self.left
        )
        rest = after.find()
        self.left, self.stopped = after.left, self.stopped or after.stopped
        return [one, *rest]

    # who may be it

    def _suspects(self) -> list[Suspect]:
        sites = self.passes.sites
        statements: dict[int, list[int]] = {}
        events: dict[int, list[Event]] = {}
        for event in self.events:
            events.setdefault(event.site, []).append(event)
            if sites[event.site].target is not None:
                group = statements.setdefault(id(sites[event.site].statement), [])
                if event.site not in group:
                    group.append(event.site)
        forward = self.passes.forward
        self.gradients, self.numbers = Known(forward), Known(forward, of_data=True)
        self._slopes: Known | None = None
        found = []
        for group in statements.values():
            reaches = self._reached({k: _shaken for k in group})
            if not any(reaches[name].any() for name in self.court.wrong if name in reaches):
                continue
            first = group[0]
            role = self._role(sites[first], events[first])
            is_right, match = (False, None) if role else self._is_right(group, events)
            found.append(Suspect(tuple(group), sites[first], events[first], reaches, is_right, match, role))
        return found

    def _reached(self, instead: dict[int, Callable[[int, Any], Any]]) -> dict[str, Array]:
        """Which entries of the gradients change with the values at some sites."""
        after = self.passes.run_with(instead)
        found = {}
        for name, true in self.court.true.items():
            before = self.base.get(name) if self.base else None
            if before is None or after is None or after.get(name) is None or np.shape(after[name]) != np.shape(before):
                found[name] = np.ones(true.shape, bool)
            else:
                changed = np.asarray(before != after[name])
                found[name] = changed if changed.shape == true.shape else np.full(true.shape, changed.any())
        return found

    def _role(self, site: Site, events: list[Event]) -> ForwardStep | None:
        """The step whose gradient the name promises, where the array is not that one, whatever the pass."""
        name = site.target or ""
        promised = [s for s in self.passes.forward if s.grad is not None and is_gradient_of(name, s.name)]
        last = np.asarray(events[-1].value)
        promised = [s for s in promised if s.data.shape == last.shape and (s.site is None or s.site.target)]
        if not promised or last.dtype.kind != "f":
            return None
        for step in promised:
            assert step.grad is not None
            if any(close(event.value, step.grad, 1e-6) for event in events):
                return None
        return promised[0]

    def _is_right(self, group: list[int], events: dict[int, list[Event]]) -> tuple[bool, Match | None]:
        """Whether every value of a statement is one that the chain rule knows, and made here."""
        right, first = True, None
        for k in group:
            site = self.passes.sites[k]
            for event in events[k]:
                x = np.asarray(event.value)
                match = self._known(site, x) if x.dtype.kind == "f" else None
                first = first or match
                named = match is not None and self._named(site, match)
                if match is None or match.factor != 1.0 or not (named or (match.of_gradient and not _is_copy(site))):
                    right = False
                    break
        return right, first

    def _known(self, site: Site, x: Array) -> Match | None:
        matches = list(self.gradients.find(x))
        data = [m for m in self.numbers.find(x) if m.factor == 1.0]
        ranked = sorted(matches, key=lambda m: (m.factor != 1.0, not is_gradient_of(site.target or "", m.step.name)))
        if ranked and (ranked[0].factor == 1.0 or not data):
            return ranked[0]
        if data:
            return sorted(data, key=lambda m: base_name(m.step.name) != base_name(site.target or ""))[0]
        return None

    def _named(self, site: Site, match: Match) -> bool:
        """Whether its name says the same."""
        name = site.target or ""
        return is_gradient_of(name, match.step.name) or base_name(name) == base_name(match.step.name)

    def _is_slope(self, suspect: Suspect) -> bool:
        """Whether a statement is a local derivative of the forward pass."""
        if self._slopes is None:
            self._slopes = Known(self.passes.slopes, of_data=True)
        x = np.asarray(suspect.events[-1].value)
        return x.dtype.kind == "f" and any(m.factor == 1.0 for m in self._slopes.find(x))

    # the search

    def _one(self, wrong: set[str]) -> Finding | None:
        covering, partly = [], []
        for suspect in self.suspects:
            covers = all(suspect.reaches[name][self._differs(name)].all() for name in wrong)
            (covering if covers else partly).append(suspect)
        culprit, step, aim, _ = self._confirmed(covering, wrong)
        found = self._mended(covering, culprit, aim, wrong)
        if found is not None:
            return found
        other, _, other_aim, mended = self._confirmed(self.suspects, wrong, partial=True)
        if other is not None and other is not culprit:
            near = [s for s in self.suspects if any(s.reaches[name].any() for name in mended)]
            found = self._mended(near, other, other_aim, set(mended))
            if found is not None:
                return found
        for place in (culprit, other):
            if place is not None:
                return Finding(place.site, None, None, frozenset(wrong if place is culprit else mended), step)
        pool = self._pool(covering or partly, None)
        return Finding(pool[0][1].site, None, None, frozenset()) if pool else None

    def _mended(
        self, suspects: list[Suspect], culprit: Suspect | None, aim: Aim | None, wrong: set[str]
    ) -> Finding | None:
        """What makes these gradients right: the likeliest edit, then another order, then something new."""
        pool = self._pool(suspects, culprit)
        aims = {id(culprit.statement): aim} if culprit is not None and aim else {}
        found = self._tried(Edits.changed, pool, wrong, aims)
        found = found or self._rearranged(wrong)
        found = found or self._tried(Edits.grown, pool, wrong, aims)
        found = found or self._tried(Edits.extended, pool[:MOST_EXTENDED], wrong, aims)
        found = found or self._inserted(pool[:MOST_EXTENDED], wrong)
        if found is None and culprit is not None and aim:
            found = self._two_at_a_time(culprit, aim, wrong)
        return found

    def _differs(self, name: str) -> Array:
        true = self.court.true[name]
        ours = self.base.get(name) if self.base else None
        if ours is None or np.shape(ours) != true.shape:
            return np.ones(true.shape, bool)
        size = float(np.max(np.abs(true), initial=0))
        return np.asarray(np.abs(np.asarray(ours, float) - true) > self.court.tolerance * size)

    def _pool(self, suspects: list[Suspect], culprit: Suspect | None) -> list[tuple[float, Suspect]]:
        """The statements to be edited, with what makes each unlikely."""

        def harm(suspect: Suspect) -> bool:
            return any(suspect.reaches[name].all() for name in self.court.right if self.court.true[name].any())

        sure = culprit is not None and culprit.role is not None
        found = []
        for place, suspect in enumerate(suspects):
            right = suspect.is_right or (suspect is not culprit and not suspect.match and self._is_slope(suspect))
            doubt = 0.05 + 0.02 * min(place, 10) + 0.5 * right + 0.3 * harm(suspect) + 0.4 * sure
            found.append((0.0 if suspect is culprit else doubt, suspect))
        return sorted(found, key=lambda one: one[0])

    def _confirmed(
        self, suspects: list[Suspect], wrong: set[str], partial: bool = False
    ) -> tuple[Suspect | None, ForwardStep | None, Aim | None, frozenset[str]]:
        """The first statement that makes all that is wrong right when the chain rule's own array is put in its place.

        With `partial` the one that makes the most right.
        """
        best: tuple[Suspect | None, ForwardStep | None, Aim | None, frozenset[str]] = (None, None, None, frozenset())
        for suspect in sorted(suspects, key=lambda s: s.is_right):
            if len(suspect.sites) != 1 or not suspect.site.target:
                continue
            for step, aim, instead in itertools.islice(self._targets(suspect), MOST_TARGETS):
                if self.left <= 0:
                    self.stopped = True
                    return best
                self.left -= 1
                outcome = self.court.judged(self.passes.run_with({suspect.sites[0]: instead}))
                if outcome.broken:
                    continue
                if outcome.mended >= wrong:
                    return suspect, step, aim, outcome.mended
                if partial and len(outcome.mended) > len(best[3]):
                    best = suspect, step, aim, outcome.mended
        return best

    def _targets(self, suspect: Suspect) -> Iterator[tuple[ForwardStep, Aim, Callable[[int, Any], Any]]]:
        """The chain rule's arrays that fit in the place of a statement's."""
        name, shape = suspect.site.target or "", np.shape(suspect.events[0].value)
        by_site: dict[Any, list[ForwardStep]] = {}
        for step in self.passes.forward:
            if step.data.shape in (shape, shape[::-1]):
                by_site.setdefault(id(step.site) if step.site else step.name, []).append(step)
        passes = len(suspect.events)
        ranked = sorted(by_site.values(), key=lambda steps: not is_gradient_of(name, steps[0].name))
        seen: set[bytes] = set()
        for steps in ranked:
            first = steps[0]
            if base_name(first.name) == base_name(name) and (passes == len(steps) or passes == 1):
                data = [s.data for s in steps]
                yield first, data, _one_by_one(data)
            arrays = [s.grad if s.grad.shape == shape else s.grad.T for s in steps if s.grad is not None]
            key = b"".join(a.tobytes() for a in arrays)
            if key in seen or not arrays:
                continue
            seen.add(key)
            if len(arrays) == passes:
                if passes > 1:
                    yield first, arrays[::-1], _one_by_one(arrays[::-1])
                yield first, arrays, _one_by_one(arrays)
            elif len(arrays) == 1:  # many passes add up to one
                yield first, [], _last(arrays[0], passes)

    # edits of a statement

    def _focus(self, site: Site, then: Any = None) -> Focus | None:
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
                n for n in nodes if isinstance(getattr(n, "ctx", None), (ast.Load, type(None))) and is_harmless(n, users)
            )
        return self._own[file]

    def _numbers_of_code(self, file: str) -> list[float]:
        tree = self.passes.source.trees[file]
        functions = [x for x in ast.walk(tree) if isinstance(x, (ast.FunctionDef, ast.Lambda))]
        constants = [x for f in functions for x in ast.walk(f) if isinstance(x, ast.Constant)]
        return [x.value for x in constants if type(x.value) in (int, float)]

    def _tried(
        self,
        which: Callable[[Edits], Iterator[Edit]],
        pool: list[tuple[float, Suspect]],
        wrong: set[str],
        aims: dict[int, Aim],
    ) -> Finding | None:
        """The likeliest of some edits of these statements that makes all right."""
        edits: list[tuple[float, int, Suspect, Edit]] = []
        for doubt, suspect in pool:
            if self._focus(suspect.site) is not None:
                scope = self._scopes[id(suspect.statement)]
                for edit in which(Edits(suspect.statement, scope)):
                    edits.append((edit.cost + doubt, len(edits), suspect, edit))
        edits.sort(key=lambda one: one[:2])
        for _, _, suspect, edit in edits:
            found = self._try(suspect, edit, edit.after(suspect.statement), wrong, aims.get(id(suspect.statement)))
            if found is not None:
                return found
            if self.left <= 0:
                self.stopped = True
                break
        return None

    def _try(self, suspect: Suspect, edit: Edit, after: Any, wrong: set[str], aim: Aim | None) -> Finding | None:
        focus = self._focus(suspect.site)
        assert focus is not None
        if not self._may_fit(focus, suspect, after, self._seen.setdefault(id(suspect.statement), set()), aim):
            return None
        self.left -= 1
        outcome = self.court.judged(focus.run(after))
        if outcome.broken or not outcome.mended >= wrong:
            return None
        return Finding(suspect.site, edit, after, outcome.mended)

    def _may_fit(self, focus: Focus, suspect: Suspect, after: Any, seen: set[Any], aim: Aim | None) -> bool:
        """Whether the edited value may be meant: it has the shape, it is not one that was tried, it is what it ought to be."""
        before = suspect.statement
        if type(after) is not type(before) or isinstance(after, (ast.Lambda, ast.Expr, ast.AugAssign)):
            return True
        if getattr(after, "value", None) is None:
            return True
        new = evaluated(after.value, focus.names)
        if new is None:
            return False
        old = evaluated(before.value, focus.names)
        if shape_of(old) is None:
            return True
        if shape_of(new) is None:
            return False
        is_plain = isinstance(after, ast.Assign) and isinstance(after.targets[0], ast.Name)
        if not is_plain:
            return True
        if aim and not close(new, np.asarray(aim[0]), max(self.court.tolerance, 1e-8)):
            return False
        if len(suspect.events) == 1:
            key = (np.shape(new), np.asarray(new, np.float32).tobytes())
            if key in seen:
                return False
            seen.add(key)
        return True

    def _two_at_a_time(self, suspect: Suspect, aim: Aim, wrong: set[str]) -> Finding | None:
        """Two small edits of one statement whose array is known."""
        if self._focus(suspect.site) is None:
            return None
        scope, tried = self._scopes[id(suspect.statement)], 0
        firsts = sorted((e for e in Edits(suspect.statement, scope).changed() if e.cost <= 1.2), key=lambda e: e.cost)
        for first in firsts[:80]:
            statement = first.after(suspect.statement)
            seconds = sorted((e for e in Edits(statement, scope).changed() if e.cost <= 1.2), key=lambda e: e.cost)
            for second in seconds[:80]:
                tried += 1
                if tried > MOST_PAIRS or self.left <= 0:
                    return None
                found = self._try(suspect, first, second.after(statement), wrong, aim)
                if found is not None:
                    return found
        return None

    # edits of the order, and new statements

    def _rearranged(self, wrong: set[str]) -> Finding | None:
        ran = {id(s.site.statement): s.site for s in self.suspects}
        for file, tree in self.passes.source.trees.items():
            functions = {id(self.passes.sites[e.site].function): self.passes.sites[e.site] for e in self.events}
            for site in functions.values():
                if site.file != file or site.function is None:
                    continue
                for change in rearranged(site.function):
                    if self.left <= 0:
                        self.stopped = True
                        return None
                    self.left -= 2
                    try:
                        codes = self.passes.source.changed(file, change.changes)
                    except (SyntaxError, ValueError, TypeError):
                        continue
                    outcome = self.court.judged(self.passes.run(codes))
                    if not outcome.broken and outcome.mended >= wrong:
                        where = ran.get(id(change.statement), site)._replace(
                            node=change.statement, statement=change.statement
                        )
                        edit = Edit(1.0, change.statement, change.kind, change.about)
                        return Finding(where, edit, change.after, outcome.mended, None, change.changes)
            del tree
        return None

    def _inserted(self, pool: Iterable[tuple[float, Suspect]], wrong: set[str]) -> Finding | None:
        """A statement that is missing after another one."""
        for site, then, edits in inserted(self.passes, self.events, [s.site for _, s in pool]):
            focus = self._focus(site, then)
            if focus is None:
                continue
            scope = self._scopes[id(then)]
            for edit in sorted(edits(Edits(then, scope)), key=lambda e: e.cost):
                if self.left <= 0:
                    self.stopped = True
                    return None
                self.left -= 1
                after = edit.after(then)
                outcome = self.court.judged(focus.run(after))
                if not outcome.broken and outcome.mended >= wrong:
                    return Finding(site, edit, after, outcome.mended, is_new=True)
        return None


def _shaken(times: int, x: Any) -> Any:
    """Another value near this one, without chance."""
    if isinstance(x, (np.ndarray, float, np.number, np.bool_)):
        kind = np.asarray(x).dtype.kind
        if kind == "f":
            size = float(np.max(np.abs(x), initial=0)) or 1.0
            wave = np.cos(np.arange(np.size(x)) * 1.7 + 0.3 + times).reshape(np.shape(x))
            return np.asarray(x + 0.01 * size * wave) if np.ndim(x) else float(x + 0.01 * size * wave)
        if kind == "b":
            return ~x
        return x + 1 if np.ndim(x) == 0 else x
    if isinstance(x, bool):
        return not x
    return x + 1 if isinstance(x, int) else x


def _is_copy(site: Site) -> bool:
    """Whether a statement gives a name to what has one."""
    value = getattr(site.statement, "value", None)
    if isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "copy":
        value = value.func
    return isinstance(value, (ast.Name, ast.Attribute, ast.Subscript))


def _one_by_one(arrays: list[Array]) -> Callable[[int, Any], Any]:
    def instead(times: int, x: Any) -> Any:
        if times >= len(arrays):
            return x
        return arrays[times].copy() if arrays[times].ndim else float(arrays[times])

    return instead


def _last(array: Array, passes: int) -> Callable[[int, Any], Any]:
    def instead(times: int, x: Any) -> Any:
        return array.copy() if times == passes - 1 and array.ndim else float(array) if times == passes - 1 else x

    return instead

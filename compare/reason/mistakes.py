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

from compare.reason.edits import Edit, Edits, Own, Scope, evaluated, is_harmless, parsed, shape_of
from compare.reason.solve import Table, before, parts, solved
from compare.reason.structure import inserted, rearranged
from compare.reason.trial import Aim, Court, Focus, close, written
from compare.steps.known import Known, Match, base_name, is_gradient_of
from compare.steps.passes import Event, ForwardStep, Passes
from compare.steps.sites import Changes, Site

Array = NDArray[Any]

MOST_RUNS = 2_500  # of the backward pass, where it is small
WORK = 600_000  # steps of all the runs together, a hundred numbers are one
MOST_TARGETS = 32
MOST_PAIRS = 1_200  # of edits of one statement
MOST_MISTAKES = 4
MOST_EXTENDED = 3  # statements in which larger terms are looked for
MOST_LOCAL = 6_000  # edits of the culprits that are held against what they ought to leave
MOST_OTHERS = 400  # runs for other statements where a culprit is known
COVERED = 0.5  # of the wrong entries, that a mistake reaches
MOST_GROWN = 4  # statements in which something more is looked for beside the culprits
SOLVED = 1.2  # the least that what is solved for costs
ORDER = 1.5  # how unlikely another order of statements is
RIGHT, LATER, BEFORE, COPY, UNKNOWN = (
    0.5,
    0.15,
    0.06,
    0.3,
    0.3,
)  # how unlikely a mistake is in a statement that is right, in one that only hands it on


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


class Culprit(NamedTuple):
    """A statement that makes wrong gradients right when it leaves what it ought to: at which site, of which step."""

    suspect: Suspect
    site: int
    step: ForwardStep | None
    aim: Aim
    mended: frozenset[str]


class Mistakes:
    """The search for the mistakes of one backward pass."""

    def __init__(self, passes: Passes, court: Court, left: int = MOST_RUNS) -> None:
        self.passes, self.court, self.left = passes, court, left
        self.stopped = self._is_known = False
        self._focuses: dict[int, Focus | None] = {}
        self._scopes: dict[int, Scope] = {}
        self._seen: dict[int, set[Any]] = {}  # values that were tried, by statement
        self._own: dict[str, list[Own]] = {}
        self._kept: dict[tuple[int, int], list[dict[str, Any]]] = {}

    def find(self) -> list[Finding]:
        """The mistakes, in the order in which they were found: each mends something that those before leave wrong."""
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
        if not still or one.after is None:
            return [one]
        changes = one.changes or self.passes.source.replacing(
            one.site.file, one.site.statement, [one.site.statement, one.after] if one.is_new else [one.after]
        )
        after = Mistakes(
            self.passes.edited(one.site.file, changes),
            Court(self.court.true, still, self.court.tolerance, self.court.elsewhere),
            self.left,
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
        last = {self._whole(sites[group[0]]): id(sites[group[0]].statement) for group in statements.values()}
        forward = self.passes.forward
        self.gradients, self.numbers = Known(forward), Known(forward, of_data=True)
        self._slopes: Known | None = None
        found = []
        for group in statements.values():
            reaches = self._reached(dict.fromkeys(group, _shaken))
            if not any(changed.any() for changed in reaches.values()):  # what is only compared
                reaches = self._reached(dict.fromkeys(group, _turned))
            if not any(reaches[name].any() for name in self.court.wrong if name in reaches):
                continue
            first = group[0]
            is_last = last[self._whole(sites[first])] == id(sites[first].statement)
            role = self._role(sites[first], events[first]) if is_last else None
            is_right, match = (False, None) if role else self._is_right(group, events)
            found.append(Suspect(tuple(group), sites[first], events[first], reaches, is_right, match, role))
        return [*found, *self._results(found)]

    def _whole(self, site: Site) -> tuple[int, str]:
        """The function and the name that a statement leaves something in."""
        return id(site.function), (site.target or "").partition("[")[0]

    def _results(self, found: list[Suspect]) -> Iterator[Suspect]:
        """The return statements that give several arrays at once."""
        ran = {id(s.function): s for s in (self.passes.sites[e.site] for e in self.events) if s.function is not None}
        has = {id(s.statement) for s in found}
        for site in ran.values():
            for node in ast.walk(site.function):
                several = isinstance(getattr(node, "value", None), (ast.Tuple, ast.List, ast.Dict))
                if isinstance(node, ast.Return) and several and id(node) not in has:
                    has.add(id(node))
                    reaches = {name: np.ones(x.shape, bool) for name, x in self.court.true.items()}
                    yield Suspect(
                        (), site._replace(node=node, statement=node, target=""), [], reaches, False, None, None
                    )

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
                other = match is not None and (self._promises(site) if match.of_gradient else self._is_number(site, x))
                if match is None or match.factor != 1.0 or not (named or not (other or _is_copy(site))):
                    right = False
                    break
        return right, first

    def _is_number(self, site: Site, x: Array) -> bool:
        """Whether a step of the forward pass has its name, and this shape."""
        name = base_name(site.target or "")
        return any(s.data.shape == x.shape and base_name(s.name) == name for s in self.passes.forward)

    def _promises(self, site: Site) -> bool:
        """Whether its name says whose gradient it is."""
        steps = (s for s in self.passes.forward if s.grad is not None and (s.site is None or s.site.target))
        return any(is_gradient_of(site.target or "", s.name) for s in steps)

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

    def _is_settled(self, suspect: Suspect) -> bool:
        """Whether a statement is known to be right, as a gradient, as a number, or as a local derivative."""
        if suspect.is_right or not suspect.events:
            return suspect.is_right
        return suspect.role is None and not suspect.match and self._is_slope(suspect)

    # the search

    def _one(self, wrong: set[str]) -> Finding | None:
        covering = [s for s in self.suspects if all(np.mean(s.reaches[n][self._differs(n)]) >= COVERED for n in wrong)]
        culprit = self._confirmed(covering, wrong)
        found = self._mended(covering, culprit, wrong)
        if found is not None:
            return found
        other = self._confirmed(self.suspects, wrong, partial=True)
        if other is not None and (culprit is None or other.suspect is not culprit.suspect):
            near = [s for s in self.suspects if any(s.reaches[name].any() for name in other.mended)]
            found = self._mended(near, other, set(other.mended))
            if found is not None:
                return found
        for one in (culprit, other):
            if one is not None and one.suspect.sites:
                return Finding(one.suspect.site, None, None, one.mended, one.step)
        pool = self._pool(covering or self.suspects, [])
        return Finding(pool[0][1].site, None, None, frozenset()) if pool else None

    def _mended(self, suspects: list[Suspect], culprit: Culprit | None, wrong: set[str]) -> Finding | None:
        """What makes these gradients right: the likeliest edit, then another order, then something new."""
        if culprit is None and len(wrong) == 1:
            culprit = self._result(next(iter(wrong)))
        chain = self._chain(culprit, wrong) if culprit is not None else []
        self._is_known = bool(chain)
        best, cost = self._of_the_culprits(chain, wrong)
        pool = self._pool(suspects, chain)
        again = (
            [] if cost < SOLVED else [(self._doubt(c, chain), c.suspect) for c in chain]
        )  # an aim may ask for too much
        found = self._tried(Edits.changed, sorted([*pool, *again], key=lambda one: one[0]), wrong, cost)
        if found is None and cost > ORDER:
            found = self._rearranged(wrong)
        if found is None:
            found = best
        found = found or self._following(chain, wrong) or self._carried(chain, wrong)
        near = pool[:MOST_GROWN] if chain else pool
        found = found or self._tried(Edits.grown, near, wrong, 9.0)
        found = found or self._inserted(pool[:MOST_EXTENDED], wrong)
        found = found or self._tried(Edits.extended, pool[:MOST_EXTENDED], wrong, 9.0)
        if found is None and chain:
            found = self._two_at_a_time(chain[0], wrong)
        return found

    def _result(self, name: str) -> Culprit | None:
        """The place in a return statement that a wrong gradient comes from."""
        for suspect in self.suspects:
            focus = self._focus(suspect.site) if not suspect.sites else None
            if focus is None:
                continue
            value = suspect.statement.value
            field = "values" if isinstance(value, ast.Dict) else "elts"
            for k, node in enumerate(getattr(value, field)):
                x = evaluated(node, focus.names)
                true = self.court.true[name]
                if (
                    shape_of(x) == true.shape
                    and self.base is not None
                    and np.array_equal(x, np.asarray(self.base.get(name)))
                ):
                    aim = Aim("", [true], inner=(("value", None), (field, k)))
                    return Culprit(suspect, -1, None, aim, frozenset([name]))
        return None

    def _chain(self, culprit: Culprit, wrong: set[str]) -> list[Culprit]:
        """The culprit, and before it those that it is made from, where these alone mend as much: the first first."""
        found = [culprit]
        for one in found:
            if len(found) > MOST_MISTAKES:
                break
            focus = self._focus(one.suspect.site)
            if focus is None:
                continue
            spaces = self._spaces(one)
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
                self.left -= 1
                outcome = self.court.judged(self.passes.run_with({maker.sites[0]: aim.instead(len(maker.events))}))
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
        focus = self._focus(suspect.site)
        base = node.value if isinstance(node, ast.Subscript) else None
        if focus is not None and base is not None and isinstance(evaluated(base, focus.names), np.ndarray):
            target, inside = ast.unparse(base), True
        return Aim(target, arrays, total, inside)

    def _spaces(self, culprit: Culprit) -> list[dict[str, Any]]:
        """The names where a culprit runs, pass by pass, where it always leaves what it ought to."""
        key = (id(culprit.suspect.statement), id(culprit.aim.arrays))
        if key not in self._kept:
            focus = self._focus(culprit.suspect.site)
            self._kept[key] = focus.look(culprit.aim) if focus is not None else []
        return self._kept[key]

    def _of_the_culprits(self, chain: list[Culprit], wrong: set[str]) -> tuple[Finding | None, float]:
        """The likeliest edit of those that are known to be mistaken, held against what each ought to leave."""
        tables: list[dict[tuple[int, ...], Table]] = [{} for _ in chain]
        best: Finding | None = None
        cost = 9.0
        for depth in range(3):
            edits: list[tuple[float, int, Culprit, Edit]] = []
            for culprit, own in zip(chain, tables, strict=True):
                if self._focus(culprit.suspect.site) is not None:
                    extra = self._doubt(culprit, chain)
                    for edit in self._edits(culprit, own, depth):
                        if edit.cost + extra < cost:
                            edits.append((edit.cost + extra, len(edits), culprit, edit))
            found, its_cost = self._first(edits, wrong)
            if found is not None:
                best, cost = found, its_cost
            if cost < (SOLVED, 9.0, 9.0)[depth]:
                break
        return best, cost

    def _doubt(self, culprit: Culprit, chain: list[Culprit]) -> float:
        """How unlikely it is that of these culprits this one is the mistake."""
        suspect, place = culprit.suspect, chain.index(culprit)
        doubt = RIGHT * self._is_settled(suspect) + UNKNOWN * (not suspect.sites)
        if culprit.step is None and len(culprit.aim.arrays) == 1:  # another name was meant where it is used
            others = [m.step for m in self.numbers.find(culprit.aim.arrays[0]) if m.factor == 1.0]
            named = [base_name(s.name) for s in others if s.site is None or s.site.target]
            if named:
                doubt += -LATER if base_name(suspect.site.target or "") in named else UNKNOWN
        if suspect.role is not None:
            return doubt - COPY * _is_copy(suspect.site)
        if any(not self._is_settled(c.suspect) for c in chain[:place]):
            doubt += LATER
        if any(c.suspect.role is not None for c in chain[place + 1 :]):
            doubt += BEFORE
        return doubt

    def _edits(self, culprit: Culprit, tables: dict[tuple[int, ...], Table], depth: int) -> Iterator[Edit]:
        """The edits of a culprit, the simple ones, those that are solved for, and those with more in them."""
        statement = culprit.suspect.statement
        scope, spaces = self._scopes[id(statement)], self._spaces(culprit)
        known = culprit.aim.total or len(spaces) == len(culprit.aim.arrays)
        of = Edits(statement, scope)
        if depth == 0:
            yield from of.changed()
            yield from (e for e in of.grown() if not known or e.kind in ("sign", "transposed", "sum"))
        elif known:
            copied = culprit.suspect.role is None and culprit.step is None and _is_copy(culprit.suspect.site)
            for edit in solved(statement, scope, spaces, culprit.aim, tables, depth > 1):
                yield edit._replace(cost=edit.cost + RIGHT) if copied else edit

    def _first(self, edits: list[tuple[float, int, Culprit, Edit]], wrong: set[str]) -> tuple[Finding | None, float]:
        """The likeliest of some edits of culprits that mends all."""
        for cost, _, culprit, edit in sorted(edits, key=lambda one: one[:2])[:MOST_LOCAL]:
            try:
                after = edit.after(culprit.suspect.statement)
            except SyntaxError:
                continue
            if self._leaves(culprit, after):
                found = self._run(culprit.suspect, edit, after, wrong)
                if found is not None:
                    return found, cost
            if self.left <= 0:
                break
        return None, 9.0

    def _leaves(self, culprit: Culprit, statement: Any) -> bool:
        """Whether a statement would leave what it ought to, where that can be told without a run."""
        focus, spaces, aim = self._focus(culprit.suspect.site), self._spaces(culprit), culprit.aim
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

    def _differs(self, name: str) -> Array:
        true = self.court.true[name]
        ours = self.base.get(name) if self.base else None
        if ours is None or np.shape(ours) != true.shape:
            return np.ones(true.shape, bool)
        size = float(np.max(np.abs(true), initial=0))
        return np.asarray(np.abs(np.asarray(ours, float) - true) > self.court.tolerance * size)

    def _pool(self, suspects: list[Suspect], chain: list[Culprit]) -> list[tuple[float, Suspect]]:
        """The statements to be edited, with what makes each unlikely."""

        def harm(suspect: Suspect) -> bool:
            return any(suspect.reaches[name].all() for name in self.court.right if self.court.true[name].any())

        sure = any(c.suspect.role is not None for c in chain)
        found = []
        for place, suspect in enumerate(suspects):
            if any(c.suspect is suspect for c in chain):
                continue
            right = self._is_settled(suspect)
            made_before = bool(chain) and not right and suspect.match is None and self._feeds(suspect, chain)
            doubt = (
                0.05
                + 0.3 * (not suspect.sites)
                + 0.02 * min(place, 10)
                + RIGHT * right
                + 0.3 * harm(suspect)
                + 0.4 * (sure and not made_before)
            )
            found.append((doubt, suspect))
        return sorted(found, key=lambda one: one[0])

    def _feeds(self, suspect: Suspect, chain: list[Culprit]) -> bool:
        """Whether a culprit reads the name that a statement leaves."""
        name = suspect.site.target or ""
        return any(
            isinstance(x, ast.Name) and x.id == name and isinstance(x.ctx, ast.Load)
            for c in chain
            for x in ast.walk(c.suspect.statement)
        )

    def _confirmed(self, suspects: list[Suspect], wrong: set[str], partial: bool = False) -> Culprit | None:
        """The first statement that makes all that is wrong right when the chain rule's own array is put in its place.

        With `partial` the one that makes the most right.
        """
        best: Culprit | None = None
        for suspect in sorted(suspects, key=lambda s: s.is_right):
            for site in suspect.sites:
                for step, arrays, total in itertools.islice(self._targets(suspect, site), MOST_TARGETS):
                    if self.left <= 0:
                        self.stopped = True
                        return best
                    self.left -= 1
                    instead = Aim("", arrays, total).instead(self._times(site))
                    outcome = self.court.judged(self.passes.run_with({site: instead}))
                    if outcome.broken:
                        continue
                    if outcome.mended >= wrong or (partial and len(outcome.mended) > len(best.mended if best else ())):
                        best = Culprit(suspect, site, step, self._aim(suspect, site, arrays, total), outcome.mended)
                        if outcome.mended >= wrong:
                            return best
        return best

    def _times(self, site: int) -> int:
        return sum(event.site == site for event in self.events)

    def _targets(self, suspect: Suspect, site: int) -> Iterator[tuple[ForwardStep, list[Array], bool]]:
        """The chain rule's arrays that fit in the place of a statement's, pass by pass; whether one is their sum."""
        shapes = [np.shape(e.value) for e in self.events if e.site == site]
        name, shape, passes = self.passes.sites[site].target or "", shapes[-1], len(shapes)
        by_site: dict[Any, list[ForwardStep]] = {}
        for step in self.passes.forward:
            by_site.setdefault(id(step.site) if step.site else step.name, []).append(step)
        ranked = sorted(by_site.values(), key=lambda steps: not is_gradient_of(name, steps[0].name))
        seen: set[bytes] = set()
        scaled: list[tuple[ForwardStep, list[Array], bool]] = []
        carried = passes > 1 and self._is_carried(suspect, name)
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
                    if is_gradient_of(name, first.name):  # of a sum where the mean is meant
                        factors = sorted({n for n in (*shape, int(np.prod(shape))) if n > 1})
                        scaled += [(first, [c * x for x in some], False) for c in factors]
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

    def _tried(
        self,
        which: Callable[[Edits], Iterator[Edit]],
        pool: list[tuple[float, Suspect]],
        wrong: set[str],
        most: float,
    ) -> Finding | None:
        """The likeliest of some edits of these statements that makes all right, where it is likelier than `most`."""
        edits: list[tuple[float, int, Suspect, Edit]] = []
        for doubt, suspect in pool:
            if doubt < most and self._focus(suspect.site) is not None:
                scope = self._scopes[id(suspect.statement)]
                for edit in which(Edits(suspect.statement, scope)):
                    if edit.cost + doubt < most:
                        edits.append((edit.cost + doubt, len(edits), suspect, edit))
        edits.sort(key=lambda one: one[:2])
        least = self.left - MOST_OTHERS if self._is_known else 0
        for _, _, suspect, edit in edits:
            try:
                after = edit.after(suspect.statement)
            except SyntaxError:
                continue
            if self._may_fit(suspect, after):
                found = self._run(suspect, edit, after, wrong)
                if found is not None:
                    return found
            if self.left <= max(least, 0):
                self.stopped = True
                break
        return None

    def _run(self, suspect: Suspect, edit: Edit, after: Any, wrong: set[str]) -> Finding | None:
        """What an edit mends, if it mends all."""
        focus = self._focus(suspect.site)
        assert focus is not None
        self.left -= 1
        outcome = self.court.judged(focus.run(after))
        if outcome.broken or not outcome.mended >= wrong or not self.court.confirmed(outcome):
            return None
        return Finding(suspect.site, edit, after, outcome.mended)

    def _may_fit(self, suspect: Suspect, after: Any) -> bool:
        """Whether the edited value may be meant: it has the shape, it is not one that was tried."""
        before, focus = suspect.statement, self._focus(suspect.site)
        assert focus is not None
        if type(after) is not type(before) or isinstance(after, (ast.Lambda, ast.Expr, ast.AugAssign)):
            return True
        if getattr(after, "value", None) is None:
            return True
        new = evaluated(after.value, focus.names)
        if new is None:
            return False
        if shape_of(evaluated(before.value, focus.names)) is None:
            return True
        if shape_of(new) is None:
            return False
        is_plain = isinstance(after, ast.Assign) and isinstance(after.targets[0], ast.Name)
        if is_plain and len(suspect.events) == 1:
            seen = self._seen.setdefault(id(suspect.statement), set())
            key = (np.shape(new), np.asarray(new, np.float32).tobytes())
            if key in seen:
                return False
            seen.add(key)
        return True

    def _two_at_a_time(self, culprit: Culprit, wrong: set[str]) -> Finding | None:
        """Two small edits of one statement whose array is known."""
        suspect = culprit.suspect
        if self._focus(suspect.site) is None or len(self._spaces(culprit)) != len(culprit.aim.arrays):
            return None
        scope, tried = self._scopes[id(suspect.statement)], 0
        for first in self._simple(suspect.statement, scope):
            statement = first.after(suspect.statement)
            for second in self._simple(statement, scope):
                tried += 1
                if tried > MOST_PAIRS or self.left <= 0:
                    return None
                after = second.after(statement)
                found = self._run(suspect, first, after, wrong) if self._leaves(culprit, after) else None
                if found is not None:
                    return found
        return None

    def _simple(self, statement: Any, scope: Scope) -> list[Edit]:
        """The likeliest edits of one node."""
        found = [e for e in Edits(statement, scope).changed() if e.cost <= 1.2 and e.kind != "replaced everywhere"]
        return sorted(found, key=lambda e: e.cost)[:40]

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
                    if not outcome.broken and outcome.mended >= wrong and self.court.confirmed(outcome):
                        where = ran.get(id(change.statement), site)._replace(
                            node=change.statement, statement=change.statement
                        )
                        edit = Edit(1.0, change.statement, change.kind, change.about)
                        return Finding(where, edit, change.after, outcome.mended, None, change.changes)
            del tree
        return None

    def _carried(self, chain: list[Culprit], wrong: set[str]) -> Finding | None:
        """A statement that is missing at the end of a loop, about what a pass leaves for the next."""
        ran = {id(self.passes.sites[e.site].statement): self.passes.sites[e.site] for e in self.events}
        for culprit in chain:
            statement, spaces, aim = culprit.suspect.statement, self._spaces(culprit), culprit.aim
            loops = [x for x in ast.walk(culprit.suspect.site.function) if isinstance(x, (ast.For, ast.While))]
            loop = next((x for x in loops[::-1] if any(y is statement for y in x.body)), None)
            if loop is None or aim.total or len(spaces) != len(aim.arrays) or len(spaces) < 2:
                continue
            last = ran.get(id(loop.body[-1]))
            for part in [*parts(statement, spaces, aim), *before(statement, spaces, aim)]:
                if last is None or not isinstance(part.node, ast.Name) or part.node.id != aim.target:
                    continue
                needed = [*part.needed[1:], np.full_like(part.needed[-1], np.nan)]
                found = self._new(last, Aim(aim.target, needed), wrong)
                if found is not None:
                    return found
        return None

    def _new(self, site: Site, aim: Aim, wrong: set[str]) -> Finding | None:
        """A statement that is missing after a site, about what is to be left in a target."""
        then = ast.parse(f"{aim.target} = {aim.target}").body[0]
        focus = self._focus(site, then)
        spaces = focus.look(aim) if focus is not None else []
        if focus is None or len(spaces) != len(aim.arrays):
            return None
        edits = solved(then, self._scopes[id(then)], spaces, aim, {}, False)
        for edit in sorted(edits, key=lambda e: e.cost)[:MOST_TARGETS]:
            self.left -= 1
            after = edit.after(then)
            outcome = self.court.judged(focus.run(after))
            if not outcome.broken and outcome.mended >= wrong and self.court.confirmed(outcome):
                return Finding(site, edit, after, outcome.mended, is_new=True)
        return None

    def _following(self, chain: list[Culprit], wrong: set[str]) -> Finding | None:
        """A statement that is missing after a culprit, solved for."""
        for culprit in chain:
            site, aim = culprit.suspect.site, culprit.aim
            if aim.total or not aim.target or isinstance(site.statement, (ast.Return, ast.Lambda)):
                continue
            found = self._new(site, aim._replace(inside=False), wrong)
            if found is not None:
                return found
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
                if not outcome.broken and outcome.mended >= wrong and self.court.confirmed(outcome):
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
            return np.logical_not(x)
        return x + 1 if np.ndim(x) == 0 else x
    if isinstance(x, bool):
        return not x
    return x + 1 if isinstance(x, int) else x


def _turned(times: int, x: Any) -> Any:
    """The other order of the same values."""
    return -x if isinstance(x, (np.ndarray, float, np.floating)) and np.asarray(x).dtype.kind == "f" else x


def _is_copy(site: Site) -> bool:
    """Whether a statement gives a name to what has one."""
    if isinstance(site.statement, (ast.Return, ast.Lambda)):
        return False
    value = getattr(site.statement, "value", None)
    if isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "copy":
        value = value.func
    return isinstance(value, (ast.Name, ast.Attribute, ast.Subscript))

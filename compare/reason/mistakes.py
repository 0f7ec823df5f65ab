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

from compare.reason.bench import Bench
from compare.reason.culprits import Culprit, Culprits
from compare.reason.edits import Edits
from compare.reason.nodes import Edit
from compare.reason.scope import Scope, evaluated, shape_of
from compare.reason.solve import before, parts, solved
from compare.reason.structure import inserted, last_before_return, rearranged
from compare.reason.suspects import Suspect, Suspects, is_copy
from compare.reason.table import Table
from compare.reason.trial import Aim, Court
from compare.steps.known import base_name
from compare.steps.passes import ForwardStep, Passes
from compare.steps.sites import Changes, Site, Source

Array = NDArray[Any]

MOST_RUNS = 2_500  # of the backward pass, where it is small
MOST_PAIRS = 1_200  # of edits of one statement
MOST_NEW = 32  # edits of a statement that may be missing
MOST_EXTENDED = 3  # statements in which larger terms are looked for
MOST_RIVALS = 2  # other arrays that a statement may be meant to leave
NO_EDIT = 20.0  # what another order of lines, or a new one, counts as beside edits
MOST_LOCAL = 6_000  # edits of the culprits that are held against what they ought to leave
MOST_OTHERS = 400  # runs for other statements where a culprit is known
COVERED = 0.5  # of the wrong entries, that a mistake reaches
MOST_GROWN = 4  # statements in which something more is looked for beside the culprits
SOLVED = 1.2  # the least that what is solved for costs
MOST_ORDERS = 120  # of the statements of a function
ORDER = 1.5  # how unlikely another order of statements is
#: how unlikely a mistake is: in what is right, after another culprit, before one, in a copy, in what is unknown
RIGHT, LATER, BEFORE, COPY, UNKNOWN = 0.5, 0.15, 0.06, 0.3, 0.3


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

    def changes_in(self, source: Source) -> Changes:
        """What it changes in the tree of its file."""
        statement = self.site.statement
        new = [statement, self.after] if self.is_new else [self.after]
        return self.changes or source.replacing(self.site.file, statement, new)


class Mistakes:
    """The search for the mistakes of one backward pass."""

    def __init__(self, passes: Passes, court: Court, left: int = MOST_RUNS) -> None:
        self.passes, self.court, self.left, self.stopped = passes, court, left, False
        self._is_known = False
        self._seen: dict[int, set[Any]] = {}  # values that were tried, by statement

    def find(self) -> list[Finding]:
        """The mistakes, in the order in which they were found: each mends something that those before leave wrong."""
        with self.passes.ready():
            self.bench = Bench(self.passes, self.court, self.left)
            if self.bench.base is None:
                return []
            self.who = Suspects(self.bench)
            self.suspects = self.who.all
            self.culprits = Culprits(self.bench, self.who)
            one = self._one(set(self.court.wrong))
        self.left = self.bench.left
        self.stopped = self.bench.stopped and (one is None or one.edit is None)  # it matters where nothing was found
        if one is None:
            return []
        still = [name for name in self.court.wrong if name not in one.mended]
        if not still or (one.after is None and one.changes is None):
            return [one]
        after = Mistakes(
            self.passes.edited(one.site.file, one.changes_in(self.passes.source)),
            Court(self.court.true, still, self.court.tolerance, self.court.elsewhere),
            self.left,
        )
        rest = after.find()
        self.left, self.stopped = after.left, self.stopped or after.stopped
        return [one, *rest]

    def _one(self, wrong: set[str]) -> Finding | None:
        covering = [
            s for s in self.suspects if all(np.mean(s.reaches[n][self.who.differs(n)]) >= COVERED for n in wrong)
        ]
        culprit = self.culprits.confirmed(covering, wrong)
        found = self._mended(covering, culprit, wrong)
        if found is not None:
            return found
        other = self.culprits.confirmed(self.suspects, wrong, partial=True)
        if other is not None and (culprit is None or other.suspect is not culprit.suspect):
            each = [self._partly(one) for one in (other, *self.culprits.rivals[:MOST_RIVALS])]
            likely = [one for one in each if one is not None]
            if likely:  # with m · dJ/dZ1 meant, db1 lacks the 1/m, with dJ/dZ1 meant dW1 has one too many
                return min(likely, key=lambda one: one.edit.cost if one.edit is not None else NO_EDIT)
        for one in (culprit, other):
            if one is not None and one.suspect.sites:
                return Finding(one.suspect.site, None, None, one.mended, one.step)
        pool = self._pool(covering or self.suspects, [])
        return Finding(pool[0][1].site, None, None, frozenset()) if pool else None

    def _partly(self, culprit: Culprit) -> Finding | None:
        """What makes a part of the gradients right."""
        near = [s for s in self.suspects if any(s.reaches[name].any() for name in culprit.mended)]
        return self._mended(near, culprit, set(culprit.mended))

    def _mended(self, suspects: list[Suspect], culprit: Culprit | None, wrong: set[str]) -> Finding | None:
        """What makes these gradients right: the likeliest edit, then another order, then something new."""
        if culprit is None and len(wrong) == 1:
            culprit = self.culprits.result(next(iter(wrong)))
        if (found := self._gone(suspects, wrong)) is not None:
            return found
        chain = self.culprits.chain(culprit, wrong) if culprit is not None else []
        self._is_known = bool(chain)
        best, cost = self._of_the_culprits(chain, wrong)
        pool = self._pool(suspects, chain)
        of_chain = [(self._doubt(c, chain), c.suspect) for c in chain]
        again = of_chain if cost >= SOLVED else []  # an aim may ask for too much
        found = self._tried(Edits.changed, sorted([*pool, *again], key=lambda one: one[0]), wrong, cost)
        if found is None and cost > ORDER:
            found = self._rearranged(wrong)
        if found is None:
            found = best
        found = found or self._following(chain, wrong) or self._added(chain, wrong) or self._carried(chain, wrong)
        near = pool[:MOST_GROWN] if chain else pool
        found = found or self._tried(Edits.grown, near, wrong, 9.0)
        found = found or self._inserted([*of_chain, *pool[:MOST_EXTENDED]], wrong)
        found = found or self._tried(Edits.extended, pool[:MOST_EXTENDED], wrong, 9.0)
        if found is None and chain:
            found = self._two_at_a_time(chain[0], wrong)
        return found

    def _of_the_culprits(self, chain: list[Culprit], wrong: set[str]) -> tuple[Finding | None, float]:
        """The likeliest edit of those that are known to be mistaken, held against what each ought to leave."""
        tables: list[dict[tuple[int, ...], Table]] = [{} for _ in chain]
        best: Finding | None = None
        cost = 9.0
        for depth in range(3):
            edits: list[tuple[float, int, Culprit, Edit]] = []
            for culprit, own in zip(chain, tables, strict=True):
                if self.bench.focus(culprit.suspect.site) is not None:
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
        doubt = RIGHT * self.who.is_settled(suspect) + UNKNOWN * (not suspect.sites)
        if culprit.step is None and len(culprit.aim.arrays) == 1:  # another name was meant where it is used
            others = [m.step for m in self.who.numbers.find(culprit.aim.arrays[0]) if m.factor == 1.0]
            named = [base_name(s.name) for s in others if s.site is None or s.site.target]
            if named:
                doubt += -LATER if base_name(suspect.site.target or "") in named else UNKNOWN
        if suspect.role is not None:
            return doubt - COPY * is_copy(suspect.site)
        if any(not self.who.is_settled(c.suspect) for c in chain[:place]):
            doubt += LATER
        if any(c.suspect.role is not None for c in chain[place + 1 :]):
            doubt += BEFORE
        return doubt

    def _edits(self, culprit: Culprit, tables: dict[tuple[int, ...], Table], depth: int) -> Iterator[Edit]:
        """The edits of a culprit, the simple ones, those that are solved for, and those with more in them."""
        statement = culprit.suspect.statement
        scope, spaces = self.bench.scope(statement), self.culprits.spaces(culprit)
        known = culprit.aim.total or len(spaces) == len(culprit.aim.arrays)
        of = Edits(statement, scope)
        if depth == 0:
            yield from of.changed()
            yield from (e for e in of.grown() if not known or e.kind in ("sign", "transposed", "sum"))
        elif known:
            copied = culprit.suspect.role is None and culprit.step is None and is_copy(culprit.suspect.site)
            for edit in solved(statement, scope, spaces, culprit.aim, tables, depth > 1):
                yield edit._replace(cost=edit.cost + RIGHT) if copied else edit

    def _first(self, edits: list[tuple[float, int, Culprit, Edit]], wrong: set[str]) -> tuple[Finding | None, float]:
        """The likeliest of some edits of culprits that mends all."""
        for cost, _, culprit, edit in sorted(edits, key=lambda one: one[:2])[:MOST_LOCAL]:
            try:
                after = edit.after(culprit.suspect.statement)
            except SyntaxError:
                continue
            if self.culprits.leaves(culprit, after):
                found = self._run(culprit.suspect, edit, after, wrong)
                if found is not None:
                    return found, cost
            if self.bench.left <= 0:
                break
        return None, 9.0

    def _pool(self, suspects: list[Suspect], chain: list[Culprit]) -> list[tuple[float, Suspect]]:
        """The statements to be edited, with what makes each unlikely."""

        def harm(suspect: Suspect) -> bool:
            return any(suspect.reaches[name].all() for name in self.court.right if self.court.true[name].any())

        sure = any(c.suspect.role is not None for c in chain)
        found = []
        for place, suspect in enumerate(suspects):
            if any(c.suspect is suspect for c in chain):
                continue
            right = self.who.is_settled(suspect)
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
            if doubt < most and self.bench.focus(suspect.site) is not None:
                scope = self.bench.scope(suspect.statement)
                for edit in which(Edits(suspect.statement, scope)):
                    if edit.cost + doubt < most:
                        edits.append((edit.cost + doubt, len(edits), suspect, edit))
        edits.sort(key=lambda one: one[:2])
        least = self.bench.left - MOST_OTHERS if self._is_known else 0
        for _, _, suspect, edit in edits:
            try:
                after = edit.after(suspect.statement)
            except SyntaxError:
                continue
            if self._may_fit(suspect, after):
                found = self._run(suspect, edit, after, wrong)
                if found is not None:
                    return found
            self.bench.looks -= 1
            if self.bench.left <= max(least, 0) or self.bench.looks <= 0:
                self.bench.stopped = True
                break
        return None

    def _run(self, suspect: Suspect, edit: Edit, after: Any, wrong: set[str]) -> Finding | None:
        """What an edit mends, if it mends all."""
        focus = self.bench.focus(suspect.site)
        mended = self.bench.mends(focus, after, wrong) if focus is not None else None
        return Finding(suspect.site, edit, after, mended) if mended is not None else None

    def _may_fit(self, suspect: Suspect, after: Any) -> bool:
        """Whether the edited value may be meant: it has the shape, it is not one that was tried."""
        before, focus = suspect.statement, self.bench.focus(suspect.site)
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
        if self.bench.focus(suspect.site) is None or len(self.culprits.spaces(culprit)) != len(culprit.aim.arrays):
            return None
        scope, tried = self.bench.scope(suspect.statement), 0
        for first in self._simple(suspect.statement, scope):
            statement = first.after(suspect.statement)
            for second in self._simple(statement, scope):
                tried += 1
                if tried > MOST_PAIRS or self.bench.left <= 0:
                    return None
                after = second.after(statement)
                found = self._run(suspect, first, after, wrong) if self.culprits.leaves(culprit, after) else None
                if found is not None:
                    return found
        return None

    def _simple(self, statement: Any, scope: Scope) -> list[Edit]:
        """The likeliest edits of one node."""
        found = [e for e in Edits(statement, scope).changed() if e.cost <= 1.2 and e.kind != "replaced everywhere"]
        return sorted(found, key=lambda e: e.cost)[:40]

    def _gone(self, suspects: list[Suspect], wrong: set[str]) -> Finding | None:
        """A statement that changes what is there, and without which all is right."""
        for suspect in suspects:
            statement = suspect.statement
            if not (
                isinstance(statement, ast.AugAssign) or (isinstance(statement, ast.Assign) and _is_update(statement))
            ):
                continue
            changes = self.passes.source.replacing(suspect.site.file, statement, [])
            try:
                codes = self.passes.source.changed(suspect.site.file, changes)
            except (SyntaxError, ValueError):  # nothing is left of its block
                continue
            mended = self.bench.settled(self.passes.run(codes), wrong)
            if mended is not None:
                edit = Edit(1.0, statement, "must go")
                return Finding(suspect.site, edit, None, mended, None, changes)
        return None

    def _rearranged(self, wrong: set[str]) -> Finding | None:
        ran = {id(s.site.statement): s.site for s in self.suspects}
        functions = {id(site.function): site for site in (self.passes.sites[e.site] for e in self.bench.events)}
        for site in functions.values():
            for change in itertools.islice(rearranged(site.function), MOST_ORDERS) if site.function is not None else ():
                try:
                    codes = self.passes.source.changed(site.file, change.changes)
                except (SyntaxError, ValueError, TypeError):
                    continue
                mended = self.bench.settled(self.passes.run(codes), wrong)
                if mended is not None:
                    at = ran.get(id(change.statement), site)
                    at = at._replace(node=change.statement, statement=change.statement)
                    edit = Edit(1.0, change.statement, change.kind, change.about)
                    return Finding(at, edit, change.after, mended, None, change.changes)
        return None

    def _carried(self, chain: list[Culprit], wrong: set[str]) -> Finding | None:
        """A statement that is missing at the end of a loop, about what a pass leaves for the next."""
        ran = {id(self.passes.sites[e.site].statement): self.passes.sites[e.site] for e in self.bench.events}
        for culprit in chain:
            statement, spaces, aim = culprit.suspect.statement, self.culprits.spaces(culprit), culprit.aim
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

    def _added(self, chain: list[Culprit], wrong: set[str]) -> Finding | None:
        """A statement that is missing at the end of a loop, about what all its passes add up to."""
        ran = {id(self.passes.sites[e.site].statement): self.passes.sites[e.site] for e in self.bench.events}
        for suspect, aim in ((c.suspect, c.aim) for c in chain):
            if len(aim.arrays) != 1 or aim.total or not aim.target.isidentifier() or suspect.site.function is None:
                continue
            for loop in (x for x in ast.walk(suspect.site.function) if isinstance(x, (ast.For, ast.While))):
                last = ran.get(id(loop.body[-1]))
                found = self._new(last, Aim(aim.target, aim.arrays, True), wrong) if last is not None else None
                if found is not None:
                    return found
        return None

    def _new(self, site: Site, aim: Aim, wrong: set[str]) -> Finding | None:
        """A statement that is missing after a site, about what is to be left in a target."""
        nothing = f"+= 0 * {aim.target}" if aim.total else f"= {aim.target}"
        then = ast.parse(f"{aim.target} {nothing}").body[0]
        focus = self.bench.focus(site, then)
        spaces = focus.look(aim) if focus is not None else []
        if focus is None or not spaces or (len(spaces) != len(aim.arrays) and not aim.total):
            return None
        edits = (
            edit
            for edit in solved(then, self.bench.scope(then), spaces, aim, {}, False)
            if edit.kind == "replaced" or not aim.total
        )
        for edit in sorted(edits, key=lambda e: e.cost)[:MOST_NEW]:
            after = edit.after(then)
            mended = self.bench.mends(focus, after, wrong)
            if mended is not None:
                return Finding(site, edit, after, mended, is_new=True)
        return None

    def _following(self, chain: list[Culprit], wrong: set[str]) -> Finding | None:
        """A statement that is missing after a culprit, solved for."""
        for culprit in chain:
            site, aim = culprit.suspect.site, culprit.aim
            if aim.total or not aim.target or isinstance(site.statement, (ast.Return, ast.Lambda)):
                continue
            ran = {id(self.passes.sites[e.site].statement): self.passes.sites[e.site] for e in self.bench.events}
            for where in (site, last_before_return(site, ran)):
                found = self._new(where, aim._replace(inside=False), wrong) if where is not None else None
                if found is not None:
                    return found
        return None

    def _inserted(self, pool: Iterable[tuple[float, Suspect]], wrong: set[str]) -> Finding | None:
        """A statement that is missing after another one."""
        for site, then, edits in inserted(self.passes, self.bench.events, [s.site for _, s in pool]):
            focus = self.bench.focus(site, then)
            if focus is None:
                continue
            scope = self.bench.scope(then)
            for edit in sorted(edits(Edits(then, scope)), key=lambda e: e.cost):
                if self.bench.left <= 0:
                    self.bench.stopped = True
                    return None
                after = edit.after(then)
                mended = self.bench.mends(focus, after, wrong)
                if mended is not None:
                    return Finding(site, edit, after, mended, is_new=True)
        return None


def _is_update(statement: Any) -> bool:
    """Whether a statement changes what has its name already: x += y, x = f(x), x[i] = ..."""
    if not isinstance(statement, ast.Assign):
        return isinstance(statement, ast.AugAssign)
    target = statement.targets[0]
    names = {x.id for x in ast.walk(statement.value) if isinstance(x, ast.Name)}
    return isinstance(target, ast.Subscript) or (isinstance(target, ast.Name) and target.id in names)

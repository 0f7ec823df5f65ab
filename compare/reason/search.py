"""Why a gradient differs: the edit that reproduces the user's result exactly.

First edits of the array (transposed, a constant factor, another order, another axis), then edits of the chain rule: the
forward pass is recorded with the place in the user's source of every node, the edges are grouped by expression, and the
sweep is run with the local derivatives of a group cut, skipped, negated, ... The edit whose sweep gives the user's
array is the reason, in the user's own words. Screening is in float64; what is said was confirmed in exact numbers.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.number.residue import ZeroResidue
from compare.reason.edges import Recorded, record
from compare.reason.edit import MOST_REASONS, UNSURE, Edit, Known, Reason
from compare.reason.of_the_array import array_reasons, close, extra_term
from compare.reason.of_the_chain_rule import cut, edits, factor_edits, partner_edits, skipped
from compare.reason.source import Source
from compare.subject.arithmetic import precise, residues
from compare.subject.subject import Sides, UserCode
from compare.verdict.agree import digits, same

Array = NDArray[Any]


MOST_EDGES = 2_000_000  # of a graph whose edits are tried


MOST_EDGES_IN_PAIRS = 30_000  # of a graph whose pairs of edits are tried


MOST_CELLS = 4_000_000  # nodes times edits swept at once


class Diagnosis:
    """The reasons for the gradients of a task that differ."""

    def __init__(self, task: UserCode, wrong: list[str], floats: Sides, known: list[Known], seed: int = 0) -> None:
        self.task, self.wrong, self.floats, self.known, self.seed = task, wrong, floats, known, seed
        self.ours = {name: np.asarray(floats.ours[name], float) for name in wrong if _usable(floats.ours.get(name))}
        self._arithmetics = residues(np.random.default_rng(seed)), precise(200)
        self._exact: dict[str, Recorded | None] = {}
        self.stopped: list[str] = []  # what was left out because it is too much
        self.explaining: dict[str, set[str]] = {}  # what single edits explain, by their meaning

    def reasons(self) -> dict[str, list[Reason]]:
        """For each gradient that differs, the confirmed reasons, the likeliest first."""
        found: dict[str, list[Reason]] = {name: [] for name in self.wrong}
        for name, ours in self.ours.items():
            true = np.asarray(self.floats.chain[name], float)
            for says, edit, rank in array_reasons(name, ours, true, self.floats.chain, self.known):
                if edit is None or self._confirmed(name, edit):
                    found[name].append(Reason(f"Your {_d(name)} is {says}", (name,), rank))
        if self.ours:
            self._by_edits(found)
        for name in found:
            found[name] = _best(found[name])
        return found

    def _by_edits(self, found: dict[str, list[Reason]]) -> None:
        self.recorded, places = record(self.task, None)
        if len(self.recorded.source) > MOST_EDGES:
            self.stopped.append(f"edits of the chain rule, for the graph has more than {MOST_EDGES} edges")
        if not 0 < len(self.recorded.source) <= MOST_EDGES:
            return
        self.source = Source(self.recorded, places)
        self.steps = len(self.recorded.source)
        self.recorded, candidates = edits(self.recorded, self.source, self.known)
        self._by_uses(found)
        self._search([(edit,) for edit in candidates], found)
        if not any(self._unsure(found, name) for name in self.ours):
            return
        free = self._free(candidates)
        if free:
            self._search([(edit, *free) for edit in candidates if not _touch(edit, free)], found, free)
        if len(self.recorded.source) <= MOST_EDGES_IN_PAIRS:
            self._search([(edit,) for edit in partner_edits(self.recorded, self.source)], found)
            self._search([(edit,) for edit in factor_edits(self.recorded, self.source, self.known)], found)
            simple = [edit for edit in candidates if edit.change in (cut, skipped)][:60]
            self._search([(a, b) for a, b in itertools.combinations(simple, 2) if not _touch(a, (b,))], found)
        else:
            self.stopped.append(f"pairs of edits, for the graph has more than {MOST_EDGES_IN_PAIRS} edges")
        for name, ours in self.ours.items():
            true = np.asarray(self.floats.chain[name], float)
            if not found[name] and (says := extra_term(ours, true, self.task.arrays, self.known)):
                found[name].append(Reason(f"Your {_d(name)} is {says}", (name,), 1))

    def _unsure(self, found: dict[str, list[Reason]], name: str) -> bool:
        return all(reason.rank >= UNSURE for reason in found[name])

    def _search(
        self, candidates: list[tuple[Edit, ...]], found: dict[str, list[Reason]], free: tuple[Edit, ...] = ()
    ) -> None:
        """Try edits on the gradients that have no sure reason yet."""
        missing = {name for name in self.ours if self._unsure(found, name)}
        if missing and candidates:
            self._add(self._screen(candidates, missing), found, free)

    def _free(self, candidates: list[Edit]) -> tuple[Edit, ...]:
        """Paths whose contributions cancel, as that of the maximum in a stable softmax: rightly left out."""
        cuts = [edit for edit in candidates if edit.change is cut and self.recorded.slope[edit.edges].any()]
        true = {name: np.asarray(x, float) for name, x in self.floats.chain.items() if name in self.recorded.leaves}
        free: list[Edit] = []
        for edit, names in self._screen([(edit,) for edit in cuts], set(true), true):
            if len(names) == len(true) and not _touch(edit[0], tuple(free)):
                free.append(edit[0])
        return tuple(free)

    def _by_uses(self, found: dict[str, list[Reason]]) -> None:
        """A sum along the wrong axis: over the entries of an array instead of over the uses of each."""
        grads = self.recorded.sweep([(np.array([], int), [])])[:, 0]
        for name, ours in self.ours.items():
            nodes = self.recorded.leaves[name].reshape(-1)
            uses = (
                [np.flatnonzero(self.recorded.source[: self.steps] == node) for node in nodes]
                if len(nodes) < 500
                else []
            )
            if found[name] or len({len(edges) for edges in uses}) != 1 or len(uses[0]) < 2:
                continue
            terms = np.array([self.recorded.slope[e] * grads[self.recorded.target[e]] for e in uses])  # (entries, uses)
            for word, reduced in (("summed", terms.sum(axis=0)), ("averaged", terms.mean(axis=0))):
                mine = ours.reshape(-1)
                if mine.shape != reduced.shape or not mine.any() or not reduced.any():
                    continue
                largest = int(np.argmax(np.abs(reduced)))
                if close(mine, reduced * (mine[largest] / reduced[largest])):
                    text = (
                        f"Your {_d(name)}, of shape {ours.shape}, is {word} along the wrong axis: over the {len(uses)}"
                        f" entries of {name} instead of over the {terms.shape[1]} uses of each"
                    )
                    found[name].append(Reason(text, (name,), 0))

    def _screen(
        self, candidates: list[tuple[Edit, ...]], wanted: set[str], arrays: dict[str, Array] | None = None
    ) -> list[tuple[tuple[Edit, ...], list[str]]]:
        """The edits whose sweep gives the user's arrays (or these) in float64, and which of them."""
        explained = []
        arrays = {name: x for name, x in (arrays or self.ours).items() if name in wanted}
        batch = max(1, min(256, MOST_CELLS // max(1, len(self.recorded.nodes))))
        with np.errstate(all="ignore"):
            for start in range(0, len(candidates), batch):
                group = candidates[start : start + batch]
                grads = self.recorded.sweep([self._changed(edit) for edit in group])
                for k, edit in enumerate(group):
                    names = [
                        name
                        for name, ours in arrays.items()
                        if close(ours, _pick(grads[:, k], self.recorded.leaves[name]))
                    ]
                    if names:
                        explained.append((edit, names))
        return explained

    def _add(
        self,
        explained: list[tuple[tuple[Edit, ...], list[str]]],
        found: dict[str, list[Reason]],
        free: tuple[Edit, ...] = (),
    ) -> None:
        explained.sort(key=lambda pair: (-len(pair[1]), sum(edit.rank for edit in pair[0])))
        tried = 0
        for edit, names in explained:
            own = edit[: len(edit) - len(free)]
            if len(own) > 1 and any(self.explaining.get(one.meaning, set()).issuperset(names) for one in own):
                continue  # one of the two does it alone
            if all(len(found[name]) >= 6 for name in names) or tried >= 40:
                continue
            tried += 1
            if not self._edit_confirmed(edit, names):
                continue
            edit = own
            if len(edit) == 1:
                self.explaining.setdefault(edit[0].meaning, set()).update(names)
            meaning = " and ".join(e.meaning for e in edit)
            for name in names:
                text = f"Your {_d(name)} is exactly what the chain rule gives when {meaning}"
                found[name].append(Reason(text, tuple(names), sum(e.rank for e in edit) + 2 * (len(edit) - 1)))

    def _changed(self, edit: tuple[Edit, ...]) -> tuple[Array, Any]:
        """The slopes after an edit; no change where it makes no sense, as the slope of a function where it has none."""
        try:
            edges, slopes = _combined(self.recorded, edit)
            return edges, np.array(slopes, float)
        except (ValueError, TypeError, ArithmeticError, IndexError):
            return np.array([], int), []

    # Confirmation in exact numbers

    def _numbers(self) -> Iterator[Recorded]:
        """The same graph on residues, then on long floats, with the user's gradients in these numbers."""
        for arithmetic in self._arithmetics:
            if arithmetic.name not in self._exact:
                try:
                    self._exact[arithmetic.name] = record(self.task, arithmetic)[0]
                except (ValueError, TypeError, ArithmeticError, ZeroResidue):
                    self._exact[arithmetic.name] = None
            recorded = self._exact[arithmetic.name]
            if recorded is not None:
                yield recorded

    def _agree(self, recorded: Recorded, name: str, theirs: Any) -> bool:
        ours, theirs = recorded.sides.ours.get(name), np.asarray(theirs, object)
        return bool(same(ours, theirs).all() or digits(ours, theirs).min(initial=np.inf) > 40)

    def _confirmed(self, name: str, edit: Callable[[Array], Any]) -> bool:
        """Whether the edit of the true array gives the user's in exact numbers; without any, floats decided."""
        tried = False
        for recorded in self._numbers():
            tried = True
            try:
                if self._agree(recorded, name, edit(recorded.sides.chain[name])):
                    return True
            except (ValueError, TypeError):
                return False
        return not tried

    def _like_floats(self, recorded: Recorded) -> Recorded:
        """With the same edges over whole steps as the recording in floats."""
        more = len(self.recorded.source) - self.steps
        return dataclasses.replace(
            recorded,
            source=self.recorded.source,
            target=self.recorded.target,
            slope=np.concatenate([recorded.slope, np.array([*[0] * more, None], object)[:-1]]),
            position=self.recorded.position,
            levels=self.recorded.levels,
        )

    def _edit_confirmed(self, edit: tuple[Edit, ...], names: Iterable[str]) -> bool:
        tried = False
        for recorded in self._numbers():
            if len(recorded.source) != self.steps:
                continue
            tried = True
            recorded = self._like_floats(recorded)
            try:
                grads = recorded.sweep([_combined(recorded, edit)])[:, 0]
            except (ValueError, TypeError, ArithmeticError):
                continue
            if all(self._agree(recorded, name, _pick(grads, recorded.leaves[name])) for name in names):
                return True
        return not tried


def expanded(task: UserCode, name: str, ours: Array, true: Array) -> str:
    """The smallest entry that differs, as the sum over the consumers of its scalar, in the user's words."""
    recorded, places = record(task, None)
    source = Source(recorded, places)
    grads = recorded.sweep([(np.array([], int), [])])[:, 0]
    size = float(np.max(np.abs(true), initial=0)) or 1.0
    differs = (
        np.abs(np.asarray(ours, float) - true) > 1e-9 * size if ours.shape == true.shape else np.ones_like(true, bool)
    )
    wrong = np.argwhere(differs)
    if not len(wrong):
        return ""
    place = tuple(min(wrong.tolist(), key=lambda index: abs(float(true[tuple(index)]))))
    edges = np.flatnonzero(recorded.source == recorded.leaves[name][place])
    terms = [
        f"{recorded.slope[e]:.4g} × {grads[recorded.target[e]]:.4g} by {source.of(int(recorded.target[e]))}"
        for e in edges
    ]
    shown = " + ".join(terms[:4]) + (f" + ... ({len(terms)} terms)" if len(terms) > 4 else "")
    return f"At {list(place)} the chain rule sums over its consumers: {shown} = {float(true[place]):.6g}"


def _usable(ours: Any) -> bool:
    return ours is not None and np.asarray(ours).dtype.kind in "fiub" and bool(np.isfinite(ours).all())


def _touch(edit: Edit, others: tuple[Edit, ...]) -> bool:
    """Whether an edit changes a slope that another one changes."""
    return any(np.intersect1d(edit.edges, other.edges).size for other in others)


def _combined(recorded: Recorded, edit: tuple[Edit, ...]) -> tuple[Array, list[Any]]:
    edges = np.concatenate([e.edges for e in edit])
    return edges, [slope for e in edit for slope in e.change(recorded, e.edges)]


def _pick(grads: Array, nodes: Array) -> Array:
    """The gradients of an array of nodes; 0 for one that J does not depend on."""
    return np.where(nodes >= 0, grads[nodes], 0)


def _d(name: str) -> str:
    """How a gradient is called: dW for W."""
    return f"d{name}"


def _best(reasons: list[Reason]) -> list[Reason]:
    """Without repetitions, the likeliest first: those that explain most, then the simplest."""
    unique = list({reason.text: reason for reason in reasons}.values())
    return sorted(unique, key=lambda reason: (reason.rank, -len(reason.names)))[:MOST_REASONS]

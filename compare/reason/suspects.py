"""Who may be mistaken: the statements that reach wrong gradients, and whether each leaves what the chain rule knows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.bench import Bench
from compare.reason.trial import close
from compare.steps.known import Known, Match, base_name, is_gradient_of
from compare.steps.passes import Event, ForwardStep, shaken
from compare.steps.sites import Site

Array = NDArray[Any]

PUTTING = ("append", "insert", "extend", "appendleft")


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


class Suspects:
    """The statements of a backward pass that reach wrong gradients, with what is known of each."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.passes, self.court = bench, bench.passes, bench.court
        self.gradients, self.numbers = Known(self.passes.forward), Known(self.passes.forward, of_data=True)
        self._slopes: Known | None = None
        self.all = self._suspects()

    def _suspects(self) -> list[Suspect]:
        sites = self.passes.sites
        statements: dict[int, list[int]] = {}
        events: dict[int, list[Event]] = {}
        for event in self.bench.events:
            events.setdefault(event.site, []).append(event)
            if sites[event.site].target is not None:
                group = statements.setdefault(id(sites[event.site].statement), [])
                if event.site not in group:
                    group.append(event.site)
        last = {self._whole(sites[group[0]]): id(sites[group[0]].statement) for group in statements.values()}
        found = []
        for group in statements.values():
            reaches = self._reached(dict.fromkeys(group, shaken))
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
        """The return statements that give several arrays at once, and the calls that put something into a list."""
        ran = {
            id(s.function): s for s in (self.passes.sites[e.site] for e in self.bench.events) if s.function is not None
        }
        has = {id(s.statement) for s in found}
        for site in ran.values():
            for node in ast.walk(site.function):
                value = getattr(node, "value", None)
                several = isinstance(node, ast.Return) and isinstance(value, (ast.Tuple, ast.List, ast.Dict))
                put = isinstance(node, ast.Expr) and getattr(getattr(value, "func", None), "attr", "") in PUTTING
                if (several or put) and id(node) not in has:
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
            before = self.bench.base.get(name) if self.bench.base else None
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
                if match is None or match.factor != 1.0 or not (named or not (other or is_copy(site))):
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

    def is_settled(self, suspect: Suspect) -> bool:
        """Whether a statement is known to be right, as a gradient, as a number, or as a local derivative."""
        if suspect.is_right or not suspect.events:
            return suspect.is_right
        return suspect.role is None and not suspect.match and self._is_slope(suspect)

    def differs(self, name: str) -> Array:
        true = self.court.true[name]
        ours = self.bench.base.get(name) if self.bench.base else None
        if ours is None or np.shape(ours) != true.shape:
            return np.ones(true.shape, bool)
        size = float(np.max(np.abs(true), initial=0))
        return np.asarray(np.abs(np.asarray(ours, float) - true) > self.court.tolerance * size)


def _turned(times: int, x: Any) -> Any:
    """The other order of the same values."""
    return -x if isinstance(x, (np.ndarray, float, np.floating)) and np.asarray(x).dtype.kind == "f" else x


def is_copy(site: Site) -> bool:
    """Whether a statement gives a name to what has one."""
    if isinstance(site.statement, (ast.Return, ast.Lambda)):
        return False
    value = getattr(site.statement, "value", None)
    if isinstance(value, ast.Call) and getattr(value.func, "attr", "") == "copy":
        value = value.func
    return isinstance(value, (ast.Name, ast.Attribute, ast.Subscript))

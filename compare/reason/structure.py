"""Edits of the order of statements, of loops and returns, and statements that are missing."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from compare.reason.edits import Edits
from compare.reason.nodes import Edit, copied
from compare.steps.passes import Event, Passes
from compare.steps.sites import Changes, Site

SIMPLE = (ast.Assign, ast.AugAssign, ast.Expr, ast.AnnAssign)
MOST_APART = 6  # statements over which another one is moved


class Change(NamedTuple):
    """Another order: the statement that it is about, that statement afterwards (None where it goes), what, and how."""

    statement: Any  # of type ast.stmt
    after: Any
    kind: str
    about: str
    changes: Changes


def rearranged(function: Any) -> Iterator[Change]:
    """The other orders of a function's statements, the likeliest first."""
    lists = list(_lists(function))
    for loop in (s for _, _, body in lists for s in body if isinstance(s, ast.For)):
        for iterated, kind in _iterated(loop.iter):
            ast.fix_missing_locations(ast.copy_location(iterated, loop.iter))
            yield Change(loop, copied(loop, iter=iterated), kind, "", [(loop, "iter", iterated)])
    for parent, field, body in lists:
        for k, loop in enumerate(body):
            if not isinstance(loop, (ast.For, ast.While, ast.If)):
                continue
            if len(loop.body) > 1:  # what slipped into it
                last = loop.body[-1]
                out = [*body[: k + 1], last, *body[k + 1 :]]
                yield Change(
                    last, last, "out of the loop", _header(loop), [(parent, field, out), (loop, "body", loop.body[:-1])]
                )
            if k + 1 < len(body) and isinstance(loop, (ast.For, ast.While)):  # what slipped out of it
                follower = body[k + 1]
                changes = [(parent, field, [*body[: k + 1], *body[k + 2 :]]), (loop, "body", [*loop.body, follower])]
                yield Change(follower, follower, "into the loop", _header(loop), changes)
                inner = loop.body[-1]
                if isinstance(inner, (ast.For, ast.While)):
                    changes = [
                        (parent, field, [*body[: k + 1], *body[k + 2 :]]),
                        (inner, "body", [*inner.body, follower]),
                    ]
                    yield Change(follower, follower, "into the loop", _header(inner), changes)
    for parent, field, body in lists:
        for k, statement in enumerate(body):
            if isinstance(statement, SIMPLE) and len(body) > 1:
                rest = [*body[:k], *body[k + 1 :]]
                yield Change(statement, None, "must go", "", [(parent, field, rest)])
    for parent, field, body in lists:
        for k, statement in enumerate(body):
            if not isinstance(statement, SIMPLE):
                continue
            for there in range(k + 1, min(k + MOST_APART, len(body))):
                if isinstance(body[there], ast.Return):
                    break
                moved = [*body[:k], *body[k + 1 : there + 1], statement, *body[there + 1 :]]
                yield Change(statement, statement, "later", _header(body[there]), [(parent, field, moved)])


def _lists(node: Any) -> Iterator[tuple[Any, str, list[Any]]]:
    """Every list of statements inside of a function."""
    for field in ("body", "orelse"):
        body = getattr(node, field, None)
        if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
            yield node, field, body
            for one in body:
                if not isinstance(one, (ast.FunctionDef, ast.ClassDef)):
                    yield from _lists(one)


def _header(statement: Any) -> str:
    return ast.unparse(statement).splitlines()[0]


def _iterated(node: Any) -> Iterator[tuple[Any, str]]:
    """The other ways to run through the same, or through one more or less, and what is another one."""
    name, order = getattr(getattr(node, "func", None), "id", ""), "order of the loop"
    if name == "reversed":
        yield node.args[0], order
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice) and node.slice.step is not None:
        yield node.value, order
    elif name == "range" and len(node.args) == 3 and isinstance(node.args[2], ast.UnaryOp):
        first, end = _moved(node.args[1], 1), _moved(node.args[0], 1)
        yield copied(node, args=[end] if getattr(first, "value", None) == 0 else [first, end]), order
    elif name in ("range", ""):
        yield ast.Call(ast.Name("reversed", ast.Load()), [node], []), order
    elif name in ("enumerate", "zip"):
        listed = ast.Call(ast.Name("list", ast.Load()), [node], [])
        yield ast.Call(ast.Name("reversed", ast.Load()), [listed], []), order
    if name == "range":
        for k, bound in enumerate(node.args[:2]):
            for by in (-1, 1):
                yield copied(node, args=[_moved(bound, by) if i == k else x for i, x in enumerate(node.args)]), "bounds"
        if len(node.args) == 1:
            yield copied(node, args=[ast.Constant(1), *node.args]), "bounds"


def _moved(node: Any, by: int) -> Any:
    """A whole number more or less, in the shortest way to write it."""
    is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))
    if is_sum and isinstance(node.right, ast.Constant) and type(node.right.value) is int:
        total = by + node.right.value * (1 if isinstance(node.op, ast.Add) else -1)
        node = node.left
    else:
        try:
            return ast.parse(repr(int(ast.literal_eval(node)) + by), mode="eval").body
        except (ValueError, TypeError):
            total = by
    if not total:
        return node
    return ast.BinOp(node, ast.Add() if total > 0 else ast.Sub(), ast.Constant(abs(total)))


Ways = Callable[[Edits], Iterator[Edit]]


def inserted(passes: Passes, events: list[Event], likely: list[Site]) -> Iterator[tuple[Site, Any, Ways]]:
    """Where a statement may be missing, the statement `x = x` that stands for it, and how it may be edited."""
    done: set[tuple[int, str]] = set()
    for site in likely:
        name = site.target or ""
        if name.isidentifier() and not isinstance(site.statement, (ast.Return, ast.Lambda)):
            done.add((id(site.statement), name))
            yield site, _itself(name), Edits.grown
    sites = {id(passes.sites[e.site].statement): passes.sites[e.site] for e in events}
    functions = {id(s.function): s.function for s in sites.values() if s.function is not None}
    for function in functions.values():
        for loop in (x for x in ast.walk(function) if isinstance(x, (ast.For, ast.While))):
            last = sites.get(id(loop.body[-1]))
            if last is None or isinstance(last.statement, ast.Return):
                continue
            for name in _carried(loop):
                if (id(last.statement), name) not in done:
                    yield last, _itself(name), Edits.grown
    written = [
        s
        for s in sites.values()
        if isinstance(s.statement, ast.AugAssign) and isinstance(s.statement.target, ast.Subscript)
    ]
    for site in written:
        clone = ast.parse(ast.unparse(site.statement)).body[0]
        yield site, clone, _of_a_clone
    for site in likely:
        if (site.target or "").isidentifier():
            yield last_before_return(site, sites) or site, ast.parse("pass").body[0], _adding_at(site.target or "")


def last_before_return(site: Site, sites: dict[int, Site]) -> Site | None:
    """The last statement of a function's own that ran: there everything is at hand."""
    for statement in getattr(site.function, "body", [])[::-1] if isinstance(site.function, ast.FunctionDef) else ():
        if not isinstance(statement, ast.Return) and id(statement) in sites:
            return sites[id(statement)]
    return None


def _itself(name: str) -> Any:
    return ast.parse(f"{name} = {name}").body[0]


def _carried(loop: Any) -> list[str]:
    """The names that a pass through a loop hands on to the next."""
    names = [x for s in loop.body for x in ast.walk(s) if isinstance(x, ast.Name)]
    stored = {x.id for x in names if isinstance(x.ctx, ast.Store)}
    first: dict[str, bool] = {}
    for statement in loop.body:
        for x in ast.walk(statement):
            if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Load):
                first.setdefault(x.id, True)
        for x in ast.walk(statement):
            if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store):
                first.setdefault(x.id, False)
    return [name for name in sorted(stored) if first.get(name)]


def _of_a_clone(edits: Edits) -> Iterator[Edit]:
    """A second statement like the one before: into another part, with the other sign."""
    statement = edits.statement
    other = ast.Sub() if isinstance(statement.op, ast.Add) else ast.Add()
    flipped = copied(statement, op=other)
    for one, cost in ((statement, 2.0), (flipped, 2.0)):
        for edit in Edits(one, edits.scope).changed():
            if edit.path and edit.path[0][0] == "target":
                yield Edit(cost + edit.cost, edit.after(one), "a second part")


def _adding_at(name: str) -> Ways:
    """What is added into an array at the places of an index."""

    def ways(edits: Edits) -> Iterator[Edit]:
        scope = edits.scope
        into = scope.names.get(name)
        if not isinstance(into, np.ndarray) or not into.ndim:
            return
        indices = [t for t in scope.arrays if np.asarray(t.value).dtype.kind in "iu" and t.cost < 0.3]
        arrays = [t for t in scope.arrays if t.cost < 0.6 and np.asarray(t.value).dtype.kind == "f"]
        for index in indices:
            shape = np.shape(index.value) + into.shape[1:]
            for t in arrays:
                if np.shape(t.value) == shape:
                    yield Edit(
                        1.5 + t.cost,
                        ast.parse(f"np.add.at({name}, {index.text}, {t.text})").body[0],
                        "a use left out",
                        t.text,
                    )
            for s, t in itertools.permutations(arrays, 2):
                for turned in ("", ".T"):
                    y = np.shape(t.value)[::-1] if turned else np.shape(t.value)
                    x = np.shape(s.value)
                    if len(x) == len(y) == 2 and x[1] == y[0] and (x[0], y[1]) == shape:
                        text = f"np.add.at({name}, {index.text}, ({s.text}) @ ({t.text}){turned})"
                        yield Edit(2 + s.cost + t.cost, ast.parse(text).body[0], "a use left out", s.text)

    return ways

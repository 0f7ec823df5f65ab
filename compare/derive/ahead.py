"""What of the forward pass has to be computed again for the backward pass, and what its loops keep for it."""

from __future__ import annotations

import ast
from typing import Any

from compare.derive.calls import names_of
from compare.derive.flat import Flat
from compare.derive.ir import CannotDerive, Items, Loop, Statement, as_code, head_of, reads, writes
from compare.derive.lines import Out, OutLoop, names_read
from matrix_backprop.rules import written


def forward_part(
    flat: Flat, needed: set[str], loops: dict[int, list[str]], given: frozenset[str] = frozenset()
) -> list[Any]:
    """The forward statements that the backward pass needs, loops with what each pass of them keeps.

    What is `given`, by a cache, need not be computed.
    """
    return _sliced(flat.block, needed - given, loops, given, flat.kept)


def _sliced(
    block: list[Statement], needed: set[str], loops: dict[int, list[str]], given: frozenset[str], where: str
) -> list[Any]:
    found: list[Any] = []
    for s in reversed(block):
        if isinstance(s, Loop):
            kept = loops.get(id(s), [])
            if not kept and not writes(s) & needed and not _keeps(s, loops):
                continue
            inner = needed | set(kept)
            while True:
                body = _sliced(s.body, set(inner), loops, given, where)
                more = inner | _reads_of(body) & (s.carried | writes(s))
                if more == inner:
                    break
                inner = more
            needed |= (_reads_of(body) | names_of(s.iter) | inner) - given
            if kept:
                body = _keeping(body, s, kept, where)
            found.insert(0, OutLoop(head_of(s.target, written(s.iter)), body, s, False, kept))
        elif writes(s) & needed:
            needed |= reads(s) - given
            found.insert(0, Out(written(as_code([s])[0]), "", s.line, s.source))
    return found


def _keeps(s: Loop, loops: dict[int, list[str]]) -> bool:
    return any(isinstance(x, Loop) and ((id(x) in loops and loops[id(x)]) or _keeps(x, loops)) for x in s.body)


def _reads_of(body: list[Any]) -> set[str]:
    return names_read(body)


def _keeping(body: list[Any], s: Loop, kept: list[str], where: str) -> list[Any]:
    """The body with a line that keeps what the backward pass needs of this pass, before a carried name is set anew."""

    def sets(x: Any) -> set[str]:
        if isinstance(x, OutLoop):
            return writes(x.of)
        tree = ast.parse(x.text).body[0]
        targets = (
            tree.targets if isinstance(tree, ast.Assign) else [tree.target] if isinstance(tree, ast.AugAssign) else []
        )
        return {t.id for t in targets if isinstance(t, ast.Name)}

    carried = set(kept) & s.carried
    stop = next((k for k, x in enumerate(body) if sets(x) & carried), len(body))
    late = {name for x in body[stop:] for name in sets(x)} & (set(kept) - carried)
    line = Out(
        f"{where}.append(({', '.join(kept)}{',' * (len(kept) == 1)}))",
        "what the way back needs of this pass",
        s.line,
        "",
    )
    if late:
        raise CannotDerive(
            f"line {s.line}, `{s.source}`: {', '.join(sorted(carried))} is set before {', '.join(sorted(late))}, and"
            " both are needed on the way back: this cannot be derived"
        )
    return [*body[:stop], line, *body[stop:]]


def loops_of(lines: list[Any]) -> dict[int, list[str]]:
    """What the loops of a backward pass want kept by those of the forward pass."""
    found: dict[int, list[str]] = {}
    for x in lines:
        if isinstance(x, OutLoop):
            found[id(x.of)] = x.kept
            found |= loops_of(x.body)
    return found


# what the user's forward pass keeps


def kept_by(cache: Any) -> set[str]:
    """The names that a cache holds."""
    if isinstance(cache, ast.Name):
        return {cache.id}
    if not isinstance(cache, Items):
        return set()
    if cache.kind is dict:
        return {x.id for x in cache.by_key.values() if isinstance(x, ast.Name)}
    if set(cache.by_key) != set(range(len(cache.by_key))):  # a list that a loop fills
        return set()
    return {name for x in cache.by_key.values() if not (isinstance(x, Items) and x.kind is dict) for name in kept_by(x)}


def unpacked(cache: Any, needed: set[str]) -> list[str]:
    """The lines that take what is needed out of a cache.

    >>> x, w = ast.Name("x"), ast.Name("w")
    >>> unpacked(Items({0: x, 1: w}), {"w"})
    ['_, w = cache']
    """
    if not kept_by(cache) & needed:
        return []
    if isinstance(cache, Items) and cache.kind is dict:
        wanted = {x.id: key for key, x in cache.by_key.items() if isinstance(x, ast.Name) and x.id in needed}
        names = list(wanted)
        rows = [names[k : k + 5] for k in range(0, len(names), 5)]
        return [f"{', '.join(row)} = {', '.join(f'cache[{_quoted(wanted[name])}]' for name in row)}" for row in rows]
    return [f"{_pattern(cache, needed, set())} = cache"]


def _quoted(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else repr(key)


def _pattern(cache: Any, needed: set[str], taken: set[str]) -> str:
    if isinstance(cache, Items) and kept_by(cache) & needed:
        parts = [_pattern(x, needed, taken) for x in cache.by_key.values()]
        inner = [f"({x})" if ", " in x or x.endswith(",") else x for x in parts]
        return ", ".join(inner) + "," * (len(inner) == 1)
    if isinstance(cache, ast.Name) and cache.id in needed and cache.id not in taken:
        taken.add(cache.id)
        return cache.id
    return "_"

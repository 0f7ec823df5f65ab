"""The derived lines as a function: the forward lines that they need, then the way back, with a comment for each."""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import linecache
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from compare.derive.ahead import forward_part, kept_by, loops_of, unpacked
from compare.derive.calls import names_of
from compare.derive.flat import Flat
from compare.derive.ir import Items, Set, writes
from compare.derive.lines import Out, OutLoop, free_names, names_read
from matrix_backprop.rules import written

WIDTH = 120
INDENT = "    "


class Line(NamedTuple):
    """A line of the derived code: its text, why it holds, and the line of the forward pass that it belongs to."""

    text: str
    why: str
    line: int
    source: str

    def __str__(self) -> str:
        return f"{self.text}  # {self.why}" if self.why else self.text


@dataclass
class Program:
    """A derived function: what it needs of the forward pass, and the lines back."""

    flat: Flat
    lines: list[Any]  # of type Out | OutLoop
    name: str
    first: list[str]  # the upstream gradients among its arguments
    returned: str
    arguments: list[str]
    simplified: list[str] = field(default_factory=list)
    cache: Any = None  # what the user's forward pass keeps, as expressions
    results: list[str] = field(default_factory=list)  # the cost, or the outputs
    looked_at: dict[str, str] = field(
        default_factory=dict
    )  # where what comes back to a name is kept, to be proved apart

    @property
    def takes_a_dict(self) -> bool:
        """Whether the upstream gradient is a dict, of one array for each output."""
        return self.first == ["dout"] and isinstance(self.flat.returned, Items) and self._is_dict(self.flat.returned)

    @staticmethod
    def _is_dict(x: Items) -> bool:
        first = x if x.kind is dict else x.by_key.get(0)
        return isinstance(first, Items) and first.kind is dict

    @property
    def receiver(self) -> str:
        """What the function calls the object whose method the forward pass is, where it needs it."""
        name = self.flat.receiver
        return name if name and name in names_read(self.ahead()) | self.needed() else ""

    def ahead(self) -> list[Any]:
        """The forward statements that the lines need."""
        loops = loops_of(self.lines)
        found = forward_part(self.flat, self.needed(), loops)
        if any(loops.values()):
            found.insert(0, Out(f"{self.flat.kept} = []"))
        return found

    def needed(self) -> set[str]:
        """The names that the lines need and do not set."""
        return free_names([*self.lines, Out(self.returned)])

    def values(self, arguments: Mapping[str, Any], dout: Any) -> dict[str, Any]:
        """Every array of a run by its name, each under a name of its own."""
        rows = _plain([*self.ahead(), *self.lines], 1)
        given = ", ".join([*self.first, *(re.split("=", x)[0] for x in self.arguments)])
        text = "\n".join([f"def run({given}):", *rows, f"{INDENT}return dict(locals())"])
        scope = {**self.flat.globals, "np": np}
        exec(compile(text, "<a run>", "exec"), scope)
        with np.errstate(all="ignore"):
            found: dict[str, Any] = scope["run"](
                *([dout] if self.first else []), *(arguments[re.split("=", x)[0]] for x in self.arguments)
            )
        return found

    def rest(self, name: str) -> tuple[str, str]:
        """What the forward pass does with a name, as a cost of it, and the lines back to it, as its gradient."""
        at = next(k for k, s in enumerate(self.flat.block) if isinstance(s, Set) and writes(s) == {name})
        flat, look = copy.copy(self.flat), self.looked_at[name]
        flat.block = self.flat.block[at + 1 :]
        stop = next(k for k, x in enumerate(self.lines) if isinstance(x, Out) and x.text.startswith(f"{look} = "))
        lines = self.lines[: stop + 1]
        loops = loops_of(lines)
        kept = [f"{INDENT}{flat.kept} = []"] if any(loops.values()) else []
        ahead = forward_part(flat, free_names(lines), loops)
        forward = forward_part(flat, names_of(ast.parse(self.results[0])), {})
        result = f"np.sum(({self.results[0]}) * dout)" if self.first else self.results[0]
        upstream = [f"{INDENT}{self.first[0]} = dout"] if self.first and self.first[0] != "dout" else []
        top = ["import numpy as np", "", ""]
        cost = [f"def cost({name}, dout):", *_plain(forward, 1), f"{INDENT}return {result}", ""]
        back = [*upstream, *kept, *_plain(ahead, 1), *_plain(lines, 1), f"{INDENT}return {look}"]
        return "\n".join([*top, *cost]), "\n".join([*top, f"def gradients({name}, dout):", *back, ""])

    def drop_unused(self) -> None:
        """Leave out the lines whose results no line needs."""
        while True:
            needed = _loads(self.lines) | names_of(ast.parse(self.returned))
            kept = [x for x in self.lines if isinstance(x, OutLoop) or _sets(x.text) & needed or not _sets(x.text)]
            changed = _only_changed(kept, self.returned)
            kept = [x for x in kept if isinstance(x, OutLoop) or not (_changes(x.text) & changed)]
            if len(kept) == len(self.lines):
                return
            self.lines[:] = kept

    def text(self) -> tuple[str, list[Line]]:
        """The function of the upstream gradient and the inputs, and its lines with their reasons."""
        ahead = self.ahead()
        used = names_read(ahead) | self.needed()
        given = [x for x in self.arguments if re.split("[=]", x)[0] in used or "=" not in x]
        return self._written(ahead, [*filter(None, [self.receiver]), *self.first, *given])

    def beside(self) -> tuple[str, list[str]]:
        """The function of the upstream gradient and the cache, and the arguments that the cache lacks; or "".

        None where the forward pass has no cache, or keeps what its loops do in another way.
        """
        given = frozenset(kept_by(self.cache)) - {*self.first}
        if self.cache is None or any(loops_of(self.lines).values()):
            return "", []
        ahead = forward_part(self.flat, self.needed(), {}, given)
        used = (names_read(ahead) | self.needed()) - set(self.first)
        lacks = [name for name in (re.split("=", x)[0] for x in self.arguments) if name in used - given]
        ahead = [*map(Out, unpacked(self.cache, used)), *ahead]
        if lacks:
            names = ", ".join(lacks)
            why = f"forward has to keep {names} as well: return out, (cache, {names})"
            ahead.insert(0, Out(f"cache, {names} = cache", why))
        return self._written(ahead, [*self.first, "cache"])[0], lacks

    def _written(self, ahead: list[Any], arguments: list[str]) -> tuple[str, list[Line]]:
        flat, used = self.flat, names_read(ahead) | self.needed()
        rename = _renaming(flat, ahead, self.lines, self.returned)
        head = f"def {self.name}({', '.join(arguments)}):"
        rows, told = _Writer(rename), list[Line]()
        rows.walk(ahead, 1, told, forward=True)
        if ahead:
            rows.lines.append("")
        rows.walk(self.lines, 1, told, forward=False)
        rows.lines.append(f"{INDENT}return {_renamed(self.returned, rename)}")
        constants = [_constant(flat, key, x) for key, x in flat.globals.items() if key in used]
        constants = [row for row in constants if row]
        top = ["import numpy as np", "", *constants, *([""] if constants else []), ""]
        return "\n".join([*top, head, *rows.lines]) + "\n", told


def _constant(flat: Flat, name: str, x: Any) -> str:
    """The line that gives a global its value: the user's own, where it needs NumPy alone; "" for what is no number."""
    if not isinstance(x, (int, float, np.generic)) and type(x) is not tuple:
        return ""
    text = "".join(linecache.getlines(inspect.unwrap(flat.function).__code__.co_filename))
    with contextlib.suppress(SyntaxError):
        for row in ast.parse(text).body:
            match row:
                case ast.Assign(targets=[ast.Name(id=other)], value=value) if other == name:
                    if names_of(value) <= {"np"}:
                        return written(row)
    return f"{name} = {x.item() if isinstance(x, np.generic) else x!r}"


class _Writer:
    """The rows of a text, with comments that fit."""

    def __init__(self, rename: dict[str, str]) -> None:
        self.rename, self.lines = rename, list[str]()

    def walk(self, rows: list[Any], depth: int, told: list[Line], forward: bool) -> None:
        source = ""
        for x in rows:
            if isinstance(x, OutLoop):
                self.lines.append(f"{INDENT * depth}{_renamed(x.head, self.rename)}")
                self.walk(x.body, depth + 1, told, forward)
                source = ""
                continue
            if not forward and x.source and x.source != source:
                source = x.source
                shown = source.split("  #")[0].rstrip()
                shown = shown if len(shown) < WIDTH - 10 else f"{shown[: WIDTH - 14]} ..."
                self.lines.append(f"{INDENT * depth}# {shown}")
            self.put(x, depth, told)

    def put(self, x: Out, depth: int, told: list[Line]) -> None:
        text, why = _renamed(x.text, self.rename), _renamed(x.why, self.rename)
        if re.fullmatch(r"(\w+) = \1", text):
            return
        first, *rest = text.splitlines()
        row = INDENT * depth + first
        if why and len(row) + len(why) > WIDTH - 4 and "; " in why:
            why = why.rsplit("; ", 1)[1]
        comment = f"  # {why}" if why else ""
        if len(row + comment) > WIDTH and comment:
            self.lines += _wrapped(why, depth)
            comment = ""
        self.lines += _broken(row, depth) if len(row) > WIDTH else [row + comment]
        self.lines += [INDENT * depth + part for part in rest]
        told.append(Line(text, why, x.line, x.source))


def _broken(row: str, depth: int) -> list[str]:
    """A long assignment over several rows, in parentheses."""
    found = re.match(r"(.*?) ([+-]?=) (.*)", row)
    if not found or '"' in row:
        return [row]
    target, equals, value = found.groups()
    inner = textwrap.wrap(value, WIDTH - 4 * (depth + 1), break_long_words=False, break_on_hyphens=False)
    return [f"{target} {equals} (", *(INDENT * (depth + 1) + part for part in inner), f"{INDENT * depth})"]


def _wrapped(why: str, depth: int) -> list[str]:
    start = f"{INDENT * depth}# "
    return textwrap.wrap(why, WIDTH, initial_indent=start, subsequent_indent=start)


def _plain(rows: list[Any], depth: int) -> list[str]:
    found: list[str] = []
    for x in rows:
        if isinstance(x, OutLoop):
            found += [f"{INDENT * depth}{x.head}", *(_plain(x.body, depth + 1) or [f"{INDENT * (depth + 1)}pass"])]
        else:
            found += [INDENT * depth + part for part in x.text.splitlines()]
    return found


def _loads(rows: list[Any]) -> set[str]:
    """The names that lines read."""
    found: set[str] = set()
    for x in rows:
        text = f"{x.head} pass" if isinstance(x, OutLoop) else x.text
        found |= {n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        found |= _loads(x.body) if isinstance(x, OutLoop) else set()
    return found


def _sets(text: str) -> set[str]:
    """The names that a line sets anew or changes."""
    return _anew(text) | _changes(text)


def _anew(text: str) -> set[str]:
    return {
        t.id for x in ast.parse(text).body if isinstance(x, ast.Assign) for t in x.targets if isinstance(t, ast.Name)
    }


def _changes(text: str) -> set[str]:
    """The arrays that a line changes in place."""
    found: set[str] = set()
    for x in ast.walk(ast.parse(text)):
        match x:
            case ast.AugAssign(target=ast.Name(id=name) | ast.Subscript(value=ast.Name(id=name))):
                found.add(name)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name))]):
                found.add(name)
            case ast.Call(func=ast.Attribute(attr="at"), args=[ast.Name(id=name), *_]):
                found.add(name)
    return found


def _only_changed(rows: list[Any], returned: str) -> set[str]:
    """The arrays that lines change and no line reads otherwise."""
    changed: set[str] = set()
    read = names_of(ast.parse(returned))
    for x in rows:
        if isinstance(x, OutLoop):
            read |= names_read([x])
            continue
        own = _changes(x.text)
        changed |= own
        read |= {
            node.id
            for node in ast.walk(ast.parse(x.text))
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in own
        }
    return changed - read


# versions of a name: one name again where they do not meet


def _flat(rows: list[Any]) -> list[tuple[str, int]]:
    """The lines in order, each with the number of the loop that it is in."""
    found: list[tuple[str, int]] = []
    for x in rows:
        if isinstance(x, OutLoop):
            found.append((f"{x.head} pass", id(x)))
            found += [(text, inner if inner else id(x)) for text, inner in _flat(x.body)]
        else:
            found.append((x.text, 0))
    return found


def _renaming(flat: Flat, ahead: list[Any], back: list[Any], returned: str) -> dict[str, str]:
    """The names with a version, name__2, by what they are called in the end."""
    rows = [*_flat(ahead), *_flat(back), (returned, 0)]
    sets: dict[str, list[int]] = {}
    uses: dict[str, list[int]] = {}
    changes: set[str] = set()
    inside: dict[str, set[int]] = {}
    for k, (text, loop) in enumerate(rows):
        for x in ast.walk(ast.parse(text)):
            if isinstance(x, ast.Name):
                (sets if isinstance(x.ctx, ast.Store) else uses).setdefault(x.id, []).append(k)
                inside.setdefault(x.id, set()).add(loop)
            if isinstance(x, ast.AugAssign) and isinstance(x.target, ast.Name):
                uses.setdefault(x.target.id, []).append(k)
                changes.add(x.target.id)
    every = set(sets) | set(uses)
    found: dict[str, str] = {}
    by_base: dict[str, list[str]] = {}
    for name in sorted(every, key=lambda name: min(sets.get(name, [0]) + uses.get(name, [0]))):
        if "__" in name and not name.startswith("__"):
            by_base.setdefault(name.rsplit("__", 1)[0], []).append(name)
    spans = {name: (min(sets.get(name, [-1])), max(uses.get(name, sets.get(name, [-1])))) for name in every}
    taken = {name: [spans[name]] for name in every}
    for base, names in by_base.items():
        for name in names:
            first, last = spans[name]
            outside = inside[name] == {0}
            free = (
                all((first >= b or last <= a) and (first, last) != (a, b) for a, b in taken.get(base, []))
                and outside
                and inside.get(base, {0}) == {0}
                and base not in flat.inputs
                and base not in flat.globals
            )
            if free and base not in ("",):
                found[name] = base
                taken.setdefault(base, []).append((first, last))
            else:
                new, k = base.rstrip("_") + "_2", 2
                while new in every or new in found.values():
                    k += 1
                    new = f"{base}_{k}"
                found[name] = new
    return found


def _renamed(text: str, names: dict[str, str]) -> str:
    if not names or "__" not in text:
        return text
    return re.sub(r"\b\w+?__\d+\b", lambda x: names.get(x[0], x[0]), text)

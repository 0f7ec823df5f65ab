"""The lines of a backward pass, and what comes back to an array; the words for why."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from compare.derive.ir import Loop, names_in
from matrix_backprop.rules import parsed, places


@dataclass
class Out:
    """A line of the backward pass, why it holds, and the line of the forward pass that it goes back through."""

    text: str
    why: str = ""
    line: int = 0
    source: str = ""


@dataclass
class OutLoop:
    """A loop of the backward pass."""

    head: str
    body: list[Any]
    of: Loop
    backwards: bool
    kept: list[str] = field(default_factory=list)  # what each pass of the forward loop keeps for it


@dataclass
class Gradient:
    """What comes back to an array: its text, and its shape where it is smaller and broadcasts."""

    text: str
    shape: tuple[int, ...]
    whole: tuple[int, ...]
    whys: tuple[str, ...] = ()
    owned: bool = False

    @property
    def spreads(self) -> bool:
        """Whether it is smaller than the array."""
        return self.shape != self.whole

    @property
    def atomic(self) -> bool:
        """Whether it may be written down twice."""
        small = self.shape == () and len(self.text) <= 14
        return small or re.fullmatch(r"-?[\w.]+(\[[^\[\]]*\])?", self.text) is not None


Contribution = tuple[str, Gradient, bool]  # the name, what it gets, whether that is a block of statements


def names_read(lines: list[Any]) -> set[str]:
    """All names in some lines of a backward pass."""
    found: set[str] = set()
    for x in lines:
        if isinstance(x, OutLoop):
            found |= names_read(x.body) | names_in(ast.parse(f"{x.head or 'for _ in ():'} pass"))
        else:
            found |= names_in(ast.parse(x.text))
    return found


def free_names(lines: list[Any], known_before: frozenset[str] = frozenset()) -> set[str]:
    """The names that some lines read before they set them."""
    found: set[str] = set()
    is_set = set(known_before)
    for x in lines:
        if isinstance(x, OutLoop):
            head = ast.parse(f"{x.head or 'for _ in ():'} pass").body[0]
            assert isinstance(head, ast.For)
            found |= (names_in(head.iter) | (free_names(x.body) - names_in(head.target))) - is_set
            continue
        for node in ast.walk(ast.parse(x.text)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in is_set:
                found.add(node.id)
        for node in ast.walk(ast.parse(x.text)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                is_set.add(node.id)
    return found


# what a text is

MIXES = {  # functions in lines whose result at one place depends on other places
    *("sum", "dot", "outer", "tensordot", "einsum", "cumsum", "diag", "triu", "tril", "flip", "roll", "moveaxis"),
    *("concatenate", "take", "inv", "solve", "eye"),
}


def grouped(text: str) -> str:
    return text if not isinstance(parsed(text), ast.IfExp) else f"({text})"


def is_view(text: str) -> bool:
    """Whether a text may share its memory with another array."""
    tree = parsed(text)
    match tree:
        case ast.Name() | ast.Subscript() | ast.Attribute():
            return True
        case ast.Call(
            func=ast.Attribute(
                attr="reshape" | "transpose" | "swapaxes" | "broadcast_to" | "flip" | "diag" | "moveaxis"
            )
        ):
            return True
    return False


def is_elementwise(code: str) -> bool:
    """Whether a line works entry by entry, so that a smaller upstream gradient may spread by itself."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="np"), attr=name)):
                if name in MIXES:
                    return False
            case ast.Call(func=ast.Attribute()) | ast.BinOp(op=ast.MatMult()) | ast.Subscript():
                return False
            case ast.Attribute(attr="T"):
                return False
    return True


def says_something(why: str) -> bool:
    trivial = ("the slope of a sum is 1", "the slope is 1", "the slope is -1", "x is handed on as it is", places.BACK)
    return why not in trivial


def in_words(why: str, texts: dict[str, str]) -> str:
    """A reason with the user's names in it, where they are short."""

    def replaced(found: re.Match[str]) -> str:
        text = texts.get(found[0], found[0])
        text = re.sub(r'^\w+\["(\w+)"\]', r"\1", text)
        return text if len(text) <= 18 and re.fullmatch(r"[\w.]+(\[[^\[\]]+\]){0,2}", text) else found[0]

    names = "|".join(re.escape(name) for name in texts)
    why = re.sub(rf"\b({names})\b(?!\s*axis)", replaced, why) if names else why
    why = re.sub(r"entry \[(\w), (\w)\] of (\w+)\.T\b", r"entry [\2, \1] of \3", why)
    return re.sub(r"\b(\w+)\.T\[(\w), (\w)\]", r"\1[\3, \2]", why)

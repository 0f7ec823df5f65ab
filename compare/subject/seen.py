"""What stood in the line of a user's code that raised: its names, what they are, and what to do about it."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from autograd import TapeArray, Value

MOST = 4  # operands of a line that are worth a sentence


class Operand:
    """A name in a line, or an item or an attribute of one, and its value there."""

    def __init__(self, text: str, value: Any) -> None:
        self.text, self.value = text, value

    @property
    def kind(self) -> str:
        """What it is, with its shape, "" where that says nothing."""
        x = self.value
        if isinstance(x, (np.ndarray, TapeArray)):
            what = f"has shape {x.shape}"
            return what if x.dtype.kind in "fO" else f"has shape {x.shape} and dtype {x.dtype}"
        if isinstance(x, str):
            return f"is the string {x[:30]!r}"
        if isinstance(x, (list, tuple)):
            return f"is a {type(x).__name__} of {len(x)}"
        if isinstance(x, dict):
            return f"has the keys {', '.join(map(str, [*x][:8]))}" if x else "is an empty dict"
        if isinstance(x, (bool, int, float, complex, np.number, Value)):
            return "is a number"
        return "is None" if x is None else ""


def about(problem: BaseException, trace: TracebackType | None, line: str) -> str:
    """What the operands of this line were, and what to do, as what follows a message; "" where that says nothing."""
    if trace is None or not isinstance(problem, (ValueError, TypeError, IndexError, KeyError, AttributeError)):
        return ""
    found = [operand for operand in operands(line, trace.tb_frame) if operand.kind]
    if isinstance(problem, KeyError):
        return _about_a_key(problem, found)
    arrays = [x for x in found if isinstance(x.value, (np.ndarray, TapeArray)) and np.size(x.value) != 1]
    strings = [x for x in found if isinstance(x.value, str)]
    lists = [x for x in found if isinstance(x.value, (list, tuple)) and _is_of_numbers(x.value)]
    text = str(problem)
    if strings and isinstance(problem, (TypeError, AttributeError)) and re.search("'str'|dtype.'<U", text):
        return f". Here {strings[0].text} {strings[0].kind}: hand over an array of numbers"
    if lists and isinstance(problem, (TypeError, AttributeError)) and re.search("'(list|tuple)'", text):
        return f". Here {lists[0].text} {lists[0].kind}: hand over np.array({lists[0].text})"
    words = [x for x in arrays if x.value.dtype.kind in "USTV"]
    if words and isinstance(problem, TypeError):
        return f". Here {words[0].text} holds strings, not numbers: make numbers of them"
    none = [x for x in found if x.value is None]
    if none and "NoneType" in text:
        return f". Here {none[0].text} is None"
    if arrays and isinstance(problem, (ValueError, IndexError)):
        return f". Here {_listed([f'{x.text} {x.kind}' for x in arrays[:MOST]])}"
    return ""


_CORE = re.compile(
    r"Input operand \d has a mismatch in its core dimension \d, with gufunc signature \S+ "
    r"\(size (\d+) is different from (\d+)\)"
)


def shorter(text: str) -> str:
    """NumPy's message about shapes in fewer words.

    >>> try:
    ...     np.ones((3, 2)) @ np.ones((3, 5))
    ... except ValueError as problem:
    ...     shorter(str(problem))
    'matmul: the inner sizes are 2 and 3'
    """
    return _CORE.sub(r"the inner sizes are \2 and \1", text).strip()


def operands(line: str, frame: FrameType) -> list[Operand]:
    """The names of a line, and items and attributes of them, with their values in this frame."""
    found: dict[str, Operand] = {}
    for node in _outermost(_parsed(line)):
        try:
            value = _looked_up(node, frame)
        except (LookupError, AttributeError, TypeError):
            continue
        if not callable(value) or isinstance(value, Value):
            found.setdefault(ast.unparse(node), Operand(_text(line, node), value))
    return [x for name, x in found.items() if f"{name}.T" not in found]


def _parsed(line: str) -> ast.AST:
    """The line as a tree, also where it is the head of a block or a part of a longer statement."""
    for text in (line, f"{line} pass", f"({line}", f"{line})"):
        try:
            return ast.parse(text)
        except SyntaxError:
            continue
    return ast.Module([ast.Expr(ast.Name(name)) for name in re.findall(r"\b[A-Za-z_]\w*\b", line)], [])


def _text(line: str, node: ast.AST) -> str:
    return ast.get_source_segment(line, node) or ast.unparse(node)


def _outermost(node: ast.AST) -> Iterator[ast.AST]:
    """The largest expressions that are a look-up alone, W or params["W"].T, in the order of the line."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        if isinstance(getattr(node, "ctx", None), ast.Store):
            return
        if _is_look_up(node):
            yield node
            if not isinstance(node, ast.Name):
                yield from _outermost(node.value)
            return
    for child in ast.iter_child_nodes(node):
        yield from _outermost(child)


def _is_look_up(node: ast.AST) -> bool:
    match node:
        case ast.Name():
            return True
        case ast.Attribute(value=value):
            return _is_look_up(value)
        case ast.Subscript(value=value, slice=ast.Constant()):
            return _is_look_up(value)
    return False


def _looked_up(node: ast.AST, frame: FrameType) -> Any:
    """The value of a look-up; runs no code of the user's but of mappings, arrays and plain objects."""
    if isinstance(node, ast.Name):
        return frame.f_locals[node.id] if node.id in frame.f_locals else frame.f_globals[node.id]
    assert isinstance(node, (ast.Attribute, ast.Subscript))
    value = _looked_up(node.value, frame)
    if isinstance(node, ast.Subscript):
        assert isinstance(node.slice, ast.Constant)
        key: Any = node.slice.value
        if not isinstance(value, (dict, list, tuple)):
            raise LookupError
        return value[key]
    if node.attr == "T" and isinstance(value, (np.ndarray, TapeArray)):
        return value.T
    return vars(value)[node.attr]


def _about_a_key(problem: KeyError, found: list[Operand]) -> str:
    key = problem.args[0] if problem.args else None
    for operand in found:
        if isinstance(operand.value, Mapping) and key not in operand.value:
            near = difflib.get_close_matches(str(key), list(map(str, operand.value)), n=1, cutoff=0.5)
            return f", which {operand.text} lacks: it {operand.kind}" + (f"; is {near[0]!r} meant?" if near else "")
    return ""


def _is_of_numbers(x: Any) -> bool:
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    return isinstance(x, (int, float, np.number))


def _listed(texts: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))

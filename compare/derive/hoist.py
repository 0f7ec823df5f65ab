"""What the backward pass would have to compute again gets a name in the forward pass."""

from __future__ import annotations

import ast
import re

from compare.derive.calls import Known, names_of
from compare.derive.flat import Flat
from compare.derive.ir import Append, Loop, Set, Statement
from matrix_backprop.rules import NoRule, written

SHORT = 26  # characters of a forward expression that is repeated as it stands
KINDS = {
    "add": "sum", "subtract": "difference", "multiply": "product", "divide": "quotient", "power_n": "power",
    "matmul": "product", "dot": "product", "getitem": "part", "T": "turned", "negative": "negative",
    "true_divide": "quotient",
}  # fmt: skip


class Hoisting:
    """Names for inner expressions."""

    flat: Flat
    blocked: set[str]
    at: Set | Append | Loop | None

    def known(self, node: ast.expr) -> Known | None:
        """An expression as a call of a row of the table."""
        raise NotImplementedError

    def hoist(self, block: list[Statement]) -> None:
        """Name the inner expressions of the forward pass that the backward pass would have to compute again."""
        new: list[Statement] = []
        for s in block:
            if isinstance(s, Loop):
                self.hoist(s.body)
            elif self.flat.is_active(s.value):
                before: list[Statement] = []
                s.value = self._hoisted(s.value, s, before, root=self._is_called(s))
                new += before
            new.append(s)
        block[:] = new

    def _is_called(self, s: Set | Append) -> bool:
        """Whether there is a text for the value of a statement afterwards: a name, the entry of a list or a dict."""
        if isinstance(s, Append):
            return bool(s.place)
        if isinstance(s.target, ast.Subscript):
            return isinstance(s.target.value, ast.Name) and s.target.value.id in self.flat.containers
        return isinstance(s.target, ast.Name)

    def _hoisted(self, node: ast.expr, s: Set | Append, before: list[Statement], root: bool) -> ast.expr:
        if not self.flat.is_active(node) or isinstance(node, ast.Name) or written(node) in self.blocked:
            return node
        self.at = s
        call = self.known(node)
        if call is None or (call.rule == "stack" and "x" in call.operands):
            return node
        active = [k for k, x in call.operands.items() if k != "index" and self.flat.is_active(x)]
        try:
            codes = [re.sub(r"\bout\.size\b", "0", call.line(k).code) for k in active]
            used = set().union(*(names_of(ast.parse(code)) for code in codes))
        except NoRule:
            return node
        for k, x in call.operands.items():
            if k == "index":
                continue
            new = self._hoisted(x, s, before, root=False)
            if k in used and costs(new, self.flat) and _without_sizes(call, active, k):
                new = self._name_it(new, s, before)
            if new is not x:
                _replace(node, x, new)
        if "out" in used and not root and call.rule != "divide":
            return self._name_it(node, s, before)
        if "out" in used and not root and costs(node, self.flat):
            return self._name_it(node, s, before)
        return node

    def _name_it(self, node: ast.expr, s: Set | Append, before: list[Statement]) -> ast.expr:
        flat = self.flat
        value = flat.value(node)
        for earlier in before:  # named a moment ago
            if not isinstance(earlier, Set) or not isinstance(earlier.target, ast.Name):
                continue
            if written(earlier.value) == written(node):
                name = ast.Name(earlier.target.id, ast.Load())
                name.found = value  # type: ignore[attr-defined]
                return name
        call = self.known(node) if flat.is_active(node) else None
        kind = KINDS.get(call.rule, call.rule) if call else "scale"
        names = {
            "sqrt": "root",
            "sum": "total",
            "exp": "e",
            "tanh": "t",
            "sigmoid": "s",
            "absolute": "size",
            "getitem": "chosen",
        }
        short = names.get(kind, kind)
        x = call.operands.get("x") if call and len(call.operands) == 1 else None
        new = flat.fresh(
            f"{kind}_{x.id}" if isinstance(x, ast.Name) and x.id.isidentifier() and "__" not in x.id else short
        )
        flat.env[new] = value
        if flat.is_active(node):
            flat.active.add(new)
        before.append(Set(ast.Name(new, ast.Load()), node, s.line, s.source))
        name = ast.Name(new, ast.Load())
        name.found = value  # type: ignore[attr-defined]
        return name


def costs(node: ast.expr, flat: Flat) -> bool:
    """Whether an expression is too long, or too much work, to stand in two lines."""
    if isinstance(node, (ast.Name, ast.Constant)):
        return False
    text = written(node)
    calls = [x for x in ast.walk(node) if isinstance(x, ast.Call)]
    work = [x for x in calls if not re.search(r"(reshape|transpose|swapaxes|copy)$", written(x.func))]
    if not flat.is_active(node):
        return len(text) > SHORT
    return bool(work) or len(text) > SHORT or any(isinstance(x, ast.MatMult) for x in ast.walk(node))


def _without_sizes(call: Known, active: list[str], operand: str) -> bool:
    """Whether a line needs the numbers of an operand, not its shape alone."""
    for k in active:
        code = re.sub(rf"\b{operand}\.(shape|size)\b", "", call.line(k).code)
        if re.search(rf"\b{operand}\b", code):
            return True
    return False


def _replace(node: ast.AST, old: ast.expr, new: ast.expr) -> None:
    for parent in ast.walk(node):
        for name, child in ast.iter_fields(parent):
            if child is old:
                setattr(parent, name, new)
            elif isinstance(child, list):
                child[:] = [new if x is old else x for x in child]


def subtracted_maxima(flat: Flat) -> set[str]:
    """The maxima that are only there to keep exp from overflowing: what is subtracted from an array."""
    found: set[str] = set()
    maxima: set[str] = set()

    def is_max(node: ast.expr) -> bool:
        match node:
            case ast.Call(func=ast.Attribute(attr="max" | "amax")):
                return True
            case ast.Name(id=name):
                return name in maxima
        return False

    def look(statements: list[Statement]) -> None:
        for s in statements:
            if isinstance(s, Loop):
                look(s.body)
                continue
            for node in ast.walk(s.value):
                if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and is_max(node.right):
                    found.add(written(node.right))
            if isinstance(s, Set) and isinstance(s.target, ast.Name) and is_max(s.value):
                maxima.add(s.target.id)

    look(flat.block)
    return found

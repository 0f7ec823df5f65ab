"""Mutants: classic mistakes planted one at a time into a right backward pass, and which of them a check catches.

>>> len(PLANTED), PLANTED[4].formula, PLANTED[4].mistake
(28, 'dJda', 'W transposed')

In a user's file a mutant is one edit of the source of `gradients` or `backward`, or of a function that only they call;
the forward pass stays as it is. In the formulas of this package it is another function in place of one of them.
"""

from __future__ import annotations

import ast
import copy
import html
import json
import linecache
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from compare.check import UnusableCode, check_network
from compare.command.editor import Edit, Editor
from compare.command.userfile import UnusableFile, UserFile
from compare.report.report import DIFFERENT, Report, counted
from compare.report.table import Cell, Column, Table, as_text
from matrix_backprop import Network, formulas

CAUGHT, RAISED, MISSED = "caught", "caught: it raises", "not caught"
Progress = Callable[[int, int], None]
Formula = Callable[..., Any]


# What is found


@dataclass(frozen=True)
class Finding:
    """One mutant: where and what was edited, whether the check caught it, and the first reason that it gave.

    `right_reason` says whether the reason is the right one; in a user's file, whether there is a reason at all.
    """

    where: str
    before: str
    after: str
    outcome: str
    reason: str
    right_reason: bool


@dataclass(frozen=True)
class Mutants:
    """All mutants; true when every one was caught. `equivalent` more change no gradient and were set aside."""

    title: str
    findings: list[Finding]
    equivalent: int = 0
    of_formulas: bool = False

    def __bool__(self) -> bool:
        return all(finding.outcome != MISSED for finding in self.findings)

    @property
    def caught(self) -> int:
        """How many were caught."""
        return sum(finding.outcome != MISSED for finding in self.findings)

    @property
    def right_reason(self) -> int:
        """How many were caught with the right reason (in a user's file: with a reason)."""
        return sum(finding.right_reason for finding in self.findings)

    @property
    def summary(self) -> list[str]:
        """What was found, in sentences."""
        total, raised = len(self.findings), sum(finding.outcome == RAISED for finding in self.findings)
        lines = [f"not caught: {f.where}: {f.before} → {f.after}" for f in self.findings if f.outcome == MISSED]
        lines.append(f"{self.caught} of {counted(total, 'mutant')} caught ({self.caught / total:.0%})")
        if raised:
            lines[-1] += f", {raised} of them because the mutant raises (not in the table)"
        reasons = "at exactly the wrong steps" if self.of_formulas else "with a reason"
        differing = total if self.of_formulas else self.caught - raised
        share = f" ({self.right_reason / differing:.0%})" if differing else ""
        lines[-1] += f"; {self.right_reason} of {differing} {reasons}{share}."
        if self.equivalent:
            lines.append(f"{counted(self.equivalent, 'more edit')} changed no gradient and {_were(self.equivalent)}.")
        return lines

    def __str__(self) -> str:
        return as_text(self)

    def __rich__(self) -> RenderableType:
        of_formulas, of_file = ("formula", "mistake", "found"), ("line", "edit", "first reason")
        where, edited, why = of_formulas if self.of_formulas else of_file
        columns = [Column(where, no_wrap=True), Column(edited), Column("caught", no_wrap=True), Column(why)]
        rows: list[list[Cell]] = []
        for finding in self.findings:
            if finding.outcome == RAISED:
                continue
            mark, colour = ("✗ no", "bold red") if finding.outcome == MISSED else ("✓", "green")
            edit = finding.after if self.of_formulas else f"{finding.before} → {finding.after}"
            rows.append([finding.where, edit, Text(mark, style=colour), finding.reason])
        style = "bold green" if self else "bold red"
        return Group(
            Text(self.title, style="bold"), Table(columns, rows), *(Text(line, style=style) for line in self.summary)
        )

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"

    def to_json(self) -> str:
        """All that was found, as a JSON object."""
        found = {"title": self.title, "all_caught": bool(self), "mutants": len(self.findings), "caught": self.caught}
        found |= {"with_right_reason" if self.of_formulas else "with_reason": self.right_reason}
        found |= {"equivalent": self.equivalent, "findings": [asdict(finding) for finding in self.findings]}
        return json.dumps(found, indent=2)


def _were(count: int) -> str:
    return "was set aside" if count == 1 else "were set aside"


# Mistakes in the formulas of this package


class Planted(NamedTuple):
    """A mistake in one formula: in words, what stands for the formula, and the rows that are then wrong themselves."""

    formula: str
    mistake: str
    instead: Callable[[], Formula]
    rows: tuple[str, ...]


def _next_but_one() -> Formula:
    """np.dot(W, dJdz) that takes, in the first layer, the weights that it took in the second."""
    kept: list[Any] = []

    def dJda(W_next: Any, dJdz_next: Any) -> Any:
        if kept:
            return np.dot(kept.pop(), dJdz_next)
        kept.append(W_next)
        return np.dot(W_next, dJdz_next)

    return dJda


ACTIVATIONS = ["tanh", "tanh", "sigmoid"]
SIZES, M = [3, 3, 3, 3], 4  # square, so that a wrong transpose does not hide behind a shape error
_STEPS = list(Network(SIZES, ACTIVATIONS).steps())
_LOGISTIC, _DZ, _DB, _DW = (
    tuple(step.name for step in _STEPS if step.id == statement) for statement in ("A4", "B2", "B3", "B5")
)
_DA = tuple(step.name for step in _STEPS if step.compute is formulas.dJda)

#: the classic mistakes; a wrong sign made twice is none, so it shows in one layer of the two
PLANTED = [
    Planted("dJdz_logistic", "wrong sign: y - a", lambda: lambda a, y: y - a, _LOGISTIC),
    Planted("dJdz_logistic", "1/m taken here too", lambda: lambda a, y: (a - y) / a.shape[1], _LOGISTIC),
    Planted("dJdz_logistic", "slope a (1 - a) left in", lambda: lambda a, y: (a - y) * a * (1 - a), _LOGISTIC),
    Planted("dJdz_logistic", "a factor 2", lambda: lambda a, y: 2 * (a - y), _LOGISTIC),
    Planted("dJda", "W transposed", lambda: lambda W, d: np.dot(W.T, d), _DA),
    Planted("dJda", "W forgotten", lambda: lambda W, d: d.copy(), _DA),
    Planted("dJda", "wrong sign", lambda: lambda W, d: -np.dot(W, d), _DA[:1]),
    Planted("dJda", "mean for sum over the consumers", lambda: lambda W, d: np.dot(W, d) / W.shape[1], _DA),
    Planted("dJda", "one consumer left out", lambda: lambda W, d: np.dot(W[:, 1:], d[1:]), _DA),
    Planted("dJda", "W of another layer", _next_but_one, _DA[1:]),
    Planted("dJdz", "slope left out", lambda: lambda dJda, dadz: dJda.copy(), _DZ),
    Planted("dJdz", "slope squared", lambda: lambda dJda, dadz: dJda * dadz**2, _DZ),
    Planted("dJdz", "slope added, not multiplied", lambda: lambda dJda, dadz: dJda + dadz, _DZ),
    Planted("dJdz", "divided by the slope", lambda: lambda dJda, dadz: dJda / dadz, _DZ),
    Planted("dJdz", "wrong sign", lambda: lambda dJda, dadz: -dJda * dadz, _DZ[:1]),
    Planted("dJdb", "sum for mean", lambda: lambda d: np.sum(d, axis=1, keepdims=True), _DB),
    Planted("dJdb", "1/m twice", lambda: lambda d: np.mean(d, axis=1, keepdims=True) / d.shape[1], _DB),
    Planted("dJdb", "mean over the units", lambda: lambda d: np.mean(d, axis=0, keepdims=True), _DB),
    Planted("dJdb", "keepdims forgotten", lambda: lambda d: np.mean(d, axis=1), _DB),
    Planted("dJdb", "one observation only", lambda: lambda d: d[:, :1].copy(), _DB),
    Planted("dJdb", "wrong sign", lambda: lambda d: -np.mean(d, axis=1, keepdims=True), _DB),
    Planted("dJdW", "1/m missing", lambda: lambda a, d: np.dot(a, d.T), _DW),
    Planted("dJdW", "1/m twice", lambda: lambda a, d: np.dot(a, d.T) / d.shape[1] ** 2, _DW),
    Planted("dJdW", "1/n for 1/m", lambda: lambda a, d: np.dot(a, d.T) / d.shape[0], _DW),
    Planted("dJdW", "transposed", lambda: lambda a, d: np.dot(d, a.T) / d.shape[1], _DW),
    Planted("dJdW", "observations out of order", lambda: lambda a, d: np.dot(a[:, ::-1], d.T) / d.shape[1], _DW),
    Planted("dJdW", "one observation left out", lambda: lambda a, d: np.dot(a[:, 1:], d[:, 1:].T) / d.shape[1], _DW),
    Planted("dJdW", "wrong sign", lambda: lambda a, d: -np.dot(a, d.T) / d.shape[1], _DW),
]


def small_network(seed: int = 0) -> tuple[Network, Any, Any]:
    """The network that the mistakes are planted in, X and Y."""
    rng = np.random.default_rng(seed)
    net = Network(SIZES, ACTIVATIONS, seed=seed)
    return net, rng.normal(size=(SIZES[0], M)), rng.integers(0, 2, (SIZES[-1], M))


def planted_in_formulas(arithmetic: str | None = None, seed: int = 0, progress: Progress | None = None) -> Mutants:
    """Every mistake of PLANTED, checked by `check_network`.

    The reason is right when exactly the steps that are wrong themselves are called different; what only works on a
    wrong result must be called inherited.
    """
    net, X, Y = small_network(seed)
    findings = []
    for done, planted in enumerate(PLANTED):
        if progress:
            progress(done, len(PLANTED))
        right = getattr(formulas, planted.formula)
        setattr(formulas, planted.formula, planted.instead())
        try:
            report = check_network(net, X, Y, arithmetic=arithmetic, seed=seed)
        finally:
            setattr(formulas, planted.formula, right)
        wrong = [row.name for row in report.rows if row.verdict == DIFFERENT]
        findings.append(
            Finding(
                planted.formula,
                "right",
                planted.mistake,
                MISSED if report else CAUGHT,
                f"different: {', '.join(wrong)}" if wrong else "",
                sorted(wrong) == sorted(planted.rows),
            )
        )
    sizes = "-".join(map(str, SIZES))
    return Mutants(f"classic mistakes planted into the formulas of a network {sizes}", findings, of_formulas=True)


# Mistakes in a user's file


def planted_in_file(
    code: UserFile, arithmetic: str | None = None, seed: int = 0, progress: Progress | None = None
) -> Mutants:
    """Every single edit of `gradients` or `backward` that runs and changes a gradient, checked."""
    name = "gradients" if code.is_cost else "backward"
    tree = ast.parse(code.source)
    defined = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if name not in defined:
        raise UnusableFile(f"{code.path} has no `def {name}(...)` whose source could be edited")
    forward = _reached(defined, "cost" if code.is_cost else "forward")
    edited = [node for key, node in defined.items() if key in _reached(defined, name) - forward]
    editor = Editor(code.source)
    edits = list(dict.fromkeys(edit for node in edited for edit in editor.edits(node)))
    edits.sort(key=lambda edit: (edit.line, edit.start))
    right = _claimed(code, seed)
    findings: list[Finding] = []
    equivalent = 0
    for done, edit in enumerate(edits):
        if progress:
            progress(done, len(edits))
        mutant = _mutant(code, editor.applied(edit), edit)
        if mutant is None:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if _same(_claimed(mutant, seed), right):
                    equivalent += 1
                    continue
                outcome, reason = CAUGHT, ""
                report = mutant.check(arithmetic=arithmetic, seed=seed)
                outcome = MISSED if report else CAUGHT
                reason = "" if report else first_reason(report)
        except UnusableCode as problem:
            outcome, reason = RAISED, str(problem)
        except Exception as problem:
            outcome, reason = RAISED, f"{type(problem).__name__}: {problem}"
        explained = outcome == CAUGHT and bool(reason)
        if outcome == CAUGHT and not explained:
            reason = "no line of it is named"
        findings.append(Finding(str(edit.line), edit.before, edit.after, outcome, reason, explained))
    if not findings:
        raise UnusableFile(f"{name} of {code.path} holds nothing in which a mistake could be planted")
    return Mutants(f"mistakes planted into {name} of {code.path.name}", findings, equivalent)


def first_reason(report: Report) -> str:
    """The first reason that a failing report gives; "" when it gives none."""
    return next(iter(report.reasons), "")


def _reached(defined: dict[str, ast.FunctionDef], name: str) -> set[str]:
    """The functions of the file that one of them calls, itself among them."""
    found: set[str] = set()
    todo = [name]
    while todo:
        name = todo.pop()
        if name in defined and name not in found:
            found.add(name)
            todo += [node.id for node in ast.walk(defined[name]) if isinstance(node, ast.Name)]
    return found


def _mutant(code: UserFile, source: str, edit: Edit) -> UserFile | None:
    """The file with its functions defined anew from the edited source, on the data that it has."""
    filename = f"<{code.path.name} with line {edit.line} edited: {hash(source):x}>"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            functions: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
            compiled = compile(ast.Module(functions, []), filename, "exec")
    except SyntaxError:
        return None
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    names = dict(code.names)
    exec(compiled, names)
    return UserFile(code.path, source, names)


def _claimed(code: UserFile, seed: int) -> list[Any]:
    """The gradients in float64 as the file gives them, as a flat list."""
    state = np.random.get_state()  # noqa: NPY002 (what the file may use)
    one, two, data, *args = copy.deepcopy(code.call)
    try:
        with np.errstate(all="ignore"), redirect_stdout(sys.stderr):
            if code.is_cost:
                return list(_flat(two(data, *args)))
            found = (
                one(**data) if isinstance(data, dict) else one(*(data if isinstance(data, (tuple, list)) else [data]))
            )
            out, *cache = found if isinstance(found, tuple) and len(found) == 2 else (found,)
            dout = np.random.default_rng([seed, 1]).normal(size=np.shape(out))
            return list(_flat(two(dout if dout.ndim else dout[()], *cache)))
    finally:
        np.random.set_state(state)  # noqa: NPY002


def _flat(tree: Any) -> Iterator[Any]:
    if isinstance(tree, dict):
        for key in sorted(tree, key=str):
            yield from _flat(tree[key])
    elif isinstance(tree, (list, tuple)):
        for child in tree:
            yield from _flat(child)
    else:
        yield np.asarray(tree)


def _same(ours: list[Any], theirs: list[Any]) -> bool:
    """Whether two lists of arrays agree to 12 digits of the largest entry of each."""
    return len(ours) == len(theirs) and all(
        x.shape == y.shape
        and x.dtype.kind in "biuf"
        and bool(np.all(np.abs(x.astype(float) - y) <= 1e-12 * np.max(np.abs(y), initial=0)))
        for x, y in zip(ours, theirs, strict=True)
    )

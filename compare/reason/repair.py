"""The correction of the user's own code that makes its gradients exactly right.

The source of the backward pass is edited, one small correction at a time; each corrected pass is run in float64, and
the one whose gradients are the chain rule's is the reason. What is said was confirmed in exact numbers.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import io
import linecache
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import graph
from autograd.number.residue import ZeroResidue
from autograd.record.places import is_users
from compare.reason.corrections import Corrections
from compare.reason.editor import Edit
from compare.reason.sandbox import TookTooLong, apart, limited
from compare.subject.arithmetic import precise, residues
from compare.subject.subject import Sides, UserCode
from compare.verdict.agree import digits, same

Array = NDArray[Any]

MOST_WORK = 1_000_000  # of trying corrections, as `_work` counts it
WORK_OF_A_TRIAL = 60  # beside that of the pass and of compiling it, of which 7 bytes are a line
MOST_WORK_MORE = 5_000_000  # of confirming them: nodes of long floats
MOST_CONFIRMED = 12  # corrections tried in exact numbers
UNLIKELY = 4  # rank of corrections that are tried only where nothing else was found

# A clock ends what has no end, nothing else: the same words on every machine.
MOST_SECONDS = 120.0  # of the whole search
MOST_TIMES = 20  # what a correction may take, in times of the pass as it is, and a second
MOST_ENDLESS = 10  # corrections that took longer


_OWN = f"{Path(__file__).parents[1]}{os.sep}"  # this package


class Repair(NamedTuple):
    """A correction: the sentence that says it, the gradients that it makes right, and how unlikely it is."""

    text: str
    names: tuple[str, ...]
    rank: int


class _Piece(NamedTuple):
    """The statement of a file that holds a function, to be compiled anew: its first line, its source, the function."""

    function: Any  # of type FunctionType
    offset: int
    editor: Corrections
    node: ast.FunctionDef
    shared: bool  # with the forward pass


def repairs(
    task: UserCode, wrong: list[str], unexplained: list[str], floats: Sides, seed: int = 0
) -> tuple[list[Repair], str]:
    """The corrections that make some of the wrong gradients right and none of the right ones wrong, best first.

    The unlikely ones are tried while some gradient is `unexplained`. All that is done in a process of its own, for a
    corrected pass may do anything; code that writes files or opens connections gets no corrections. The second is what
    was left out where the search was cut short.
    """
    if not hasattr(os, "fork"):
        return [], "corrections of your code (this system cannot copy a process to try them in)"
    found = apart(lambda: _search(task, wrong, unexplained, floats, seed), MOST_SECONDS)
    return found or ([], "corrections of your code (a corrected pass crashed, or had no end)")


def _search(
    task: UserCode, wrong: list[str], unexplained: list[str], floats: Sides, seed: int
) -> tuple[list[Repair], str]:
    start = time.monotonic()
    if _claimed(task, MOST_SECONDS) is None:
        return [], ""
    seconds = 1 + MOST_TIMES * (time.monotonic() - start)  # for one run
    each, work = WORK_OF_A_TRIAL + _work(task), 0
    true = {name: np.asarray(x, float) for name, x in floats.chain.items()}
    right = [name for name in true if name not in wrong]
    todo = set(unexplained)
    found: list[tuple[tuple[str, ...], Edit, _Piece]] = []
    candidates, endless, stopped = _by_rank(_pieces(task)), 0, ""
    for tried, (piece, edit) in enumerate(candidates):
        if edit.rank >= UNLIKELY and not todo:
            break
        if work > MOST_WORK or endless == MOST_ENDLESS:
            stopped = f"corrections of your code after the first {tried} of {len(candidates)}"
            break
        work += each + len(piece.editor.source) // 7
        code = _compiled(piece, edit)
        if code is None:
            continue
        try:
            with _corrected(piece, code):
                ours = _claimed(task, seconds)
        except TookTooLong:
            endless += 1
            continue
        if ours is None or not all(_close(ours.get(name), true[name]) for name in right):
            continue
        names = tuple(name for name in wrong if _close(ours.get(name), true[name]))
        if names and not (piece.shared and len(names) < len(wrong)):  # of the forward pass, it must explain all
            found.append((names, edit, piece))
            todo.difference_update(names)
    found.sort(key=lambda one: (-len(one[0]), one[1].rank))
    judge = _Judge(task, right, seed)
    most = min(MOST_CONFIRMED, 1 + MOST_WORK_MORE // (1 + judge.nodes))
    confirmed: list[Repair] = []
    for names, edit, piece in found[:most]:
        if all(sum(name in repair.names for repair in confirmed) >= 2 for name in names):
            continue
        code = _compiled(piece, edit)
        if code is not None and judge.finds_right(piece, code, [*names, *right]):
            confirmed.append(Repair(_sentence(names, piece, edit), names, edit.rank))
    if not confirmed and len(found) > most:
        stopped = f"{len(found) - most} corrections of your code that fit in float64"
    return confirmed, stopped


def _by_rank(pieces: list[_Piece]) -> list[tuple[_Piece, Edit]]:
    all_edits = [(piece, edit) for piece in pieces for edit in piece.editor.corrections(piece.node, _constants(piece))]
    return sorted(all_edits, key=lambda one: one[1].rank)


def _constants(piece: _Piece) -> list[str]:
    """The names of the numbers of the function's module."""
    kinds = (int, float)
    return [name for name, x in piece.function.__globals__.items() if type(x) in kinds and not name.startswith("_")]


def _sentence(names: tuple[str, ...], piece: _Piece, edit: Edit) -> str:
    """What to write instead, as whole lines where they are short."""
    line = piece.offset + edit.line
    before = piece.editor.source.decode().splitlines()
    after = piece.editor.applied(edit).splitlines()
    what = " and ".join(f"d{name}" for name in names)
    verb = "becomes" if len(names) == 1 else "become"
    hint = " (a wrong sign)" if f"-({edit.before})" == edit.after or edit.before == f"-{edit.after}" else ""
    changed = [k for k, (old, new) in enumerate(zip(before, after, strict=False)) if old != new]
    if len(changed) == 1 and len(before) == len(after):
        old, new = _code(before[changed[0]]), _code(after[changed[0]])
        line = piece.offset + changed[0] + 1
        if not new or new == "pass":
            return f"Your {what} {verb} exactly right without line {line}, `{old}`"
        if len(old) + len(new) <= 160:
            return f"Your {what} {verb} exactly right when line {line}, `{old}`, reads `{new}`{hint}"
    return f"Your {what} {verb} exactly right when `{edit.before}` in line {line} reads `{edit.after}`{hint}"


def _code(line: str) -> str:
    """A line of code without its comment."""
    head, mark, _ = line.partition("  #")
    return head.strip() if mark else line.strip()


# The functions that can be corrected


def _pieces(task: UserCode) -> list[_Piece]:
    """The user's functions that run in the backward pass alone, with their sources.

    All that run in it where there are no others, as in a function that gives the loss and its gradients.
    """
    given = {name: x.copy() if x.ndim else float(x) for name, x in task.arrays.items()}
    with _quiet(), task.running():
        forward = _codes_run(lambda: task.cost(given, None))
        arguments: list[Any] = []
        _codes_run(lambda: arguments.append(task.backward_call(given, None)))
        if not arguments:
            return []
        function, args = arguments[0]
        backward = _codes_run(lambda: function(*args))
    main = getattr(getattr(function, "__func__", function), "__code__", None)
    alone = {code for code in backward if code is main or code not in forward}
    together = alone <= {main} and _is_short(main)
    found = []
    for code in dict.fromkeys(backward):
        if code in alone or together:
            owner = next(
                (x for x in gc.get_referrers(code) if isinstance(x, FunctionType) and x.__code__ is code), None
            )
            piece = _piece(owner, shared=code not in alone) if owner is not None else None
            if piece is not None:
                found.append(piece)
    return found


def _is_short(code: CodeType | None) -> bool:
    """Whether a function does nothing but call another one."""
    return code is not None and len({line for _, _, line in code.co_lines() if line}) <= 3


def _codes_run(call: Callable[[], Any]) -> list[CodeType]:
    """The user's code objects that run during a call."""
    found: dict[CodeType, None] = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and _is_theirs(frame):
            found[frame.f_code] = None

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            call()
    finally:
        sys.setprofile(before)
    return list(found)


def _work(task: UserCode) -> int:
    """How much the user's pass does: the lines of its code that run, and the numbers in its arrays (100 are a line)."""
    lines = numbers = 0

    def note(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines, numbers
        if event == "call" and not _is_theirs(frame):
            return None
        lines += event == "line"
        if event == "return":
            numbers += sum(x.size for x in frame.f_locals.values() if isinstance(x, np.ndarray))
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        with contextlib.suppress(TookTooLong):
            _claimed(task, MOST_SECONDS)
    finally:
        sys.settrace(before)
    return lines + numbers // 100


def _is_theirs(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return is_users(file) and not file.startswith(_OWN)


def _piece(function: FunctionType, shared: bool = False) -> _Piece | None:
    """The outermost statement of the file that defines a function."""
    code = function.__code__
    lines = linecache.getlines(code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError):
        return None
    for statement in tree.body:
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        if not first <= code.co_firstlineno <= (statement.end_lineno or 0):
            continue
        editor = Corrections("".join(lines[first - 1 : statement.end_lineno]))
        for node in ast.walk(editor.tree):
            if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
                start = min([node.lineno, *(d.lineno for d in node.decorator_list)]) + first - 1
                if start == code.co_firstlineno:
                    return _Piece(function, first - 1, editor, node, shared)
    return None


def _compiled(piece: _Piece, edit: Edit) -> CodeType | None:
    """The code of the function with the edit made."""
    code = piece.function.__code__
    try:
        tree = ast.parse(piece.editor.applied(edit))
        ast.increment_lineno(tree, piece.offset)
        todo = [compile(tree, code.co_filename, "exec", dont_inherit=True)]
    except (SyntaxError, ValueError):
        return None
    while todo:
        one = todo.pop()
        if (one.co_name, one.co_firstlineno) == (code.co_name, code.co_firstlineno):
            return one if one.co_freevars == code.co_freevars else None
        todo += [x for x in one.co_consts if isinstance(x, CodeType)]
    return None


# Running a corrected pass


@contextlib.contextmanager
def _corrected(piece: _Piece, code: CodeType) -> Iterator[None]:
    original = piece.function.__code__
    piece.function.__code__ = code
    try:
        yield
    finally:
        piece.function.__code__ = original


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _claimed(task: UserCode, seconds: float) -> dict[str, Any] | None:
    """The gradients that the user's pass gives in float64; None where it raises. TookTooLong where it takes longer."""
    given = {name: x.copy() if x.ndim else float(x) for name, x in task.arrays.items()}
    with _quiet(), task.running():
        try:
            with limited(seconds):
                ours: dict[str, Any] = task.by_hand(given, None)
        except Exception:  # a correction may make any nonsense of the code
            return None
    return ours


def _close(ours: Any, true: Array, part: float = 1e-9) -> bool:
    if not isinstance(ours, (np.ndarray, np.generic, float, int)) or np.shape(ours) != true.shape:
        return False
    ours = np.asarray(ours)
    if ours.dtype.kind not in "fiub":
        return False
    size = float(np.max(np.abs(true), initial=0))
    return bool(np.all(np.abs(ours - true) <= part * size))


def _elsewhere(task: UserCode, seed: int) -> list[tuple[Any, dict[str, Array]]]:
    """The task at two other points, with the true gradients there: a mask may be right at one point by accident."""
    found = []
    for k in range(2):
        rng = np.random.default_rng([seed, 3, k])

        def move(x: Array, rng: np.random.Generator = rng) -> Array:
            factor = rng.uniform(0.5, 1.5, x.shape)
            if (x > 0).all():
                return np.asarray(x**factor if (x < 1).all() else x * factor)
            return np.asarray(np.sqrt(np.mean(x**2)) * rng.normal(size=x.shape))

        with contextlib.suppress(ValueError, TypeError, ArithmeticError), _quiet():
            other = task.moved(move)
            found.append((other, other.traced(None)[2].chain))
    return found


def _refuted(task: UserCode, true: dict[str, Array], names: list[str]) -> bool:
    """Whether the corrected pass gives other gradients than the chain rule's at this point."""
    given = {name: x.copy() if x.ndim else float(x) for name, x in task.arrays.items()}
    with task.running(), contextlib.suppress(ValueError, TypeError, ArithmeticError):
        ours = task.by_hand(given, None)
        usable = [name for name in names if np.isfinite(np.asarray(true[name], float)).all()]
        return not all(_close(ours.get(name), np.asarray(true[name], float), 1e-6) for name in usable)
    return False


class _Judge:
    """Holds corrected passes against the chain rule in long floats, or where these do not run in residues."""

    def __init__(self, task: UserCode, right: list[str], seed: int) -> None:
        self.task, self.seed = task, seed
        self.long, self.digits = precise(200), 40.0
        self.others = _elsewhere(task, seed)
        self.nodes = 0  # of the graph in long floats: how much a confirmation does
        try:
            J, _, sides = task.traced(self.long)
            self.nodes = len(graph(J))
            self.chain: dict[str, Array] | None = sides.chain
            known = [digits(*sides.pair(name)).min(initial=np.inf) for name in right]
            if min(known, default=np.inf) < self.digits:  # floats such as sqrt(2) are in the code: no more is to be had
                self.digits = 13
        except (ValueError, TypeError, ArithmeticError):
            self.chain = None

    def finds_right(self, piece: _Piece, code: CodeType, names: list[str]) -> bool:
        """Whether the corrected pass gives these gradients, and not at this point alone."""
        with _quiet(), _corrected(piece, code), contextlib.suppress(TookTooLong), limited(MOST_SECONDS):
            return self._exactly_right(names) and not any(_refuted(other, true, names) for other, true in self.others)
        return False

    def _exactly_right(self, names: list[str]) -> bool:
        try:
            if self.chain is None:
                sides = self.task.traced(residues(np.random.default_rng([self.seed, 2])))[2]
                return all(same(*sides.pair(name)).all() for name in names)
            ours = self.task.by_hand_in(self.long, names)
        except (ValueError, TypeError, ArithmeticError, ZeroResidue):
            return False
        chain = self.chain
        return all((digits(ours[name], chain[name]) > self.digits).all() for name in names)

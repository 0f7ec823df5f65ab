"""A user's Python file as something to check: `cost`, `gradients`, `params`, or `forward`, `backward`, `inputs`."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import sys
import tokenize
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograd.record.places import is_users
from compare.check import check_vjp, gradcheck, proofread
from compare.report.lines import Reading
from compare.report.report import Report
from compare.subject.forms import read_outputs
from compare.subject.state import same_world
from compare.subject.trees import copied, is_tree
from compare.subject.usercode import UnusableCode, call_users

COST = ("cost", "gradients", "params")  # and args, if there
LAYER = ("forward", "backward", "inputs")


class UnusableFile(ValueError):
    """A file that cannot be checked; its message is the sentence that the user reads."""


@dataclass(frozen=True)
class UserFile:
    """A file and the names that it defines, or those of an edited form of it."""

    path: Path
    source: str
    names: dict[str, Any]

    @property
    def is_cost(self) -> bool:
        """Whether it has a cost and its gradients; otherwise it has a layer, forward and backward."""
        return all(name in self.names for name in (COST if self.has_backward else ("cost", "params")))

    has_backward: bool = True

    @property
    def forward_call(self) -> tuple[Any, ...]:
        """The forward pass and what it is called with: the cost, params and args, or forward and inputs."""
        if self.is_cost:
            return (self.names["cost"], self.names["params"], *self.names.get("args", ()))
        return (self.names["forward"], self.names["inputs"])

    @property
    def outputs(self) -> int:
        """How many outputs the forward pass has, as far as its backward pass tells."""
        backward = self.names.get("backward")
        if self.is_cost or not callable(backward):
            return 1
        forward, inputs = self.forward_call
        inputs = copied(inputs)
        with contextlib.redirect_stdout(sys.stderr), contextlib.suppress(UnusableCode), same_world():
            found = call_users(forward, **inputs) if isinstance(inputs, Mapping) else call_users(forward, *inputs)
            return read_outputs(found, backward).outputs
        return 1

    @property
    def call(self) -> tuple[Any, ...]:
        """What `gradcheck`, or `check_vjp`, is called with."""
        args = self.names.get("args", ()) if self.is_cost else ()
        return (*(self.names[name] for name in (COST if self.is_cost else LAYER)), *args)

    def check(self, **options: Any) -> Report:
        """The report on it; what the file prints goes to stderr."""
        check: Any = gradcheck if self.is_cost else check_vjp
        with contextlib.redirect_stdout(sys.stderr):
            report: Report = check(*self.call, raise_exception=False, **options)
        return dataclasses.replace(report, title=f"{self.path.name}: {report.title}")

    def proofread(self, seed: int = 0) -> Reading:
        """Its backward pass, line by line; what the file prints goes to stderr."""
        with contextlib.redirect_stdout(sys.stderr):
            found = proofread(*self.call, seed=seed)
        return found.titled(f"{self.path.name}: {found.title}")


def load(path: Path, needs_backward: bool = True) -> UserFile:
    """Import a file; its folder is on sys.path meanwhile. `needs_backward` is False where the forward pass will do.

    Raises UnusableFile, with one sentence, for a file that is not Python, that raises, or that lacks a name.
    """
    source = _read(path)
    try:
        code = compile(source, str(path.resolve()), "exec")
    except SyntaxError as problem:
        line = f": `{problem.text.strip()}`" if problem.text and problem.text.strip() else ""
        raise UnusableFile(f"{path}, line {problem.lineno}: {problem.msg}{line}") from None
    except ValueError as problem:  # null bytes
        raise UnusableFile(f"{path} is not Python: {problem}") from None
    name = f"_checked_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as an import does: dataclasses and pickles look there
    try:
        with _on_the_path(path.resolve().parent), contextlib.redirect_stdout(sys.stderr):
            exec(code, vars(module))
    except (Exception, SystemExit) as problem:
        raise UnusableFile(f"{path} cannot be imported: {_complaint(problem)}") from None
    names = vars(module)
    _look_at(path, module, needs_backward)
    return UserFile(path, source, names, needs_backward)


def _read(path: Path) -> str:
    if path.suffix != ".py":
        raise UnusableFile(f"{path} does not end in .py: name a Python file (a table goes to --data FILE.csv)")
    if path.is_dir():
        raise UnusableFile(f"{path} is a directory: name a Python file")
    if not path.exists():
        raise UnusableFile(f"there is no file {path}")
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (SyntaxError, UnicodeDecodeError):
        raise UnusableFile(f"{path} is not Python: it is not text in UTF-8, or in the encoding that it names") from None
    except OSError as problem:
        raise UnusableFile(f"{path} cannot be read: {problem.strerror}") from None


@contextlib.contextmanager
def _on_the_path(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # the file may have removed it
            sys.path.remove(str(folder))


def _complaint(problem: BaseException) -> str:
    """What was raised, and at which line of the user's."""
    frames = [f for f in traceback.extract_tb(problem.__traceback__) if f.filename != __file__ and is_users(f.filename)]
    where = f" at line {frames[-1].lineno} of {Path(frames[-1].filename).name}, `{frames[-1].line}`" if frames else ""
    said = next((line.strip() for line in str(problem).splitlines() if line.strip()), "")
    return f"{type(problem).__name__}{where}" + f": {said}" * bool(said)


def _look_at(path: Path, module: ModuleType, needs_backward: bool) -> None:
    """Raise unless the names are there and of the right kind."""
    names = vars(module)
    kinds_of_code = (COST, LAYER) if needs_backward else (COST[::2], LAYER[::2])
    asked = max(kinds_of_code, key=lambda asked: sum(name in names for name in asked))
    missing = [name for name in asked if name not in names]
    there = [name for name, x in names.items() if not name.startswith("_") and not isinstance(x, ModuleType)]
    if missing:
        has = ", ".join(there[:12]) + ", ..." * (len(there) > 12) or "nothing"
        if len(missing) == len(asked):
            wanted = ", or ".join(_and(list(kind)) for kind in kinds_of_code)
            raise UnusableFile(f"{path} must define {wanted}; it has {has}")
        raise UnusableFile(
            f"{path} has {_and([name for name in asked if name in names])}, but no {_and(missing)}; it has {has}"
        )
    for name in asked[:-1]:
        if not callable(names[name]):
            raise UnusableFile(f"{name} of {path} is of type {type(names[name]).__name__}: it must be a function")
    point = names[asked[-1]]
    numbers = (np.ndarray, np.number, int, float) if "cost" in asked else (np.ndarray, float)
    if not is_tree(point) and not isinstance(point, numbers):
        kinds = "a dict, a list, a tuple, a dataclass or an array"
        raise UnusableFile(f"{asked[-1]} of {path} is of type {type(point).__name__}: it must be {kinds}")
    if "cost" in asked and not isinstance(names.get("args", ()), (tuple, list)):
        raise UnusableFile(f"args of {path} is of type {type(names['args']).__name__}: it must be a tuple, as (X, y)")


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

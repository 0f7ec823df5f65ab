"""What the command shows, by `rich`: it is loaded when there is a report to show, or a terminal to show progress on."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def show(report: RenderableType) -> None:
    """Print a report on stdout."""
    _console().print(report)


def complain(sentence: str) -> None:
    """Print a sentence in red on stderr."""
    _console(stderr=True).print(sentence, style="red", soft_wrap=True)


@contextlib.contextmanager
def status(says: str) -> Iterator[Callable[[str], None]]:
    """A line on a terminal that says what is being done; the function that is given changes it."""
    if not sys.stderr.isatty():
        yield lambda says: None
        return
    with _console(stderr=True).status(says) as line:
        yield line.update


@contextlib.contextmanager
def bar(says: str) -> Iterator[Callable[..., None]]:
    """A bar on a terminal; the function that is given changes its `description`, `completed` and `total`."""
    if not sys.stderr.isatty():
        yield lambda **change: None
        return
    from rich.progress import Progress

    with Progress(console=_console(stderr=True), transient=True) as shown:
        yield partial(shown.update, shown.add_task(says, total=None))


def _console(**where: Any) -> Console:
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, **where)

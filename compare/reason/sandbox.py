"""Running code that may do anything at all: in a process of its own, with limits on time and memory, and no files.

A correction of somebody's code may loop for ever, ask for all memory, or exchange the arguments of a function that
writes a file.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

T = TypeVar("T")

MOST_BYTES = 2 << 30  # that the process may take more than it has at its start
_REFUSED = ("os.", "shutil.", "socket.", "subprocess.", "tempfile.", "sqlite3.", "ftplib.", "smtplib.", "urllib.")
_REFUSED_TOO = {"builtins.input", "webbrowser.open", "pty.spawn", "ctypes.dlopen", "syslog.openlog"}
_ALLOWED = {"os.listdir", "os.scandir", "os.walk", "os.fwalk"}


class TookTooLong(BaseException):
    """Raised inside of `limited`; no Exception, so that code which catches those goes on no longer."""


def apart(work: Callable[[], T], seconds: float) -> T | None:
    """What `work()` returns, computed in a copy of this process that cannot do any harm.

    >>> apart(lambda: 6 * 7, seconds=10)
    42

    The copy writes no file, opens no connection, starts no process and changes nothing here. None where `work` raises,
    takes longer, crashes, or where the system cannot copy a process (Windows).
    """
    if not hasattr(os, "fork"):
        return None
    read_end, write_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # BLAS has threads, which it stops for a fork
        child = os.fork()
    if not child:
        _work_and_exit(work, write_end)
    os.close(write_end)
    try:
        found = _read(read_end, time.monotonic() + seconds)
    finally:
        os.close(read_end)
        os.kill(child, signal.SIGKILL)  # not yet waited for, so the number is still its own
        os.waitpid(child, 0)
    return pickle.loads(found) if found else None


def _read(pipe: int, deadline: float) -> bytes:
    """What comes through a pipe until it is closed; nothing if that is too late."""
    found = b""
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return found
        found += part
    return b""


def _work_and_exit(work: Callable[[], Any], write_end: int) -> None:
    try:
        _close_files(write_end)
        _limit_memory()
        sys.addaudithook(_refuse)
        result = pickle.dumps(work())
        while result:
            result = result[os.write(write_end, result) :]
    finally:
        os._exit(0)


def _close_files(kept: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    most = min(os.sysconf("SC_OPEN_MAX"), 1 << 16)
    os.closerange(3, kept)
    os.closerange(kept + 1, most)


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # where the system has no such limit
        import resource

        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + MOST_BYTES, resource.RLIM_INFINITY))


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    """Ends what would change the world outside of the process; reading, as imports do, is no harm."""
    if event == "open":
        (_, mode, flags), writing = args, os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
        writes = isinstance(mode, str) and set(mode) & set("wax+")
        refused = writes or (isinstance(flags, int) and bool(flags & writing))
    else:
        refused = event in _REFUSED_TOO or (event.startswith(_REFUSED) and event not in _ALLOWED)
    if refused:
        raise PermissionError(f"not while corrections are tried: {event}")


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises TookTooLong in the block after this time, and again if that is caught; only in `apart`."""

    def end(*_: Any) -> None:
        raise TookTooLong

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)

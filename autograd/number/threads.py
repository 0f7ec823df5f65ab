"""Which threads take no part in a recording: to them, what stands for floats behaves as the floats."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

_others: set[int] = set()


@contextlib.contextmanager
def only_here() -> Iterator[None]:
    """While the block runs, the threads that were there before it, other than this one, are elsewhere."""
    before = set(_others)
    _others.update(x.ident for x in threading.enumerate() if x.ident is not None)
    _others.discard(threading.get_ident())
    try:
        yield
    finally:
        _others.clear()
        _others.update(before)


def elsewhere() -> bool:
    """Whether the code that asks runs in a thread that takes no part.

    >>> elsewhere()
    False
    """
    return bool(_others) and threading.get_ident() in _others

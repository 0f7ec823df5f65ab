"""How a file of code is called in a sentence."""

from __future__ import annotations

import re
from pathlib import PurePath

_CELL = re.compile(r"ipykernel_\d+[/\\]|<ipython-input-")


def called(file: str) -> str:
    """The name of a file without its folders; a cell of a notebook is called that.

    >>> called("/home/me/mine.py"), called("/tmp/ipykernel_12/3456.py"), called("<stdin>")
    ('mine.py', 'the cell', '<stdin>')
    """
    return "the cell" if _CELL.search(file) else PurePath(file).name

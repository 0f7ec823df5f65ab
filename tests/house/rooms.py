"""The rooms of the house, from the ground up: what each holds, and which rooms it may use.

The rules read this table, and CONTRIBUTING.md shows it: `python -m tests.house.rooms` prints it.
"""

from __future__ import annotations

from typing import NamedTuple


class Room(NamedTuple):
    """A folder or a file of the house."""

    path: str
    holds: str
    uses: tuple[str, ...] = ()


LATE = "autograd/late.py"
NUMBER, GRAPH = "autograd/number", "autograd/graph"
ENGINE = (LATE, NUMBER, GRAPH, "autograd/record", "autograd/tape", "autograd/draw")
FORMULAS = "matrix_backprop"
REPORT, SUBJECT, VERDICT, REASON = "compare/report", "compare/subject", "compare/verdict", "compare/reason"
STEPS = "compare/steps"
CHECK, EXPLAIN, NOTES, DERIVE = "compare/check.py", "compare/explain", "compare/notes", "compare/derive"

ROOMS = [
    Room(LATE, "what is loaded when it is asked for: the names of a face, and what one binds to a room below"),
    Room(
        NUMBER,
        "what a node may hold: `ops.py`, the table of operations, and the number systems; knows no node",
        (LATE,),
    ),
    Room(GRAPH, "the nodes and the chain rule: `value.py`; a recorded graph as arrays of edges", (LATE, NUMBER)),
    Room(
        "autograd/record",
        "NumPy code leaves a graph: arrays of Values in and out, the vocabulary",
        (LATE, NUMBER, GRAPH),
    ),
    Room("autograd/tape", "`Tape`: the same graph as arrays, and its sweeps", (NUMBER, GRAPH)),
    Room("autograd/draw", "a graph as DOT text, as SVG, in a notebook", (NUMBER, GRAPH)),
    Room(FORMULAS, "the matrix formulas (`formulas.py`), networks made of them (`network.py`), data; NumPy alone"),
    Room(REPORT, "what was found, as text and HTML; knows no check", (LATE,)),
    Room(SUBJECT, "code and a point, run in any numbers: a user's functions, a network", (*ENGINE, FORMULAS, REPORT)),
    Room(VERDICT, "what agreement is worth; judges, explains nothing", (*ENGINE, REPORT, SUBJECT)),
    Room(NOTES, "the statements of the lecture notes, executed", (*ENGINE, FORMULAS, REPORT, SUBJECT)),
    Room(STEPS, "both passes, line by line: what each line is", (*ENGINE, REPORT, SUBJECT)),
    Room(
        REASON,
        "which line is mistaken, and what it ought to be; never decides whether",
        (LATE, REPORT, SUBJECT, STEPS),
    ),
    Room(
        CHECK,
        "the doors: `gradcheck`, `check_vjp`, `check_network`",
        (*ENGINE, FORMULAS, REPORT, SUBJECT, VERDICT, REASON),
    ),
    Room(
        DERIVE,
        "the backward pass written out from `matrix_backprop/rules`, and proved",
        (*ENGINE, FORMULAS, REPORT, SUBJECT, VERDICT, REASON, CHECK),
    ),
    Room(
        EXPLAIN,
        "one entry of a gradient term by term; pictures of it",
        (*ENGINE, FORMULAS, REPORT, SUBJECT, STEPS, DERIVE),
    ),
    Room(
        "compare/lesson",
        "the lesson: what its page shows, and the page, which computes anew what a reader moves",
        (*ENGINE, FORMULAS, REPORT, SUBJECT, VERDICT, NOTES, STEPS, CHECK, DERIVE, EXPLAIN),
    ),
    Room(
        "compare/command",
        "the command `backprop-compare`; a user's file; mistakes planted on purpose",
        (*ENGINE, FORMULAS, REPORT, SUBJECT, VERDICT, NOTES, CHECK, EXPLAIN, DERIVE, "compare/lesson"),
    ),
]
FACES = ("autograd/__init__.py", "compare/__init__.py", "compare/__main__.py")  # each on top of its package


def room_of(file: str) -> str:
    """The room that a file is in; a face is on its own, and so is a file outside of all rooms."""
    if file in FACES:
        return file
    return next((room.path for room in ROOMS if f"{file}/".startswith(f"{room.path}/")), file)


def table() -> str:
    """The map of the house in Markdown."""
    rows = [f"| `{room.path}` | {room.holds} | {_shown(room.uses)} |" for room in ROOMS]
    return "\n".join(["| room | what it holds | may use |", "|---|---|---|", *rows]) + "\n"


def _shown(uses: tuple[str, ...]) -> str:
    """The rooms in short: the last part of each, and the whole engine in one word."""
    engine = set(ENGINE) <= set(uses)
    names = [use.rpartition("/")[2].removesuffix(".py") for use in uses if not (engine and use in ENGINE)]
    return ", ".join([*(["the engine"] if engine else []), *names]) or "NumPy alone"


if __name__ == "__main__":
    print(table(), end="")

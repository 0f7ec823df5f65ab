"""The page about a report on anyone's code: any entry as the sum over its consumers, a film of both passes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import Value, gradients, graph
from autograd.record.values import holds_nodes
from compare.lesson.data import LessonError
from compare.lesson.derived import of_code
from compare.lesson.layout import picture
from compare.lesson.scene import Name, Scene, decimal, rows
from compare.report.report import Report
from compare.steps.passes import Passes
from compare.steps.sites import Site
from compare.subject.subject import UserCode

Array = NDArray[Any]

MOST_DRAWN = 200  # scalars in the picture of the graph and the film; of more, the entries and the lines are shown
MOST_SHOWN = 600  # named scalars; more are too many to look at
LONGEST = 24  # characters of an expression that serves as a name


class Steps:
    """The forward pass of one's own code on scalars: J, its arrays by the names that the code gives them, expressions.

    `arrays` are the inputs, what is watched, and what statements leave; `expressions` what stands within them.
    """

    def __init__(self, task: UserCode) -> None:
        passes = Passes(task)
        self.J, inputs, watched, events = passes.on_values()
        self.arrays: dict[str, Any] = dict(inputs)
        known = set(nodes_of(inputs.values()))
        for name, array in watched.items():
            self._add(name, array, known)
        sites: list[tuple[Site, Any]] = [(passes.sites[event.site], event.value) for event in events]
        passed: Counter[str] = Counter()
        for site, x in sites:
            if site.target and holds_nodes(x) and not known.issuperset(nodes_of([x])):
                passed[site.target] += 1
                again = f" (pass {passed[site.target]})" if passed[site.target] > 1 else ""
                self._add(f"{site.target}{again}", x, known)
        self.expressions = [(site.text, x) for site, x in sites if site.target is None and holds_nodes(x)]

    def _add(self, name: str, array: Any, known: set[Value]) -> None:
        self.arrays.setdefault(name, array)
        known.update(nodes_of([array]))

    def names(self, leaves: Iterable[str], with_expressions: bool) -> tuple[dict[Value, Name], dict[str, Any]]:
        """The name of each scalar, and the ids of each array's entries, "" for a plain number."""
        found: dict[Value, Name] = {}
        ids: dict[str, Any] = {}
        leaves = set(leaves)
        for number, (name, array) in enumerate(self.arrays.items()):
            kind = "w" if name in leaves else "a"
            ids[name] = _named(found, array, f"v{number}", name, kind)
        found.setdefault(self.J, Name("J", "J", "J"))
        if with_expressions:
            uses = _uses(self.J)
            for number, (text, array) in enumerate(self.expressions):
                new = [node for node in nodes_of([array]) if node not in found]
                if new and not all(_is_term(node, uses) for node in new):
                    short = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
                    _named(found, array, f"e{number}", _in_brackets(short), "z")
        return found, ids


def nodes_of(arrays: Iterable[Any]) -> list[Value]:
    """The Values in these arrays."""
    return [x for array in arrays for x in np.asarray(array, object).flat if isinstance(x, Value)]


def _named(found: dict[Value, Name], array: Any, id: str, name: str, kind: str) -> list[list[str]]:
    array = np.asarray(array, object)
    for flat, (index, node) in enumerate(np.ndenumerate(array)):
        if isinstance(node, Value) and node not in found:
            label = f"{name}[{','.join(map(str, index))}]" if index else name
            found[node] = Name(f"{id}-{flat}", label, kind)
    return [[found[node].id if isinstance(node, Value) else "" for node in row] for row in _as_matrix(array)]


def _in_brackets(text: str) -> str:
    """An expression that an index can follow."""
    return text if re.fullmatch(r"[\w.]+(\(.*\)|\[.*\])?", text) else f"({text})"


def _uses(J: Value) -> dict[Value, list[Value]]:
    found: dict[Value, list[Value]] = {}
    for node in graph(J):
        for operand in node.operands:
            found.setdefault(operand, []).append(node)
    return found


def _is_term(node: Value, uses: dict[Value, list[Value]]) -> bool:
    """Whether a scalar is nothing but a term of one sum, as w·a is of z = w·a + b."""
    consumers = uses.get(node, [])
    return len(consumers) == 1 and consumers[0].op is not None and consumers[0].op.name in ("add", "sum")


def own_data(report: Report, task: UserCode) -> tuple[dict[str, Any], str]:
    """What the page shows of one's own code, and its graph as SVG; in decimals, as the data of one's own are."""
    steps = Steps(task)
    ours = task.traced(None)[2].ours
    steps.J.backward()
    for with_expressions in (True, False):
        names, ids = steps.names(task.arrays, with_expressions)
        scene = Scene(steps.J, names, decimal)
        if len(scene.drawn) <= MOST_SHOWN:
            break
    else:
        raise LessonError(
            f"the graph of this code has {len(scene.drawn)} scalars, too many to look at (at most {MOST_SHOWN}): run"
            " the check on smaller arrays, and give the arrays in between a name"
        )
    nodes = scene.as_data()
    shown = [_shown(report, name, array, ids[name], ours.get(name)) for name, array in steps.arrays.items()]
    order = [scene.names[node].id for node in scene.drawn if node.op is not None]
    leaves = [scene.names[node].id for node in scene.drawn if node.op is None]
    film = {"forward": order, "backward": [*reversed(order), *leaves]}
    for array in shown:
        array["leaf"] = array["name"] in task.arrays
    own = {
        "arrays": shown,
        "nodes": nodes,
        "program": scene.program(),
        "film": film,
        "derived": of_code(task, list(steps.arrays)),
    }
    return {"own": own}, picture([scene], list(nodes)) if len(nodes) <= MOST_DRAWN else ""


def _shown(report: Report, name: str, array: Any, ids: Any, ours: Any) -> dict[str, Any]:
    """An array: the user's gradient where there is one, else the chain rule's, and which entries differ."""
    true = np.asarray(gradients(np.asarray(array, object)), float)
    row = next((row for row in report.rows if row.name == name), None)
    usable = ours is not None and np.shape(ours) == true.shape
    given = np.asarray(ours if usable else true, float)
    differs = row is not None and not row.ok
    differ = ~np.isclose(given, true, rtol=1e-9, atol=1e-12) if differs else np.zeros(true.shape, bool)
    wrong = [list(map(int, place)) for place in np.argwhere(_as_matrix(differ))]
    return {"name": name, "rows": rows(_as_matrix(given), decimal), "ids": ids, "wrong": wrong, "yours": usable}


def _as_matrix(array: Any) -> Any:
    """Any array as one of two axes."""
    array = np.asarray(array)
    return array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)


def reasons(report: Report) -> str:
    """Why the wrong gradients are wrong, as HTML."""
    sentences = report.reasons
    if not sentences:
        return ""
    return '<div class="says">' + "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences) + "</div>"


def as_json(data: Any) -> str:
    """JSON that can stand in a script element."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")

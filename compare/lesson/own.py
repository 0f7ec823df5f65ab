"""The page about a report on anyone's code: any entry as the sum over its consumers, a film of both passes."""

from __future__ import annotations

import json
from html import escape
from typing import Any

import numpy as np

from autograd import Value
from compare.lesson.data import LessonError
from compare.lesson.scene import Name, Scene, decimal, picture, rows
from compare.report.report import Report
from compare.subject.subject import UserCode

MOST_DRAWN = 120  # scalars; more are too many to look at


def own_data(report: Report, task: UserCode) -> tuple[dict[str, Any], str]:
    """What the page shows of one's own code, and its graph as SVG; in decimals, as the data of one's own are."""
    J, arrays, sides = task.traced(None)
    names: dict[Value, Name] = {}
    ids: dict[str, list[list[str]]] = {}
    for number, (name, found) in enumerate(arrays.items()):
        array = np.asarray(found, object)
        leaf = name in task.arrays
        for flat, (index, node) in enumerate(np.ndenumerate(array)):
            if isinstance(node, Value) and node not in names:
                label = f"{name}[{','.join(map(str, index))}]" if index else name
                names[node] = Name(f"v{number}-{flat}", label, "w" if leaf else "a")
        ids[name] = [[names[node].id if isinstance(node, Value) else "" for node in row] for row in _as_matrix(array)]
    names.setdefault(J, Name("J", "J", "J"))
    scene = Scene(J, names, decimal)
    if len(scene.drawn) > MOST_DRAWN:
        raise LessonError(
            f"the graph of this code has {len(scene.drawn)} scalars, too many to look at (at most {MOST_DRAWN}): run"
            " the check on smaller arrays, and give the arrays in between a name with `watch`"
        )
    shown = []
    for name in arrays:
        ours, true = sides.ours.get(name), np.asarray(sides.chain[name], float)
        row = next((row for row in report.rows if row.name == name), None)
        usable = ours is not None and np.shape(ours) == true.shape
        given = np.asarray(ours if usable else true, float)
        differs = row is not None and not row.ok
        differ = ~np.isclose(given, true, rtol=1e-9, atol=1e-12) if differs else np.zeros(true.shape, bool)
        wrong = [list(map(int, place)) for place in np.argwhere(_as_matrix(differ))]
        shown.append({"name": name, "rows": rows(_as_matrix(given), decimal), "ids": ids[name], "wrong": wrong})
    nodes = scene.as_data()
    order = [scene.names[node].id for node in scene.drawn if node.op is not None]
    leaves = [scene.names[node].id for node in scene.drawn if node.op is None]
    film = {"forward": order, "backward": [*reversed(order), *leaves]}
    return {"own": {"arrays": shown, "nodes": nodes, "film": film}}, picture([scene], list(nodes), "LR", in_order=False)


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

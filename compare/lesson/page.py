"""The page: its templates filled with what the engine, the formulas and the checks give."""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from autograd import Exact, Value
from compare.check import check_network
from compare.lesson.data import (
    Run,
    example,
    facts,
    network_data,
    refuse_too_large,
    runs,
)
from compare.lesson.derived import of_network
from compare.lesson.layout import picture
from compare.lesson.mistakes import planted
from compare.lesson.own import as_json, own_data, reasons
from compare.lesson.scene import Name, Scene, decimal, fraction, signed
from compare.notes.claims import Claim
from compare.notes.shown import contradictions
from compare.report.report import Report, counted
from compare.subject.graph import sub
from compare.subject.network import NetworkSubject, describe
from compare.subject.subject import UserCode
from matrix_backprop import Network

C2 = [Exact(k) / 2 for k in range(-6, 7)]  # the x to choose from
C2_START = 12  # x = 3


@dataclass(frozen=True)
class Lesson:
    """A page: its `html`, and what it is about."""

    title: str
    html: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page in one step, so that no reader finds half of it; returns the path."""
        path = Path(path)
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            part.write_text(self.html, encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    def __repr__(self) -> str:
        return f"<Lesson: {self.title}, {len(self.html.encode()) // 1024} kB; .save('lesson.html')>"


def teach(
    net: Network,
    X: ArrayLike,
    Y: ArrayLike,
    data: str = "",
    seed: int = 0,
) -> Lesson:
    """The lesson about one network and its data, X of shape (n_0, m) and Y of shape (n_L, m).

    >>> net, X, Y = example([2, 3, 1])
    >>> teach(net, X, Y).title
    'network 2-3-1 (tanh, sigmoid), 2 observations'

    `data` says in words where X and Y are from. Raises LessonError (a ValueError) for a network that is too large to
    look at or has no hidden layer, and for formulas that do not give what the chain rule gives; ValueError as
    `check_network` does. Source: A1 to E7, in the order of the notes.
    """
    X, Y = np.asarray(X), np.asarray(Y)
    refuse_too_large(net.sizes, X.shape[-1])
    report = check_network(net, X, Y, seed=seed)
    main = runs(net, X, Y)
    one, X1, Y1 = example([3, 1], observations=4, seed=seed)
    logistic = runs(one, X1, Y1)
    title = f"{describe(net)}, {counted(X.shape[1], 'observation')}"
    shown = {
        "c2": _chain_rule(),
        "nets": {
            "main": {**facts(net, X.shape[1]), **_both(main), "film": _film(main), "derived": of_network(net, X, Y)},
            "logistic": {**facts(one, X1.shape[1]), **_both(logistic)},
        },
        "mistakes": planted(net, main, X.shape[1]),
    }
    templates = {
        "c2": _chain_rule_picture(),
        **_pictures("main", main),
        **_pictures("logistic", logistic),
    }
    about = f"{describe(net)}, with {counted(X.shape[1], 'observation')}{f' from {data}' if data else ''}"
    filled = {
        "css": _resource("page.css"),
        "js": _script("engine", "mover", "path", "explorer", "derivation", "mistakes"),
        "title": "Why the matrix formula holds",
        "m": str(X.shape[1]),
        "sizes": ", ".join(f"n{sub(layer)} = {n}" for layer, n in enumerate(net.sizes)),
        "activations": ", ".join(dict.fromkeys(net.activations)),
        "about": f"The network of this page: {escape(about)}.",
        "logistic": f"Here is one with {counted(3, 'input')} and {counted(X1.shape[1], 'observation')}.",
        "c2_last": str(len(C2) - 1),
        "c2_start": str(C2_START),
        "slips": "".join(map(_slip, _contradictions())),
        "verdicts": _verdicts(report),
        "templates": "".join(
            f'<template id="svg-{name}">{_for_page(svg)}</template>\n' for name, svg in templates.items()
        ),
        "data": as_json(shown),
    }
    return Lesson(title, _filled("page.html", filled))


def lesson(report: Report) -> Lesson:
    """The lesson about what a report is on: a network, or anyone's own functions.

    >>> from compare import gradcheck
    >>> report = gradcheck(lambda w: np.sum(w**2), lambda w: 2 * w, np.array([1.0, -2.0]))
    >>> lesson(report).html.startswith("<!DOCTYPE html>")
    True

    For a network it is that of `teach`. For own functions it shows any entry of a parameter or a watched array as the
    sum over its consumers, a film of both passes, and what the checker found. Raises LessonError for what is too large
    to look at, and ValueError for a report that no check made.
    """
    if isinstance(report.subject, UserCode):
        data, svg = own_data(report, report.subject)
        filled = {
            "css": _resource("page.css"),
            "js": _script("engine", "mover", "derivation", "own"),
            "title": escape(report.title),
            "summary": escape(report.summary),
            "verdicts": _verdicts(report),
            "reasons": reasons(report),
            "templates": f'<template id="svg-own">{_for_page(svg)}</template>' if svg else "",
            "data": as_json(data),
        }
        return Lesson(report.title, _filled("own.html", filled))
    if not isinstance(report.subject, NetworkSubject):
        raise ValueError("this report was not made by a check, so there is nothing to show a lesson about")
    return teach(*report.subject.copied())


def _filled(name: str, parts: dict[str, str]) -> str:
    page = re.sub(r"\{\{(head|key|end)\}\}\n", lambda found: _resource(f"{found[1]}.html"), _resource(name))
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _with_formulas(page))


def _resource(name: str) -> str:
    return (resources.files(__package__) / "web" / name).read_text(encoding="utf-8")


def _script(*parts: str) -> str:
    """The page's own JavaScript: what all pages need, and the parts of this one."""
    return "\n".join(_resource(f"{name}.js") for name in ("base", "film", *parts, "main"))


def _with_formulas(page: str) -> str:
    r"""The page with its LaTeX, \(…\) within a line and \[…\] on a line, as MathML."""
    from latex2mathml.converter import convert  # slow to import, needed for a page only

    page = re.sub(r"\\\((.+?)\\\)", lambda found: _marked(convert(found[1])), page)
    return re.sub(
        r"\\\[(.+?)\\\]",
        lambda found: f'<div class="formula">{_marked(convert(found[1], display="block"))}</div>',
        page,
    )


def _marked(math: str) -> str:
    """MathML whose symbols say what they are, so that the page can light them up with the matrices and the graph."""
    fractions: list[str] = []

    def fraction(found: re.Match[str]) -> str:
        below = re.search(r"<mi>([azwb])</mi>", found[0].rpartition("</mrow><mrow>")[2])
        kind = "" if below is None else f' data-sym="dJd{below[1].replace("w", "W")}"'
        fractions.append(found[0].replace("<mfrac>", f"<mfrac{kind}>"))
        return f"{{{len(fractions) - 1}}}"

    math = re.sub(r"<mfrac>.*?</mfrac>", fraction, math)
    math = re.sub(r"<(msub|msup|msubsup)><mtext>(\w+)</mtext>", r'<\1 data-sym="\2"><mtext>\2</mtext>', math)
    math = re.sub(r"<(msub|msup|msubsup)><mi>([aW])</mi>", r'<\1 data-sym="\2"><mi>\2</mi>', math)
    math = re.sub(r"<(msub|msup|msubsup)><mi>w</mi>", r'<\1 data-sym="W"><mi>w</mi>', math)
    math = re.sub(r"(?<!\">)<(mtext|mi)>(dJd\w|dadz|W)</", r'<\1 data-sym="\2">\2</', math)
    return re.sub(r"\{(\d+)\}", lambda found: fractions[int(found[1])], math)


def _scenes(both: dict[str, Run]) -> list[Scene]:
    return [run.scene for run in both.values()]


def _both(both: dict[str, Run]) -> dict[str, Any]:
    return {mode: network_data(run) for mode, run in both.items()}


def _pictures(net: str, both: dict[str, Run]) -> dict[str, str]:
    """One picture for each observation: its inputs, z, a and cost, without the parameters, which all share."""
    scene, graph = both["decimal"].scene, both["decimal"].graph
    found = {}
    for i, cost in enumerate(graph.costs.flat, 1):
        reached = Scene(cost, {}, decimal).whole
        ids = [name.id for node, name in scene.names.items() if node in reached and name.kind not in ("w", "b")]
        found[f"{net}-{i}"] = picture(_scenes(both), ids)
    return found


def _film(both: dict[str, Run]) -> dict[str, list[str]]:
    return _order(both["decimal"].scene)


def _order(scene: Scene) -> dict[str, list[str]]:
    """The ids in the order in which values, and then gradients, are computed; of inputs no gradient is wanted."""
    forward = [node for node in scene.drawn if node.op is not None]
    leaves = [node for node in scene.drawn if node.op is None and scene.names[node].kind in ("w", "b")]
    backward: list[Value] = []
    done: set[Value] = set()
    for node in reversed(forward):
        backward.append(node)
        done.add(node)
        ready = [leaf for leaf in leaves if leaf not in done and {scene.whole[y] for y in scene.uses[leaf]} <= done]
        backward += sorted(ready, key=lambda leaf: scene.names[leaf].kind)
        done.update(ready)
    return {
        "forward": [scene.names[node].id for node in forward],
        "backward": [scene.names[node].id for node in backward],
    }


# The worked example C2


def _chain_rule_scene(x: Any, mode: str) -> Scene:
    if mode == "decimal":
        x = x.shadow()
    node = Value(x, label="x")
    g1 = node**2
    g2 = 1 * node  # a scalar of its own, so that both ways from x to f can be seen
    f = 2 * g1 + g2
    g1.label, g2.label, f.label = "g₁", "g₂", "f"
    names = {node: Name("x", "x", "a"), g1: Name("g1", "g₁", "z"), g2: Name("g2", "g₂", "z"), f: Name("f", "f", "J")}
    return Scene(f, names, decimal if mode == "decimal" else fraction)


def _chain_rule() -> dict[str, Any]:
    """C2 for every x that can be chosen, and 4x + 1 computed directly."""
    order = _order(_chain_rule_scene(C2[C2_START], "fraction"))
    found: dict[str, Any] = {"film": {**order, "backward": [*order["backward"], "x"], "of": "f"}}
    for mode, number in (("decimal", decimal), ("fraction", fraction)):
        found[mode] = []
        for x in C2:
            scene = _chain_rule_scene(x, mode)
            x = x if mode == "fraction" else x.shadow()
            nodes = scene.as_data()
            nodes["f"]["how"] = f"2·{number(x**2)} + {signed(number(x))}"
            direct = f"4·{signed(number(x))} + 1 = {number(4 * x + 1)}"
            found[mode].append({"x": number(x), "nodes": nodes, "direct": direct})
    return found


def _chain_rule_picture() -> str:
    scenes = [_chain_rule_scene(x, mode) for mode in ("decimal", "fraction") for x in C2]
    return picture(scenes, ["x", "g1", "g2", "f"])


# What is written as HTML


def _for_page(svg: str) -> str:
    """The picture as a part of the page: as wide as it is, and for the page to say what it shows."""
    svg = re.sub(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', r'<svg width="\1" height="\2"', svg, count=1)
    return re.sub(r"(<g class=\"graph\"[^>]*>\n)<title>[^<]*</title>\n", r"\1", svg)


@functools.cache
def _contradictions() -> list[Claim]:
    return contradictions()


def _slip(claim: Claim) -> str:
    assert claim.as_written is not None and claim.that_holds is not None
    readings = "".join(
        f'<div class="reading {kind}"><p><span class="mark">{mark}</span> <strong>{title}:</strong>'
        f" {escape(reading.statement)}</p><p class='evidence'>{escape(reading.evidence)}</p></div>"
        for kind, mark, title, reading in (
            ("fails", "✗", "as written, " + claim.as_written.verdict, claim.as_written),
            ("holds", "✓", "that " + claim.that_holds.verdict, claim.that_holds),
        )
    )
    return f'<article id="{claim.id}"><h3>{claim.id}: {escape(claim.statement)}</h3>{readings}</article>'


def _verdicts(report: Report) -> str:
    of_formulas = any(row.formula for row in report.rows)
    rows = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th>'
        + (f"<td>{escape(row.statement)}</td><td><code>{escape(row.formula)}</code></td>" if of_formulas else "")
        + f"<td>{row.equal} of {row.size}</td><td>{'✓' if row.ok else '✗'} {escape(row.verdict)}</td></tr>"
        for row in report.rows
    )
    titles = ("gradient", *(("statement", "formula") if of_formulas else ()), "equal", "verdict")
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    sentences = "".join(f"<p>{escape(sentence)}</p>" for sentence in report.evidence)
    return f'<table class="plain"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{sentences}'

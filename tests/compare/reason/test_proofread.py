"""Proof-reading: every line is read, mistakes are told apart, and what cannot be found is not invented."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

from compare import check_vjp, gradcheck, proofread
from compare.report.lines import Line, Mistake, Reading
from compare.subject.usercode import UnusableCode
from tests.compare.reason.programs import checked, source_of

rng = np.random.default_rng(5)
X, Y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
params = {"W1": rng.normal(size=(3, 4)), "W2": rng.normal(size=(4, 2))}


def cost(p: Any, X: Any, Y: Any) -> Any:
    h = np.tanh(X @ p["W1"])
    return 0.5 * np.sum((h @ p["W2"] - Y) ** 2)


def gradients(p: Any, X: Any, Y: Any) -> Any:
    h = np.tanh(X @ p["W1"])
    dy = h @ p["W2"] - Y
    dW2 = h.T @ dy
    dh = dy @ p["W2"].T
    dz = dh * (1 - h**2)
    return {"W1": X.T @ dz, "W2": dW2}


def without_slope(p: Any, X: Any, Y: Any) -> Any:
    h = np.tanh(X @ p["W1"])
    dy = h @ p["W2"] - Y
    dW2 = h.T @ dy
    dh = dy @ p["W2"].T
    return {"W1": X.T @ dh, "W2": dW2}


def twice_wrong(p: Any, X: Any, Y: Any) -> Any:
    h = np.tanh(X @ p["W1"])
    dy = h @ p["W2"] - Y
    dW2 = 3 * h.T @ dy
    dh = dy @ p["W2"].T
    dz = dh * (1 - h)
    return {"W1": X.T @ dz, "W2": dW2}


def line_of(function: Any, number: int) -> int:
    return int(function.__code__.co_firstlineno + number)


def test_every_line_of_right_code_is_read() -> None:
    reading = proofread(cost, gradients, params, X, Y)
    assert reading and not reading.mistakes
    first = line_of(gradients, 1)
    assert [line.number for line in reading] == [*range(first, first + 6)]
    assert {line.status for line in reading} == {"right"}
    says = [line.says for line in reading]
    assert says[0].startswith("`h` (line ") and "forward" in says[0]
    assert says[2:5] == ["dJ/dW2", "dJ/dh", "dJ/d(X @ p['W1'])"]


def test_the_text_of_a_reading_has_each_line_with_its_mark() -> None:
    text = str(proofread(cost, without_slope, params, X, Y))
    lines = text.splitlines()
    assert lines[0] == "without_slope against the chain rule over cost"
    assert sum("✗" in line for line in lines) == 1
    number = str(line_of(without_slope, 4))
    (wrong,) = [k for k, line in enumerate(lines) if line.split()[:1] == [number]]
    (right,) = [k for k, line in enumerate(lines) if line.strip().startswith("+ ")]
    assert "✗" in lines[wrong] and right > wrong
    assert re.search(r"dh = dy @ .* \* \(1 - h ?\*\* ?2\)", lines[right])


def test_the_reading_of_a_layer_is_told_from_that_of_a_cost() -> None:
    def forward(x: Any, w: Any) -> Any:
        return x @ w, (x, w)

    def backward(dout: Any, cache: Any) -> Any:
        x, w = cache
        return dout @ w.T, x.T @ dout

    reading = proofread(forward, backward, (X, params["W1"]))
    assert len(reading) == 2 and {line.status for line in reading} == {"right"}


def test_two_mistakes_are_told_apart_each_with_what_it_spoils() -> None:
    report = gradcheck(cost, twice_wrong, params, X, Y, raise_exception=False)
    found = {mistake.line: mistake for mistake in report.mistakes}
    assert found.keys() == {line_of(twice_wrong, 3), line_of(twice_wrong, 5)}
    assert found[line_of(twice_wrong, 3)].names == ("W2",)
    assert found[line_of(twice_wrong, 5)].names == ("W1",)
    assert len(report.reasons) == 2
    assert report.why("W2") == found[line_of(twice_wrong, 3)].sentence
    assert report.why("W1") == found[line_of(twice_wrong, 5)].sentence


def test_what_works_on_a_mistake_follows_from_it() -> None:
    source = source_of("two layers").replace("dH = p", "dH = 2 * p")
    report = checked("two layers with a factor", source)
    status = {line.source.split(" = ")[0]: line.status for line in report.lines}
    assert status["dH"] == "mistake"
    assert {name for name, x in status.items() if x == "follows"} >= {"dA", "dW1", "db1"}
    assert {status[name] for name in ("dS", "dW2", "db2")} == {"right"}


def test_a_statement_that_slipped_into_a_loop_is_moved_out() -> None:
    def forward(x: Any, w: Any) -> Any:
        out = 0.0
        for row in x:
            out = out + np.exp(row @ w) / len(x)
        return out, (x, w)

    def backward(dout: Any, cache: Any) -> Any:
        x, w = cache
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        for k, row in enumerate(x):
            slope = dout * np.exp(row @ w)
            dx[k] = slope * w / len(x)
            dw += slope * row
            dw /= len(x)
        return dx, dw

    report = check_vjp(forward, backward, (X, rng.normal(size=3)), raise_exception=False)
    (mistake,) = report.mistakes
    assert (mistake.line, mistake.place, mistake.names) == (line_of(backward, 7), "moved", ("w",))
    assert "after the loop" in mistake.says


def test_a_statement_that_must_go() -> None:
    def wrong(p: Any, X: Any, Y: Any) -> Any:
        h = np.tanh(X @ p["W1"])
        dy = h @ p["W2"] - Y
        dz = dy @ p["W2"].T * (1 - h**2)
        dW2 = h.T @ dy
        dW2 += h.T @ h[:, 1:3]
        return {"W1": X.T @ dz, "W2": dW2}

    report = gradcheck(cost, wrong, params, X, Y, raise_exception=False)
    (mistake,) = report.mistakes
    assert (mistake.line, mistake.should, mistake.names) == (line_of(wrong, 5), "pass", ("W2",))
    assert mistake.sentence.startswith(f"line {mistake.line}, `{mistake.source}`, must go")
    assert mistake.pair == [("-", mistake.source)]


def test_no_line_is_invented_where_no_edit_mends_it() -> None:
    def wrong(p: Any, X: Any, Y: Any) -> Any:
        found = gradients(p, X, Y)
        noise = np.cos(np.arange(8.0) ** 2).reshape(4, 2)
        found["W2"] = noise
        return found

    report = gradcheck(cost, wrong, params, X, Y, raise_exception=False)
    assert not report and report["W1"].ok
    assert all(mistake.names in ((), ("W2",)) for mistake in report.mistakes)


# What hides a mistake, or the code


def test_a_mistake_that_zeros_hide_is_found_where_it_shows() -> None:
    behind_zeros = {**params, "W2": np.zeros((4, 2))}
    report = gradcheck(cost, without_slope, behind_zeros, X, Y, raise_exception=False)
    assert not report
    (mistake,) = report.mistakes
    assert mistake.names == ("W1",)
    assert re.search(r"1 - h ?\*\* ?2|1 - h \* h", mistake.should), mistake.should


def test_code_without_source_has_remarks_and_no_lines() -> None:
    names: dict[str, Any] = {"np": np}
    exec("def cost(w):\n    return np.sum(w**3)\ndef gradients(w):\n    return w**2\n", names)
    report = gradcheck(names["cost"], names["gradients"], rng.normal(size=4), raise_exception=False)
    assert not report.lines and not report.mistakes
    assert "the source of your code is not at hand, so no line of it can be named" in report.remarks
    with pytest.raises(UnusableCode, match="the source of gradients is not at hand"):
        proofread(names["cost"], names["gradients"], rng.normal(size=4))


def test_a_search_that_stops_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("WORK", "WORK_OF_AIMS"):
        monkeypatch.setattr(f"compare.reason.bench.{bound}", 1)
    report = gradcheck(cost, without_slope, params, X, Y, raise_exception=False)
    assert not report
    assert "the search for the mistake stopped before everything was tried" in report.remarks


def test_without_a_diagnosis_nothing_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compare.reason.diagnosis.diagnosis", None)
    report = gradcheck(cost, without_slope, params, X, Y, raise_exception=False, diagnose=False)
    assert not report and not report.mistakes and not report.reasons and not report.lines


# In JSON, in a page


def test_lines_and_mistakes_are_in_the_json() -> None:
    report = gradcheck(cost, without_slope, params, X, Y, raise_exception=False)
    found = json.loads(report.to_json())
    assert [line["number"] for line in found["lines"]] == [line.number for line in report.lines]
    assert {line["status"] for line in found["lines"]} >= {"right", "mistake"}
    (mistake,) = found["mistakes"]
    assert (mistake["line"], mistake["names"]) == (report.mistakes[0].line, ["W1"])
    assert mistake["should"] == report.mistakes[0].should and mistake["source"] and mistake["says"]
    assert found["remarks"] == list(report.remarks)


def test_a_reading_is_a_sequence_that_is_true_without_mistakes() -> None:
    line = Line(3, "dz = a < y", "mistake", "a sign is wrong", ("dz",))
    mistake = Mistake(3, "dz = a < y", "a sign is wrong", "dz = a - y", ("W",))
    reading = Reading("mine & yours", [line], [mistake])
    assert not reading and Reading("mine", [line])
    assert (len(reading), reading[0], list(reading[:1])) == (1, line, [line])
    page = reading._repr_html_()
    assert "mine &amp; yours" in page and "dz = a &lt; y" in page and "dz = a - y" in page
    assert json.loads(reading.to_json())["mistakes"][0]["should"] == "dz = a - y"

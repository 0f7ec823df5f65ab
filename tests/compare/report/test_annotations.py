"""`--format github`: one annotation for each mistake, at its file and line, in the form that GitHub reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compare.report.annotations import as_annotations, error
from compare.report.lines import Mistake, Reading
from compare.report.report import DIFFERENT, PROVED, Mismatch, Report, Row

ANNOTATION = re.compile(r"::(error|notice) ?((?:\w+=[^,:\r\n]*,?)*)::([^\r\n]*)")  # as GitHub's runner reads them


def read(line: str) -> tuple[str, dict[str, str], str]:
    found = ANNOTATION.fullmatch(line)
    assert found, line
    return found[1], dict(pair.split("=", 1) for pair in found[2].split(",") if pair), found[3]


@pytest.mark.parametrize(
    ("mistake", "title", "message"),
    [
        (Mistake(7, "a", "why", "b", ("x",)), "dx is wrong", "ought to be `b`%0Awhy"),
        (Mistake(7, "a", "why", "pass", ("x", "y")), "dx%2C dy are wrong", "this line must go%0Awhy"),
        (Mistake(7, "a", "why", "b += 1", ("x",), "after"), "dx is wrong", "after this line `b += 1` is missing%0Awhy"),
        (Mistake(7, "a", "why", "a", ("x",), "moved"), "dx is wrong", "why"),
        (Mistake(7, "a", "why", "", ()), "a mistaken line", "why"),
        (Mistake(7, "a", "50%\nof it", "", ()), "a mistaken line", "50%25%0Aof it"),
    ],
)
def test_a_mistake_is_an_error_at_its_line(mistake: Mistake, title: str, message: str) -> None:
    lines = as_annotations(Reading("mine", [], [mistake]), Path("x.py"))
    assert [read(line) for line in lines] == [("error", {"file": "x.py", "line": "7", "title": title}, message)]


def test_a_file_below_the_working_directory_is_named_from_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert error("no", tmp_path / "layers" / "x.py") == "::error file=layers/x.py::no"
    assert error("no", "/elsewhere/x.py") == "::error file=/elsewhere/x.py::no"
    assert error("no") == "::error::no"


def test_what_no_line_explains_is_an_error_of_the_file_and_what_passes_a_notice() -> None:
    wrong = Row("W", "", "", (2,), 1, 2, DIFFERENT, mismatches=(Mismatch((1,), "3", "4"),))
    kind, properties, message = read(as_annotations(Report("t", [wrong], ours="yours is"), Path("x.py"))[0])
    assert (kind, properties) == ("error", {"file": "x.py", "title": "dW is different"})
    assert message.endswith("%0Aat [1] yours is 3, the chain rule 4")
    right = Report("t", [Row("dJdW[1]", "", "", (2,), 2, 2, PROVED)])
    assert read(as_annotations(right)[0]) == ("notice", {"title": "t"}, right.summary)

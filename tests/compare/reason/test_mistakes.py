"""The mistaken line is named, and the line as it ought to read is right: the corrected program passes the check."""

from __future__ import annotations

import functools
import re

import pytest

from compare import Report
from compare.report.lines import Mistake
from tests.compare.reason.programs import CASES, PROGRAMS, Case, checked, source_of


@functools.cache
def report_of(case: Case) -> Report:
    return checked(str(case), case.source)


def corrected(source: str, mistake: Mistake) -> str:
    """The source with the line as it ought to read."""
    lines = source.splitlines()
    line = lines[mistake.line - 1]
    indent = line[: len(line) - len(line.lstrip())]
    new = [indent + mistake.should]
    lines[mistake.line - 1 : mistake.line] = [line, *new] if mistake.place == "after" else new
    return "\n".join(lines) + "\n"


def bare(code: str) -> str:
    """Code without spaces, brackets and quotes of one kind."""
    return re.sub(r"[\s()]", "", code).replace('"', "'")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_right_program_is_not_accused(program: str) -> None:
    report = checked(program, source_of(program))
    assert report
    assert not report.mistakes and not report.remarks
    assert {line.status for line in report.lines} <= {"right", ""}, str(report.lines)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_line_is_named_and_what_it_ought_to_be_is_right(case: Case) -> None:
    report = report_of(case)
    assert not report
    assert len(report.mistakes) == len(report.reasons) == 1, report.reasons  # one cause is told once
    (mistake,) = report.mistakes
    assert mistake.line in case.lines, mistake.sentence
    assert mistake.source == case.source.splitlines()[mistake.line - 1].strip()
    assert {*mistake.names} == {row.name for row in report.differing}  # and with it all that it spoils
    assert checked(f"{case}, corrected", corrected(case.source, mistake), diagnose=False), mistake.sentence
    assert [line.number for line in report.lines if line.status == "mistake"] == [mistake.line]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_said_of_it_is_true(case: Case) -> None:
    (mistake,) = report_of(case).mistakes
    for words, kind in (("sign", "sign"), ("wrong order", "forwards"), ("mask", "mask"), ("wrong axis", "sum")):
        assert words not in mistake.says or kind in case.kind, mistake.says
    for code, line in re.findall(r"`([^`]*)` \(line (\d+)\)", mistake.says):
        assert bare(code) in bare(case.source.splitlines()[int(line) - 1]), mistake.says
    names = re.search(r"mended, (.*) becomes? exactly right", mistake.says)
    assert names is not None
    assert {*re.split(", | and ", names[1])} == {f"d{name}" for name in mistake.names}

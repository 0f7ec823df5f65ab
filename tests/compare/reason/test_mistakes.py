"""The mistaken line is named, and the line as it ought to read is right: the corrected program passes the check."""

from __future__ import annotations

import functools
import re

import pytest

from compare import Report
from compare.report.lines import Mistake
from tests.compare.reason.programs import CASES, PROGRAMS, RNG, Case, checked, source_of


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


LATE_MEAN = """
def cost(p, X, Y):
    A = np.tanh(X.T @ p["W1"] + p["b1"])
    P = 1 / (1 + np.exp(-(A @ p["W2"] + p["b2"])))
    return -np.sum(Y * np.log(P) + (1 - Y) * np.log(1 - P)) / X.shape[1]


def gradients(p, X, Y):
    n = X.shape[1]
    A = np.tanh(X.T @ p["W1"] + p["b1"])
    P = 1 / (1 + np.exp(-(A @ p["W2"] + p["b2"])))
    dS = P - Y
    dW2 = A.T @ dS / n
    db2 = np.sum(dS, axis=0) / n
    dZ = dS @ p["W2"].T * (1 - A**2)
    dW1 = X @ dZ / n
    db1 = np.sum(dZ, axis=0) / n
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


params = {
    "W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4),
    "W2": rng.normal(size=(4, 2)), "b2": rng.normal(size=2),
}
args = (rng.normal(size=(3, 5)), np.array([[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
"""


def test_two_mistakes_where_the_mean_comes_last_are_told_as_they_are() -> None:
    """The first line is meant to be n times a gradient, as those before it are: the 1/n is missing in the second."""
    right = f"import numpy as np\n\n{RNG}{LATE_MEAN}"
    assert checked("late mean", right)
    wrong = right.replace("(1 - A**2)", "(1 - np.tanh(A) ** 2)").replace("np.sum(dZ, axis=0) / n", "np.sum(dZ, axis=0)")
    report = checked("late mean, wrong", wrong)
    assert [bare(mistake.source) for mistake in report.mistakes] == [
        bare("""dZ = dS @ p["W2"].T * (1 - np.tanh(A) ** 2)"""),
        "db1=np.sumdZ,axis=0",
    ]
    assert [bare(mistake.should) for mistake in report.mistakes] == [
        bare("""dZ = dS @ p["W2"].T * (1 - A ** 2)"""),
        "db1=np.sumdZ,axis=0/n",
    ]


PENALTY = """
def cost(W, X):
    return 0.5 * np.sum((X @ W) ** 2) - np.sum(W**3)


def gradients(W, X):
    G = X.T @ (X @ W)
    G -= 3 * W**2
    return G


params = rng.normal(size=(3, 2))
args = (rng.normal(size=(4, 3)),)
"""
ATTENDED = """
def forward(x, U):
    s = x.mean(axis=1)
    g = 1 / (1 + np.exp(-(s @ U)))
    return x * g[:, None, :], (x, U, s, g)


def backward(dout, cache):
    x, U, s, g = cache
    dz = (dout * x).sum(axis=1) * g * (1 - g)
    dU = s.T @ dz
    ds = dz @ U.T
    dx = dout * g[:, None, :] + ds[:, None] / x.shape[1]
    return dx, dU


inputs = (rng.normal(size=(2, 5, 4)), rng.normal(size=(4, 4)))
"""


@pytest.mark.parametrize(
    ("program", "right", "wrong", "should", "says"),
    [
        (PENALTY, "G -= 3 * W**2", "G += 3 * W**2", "G -= 3 * W**2", "a sign is wrong"),
        (PENALTY, "G -= 3 * W**2", "G = 3 * W**2", "G -= 3 * W**2", "contributions of several uses add up"),
        (
            ATTENDED,
            " + ds[:, None] / x.shape[1]",
            "",
            "dx = dout * g[:, None, :] + ds[:, None] / x.shape[1]",
            "the term `ds[:, None] / x.shape[1]` is left out",
        ),
    ],
    ids=["sign", "set, not added", "use left out"],
)
def test_the_reason_is_what_differs(program: str, right: str, wrong: str, should: str, says: str) -> None:
    source = f"import numpy as np\n\n{RNG}{program}"
    assert checked("right", source)
    report = checked("wrong", source.replace(right, wrong))
    (mistake,) = report.mistakes
    assert mistake.should == should and mistake.says.startswith(says)

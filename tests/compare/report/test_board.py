"""Both passes on a board: beside each other where there is room, below each other where there is none."""

from __future__ import annotations

import pytest
from rich.text import Text

from compare.report.board import Board
from compare.report.lines import MISTAKE, RIGHT, Line, Mistake, Reading, backwards
from compare.report.table import CSS, as_text

FORWARD = [
    Line(2, "z = np.dot(W, x) + b", ""),
    Line(3, "for t in range(T):", ""),
    Line(4, "    h = np.tanh(z + h)", ""),
    Line(5, "    y = U @ h", ""),
    Line(6, "return np.sum(y < 1)", ""),
]
LINES = [
    Line(9, "x, W, h = cache", RIGHT, "`x` of the forward pass"),
    Line(10, "dh = U.T @ dy", RIGHT, "dJ/dh", ("dh",), of=4),
    Line(11, "more = 1 - h**2", "", ""),
    Line(12, "dz = dh * (1 - h)", MISTAKE, "a mistake", ("dz",), of=2),
    Line(13, "return dz @ x.T", ""),
]
WRONG = Mistake(12, "dz = dh * (1 - h)", "the factor `h` is left out", "dz = dh * (1 - h**2)")


def reading() -> Reading:
    return Reading("mine", LINES, [WRONG], forward=lambda: FORWARD)


def test_the_last_forward_line_comes_first_and_each_has_its_lines_beside_it() -> None:
    rows = [line.split() for line in str(reading().beside()).splitlines()]
    assert rows[0] == ["mine"]
    text = [" ".join(row) for row in rows[1:]]
    assert text == [
        "forward, from the end backward",
        "9 x, W, h = cache ✓ `x` of the forward pass",
        "6 return np.sum(y < 1)",
        "3 for t in range(T):",
        "5 y = U @ h",
        "4 h = np.tanh(z + h) 10 dh = U.T @ dy ✓ dJ/dh",
        "2 z = np.dot(W, x) + b 11 more = 1 - h**2",
        "12 dz = dh * (1 - h) ✗ the factor `h` is left out",
        "+ dz = dh * (1 - h**2) ought to be",
        "13 return dz @ x.T",
    ]


def test_in_a_narrow_place_the_lines_back_stand_below_theirs() -> None:
    lines = as_text(reading().beside(), width=80).splitlines()
    assert "   4      h = np.tanh(z + h)" in lines
    after = lines[lines.index("   4      h = np.tanh(z + h)") + 1]
    assert after.split() == ["10", "dh", "=", "U.T", "@", "dy", "✓", "dJ/dh"]
    assert after.index("dh") > lines[-1].index("13")
    assert not any("from the end" in line for line in lines)


def test_a_word_that_is_too_long_goes_on_in_the_next_line() -> None:
    word = "dz=np.einsum(" + "abcdefgh," * 12 + ")"
    for width in (80, 100):
        text = as_text(
            Reading("long", [Line(9, word, RIGHT, "dJ/dz", of=2)], (), forward=lambda: FORWARD).beside(), width
        )
        assert "…" not in text and max(map(len, text.splitlines())) <= width
        assert text.replace("\n", "").replace(" ", "").count("abcdefgh") >= 10
        assert "…" not in as_text(Reading("long", [Line(9, word, RIGHT, "dJ/dz")]), width)


@pytest.mark.parametrize("width", [60, 80, 99, 100, 120])
def test_it_fits_its_place_and_loses_nothing(width: int) -> None:
    long = [Line(9, "dz = " + " + ".join(["da * (1 - a)"] * 9), RIGHT, "dJ/dz " + "and so on " * 9, of=2)]
    board = Reading("long", long, forward=lambda: [Line(2, "z = " + " + ".join(["W * x"] * 9), "")]).beside()
    text = as_text(board, width)
    assert max(map(len, text.splitlines())) <= width
    assert [text.count(part) for part in ("da", "W", "so", "✓")] == [9, 9, 9, 1]
    beside = any("W" in line and "da" in line for line in text.splitlines())
    assert beside == (width >= 100)


def test_a_notebook_shows_the_same_with_the_code_escaped() -> None:
    page = reading().beside()._repr_html_()
    assert "return np.sum(y &lt; 1)</code>" in page and "    h = np.tanh(z + h)" in page
    assert page.count("<tr>") == len(reading().beside().beside) == 10
    assert f'vertical-align:top;{CSS["bold red"]}">✗ ' in page


def test_a_mistake_is_told_once_where_two_statements_share_a_line() -> None:
    lines = [*LINES[:4], Line(12, "db = dz.sum(axis=0)", "follows", "", ("db",), of=2), LINES[4]]
    shown = Reading("mine", lines, [WRONG], forward=lambda: FORWARD)
    for text in (str(shown), str(shown.beside())):
        assert text.count("the factor `h` is left out") == text.count("ought to be") == 1


def test_what_is_wrong_where_no_line_is_mistaken_stands_above() -> None:
    board = Reading("mine", LINES[:3], (), ["dx is wrong, and no line was found"], forward=lambda: FORWARD).beside()
    assert str(board).splitlines()[:2] == ["mine", "dx is wrong, and no line was found"]
    assert board._repr_html_().index("no line was found") < board._repr_html_().index("<table>")


def test_without_a_forward_pass_there_are_the_lines_alone() -> None:
    groups = Reading("mine", LINES).beside().groups
    assert [line for line, _ in groups] == [None] and len(groups[0][1]) == len(LINES)
    assert str(Board("nothing", [])).splitlines()[0] == "nothing"
    assert Board("one", [((Text("1"), Text("z")), [])]).below == [(Text("1", "bold"), Text("z", "bold"), Text())]


def test_blocks_in_blocks_are_turned_round_inside_of_their_heads() -> None:
    lines = [
        Line(n, source, "") for n, source in enumerate(["for i:", "    a", "    for j:", "        b", "        c"])
    ]
    assert [line.number for line in backwards(lines)] == [0, 2, 4, 3, 1]

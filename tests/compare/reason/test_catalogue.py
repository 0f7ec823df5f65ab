"""The classic mistakes of the catalogue: every one is caught, and of most the line is named."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from compare import Report, check_vjp, gradcheck
from tests.catalogue.mistakes import MISTAKES, Mistake, mistaken

SAMPLE = MISTAKES[::20]  # a share of the catalogue; `python -m benchmarks diagnosis` runs all of it


def check(mistake: Mistake) -> Report:
    layer = mistaken(mistake)
    run: Callable[..., Report] = gradcheck if layer.is_cost else check_vjp
    return run(*layer.call, raise_exception=False)


@pytest.fixture(scope="module")
def found() -> dict[str, Report]:
    return {str(mistake): check(mistake) for mistake in SAMPLE}


def test_every_mistake_is_caught(found: dict[str, Report]) -> None:
    assert [name for name, report in found.items() if report] == []


def test_of_most_mistakes_the_line_is_named_first(found: dict[str, Report]) -> None:
    named = {str(mistake) for mistake in SAMPLE if mistake.explained_by(found[str(mistake)])}
    assert len(named) >= 0.9 * len(SAMPLE), sorted({*map(str, SAMPLE)} - named)


def test_of_most_lines_it_is_said_what_they_ought_to_be(found: dict[str, Report]) -> None:
    without = [name for name, report in found.items() if not (report.mistakes and report.mistakes[0].should)]
    assert len(without) <= 0.2 * len(SAMPLE), without


def test_a_cause_is_told_once_and_a_gradient_is_mended_once(found: dict[str, Report]) -> None:
    for report in found.values():
        assert len(report.reasons) == len(set(report.reasons))
        mended = [name for mistake in report.mistakes for name in mistake.names]
        assert len(mended) == len(set(mended))
        assert {*mended} <= {row.name for row in report.differing}

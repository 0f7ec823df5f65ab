"""What a failing check shows first: which arrays, which line, why, on one screen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import GradcheckError, check_vjp
from compare.report.table import as_text


def forward(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    a1 = np.tanh(x @ w1 + b1)
    return a1 @ w2 + b2, (x, w1, a1, w2)


def backward(dout: Any, cache: Any) -> Any:
    x, w1, a1, w2 = cache
    dw2 = a1.T @ dout
    db2 = dout.sum(axis=0)
    dz1 = dout @ w2.T
    dw1 = x.T @ dz1
    db1 = dz1.sum(axis=0)
    return dz1 @ w1.T, dw1, db1, dw2, db2


def inputs() -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=shape) for shape in ((6, 3), (3, 4), (4,), (4, 2), (2,)))


def test_a_wrong_two_layer_network_fits_80_by_24() -> None:
    lines = as_text(check_vjp(forward, backward, inputs(), raise_exception=False), width=80).splitlines()
    assert len(lines) <= 23  # and the prompt
    assert max(map(len, lines)) <= 80
    summary = next(k for k, line in enumerate(lines) if line.startswith("3 of 5 gradient arrays differ"))
    before, after = (next(k for k, line in enumerate(lines) if line.startswith(f"  {mark} ")) for mark in "-+")
    table = next(k for k, line in enumerate(lines) if line.startswith(" gradient"))
    assert summary < before < after < table
    assert lines[before] == "  - dz1 = dout @ w2.T"
    assert not any("Schwartz" in line or "prime" in line for line in lines)


def test_the_first_line_of_the_error_is_the_summary_with_the_line() -> None:
    with pytest.raises(GradcheckError) as raised:
        check_vjp(forward, backward, inputs())
    first = str(raised.value).splitlines()[0]
    assert first.startswith("3 of 5 gradient arrays differ from the chain rule: ")
    assert "`dz1 = dout @ w2.T`, ought to be `" in first


def test_verbose_shows_what_the_verdicts_rest_on() -> None:
    report = check_vjp(forward, backward, inputs(), raise_exception=False)
    assert "Schwartz-Zippel" in as_text(report.shown(verbose=True))

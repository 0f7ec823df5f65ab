"""What a type checker says of Values: arithmetic on them gives Values."""

from __future__ import annotations

from pathlib import Path

import pytest

api = pytest.importorskip("mypy.api", reason="needs mypy, which is in the extra `test`")

ROOT = Path(__file__).parents[3]

TYPED = """
from fractions import Fraction
from typing import assert_type
import numpy as np
from autograd import Value
x = Value(3.0)
for y in (x + 2, 2 + x, x - 0.5, 1 - x, x * 2, 2 * x, x / Fraction(1, 3), 1 / x, x**2, 2**x, -x, abs(x), x * x):
    assert_type(y, Value)
assert_type(x + 1, Value)
assert_type(1 / x, Value)
assert_type(np.float64(2.0) * x, Value)
assert_type(x.exp(), Value)
assert_type(x.maximum(0.0), Value)
assert_type(x < 3, bool)
assert_type(x.label, str)
(2 * x**2 + x).backward()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "says"), [("", ""), ("x + 'a'", "No overload variant"), ("assert_type(x * 2, int)", 'type "Value"')]
)
def test_arithmetic_is_typed_under_mypy_strict(more: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    out, errors, status = api.run(["--strict", "--config-file=", "--ignore-missing-imports", "-c", TYPED + more])
    assert (errors, status) == ("", 1 if says else 0), out
    assert says in out

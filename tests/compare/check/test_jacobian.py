"""`check_jacobian`: the derivative of each residual by each number, entry by entry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from compare import GradcheckError, UnusableCode, check_jacobian
from compare.report.report import DIFFERENT, PROVED

T = np.array([0.3, 0.9, 1.6, 2.2])
Y = np.array([1.1, 0.7, 0.6, 0.2])


def residuals(x: Any, t: Any, y: Any) -> Any:
    return x[0] * np.exp(-x[1] * t) + x[2] * t - y


def jacobian(x: Any, t: Any, y: Any) -> Any:
    e = np.exp(-x[1] * t)
    return np.stack([e, -x[0] * t * e, t], axis=1)


def without_t(x: Any, t: Any, y: Any) -> Any:
    e = np.exp(-x[1] * t)
    return np.stack([e, -x[0] * e, t], axis=1)


def test_a_right_jacobian_is_proved() -> None:
    (row,) = check_jacobian(residuals, jacobian, [1.0, 0.5, 0.1], T, Y).rows
    assert (row.verdict, row.shape, row.equal) == (PROVED, (4, 3), 12)


def test_a_wrong_column_is_found_and_its_line_named() -> None:
    report = check_jacobian(residuals, without_t, np.array([1.0, 0.5, 0.1]), T, Y, raise_exception=False)
    assert (report["x"].verdict, report["x"].equal) == (DIFFERENT, 8)
    assert report.title == "without_t against the chain rule over residuals"
    assert [mistake.source for mistake in report.mistakes] == ["return np.stack([e, -x[0] * e, t], axis=1)"]
    with pytest.raises(GradcheckError, match="1 of 1 gradient array differs"):
        check_jacobian(residuals, without_t, [1.0, 0.5, 0.1], T, Y)


def test_whole_numbers_are_a_point_too() -> None:
    assert check_jacobian(residuals, jacobian, [1, 2, 0], T, Y)


def test_shapes_that_do_not_fit_are_said() -> None:
    with pytest.raises(UnusableCode, match=r"your Jacobian has shape \(3, 4\); of 4 residuals by 3 numbers it is due"):
        check_jacobian(residuals, lambda *args: jacobian(*args).T, [1.0, 0.5, 0.1], T, Y)
    with pytest.raises(UnusableCode, match=r"x has shape \(1, 3\)"):
        check_jacobian(lambda x, t, y: residuals(x[0], t, y), jacobian, [[1.0, 0.5, 0.1]], T, Y)

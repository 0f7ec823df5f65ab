"""Where the scalar engine and the matrix formulas meet: checks, reports, and the command `backprop-compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import autograd

if not hasattr(autograd, "Exact"):
    raise ImportError(
        "the package 'autograd' found here is not the one of backprop-compare: the distribution 'autograd' (HIPS) owns "
        "the same import name; install backprop-compare into an environment of its own"
    )

from compare.check import GradcheckError, UnusableCode, check_network, check_vjp, gradcheck, watch
from compare.explain.explain import explain
from compare.explain.pictures import as_html
from compare.notes.shown import notes
from compare.report.report import Report
from compare.subject.graph import NetworkGraph

GradcheckError.__module__ = __name__  # the name under which a traceback shows it

if TYPE_CHECKING:
    from compare.lesson import Lesson

__all__ = [
    "GradcheckError",
    "Report",
    "UnusableCode",
    "check_network",
    "check_vjp",
    "explain",
    "gradcheck",
    "notes",
    "watch",
]


def _lesson(report: Report) -> Lesson:
    """The lesson about what was checked, a page in which any entry is shown as the sum over its consumers.

    >>> import numpy as np
    >>> gradcheck(lambda w: np.sum(w**2), lambda w: 2 * w, np.array([1.0, -2.0])).lesson().html[:15]
    '<!DOCTYPE html>'

    `report.lesson().save("lesson.html")` writes it. Raises as `compare.lesson.lesson` does.
    """
    from compare.lesson import lesson  # many templates, read only for who wants a lesson

    return lesson(report)


# what stands above binds itself to what stands below, so that no import points upwards
Report.lesson = _lesson
NetworkGraph._repr_html_ = as_html

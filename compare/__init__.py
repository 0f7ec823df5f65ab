"""Where the scalar engine and the matrix formulas meet: checks, reports, and the command `backprop-compare`."""

from __future__ import annotations

import autograd

if not hasattr(autograd, "Exact"):
    raise ImportError(
        "the package 'autograd' found here is not the one of backprop-compare: the distribution 'autograd' (HIPS) owns "
        "the same import name; install backprop-compare into an environment of its own"
    )

from compare.check import (
    GradcheckError,
    UnusableCode,
    check_jacobian,
    check_network,
    check_same,
    check_vjp,
    gradcheck,
    proofread,
    watch,
)
from compare.derive.derivation import CannotDerive, Derivation
from compare.derive.derive import derive
from compare.derive.derive import derived_lines as _derived_lines
from compare.explain.explain import explain
from compare.explain.pictures import as_html
from compare.lesson import page
from compare.notes.shown import notes
from compare.reason.derived import derived_lines as _of_reasons
from compare.report.report import Report
from compare.subject.graph import NetworkGraph

__version__ = "0.1.0"
GradcheckError.__module__ = CannotDerive.__module__ = __name__  # the name under which a traceback shows it

__all__ = [
    "CannotDerive",
    "Derivation",
    "GradcheckError",
    "Report",
    "UnusableCode",
    "__version__",
    "check_jacobian",
    "check_network",
    "check_same",
    "check_vjp",
    "derive",
    "explain",
    "gradcheck",
    "notes",
    "proofread",
    "watch",
]


# what stands above binds itself to what stands below, so that no import points upwards
Report.lesson = page.lesson
NetworkGraph._repr_html_ = as_html
_of_reasons.append(_derived_lines)

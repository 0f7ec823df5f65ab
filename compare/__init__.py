"""Where the scalar engine and the matrix formulas meet: checks, reports, and the command `backprop-compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from autograd import late
except ImportError as error:
    if "distributions" in str(error):
        raise
    raise ImportError(
        "the package 'autograd' found here is not the one of backprop-compare: the distribution 'autograd' (HIPS) owns "
        "the same import name; install backprop-compare into an environment of its own"
    ) from None

if TYPE_CHECKING:
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
    from compare.explain.explain import explain
    from compare.notes.shown import notes
    from compare.report.report import Report

__version__ = "0.1.0"

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

# what stands above is bound here to what stands below, so that no import points upwards
late.BOUND["Report.lesson"] = "compare.lesson.page:lesson"
late.BOUND["NetworkGraph._repr_html_"] = "compare.explain.pictures:as_html"
late.BOUND["derived_lines"] = "compare.derive.derive:derived_lines"
__getattr__, __dir__ = late.names(
    __name__,
    {
        **dict.fromkeys(["GradcheckError", "check_jacobian", "check_network", "check_same"], "compare.check"),
        **dict.fromkeys(["check_vjp", "gradcheck", "proofread"], "compare.check"),
        **dict.fromkeys(["CannotDerive", "Derivation"], "compare.derive.derivation"),
        "Report": "compare.report.report",
        "UnusableCode": "compare.subject.usercode",
        "derive": "compare.derive.derive",
        "explain": "compare.explain.explain",
        "notes": "compare.notes.shown",
        "watch": "compare.subject.watch",
    },
)

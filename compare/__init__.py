"""Where the scalar engine and the matrix formulas meet: checks, reports, and the command `backprop-compare`."""

from compare.network import check_network
from compare.report import Report

__all__ = ["Report", "check_network"]

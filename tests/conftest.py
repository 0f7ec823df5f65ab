"""In CI nothing may be skipped for want of a tool, but Firefox: there a skip is a failure. No test is in a hurry."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    spared = "firefox" in item.nodeid or hasattr(report, "wasxfail")  # which CI does not install: Chromium does
    if report.skipped and not spared and os.environ.get("BACKPROP_COMPARE_CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report

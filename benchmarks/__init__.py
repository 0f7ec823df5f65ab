"""Benchmarks: `python -m benchmarks` prints every table, with ratios measured in the same run."""

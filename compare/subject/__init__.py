"""Code and a point, to be run in any numbers."""

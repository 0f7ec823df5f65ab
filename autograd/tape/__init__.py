"""The same graph as arrays, by the million."""

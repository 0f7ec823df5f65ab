"""The command backprop-compare."""

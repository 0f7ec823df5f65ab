"""NumPy code leaves a graph of Values."""

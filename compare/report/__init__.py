"""What was found; knows no check."""

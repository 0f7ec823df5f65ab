"""The statements of the notes, executed."""

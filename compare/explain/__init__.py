"""One entry, term by term."""

"""Both passes line by line: every evaluated expression of the user's source, and what it is."""

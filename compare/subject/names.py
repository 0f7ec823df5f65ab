"""What an option of a check may be called; nothing is loaded for it."""

#: the names that `arithmetic=` takes
NAMES = ("residue", "exact", "precise", "float64", "symbolic")

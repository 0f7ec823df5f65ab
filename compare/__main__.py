"""`python -m compare` is the command `backprop-compare`."""

from compare.cli import main

main()

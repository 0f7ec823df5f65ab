"""`python -m compare` is the command `backprop-compare`."""

from compare.command.main import main

main()

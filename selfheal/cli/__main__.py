"""`python -m selfheal.cli` is the `selfheal` command."""

from selfheal.cli.main import main

main()

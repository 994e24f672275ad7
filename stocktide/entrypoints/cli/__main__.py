"""`python -m stocktide.entrypoints.cli` is the command line, wherever `stocktide` may not be on the PATH."""

from stocktide.entrypoints.cli.main import main

main()

"""Run the command line with `python -m cch_audit`."""

from cch_audit.cli import main

main()

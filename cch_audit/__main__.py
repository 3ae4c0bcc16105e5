"""Run the command line: the entry point, which listens before the rest is loaded."""

from cch_audit.commands.ending import guard


def main() -> None:
    """Run the program and exit with the code of what happened."""
    guard(_run)


def _run() -> int:
    from cch_audit.cli import run

    return run()


if __name__ == "__main__":
    main()

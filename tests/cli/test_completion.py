"""Shell completion, as the console script offers it."""

import pytest

from cch_audit.cli import app
from cch_audit.columns import COLUMNS

from .process import Finished, run_driver

SCRIPT = """
import sys
sys.argv[0] = "cch-audit"
from cch_audit.cli import main
main()
"""


def completed(words: str) -> list[str]:
    """Return what bash would be offered for the last word of a command line."""
    env = {
        "_CCH_AUDIT_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = run_driver(SCRIPT, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_commands() -> None:
    offered = set(completed("cch-audit "))
    assert offered == {command.name for command in app.registered_commands}
    assert {"check", "confirm", "rank", "sweep", "evidence", "simulate"} <= offered


def test_options() -> None:
    assert completed("cch-audit check --form") == ["--format"]


@pytest.mark.slow
def test_choices() -> None:
    formats = ["table", "json", "markdown", "html", "junit", "csv", "names"]
    assert completed("cch-audit check --format ") == formats
    assert completed("cch-audit inspect --format ") == formats[:4]
    assert completed("cch-audit evidence --format ") == formats[:4]
    assert completed("cch-audit simulate --kind ") == ["gaussian", "world", "classpaired"]
    assert set(completed("cch-audit rank --by ")) == set(COLUMNS)
    assert set(completed("cch-audit check --estimator ")) == {"ksg", "mine", "lmi", "gaussian"}


def test_a_settings_file_is_not_read_for_completion() -> None:
    assert completed("cch-audit check --config missing.yaml --form") == ["--format"]


def shown(*arguments: str, **env: str) -> Finished:
    return run_driver(SCRIPT, *arguments, env=env)


def test_the_scripts_that_shells_load() -> None:
    # Which shell runs the tests must not matter.
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    for shell, hook in {"bash": "complete ", "zsh": "compdef ", "fish": "complete "}.items():
        done = shown("--show-completion", shell, **named)
        assert done.returncode == 0
        assert hook in done.stdout
        assert "_CCH_AUDIT_COMPLETE" in done.stdout

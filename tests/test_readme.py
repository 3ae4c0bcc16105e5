"""Every command that the README shows runs, exits as stated and prints what is printed there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.readme import (
    COMMAND,
    PAGE,
    ROOT,
    TABLES,
    between,
    commands,
    examples,
    ledger,
    shown,
    table,
)

README = PAGE.read_text(encoding="utf-8")
EXAMPLES = examples(README)
SCRIPTS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def shape(text: str) -> list[str]:
    """Return the words of each line with numbers masked: learned estimates differ by machine."""
    masked = re.sub(r"[-+]?\d+\.\d+(e-?\d+)?", "#", text)
    return masked.split()


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) >= 3
    assert len(SCRIPTS) >= 1


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: commands(e["session"])[-1])
def test_example(example: re.Match[str], tmp_path: Path) -> None:
    _, *session = COMMAND.split(example["session"])
    codes = []
    for command, printed in zip(session[::2], session[1::2], strict=True):
        code, found = shown(command, tmp_path)
        codes.append(code)
        assert shape(found) == shape(printed)
    *others, last = codes
    assert last == int(example["code"])
    assert not any(others)


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_python(script: str, tmp_path: Path) -> None:
    """What a comment behind `print` says is printed."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    said = re.findall(r"^print\(.*\)  # (.*)$", script, re.MULTILINE)
    assert said
    assert done.stdout.splitlines() == said


def test_set_up_is_two_commands() -> None:
    lines = between(README, "<!-- set-up -->").splitlines()
    assert len([line for line in lines if line.startswith("    ")]) == 2


def test_the_ledger_holds_enough_real_trials() -> None:
    trials = json.loads(ledger("json"))["trials"]
    real = {
        (trial["file"], trial["teacher"], trial["student"])
        for trial in trials
        if not re.search("gaussian|classpaired", trial["file"])
        and ", noise" not in trial["teacher"]
    }
    assert len(real) >= 45


@pytest.mark.parametrize("name", [*TABLES, "ledger"])
def test_a_table_is_that_of_the_committed_results(name: str) -> None:
    """Intervals are resampled with a fixed seed: the same numbers on every machine."""
    assert between(README, f"<!-- {name} -->").strip() == table(name)

"""Every command that the README shows runs, exits as stated and prints what is printed there."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import coverage, null, summary
from tests.bench.journal import RESULTS
from tests.pseudo_terminal import run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(
    r"<!-- run(?: slow)?: exit (?P<code>\d+) -->\s+"
    r"```console\n(?P<session>\$ (?:.*\n)*?)```"
)
COMMAND = re.compile(r"^\$ (.*)\n", re.MULTILINE)
EXAMPLES = list(EXAMPLE.finditer(README))


def shape(text: str) -> list[str]:
    """Return the words of each line with numbers masked: learned estimates differ by machine."""
    masked = re.sub(r"[-+]?\d+\.\d+(e-?\d+)?", "#", text)
    return masked.split()


def between(mark: str) -> str:
    """Return the part of the README from a mark to the next end."""
    return README.split(mark)[1].split("<!-- end -->")[0]


def test_the_readme_has_examples() -> None:
    assert len(EXAMPLES) >= 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "example",
    [
        pytest.param(
            e,
            id=COMMAND.findall(e["session"])[-1],
        )
        for e in EXAMPLES
    ],
)
def test_example(example: re.Match[str], tmp_path: Path) -> None:
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    _, *session = COMMAND.split(example["session"])
    codes = []
    for command, printed in zip(session[::2], session[1::2], strict=True):
        program, *arguments = shlex.split(command)
        assert program == "cch-audit"
        code, shown = run(
            [sys.executable, "-m", "cch_audit", *arguments],
            columns=80,
            environment={"NO_COLOR": "1", "PYTHONPATH": os.fspath(ROOT)},
            folder=tmp_path,
        )
        codes.append(code)
        shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
        # The progress bar is drawn over itself before the report; compare from its first word.
        words = shape(printed)
        assert shape(shown)[-len(words) :] == words if words else True
    *others, last = codes
    assert last == int(example["code"])
    assert not any(others)


def test_set_up_is_two_commands() -> None:
    lines = between("<!-- set-up -->").splitlines()
    assert len([line for line in lines if line.startswith("    ")]) == 2


def ledger_of_reports(format: str) -> str:
    reports = sorted((ROOT / "fixtures" / "evidence" / "reports").glob("*.json"))
    done = subprocess.run(
        [sys.executable, "-m", "cch_audit", "evidence", *reports, "--quiet", "--format", format],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_ledger_is_that_of_the_committed_reports() -> None:
    """Intervals are resampled with a fixed seed: the same numbers on every machine."""
    record, _, _ = ledger_of_reports("markdown").partition("<details>")
    _, _, record = record.partition("**Files**")
    assert between("<!-- ledger -->").strip() == f"**Files**{record}".strip()


def test_the_ledger_holds_enough_real_trials() -> None:
    trials = json.loads(ledger_of_reports("json"))["trials"]
    real = {
        (trial["file"], trial["teacher"], trial["student"])
        for trial in trials
        if not re.search("gaussian|classpaired", trial["file"])
        and ", noise" not in trial["teacher"]
    }
    assert len(real) >= 45


@pytest.mark.parametrize("name", ["accuracy", "held_out", "coverage", "null"])
def test_the_bench_tables_are_those_of_the_committed_results(name: str) -> None:
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    if name in ("coverage", "null"):
        bench = coverage if name == "coverage" else null
        expected = bench.overview(found["cells"])
    else:
        expected = summary.overview(found["families"]["2000"])
    assert between(f"<!-- {name} -->").strip() == expected

"""Every command that the documents show runs, exits as stated and prints what is printed there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cch_audit.rendering import render
from tests.evidence.trials import ledger as ledger_of
from tests.evidence.trials import trial
from tests.readme import (
    COMMAND,
    EVIDENCE,
    PAGES,
    README,
    ROOT,
    TABLES,
    between,
    commands,
    draw,
    examples,
    families_of,
    ledger,
    shown,
    table,
)

TEXTS = {path: path.read_text(encoding="utf-8") for path in PAGES}
EXAMPLES = [example for text in TEXTS.values() for example in examples(text)]
SCRIPTS = [
    script
    for text in TEXTS.values()
    for script in re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    if "print(" in script
]
NUMBER = re.compile(r"[-+]?\d+\.\d+(?:e-?\d+)?")
EXACT = ("simulate", "inspect", "config")
"""Commands that estimate nothing: what they print is the same on every machine."""
MOST_LINES = 250


def assert_same(found: str, printed: str, *, exact: bool) -> None:
    """Compare words, whole numbers and decimals.

    Estimates differ by machine: networks are trained with other kernels there, whose rounding
    grows from step to step, and the last digit of a linear algebra decides which of two neighbours
    is nearer. So decimals may differ by 0.02, as two seeds of the same network do, and by 5 %,
    since the spread of large estimates grows with them. The layout may follow the numbers.
    """
    if exact:
        assert found == printed
        return
    assert NUMBER.sub("#", found).split() == NUMBER.sub("#", printed).split()
    for ours, theirs in zip(NUMBER.findall(found), NUMBER.findall(printed), strict=True):
        assert abs(float(ours) - float(theirs)) <= 0.02 + 0.05 * abs(float(theirs)), (ours, theirs)


def test_there_are_examples() -> None:
    assert len(examples(TEXTS[README])) >= 3
    assert len(SCRIPTS) >= 1


def test_the_readme_is_short() -> None:
    assert len(TEXTS[README].splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_session_is_run(path: Path) -> None:
    assert TEXTS[path].count("```console\n") == len(examples(TEXTS[path]))


@pytest.mark.slow
@pytest.mark.parametrize(
    "example", EXAMPLES, ids=[commands(one["session"])[-1] for one in EXAMPLES]
)
def test_example(example: re.Match[str], tmp_path: Path) -> None:
    _, *session = COMMAND.split(example["session"])
    codes = []
    for command, printed in zip(session[::2], session[1::2], strict=True):
        code, found = shown(command, tmp_path)
        codes.append(code)
        assert_same(found, printed, exact=command.split()[1] in EXACT)
    *others, last = codes
    assert last == int(example["code"])
    assert not any(others)


@pytest.mark.parametrize(
    ("found", "is_same"),
    [
        ("gap 0.575 [0.49, 0.64]", True),
        ("gap  0.568\n[0.490, 0.640]", True),
        ("gap 0.620 [0.490, 0.640]", False),
        ("gap 0.568 [0.490, 0.640] nats", False),
    ],
)
def test_examples_are_compared_with_a_tolerance(found: str, is_same: bool) -> None:
    printed = "gap 0.568 [0.490, 0.640]"
    if is_same:
        assert_same(found, printed, exact=False)
    else:
        with pytest.raises(AssertionError):
            assert_same(found, printed, exact=False)
    if found != printed:
        with pytest.raises(AssertionError):
            assert_same(found, printed, exact=True)


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
    lines = between(TEXTS[README], "<!-- set-up -->").splitlines()
    assert len([line for line in lines if line.startswith("    ")]) == 2


def test_links_of_the_readme_lead_somewhere() -> None:
    for path in (README, ROOT / "tests" / "bench" / "README.md"):
        for target in re.findall(r"\]\(([^)]*)\)", TEXTS[path]):
            assert target.startswith("http") or (path.parent / target).exists(), target


def test_the_ledger_holds_enough_real_trials() -> None:
    trials = json.loads(render(ledger(), "json"))["trials"]
    real = {
        (trial["file"], trial["teacher"], trial["student"])
        for trial in trials
        if not re.search("gaussian|classpaired", trial["file"])
        and ", noise" not in trial["teacher"]
    }
    assert len(real) >= 45


def test_families_stand_beside_always_and_never_distilling() -> None:
    found = {
        "one": ledger_of(
            trial("pass", "helps", "transfer"),
            trial("fail", "helps", "regularisation", file=1),
            trial("undecided", "hurts"),
            trial("pass", "helps", "unclear"),
        )
    }
    header, _, row = families_of(found).splitlines()
    assert header == (
        "|  | trials | KD helps (by transfer) | hurts | open | the verdict | the forecast "
        "| that on predictions | always distilling | never distilling |"
    )
    assert row == "| one | 4 on 2 files | 3 (1) | 1 | 1 | 2 of 2 | n/a | n/a | 1 of 3 | 2 of 3 |"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_that_of_the_committed_results(name: str) -> None:
    """Intervals are resampled with a fixed seed: the same numbers on every machine."""
    (text,) = (text for text in TEXTS.values() if f"<!-- {name} -->" in text)
    assert between(text, f"<!-- {name} -->").strip() == table(name)


@pytest.mark.slow
def test_the_figure_of_the_record_is_that_of_the_committed_reports(tmp_path: Path) -> None:
    import matplotlib

    pinned = f"matplotlib=={matplotlib.__version__}\n"
    if pinned not in (ROOT / "constraints.txt").read_text(encoding="utf-8"):
        pytest.skip("another matplotlib than that of constraints.txt draws other curves")
    draw(tmp_path / "evidence.svg")
    found = (tmp_path / "evidence.svg").read_text(encoding="utf-8")
    assert found == (EVIDENCE / "evidence.svg").read_text(encoding="utf-8")

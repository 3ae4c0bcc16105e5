"""A sweep: its table, its sentence, its rows elsewhere, and its figure."""

import csv
import json
import math
from dataclasses import replace
from io import StringIO

import pytest

from cch_audit.rendering import render
from cch_audit.rendering.summary import summary
from cch_audit.rendering.text import change_span, gap_hull, span
from cch_audit.results import Crossing, Outcome, Report, SweepReport, Varied

from .experiments import confirmation, confirmed, swept
from .reports import (
    EVERY_REPORT,
    audit,
    report,
    swept_regression_report,
    swept_report,
    swept_training_report,
)
from .test_markdown import markdown, parts
from .test_table import joined, table

SWEPT = {name: case for name, case in EVERY_REPORT.items() if isinstance(case, SweepReport)}
every_sweep = pytest.mark.parametrize("case", SWEPT.values(), ids=SWEPT)


def with_outcomes(*outcomes: Outcome, varied: Varied = "noise") -> Report:
    audits = [confirmed(audit(), confirmation(outcome)) for outcome in outcomes]
    return swept(report(*audits), "mod/text", varied, tuple(float(i) for i in range(len(outcomes))))


def with_crossings(gap: Crossing | None, gain: Crossing | None) -> Report:
    base = swept_report()
    assert isinstance(base, SweepReport)
    gaps = {"representations": gap, "predictions": None}
    return replace(base, sweep=replace(base.sweep, gap_crossings=gaps, gain_crossing=gain))


@every_sweep
@pytest.mark.parametrize("width", [40, 80, 120, 100_000])
def test_every_step_is_there_whole(case: Report, width: int) -> None:
    text = table(case, width=width)
    for one in case.audits:
        assert one.confirmation is not None
        assert change_span(one.confirmation.main.change, one.confirmation.metric) in text
        for level in one.levels.values():
            if isinstance(case, SweepReport) and case.sweep.varied != "temperature":
                assert span(gap_hull(level)) in text


def test_one_row_per_step_in_80_columns() -> None:
    lines = table(swept_report()).splitlines()
    top = next(i for i, line in enumerate(lines) if line.startswith("noise"))
    assert [line.split()[0] for line in lines[top + 2 : top + 18 : 4]] == ["0", "0.5", "1", "4"]
    first = ["0", "PASS", "UNDECIDED", "+0.0105", "HELPS"]
    assert lines[top + 2].split() == first
    assert lines[top + 3].split()[-2:] == ["by", "transfer"]
    assert lines[top + 4].split()[-1] == "agrees"
    assert lines[top + 4].split()[:2] == ["[0.585,", "1.057]"]


def test_columns_that_are_left_are_counted() -> None:
    text = table(swept_regression_report(), width=100)
    for left in ("300 left", "75 left"):
        assert left in text
    assert " left" not in table(swept_report())


def test_a_teacher_that_stays_has_its_gap_once() -> None:
    text = table(swept_training_report())
    assert text.count("[0.585, 1.057] nats on representations: PASS") == 1
    assert "gap on" not in text.replace("verdict on", "")
    assert "Sweep: training with mod/text at each temperature\n" in text
    bits = table(swept_training_report(), units="bits")
    assert f"[{0.5845678901 / math.log(2):.3f}, " in bits
    assert "] bits on representations: PASS" in bits


def test_verbose_adds_every_step_in_full() -> None:
    text, verbose = table(swept_report()), table(swept_report(), verbose=True)
    assert "Teacher mod/text, noise 0.5" not in text
    assert "Teacher mod/text, noise 0.5" in verbose
    assert verbose.count("Confirmation: a quick training run") == 4
    assert "--verbose" in text
    assert "--verbose" not in verbose


def test_notes_are_said_once_with_their_steps() -> None:
    base = swept_report()
    odd = [replace(one, notes=("A note.",) if i else ()) for i, one in enumerate(base.audits)]
    text = joined(table(replace(base, audits=tuple(odd))))
    assert joined("noise 0.5, 1, 4: A note.") in text
    assert joined("every step: The gain is larger") in text


def test_it_says_that_it_is_no_gate() -> None:
    assert joined("A sweep is no gate: the exit code is 0") in joined(table(swept_report()))


def test_the_sentence() -> None:
    assert summary(swept_report()) == (
        "SWEEP: with noise of 0 to 4 standard deviations added to mod/text, the gap on "
        "representations passes zero at 1.51 [0.918, 2.53] and the gap on predictions passes zero "
        "nowhere; KD helps at 0 and is not seen to help from 0.5 on, and hurts at 4; the measured "
        "gain passes zero at 1.06 [0.0622, 1.64]."
    )
    assert table(swept_report(), width=1000).splitlines()[-1] == summary(swept_report())
    assert markdown(swept_report(), units="nats").startswith("**SWEEP**: with noise")


def test_the_sentence_of_a_teacher_that_stays() -> None:
    text = summary(swept_training_report())
    assert text.startswith(
        "SWEEP: at temperatures from 1 to 2.5 with mod/text, the CCH verdict is PASS; KD helps at "
        "1 and is not seen to help from 2.5 on, and hurts at 2.5; the measured gain passes zero at "
    )


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        (["helps", "helps"], "KD helps at every step"),
        (["no_change", "undecided"], "KD is not seen to help at any step"),
        (["helps", "helps", "no_change"], "helps from 0 to 1 and is not seen to help from 2 on"),
        (["undecided", "helps"], "KD is not seen to help at 0 and helps from 1 on"),
        (["helps", "hurts", "helps"], "KD helps at 0, 2 and is not seen to help at 1, and hurts"),
        (["hurts", "hurts"], "KD is not seen to help at any step, and hurts at 0, 1"),
    ],
)
def test_where_training_helps(outcomes: list[Outcome], said: str) -> None:
    assert said in summary(with_outcomes(*outcomes))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Crossing(1.25, None, 2.5, 1), "gap on representations passes zero at 1.25 [<=0, 2.5]"),
        (Crossing(1.25, 1.0, None, 1), "gap on representations passes zero at 1.25 [1, >=4]"),
        (Crossing(1.25, 1.0, 2.0, 3), "passes zero 3 times, first at 1.25 [1, 2]"),
        (Crossing(1.25, None, None, 1), "cannot be told apart from zero at any step"),
        (None, "gap on representations passes zero nowhere"),
    ],
)
def test_where_the_gap_passes(found: Crossing | None, said: str) -> None:
    assert said in summary(with_crossings(found, None))


def test_the_margin_is_named() -> None:
    base = with_crossings(Crossing(1.25, 1.0, 2.0, 1), Crossing(3.0, 2.0, None, 1))
    text = summary(replace(base, settings={**base.settings, "margin": 0.1}))
    assert "passes the margin of 0.1 nats at 1.25" in text
    assert "the measured gain passes zero at 3 [2, >=4]" in text


def test_rows_of_csv_say_the_step() -> None:
    rows = list(csv.DictReader(StringIO(render(swept_report(), "csv"))))
    assert {row["sweep"] for row in rows} == {"noise"}
    assert list(dict.fromkeys(row["step"] for row in rows)) == ["0.0", "0.5", "1.0", "4.0"]
    steps = {row["teacher"]: row["step"] for row in rows}
    assert steps["mod/text, noise 0.5"] == "0.5"


def test_keys_of_json() -> None:
    written = json.loads(render(swept_report(), "json"))["sweep"]
    assert (written["varied"], written["teacher"]) == ("noise", "mod/text")
    assert written["steps"] == [0.0, 0.5, 1.0, 4.0]
    assert set(written["gap_crossings"]["representations"]) == {"step", "low", "high", "times"}
    assert written["gap_crossings"]["predictions"] is None
    assert "sweep" not in json.loads(render(report(), "json"))


def test_names_are_those_of_the_steps() -> None:
    assert render(swept_report(), "names").splitlines()[1] == "mod/text, noise 0.5"


def test_markdown_is_one_visible_table() -> None:
    visible, _ = parts(markdown(swept_report()))
    rows = [line for line in visible.splitlines() if line.startswith("|")]
    assert len(rows) == 6
    assert rows[2].startswith("| 0 | **PASS** 0.705 to 0.820 &#91;0.585, 1.057&#93; |")
    assert rows[2].endswith("| **HELPS** by transfer agrees |")

"""The training run in the table."""

import math
import re
from dataclasses import replace

import pytest

from cch_audit.rendering.confirmation import grid_rows
from cch_audit.rendering.text import effect
from cch_audit.results import Outcome, Report

from .experiments import confirmation, confirmed, regression_confirmation
from .reports import EVERY_REPORT, audit, confirmed_regression_report, confirmed_report, report
from .test_table import joined, table

CONFIRMED = {
    name: case
    for name, case in EVERY_REPORT.items()
    if any(one.confirmation is not None for one in case.audits)
}
every_confirmed = pytest.mark.parametrize("case", CONFIRMED.values(), ids=CONFIRMED)


def block(case: Report, width: int = 80, units: str = "nats") -> str:
    """Return the part of the table that the training run fills."""
    text = table(case, width=width, units=units)
    return text[text.index("\nConfirmation") : text.index("\nHow it was done\n")]


@pytest.mark.slow
@every_confirmed
@pytest.mark.parametrize("width", [*range(40, 130, 6), 200, 100_000])
def test_no_number_is_cut(case: Report, width: int) -> None:
    text = table(case, width=width, verbose=True)
    for one in case.audits:
        found = one.confirmation
        if found is None:
            continue
        changes = [(name, each.change) for name, each in found.metrics.items()]
        for control in found.controls.values():
            changes += [(found.metric, control.change), (found.metric, control.advantage)]
        for name, change in changes:
            for end in (f"[{effect(change.low, name)},", f"{effect(change.high, name)}]"):
                assert end in text
        for cell in found.grid:
            assert effect(cell.change, found.metric) in text


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        ("helps", "HELPS"),
        ("hurts", "HURTS"),
        ("no_change", "NO CHANGE"),
        ("undecided", "UNDECIDED"),
    ],
)
def test_the_outcome_is_a_word(outcome: Outcome, word: str) -> None:
    text = block(confirmed_report("pass", outcome))
    assert f"Confirmation: a quick training run: {word}\n" in text


def test_facts() -> None:
    text = joined(block(EVERY_REPORT["fusion"]))
    for fact in (
        "one hidden layer",
        "(1 - w) CE(labels, student) + w T^2 KL(teacher_T || student_T)",
        "400 training, 200 validation, 1,400 test rows over 8 seeds",
        "accuracy 0.9123 by itself",
        "accuracy 0.7343 without KD; 0.7012 on half as many training rows",
        "a change of 0.0117 would be seen in 80 % of such experiments",
        "a gain of 0.0050 or more",
        "teacher and student as joint input: accuracy 0.8912 without, 0.8943 with KD, "
        "+0.0031 [-0.0048, +0.0110], p = 0.008",
    ):
        assert joined(fact) in text


def test_grid_has_weights_as_rows_and_temperatures_as_columns() -> None:
    rows = grid_rows(confirmation())
    assert rows.headers == ("weight", "T = 1", "T = 2", "T = 3", "T = 4")
    assert rows.cells[1] == ("0.3", "+0.0095", "+0.0115 (1)", "+0.0135 (3)", "+0.0155 (1)")


def test_continuous_labels_have_one_column_of_changes() -> None:
    rows = grid_rows(regression_confirmation())
    assert rows.headers == ("weight", "change")
    assert [row[0] for row in rows.cells] == ["0.2", "0.3", "0.5", "0.7", "0.8"]
    assert "by weight w; in brackets" in " ".join(block(confirmed_regression_report()).split())


def test_a_missing_cell_is_empty() -> None:
    found = confirmation()
    first = grid_rows(found).cells[0]
    cell = next(one for one in found.grid if (one.temperature, one.weight) == (2.0, 0.2))
    rest = tuple(one for one in found.grid if one != cell)
    assert grid_rows(replace(found, grid=rest)).cells[0] == (first[0], first[1], "", *first[3:])


def test_squared_errors_have_a_relative_change() -> None:
    text = block(confirmed_regression_report(), width=120)
    row = next(line for line in text.splitlines() if "MSE (lower is better)" in line)
    for cell in ("1.234", "1.129", "-0.105 [-0.184, -0.0260]", "-8.5 %"):
        assert cell in row
    assert "A lower MSE is better." in table(confirmed_regression_report(), width=200)


def test_changes_are_never_in_bits() -> None:
    nats, bits = (block(confirmed_report(), units=units) for units in ("nats", "bits"))
    assert nats == bits
    assert "+0.0105 [+0.0026, +0.0184]" in bits


def test_numbers_that_are_missing_are_said_to_be() -> None:
    found = confirmation()
    odd = replace(found.change, low=math.nan, high=math.inf, p=math.nan)
    text = table(report(confirmed(audit(), replace(found, change=odd, baseline_at_half=math.nan))))
    assert "KD helps (accuracy +0.0105 [n/a, n/a], p = n/a)" in " ".join(text.split())
    assert "n/a on half as many training rows" in text


def test_without_controls_and_grid_their_tables_are_left_out() -> None:
    bare = replace(confirmation(), controls={}, grid=(), notes=())
    text = block(report(confirmed(audit(), bare)))
    assert "Controls" not in text
    assert "validation rows" not in text


def test_the_closing_table_has_the_outcomes() -> None:
    text = table(EVERY_REPORT["two confirmed teachers"])
    found = text[text.index("\nWhat came out\n") :]
    assert re.search(r"^PASS +0\.705 to 0\.820 +NO CHANGE +b$", found, re.M)


def test_what_is_noted_is_said_before_the_details() -> None:
    text = table(confirmed_report())
    note = text.index("The gain is larger than that of every control")
    assert note < text.index("Read beside the gap") < text.index("Confirmation:")

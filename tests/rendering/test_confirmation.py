"""The training run in the table."""

import math
import re
from dataclasses import replace

import pytest

from cch_audit.rendering.confirmation import grid_rows, metric_rows
from cch_audit.rendering.document import Badge
from cch_audit.rendering.text import effect
from cch_audit.results import Outcome, Report

from .experiments import (
    comparison,
    confirmation,
    confirmed,
    curved,
    of_sizes,
    own_runs,
    regression_confirmation,
    size,
)
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
        changes = [(name, each.change) for name, each in found.size.metrics.items()]
        for control in found.size.controls.values():
            changes += [(found.metric, control.change), (found.metric, control.advantage)]
        for name, change in changes:
            for end in (f"[{effect(change.low, name)},", f"{effect(change.high, name)}]"):
                assert end in text
        for cell in found.size.grid:
            assert effect(cell.change, found.metric) in text


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        ("helps", "HELPS (by transfer)"),
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
        "400 training, 200 validation, 1,400 test rows in each of 24 repetitions",
        "accuracy 0.9123 by itself",
        "accuracy 0.7343 without KD; 0.3012 by the largest class alone",
        "standard error 0.0033; more repetitions cannot lower 50 % of its variance",
        "no gradient is larger than 3e-07 nats per unit of a logit",
        "a gain of 0.0050 or more",
        "teacher and student as joint input: accuracy 0.8912 without, 0.8943 with KD, "
        "+0.0031 [-0.0048, +0.0110]",
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
    grid = found.size.grid
    cell = next(one for one in grid if (one.temperature, one.weight) == (2.0, 0.2))
    rest = tuple(one for one in grid if one != cell)
    bare = of_sizes(replace(found.size, grid=rest))
    assert grid_rows(bare).cells[0] == (first[0], first[1], "", *first[3:])


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
    change = replace(found.main.change, low=math.nan, high=math.inf, standard_error=math.nan)
    metrics = {**found.size.metrics, "accuracy": replace(found.main, change=change)}
    odd = of_sizes(replace(found.size, metrics=metrics, trivial_score=math.nan))
    text = " ".join(table(report(confirmed(audit(), odd))).split())
    assert "KD helps by transfer (accuracy +0.0105 [n/a, n/a], 400 training rows)" in text
    assert "n/a by the largest class alone" in text
    assert "standard error n/a" in text


def test_without_controls_and_grid_their_tables_are_left_out() -> None:
    bare = of_sizes(replace(size(), controls={}, grid=()))
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


def test_each_size_of_the_curve_has_a_row() -> None:
    text = block(EVERY_REPORT["learning curve"], width=200)
    rows = text[text.index("By number of training rows (* stands for the whole)") :]
    for row in (
        r"^50 +0\.7343 +\+0\.0105 \[\+0\.0026, \+0\.0184\] +HELPS by transfer +24$",
        r"^100 \* +0\.7343 .* HELPS by transfer +24$",
        r"^200 +0\.7343 .* HELPS by regularisation +24$",
        r"^400 .* UNDECIDED +24 +about 1,300 more rows or about 70 more repetitions$",
        r"^800 .* NO CHANGE +24$",
    ):
        assert re.search(row, re.sub(" +$", "", rows, flags=re.M), re.M), row


def test_one_size_has_no_table_of_sizes() -> None:
    assert "By number of training rows" not in block(confirmed_report())


def test_what_is_missing_is_said_of_an_undecided_run() -> None:
    text = joined(block(confirmed_report("pass", "undecided")))
    assert joined("about 1,300 more rows or about 70 more repetitions would decide it") in text


def test_the_size_that_the_user_names_decides() -> None:
    named = replace(curved(("helps", None), ("no_change", None)), labelled_rows=50)
    text = joined(block(report(confirmed(audit(), named))))
    assert joined("the size for 50 labelled rows (--labelled-rows)") in text
    alone = joined(block(EVERY_REPORT["learning curve"]))
    assert joined("the whole curve, corrected for its 5 sizes") in alone


def test_own_runs_show_what_they_know() -> None:
    text = block(report(confirmed(audit(), own_runs())))
    assert "Confirmation: your own training runs: HELPS (by transfer)\n" in text
    assert "label smoothing 0.1" in text
    for absent in ("heads ", "loss ", "converged", "irreducible", "validation"):
        assert absent not in text


def test_a_closed_form_has_no_gradient() -> None:
    text = joined(block(report(confirmed(audit(), of_sizes(replace(size(), gradient=0.0))))))
    assert joined("converged exactly, by a closed form") in text


def test_every_metric_has_its_outcome() -> None:
    base = size()
    metrics = {**base.metrics, "log_loss": comparison(0.8, 0.02, outcome="hurts")}
    found = of_sizes(replace(base, metrics=metrics))
    rows = metric_rows(found)
    outcomes = {row[0]: row[-1] for row in rows.cells}
    assert outcomes["accuracy, decides"] == Badge("HELPS", "good")
    assert outcomes["log-loss (lower is better)"] == Badge("HURTS", "bad")

import csv
import math
from dataclasses import replace
from io import StringIO

import pytest

from cch_audit.choice.ranking import first_teachers
from cch_audit.columns import COLUMNS as RANKING_COLUMNS
from cch_audit.rendering import render
from cch_audit.rendering.as_csv import COLUMNS
from cch_audit.rendering.text import printable
from cch_audit.results import RankReport, Report

from .reports import (
    CONTROLS,
    EVERY_REPORT,
    audit,
    confirmed_report,
    ranked_regression_report,
    ranked_report,
    report,
)

every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)


def rows(case: Report, units: str = "nats") -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(render(case, "csv", units=units))))


@every_report
def test_one_row_per_teacher_level_and_estimator(case: Report) -> None:
    expected = {
        (printable(one.teacher), level_name, name): (level_name in one.gated, result)
        for one in case.audits
        for level_name, level in one.levels.items()
        for name, result in level.estimators.items()
    }
    parsed = rows(case)
    assert len(parsed) == len(expected)
    for row in parsed:
        gated, result = expected[row["teacher"], row["level"], row["estimator"]]
        assert row["gated"] == ("true" if gated else "false")
        assert float(row["gap_estimate"]) == result.gap.estimate
        assert float(row["verdict_interval_high"]) == result.verdict_interval.high
        assert row["verdict"] == result.verdict
        assert row["flags"].split(";") == list(result.flags or ("",))
        assert {name for name in row if not name.startswith("ranking_")} == set(COLUMNS)


def test_missing_numbers_are_empty() -> None:
    one = audit()
    level = one.levels["representations"]
    odd = replace(level.estimators["ksg"].drift, gap=math.nan)
    ksg = replace(level.estimators["ksg"], drift=odd, bias=None)
    levels = {"representations": replace(level, estimators={"ksg": ksg})}
    (row,) = rows(report(replace(one, levels=levels)))
    assert (row["drift_gap"], row["bias_gap"]) == ("", "")


def test_bits_are_nats_over_log_two() -> None:
    for nats, bits in zip(rows(report()), rows(report(), "bits"), strict=True):
        assert (nats["unit"], bits["unit"]) == ("nats", "bits")
        for name in ("gap_low", "student_labels_standard_error", "drift_gap"):
            assert float(bits[name]) == float(nats[name]) / math.log(2)
        assert bits["gap_probability_positive"] == nats["gap_probability_positive"]


@every_report
def test_one_printable_line_per_row(case: Report) -> None:
    lines = render(case, "csv").split("\n")
    assert len(lines) == len(rows(case)) + 2
    assert all(line.isprintable() for line in lines)


def test_a_check_without_training_leaves_the_last_columns_empty() -> None:
    for row in rows(report()):
        for name in COLUMNS[COLUMNS.index("rank") :]:
            assert row[name] == ""


def test_a_training_run_is_in_its_metric_whatever_the_unit() -> None:
    for row in rows(confirmed_report("fail", "helps"), "bits"):
        assert (row["outcome"], row["agreement"]) == ("helps", "disagrees")
        assert (row["metric"], row["baseline"]) == ("accuracy", "0.7343")
        assert (row["change_estimate"], row["change_irreducible"]) == ("0.0105", "0.5")
        assert (row["trained"], row["outcome"], row["cause"]) == ("heads", "helps", "transfer")
        assert (row["n_train"], row["n_repetitions"]) == ("400", "24")


def test_a_ranking_adds_its_columns_to_every_row() -> None:
    found = rows(ranked_report())
    assert list(found[0])[-len(RANKING_COLUMNS) :] == [
        f"ranking_{name}" for name in RANKING_COLUMNS
    ]
    places = {row["teacher"]: (row["rank"], row["control"]) for row in found}
    assert places["proteins"] == ("2", "false")
    assert places[CONTROLS[0]] == ("", "true")
    logs = {row["teacher"]: row["ranking_log_me"] for row in found}
    assert logs[CONTROLS[0]] == ""
    assert float(logs["proteins"]) == -0.4321


def test_baselines() -> None:
    row = next(row for row in rows(ranked_regression_report(), "bits") if row["teacher"] == "x1")
    assert (row["baselines_score"], row["baselines_log_me"]) == ("0.512", "-1.4321")
    assert row["baselines_h_score"] == ""


def test_a_ranking_in_bits_keeps_what_is_no_information() -> None:
    for nats, bits in zip(rows(ranked_report()), rows(ranked_report(), "bits"), strict=True):
        for name in ("ranking_representations", "ranking_teacher_labels"):
            assert float(bits[name]) == float(nats[name]) / math.log(2)
        for name in ("ranking_score", "ranking_log_me", "ranking_cka", "baselines_log_me"):
            assert bits[name] == nats[name]


def test_teachers_that_top_leaves_out_have_no_rows() -> None:
    base = ranked_report()
    assert isinstance(base, RankReport)
    first = first_teachers(base.ranking, 2)
    found = {row["teacher"] for row in rows(replace(base, ranking=first))}
    assert found == {one.teacher for one in base.ranking.teachers[:2]} | set(CONTROLS)

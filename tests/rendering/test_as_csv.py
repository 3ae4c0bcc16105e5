import csv
import math
from dataclasses import replace
from io import StringIO

import pytest

from cch_audit.rendering.as_csv import COLUMNS, render
from cch_audit.rendering.text import printable
from cch_audit.results import Report

from .reports import EVERY_REPORT, audit, report

every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)


def rows(case: Report, units: str = "nats") -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(render(case, units=units))))


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
        assert set(row) == set(COLUMNS)


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
    lines = render(case, units="nats").split("\n")
    assert len(lines) == len(rows(case)) + 2
    assert all(line.isprintable() for line in lines)

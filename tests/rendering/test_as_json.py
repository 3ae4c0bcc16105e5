import json
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from cch_audit.columns import COLUMNS
from cch_audit.rendering.as_json import render
from cch_audit.results import Interval, Report

from .reports import (
    EVERY_REPORT,
    HOSTILE,
    audit,
    confirmed_regression_report,
    confirmed_report,
    doubted_report,
    floored_report,
    hostile_report,
    known_report,
    ranked_report,
    regression_report,
    report,
)

SCHEMA = json.loads((files("cch_audit") / "schemas" / "report.schema.json").read_text("utf-8"))

every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)


def document(case: Report) -> Any:
    def refuse(literal: str) -> None:
        raise AssertionError(f"{literal} is not JSON")

    return json.loads(render(case), parse_constant=refuse)


@every_report
def test_follows_the_schema(case: Report) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(document(case))


def test_schema_knows_the_columns_of_a_ranking() -> None:
    assert SCHEMA["$defs"]["column_name"]["enum"] == list(COLUMNS)


def test_the_truth_of_a_level() -> None:
    levels = document(known_report())["audits"][0]["levels"]
    assert levels["representations"]["truth"] == {
        "teacher_student": 1.3125,
        "student_labels": 0.5,
        "gap": 0.8125,
    }
    assert levels["predictions"]["truth"] == {
        "teacher_student": None,
        "student_labels": 0.0625,
        "gap": None,
    }
    assert document(report())["audits"][0]["levels"]["predictions"]["truth"] is None


def test_the_floor_of_a_level() -> None:
    levels = document(floored_report())["audits"][0]["levels"]
    assert levels["representations"]["floor"]["estimate"] == -0.4375
    assert levels["predictions"]["floor"] is None


def test_doubts_and_what_they_are_about() -> None:
    found = document(doubted_report())
    assert found["audits"][0]["doubts"] == [
        {
            "kind": "near_copies",
            "reason": "12% of the rows have near-copies.",
            "remedy": "Name what rows come from with --groups.",
            "overruled": False,
        },
        {
            "kind": "file_order",
            "reason": "Rows next to each other in the file are alike.",
            "remedy": "Give --window auto.",
            "overruled": True,
        },
    ]
    assert document(report())["audits"][0]["doubts"] == []
    assert (found["input"]["n_groups"], found["input"]["n_units"]) == (341, 287.4375)
    assert document(regression_report())["input"]["n_units"] is None
    assert found["settings"]["window"] == 12


@every_report
def test_strings_and_numbers_survive(case: Report) -> None:
    for one, written in zip(case.audits, document(case)["audits"], strict=True):
        assert (written["teacher"], written["student"]) == (one.teacher, one.student)
        for level_name, level in one.levels.items():
            for name, result in level.estimators.items():
                numbers = written["levels"][level_name]["estimators"][name]["gap"]
                assert numbers["estimate"] == result.gap.estimate
                assert numbers["probability_positive"] == result.gap.probability_positive


def test_keys_that_scripts_read() -> None:
    written = document(report())
    assert written["schema_version"] == "2"
    assert written["tool"]["name"] == "cch-audit"
    assert written["input"]["labels"] == {
        "name": "labels/sentiment",
        "kind": "classes",
        "n_classes": 7,
        "entropy": 1.7171,
    }
    estimators = written["audits"][0]["levels"]["representations"]["estimators"]
    assert estimators["gaussian"]["bias"] is None
    assert estimators["lmi"]["flags"] == ["drift", "bias_sensitive"]


def test_a_report_says_what_it_is() -> None:
    kinds = {"one teacher": "check", "confirmed ranking": "rank", "sweep": "sweep"}
    for name, kind in kinds.items():
        written = document(EVERY_REPORT[name])
        assert written["kind"] == kind
        assert ("ranking" in written, "sweep" in written) == (kind == "rank", kind == "sweep")


def test_audits_have_the_same_keys_whatever_the_command() -> None:
    written = document(report())
    one = written["audits"][0]
    assert (one["baselines"], one["confirmation"], one["agreement"]) == (None, None, None)


def test_keys_of_a_training_run() -> None:
    one = document(confirmed_report())["audits"][0]
    found = one["confirmation"]
    assert (found["outcome"], found["metric"], one["agreement"]) == ("helps", "accuracy", "agrees")
    assert (found["source"], found["cause"], found["at"]) == ("heads", "transfer", 0)
    (size,) = found["curve"]
    change = size["metrics"]["accuracy"]["change"]
    assert set(change) == {"estimate", "low", "high", "standard_error", "irreducible"}
    assert size["controls"]["uniform"]["change"]["estimate"] == -0.0131
    assert size["grid"][0]["temperature"] == 1.0
    (row,) = {cell["temperature"] for cell in _grid(confirmed_regression_report())}
    assert row is None


def _grid(case: Report) -> Any:
    return document(case)["audits"][0]["confirmation"]["curve"][0]["grid"]


def test_keys_of_a_ranking() -> None:
    found = document(ranked_report())["ranking"]
    assert [one["rank"] for one in found["teachers"]] == [1, 2, 2, 4, 5, None, None]
    assert found["records"][found["by"]]["kendall_tau"] == 0.6
    assert document(ranked_report(confirm=False))["ranking"]["records"] == {}


def test_numbers_that_are_not_finite_become_null() -> None:
    one = audit()
    odd = Interval(float("nan"), float("-inf"), float("inf"), float("nan"))
    companions = replace(one.companions, teacher_labels=odd, label_entropy=float("nan"))
    written = document(report(replace(one, companions=companions)))
    jsonschema.validate(written, SCHEMA)
    assert set(written["audits"][0]["companions"]["teacher_labels"].values()) == {None}


def test_text_is_utf8_and_safe_to_print() -> None:
    text = render(hostile_report())
    assert text.endswith("}\n")
    text.encode("utf-8")
    assert all(c.isprintable() or c == "\n" for c in text)
    assert HOSTILE["emoji"] in text


@every_report
def test_same_report_same_bytes(case: Report) -> None:
    assert render(case) == render(case)


def test_json_does_not_import_rich() -> None:
    code = "import sys, cch_audit.rendering.as_json; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

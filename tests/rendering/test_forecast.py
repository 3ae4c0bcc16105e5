"""Forecasts in every format: what is said, what decides, and what is read back."""

import csv
import json
from dataclasses import replace
from importlib.resources import files
from io import StringIO
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from cch_audit.auditing.verdict import decided, of_forecast
from cch_audit.columns import COLUMNS
from cch_audit.errors import InputError
from cch_audit.rendering import content, render
from cch_audit.rendering.summary import summary
from cch_audit.results import Gate, Outcome, Report, Verdict
from cch_audit.results.forecast import ForecastOutcome, Source
from cch_audit.results.joined import audits_of

from .forecasts import forecast, of_targets
from .reports import HOSTILE, audit, forecast_report, foretold_report, ranked_report, report

SCHEMA = json.loads(files("cch_audit").joinpath("schemas/report.schema.json").read_text("utf-8"))
TWO = forecast_report(forecast(), of_targets(), names=("a", HOSTILE["surrogate"]))


@pytest.mark.parametrize("case", [forecast_report(), TWO], ids=["one", "two"])
def test_what_is_written_fits_the_schema_and_is_read_back(case) -> None:
    jsonschema.validate(json.loads(case.to_json()), SCHEMA)
    found = Report.from_json(case.to_json())
    assert found == case
    assert type(found) is type(case)


def test_a_report_without_forecasts_is_refused() -> None:
    document = json.loads(forecast_report().to_json())
    for forecasts, why in (([], r"forecasts\[0\] is missing"), (None, "no audit report")):
        with pytest.raises(InputError, match=why):
            Report.from_json(json.dumps({**document, "forecasts": forecasts}))


def test_the_table_says_everything() -> None:
    text = " ".join(render(forecast_report(), "table", width=120).split())
    for said in (
        "HELPS: mod/text into mod/audio.",
        "log-loss -0.0412 [-0.0524, -0.0300], -7.6 %, at T = 2, w = 0.5 with 400 labelled rows",
        "P(helps) 0.987",
        "bias +0.0021, noise -0.0345, shrinkage -0.0088",
        "from about 1,200 labelled rows on",
        "label smoothing T = 2, w = 0.2 +0.0123 [+0.0023, +0.0223] -0.0535 [-0.0700, +0.0100]",
        "400 * -0.0412",
        "-0.0412 *",
        "- 400 labelled rows are few for 81 parameters.",
    ):
        assert said in text


def test_numbers_have_neither_temperature_nor_shrinkage() -> None:
    text = render(forecast_report(of_targets()), "table", width=120)
    assert "temperature" not in text
    assert "shrinkage -" not in text
    assert "at no number of labelled rows" in text


@pytest.mark.parametrize("format", ["table", "markdown", "names", "csv", "junit", "github"])
def test_several_teachers_in_every_format(format: str) -> None:
    text = render(TWO, format)
    assert "\udce9" not in text
    assert "udce9" in text


@pytest.mark.slow
def test_pages_and_pictures() -> None:
    assert "<svg" in render(TWO, "html")
    assert content(TWO, "gain.svg") == content(TWO, "gain.svg")
    assert "P(helps)" in render(foretold_report(), "html")


def test_csv_has_a_row_for_every_cell() -> None:
    rows = list(csv.DictReader(StringIO(render(forecast_report(), "csv"))))
    assert len(rows) == 4
    assert {row["temperature"] for row in rows} == {"1.0", "2.0"}
    assert {row["forecast_estimate"] for row in rows} == {"-0.0412"}


def test_csv_of_audits_has_the_forecast() -> None:
    (row, *_) = csv.DictReader(StringIO(render(foretold_report(), "csv")))
    assert (row["forecast_outcome"], row["forecast_source"]) == ("helps", "transfer")
    assert (row["forecast_estimate"], row["forecast_ends_at"]) == ("-0.0412", "1234")


@pytest.mark.parametrize(
    ("outcome", "source", "says"),
    [
        ("helps", "transfer", "pass"),
        ("helps", "regularisation", "fail"),
        ("helps", "open", "undecided"),
        ("hurts", None, "fail"),
        ("no_change", None, "fail"),
        ("undecided", None, "undecided"),
    ],
)
def test_what_a_forecast_stands_for(
    outcome: ForecastOutcome, source: Source | None, says: Verdict
) -> None:
    found = forecast(outcome, source)
    assert of_forecast(found) == says
    any_cause: Outcome = "helps"
    assert of_forecast(found, "regularisation") == ("pass" if outcome == any_cause else says)
    suite = ET.fromstring(render(forecast_report(found), "junit"))
    tags = {"pass": "system-out", "fail": "failure", "undecided": "skipped"}
    (case,) = suite.iter("testcase")
    assert case[0].tag == tags[says]
    levels = {"pass": "notice", "fail": "error", "undecided": "warning"}
    assert f"::{levels[says]} title=cch-audit%3A {says}" in render(forecast_report(found), "github")


@pytest.mark.parametrize(
    ("gate", "says"),
    [("verdict", "pass"), ("forecast", "fail"), ("verdict_forecast", "fail"), ("none", "pass")],
)
def test_what_the_gate_asks(gate: Gate, says: Verdict) -> None:
    one = replace(audit(), forecast=forecast("hurts", None))
    assert decided(one, gate) == says
    found = replace(report(one), gate=gate, decision=says)
    assert ("the forecast" in summary(found).partition("Forecast:")[0]) == ("forecast" in gate)
    things = [
        case.get("classname") for case in ET.fromstring(render(found, "junit")).iter("testcase")
    ]
    assert ("cch-audit.forecast" in things) == ("forecast" in gate)


def test_without_a_forecast_its_gate_is_undecided() -> None:
    assert decided(audit(), "forecast") == "undecided"


def test_a_forecast_stands_beside_the_verdict() -> None:
    found = foretold_report()
    assert "Forecast: KD helps by transfer (log-loss -0.0412" in summary(found)
    assert "What is training to gain?" in render(found, "table", brief=True)
    shown = render(found, "table")
    assert "Forecast: what training gains, without training: HELPS" in shown


def test_a_ranking_has_its_column() -> None:
    base = ranked_report(confirm=False)
    audits = tuple(replace(one, forecast=forecast()) for one in base.audits)
    text = render(replace(base, audits=audits), "table", width=200)
    assert COLUMNS["forecast"].meaning[:40] in text
    assert "with 400 labelled rows" in text
    assert COLUMNS["forecast"].value(audits[0]) == 0.0412


def test_it_is_shown_alone() -> None:
    with pytest.raises(InputError, match="is shown alone"):
        audits_of([report(), forecast_report()])

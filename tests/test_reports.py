import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cch_audit.errors import InputError
from cch_audit.results import CheckReport, PerInformation, RankReport, Report, SweepReport
from cch_audit.results.files import SCHEMA_VERSION, WITHOUT_TRAINING, read
from tests.rendering.reports import (
    EVERY_REPORT,
    audit,
    confirmed_report,
    ranked_report,
    report,
    swept_report,
)

COMMITTED = sorted((Path(__file__).parent.parent / "fixtures/evidence/reports").rglob("*.json"))

every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)


def document(case: Report) -> Any:
    return json.loads(case.to_json())


def refusal(found: Any) -> str:
    with pytest.raises(InputError) as caught:
        Report.from_json(json.dumps(found))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@every_report
def test_what_is_written_is_read_back(case: Report) -> None:
    found = Report.from_json(case.to_json())
    assert found == case
    assert type(found) is type(case)
    assert found.to_json() == case.to_json()


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_real_reports_are_read_back(path: Path) -> None:
    found = read(path)
    assert Report.from_json(found.to_json()) == found
    written, kept = document(found), json.loads(path.read_text(encoding="utf-8"))
    keys = ["levels", "companions"]
    if kept["schema_version"] == SCHEMA_VERSION:
        keys.append("confirmation")
    for key in keys:
        assert part_of(kept["audits"][0][key], written["audits"][0][key])


def part_of(before: Any, now: Any) -> bool:
    """Whether a document still says what it said, beside what was not known at its time."""
    if isinstance(before, dict):
        return all(key in now and part_of(value, now[key]) for key, value in before.items())
    return bool(before == now)


OLD_RUN = {"outcome": "helps", "metric": "accuracy", "change": {"estimate": 0.1, "p": 0.01}}


@pytest.mark.parametrize(
    "case", [confirmed_report(), ranked_report(), swept_report()], ids=lambda case: case.kind
)
def test_reports_of_version_1_are_read_without_their_training_runs(case: Report) -> None:
    before = document(replace(case, gate="both", decision="fail"))
    before["schema_version"] = "1"
    for one in before["audits"]:
        one["confirmation"] = OLD_RUN
    found = Report.from_json(json.dumps(before))
    assert {(one.confirmation, one.agreement) for one in found.audits} == {(None, None)}
    assert [one.levels for one in found.audits] == [one.levels for one in case.audits]
    assert found.warnings == (*case.warnings, WITHOUT_TRAINING)
    assert (found.gate, found.decision) == ("verdict", case.verdict)
    if isinstance(found, RankReport):
        assert not found.ranking.records
        assert {place.columns["gain"] for place in found.ranking.teachers} == {None}
    if isinstance(found, SweepReport):
        assert found.sweep.gain_crossing is None
    for format in ("table", "markdown", "csv", "junit", "github", "json"):
        assert found.render(format)
    assert Report.from_json(found.to_json()) == found


def test_reports_of_version_1_without_training_runs_are_read_as_they_are() -> None:
    before = {**document(report()), "schema_version": "1"}
    assert Report.from_json(json.dumps(before)) == report()


@pytest.mark.parametrize("part", ["audits", "warnings", "ranking", "sweep", "settings"])
@pytest.mark.parametrize("value", [None, 3, "x", [], [1], {}, {"teachers": 3}])
def test_a_spoilt_report_of_version_1_is_read_or_refused(part: str, value: Any) -> None:
    before = {**document(confirmed_report()), "schema_version": "1", part: value}
    try:
        found = Report.from_json(json.dumps(before))
    except InputError as err:
        said = str(err)
    else:
        said = "the report: is read"
        assert all(one.confirmation is None for one in found.audits)
    assert said.startswith("the report: ")


def test_what_a_training_run_speaks_of_must_be_there() -> None:
    beyond, without = (document(confirmed_report()) for _ in range(2))
    beyond["audits"][0]["confirmation"]["at"] = 1
    assert "audits[0].confirmation.curve[1] is missing" in refusal(beyond)
    del without["audits"][0]["confirmation"]["curve"][0]["metrics"]["accuracy"]
    where = "audits[0].confirmation.curve[0].metrics.accuracy is missing"
    assert where in refusal(without)


def test_settings_have_one_form_however_they_are_given() -> None:
    one = replace(report(), settings={"estimator": ["ksg", "lmi"], "ksg": {"a": [[1], (2,)]}})
    assert one.settings == {"estimator": ("ksg", "lmi"), "ksg": {"a": ((1,), (2,))}}
    assert Report.from_json(one.to_json()) == one


@pytest.mark.parametrize(
    "known",
    [
        PerInformation(math.inf, 0.5, math.inf),
        PerInformation(0.5, math.inf, -math.inf),
        PerInformation(0.75, 0.5, 0.25),
    ],
)
def test_infinite_truths_are_read_back(known: PerInformation) -> None:
    base = audit()
    levels = {name: replace(level, truth=known) for name, level in base.levels.items()}
    one = report(replace(base, levels=levels))
    assert Report.from_json(one.to_json()) == one


def test_another_number_that_is_not_finite_is_read_as_nan_or_none() -> None:
    base = audit()
    odd = replace(base.companions.teacher_labels, low=-math.inf, high=math.nan)
    companions = replace(base.companions, teacher_labels=odd, label_variance=math.inf)
    found = Report.from_json(report(replace(base, companions=companions)).to_json())
    read_back = found.audits[0].companions
    assert math.isnan(read_back.teacher_labels.low)
    assert math.isnan(read_back.teacher_labels.high)
    assert read_back.label_variance is None


@pytest.mark.parametrize(
    ("case", "kind"),
    [(report(), CheckReport), (ranked_report(), RankReport), (swept_report(), SweepReport)],
)
def test_reports_that_do_not_say_what_they_are(case: Report, kind: type) -> None:
    """As cch-audit 0.1.0 wrote them, without what was added later."""
    before = {"ranking": None, "sweep": None, **document(case)}
    del before["kind"], before["input"]["n_units"]
    for one in before["audits"]:
        del one["doubts"]
    found = Report.from_json(json.dumps(before))
    assert type(found) is kind
    assert found == replace(case, input=replace(case.input, n_units=None))


def test_keys_of_the_future_are_passed_over() -> None:
    found = document(report())
    found["audits"][0]["levels"]["representations"]["reach"] = found["age"] = 3
    assert Report.from_json(json.dumps(found)) == report()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_bytes_are_read_too(encoding: str) -> None:
    assert Report.from_json(report().to_json().encode(encoding)) == report()


def test_a_kind_that_is_not_known() -> None:
    assert refusal({**document(report()), "kind": "guess"}) == (
        'the report: kind is "guess", expected one of check, rank, sweep, forecast, map; write '
        "the report again with --format json"
    )


def test_a_part_that_is_missing() -> None:
    found = document(ranked_report())
    del found["ranking"]
    assert refusal(found).startswith("the report: ranking is missing; write")


@pytest.mark.parametrize("number", [True, "3", 1.5])
def test_whole_numbers_are_no_other_values(number: Any) -> None:
    found = document(report())
    found["input"]["n_rows"] = number
    assert "input.n_rows is" in refusal(found)
    assert "expected a whole number" in refusal(found)


def test_what_is_spoken_of_must_be_there() -> None:
    gated, voters, ranked, steps = (
        document(case) for case in (report(), report(), ranked_report(), swept_report())
    )
    gated["audits"][0]["gated"] = ["x"]
    assert "audits[0].levels.x is missing" in refusal(gated)
    voters["audits"][0]["levels"]["predictions"]["voters"] = []
    assert "audits[0].levels.predictions.voters[0] is missing" in refusal(voters)
    del ranked["audits"][2]
    assert "the audit of ranking.teachers[2] is missing" in refusal(ranked)
    del steps["audits"][2]
    assert "sweep.steps" in refusal(steps)


def test_results_do_not_import_pydantic() -> None:
    code = "import sys, cch_audit.results.files; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

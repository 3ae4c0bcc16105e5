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
from cch_audit.results.files import read
from tests.rendering.reports import EVERY_REPORT, audit, ranked_report, report, swept_report

COMMITTED = sorted((Path(__file__).parent.parent / "fixtures/evidence/reports").glob("*.json"))

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
    assert {key: kept["audits"][0][key] for key in ("levels", "companions", "confirmation")} == {
        key: written["audits"][0][key] for key in ("levels", "companions", "confirmation")
    }


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
        'the report: kind is "guess", expected one of check, rank, sweep; write the report again '
        "with --format json"
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

import csv
import json
import math
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from cch_audit.choice.ranking import rank_teachers
from cch_audit.columns import COLUMNS, Column, forecasters, title
from cch_audit.errors import InputError
from cch_audit.evidence.ledger import keep_ledger
from cch_audit.evidence.read import read_evidence
from cch_audit.rendering import render
from cch_audit.results import Audit, RankReport, Report
from cch_audit.settings import RankSettings
from tests.evidence.trials import write
from tests.generate_schemas import schemas
from tests.manual import pages, with_settings
from tests.rendering.reports import audit, ranked_report


def reach(audit: Audit) -> float:
    return 0.4213 + audit.companions.teacher_labels.estimate


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> RankReport:
    """A ranking by a column that is added by one edit."""
    column = Column(reach, "the reach", "reach", "how far a teacher reaches", "nats")
    monkeypatch.setitem(COLUMNS, "reach", column)
    base = ranked_report()
    found = rank_teachers(base.audits, RankSettings(by="reach").by, {})
    return replace(base, ranking=found)


@pytest.mark.parametrize(
    "format",
    ["table", "markdown", pytest.param("html", marks=pytest.mark.slow), "json", "csv"],
)
def test_an_added_column_is_in_every_format(added: RankReport, format: str) -> None:
    text = " ".join(render(added, format, width=200).split())
    if format in ("json", "csv"):
        assert str(reach(added.audits[0])) in text
        return
    assert f"{reach(added.audits[0]):.3f}" in text
    assert "Ranking by the reach" in text
    assert "how far a teacher reaches" in text
    assert "the reach (this ranking)" in text


def test_an_added_column_has_its_unit(added: RankReport) -> None:
    bits = f"{reach(added.audits[0]) / math.log(2):.3f}"
    assert bits in render(added, "table", units="bits", width=200)
    (row, *_) = csv.DictReader(StringIO(render(added, "csv", units="bits")))
    assert float(row["ranking_reach"]) == reach(added.audits[0]) / math.log(2)


def test_an_added_column_survives_json_and_is_in_the_schema(added: RankReport) -> None:
    assert Report.from_json(added.to_json()) == added
    for text in schemas().values():
        assert "reach" in json.loads(text)["$defs"]["column_name"]["enum"]


def test_an_added_column_is_a_forecaster(added: RankReport, tmp_path: Path) -> None:
    ledger = keep_ledger(read_evidence([write(tmp_path, added)], controls=False))
    assert [one.columns["reach"] for one in ledger.trials] == [
        reach(one) for one in added.audits if not one.is_control
    ]
    assert "reach" in [record.forecaster for record in ledger.scores]
    assert "the reach" in render(ledger, "table", width=200)


def test_an_added_column_is_in_the_manual(added: RankReport) -> None:
    (page,) = (one for one in pages() if one.name == "cch-audit-rank")
    written = with_settings(page.source.read_text(encoding="utf-8"), page)
    assert "`reach`\\\nThe reach: how far a teacher reaches.\n" in written


def test_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"`by`: expected one of gap, .*, gain, found 'reach'"):
        RankSettings(by="reach")
    assert title("some_thing") == "some thing"


def test_every_column_is_explained_and_said_in_one_way() -> None:
    for field in ("title", "header", "meaning"):
        found = [getattr(column, field) for column in COLUMNS.values()]
        assert all(found)
    assert len({column.title for column in COLUMNS.values()}) == len(COLUMNS)
    assert [*COLUMNS][1:-1] == [*forecasters()]


def test_a_lower_end_that_is_not_known_makes_a_gap_unknown() -> None:
    one = audit()
    level = one.levels["representations"]
    lmi = level.estimators["lmi"]
    odd = replace(lmi, verdict_interval=replace(lmi.verdict_interval, low=math.nan))
    levels = {"representations": replace(level, estimators={**level.estimators, "lmi": odd})}
    value = COLUMNS["gap"].value(replace(one, levels=levels))
    assert value is not None
    assert math.isnan(value)

import re
from itertools import groupby

import pytest

from cch_audit.rendering.markdown import render
from cch_audit.rendering.summary import summary
from cch_audit.results import RankReport, Report

from .reports import (
    EVERY_REPORT,
    audit,
    confirmed_report,
    floored_report,
    hostile_report,
    known_report,
    ranked_report,
    report,
)

every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)


@every_report
def test_rows_of_a_table_have_equally_many_cells(case: Report) -> None:
    lines = render(case, units="nats").splitlines()
    tables = [list(rows) for is_row, rows in groupby(lines, lambda x: x.startswith("|")) if is_row]
    assert len(tables) >= 3
    for rows in tables:
        assert len({row.count("|") for row in rows}) == 1
        assert set(rows[1]) == set("| -")


def test_opens_with_the_verdict() -> None:
    verdict, rest = summary(report()).split(":", 1)
    assert render(report(), units="nats").splitlines()[0] == f"**{verdict}**:{rest}"


def folded(case: Report) -> int:
    """Count the parts folded away beside the teachers': meaning, input, columns, records."""
    return 2 if not isinstance(case, RankReport) else 3 + bool(case.ranking.records)


@every_report
def test_names_cannot_write_markdown_or_html(case: Report) -> None:
    text = render(case, units="nats")
    tags = set(re.findall(r"<[^>]*>", text))
    assert tags <= {
        *("<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"),
    }
    assert "`" not in text
    assert text.count("<details>") == text.count("</details>") == len(case.audits) + folded(case)
    assert all(c.isprintable() or c == "\n" for c in text)


def test_hostile_names_are_entities() -> None:
    text = render(hostile_report(), units="nats")
    assert "<code>a&#124;b&#96;c&#96;&#60;img src=x&#62;&#42;d&#42;&#95;e&#95;</code>" in text
    assert "segment_00/segment_01" in text


def test_warnings_are_not_folded() -> None:
    text = render(report(), units="nats")
    assert text.index("> **WARNING**") < text.index("<details>")


def test_a_comment_has_room_for_it() -> None:
    many = [audit(f"teacher {number}") for number in range(60)]
    text = render(report(*many), units="nats")
    assert len(text) < 65_536
    top, details = text.split("<details>", 1)
    assert "| **PASS** | 0.705 to 0.820 | <code>teacher 59</code> |" in top
    assert "<code>teacher 9</code> to" in details
    assert "<code>teacher 59</code> to" not in details
    assert text.endswith("--format html shows all.\n")


def test_it_explains_itself_where_it_is_folded() -> None:
    visible, *folded = render(report(audit(verdict="fail"), verdict="fail"), units="nats").split(
        "<details>"
    )
    assert "Knowledge distillation trains a student" not in visible
    assert "Knowledge distillation trains a student" in folded[0]
    assert "- Do not count on a gain from this teacher." in folded[0]
    assert "| seed | <code>0</code> |" in folded[1]


def test_unit_is_in_the_header() -> None:
    text = render(report(), units="bits")
    assert "| I(teacher;student), bits |" in text
    assert "1.781 &#91;1.637, 1.925&#93;" in text


def test_the_truth_is_a_row_of_every_level() -> None:
    visible, folded = render(known_report(), units="nats").split("<details>", 1)
    assert "| representations | truth |  | 1.312 | 0.500 | 0.812 |" in visible
    assert "| truth |  | 1.312 | 0.500 | 0.812 |" in folded
    assert "| truth |  | inf | 0.062 | inf |" in folded


def test_the_floor_is_a_row_of_its_level() -> None:
    visible, folded = render(floored_report(), units="nats").split("<details>", 1)
    row = "floor |  |  |  | -0.438 &#91;-0.537, -0.338&#93; |"
    assert visible.count(f"| representations | {row}") == 1
    assert folded.count(f"| {row}") == 1


def test_the_outcome_is_visible_and_the_training_run_folded() -> None:
    text = render(confirmed_report(), units="nats")
    top, details = text.split("<details>", 1)
    assert "Measured: KD helps (accuracy +0.0105" in top
    assert "its rows shuffled within each class" not in top
    assert "| its rows shuffled within each class | -0.0139" in details
    assert "| 3 | +0.0145 | +0.0135 (3) | +0.0115 (2) |" in details


def test_every_teacher_has_a_visible_sentence() -> None:
    top = render(EVERY_REPORT["two confirmed teachers"], units="nats").split("<details>", 1)[0]
    assert "- mod/text: Measured: KD helps" in top
    assert "- b: Measured: no detectable change by KD" in top


def test_a_ranking_is_one_visible_table() -> None:
    text = render(ranked_report(), units="nats")
    top = text.split("<details>", 1)[0]
    rows = [line.split(" | ") for line in top.splitlines() if line.startswith("|")]
    assert [row[0] for row in rows[2:]] == ["| 1", "| 2", "| 2", "| 4", "| 5", *["| control"] * 2]
    assert rows[2][1] == "<code>transcriptome/expression_top200</code>"
    assert {len(row) for row in rows} == {16}
    assert "- student: mod/audio (74 dimensions)" in top
    assert "Kendall tau" in text[len(top) :]

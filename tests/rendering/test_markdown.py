import re
from itertools import groupby

import pytest

from cch_audit.rendering import render
from cch_audit.rendering.summary import summary
from cch_audit.results import Report
from cch_audit.settings.formats import Units

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


def markdown(case: Report, units: Units = "nats") -> str:
    return render(case, "markdown", units=units)


def parts(text: str) -> tuple[str, str]:
    """Return what is visible at first, and what is folded away."""
    visible, folded, depth = [], [], 0
    for line in text.splitlines():
        depth += line == "<details>"
        (folded if depth else visible).append(line)
        depth -= line == "</details>"
    return "\n".join(visible), "\n".join(folded)


@every_report
def test_rows_of_a_table_have_equally_many_cells(case: Report) -> None:
    lines = markdown(case, units="nats").splitlines()
    tables = [list(rows) for is_row, rows in groupby(lines, lambda x: x.startswith("|")) if is_row]
    assert len(tables) >= 3
    for rows in tables:
        assert len({row.count("|") for row in rows}) == 1
        assert set(rows[1]) == set("| -")


def test_opens_with_the_verdict() -> None:
    verdict, rest = summary(report()).split(":", 1)
    assert markdown(report(), units="nats").splitlines()[0] == f"**{verdict}**:{rest}"


@every_report
def test_names_cannot_write_markdown_or_html(case: Report) -> None:
    text = markdown(case, units="nats")
    tags = set(re.findall(r"<[^>]*>", text))
    assert tags <= {
        *("<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"),
    }
    assert "`" not in text
    assert text.count("<details>") == text.count("</details>")
    assert all(c.isprintable() or c == "\n" for c in text)


def test_hostile_names_are_entities() -> None:
    text = markdown(hostile_report(), units="nats")
    assert "a&#124;b&#96;c&#96;&#60;img src=x&#62;&#42;d&#42;&#95;e&#95;" in text
    assert "segment_00/segment_01" in text


def test_warnings_are_not_folded() -> None:
    text = markdown(report(), units="nats")
    assert text.index("> **WARNING**") < text.index("<details>")


def test_a_comment_has_room_for_it() -> None:
    many = [audit(f"teacher {number}") for number in range(60)]
    text = markdown(report(*many), units="nats")
    assert len(text) < 65_536
    assert "| **PASS** | 0.705 to 0.820 | teacher 59 |" in text
    assert "<summary>Teacher teacher 9: PASS</summary>" in text
    assert "<summary>Teacher teacher 59: PASS</summary>" not in text
    assert text.endswith("--format html shows all.\n")


def test_a_name_is_no_mention_and_no_address() -> None:
    names = ["@someone", "see #12", "http://evil.example", "www.evil.example"]
    text = markdown(report(*map(audit, names)))
    for word in ("&#64;someone", "&#35;12", "http://evil.example", "www.evil.example"):
        assert f"<code>{word}</code>" in text
        assert word not in text.replace(f"<code>{word}", "")


def test_it_explains_itself_where_it_is_folded() -> None:
    text = markdown(report(audit(verdict="fail"), verdict="fail"))
    visible, folded = parts(text)
    assert "Knowledge distillation trains a student" not in visible
    assert "Knowledge distillation trains a student" in folded
    assert "- Do not count on a gain from this teacher." in visible
    assert "- seed: 0" in folded


def test_unit_is_in_the_header() -> None:
    text = markdown(report(), units="bits")
    assert "| I(teacher;student), bits |" in text
    assert "1.781 &#91;1.637, 1.925&#93;" in text


def test_the_truth_is_a_row_of_every_level() -> None:
    visible, folded = parts(markdown(known_report()))
    assert "| truth |  | 1.312 | 0.500 | 0.812 |" in visible
    assert "| truth |  | inf | 0.062 | inf |" in folded


def test_the_floor_is_a_row_of_its_level() -> None:
    visible, folded = parts(markdown(floored_report()))
    row = "| floor |  |  |  | -0.438 &#91;-0.537, -0.338&#93; |"
    assert visible.count(row) == 1
    assert folded.count(row) == 0


def test_the_outcome_is_visible_and_the_training_run_folded() -> None:
    visible, folded = parts(markdown(confirmed_report()))
    assert "Measured: KD helps by transfer (accuracy +0.0105" in visible
    assert "| Does training gain? | **HELPS** | accuracy +0.0105" in visible
    assert "rows shuffled within each class" not in visible
    assert "| the teacher with its rows shuffled within each class | -0.0139" in folded
    assert "| 0.3 | +0.0095 | +0.0115 (1) | +0.0135 (3) | +0.0155 (1) |" in folded


def test_every_teacher_has_a_visible_sentence() -> None:
    visible, _ = parts(markdown(EVERY_REPORT["two confirmed teachers"]))
    assert "- mod/text: Measured: KD helps" in visible
    assert "- b: Measured: no change by KD that matters" in visible


def test_a_ranking_is_visible() -> None:
    visible, folded = parts(markdown(ranked_report()))
    rows = [line.split(" | ") for line in visible.splitlines() if line.startswith("|")]
    ranks = [row[0] for row in rows if len(row) == 6 and row[0] not in ("| rank", "| ---")]
    assert ranks == ["| 1", "| 2", "| 2", "| 4", "| 5", *["| control"] * 2]
    assert "| 1 | transcriptome/expression_top200 | 300 | **PASS** |" in visible
    assert "- student: mod/audio (74 dimensions)" in visible
    assert "Kendall tau" in visible
    assert "Predictions" in folded

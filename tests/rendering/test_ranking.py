"""The ranking in the table."""

from dataclasses import replace

import pytest

from cch_audit.choice.ranking import first_teachers
from cch_audit.results import RankReport, Report

from .reports import (
    CONTROLS,
    EVERY_REPORT,
    ranked_hostile_report,
    ranked_regression_report,
    ranked_report,
)
from .test_table import joined, table

RANKED = {name: case for name, case in EVERY_REPORT.items() if isinstance(case, RankReport)}
every_ranking = pytest.mark.parametrize("case", RANKED.values(), ids=RANKED)


def section(text: str, title: str) -> str:
    """Return a part of the table from its title to the next one."""
    start = text.index(title)
    titles = ("Ranking by", "What else", "Measured: training", "How well each", "Notes")
    ends = [text.find(f"\n{other}", start) for other in titles]
    return text[start : min(end for end in ends if end >= 0)]


def column(text: str, header: str) -> str:
    """Return what stands below a header, until the next one, without white space."""
    lines = text.splitlines()
    top = next(line for line in lines if header in line)
    start = top.index(header)
    later = [i for i in range(start + 1, len(top)) if top[i - 1] == " " and top[i] != " "]
    end = min((i for i in later if top[start:i].endswith("  ")), default=len(top))
    return joined("".join(line[start:end] for line in lines))


@every_ranking
def test_every_teacher_is_in_every_table_whole(case: Report) -> None:
    text = table(case, width=80, unicode=False)
    for one in case.audits:
        name = one.teacher.encode("unicode_escape").decode()
        assert joined(name) in column(section(text, "Ranking by"), "teacher")
        assert joined(name) in column(section(text, "What else"), "teacher")


@pytest.mark.slow
@every_ranking
@pytest.mark.parametrize("width", [*range(40, 130, 6), 200, 100_000])
def test_no_number_is_cut(case: Report, width: int) -> None:
    text = table(case, width=width)
    for one in case.audits:
        companion = one.companions.teacher_labels
        assert f"[{companion.low:.3f}, {companion.high:.3f}]" in text
        if one.confirmation is not None and one.confirmation.metric == "accuracy":
            change = one.confirmation.main.change
            assert f"[{change.low:+.4f}, {change.high:+.4f}]" in text


def test_order_ranks_and_controls() -> None:
    lines = section(table(ranked_report()), "Ranking by").splitlines()
    starts = [line.split()[0] for line in lines[5:] if line[:1].strip()]
    assert starts == ["1", "2", "2", "4", "5", "control", "control"]


def test_gap_is_a_range_over_a_hull() -> None:
    lines = section(table(ranked_report()), "Ranking by").splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("1 "))
    # The reference has the smallest gap, 0.550, and does not vote.
    assert "0.705 to 0.820    0.107 to 0.119" in lines[row]
    assert "[0.585, 1.057]    [-0.013, 0.356]" in lines[row + 1]


def test_columns_that_apply_to_no_teacher_are_left_out() -> None:
    classes, continuous = table(ranked_report()), table(ranked_regression_report())
    for header in ("accuracy", "H-score"):
        assert header in section(classes, "What else")
        assert header not in section(continuous, "What else")
    assert "R^2" in section(continuous, "What else")
    assert "R^2" not in section(classes, "What else")


def test_without_training_there_are_two_tables() -> None:
    text = table(ranked_report(confirm=False))
    assert "Measured: training" not in text
    assert "Kendall" not in text
    assert "HELPS" not in text


def test_what_training_showed() -> None:
    text = section(table(ranked_report(), width=80), "Measured: training")
    row = text[text.index("clinic") :]
    for cell in ("+0.0105", "HELPS", "FAIL:", "-0.0131"):
        assert cell in row.splitlines()[0]
    for cell in ("[+0.0026, +0.0184]", "by transfer", "disagrees", "label smoothing"):
        assert cell in row.splitlines()[1]


def test_a_lower_error_makes_the_best_control() -> None:
    text = section(table(ranked_regression_report()), "Measured: training")
    assert "a matched ridge penalty" in text
    assert "-0.0310" in text
    row = next(line for line in text.splitlines() if line.startswith("x4"))
    assert row.split() == ["x4", "n/a", "n/a", "n/a", "n/a"]


def test_records() -> None:
    text = section(table(ranked_report()), "How well each")
    assert "gap on representations (this ranking)  0.600        0.0000        0 %" in text
    assert "CKA                                    n/a          0.0205        50 %" in text


def test_the_student_is_measured_once() -> None:
    text = table(ranked_report())
    assert text.count("0.530 [0.430, 0.630]") == 1
    assert text.index("I(S;Y)") < text.index("Ranking by")


def test_shared_notes_are_said_once() -> None:
    text = joined(table(ranked_report()))
    assert text.count(joined("The levels disagree")) == 1
    assert joined("all teachers: The levels disagree") in text
    base = ranked_report(confirm=False)
    odd = [
        replace(one, notes=("A note.",) if i in (0, 3) else ()) for i, one in enumerate(base.audits)
    ]
    text = joined(table(replace(base, audits=tuple(odd))))
    assert joined("transcriptome/expression_top200, methylation: A note.") in text


def test_footnotes_say_what_orders_and_what_a_rank_means() -> None:
    text = joined(table(ranked_report()))
    assert joined("Teachers are ordered by gap on representations, by its lower end.") in text
    assert joined("Those of the same rank cannot be told apart") in text
    assert joined("Controls are no teachers") in text
    assert joined("Controls are no teachers") not in joined(table(ranked_report(controls=False)))


def test_a_score_has_no_test_behind_its_ranks() -> None:
    base = ranked_report()
    assert isinstance(base, RankReport)
    text = joined(table(replace(base, ranking=replace(base.ranking, by="log_me"))))
    assert joined("ordered by LogME. Those of the same rank have the same value.") in text
    assert "Holm" not in text


def test_verbose_adds_what_check_prints() -> None:
    text, verbose = table(ranked_report()), table(ranked_report(), verbose=True)
    assert "Teacher proteins: PASS" not in text
    assert "Teacher proteins: PASS" in verbose
    assert "rank     2 (cannot be told apart from" in verbose
    assert verbose.count("Confirmation: a quick training run") == 7
    assert "--verbose" in text
    assert "--verbose" not in verbose


def test_only_the_first_may_be_shown() -> None:
    base = ranked_report(confirm=False, controls=False)
    assert isinstance(base, RankReport)
    top = replace(base.ranking, teachers=base.ranking.teachers[:2])
    text = table(replace(base, ranking=top))
    assert "Ranking by gap on representations, the first 2 of 5; gaps in nats" in text
    assert "methylation" not in text
    assert "PASS: 2 of 5 teachers pass" in text


def test_bits_leave_scores_and_changes_alone() -> None:
    text = table(ranked_report(), units="bits")
    assert "1.016 to 1.183" in text
    assert "1.169\n" not in section(text, "What else")
    for unchanged in ("-0.432", "1.234", "0.345", "+0.0105", "0.0041"):
        assert unchanged in text


def test_an_unknown_column_keeps_its_name() -> None:
    base = ranked_report()
    assert isinstance(base, RankReport)
    text = table(replace(base, ranking=replace(base.ranking, by="some_new_column")))
    assert "Ranking by some new column" in text


def test_controls_are_marked_in_every_table() -> None:
    text = table(ranked_report(), width=200)
    assert text.count(f"\n{CONTROLS[1]} ") == 2
    assert "(control)" not in text
    assert table(ranked_hostile_report(), width=200).count("segment_14 (control)") == 2


def test_top_counts_teachers_alone() -> None:
    base = ranked_report()
    assert isinstance(base, RankReport)
    text = table(replace(base, ranking=first_teachers(base.ranking, 2)))
    assert "Ranking by gap on representations, the first 2 of 5; gaps in nats" in text
    assert ", the first 5" not in table(base)


def test_the_column_that_orders_is_marked_among_the_records() -> None:
    base = ranked_report()
    assert isinstance(base, RankReport)
    assert "gap on representations (this ranking)" in table(base)
    # The gap is that of the gated level.
    by_gap = table(replace(base, ranking=replace(base.ranking, by="gap")))
    assert "gap on representations (this ranking)" in by_gap


def test_meanings_are_of_the_columns_that_are_shown() -> None:
    base = ranked_report()
    assert isinstance(base, RankReport)
    records = {name: replace(one, kendall_tau=None) for name, one in base.ranking.records.items()}
    text = table(replace(base, ranking=replace(base.ranking, records=records)))
    assert "Kendall" not in text
    assert "Kendall tau" in table(base)

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len

from cch_audit.rendering import Units, render
from cch_audit.rendering.text import printable, span
from cch_audit.results import RankReport, Report, SweepReport

from .reports import (
    EVERY_REPORT,
    HOSTILE,
    audit,
    doubted_report,
    floored_report,
    hostile_report,
    known_report,
    regression_report,
    report,
)

WIDTHS = (40, 80, 120, 200, 100_000)
SGR = re.compile(r"\x1b\[[0-9;]*m")

every_report = pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)


def table(
    case: Report,
    *,
    width: int = 80,
    units: Units = "nats",
    verbose: bool = False,
    color: bool = False,
    unicode: bool = True,
) -> str:
    return render(
        case, "table", units=units, verbose=verbose, width=width, color=color, unicode=unicode
    )


def joined(text: str) -> str:
    """Undo folding: what is left when all white space is gone."""
    return re.sub(r"\s", "", text)


@pytest.mark.slow
@every_report
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("unicode", [True, False])
def test_lines_fit_and_nothing_is_cut(case: Report, width: int, unicode: bool) -> None:
    text = table(case, width=width, verbose=True, unicode=unicode)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    assert "..." not in text
    for one in case.audits:
        for name in (one.teacher, one.student, case.input.labels.name):
            assert joined(printable(name, unicode=unicode)) in joined(text)


@pytest.mark.slow
@every_report
@pytest.mark.parametrize("width", [80, 200, 100_000])
def test_every_interval_is_there(case: Report, width: int) -> None:
    short = isinstance(case, (RankReport, SweepReport))
    text = joined(table(case, width=width, verbose=short))
    for one in case.audits:
        for level in one.levels.values():
            for result in level.estimators.values():
                for value in (result.student_labels, result.verdict_interval):
                    # At 80 columns an interval of 78 nats takes two lines, shared with others.
                    if width > 80 or abs(value.high) < 10:
                        assert joined(span(value)) in text


@pytest.mark.slow
@every_report
def test_without_color_there_is_no_escape_sequence(case: Report) -> None:
    assert "\x1b" not in table(case, verbose=True)


@pytest.mark.slow
@every_report
def test_color_adds_nothing_but_color(case: Report) -> None:
    colored = table(case, verbose=True, color=True)
    assert "\x1b" in colored
    stripped = [line.rstrip() for line in SGR.sub("", colored).splitlines()]
    assert stripped == table(case, verbose=True).splitlines()


@pytest.mark.slow
@every_report
def test_no_control_character_reaches_the_terminal(case: Report) -> None:
    text = table(case, verbose=True)
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.slow
@every_report
def test_ascii_terminals_get_ascii(case: Report) -> None:
    assert table(case, verbose=True, unicode=False).isascii()


@pytest.mark.slow
@every_report
def test_same_report_same_bytes(case: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    before = table(case, color=True)
    for name, value in (("NO_COLOR", "1"), ("COLUMNS", "33"), ("TERM", "dumb")):
        monkeypatch.setenv(name, value)
    assert table(case, color=True) == before


def test_verdict_is_a_word_on_the_last_lines() -> None:
    text = table(report(), width=200)
    assert text.splitlines()[-1] == (
        "PASS: I(teacher;student) exceeds I(student;labels) on representations: "
        "all 3 estimators agree, gap 0.705 to 0.820 nats."
    )


def test_deciding_level_comes_first() -> None:
    text = table(report())
    assert text.index("Representations: PASS (decides") < text.index("Predictions: UNDECIDED")
    assert "shown, not gated" in text


def test_one_line_per_estimator_when_it_fits() -> None:
    row = next(line for line in table(report(), width=200).splitlines() if "ksg" in line)
    for cell in ("1.235 [1.135, 1.335]", "0.705 [0.585, 0.825]", "[0.585, 0.942]", "PASS"):
        assert cell in row


@pytest.mark.parametrize("width", [80, 200])
def test_the_truth_stands_below_the_estimates(width: int) -> None:
    text = table(known_report(), width=width)
    deciding, other = (line.split()[1:] for line in text.splitlines() if line.startswith("truth "))
    assert deciding == ["1.312", "0.500", "0.812"]
    assert other == ["inf", "0.062", "inf"]
    assert "The row truth is no estimate" in text
    assert "truth" not in table(report(), width=width)


@pytest.mark.parametrize("width", [80, 200])
def test_the_floor_stands_below_the_estimates(width: int) -> None:
    text = table(floored_report(), width=width)
    rows = text.split("\nfloor ")[1].split()
    assert rows[:3] == ["-0.438", "[-0.537,", "-0.338]"]
    assert text.count("\nfloor ") == 1
    assert "The row floor is what the gap cannot be below" in " ".join(text.split())
    assert "floor" not in table(report(), width=width)


def test_units_that_count_stand_beside_the_groups() -> None:
    def rows(case: Report) -> str:
        (line,) = (x for x in table(case, width=200).splitlines() if x.startswith("rows "))
        return line.split(maxsplit=1)[1]

    base = report()
    assert rows(base) == "2000 of 22777, in 341 groups, which count as 287"
    even = replace(base, input=replace(base.input, n_units=341.2))
    assert rows(even) == "2000 of 22777, in 341 groups"
    near = "12 rows to either side left out, which count as 287"
    assert rows(doubted_report()) == f"2000 of 22777, in 341 groups, {near}"
    alone = replace(doubted_report(), input=replace(base.input, n_groups=None))
    assert rows(alone) == f"2000 of 22777, {near}"
    assert rows(regression_report()) == "2000 of 22777"


def test_the_truth_in_bits() -> None:
    assert "truth 1.894 0.721 1.172" in " ".join(table(known_report(), units="bits").split())


def test_a_gaussian_beside_others_is_a_reference() -> None:
    assert "gaussian (reference)" in table(report(), width=200)


def test_bits() -> None:
    text = table(report(), width=200, units="bits")
    assert f"{1.2345678901234567 / 0.6931471805599453:.3f} [" in text
    assert "H(Y) = 2.477 bits" in text
    assert "nats" not in text.replace("in nats", "")


def test_variances_have_no_unit() -> None:
    assert "violated: 1.234e+05 > 1e+05" in table(regression_report(), width=200, units="bits")


def test_verbose_adds_what_weakens_an_estimate() -> None:
    text, verbose = table(report(), width=200), table(report(), width=200, verbose=True)
    for detail in ("bias_sensitive", "-0.211", "estimators.mine.learning_rate", "9f86d0"):
        assert detail not in text
        assert detail in verbose


def test_several_teachers_close_with_one_line_each() -> None:
    text = table(EVERY_REPORT["three teachers"], width=200)
    closing = text[text.index("\nWhat came out\n") :]
    for row in ("PASS +0.705 to 0.820 +mod/text", "FAIL +-0.695 to -0.580 +mod/video"):
        assert re.search(row, closing)


def test_time_is_not_shown() -> None:
    assert "12.345" not in table(report(), verbose=True)


def test_escape_character_in_a_name_is_written_out() -> None:
    assert r"a\nb\x1b[31mc\x9b2Jd\u202ee\tf" in table(hostile_report(), width=1000)
    assert HOSTILE["markup"] in table(report(audit(HOSTILE["markup"])))

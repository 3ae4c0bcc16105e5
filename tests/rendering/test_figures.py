"""The figures: every report can be drawn, the same way each time, whatever names it holds."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from cch_audit.results import Interval, PerInformation, Report, SweepReport
from tests.evidence.trials import ledger, trial

from .forecasts import forecast
from .reports import (
    EVERY_REPORT,
    audit,
    confirmed_regression_report,
    confirmed_report,
    curved_report,
    floored_report,
    known_report,
    ranked_report,
    report,
    swept_report,
    swept_training_report,
)

matplotlib = pytest.importorskip("matplotlib", reason="figures need the extra cch-audit[report]")

from cch_audit.rendering.figures.drawing import (  # noqa: E402
    audit_pictures,
    draw,
    draw_inline,
    overview,
)
from cch_audit.rendering.figures.marks import keys, marker, shortened  # noqa: E402

PLAIN = "import sys, cch_audit.cli, cch_audit.rendering; sys.exit('matplotlib' in sys.modules)"
NO_PYPLOT = (
    "import sys; from tests.rendering.reports import swept_report; "
    "from cch_audit.rendering.figures.drawing import draw; draw(swept_report(), 'png'); "
    "sys.exit('matplotlib.pyplot' in sys.modules)"
)


def tags(svg: bytes | str) -> set[str]:
    return {element.tag.rpartition("}")[2] for element in ET.fromstring(svg).iter()}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no fire
@pytest.mark.parametrize("case", EVERY_REPORT.values(), ids=EVERY_REPORT)
def test_every_report_can_be_drawn(case: Report) -> None:
    assert tags(draw(case, "svg")).isdisjoint({"script", "image", "foreignObject"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "start"), [("png", b"\x89PNG\r\n"), ("pdf", b"%PDF-"), ("svg", b"<?xml")]
)
@pytest.mark.parametrize("case", [confirmed_report(), ranked_report(), swept_report()])
def test_each_format_gives_the_same_bytes_again(case: Report, format: str, start: bytes) -> None:
    content = draw(case, format)
    assert content.startswith(start)
    assert draw(case, format) == content
    assert b"Date" not in content


def test_the_record_can_be_drawn() -> None:
    trials = [trial("pass", "helps"), trial("fail", "hurts", gain=-1e300), trial("fail", "helps")]
    unknown = replace(trial("undecided", "undecided"), levels={})
    for found in (ledger(*trials), ledger(unknown), ledger(*trials, unknown, controls=2)):
        assert draw(found, "svg") == draw(found, "svg")


def test_only_a_figure_needs_matplotlib() -> None:
    assert subprocess.run([sys.executable, "-c", PLAIN], check=False).returncode == 0


@pytest.mark.slow
def test_a_figure_opens_no_window_system() -> None:
    assert subprocess.run([sys.executable, "-c", NO_PYPLOT], check=False).returncode == 0


def test_a_name_is_no_formula() -> None:
    name = r"a $\frac{$ b_{ % & # $"
    base = swept_report()
    assert isinstance(base, SweepReport)
    named = replace(base, sweep=replace(base.sweep, teacher=name))
    for case in (named, report(audit(name, name)), report(audit(name), audit(name + "2"))):
        (first, *_) = overview(case, "nats")
        text = draw_inline(first, 1)
        ET.fromstring(text)
        assert r"\frac{$" in text


def test_the_settings_of_the_user_are_left_alone() -> None:
    plain = draw(swept_report(), "svg")
    with matplotlib.rc_context({"text.usetex": True, "axes.facecolor": "black", "font.size": 30}):
        before = dict(matplotlib.rcParams)
        assert draw(swept_report(), "svg") == plain
        assert dict(matplotlib.rcParams) == before


@pytest.mark.slow
def test_bits_move_the_gaps_and_not_the_gains() -> None:
    for case in (swept_report(), report(), ranked_report()):
        assert draw(case, "svg", units="bits") != draw(case, "svg")
    stays = swept_training_report()
    assert draw(stays, "svg", units="bits") == draw(stays, "svg")


def inline(case: Report) -> str:
    """Return the figure of the gaps, whose texts are letters."""
    return draw_inline(overview(case, "nats")[0], 1)


def test_a_forest_plot_names_estimators_levels_and_verdicts() -> None:
    text = inline(report())
    for words in (
        "Gap of teacher mod/text for student mod/audio",
        "Representations: PASS (decides the verdict)",
        "Predictions: UNDECIDED (shown, not gated)",
        "gaussian (reference)",
        "CCH holds",
        "CCH: pass",
    ):
        assert f">{words}<" in text
    assert ">truth<" not in text


def test_a_truth_is_drawn_where_it_is_finite() -> None:
    assert inline(known_report()).count(">truth<") == 1


def test_a_floor_is_drawn_where_it_matters() -> None:
    assert inline(floored_report()).count(">floor<") == 1
    assert ">floor<" not in inline(report())


def test_the_margin_is_where_the_sides_meet() -> None:
    base = report()
    assert inline(replace(base, settings={**base.settings, "margin": 0.3})) != inline(base)


def test_numbers_that_are_not_finite_are_left_out() -> None:
    nan = float("nan")
    base = audit()
    level = base.levels["representations"]
    ksg = replace(level.estimators["ksg"], student_labels=Interval(nan, nan, nan, nan))
    truth = PerInformation(nan, nan, nan)
    odd = replace(level, estimators={**level.estimators, "ksg": ksg}, truth=truth)
    ET.fromstring(inline(report(replace(base, levels={"representations": odd}))))


def test_a_heat_map_shows_each_change_and_who_chose_it() -> None:
    case = confirmed_report()
    text = draw_inline(audit_pictures(case.audits[0], 0.0, "nats")[1], 1)
    for words in ("+0.0145", "3 times", "1 time", "temperature", "weight w"):
        assert f">{words}<" in text
    regression = confirmed_regression_report()
    text = draw_inline(audit_pictures(regression.audits[0], 0.0, "nats")[1], 1)
    assert ">-0.0735<" in text
    assert ">fall<" in text
    assert ">temperature<" not in text


def test_a_learning_curve_has_a_figure_of_its_own() -> None:
    (one,) = curved_report().audits
    _, curve, _ = audit_pictures(one, 0.0, "nats")
    text = draw_inline(curve, 1)
    for words in ("training rows", "50", "800", "gain by KD", "best control"):
        assert f">{words}<" in text
    for outcome in ("KD: helps by transfer", "KD: helps otherwise", "KD: no change", "undecided"):
        assert f">{outcome}<" in text
    assert len(audit_pictures(confirmed_report().audits[0], 0.0, "nats")) == 2


def test_a_sweep_whose_training_runs_are_lost_has_the_figure_of_its_gaps() -> None:
    base = swept_report()
    audits = tuple(replace(one, confirmation=None, agreement=None) for one in base.audits)
    ET.fromstring(inline(replace(base, audits=audits)))


def test_forecasts_are_drawn_beside_what_was_measured() -> None:
    for base in (swept_report(), swept_training_report(), ranked_report()):
        told = tuple(replace(one, forecast=forecast()) for one in base.audits)
        text = inline(replace(base, audits=told))
        assert text.count("forecast") > inline(base).count("forecast")


def test_teachers_keep_their_order_and_controls_have_no_rank() -> None:
    text = inline(ranked_report())
    titles = ["1. transcriptome...ression_top200", "2. proteins", "4. methylation", "5. clinic"]
    places = [text.index(f">{title}<") for title in [*titles, "control: noise"]]
    assert places == sorted(places)


def test_marks_differ_in_shape_and_legends_say_what_shares_one() -> None:
    shapes = {says: marker(says)["marker"] for says in ("pass", "fail", "undecided", "no_change")}
    assert len(set(shapes.values())) == 4
    labels = [key.get_label() for key in keys(["helps", "pass", "undecided"])]
    assert labels == ["CCH: pass, KD: helps by transfer", "undecided"]


def test_a_long_name_loses_its_middle() -> None:
    assert shortened("short", 10) == "short"
    assert shortened("transcriptome/top200", 11) == "tran...p200"


def test_inline_pictures_share_no_name() -> None:
    case = confirmed_report()
    seen: set[str] = set()
    for number, picture in enumerate(audit_pictures(case.audits[0], 0.0, "nats"), 1):
        text = draw_inline(picture, number)
        assert text.startswith("<svg")
        assert "http" not in text
        names = {e.get("id") for e in ET.fromstring(text).iter()} - {None}
        assert names.isdisjoint(seen)
        seen |= {str(name) for name in names}


@pytest.mark.slow
def test_very_many_teachers_fit_into_a_file(tmp_path: Path) -> None:
    case = report(*(audit(f"teacher {number}") for number in range(400)))
    assert len(draw(case, "png")) > 10_000

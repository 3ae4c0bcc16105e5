import json
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.cells import cell_len

from cch_audit.evidence.ledger import keep_ledger
from cch_audit.evidence.read import read_evidence
from cch_audit.evidence.results import Estimate, Ledger, Trial
from cch_audit.rendering import render
from cch_audit.rendering.evidence import file_names, file_rows
from cch_audit.rendering.evidence_words import closing, opening
from cch_audit.rendering.text import printable
from cch_audit.results import Outcome, Verdict
from tests.rendering.reports import EVERY_REPORT

from .trials import ledger, on_file, trial, write

SCHEMA = json.loads((files("cch_audit") / "schemas" / "evidence.schema.json").read_text("utf-8"))
SGR = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (40, 80, 100_000)
NAMES = (
    "confirmed",
    "confirmed regression",
    "confirmed ranking",
    "ranked regression",
    "hostile ranking",
)


def from_reports(folder: Path, *names: str) -> Ledger:
    paths = [
        write(folder, on_file(EVERY_REPORT[name], number), f"{number}.json")
        for number, name in enumerate(names)
    ]
    return keep_ledger(read_evidence(paths, controls=True))


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ledger]:
    """Return ledgers of every report with training, of all together, and odd ones."""
    folder = tmp_path_factory.mktemp("reports")
    unknown = replace(
        trial("undecided", "undecided"),
        levels={},
        columns={"representations": None},
        gain=Estimate(None, None, None),
    )
    huge = replace(trial("pass", "hurts", cka=1e300, gain=-1e300), metric="mse")
    return {
        **{name: from_reports(folder, name) for name in NAMES},
        "all": from_reports(folder, *NAMES),
        "nothing known": ledger(unknown, warnings=("Beware\nof \x1b[31mthis.",)),
        "huge numbers": ledger(huge, replace(huge, metric="accuracy"), controls=3),
    }


CASES = (*NAMES, "all", "nothing known", "huge numbers")
every_ledger = pytest.mark.parametrize("name", CASES)


def joined(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.slow
@every_ledger
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("unicode", [True, False])
def test_lines_fit_and_nothing_is_cut(
    ledgers: dict[str, Ledger], name: str, width: int, unicode: bool
) -> None:
    found = ledgers[name]
    text = render(found, "table", width=width, unicode=unicode)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    assert unicode or text.isascii()
    assert all(c.isprintable() or c == "\n" for c in text)
    if width > 80:
        # Narrower ones fold names between the lines of other cells.
        for one in found.trials:
            assert joined(printable(one.teacher, unicode=unicode)) in joined(text)


@every_ledger
def test_color_adds_nothing_but_color(ledgers: dict[str, Ledger], name: str) -> None:
    colored, plain = (render(ledgers[name], "table", color=color) for color in (True, False))
    assert "\x1b" in colored
    assert "\x1b" not in plain
    stripped = [line.rstrip() for line in SGR.sub("", colored).splitlines()]
    assert stripped == plain.splitlines()


@every_ledger
@pytest.mark.parametrize("format", ["table", "json", "markdown"])
def test_same_ledger_same_bytes_whatever_the_environment(
    ledgers: dict[str, Ledger], name: str, format: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = render(ledgers[name], format)
    for variable, value in (("NO_COLOR", "1"), ("COLUMNS", "33"), ("TERM", "dumb")):
        monkeypatch.setenv(variable, value)
    assert render(ledgers[name], format) == before
    assert before.endswith("\n")


@every_ledger
def test_json_follows_the_schema(ledgers: dict[str, Ledger], name: str) -> None:
    text = render(ledgers[name], "json")
    assert all(c.isprintable() or c == "\n" for c in text)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(text))


def test_the_schema_is_closed_and_requires_every_key() -> None:
    for name, definition in SCHEMA["$defs"].items():
        if "properties" in definition:
            assert definition["additionalProperties"] is False, name
            assert set(definition["required"]) == set(definition["properties"]), name


def test_json_holds_what_a_scatter_needs(ledgers: dict[str, Ledger]) -> None:
    found = ledgers["confirmed ranking"]
    written = json.loads(render(found, "json"))
    for one, shown in zip(found.trials, written["trials"], strict=True):
        assert shown["gain"] == vars(one.gain)
        assert shown["levels"]["predictions"]["gap"] == vars(one.levels["predictions"].gap)
        assert (shown["verdict"], shown["outcome"]) == (one.verdict, one.outcome)
    assert written["decisions"][0]["forecaster"] == "verdict"


def test_json_is_written_without_rich() -> None:
    code = "import sys; from cch_audit.rendering import evidence; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_row_of_a_trial() -> None:
    text = render(ledger(trial("pass", "hurts", gain=-0.0209)), "table", width=80)
    assert "0.h5," in text
    assert re.search(r"text -> audio +n/a +\[-0\.0309, -0\.0109\]\n", text)
    assert re.search(r"0\.h5, +PASS +0\.500 +HURTS +-0\.0209 +wrong\n", text)


def test_a_gain_of_mse_is_in_percent() -> None:
    one = replace(trial("pass", "helps", gain=0.0851), metric="mse")
    text = render(ledger(one), "table", width=80)
    assert "+8.51 %" in text
    assert "[+7.51, +9.51]" in text


def test_undecided_is_said_apart() -> None:
    trials = [trial("undecided", "helps"), trial("pass", "undecided"), trial("pass", "helps")]
    text = render(ledger(*trials), "table", width=80)
    assert re.search(r"CCH verdict +1 of 3 +100 %", text)
    assert re.search(r"\(1 \+ 1\) +\[3, 100\]", text)
    assert text.count("undecided\n") >= 2


def test_words_come_first_and_last() -> None:
    found = ledger(trial("pass", "helps"), trial("fail", "hurts", file=1), controls=2)
    lines = render(found, "table", width=100_000).splitlines()
    assert opening(found) in lines[:8]
    assert lines[-1] == closing(found)
    assert opening(found) == (
        "2 trials, each one teacher and one student, on 2 files: KD helps in 1 (by "
        "transfer 1), hurts in 1, changes nothing that matters in 0, stays undecided in 0. 2 "
        "controls left out (--controls counts them)."
    )


def test_gains_are_counted_by_their_cause_and_own_runs_are_named() -> None:
    found = ledger(
        trial("pass", "helps"),
        replace(trial("fail", "helps", "regularisation"), trained="runs"),
        trial("fail", "helps", "unclear"),
    )
    assert opening(found).endswith(
        "KD helps in 3 (by transfer 1, by regularisation 1, cause unclear 1), hurts in 0, changes "
        "nothing that matters in 0, stays undecided in 0. 1 outcome is of your own training runs, "
        "the others of heads."
    )
    text = render(found, "table", width=200)
    assert re.search(r"PASS +0\.500 +n/a +HELPS by transfer +\+0\.0200 .* right\n", text)
    assert re.search(r"FAIL +-0\.500 +n/a +HELPS by regularisation own runs .* right\n", text)
    assert re.search(r"FAIL +-0\.500 +n/a +HELPS cause unclear .* undecided\n", text)
    all_own = ledger(replace(trial("pass", "helps"), trained="runs"))
    assert opening(all_own).endswith("All outcomes are of your own training runs.")


def many(*counts: tuple[int, Verdict, Outcome]) -> Ledger:
    return ledger(*[trial(v, o) for count, v, o in counts for _ in range(count)])


def test_too_few_trials_say_nothing() -> None:
    assert closing(many((1, "pass", "helps"), (1, "fail", "helps"))) == (
        "The CCH verdict is right in 1 of 2 decided trials (50 %, 95 % interval 1 to 99 %; "
        "undecided: 0 verdicts, 0 outcomes; 1 of 2 if a gain of any cause counts). Of the same "
        "trials, always distilling is right in 2 and never distilling in 0. The trials cannot tell "
        "the verdict from always distilling, nor from the toss of a coin: it is no better, or "
        "they are too few."
    )


READINGS = {
    "better than never": (
        many((8, "pass", "helps"), (10, "fail", "no_change")),
        "Taken as independent, the trials show the verdict to be right more often than never "
        "distilling.",
    ),
    "worse than always": (
        many((8, "fail", "helps"), (1, "pass", "hurts")),
        "Taken as independent, the trials show the verdict to be right less often than always "
        "distilling.",
    ),
    "right, as is always distilling": (
        many((12, "pass", "helps")),
        "The trials cannot tell the verdict from always distilling.",
    ),
    "both rules alike": (
        many((2, "pass", "helps"), (2, "fail", "hurts")),
        "The trials cannot tell the verdict from either of these, nor from the toss of a coin: it "
        "is no better, or they are too few.",
    ),
    "nothing decided": (
        many((2, "undecided", "helps"), (1, "pass", "undecided")),
        "No trial has a decided verdict and a decided outcome (undecided: 2 verdicts, 1 outcome), "
        "so nothing can be said of how often the CCH verdict is right.",
    ),
}


@pytest.mark.parametrize(("found", "words"), READINGS.values(), ids=READINGS)
def test_what_the_comparison_says_in_words(found: Ledger, words: str) -> None:
    assert closing(found).endswith(words)


def test_one_of_each_is_said_in_the_singular() -> None:
    text = opening(ledger(trial("pass", "helps"), controls=1))
    assert text.startswith("1 trial, each one teacher and one student, on 1 file:")
    assert "1 control left out" in text
    assert "1 decided trial (" in closing(ledger(trial("pass", "helps")))


def at(file: str, digest: str, teachers: str | None = None) -> Trial:
    return replace(trial("pass", "helps"), file=file, sha256=digest * 64, teacher_sha256=teachers)


@pytest.mark.parametrize(
    ("trials", "names"),
    [
        ([at("a/x.h5", "1"), at("b/y.h5", "2")], ["x.h5", "y.h5"]),
        ([at("a/x.h5", "1"), at("a/x.h5", "1")], ["x.h5", "x.h5"]),
        ([at("a/x.h5", "1"), at("b/x.h5", "2")], ["a/x.h5", "b/x.h5"]),
        (
            [at("a/x.h5", "1"), at("a/x.h5", "2")],
            ["a/x.h5 (11111111)", "a/x.h5 (22222222)"],
        ),
        (
            [at("x.h5", "1"), at("x.h5", "1", "3" * 64)],
            ["x.h5 (11111111)", "x.h5 (11111111+33333333)"],
        ),
        ([at("..", "1"), at("", "2")], ["..", ""]),
    ],
)
def test_files_have_the_shortest_names_that_tell_them_apart(
    trials: list[Trial], names: list[str]
) -> None:
    assert file_names(trials) == names


@every_ledger
def test_markdown_holds_no_markup_of_others(ledgers: dict[str, Ledger], name: str) -> None:
    text = render(ledgers[name], "markdown")
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "<img" not in text
    assert text.startswith("**The CCH verdict") or text.startswith("**No trial")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    # Every row of a table has as many cells as its header.
    for before, after in pairwise(rows):
        if "---" in after or "---" in before:
            assert before.count("|") == after.count("|")
    assert closing(ledgers[name]).split(" (")[0] in text.replace("&#93;", "]")


def test_a_warning_is_in_every_format() -> None:
    found = ledger(trial("pass", "helps"), warnings=("Beware of this.",))
    assert "WARNING: Beware of this." in render(found, "table")
    assert "> **WARNING**: Beware of this." in render(found, "markdown")
    assert json.loads(render(found, "json"))["warnings"] == ["Beware of this."]


def test_files_are_counted_apart() -> None:
    found = ledger(
        trial("pass", "helps", file=0),
        trial("pass", "no_change", file=0, teacher="video"),
        trial("undecided", "hurts", file=0, teacher="noise"),
        trial("fail", "undecided", file=1),
    )
    rows = file_rows(found)
    assert rows.headers == ("file", "trials", "KD", "CCH", "right", "predicted")
    assert [tuple(map(str, row)) for row in rows.cells] == [
        ("0.h5", "3", "1 (1) + 1 + 1 + 0", "2 + 0 + 1", "1 of 2", "0 of 0"),
        ("1.h5", "1", "0 + 0 + 0 + 1", "0 + 1 + 0", "0 of 0", "0 of 0"),
    ]


def test_one_file_needs_no_table_of_files() -> None:
    assert not file_rows(ledger(trial("pass", "helps"))).cells

"""One run in many formats, and finished reports once more."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cch_audit.errors import InputError
from cch_audit.rendering import render
from cch_audit.results import Report, Verdict
from cch_audit.results.joined import Joined, join
from cch_audit.settings.formats import FORMATS
from tests.rendering.reports import EVERY_REPORT, HOSTILE, hostile_report, ranked_report, report

from .process import QUICK, run, run_inside

ENDINGS = {name: one.ending for name, one in FORMATS.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def written(folder: Path) -> dict[str, Path]:
    """Return every report as JSON, by name."""
    paths = {name: folder / f"{name}.json" for name in EVERY_REPORT}
    for name, path in paths.items():
        path.write_text(EVERY_REPORT[name].to_json(), encoding="utf-8")
    return paths


def with_verdict(verdict: Verdict) -> Report:
    one = report()
    return replace(one, audits=tuple(replace(audit, verdict=verdict) for audit in one.audits))


FEW = ("confirmed", "ranking", "sweep")
"""Reports that the default tests render; the slow ones render all."""


def written_as(one: Report, path: Path) -> str:
    path.write_text(one.to_json(), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in FEW else pytest.mark.slow) for n in EVERY_REPORT],
)
def test_a_report_is_rendered_as_its_run_did(written: dict[str, Path], name: str) -> None:
    formats = [format for format in FORMATS if format != "html"]
    lines = {f: ["report", str(written[name]), "--format", f] for f in formats}
    for format, done in run_inside(lines).items():
        assert done.returncode == 0
        assert done.stdout == EVERY_REPORT[name].render(format, width=100_000)


@pytest.mark.slow
def test_one_run_writes_every_format_as_a_report_does(pairs: str, tmp_path: Path) -> None:
    paths = {name: tmp_path / f"run{ending}" for name, ending in ENDINGS.items()}
    outputs = [word for path in paths.values() for word in ("--output", str(path))]
    done = run("check", pairs, *QUICK, *outputs, "--output", "-")
    found = Report.from_json(paths["json"].read_text("utf-8"))
    assert done.stdout == found.render(width=100_000)
    assert done.stderr == ""
    for name, path in paths.items():
        again = tmp_path / f"again{ENDINGS[name]}"
        run("report", str(paths["json"]), "--output", str(again))
        assert again.read_bytes() == path.read_bytes(), name


def test_the_ending_names_the_format(written: dict[str, Path], tmp_path: Path) -> None:
    known, unknown = tmp_path / "a.MD", tmp_path / "a.report"
    line = ["report", str(written["ranking"]), "--format", "csv", "-o", str(known)]
    (done,) = run_inside({"": [*line, "-o", str(unknown), "-q"]}).values()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert known.read_text("utf-8") == EVERY_REPORT["ranking"].render("markdown")
    assert unknown.read_text("utf-8") == EVERY_REPORT["ranking"].render("csv")


def test_one_file_is_written_once(written: dict[str, Path], tmp_path: Path) -> None:
    path = str(written["ranking"])
    twice = ["report", path, "-o", f"{tmp_path}/a.md", "-o", f"{tmp_path}/../{tmp_path.name}/a.md"]
    over = ["report", path, "-o", path]
    beside = ["report", path, "-o", f"{tmp_path}/a.png", "--plot", f"{tmp_path}/a.png"]
    for line in (twice, over, beside):
        with pytest.raises(InputError, match=r"named by two options|that is read"):
            run_inside({"": line})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_reports_are_joined(written: dict[str, Path]) -> None:
    names = ("ranking", "swept temperatures", "confirmed")
    lines = {f: ["report", *(str(written[n]) for n in names), "--format", f] for f in FORMATS}
    found = {format: done.stdout for format, done in run_inside(lines).items()}
    audits = [audit for name in names for audit in EVERY_REPORT[name].audits]
    for format in ("table", "markdown", "html", "csv"):
        assert all(audit.teacher in found[format] for audit in audits)
    assert found["csv"].startswith("file,teacher,")
    assert found["junit"].count("<testsuite ") == 3
    assert found["names"].splitlines()[0] == EVERY_REPORT["ranking"].audits[0].teacher
    documents = json.loads(found["json"])["reports"]
    assert [one["kind"] for one in documents] == ["rank", "sweep", "check"]


@pytest.mark.parametrize(
    ("before", "now", "code"),
    [
        ("pass", "fail", 1),
        ("pass", "undecided", 1),
        ("undecided", "fail", 1),
        ("fail", "pass", 0),
        ("fail", "undecided", 0),
        ("pass", "pass", 0),
    ],
)
def test_a_verdict_that_got_worse_is_a_fail(
    before: Verdict, now: Verdict, code: int, tmp_path: Path
) -> None:
    old, new = (
        written_as(with_verdict(one), tmp_path / f"{number}.json")
        for number, one in enumerate((before, now))
    )
    line = ["report", new, "--baseline", old]
    found = run_inside({"gate": line, "zero": [*line, "--exit-zero"]})
    assert found["gate"].returncode == code
    assert found["zero"].returncode == 0
    last = found["gate"].stdout.splitlines()[-1]
    assert last.startswith("WORSE: " if code else "NO WORSE: ")
    assert f"{before.upper()}" in found["gate"].stdout


def test_teachers_come_and_go() -> None:
    new = EVERY_REPORT["three teachers"]
    first, second, *_ = new.audits
    found = join([replace(new, audits=(first,))], replace(new, audits=(first, second)))
    assert [shift.direction for shift in found.shifts] == ["same", "gone"]
    found = join([replace(new, audits=(first, second))], replace(new, audits=(first,)), "old.json")
    assert [shift.direction for shift in found.shifts] == ["same", "new"]
    assert not found.is_worse
    assert isinstance(found, Joined)
    assert "since old.json: 1 same, 1 new" in new_text(found)


def new_text(found: Joined) -> str:
    return str(render(found, "table", width=200))


def test_a_baseline_of_nothing_in_the_reports_is_refused() -> None:
    with pytest.raises(InputError, match=r"^old\.json: is no baseline of these reports: it has "):
        join([ranked_report()], report(), "old.json")


@pytest.mark.parametrize("order", [1, -1])
def test_a_fail_among_several_reports_is_not_swallowed(order: int) -> None:
    passed = with_verdict("pass")
    elsewhere = replace(with_verdict("fail"), input=replace(passed.input, path="other.h5"))
    found = join([passed, elsewhere][::order], passed)
    assert found.is_worse
    assert sorted(shift.direction for shift in found.shifts) == ["same", "worse"]
    assert "other.h5" in new_text(found)


def test_names_are_no_commands_of_a_workflow() -> None:
    lines = hostile_report().render("github").splitlines()
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
    assert len(HOSTILE) > 3


def test_the_summary_of_a_step(
    written: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    run_inside({"": ["report", str(written["ranking"]), "--format", "github"]})
    assert summary.read_text("utf-8") == "before\n" + EVERY_REPORT["ranking"].render("markdown")


def test_a_few_lines(written: dict[str, Path]) -> None:
    (done,) = run_inside({"": ["report", str(written["confirmed"]), "--brief"]}).values()
    lines = done.stdout.splitlines()
    assert len(lines) <= 7
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == [
        *("verdict", "why", "next")
    ]


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}", encoding="utf-8")
    good = written_as(report(), tmp_path / "good.json")
    for line in (["report", str(bad)], ["report", good, "--baseline", str(bad)]):
        with pytest.raises(InputError) as refused:
            run_inside({"": line})
        assert str(refused.value).startswith(f"{bad}: ")

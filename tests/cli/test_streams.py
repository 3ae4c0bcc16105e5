"""Standard output holds the report alone; files appear complete or not at all."""

import csv
import errno
import io
import json
import os
import re
import subprocess
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from cch_audit.commands import terminal
from cch_audit.errors import InputError, OutputError

from .conftest import NOISE
from .process import PROGRAM, QUICK, environment, run, run_driver, run_once

FORMATS = ("table", "json", "markdown", "html", "junit", "csv", "names")
SENTENCE = "FAIL: I(teacher;student) does not exceed I(student;labels) on representations: "


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_the_sentence_is_on_stderr_unless_the_table_shows_it(pairs: str, format: str) -> None:
    done = run_once("check", pairs, *QUICK, "--format", format)
    if format == "table":
        assert done.stderr == ""
        assert done.stdout.splitlines()[-1].startswith(SENTENCE)
    else:
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith(SENTENCE)
        # JUnit tells all that the table does.
        assert (done.stderr in done.stdout) == (format == "junit")


def test_json_on_stdout_is_the_documented_report(pairs: str) -> None:
    report = json.loads(run_once("check", pairs, *QUICK, "--format", "json").stdout)
    schema = files("cch_audit").joinpath("schemas/report.schema.json").read_text("utf-8")
    jsonschema.validate(report, json.loads(schema))
    assert (report["verdict"], report["exit_code"]) == ("fail", 1)
    (audit,) = report["audits"]
    assert audit["teacher"] == NOISE
    assert audit["confirmation"] is audit["agreement"] is audit["baselines"] is None
    assert (report["kind"], "ranking" in report) == ("check", False)


@pytest.mark.slow
def test_csv_on_stdout_is_rows_of_equal_length(pairs: str) -> None:
    rows = list(csv.reader(io.StringIO(run_once("check", pairs, *QUICK, "--format", "csv").stdout)))
    assert len(rows) == 3
    assert len({len(row) for row in rows}) == 1
    assert [row[0] for row in rows] == ["teacher", NOISE, NOISE]


@pytest.mark.slow
def test_a_piped_table_is_neither_coloured_nor_cut_nor_folded(pairs: str) -> None:
    table = run_once("check", pairs, *QUICK).stdout
    assert "\x1b" not in table
    assert "…" not in table
    assert f"teacher  {NOISE} (2 dimensions)\n" in table
    assert f"file    {pairs}\n" in table
    (estimates, _) = (line for line in table.splitlines() if line.startswith("ksg  "))
    assert re.fullmatch(
        r"ksg +FAIL( +-?\d\.\d{3} \[.*?\]( raw \d\.\d{3})?){3} +\[.*?\] +\d\.\d{3} +\S.*\S",
        estimates,
    )


@pytest.mark.slow
def test_the_output_file_holds_what_stdout_would(pairs: str, tmp_path: Path) -> None:
    report = tmp_path / "report é.txt"
    report.write_text("old")
    # An encoding that stdout cannot hold does not concern the file.
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    done = run("check", pairs, *QUICK, "--output", str(report), env=ascii_only)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(SENTENCE)
    assert report.read_text("utf-8") == run_once("check", pairs, *QUICK).stdout
    assert list(tmp_path.iterdir()) == [report]


FAILING_RENDERER = """
import cch_audit.rendering

def render(*arguments, **options):
    raise RuntimeError("injected")

cch_audit.rendering.render = render
from cch_audit.cli import main
main()
"""


@pytest.mark.slow
def test_a_failed_rendering_leaves_the_old_file(pairs: str, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("old")
    done = run_driver(FAILING_RENDERER, "check", pairs, *QUICK, "--output", str(report))
    assert done.returncode == 70
    assert report.read_text() == "old"
    assert list(tmp_path.iterdir()) == [report]


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (OSError(errno.ENOSPC, "No space left"), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    shown: type[BaseException],
) -> None:
    report = tmp_path / "report.txt"
    report.write_text("old")

    def replace(self: Path, target: Path) -> None:
        raise error

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(shown):
        terminal.write("new", str(report))
    assert report.read_text() == "old"
    assert list(tmp_path.iterdir()) == [report]


def test_a_written_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("")
    terminal.write("text", str(tmp_path / "report.txt"))
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real.txt")
    terminal.check_output(str(tmp_path / "link.txt"))
    terminal.write("new", str(tmp_path / "link.txt"))
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_device_or_pipe_is_refused_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link", Path(os.devnull)):
        with pytest.raises(InputError, match="is no regular file"):
            terminal.check_output(str(path))


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_an_ascii_stdout_takes_every_format(pairs: str, format: str) -> None:
    done = run_once("check", pairs, *QUICK, "--format", format, encoding="ascii")
    assert done.returncode == 1
    assert done.stderr.isascii()
    if format == "table":
        assert done.stdout.isascii()
        assert "teacher  noise \\xe9 \\u97f3 [x] (2 dimensions)\n" in done.stdout
    else:
        # What programs read is UTF-8 everywhere.
        assert "noise é 音" in done.stdout


@pytest.mark.slow
def test_the_c_locale_gets_an_ascii_table(pairs: str) -> None:
    env = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    done = run("check", pairs, *QUICK, env=env)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.isascii()


@pytest.mark.parametrize("format", ["table", "json"])
def test_inspect_writes_to_stdout_alone(pairs: str, format: str, tmp_path: Path) -> None:
    shown = run("inspect", pairs, "--format", format)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "representations/body" in shown.stdout
    report = tmp_path / "file"
    written = run("inspect", pairs, "--format", format, "--output", str(report))
    assert (written.returncode, written.stdout) == (0, "")
    assert report.read_text("utf-8") == shown.stdout


@pytest.mark.slow
def test_what_check_writes_where_does_not_concern_inspect(pairs: str, tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    report = tmp_path / "report.csv"
    settings.write_text(f"output: {report}\nformat: csv\n", encoding="utf-8")
    plainly = run("inspect", pairs)
    env = {"CCH_AUDIT_OUTPUT": str(report), "CCH_AUDIT_FORMAT": "markdown"}
    for changed in (
        run("inspect", pairs, "--config", str(settings)),
        run("inspect", pairs, env=env),
    ):
        assert (changed.returncode, changed.stdout) == (0, plainly.stdout)
    assert not report.exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_no_verdict(pairs: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "check", pairs, *QUICK, "--quiet"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr.startswith("error: standard output: cannot be written")

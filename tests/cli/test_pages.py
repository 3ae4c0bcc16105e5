"""Pages and figures as a user asks for them, and what is said where their packages are missing."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.evidence.trials import write
from tests.rendering.reports import confirmed_report

from .process import QUICK, TRAIN, run, run_driver, run_inside

pytest.importorskip("matplotlib", reason="pages need the extra cch-audit[report]")
pytest.importorskip("jinja2", reason="pages need the extra cch-audit[report]")

WITHOUT = "import sys; sys.modules[{!r}] = None\nfrom cch_audit.cli import main\nmain()"
HTML = ("--format", "html")


@pytest.mark.slow
def test_every_command_writes_a_page_and_a_figure(pairs: str, lessons: str, tmp_path: Path) -> None:
    clear = ("--teacher", "clear", *TRAIN)
    commands = {
        "check": ("check", pairs, *QUICK),
        "confirm": ("confirm", lessons, *QUICK, *clear),
        "rank": ("rank", pairs, *QUICK),
        "sweep": ("sweep", lessons, *QUICK, *clear, "--shuffle-rows", "0,1"),
    }
    done = run_inside(
        {
            name: (
                *(*arguments, *HTML, "--output", str(tmp_path / f"{name}.html")),
                *("--plot", str(tmp_path / f"{name}.svg")),
            )
            for name, arguments in commands.items()
        }
    )
    assert {name: one.returncode for name, one in done.items()} == {
        **dict.fromkeys(commands, 0),
        "check": 1,
    }
    for name, one in done.items():
        assert one.stdout == ""
        assert len(one.stderr.splitlines()) == 1
        page = (tmp_path / f"{name}.html").read_text(encoding="utf-8")
        assert page.startswith("<!DOCTYPE html>")
        assert one.stderr.strip() in page.replace("&gt;", ">").replace("&lt;", "<")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_record_is_a_page_and_a_figure(tmp_path: Path) -> None:
    report = write(tmp_path, confirmed_report("pass", "helps"))
    plot = tmp_path / "record.png"
    done = run("evidence", str(report), *HTML, "--plot", str(plot))
    assert done.returncode == 0
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stderr.strip() in done.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("package", "arguments", "said"),
    [
        ("matplotlib", ["check", "missing.h5", *HTML], "--format html needs matplotlib,"),
        ("jinja2", ["check", "missing.h5", *HTML], "--format html needs jinja2,"),
        ("matplotlib", ["rank", "missing.h5", "--plot", "a.png"], "--plot needs matplotlib,"),
        ("jinja2", ["evidence", "missing.json", *HTML], "--format html needs jinja2,"),
        ("matplotlib", ["evidence", "no.json", "--plot", "a.pdf"], "--plot needs matplotlib,"),
    ],
)
def test_a_missing_package_is_named_before_anything_is_read(
    package: str, arguments: list[str], said: str
) -> None:
    done = run_driver(WITHOUT.format(package), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {said}")
    assert "pip install 'cch-audit[report]'" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "tag"), [([], "skipped"), (["--undecided", "fail"], "failure")]
)
def test_what_is_undecided_is_skipped_unless_it_is_to_fail(
    pairs: str, options: list[str], tag: str
) -> None:
    done = run("check", pairs, *QUICK, "--margin", "-1.3", "--format", "junit", *options)
    assert done.returncode == (1 if options else 3)
    (case,) = ET.fromstring(done.stdout.encode("utf-8")).iter("testcase")
    assert case[0].tag == tag


def test_a_figure_of_another_kind_is_refused(tmp_path: Path) -> None:
    done = run("evidence", "missing.json", "--plot", "a.jpg", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "use one of .png, .svg, .pdf" in done.stderr

"""What `cache` shows and clears, and what `--verbose` says of it."""

import re

import pytest

from .process import QUICK, run, run_inside


@pytest.fixture(scope="module")
def found(pairs, tmp_path_factory):
    # A date may fall on two lines of a narrow screen.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        return _run_all(pairs, tmp_path_factory)


def _run_all(pairs, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("kept") / "cache")
    lines = {
        "first": ("check", pairs, *QUICK, "--verbose"),
        "again": ("check", pairs, *QUICK, "--verbose", "--margin", "0.1"),
        "without": ("check", pairs, *QUICK, "--verbose", "--margin", "0.1", "--no-cache"),
        "both": ("check", pairs, *QUICK, "--no-cache"),
        "show": ("cache", "show"),
        "clear": ("cache", "clear"),
        "shown again": ("cache", "show"),
    }
    own = {
        name: (*line, *([] if "--no-cache" in line and name != "both" else ["--cache", folder]))
        for name, line in lines.items()
        if name != "both"
    }
    return run_inside(own), folder


def counts(stderr):
    """Return how many parts were computed and found, by purpose."""
    lines = re.findall(r"(?m)^ *[\d.]+  ([ \d]+)  ([ \d]+)  (.*)$", stderr)
    return {name: (int(done or 0), int(known or 0)) for done, known, name in _stripped(lines)}


def _stripped(lines):
    return [tuple(part.strip() for part in line) for line in lines]


def test_verbose_says_what_was_computed_and_what_was_found(found):
    done, _ = found
    first, again = counts(done["first"].stderr), counts(done["again"].stderr)
    assert first["ksg, representations: estimates"] == (2, 0)
    assert again["ksg, representations: estimates"] == (0, 2)
    assert {"everything else", "all"} <= set(first)


def test_the_report_is_the_same_from_the_cache_and_without(found):
    done, _ = found
    kept, fresh = (
        [line for line in done[name].stdout.splitlines() if not re.match("(date|command) ", line)]
        for name in ("again", "without")
    )
    assert kept == fresh
    assert counts(done["without"].stderr)["ksg, representations: estimates"] == (2, 0)


def test_cache_shows_and_clears_the_folder(found):
    done, folder = found
    number = re.fullmatch(
        rf"{re.escape(folder)}: (\d+) parts, 0\.\d of at most 1074 MB\n", done["show"].stdout
    )[1]
    assert int(number) > 10
    assert done["clear"].stdout == f"{folder}: {number} parts removed\n"
    assert done["shown again"].stdout.startswith(f"{folder}: 0 parts")


@pytest.mark.slow
def test_a_folder_that_is_not_to_be_used_is_refused(pairs):
    done = run("check", pairs, *QUICK, "--no-cache", "--cache", "somewhere")
    assert done.returncode == 2
    assert done.stderr == (
        "error: --cache names a folder that --no-cache forbids; give one of them\n"
    )

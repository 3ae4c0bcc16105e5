"""What does not audit starts fast: no heavy module is loaded for it."""

from pathlib import Path

import pytest

from cch_audit import __version__
from tests.evidence.trials import write
from tests.rendering.reports import confirmed_report

from .process import QUICK, TRAIN, run, run_driver

HEAVY = ("torch", "scipy", "sklearn", "numba", "h5py", "matplotlib", "pandas")
LOADED = """
import sys
from cch_audit.cli import run
try:
    run()
finally:
    print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*arguments: str) -> set[str]:
    """Return the heavy modules that a run loads."""
    return set(run_driver(LOADED, *arguments).stderr.splitlines()[-1].split()).intersection(HEAVY)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["check", "--help"],
        pytest.param(["confirm", "--help"], marks=pytest.mark.slow),
        pytest.param(["rank", "--help"], marks=pytest.mark.slow),
        pytest.param(["sweep", "--help"], marks=pytest.mark.slow),
        pytest.param(["evidence", "--help"], marks=pytest.mark.slow),
        pytest.param(["simulate", "--help"], marks=pytest.mark.slow),
        pytest.param(["inspect", "--help"], marks=pytest.mark.slow),
        ["config"],
        ["check", "pairs.h5", "--estimator", "kgs"],
        ["check", "pairs.h5", "--estimator", "ksg", "--rule", "mine"],
        ["check", "pairs.h5", "--output", "no/such/report"],
        ["confirm", "pairs.h5", "--temperature", "0"],
        ["rank", "pairs.h5", "--by", "gain"],
        ["evidence", "no.json", "--output", "no/such/record"],
        ["simulate"],
        ["simulate", "known.h5", "--kind", "world", "--k", "2"],
        ["simulate", "no/such/known.h5"],
    ],
    ids=" ".join,
)
def test_no_heavy_module_is_loaded(arguments: list[str]) -> None:
    assert loaded(*arguments) == set()


def test_a_missing_file_is_reported_without_torch() -> None:
    assert "torch" not in loaded("check", "missing.h5")


def test_inspect_loads_no_estimator(pairs: str) -> None:
    assert loaded("inspect", pairs) <= {"h5py"}


def test_an_audit_by_neighbours_loads_neither_torch_nor_pandas(pairs: str) -> None:
    found = loaded("check", pairs, "--estimator", "ksg", "--no-cache")
    assert "sklearn" in found
    assert not found & {"torch", "pandas"}


def test_what_is_kept_is_judged_again_without_what_computed_it(pairs: str, tmp_path: Path) -> None:
    audit = ["check", pairs, *QUICK, "--cache", str(tmp_path)]
    assert {"sklearn", "numba"} <= loaded(*audit)
    assert loaded(*audit, "--margin", "0.2", "--confidence", "0.9") <= {"h5py", "scipy"}


def test_the_record_loads_no_file_format(tmp_path: Path) -> None:
    report = write(tmp_path, confirmed_report("pass", "helps"))
    assert loaded("evidence", str(report)) <= {"scipy"}


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["known.h5"], ["known.h5", "--kind", "world"], ["--verify"]])
def test_drawing_loads_no_estimator(arguments: list[str], tmp_path: Path) -> None:
    first, *rest = arguments
    path = first if first.startswith("-") else str(tmp_path / first)
    assert loaded("simulate", path, *rest) <= {"h5py", "scipy"}


@pytest.mark.slow
def test_least_squares_never_load_torch(lessons: str) -> None:
    arguments = ("--confirm", "--controls", "--format", "names", "--quiet")
    assert "torch" not in loaded("rank", lessons, *QUICK, *TRAIN, *arguments)


def test_the_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"cch-audit {__version__}\n", "")


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"]])
def test_help_goes_to_stdout(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout

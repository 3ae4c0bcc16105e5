"""Every hostile command line ends as it should: a code, a message, and nothing left behind."""

import shutil
import stat
import sys
from pathlib import Path

import pytest

from tests.cli.process import environment, start_and_wait

from .case import Case
from .corpus import build, cases

CASES = cases()
MOST_SECONDS = 20
"""Of a processor, for each process of a line; what takes longer is killed."""
LONGEST = 1500
"""Most characters of a refusal beside those of the line; a traceback has more."""


def test_there_are_many_different_ones() -> None:
    assert len({case.line for _, case in CASES}) >= 400
    assert len({case.line for _, case in CASES}) == len(CASES)


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a search path on which `cch-audit` is this program."""
    folder = tmp_path_factory.mktemp("bin")
    script = folder / "cch-audit"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cch_audit "$@"\n')
    script.chmod(0o755)
    return f"{folder}:{environment()['PATH']}"


def contents(folder: Path) -> dict[str, bytes | str]:
    """Return what a folder holds: bytes of files, targets of links, kinds of all else."""
    found: dict[str, bytes | str] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        else:
            kind = stat.S_IFMT(path.stat().st_mode)
            found[name] = path.read_bytes() if kind == stat.S_IFREG else str(kind)
    return found


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("bash") is None or not Path("/dev/full").exists(),
    reason="needs bash and a device that is always full",
)
@pytest.mark.parametrize(
    ("family", "case"),
    CASES,
    ids=[ascii(f"{family}: {case.line}")[1:90] for family, case in CASES],
)
def test_a_hostile_line(family: str, case: Case, path: str, tmp_path: Path) -> None:
    build(family, case, tmp_path)
    before = contents(tmp_path)
    done = start_and_wait(
        "bash", "-c", f"ulimit -t {MOST_SECONDS}; {case.line}", env={"PATH": path}, cwd=tmp_path
    )
    codes = case.code if isinstance(case.code, tuple) else (case.code,)
    heard = done.stdout + done.stderr
    assert done.returncode in codes, heard
    assert "Traceback" not in heard
    for words in case.says:
        assert words in heard, heard
    if done.returncode == 2:
        assert done.stdout == ""
        assert len(done.stderr) < LONGEST + len(case.line)
        assert case.elsewhere or done.stderr.startswith(("error: ", "Usage: ", "Error: ")), heard
    after = contents(tmp_path)
    assert set(case.outputs) <= set(after)
    for name in case.outputs:
        before.pop(name, None)
        after.pop(name)
    assert after == before

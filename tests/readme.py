"""Writes what the README shows: python -m tests.readme [WORD...].

That is, what its commands print on a terminal of 80 columns, and its tables of committed results.
Words choose the examples whose last command holds one of them.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import coverage, null, summary
from tests.bench.journal import RESULTS
from tests.pseudo_terminal import run

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "README.md"
EXAMPLE = re.compile(
    r"(?<=<!-- run: exit )(?P<code>\d+) -->\s+"
    r"```console\n(?P<session>\$ (?:.*\n)*?)```"
)
COMMAND = re.compile(r"^\$ (.*)\n", re.MULTILINE)
ERASED = re.compile(r"(?s).*\x1b\[2K")
"""Up to where the progress bar takes itself away."""
CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
TABLES = ("accuracy", "held_out", "coverage", "null")


def examples(page: str) -> list[re.Match[str]]:
    """Return the sessions of a page that are to run."""
    return list(EXAMPLE.finditer(page))


def commands(session: str) -> list[str]:
    """Return the commands of a session."""
    return COMMAND.findall(session)


def shown(command: str, folder: Path) -> tuple[int, str]:
    """Return the exit code of a command and what is left on the terminal."""
    program, *arguments = shlex.split(command)
    assert program == "cch-audit"
    if not (folder / "fixtures").exists():
        (folder / "fixtures").symlink_to(ROOT / "fixtures")
    code, text = run(
        [sys.executable, "-m", "cch_audit", *arguments],
        environment={"NO_COLOR": "1", "PYTHONPATH": os.fspath(ROOT)},
        folder=folder,
    )
    return code, CODES.sub("", ERASED.sub("", text)).replace("\r", "")


def ledger(format: str) -> str:
    """Return the record of the committed reports."""
    reports = sorted((ROOT / "fixtures" / "evidence" / "reports").glob("*.json"))
    done = subprocess.run(
        [sys.executable, "-m", "cch_audit", "evidence", *reports, "--quiet", "--format", format],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def table(name: str) -> str:
    """Return a table of committed results."""
    if name == "ledger":
        record = ledger("markdown")
        return record[record.index("**Files**") :].partition("<details>")[0].strip()
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    if name in ("coverage", "null"):
        return {"coverage": coverage, "null": null}[name].overview(found["cells"])
    return summary.overview(found["families"]["2000"])


def between(page: str, mark: str) -> str:
    """Return the part of a page from a mark to the next end."""
    return page.split(mark)[1].split("<!-- end -->")[0]


def update(page: str, words: list[str]) -> str:
    """Return the page as the program would have it."""

    def again(found: re.Match[str]) -> str:
        lines = commands(found["session"])
        if words and not any(word in lines[-1] for word in words):
            return found[0]
        with TemporaryDirectory() as folder:
            ends = [(line, *shown(line, Path(folder))) for line in lines]
        session = "".join(f"$ {line}\n{text}" for line, _, text in ends)
        print(ends[-1][:2], flush=True)
        return f"{ends[-1][1]} -->\n\n```console\n{session}```"

    page = EXAMPLE.sub(again, page)
    for name in (*TABLES, "ledger"):
        mark = f"<!-- {name} -->"
        page = page.replace(between(page, mark), f"\n\n{table(name)}\n\n")
    return page


if __name__ == "__main__":
    PAGE.write_text(update(PAGE.read_text(encoding="utf-8"), sys.argv[1:]), encoding="utf-8")

"""Writes what the documents show: python -m tests.readme [WORD...].

That is, what their commands print on a terminal, and their tables of committed results. Words
choose the examples whose last command holds one of them; the word `tables` alone runs none.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cch_audit.evidence.ledger import Ledger, keep_ledger
from cch_audit.evidence.read import read_evidence
from cch_audit.rendering import render
from cch_audit.rendering.text import counted
from tests import ends
from tests.bench import (
    cost,
    coverage,
    end_to_end,
    forecast,
    null,
    scaling,
    split_seeds,
    studies,
    summary,
)
from tests.bench import outcomes as training_runs
from tests.bench.journal import RESULTS
from tests.pseudo_terminal import run

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
MANUAL = ROOT / "man"
PAGES = (README, ROOT / "tests" / "bench" / "README.md", *sorted(MANUAL.glob("*.md")))
EVIDENCE = ROOT / "fixtures" / "evidence"
WIDTH = 80
"""Columns of the terminal whose output is shown."""
EXAMPLE = re.compile(
    r"(?<=<!-- run: exit )(?P<code>\d+) -->\s+"
    r"```console\n(?P<session>\$ (?:.*\n)*?)```"
)
COMMAND = re.compile(r"^\$ (.*)\n", re.MULTILINE)
ERASED = re.compile(r"(?s).*\x1b\[2K")
"""Up to where the progress bar takes itself away."""
CODES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
BENCHES = {
    "coverage": coverage,
    "null": null,
    "outcomes": training_runs,
    "split_seeds": split_seeds,
    "forecast": forecast,
    "end_to_end": end_to_end,
    "cost": cost,
    "scaling": scaling,
    "studies": studies,
}
"""Modules that draw the table of what they measured."""
OF_ENDS = {"ends_sizes": ends.by_size, "claims": ends.claims, "reading": ends.reading}
"""Tables of training end to end."""
TABLES = ("accuracy", "held_out", *BENCHES, "ledger", "families", "ends", "ends_ledger", *OF_ENDS)
FAMILIES = {"simulated": "simulated", "images": "images", "other": "other real data"}
"""Folders of the committed reports, and what is in them."""
RULES = {
    "verdict": "the verdict",
    "forecast": "the forecast",
    "heads": "heads",
    "predictions": "that on predictions",
    "always": "always distilling",
    "never": "never distilling",
}
"""Forecasters whose record the table of the families shows."""


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
        columns=WIDTH,
        environment={"NO_COLOR": "1", "PYTHONPATH": os.fspath(ROOT)},
        folder=folder,
    )
    return code, CODES.sub("", ERASED.sub("", text)).replace("\r", "")


def reports() -> list[Path]:
    """Return the committed reports."""
    return [path for family in FAMILIES for path in reports_of(family)]


def reports_of(family: str) -> list[Path]:
    """Return the committed reports of a family."""
    return sorted((EVIDENCE / "reports" / family).glob("*.json"))


@cache
def ledger() -> Ledger:
    """Return the record of the committed reports."""
    return keep_ledger(read_evidence(reports(), controls=False))


@cache
def family_ledger(family: str) -> Ledger:
    """Return the record of a family's committed reports."""
    return keep_ledger(read_evidence(reports_of(family), controls=False))


def families() -> str:
    """Return what came out in each family of data, with always and never distilling beside."""
    return families_of({name: family_ledger(folder) for folder, name in FAMILIES.items()})


def families_of(ledgers: Mapping[str, Ledger]) -> str:
    """Return a table with one row for each family: outcomes, and how often each rule is right."""
    known = {one.forecaster for found in ledgers.values() for one in found.decisions}
    rules = {rule: name for rule, name in RULES.items() if rule != "heads" or rule in known}
    rows = [
        ["", "trials", "KD helps (by transfer)", "hurts", "open", *rules.values()],
        ["---"] * (5 + len(rules)),
    ]
    for name, found in ledgers.items():
        outcomes = Counter(trial.outcome for trial in found.trials)
        transfer = sum(trial.measured == "pass" for trial in found.trials)
        unknown = sum(trial.measured == "undecided" for trial in found.trials)
        rows.append(
            [
                name,
                f"{len(found.trials)} on {counted(found.n_files, 'file')}",
                f"{outcomes['helps']} ({transfer})",
                str(outcomes["hurts"]),
                str(unknown),
                *(_right(found, rule) for rule in rules),
            ]
        )
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _right(found: Ledger, rule: str) -> str:
    """Return how many of its decided trials a rule is right in."""
    record = next((one for one in found.decisions if one.forecaster == rule), None)
    return "n/a" if record is None else f"{record.right.count} of {record.right.total}"


def draw(figure: Path) -> None:
    """Draw the figure of the record of the committed reports."""
    program = [sys.executable, "-m", "cch_audit", "evidence", *reports(), "--quiet"]
    subprocess.run([*program, "--plot", figure], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def table(name: str) -> str:
    """Return a table of committed results."""
    if name == "families":
        return families()
    if name == "ends":
        return families_of(ends.by_family())
    if name in OF_ENDS:
        return OF_ENDS[name]()
    if name in ("ledger", "ends_ledger"):
        record = render(ledger() if name == "ledger" else ends.record(), "table", width=WIDTH)
        first = "Files" if name == "ledger" else "Forecasts that say yes or no"
        _, mark, record = record.partition(f"\n{first}\n")
        record, _, _ = record.partition("\nTrials\n")
        return f"```text\n{mark.strip()}\n{record.rstrip()}\n```"
    found = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    if name in BENCHES:
        return BENCHES[name].overview(found["cells"])
    return summary.overview(found["families"]["2000"])


def between(page: str, mark: str) -> str:
    """Return the part of a page from a mark to the next end."""
    return page.split(mark)[1].split("<!-- end -->")[0]


def with_part(page: str, name: str, part: str) -> str:
    """Return a page with another part behind the mark of that name, if it has one."""
    before, mark, after = page.partition(f"<!-- {name} -->")
    end = after.find("<!-- end -->")
    return f"{before}{mark}\n\n{part}\n\n{after[end:]}" if mark else page


def with_tables(page: str) -> str:
    """Return a page with its tables as the committed results have them."""
    for name in TABLES:
        if f"<!-- {name} -->" in page:
            page = with_part(page, name, table(name))
    return page


def with_examples(page: str, words: list[str]) -> str:
    """Return a page with its examples as the program would have them."""

    def again(found: re.Match[str]) -> str:
        lines = commands(found["session"])
        if words and not any(word in lines[-1] for word in words):
            return found[0]
        with TemporaryDirectory() as folder:
            ends = [(line, *shown(line, Path(folder))) for line in lines]
        session = "".join(f"$ {line}\n{text}" for line, _, text in ends)
        print(ends[-1][:2], flush=True)
        return f"{ends[-1][1]} -->\n\n```console\n{session}```"

    return EXAMPLE.sub(again, page)


if __name__ == "__main__":
    for path in PAGES:
        page = with_tables(path.read_text(encoding="utf-8"))
        path.write_text(with_examples(page, sys.argv[1:]), encoding="utf-8")
    draw(EVIDENCE / "evidence.svg")

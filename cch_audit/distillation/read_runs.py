"""Scores of the user's own training runs, read from a CSV file and checked line by line."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cch_audit.errors import InputError
from cch_audit.results import Metric

NEEDED, OPTIONAL = ("arm", "seed", "score"), ("split", "train_size", "teacher")
SECONDS = "seconds"
"""A column that `confirm` writes itself: how long a run took."""
COLUMNS = (*NEEDED, *OPTIONAL, SECONDS)
MOST_BYTES = 64 * 2**20
"""A million runs need less."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
RANGES: Mapping[Metric, tuple[float, float]] = {
    "accuracy": (0.0, 1.0),
    "log_loss": (0.0, math.inf),
    "brier": (0.0, 2.0),
    "weighted_f1": (0.0, 1.0),
    "macro_auc": (0.0, 1.0),
    "mse": (0.0, math.inf),
    "r2": (-math.inf, 1.0),
}
"""What a score can be."""


class Trained(NamedTuple):
    """One training run."""

    arm: str
    seed: str
    score: float
    split: str = ""
    """Empty: the file says none, as in `teacher`."""
    train_size: int | None = None
    teacher: str = ""
    seconds: float = 0.0
    """How long it took; 0 where the file does not say."""
    line: int = 0
    """Of the file."""


def read_runs(path: Path, metric: Metric) -> list[Trained]:
    """Read and check training runs, one for each line below the names of the columns.

    Names of columns and arms are compared without case and blanks around them; seeds and splits
    that are whole numbers as numbers (pandas writes 3 as 3.0). Other columns are passed over, and
    so are lines without any value.

    Parameters
    ----------
    path : CSV in UTF-8, with tabs in place of commas if its name ends in .tsv
    metric : what the scores are

    Raises
    ------
    InputError
        In one sentence with the file, the line, what was found and what to do.
    """
    lines = _lines(path)
    try:
        number, header = next(lines)
    except StopIteration:
        raise InputError(
            f"{path}: is empty; write a line with the names of the columns, {', '.join(NEEDED)}, "
            "and below it one line for each training run"
        ) from None
    places = _columns(header, f"{path}: line {number}")
    runs = []
    for number, line in lines:
        where = f"{path}: line {number}"
        if len(line) < len(header) or any(field for field in line[len(header) :]):
            raise InputError(
                f"{where} has {len(line)} values, and the first line names {len(header)} columns; "
                "the file looks damaged or only partly written: write as many values as names"
            )
        runs.append(_run({name: line[place] for name, place in places.items()}, number, where))
        _check_range(runs[-1].score, metric, where)
    if not runs:
        raise InputError(f"{path}: has no training run below the names of its columns; add some")
    for name in ("split", "train_size"):
        _check_everywhere(runs, name, path)
    return runs


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the values of each line that has some."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as err:
        reason = err.strerror or err
        raise InputError(f"{path}: cannot be read ({reason}); name a CSV file of runs") from err
    except ValueError as err:  # a name with a null character
        raise InputError(f"{str(path)!r}: cannot be read ({err}); name a CSV file of runs") from err
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{path}: has more than {MOST_BYTES:,} bytes; name a CSV file with one line for each "
            "training run"
        )
    if content.startswith(UTF_16) or b"\0" in content:
        raise InputError(f"{path}: is UTF-16 text, or no text; save it again as CSV in UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise InputError(
            f"{path}: is no UTF-8 text (byte {err.start:,}); save it again as CSV in UTF-8"
        ) from err
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for line in reader:
            values = [value.strip() for value in line]
            if any(values):
                yield reader.line_num, values
    except csv.Error as err:
        raise InputError(
            f"{path}: line {reader.line_num} is no CSV ({err}); the file looks damaged or only "
            "partly written: copy or write it again"
        ) from err


def _columns(header: Sequence[str], where: str) -> dict[str, int]:
    """Return the place of each column that is read."""
    names = [name.casefold() for name in header]
    if len(names) == 1 and any(mark in names[0] for mark in ",;\t|"):
        raise InputError(
            f"{where} is {header[0][:80]!r}: there is another mark than a comma between names; "
            "save the file again with commas (.csv) or tabs (.tsv), and points in numbers"
        )
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise InputError(
            f"{where} has no column {', '.join(missing)} (it has {_listed(header)}); the first "
            f"line names the columns {', '.join(NEEDED)}, and {', '.join(OPTIONAL)} where known"
        )
    twice = [name for name, count in Counter(names).items() if count > 1 and name in COLUMNS]
    if twice:
        raise InputError(f"{where} has the column {twice[0]} twice; keep one of them")
    return {name: names.index(name) for name in COLUMNS if name in names}


def _run(values: Mapping[str, str], line: int, where: str) -> Trained:
    """Return what a line says."""
    for name in NEEDED:
        if not values[name]:
            raise InputError(f"{where} has no {name}; add it, or leave the line out")
    score = _finite(values["score"])
    if score is None:
        raise InputError(
            f"{where} has the score {values['score'][:40]!r}, which is no finite number with a "
            "point; give a run that diverged the score its model would get, or leave out all runs "
            "of its seed"
        )
    text = values.get("train_size", "")
    size = _finite(text)
    if text and (size is None or size < 1 or size != int(size)):
        raise InputError(
            f"{where} has the train_size {text[:40]!r}; write the number of training rows"
        )
    return Trained(
        arm=values["arm"].casefold(),
        seed=_plain(values["seed"]),
        score=score,
        split=_plain(values.get("split", "")),
        train_size=None if size is None else int(size),
        teacher=values.get("teacher", ""),
        seconds=max(0.0, _finite(values.get(SECONDS, "")) or 0.0),
        line=line,
    )


def _finite(text: str) -> float | None:
    """Return a finite number that is written as such, or None."""
    number = float(text) if NUMBER.fullmatch(text) else math.inf
    return number if math.isfinite(number) else None


def _plain(text: str) -> str:
    """Return the name of a seed or split; whole numbers are one however they are written."""
    number = _finite(text)
    return str(int(number)) if number is not None and number == int(number) else text


def out_of_range(score: float, metric: Metric) -> str | None:
    """Say what is wrong with a score that the metric cannot have; None: nothing is."""
    low, high = RANGES[metric]
    if low <= score <= high:
        return None
    ends = f"from {low:g} to {high:g}" if math.isfinite(low + high) else ""
    ends = ends or (f"at least {low:g}" if math.isfinite(low) else f"at most {high:g}")
    percent = high == 1 and 1 < score <= 100
    remedy = "divide percentages by 100, or name" if percent else "name"
    return f"the score {score:g}, and {metric} is {ends}; {remedy} what it is with `metric`"


def _check_range(score: float, metric: Metric, where: str) -> None:
    wrong = out_of_range(score, metric)
    if wrong is not None:
        raise InputError(f"{where} has {wrong}")


def _check_everywhere(runs: Sequence[Trained], name: str, path: Path) -> None:
    """Refuse what some runs say and others do not."""
    says = [getattr(run, name) not in ("", None) for run in runs]
    if any(says) and not all(says):
        line = runs[says.index(False)].line
        raise InputError(
            f"{path}: line {line} has no {name}, and others have; say it in every line or in none"
        )


def _listed(names: Sequence[str]) -> str:
    """Return some names with commas between them."""
    shown = [name[:40] or "''" for name in names[:8]]
    return ", ".join([*shown, *(["..."] if len(names) > 8 else [])])

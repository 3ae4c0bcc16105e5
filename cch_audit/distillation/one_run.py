"""One training run by the user's own command: started, waited for, and its score read."""

import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cch_audit.errors import InputError

PLACEHOLDER = re.compile(r"\{(arm|seed|teacher|folder)\}")
"""Other braces are the command's own."""
REQUIRED = ("arm", "seed")
SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish"}
"""Programs that run what follows -c as code; ssh runs all that follows as such."""
CODE = re.compile(r"-[a-z]*c[a-z]*")
STDOUT, STDERR = "stdout.txt", "stderr.txt"
PATIENCE = 5.0
"""Seconds that a run has to end by itself once it is told to."""
TELL = 5.0
"""Seconds between two looks at how far the whole is."""
TICK = 0.02
"""Seconds by which two writes of a file differ for certain in what the file system says."""
LONGEST = 100
MOST_BYTES = 16 * 2**20
"""A file with a score is smaller."""


@dataclass(frozen=True)
class Command:
    """A command that trains once, and the file in which it leaves its score."""

    arguments: tuple[str, ...]
    """With placeholders."""
    score_file: str
    """With placeholders."""
    key: str | None
    """Of the score in the file; None: `score`, or the whole file is a number."""

    def names(self, placeholder: str) -> bool:
        """Whether the command or its score file has a placeholder."""
        return any(f"{{{placeholder}}}" in text for text in (*self.arguments, self.score_file))


@dataclass(frozen=True)
class Order:
    """Which run is to be made."""

    arm: str
    seed: int
    teacher: str
    folder: Path
    """Keeps what the run prints, and its score."""

    @property
    def said(self) -> str:
        """Which run it is, in words."""
        return f"arm {self.arm}, seed {self.seed}, teacher {self.teacher}"

    def fill(self, text: str) -> str:
        """Return a text with its placeholders filled in."""
        values = {"arm": self.arm, "seed": str(self.seed), "teacher": self.teacher}
        values["folder"] = str(self.folder)
        return PLACEHOLDER.sub(lambda found: values[found[1]], text)


def parse_command(command: str, score_from: str, teachers: Sequence[str]) -> Command:
    """Return the command that the options describe.

    Raises
    ------
    InputError
        If it cannot be split into arguments, lacks a placeholder, or would get a teacher's name
        that its shell takes for code.
    """
    try:
        arguments = tuple(shlex.split(command))
    except ValueError as err:
        raise InputError(f"`command` {_short(command)!r}: {err}; close what was opened") from err
    if not arguments:
        raise InputError("`command` is empty; give the command that trains once")
    path, key = _score_file(score_from)
    found = Command(arguments, path, key)
    for name in REQUIRED:
        if not any(f"{{{name}}}" in argument for argument in arguments):
            raise InputError(
                f"`command` {_short(command)!r} has no {{{name}}}, without which runs are not told "
                "apart; put it where the command takes " + _MEANING[name]
            )
    if not found.names("teacher"):
        if len(teachers) > 1:
            raise InputError(
                f"`command` {_short(command)!r} has no {{teacher}}, and {len(teachers)} teachers "
                f"are audited ({', '.join(teachers)}); add it, or name one with `teacher`"
            )
        return found
    programs = {Path(argument).name for argument in arguments}
    has_code = any(CODE.fullmatch(argument) for argument in arguments)
    is_shell = "ssh" in programs or (has_code and not SHELLS.isdisjoint(programs))
    for name in teachers:
        if name.startswith("-") or (is_shell and shlex.quote(name) != name):
            raise InputError(
                f"`command`: the name of the teacher {name!r} would be taken for an option or, by "
                "a shell, for code; rename it, or write its name out in place of {teacher}"
            )
    return found


_MEANING = {
    "arm": "how to train: baseline, distilled, or a control",
    "seed": "the seed of its random numbers",
}


def _score_file(text: str) -> tuple[str, str | None]:
    """Return file and key of FILE:KEY."""
    path, colon, key = text.rpartition(":")
    if not colon or "/" in key or os.sep in key:
        return text, None
    if not path or not key:
        raise InputError(f"`score_from` {_short(text)!r}: write FILE, or FILE:KEY for another key")
    return path, key


def train_once(
    command: Command,
    order: Order,
    deadline: float,
    told: Callable[[], None] = lambda: None,
    held: Sequence[int] = (),
) -> float | None:
    """Run the command to its end and return the score; None if the time was over before.

    It runs without a shell, in a process group of its own that is ended with it, its input empty
    and what it prints kept in the folder of the run.

    Parameters
    ----------
    command : what to run
    order : fills its placeholders
    deadline : on the clock of `time.monotonic`
    told : called every few seconds
    held : numbers of open files that the run holds too, such as a lock that is to outlive a program
        that is killed for as long as the run does

    Raises
    ------
    InputError
        If it cannot be started, fails, or leaves no new score that is a finite number.
    """
    arguments = [order.fill(argument) for argument in command.arguments]
    order.folder.mkdir(exist_ok=True)
    path = Path(order.fill(command.score_file))
    if command.names("folder") and not path.is_absolute():
        path = order.folder / path
    before = _signature(path, wait=True)
    with _started(arguments, order.folder, held) as process:
        code = _wait(process, deadline, told)
    if code is None:
        return None
    kept = f"what it printed is in {order.folder}"
    if code != 0:
        how = f"exited with {code}" if code > 0 else f"was ended by signal {-code}"
        raise InputError(f"the command {how} ({order.said}{_last_words(order.folder)}); {kept}")
    if before is not None and _signature(path) == before:
        raise InputError(
            f"{path}: is older than the run ({order.said}), which left no score there; write it in "
            f"every run, or name another file with `score_from`; {kept}"
        )
    score = read_score(path, command.key, f"{order.said}; {kept}")
    if path.resolve().parent != order.folder.resolve():
        shutil.copyfile(path, order.folder / path.name)
    return score


@contextmanager
def _started(
    arguments: Sequence[str], folder: Path, held: Sequence[int]
) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a command, and end all of its group if it is left before its end."""
    with (folder / STDOUT).open("wb") as stdout, (folder / STDERR).open("wb") as stderr:
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=held if os.name == "posix" else (),
            )
        except (OSError, ValueError) as err:
            reason = getattr(err, "strerror", None) or err
            raise InputError(
                f"`command`: {_short(arguments[0])!r} cannot be started ({reason}); name a program "
                "that is there"
            ) from err
        try:
            yield process
        finally:
            if process.poll() is None:
                _end(process)


def _wait(
    process: "subprocess.Popen[bytes]", deadline: float, told: Callable[[], None]
) -> int | None:
    """Return the exit code; None if the time is over first."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return process.poll()
        try:
            return process.wait(min(left, TELL))
        except subprocess.TimeoutExpired:
            told()


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and those that it started, kindly and then for certain."""
    try:
        _send(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
    finally:
        _send(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _send(process: "subprocess.Popen[bytes]", number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)


def _signature(path: Path, *, wait: bool = False) -> tuple[int, ...] | None:
    """Return what changes when a file is written; None where there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    if wait and abs(time.time() - found.st_mtime) < TICK:
        time.sleep(TICK)  # or the next write could bear the same time
    return found.st_mtime_ns, found.st_ino, found.st_size


def read_score(path: Path, key: str | None, which: str) -> float:
    """Return the score in a JSON file.

    Parameters
    ----------
    path : of the file
    key : of the score, with points where objects lie in objects; None: `score`, or the file holds
        nothing but the number
    which : run it is of, for messages

    Raises
    ------
    InputError
        If there is no such file or key, or the score is not a finite number.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        document = json.loads(content if len(content) <= MOST_BYTES else b"")
    except FileNotFoundError as err:
        raise InputError(
            f"{path}: was not written by the run ({which}); write the score there, or name its "
            "file with `score_from`"
        ) from err
    except OSError as err:
        raise InputError(f"{path}: cannot be read ({err.strerror or err}; {which})") from err
    except (ValueError, RecursionError) as err:
        raise InputError(
            f"{path}: is no JSON ({' '.join(str(err).split())[:LONGEST]}; {which}); write an "
            'object such as {"score": 0.93}'
        ) from err
    value = document if key is None and not isinstance(document, Mapping) else None
    if value is None:
        value = _found(document, key or "score", path, which)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(_as_float(value)):
        raise InputError(
            f"{path}: the score is {_short(json.dumps(value))}, no finite number ({which}); let "
            "the run write one, or leave out this seed"
        )
    return float(value)


def _found(document: Any, key: str, path: Path, which: str) -> Any:
    """Return what an object has under a key, or under the names between its points."""
    if isinstance(document, Mapping) and key in document:
        return document[key]
    inside = document
    for name in key.split("."):
        if not isinstance(inside, Mapping) or name not in inside:
            keys = ", ".join(list(document)[:8]) if isinstance(document, Mapping) else "no object"
            raise InputError(
                f"{path}: has no key {_short(key)!r} (it has {_short(keys) or 'none'}; {which}); "
                "name it with `score_from` FILE:KEY"
            )
        inside = inside[name]
    return inside


def _as_float(value: int | float) -> float:
    """Return a number; infinity for an integer that is too large."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _last_words(folder: Path) -> str:
    """Return the last line that a run wrote to standard error."""
    with suppress(OSError), (folder / STDERR).open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
        lines = file.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {_short(said[-1])}" if said else ""
    return ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."

"""On a terminal: colour, width and progress, each only where a person looks."""

import os
import re
import struct
import subprocess
from collections.abc import Mapping
from io import StringIO

import pytest
from rich.cells import cell_len

from cch_audit.commands import terminal

from .process import DECIDE_THE_LOOK, PROGRAM, QUICK, ROOT, TRAIN, environment

fcntl = pytest.importorskip("fcntl")
pty = pytest.importorskip("pty")
termios = pytest.importorskip("termios")

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def run_on_terminal(
    *arguments: str, stream: str, columns: int = 80, env: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """Run with one stream on a terminal; return exit code, what it showed, and the other stream."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: theirs}
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=ROOT,
        env=environment({"TERM": "xterm-256color", **(env or {})}),
        stdin=subprocess.DEVNULL,
        **streams,
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            read = os.read(ours, 65536)
        except OSError:  # Linux reports the end of a terminal as an error
            break
        if not read:
            break
        shown += read
    os.close(ours)
    stdout, stderr = process.communicate(timeout=60)
    other = stderr if stream == "stdout" else stdout
    return process.returncode, shown.decode().replace("\r\n", "\n"), other.decode()


def test_a_table_on_a_terminal_is_coloured_and_fits(pairs: str) -> None:
    code, shown, stderr = run_on_terminal("check", pairs, *QUICK, stream="stdout")
    assert (code, stderr) == (1, "")
    assert COLOUR.search(shown)
    lines = ESCAPE.sub("", shown).splitlines()
    assert 60 < max(map(cell_len, lines)) <= 80
    assert "…" not in shown


@pytest.mark.slow
def test_a_ranking_on_a_terminal_fits(lessons: str) -> None:
    arguments = (*QUICK, *TRAIN, "--confirm", "--controls")
    code, shown, stderr = run_on_terminal("rank", lessons, *arguments, stream="stdout")
    assert (code, stderr) == (0, "")
    assert COLOUR.search(shown)
    text = ESCAPE.sub("", shown)
    assert 60 < max(map(cell_len, text.splitlines())) <= 80
    assert "…" not in shown
    for title in ("Ranking by gap", "What else is known", "Measured: training", "How well each"):
        assert title in text


@pytest.mark.slow
def test_no_color_is_obeyed(pairs: str) -> None:
    env = {"NO_COLOR": "1"}
    code, shown, _ = run_on_terminal("check", pairs, *QUICK, stream="stdout", env=env)
    assert code == 1
    assert "\x1b" not in shown
    assert max(map(cell_len, shown.splitlines())) <= 80


class Terminal(StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("name", "value", "color"),
    [
        ("TERM", "xterm", True),
        ("TERM", "dumb", False),
        ("NO_COLOR", "0", False),
        ("NO_COLOR", "", True),
    ],
)
def test_the_environment_turns_colour_off(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, color: bool
) -> None:
    for variable in DECIDE_THE_LOOK:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, value)
    assert terminal.abilities(Terminal())["color"] is color


@pytest.mark.parametrize("wanted", [True, False])
def test_progress_is_drawn_if_wanted_alone(monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    stream = Terminal()
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress_bar(wanted) as tell:
        tell("[b]ksg[/b], representations", 0.5)
    assert ("[b]ksg[/b], representations" in stream.getvalue()) is wanted


def test_progress_goes_to_a_terminal_and_the_report_stays_clean(pairs: str) -> None:
    code, shown, stdout = run_on_terminal("check", pairs, *QUICK, stream="stderr")
    assert code == 1
    assert "elapsed" in shown
    assert "\x1b" not in stdout
    assert "elapsed" not in stdout
    # The bar is wiped away at the end, and the cursor comes back.
    assert ESCAPE.sub("", shown).splitlines()[-1].strip() == ""
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l")

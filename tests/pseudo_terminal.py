"""Run a command in a pseudo-terminal of a given width and return what it showed."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path


def run(
    command: list[str],
    *,
    columns: int = 80,
    environment: dict[str, str] | None = None,
    folder: Path | None = None,
) -> tuple[int, str]:
    """Return the exit code and everything written to a terminal of that many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", **(environment or {})},
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(), shown.decode().replace("\r\n", "\n")

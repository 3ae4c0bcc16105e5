"""What became of other processes."""

import os
import time
from contextlib import suppress
from pathlib import Path


def gone(number: int, seconds: float = 1.0) -> bool:
    """Whether a process has ended, or ends within some seconds."""
    for _ in range(round(100 * seconds)):
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(number, 0)
            state = Path(f"/proc/{number}/stat")
            if not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.01)
                continue
        return True
    return False

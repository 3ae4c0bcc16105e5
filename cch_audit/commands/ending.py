"""How the program ends: its exit code is that of a report only if one was finished and delivered.

This module imports nothing that could fail or take long: it listens before the rest is loaded.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import NoReturn

from cch_audit.errors import ExitCode

VERDICTS = (ExitCode.PASS, ExitCode.FAIL, ExitCode.UNDECIDED)
STOPPED_BY = {
    "SIGINT": ExitCode.INTERRUPTED,
    "SIGTERM": ExitCode.TERMINATED,
    "SIGHUP": ExitCode.TERMINATED,
}

NO_MEMORY = (
    "Cannot allocate memory",
    "can't allocate memory",
    "failed to map segment",
    "can't start new thread",
)
"""What the loader, torch and threads say instead of raising a MemoryError."""


class Stopped(BaseException):
    """Asked to stop, with this code; no library that catches exceptions may keep this one."""


def guard(run: Callable[[], int]) -> NoReturn:
    """Run the program, which returns its exit code, and exit with the code of what happened."""
    code: int = ExitCode.INTERNAL
    try:
        _open_streams()
        _distrust_libraries()
        _listen()
        code = run()
    except Stopped as stopped:
        (code,) = stopped.args
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except SystemExit as err:  # a library's, or that of shell completion
        code = err.code if err.code in (ExitCode.PASS, ExitCode.INPUT) else ExitCode.INTERNAL
    except BaseException as err:
        if _lacks_memory(err):
            say(
                "error: there is not enough memory; audit fewer rows (--max-samples) or columns, "
                "and one task at a time (--jobs 1)"
            )
        else:
            import traceback

            say(traceback.format_exc().rstrip())
            say("This is a bug in cch-audit; please report it with the lines above.")
    _leave(code)


def _lacks_memory(err: BaseException | None) -> bool:
    """Whether an exception, or what it came from, says that there is no memory."""
    while err is not None:
        if isinstance(err, MemoryError) or any(words in str(err) for words in NO_MEMORY):
            return True
        err = err.__cause__ or err.__context__
    return False


def say(text: str) -> None:
    """Write a line to standard error; where that is closed or full, nothing depends on it."""
    if sys.stderr is None:
        return
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _open_streams() -> None:
    """Keep the numbers of closed standard streams from files, which libraries would write into.

    What is written to a closed standard error is lost; to a closed standard output, is refused, as
    by a full disk.
    """
    for number, mode in enumerate((os.O_RDONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _distrust_libraries() -> None:
    """Let a library that ends the process by itself, as OpenBLAS without memory does, end it so."""
    with suppress(Exception):
        import ctypes

        libc = ctypes.CDLL(None)
        # Among the last things that `exit` calls, whatever code it was given: _exit(70).
        libc.__cxa_atexit(libc._exit, ctypes.c_void_p(ExitCode.INTERNAL), None)


def _listen() -> None:
    """Turn signals into an orderly end, unless whoever started the program had them ignored."""
    if hasattr(signal, "SIGPIPE"):
        # A reader that closes the pipe ends the program quietly, as with any Unix filter.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for name, code in STOPPED_BY.items():
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, partial(_stop, code))


def _stop(code: ExitCode, number: int, frame: FrameType | None) -> NoReturn:
    raise Stopped(code)


def _leave(code: int) -> NoReturn:
    """Exit at once: an orderly exit under threads that still compute in torch ends in SIGABRT."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            if stream is sys.stdout and code in VERDICTS:
                code = ExitCode.OUTPUT
    os._exit(code)

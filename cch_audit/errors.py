"""What can go wrong, and the exit code each outcome has."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Process exit codes; shell scripts gate on them."""

    PASS = 0
    FAIL = 1
    INPUT = 2
    UNDECIDED = 3
    INTERNAL = 70
    OUTPUT = 74
    LOST = 75
    INTERRUPTED = 130
    CLOSED_PIPE = 141
    TERMINATED = 143


class CchAuditError(Exception):
    """Base of every error this package raises on purpose."""


class OutputError(CchAuditError):
    """A finished report could not be written; the message says where and why."""


class LostError(CchAuditError):
    """What computes was lost; the message says what is kept, so that the same command goes on."""


class InputError(CchAuditError):
    """The input or an option cannot be used; the message says what was found and what to do."""

"""Streams that are closed, full or left by their reader."""

from itertools import product

from .case import QUICK, Builder, Case, h5, text
from .evidence import report

FILES: dict[str, Builder] = {"plain.h5": h5(), "result.json": report(), "s.yaml": text("seed: x")}

AUDIT = f"check plain.h5 {QUICK}"
SPEAKING = (
    "config",
    "--help",
    "--version",
    "check --help",
    "inspect plain.h5",
    "inspect plain.h5 --format json",
    "evidence result.json",
    "simulate --verify --populations 100",
)
WRONG = ("check nowhere.h5", "check --nosuch", "nosuch", "config --config s.yaml", "")

CASES = [
    *[
        Case(f"cch-audit {line} {to}", 74, ("standard output: cannot be written",))
        for line, to in zip((*SPEAKING, AUDIT, *SPEAKING[::3]), (">/dev/full", ">&-") * 6)
    ],
    *[
        Case(f"cch-audit {line} {to}", 0)
        for line, to in zip(SPEAKING[:-1], ("2>/dev/full", "2>&-") * 4)
    ],
    *[
        Case(f"cch-audit {line} {to}", 2, elsewhere=True)
        for line, to in product(WRONG, ("2>/dev/full", "2>&-"))
    ],
    Case(f"cch-audit {AUDIT} <&- 2>&-", 0),
    Case(f"cch-audit {AUDIT} --output r.txt >&- 2>&-", 0, outputs=("r.txt",), elsewhere=True),
    Case(f"cch-audit {AUDIT} >/dev/full 2>/dev/full", 74, elsewhere=True),
    *[
        Case(f'cch-audit {line} | head -n 0; exit "${{PIPESTATUS[0]}}"', 141)
        for line in ("config", "--help", "inspect plain.h5", "evidence result.json")
    ],
    Case("ulimit -f 0; cch-audit inspect plain.h5 --output r.txt", 74, ("r.txt",)),
]

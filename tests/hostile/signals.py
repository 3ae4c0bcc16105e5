"""Signals while the program is loaded, and while it works."""

from itertools import product

from .case import Builder, Case, h5

FILES: dict[str, Builder] = {"plain.h5": h5()}
CODES = {"INT": 130, "TERM": 143, "HUP": 143}
WORK = {
    "check plain.h5 --estimator mine --surrogates 100 --no-cache --output r.txt": ("1", "5"),
    "confirm plain.h5 --output r.txt --plot r.png": ("3",),
}

CASES = [
    Case(f"timeout --preserve-status --signal {name} {delay} cch-audit {line}", code)
    for (name, code), (line, delays) in product(CODES.items(), WORK.items())
    for delay in delays
]

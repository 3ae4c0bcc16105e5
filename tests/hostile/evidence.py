"""Reports that are none, broken, of another kind, or say what no audit said."""

import json
from pathlib import Path
from typing import Any

from tests.cli.process import FIXTURES

from .case import Builder, Case, h5, text, wrong

REAL = FIXTURES / "evidence" / "reports" / "simulated" / "gaussian_k0.5.json"
GONE = object()
"""Stands for a key that is left out."""
DEEP = "[" * 100_000


def report(*keys: Any, value: Any = GONE) -> Builder:
    """Return what writes a real report in which one value is another one."""

    def build(path: Path) -> None:
        document = json.loads(REAL.read_text())
        if keys:
            *above, last = keys
            holder = document
            for key in above:
                holder = holder[key]
            if value is GONE:
                del holder[last]
            else:
                holder[last] = value
        path.write_text(json.dumps(document))

    return build


def cut(share: float) -> Builder:
    """Return what writes the first part of a real report."""
    content = REAL.read_bytes()
    return text(content[: int(share * len(content))])


AUDIT = ("audits", 0)
TRAINED = (*AUDIT, "confirmation")
MAIN = (*TRAINED, "curve", 0, "metrics", "mse")
LEVEL = (*AUDIT, "levels", "representations")

CHANGED: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "no_seed": (("seed",), GONE, "seed is missing"),
    "odd_level": (
        (*AUDIT, "levels", "nosuch"),
        {"verdict": 1},
        "audits[0].levels.nosuch.verdict is 1, expected one of pass, fail, undecided",
    ),
    "no_audits": (("audits",), GONE, "no audit report"),
    "empty_audits": (("audits",), [], "holds no training run"),
    "huge_audits": (("audits",), 10**4000, "audits is Infinity, expected a list"),
    "other_kind": (("kind",), "rank", "ranking is missing"),
    "no_such_kind": (("kind",), "guess", "expected one of check, rank, sweep"),
    "list_audit": (AUDIT, [], "audits[0] is a list, expected an object"),
    "no_version": (("schema_version",), GONE, "no audit report"),
    "other_version": (("schema_version",), "3", "schema_version '3'"),
    "earlier_version": (("schema_version",), "1", "was written by an earlier cch-audit"),
    "long_version": (("schema_version",), "9" * 10_000, "schema_version"),
    "no_input": (("input",), GONE, "input is missing"),
    "list_input": (("input",), [], "input is a list, expected an object"),
    "text_rows": (("input", "n_rows"), "many", "input.n_rows"),
    "yes_rows": (("input", "n_rows"), True, "input.n_rows is true or false"),
    "no_settings": (("settings",), GONE, "settings is missing"),
    "no_training": (TRAINED, GONE, "holds no training run"),
    "no_source": ((*TRAINED, "source"), GONE, "audits[0].confirmation.source is missing"),
    "no_curve": ((*TRAINED, "curve"), [], "audits[0].confirmation.curve[0] is missing"),
    "beyond_the_curve": ((*TRAINED, "at"), -1, "audits[0].confirmation.curve[-1] is missing"),
    "other_cause": ((*TRAINED, "cause"), "luck", "expected one of transfer"),
    "no_outcome": ((*TRAINED, "outcome"), GONE, "audits[0].confirmation.outcome is missing"),
    "other_outcome": ((*TRAINED, "outcome"), "wins", "expected one of helps"),
    "no_change": ((*MAIN, "change"), GONE, "change is missing"),
    "other_verdict": ((*AUDIT, "verdict"), "PASS", "expected one of pass, fail, undecided"),
    "no_teacher": ((*AUDIT, "teacher"), GONE, "audits[0].teacher is missing"),
    "no_levels": ((*AUDIT, "levels"), GONE, "levels is missing"),
    "no_voters": ((*LEVEL, "voters"), GONE, "voters is missing"),
    "other_voter": ((*LEVEL, "voters"), ["nobody"], "nobody is missing"),
    "number_voter": ((*LEVEL, "voters"), [1], "voters[0] is 1"),
    "no_companions": ((*AUDIT, "companions"), GONE, "companions is missing"),
    "only_control": ((*AUDIT, "is_control"), True, "--controls"),
}
"""What is changed in a real report, and what is said of it."""

COUNTED: dict[str, tuple[tuple[Any, ...], Any, str]] = {
    "huge_change": ((*MAIN, "change", "estimate"), 10**4000, ""),
    "infinite_change": ((*MAIN, "change", "estimate"), float("inf"), ""),
    "nan_gap": ((*LEVEL, "estimators", "ksg", "gap", "estimate"), float("nan"), ""),
    "red_teacher": ((*AUDIT, "teacher"), "[red]\x1b[31m\n|", ""),
    "long_teacher": ((*AUDIT, "teacher"), "t" * 100_000, ""),
}

RAW: dict[str, tuple[str | bytes, str]] = {
    "list": ("[]", "expected an object"),
    "null": ("null", "the document is null"),
    "empty_object": ("{}", "no audit report"),
    "comma": ('{"audits": [],}', "is not JSON"),
    "lines": ('{"audits": []}\n{"audits": []}', "is not JSON"),
    "deep": (DEEP, "nested too deeply"),
    "deep_object": ('{"a":' * 100_000, "nested too deeply"),
    "digits": ('{"schema_version": "2", "audits": ' + "9" * 5000 + "}", "command is missing"),
    "not_utf8": (b'{"audits": "\xff"}', "not Unicode"),
    "binary": (bytes(range(256)), "is not JSON"),
    "twice": ('{"schema_version": "2", "schema_version": "2", "audits": []}', ""),
}

FILES: dict[str, Builder] = {
    "real.json": report(),
    "again.json": report(),
    **{f"{name}.json": report(*keys, value=value) for name, (keys, value, _) in CHANGED.items()},
    **{f"{name}.json": report(*keys, value=value) for name, (keys, value, _) in COUNTED.items()},
    **{f"raw_{name}.json": text(content) for name, (content, _) in RAW.items()},
    **{f"cut_{percent}.json": cut(percent / 100) for percent in (1, 50, 99)},
    "plain.h5": h5(),
}

CASES = [
    *[
        wrong(f"evidence {name}.json", f"{name}.json", said)
        for name, (_, _, said) in CHANGED.items()
    ],
    *[Case(f"cch-audit evidence {name}.json", 0, ("1 of 1 decided trial",)) for name in COUNTED],
    *[
        wrong(f"evidence raw_{name}.json", f"raw_{name}.json", said)
        for name, (_, said) in RAW.items()
    ],
    *[wrong(f"evidence cut_{percent}.json", "is not JSON") for percent in (1, 50, 99)],
    wrong("evidence real.json nowhere.json", "nowhere.json: cannot be read"),
    wrong("evidence real.json raw_lines.json", "raw_lines.json: is not JSON"),
    wrong("evidence plain.h5", "plain.h5: is not JSON"),
    wrong("evidence .", "cannot be read"),
    wrong("evidence ''", "cannot be read"),
    Case("cch-audit evidence real.json again.json", 0, ("counted once",)),
    Case("cch-audit evidence real.json real.json ./real.json", 0, ("counted once",)),
    Case("cch-audit evidence only_control.json --controls --format json", 0),
]

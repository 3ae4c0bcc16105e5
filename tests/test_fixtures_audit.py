"""What the whole audit says of every shipped file, with default settings and real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "cch_audit/schemas/report.schema.json").read_text(encoding="utf-8"))
EXIT_CODES = {
    "breast_cancer": 0,
    "classpaired": 1,
    "diabetes": 3,
    "digits_halves": 3,
    "gaussian_fail": 1,
    "gaussian_pass": 0,
    "mfeat_views": 0,
    "miniacc": 3,
}


def check(name: str, *options: str) -> tuple[int, dict]:
    """Return the exit code and the JSON report of one fixture."""
    arguments = ("check", f"fixtures/{name}.h5", "--format", "json", *options)
    process = subprocess.run(
        [sys.executable, "-m", "cch_audit", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return process.returncode, json.loads(process.stdout)


def test_every_fixture_is_listed() -> None:
    assert {path.stem for path in (ROOT / "fixtures").glob("*.h5")} == set(EXIT_CODES)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXIT_CODES)
def test_verdict(name: str) -> None:
    code, report = check(name)
    jsonschema.validate(report, SCHEMA)
    assert code == report["exit_code"] == EXIT_CODES[name]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "verdict"), [("gaussian_pass", "pass"), ("gaussian_fail", "fail")]
)
def test_known_family_at_both_levels(name: str, verdict: str) -> None:
    """y = s + e, t = s + k e: the criterion holds exactly for k < 1 (here .5 and 2, n = 3000)."""
    _, report = check(name, "--level", "both")
    for level in report["audits"][0]["levels"].values():
        assert set(level["estimators"]) == {"ksg", "mine", "lmi"}
        assert all(result["verdict"] == verdict for result in level["estimators"].values())


@pytest.mark.slow
def test_negative_control_never_passes() -> None:
    """Teacher and student are independent given the label, so the gap cannot be positive."""
    _, report = check("classpaired")
    for level in report["audits"][0]["levels"].values():
        assert all(result["verdict"] != "pass" for result in level["estimators"].values())

"""Reads a report back, and insists that it is the documented one."""

import json
from importlib.resources import files
from typing import Any

import jsonschema

SCHEMA = json.loads(files("cch_audit").joinpath("schemas/report.schema.json").read_text("utf-8"))


def parsed(stdout: str) -> dict[str, Any]:
    """Return a JSON report, validated."""
    report: dict[str, Any] = json.loads(stdout)
    jsonschema.validate(report, SCHEMA)
    return report


def audits(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the audits of a report by teacher."""
    return {audit["teacher"]: audit for audit in report["audits"]}


def size(audit: dict[str, Any]) -> dict[str, Any]:
    """Return what training showed at the size that stands for the whole."""
    found = audit["confirmation"]
    place: dict[str, Any] = found["curve"][found["at"]]
    return place


def main(audit: dict[str, Any]) -> dict[str, Any]:
    """Return the deciding metric at that size."""
    found: dict[str, Any] = size(audit)["metrics"][audit["confirmation"]["metric"]]
    return found

import html
import math
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from cch_audit.rendering import Look, as_csv, as_json, as_names, markdown, render, terminal
from cch_audit.rendering.reports import document
from cch_audit.results import RankReport
from cch_audit.settings.formats import FORMATS

from .reports import EVERY_REPORT, report


def test_each_format_has_its_renderer() -> None:
    case = report()
    assert render(case, "json", units="bits") == as_json.render(case)
    look = Look(units="bits", width=200, unicode=False)
    assert render(case, "csv", units="bits") == as_csv.render(case, look)
    assert render(case, "names") == as_names.render(case, look)
    assert render(case, "markdown") == markdown.render(document(case, Look()), look)
    assert render(case, units="bits", width=200, unicode=False) == terminal.render(
        document(case, look), look
    )


@pytest.mark.parametrize("format", FORMATS)
def test_ends_in_one_newline(format: str) -> None:
    text = render(report(), format)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def numbers(part: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a record that is finite, with where it stands."""
    if is_dataclass(part):
        for f in fields(part):
            yield from numbers(getattr(part, f.name), f"{path}.{f.name}")
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from numbers(value, f"{path}.{key}")
    elif isinstance(part, tuple | list):
        for index, value in enumerate(part):
            yield from numbers(value, f"{path}[{index}]")
    elif isinstance(part, float) and math.isfinite(part):
        yield path, part


def ways(value: float) -> set[str]:
    """Return how a number may be written."""
    plain = {f"{value:{form}}" for form in ("z.3f", "z.4f", "+z.4f", ".4g", "z#.4g", "+z#.3g")}
    percent = {f"{100 * value:{form}} %" for form in ("+z.1f", ".0f")}
    small = {"<0.001", "< 0.001"} if 0 <= value < 0.001 else set()
    return {text.rstrip(".") for text in plain} | percent | small | {f"{value:g}", f"{value:.2f}"}


SHORT = {".input.n_units": ".0f", ".sweep.gain_crossing.step": ".3g"}
"""What is written with fewer digits than the numbers of an audit."""


ELSEWHERE = ("columns", "seconds", "teacher_prediction_variance", "label_variance", "kendall_tau")
"""Columns of a ranking repeat what the audits hold; times are not shown; variances stand in a
comparison; and the tau of few teachers is left out."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Glyph")  # the font has no fire
@pytest.mark.parametrize("name", EVERY_REPORT)
@pytest.mark.parametrize("format", ["table", "markdown", "html", "junit"])
def test_every_number_is_in_every_format(name: str, format: str) -> None:
    case = EVERY_REPORT[name]
    text = html.unescape(render(case, format, width=100_000, verbose=True))
    if format == "html":
        text = text.partition('<script type="application/json"')[0]
    missing = {
        path: value
        for path, value in numbers(replace(case, settings={}))
        if not any(word in path for word in ELSEWHERE)
        and not any(way in text for way in (*ways(value), f"{value:{SHORT.get(path, '')}}"))
    }
    assert not missing


def test_tau_needs_five_teachers() -> None:
    case = EVERY_REPORT["confirmed ranking"]
    assert isinstance(case, RankReport)
    few = sum(not audit.is_control for audit in case.audits) < 5
    assert ("Kendall tau" in render(case)) != few
    assert any(record.kendall_tau is not None for record in case.ranking.records.values())


def test_importing_the_package_does_not_import_rich() -> None:
    code = "import sys, cch_audit.rendering; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

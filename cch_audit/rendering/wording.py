"""The fixed words around the numbers, the same in every format for people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cch_audit.rendering.confirmation import outcome_cell
from cch_audit.rendering.document import Cell, Rows, as_rows, verdict_badge
from cch_audit.rendering.foretold import METHOD, forecast_cell
from cch_audit.rendering.ranking import ranking_footnotes, shared_metric
from cch_audit.rendering.sweep import sweep_footnotes
from cch_audit.rendering.text import (
    FLOOR,
    METRIC_TITLES,
    TRUTH,
    deciding_levels,
    gap_range,
    number,
    trained,
)
from cch_audit.results import (
    LOWER_IS_BETTER,
    Audit,
    Confirmation,
    ForecastReport,
    Origin,
    RankReport,
    Report,
    SweepReport,
)
from cch_audit.settings.formats import Units


def input_lines(report: Report | ForecastReport, units: Units) -> list[tuple[str, str]]:
    """Return what was audited as (name, value) pairs."""
    source = report.input
    n_classes = source.labels.n_classes
    kind = "continuous" if n_classes is None else f"{n_classes} classes"
    if source.labels.entropy is not None:
        kind += f", H(Y) = {number(source.labels.entropy)} {units}"
    lines = [
        ("labels", f"{source.labels.name} ({kind})"),
        ("rows", f"{source.n_samples} of {source.n_rows}{_units(report)}"),
        ("file", source.path),
    ]
    if source.teacher_path is not None:
        lines.append(("teacher file", source.teacher_path))
    return lines


def _units(report: Report | ForecastReport) -> str:
    """Say what rows belong together, and how many units count as independent."""
    source, window = report.input, report.settings.get("window")
    groups = "" if source.n_groups is None else f", in {source.n_groups} groups"
    near = f", {window} rows to either side left out" if window else ""
    if source.n_units is None or (not near and round(source.n_units) == source.n_groups):
        return groups + near
    return f"{groups}{near}, which count as {source.n_units:.0f}"


def footnotes(report: Report) -> list[str]:
    """Return what the intervals and the verdict claim, and what they do not."""
    confidence = report.settings.get("confidence")
    which = "The" if confidence is None else f"The {100 * confidence:g} %"
    levels = [level for audit in report.audits for level in audit.levels.values()]
    results = [result for level in levels for result in level.estimators.values()]
    verdict_interval = (
        "The verdict interval, which decides, adds a bias allowance measured on surrogates."
        if any(result.bias is not None for result in results)
        else "The verdict interval decides; no bias allowance was measured, so bias is not in it."
    )
    notes = [
        f"{which} interval in brackets covers what this estimator would return on another sample "
        f"of this size. {verdict_interval}",
        "The condition is sufficient in a linear Gaussian model with Var(t) <= Var(y), and not "
        "necessary: PASS does not promise a gain and FAIL does not rule one out.",
    ]
    in_sight = not isinstance(report, RankReport | SweepReport)
    if in_sight and any(level.floor is not None for level in levels):
        notes.append(
            f"The row {FLOOR} is what the gap cannot be below: the teacher shares at least as much "
            "with the student as the labels that are predicted from it do (by KSG). Verdict "
            "intervals reach up to it."
        )
    if in_sight and any(level.truth is not None for level in levels):
        notes.append(
            f"The row {TRUTH} is no estimate: the file says what holds in the population that its "
            "rows were drawn from."
        )
    if any(audit.forecast is not None for audit in report.audits):
        notes += METHOD
    metric = shared_metric(report)
    if metric is not None:
        notes += training_footnotes(trained(report.audits), metric)
    if isinstance(report, RankReport):
        notes += ranking_footnotes(report)
    if isinstance(report, SweepReport):
        notes += sweep_footnotes(report)
    return notes


def training_footnotes(runs: Sequence[Confirmation], metric: str) -> list[str]:
    """Return what a change by distillation and its interval are, and what helping means."""
    lower = f" A lower {METRIC_TITLES[metric]} is better." if metric in LOWER_IS_BETTER else ""
    if any(found.source == "runs" for found in runs):
        said = (
            "A change by KD (knowledge distillation) is the mean over your paired runs of the "
            f"score with KD minus that without, from the same seed.{lower} Its interval is over "
            "runs, and says nothing of other rows."
        )
    else:
        said = (
            "A change by KD (knowledge distillation) is the mean over repetitions of the score "
            "with KD minus that without, from the same split, on all rows that neither train nor "
            f"validate.{lower} Its interval is over rows (whole groups where there are any) and "
            "repetitions together, and stays valid however often it is looked at."
        )
    return [
        said,
        "KD helps where the gain is more than the smallest that matters, by transfer where it "
        "beats every control, by regularisation where one without the teacher's content does as "
        "well.",
    ]


def teacher_rows(report: Report, units: Units) -> Rows:
    """Return one row per teacher: the verdict, the gap that decides, and the outcome."""
    columns: list[tuple[str, Callable[[Audit], Cell | None]]] = [
        ("verdict", lambda audit: verdict_badge(audit.verdict)),
        (f"gap ({units})", lambda audit: gap_range(deciding_levels(audit))),
        ("forecast", lambda audit: forecast_cell(audit.forecast)),
        ("training", outcome_cell),
        ("teacher", lambda audit: audit.teacher),
    ]
    return as_rows(report.audits, columns, names=("teacher",))


def run_lines(report: Report | ForecastReport) -> list[tuple[str, str]]:
    """Return what is needed to run the audit again as (name, value) pairs; settings are in nats."""
    digest = report.input.teacher_sha256
    return [
        ("command", report.command),
        ("seed", str(report.seed)),
        ("sha256", report.input.sha256),
        *([] if digest is None else [("sha256 of the teacher file", digest)]),
        *([] if report.origin is None else origin_lines(report.origin)),
        *setting_lines(report.settings),
    ]


def origin_lines(origin: Origin) -> Iterator[tuple[str, str]]:
    """Yield when, where and with what the report was made."""
    yield "date", origin.date
    yield "host", origin.host
    yield from ((f"{name} version", version) for name, version in origin.versions.items())


def setting_lines(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the settings as (dotted name, value) pairs."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from setting_lines(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{prefix}{name}", "none" if value is None else str(value)

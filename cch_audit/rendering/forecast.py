"""A report of forecasts as a document."""

from collections.abc import Iterator, Sequence

from cch_audit.rendering import Look
from cch_audit.rendering.document import (
    Card,
    Cell,
    Document,
    Drawing,
    Facts,
    Part,
    Rows,
    Section,
    as_rows,
    bullets,
    facts,
    texts,
    verdict_badge,
)
from cch_audit.rendering.foretold import (
    METHOD,
    cell_text,
    forecast_badge,
    forecast_numbers,
    forecast_parts,
    forecast_sentence,
    kind_of,
    rounded,
)
from cch_audit.rendering.ranking import grouped
from cch_audit.rendering.text import METRIC_TITLES, counted, effect, for_reading
from cch_audit.rendering.training import CLAIMS, control_title
from cch_audit.rendering.wording import input_lines, run_lines
from cch_audit.results import Cause, ForecastReport, Foretold, Outcome
from cch_audit.results.forecast import Forecast
from cch_audit.settings.formats import Units

TITLE = "Forecast of distillation: what training gains, without training"
HEADLINES: dict[tuple[Outcome, Cause | None], str] = {
    ("helps", "transfer"): "Distilling {} into {} is forecast to help",
    ("helps", "regularisation"): "Distilling {} into {} is forecast to help, but not by what the "
    "teacher knows",
    ("helps", "unclear"): "Distilling {} into {} is forecast to help, by what is open",
    ("hurts", None): "Distilling {} into {} is forecast to do harm",
    ("no_change", None): "Distilling {} into {} is forecast to change nothing that matters",
    ("undecided", None): "The forecast does not say whether distilling {} into {} helps",
}


def document(report: ForecastReport, look: Look, pictures: bool = False) -> Document:
    """Return what a report of forecasts says."""
    shown = for_reading(report, units=look.units, unicode=look.unicode)
    only = shown.forecasts[0].forecast if len(shown.forecasts) == 1 else None
    return Document(
        title=TITLE,
        headline=_headline(shown),
        verdict=sentence(shown),
        badge=verdict_badge(shown.decision) if only is None else forecast_badge(only),
        cards=() if only is None else (forecast_card(only),),
        warnings=shown.warnings,
        sections=tuple(_sections(shown, look.units, pictures)),
        brief=tuple(_brief(shown)),
    )


def forecast_card(forecast: Forecast) -> Card:
    """Return the answer of a forecast, and its numbers."""
    return Card("What is training to gain?", forecast_badge(forecast), forecast_numbers(forecast))


def sentence(report: ForecastReport) -> str:
    """Return what came out as one sentence, whose first word stands out."""
    if len(report.forecasts) == 1:
        (one,) = report.forecasts
        word = forecast_badge(one.forecast).word
        return f"{word}: {one.teacher} into {one.student}. {forecast_sentence(one.forecast)}"
    kinds = [(kind_of(one.forecast), one.teacher) for one in report.forecasts]
    said = [
        f"{claim} with {', '.join(names)}"
        for kind, claim in CLAIMS.items()
        if (names := [name for found, name in kinds if found == kind])
    ]
    return f"{report.decision.upper()}: forecast of {len(kinds)} teachers: {'; '.join(said)}."


def headline_of(one: Foretold) -> str:
    """Return what is forecast of one teacher in plain words."""
    return HEADLINES[kind_of(one.forecast)].format(one.teacher, one.student)


def forecast_advice(forecast: Forecast) -> str:
    """Return what follows from a forecast."""
    at = cell_text(forecast.temperature, forecast.weight)
    match kind_of(forecast):
        case ("helps", "transfer"):
            ends = ""
            if forecast.ends_at is not None:
                ends = f", with fewer than about {rounded(forecast.ends_at):,} labelled rows"
            return (
                f"Distil at {at}{ends}. A forecast is of a linear head: a short training run, "
                "cch-audit confirm, tells more."
            )
        case ("helps", "regularisation"):
            names = [n for n, one in forecast.controls.items() if one.advantage_high >= 0]
            what = control_title(names[0]) if names else "a control"
            return f"Take the cheaper way to the same gain: {what} may do as well."
        case ("helps", _):
            return (
                f"Distilling at {at} may help; whether the teacher is needed, a training run with "
                "controls tells: cch-audit confirm."
            )
        case ("hurts", _):
            return "Do not distil from this teacher at any of these temperatures and weights."
        case ("no_change", _):
            return "Distillation is not worth its cost here."
        case _:
            return (
                "Do not decide by this forecast alone. A short training run asks directly: "
                "cch-audit confirm, with the same file and options."
            )


def _headline(report: ForecastReport) -> str:
    if len(report.forecasts) == 1:
        return headline_of(report.forecasts[0])
    kinds = [kind_of(one.forecast) for one in report.forecasts]
    helped = kinds.count(("helps", "transfer")) or "None"
    student = report.forecasts[0].student
    verb = "is" if helped == 1 else "are"
    return f"{helped} of {len(kinds)} teachers of {student} {verb} forecast to help by transfer"


def _brief(report: ForecastReport) -> Iterator[tuple[str, Cell]]:
    for one in report.forecasts:
        name = "" if len(report.forecasts) == 1 else one.teacher
        yield name or "forecast", forecast_badge(one.forecast)
        yield "", forecast_numbers(one.forecast)
    if len(report.forecasts) == 1 and report.forecasts[0].forecast.reasons:
        yield "why", " ".join(report.forecasts[0].forecast.reasons)
    yield "next", _advice(report)[0]


def _sections(report: ForecastReport, units: Units, pictures: bool) -> Iterator[Section]:
    yield Section("What was asked", tuple(_asked(report, units)))
    several = len(report.forecasts) > 1
    full = [_one(one, pictures) for one in report.forecasts]
    found: tuple[Part, ...] = (forecast_rows(report.forecasts),) if several else full[0].parts
    yield Section("What came out", found)
    yield Section("What to do next", tuple(bullets(_advice(report))))
    yield from full if several else ()
    yield Section("How it was done", tuple(texts(METHOD)))
    yield Section("Settings", tuple(facts(run_lines(report))), detail="fine")


def _one(one: Foretold, pictures: bool) -> Section:
    """Return one teacher in full."""
    drawn: list[Part] = []
    if pictures:
        from cch_audit.rendering.figures.forecast import forecast_pictures

        drawn = [*map(Drawing, forecast_pictures(one.forecast))]
    parts = (*drawn, *forecast_parts(one.forecast))
    return Section(f"Teacher {one.teacher}", parts, forecast_badge(one.forecast), "detail")


def _asked(report: ForecastReport, units: Units) -> Iterator[Part]:
    first = report.forecasts[0]
    lines = [("student", f"{first.student} ({counted(first.student_dimension, 'dimension')})")]
    if len(report.forecasts) == 1:
        size = counted(first.teacher_dimension, "dimension")
        lines.insert(0, ("teacher", f"{first.teacher} ({size})"))
    lines.append(("labelled rows", f"{first.forecast.labelled_rows:,}"))
    yield Facts((*lines, *input_lines(report, units)))
    yield from bullets(report.input.notes)


def forecast_rows(forecasts: Sequence[Foretold]) -> Rows:
    """Return one row per teacher."""
    metric = METRIC_TITLES[forecasts[0].forecast.metric]

    def span(one: Foretold) -> str:
        found = one.forecast
        low, high = (effect(end, found.metric) for end in (found.low, found.high))
        return f"{effect(found.estimate, found.metric)}\n[{low}, {high}]"

    return as_rows(
        forecasts,
        [
            ("teacher", lambda one: one.teacher),
            ("forecast", lambda one: forecast_badge(one.forecast)),
            (f"change of\n{metric}", span),
            ("P(helps)", lambda one: f"{one.forecast.probability:.3f}"),
            ("at", lambda one: cell_text(one.forecast.temperature, one.forecast.weight)),
            ("ends at\n(rows)", _ends),
        ],
        names=("teacher",),
    )


def _ends(one: Foretold) -> str | None:
    ends = one.forecast.ends_at
    return None if ends is None else f"{ends:,}"


def _advice(report: ForecastReport) -> list[str]:
    pairs = [(one.teacher, forecast_advice(one.forecast)) for one in report.forecasts]
    return grouped(pairs, len(pairs))

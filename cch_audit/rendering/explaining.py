"""What was tested and what to do next, for a reader who never heard of the criterion."""

from collections.abc import Iterator

from cch_audit import estimators
from cch_audit.rendering.audits import LEVEL_TITLES
from cch_audit.rendering.forecast import HEADLINES
from cch_audit.rendering.foretold import kind_of as kind_of_forecast
from cch_audit.rendering.ranking import grouped, shown_teachers
from cch_audit.rendering.sweep import keeps_teacher, sweep_title, threshold
from cch_audit.rendering.text import METRIC_TITLES, counted, interval, size_of, trained
from cch_audit.rendering.training import (
    RUNS,
    cause_sentence,
    curve_words,
    depends_on_rows,
    flags,
    is_mixed,
    kind_of,
    missing,
)
from cch_audit.results import (
    DECIDES,
    Audit,
    Cause,
    Confirmation,
    InputSummary,
    Outcome,
    RankReport,
    Report,
    Sweep,
    SweepReport,
    Verdict,
)

TESTED_TITLE = "What was tested"
ADVICE_TITLE = "What to do next"
METHOD_TITLE = "How it was done"

QUESTION = (
    "Knowledge distillation trains a student, which sees one modality, with the help of a teacher, "
    "which sees another one. It costs a training run, and often it does not help. The cross-modal "
    "complementarity hypothesis (CCH, arXiv 2510.13182) says when it can: if teacher and student "
    "share more information than student and labels do. The difference is the gap, I(teacher; "
    "student) - I(student; labels), where I is mutual information: how much one of the two says "
    "about the other."
)
_SAYS = (
    "PASS: the gap is above {}; FAIL: it is below; UNDECIDED: the data do not say on which side it "
    "is, and the report says why."
)
_HEADLINES: dict[Verdict, str] = {
    "pass": "Distilling {} into {} can help, says the criterion",
    "fail": "Distilling {} into {} is not expected to help",
    "undecided": "The data do not say whether distilling {} into {} can help",
}
_MEASURED_HEADLINES: dict[tuple[Outcome, Cause | None], str] = {
    ("helps", "transfer"): "Distilling {teacher} into {student} helped in {runs}",
    ("helps", "regularisation"): "Distilling {teacher} into {student} helped in {runs}, but not by "
    "what the teacher knows",
    ("helps", "unclear"): "Distilling {teacher} into {student} helped in {runs}, by what is open",
    ("hurts", None): "Distilling {teacher} into {student} did harm in {runs}",
    ("no_change", None): "Distilling {teacher} into {student} changed nothing that matters in "
    "{runs}",
    ("undecided", None): "{Runs} could not tell whether distilling {teacher} into {student} helps",
}


_WORDS = {
    "nats": "the unit of information: 1 nat is 1.443 bits, and a fair coin holds 0.693 nats",
    "representations": "the features, as they are in the file; much of what they share may have "
    "nothing to do with the labels",
    "predictions": "what teacher and student say about the labels: predictions in the file, or "
    "those of linear heads on rows that they did not see; the theorem speaks of these",
    "interval": "from resampling rows, or whole groups of them, together for both informations; "
    "rows of one group, or of one window, inform each other in no part of an estimate",
    "verdict interval": "spans the interval and the same one less the bias that the estimator has "
    "on random data that resemble these and whose information is known; one below the margin is "
    "held against the floor",
    "hull": "from the lowest to the highest end of the verdict intervals that decide",
    "floor": "the gap that the teacher's predictions of the labels leave, in place of the teacher: "
    "they share no more with the student than it does, so no gap is smaller",
    "drift": "change of the gap from half of the rows to all; where it would change the verdict, "
    "the verdict is undecided",
}


def headline(report: Report) -> str:
    """Return what came out in plain words, without numbers."""
    if isinstance(report, SweepReport):
        return sweep_title(report.sweep)
    audits = report.teachers
    if len(audits) > 1:
        passing = sum(audit.verdict == "pass" for audit in audits)
        of_them = f"of {len(audits)} teachers"
        holds = f"The criterion holds for {passing} {of_them} of {audits[0].student}"
        runs = trained(audits)
        if not runs:
            return holds
        kinds = [*map(kind_of, runs)]
        where = "In your own" if runs[0].source == "runs" else "In quick"
        helped = kinds.count(("helps", "transfer")) or "none"
        return f"{where} training runs {helped} {of_them} helped by transfer. {holds}"
    audit = audits[0]
    parts = []
    for found in trained([audit]):
        inside, first = RUNS[found.source]
        inside += " at some numbers of labelled rows" * depends_on_rows(found)
        words = {"teacher": audit.teacher, "student": audit.student, "runs": inside, "Runs": first}
        parts.append(_MEASURED_HEADLINES[kind_of(found)].format(**words))
    if "forecast" in DECIDES[report.gate] and audit.forecast is not None:
        kind = kind_of_forecast(audit.forecast)
        parts.append(HEADLINES[kind].format(audit.teacher, audit.student))
    if "verdict" in (DECIDES[report.gate] or ("verdict",)) or not parts:
        parts.append(_HEADLINES[audit.verdict].format(audit.teacher, audit.student))
    return ". ".join(parts)


def question(report: Report) -> list[str]:
    """Return what was asked, of which data, and what each answer means."""
    source, audit = report.input, report.audits[0]
    levels = audit.levels.values()
    names = dict.fromkeys(name for level in levels for name in level.estimators)
    if isinstance(report, SweepReport):
        teachers = f"the teacher {report.sweep.teacher}, at {len(report.audits)} steps"
    elif len(report.audits) == 1:
        teachers = f"the teacher {audit.teacher}"
    else:
        controls = len(report.audits) - len(report.teachers)
        teachers = counted(len(report.teachers), "teacher")
        teachers += f" and {counted(controls, 'control')}" if controls else ""
    runs = trained(report.audits)
    return [
        QUESTION,
        f"Here the student is {audit.student}, with {teachers}. Both informations were estimated "
        f"from {source.n_samples:,} rows of {source.path} (labels: {source.labels.name}) by "
        f"{', '.join(names)}."
        + (" The student was also trained with and without the teacher." if runs else ""),
        _SAYS.format(threshold(report)),
    ]


def advice(report: Report) -> list[str]:
    """Return what follows from the result, each piece once, with the teachers it is about."""
    if isinstance(report, SweepReport):
        return _of_sweep(report.sweep)
    audits = shown_teachers(report)
    pairs = [(audit.teacher, text) for audit in audits for text in _of_teacher(audit, report)]
    choice = [_choice(report)] if isinstance(report, RankReport) else []
    return choice + grouped(pairs, len(audits))


def method(report: Report) -> list[tuple[str, str]]:
    """Return the estimators and the levels that the report shows, and what they mean."""
    levels = report.audits[0].levels
    names = dict.fromkeys(name for level in levels.values() for name in level.estimators)
    lines = [(name, estimators.find(name).meaning) for name in names if name in estimators.names()]
    unknown = LEVEL_TITLES.keys() - levels
    return lines + [(word, meaning) for word, meaning in _WORDS.items() if word not in unknown]


def _of_sweep(sweep: Sweep) -> list[str]:
    if keeps_teacher(sweep):
        return [
            f"Distil at a {sweep.varied} at which it helps, if there is one; or let validation "
            "rows choose, as cch-audit confirm does."
        ]
    return [
        "Expect a gain only where the gap and the measured gain are both positive; between their "
        "crossings the criterion and the training run disagree.",
        "Steps that are closer to each other near a crossing make it sharper.",
    ]


def _of_teacher(audit: Audit, report: Report) -> Iterator[str]:
    """Yield advice about one teacher: what training showed counts more than the forecast."""
    if audit.confirmation is not None:
        yield _after_training(audit.confirmation)
        return
    match audit.verdict:
        case "pass":
            yield (
                "A pass says that the criterion holds, not that the student gets better. Before a "
                "long training run make a short one: cch-audit confirm, with the same file and "
                "options, trains small heads with and without the teacher in minutes."
            )
        case "fail":
            yield (
                "Do not count on a gain from this teacher. Look for another one: cch-audit rank, "
                "with the same file, audits every other representation as a teacher."
            )
            adds = audit.companions.teacher_labels_given_student
            known = f"I(teacher;labels|student) = {interval(adds)}"
            if adds.low > 0:
                yield (
                    "The teacher knows something about the labels that the student does not, "
                    f"{known}, and a fail does not rule a gain out. If a short training run costs "
                    "little, make one: cch-audit confirm."
                )
            else:
                yield (
                    "Nothing shows that the teacher knows more about the labels than the student, "
                    f"{known}, which is one more reason to leave it."
                )
        case "undecided":
            standing = [doubt.remedy for doubt in audit.doubts if not doubt.overruled]
            yield from standing or _more_data(report.input)


def _more_data(source: InputSummary) -> Iterator[str]:
    more = "More rows make the intervals narrower"
    if source.n_samples < source.n_rows:
        more += f"; {source.n_samples:,} of {source.n_rows:,} were used (--max-samples, --rows)"
    yield f"Do not decide by this audit alone. {more}."
    yield "A short training run asks directly: cch-audit confirm, with the same file and options."


def _after_training(found: Confirmation) -> str:
    name, size = METRIC_TITLES[found.metric], found.size
    if is_mixed(found):
        words = curve_words(found.curve)
        return f"Say how many labelled rows there will be (--labelled-rows): {words}."
    match kind_of(found):
        case ("helps", "transfer"):
            start = ""
            if size.grid:
                cell = max(size.grid, key=lambda cell: cell.chosen)
                at = "" if cell.temperature is None else f"temperature {cell.temperature:g} and "
                start = f" Start from {at}weight {cell.weight:g}, which most repetitions chose."
            noted = found.notes or any(True for _ in flags(found))
            notes = " First read the notes on the training run." if noted else ""
            first = "Distil: the student got better with this teacher."
            if depends_on_rows(found):
                words = curve_words(found.curve)
                first = f"Distil if there are as many labelled rows as where it helped: {words}."
            return f"{first}{start}{notes}"
        case ("helps", "regularisation"):
            return f"Take the cheaper way to the same gain: {cause_sentence(found)}."
        case ("helps", _):
            needed = missing(size)
            more = f" {needed[0].upper()}{needed[1:]} may tell." if needed else ""
            return f"The student got better, but {cause_sentence(found)}.{more}"
        case ("hurts", _):
            return "Do not distil from this teacher: the student got worse with it."
        case ("no_change", _):
            least = f"{size_of(found.min_effect, found.metric)} {name}"
            excluded = f": a gain of {least} or more is excluded" if found.min_effect > 0 else ""
            return f"Distillation is not worth its cost here{excluded}."
        case _:
            return f"Training could not tell: {_more_training(found)}."


def _more_training(found: Confirmation) -> str:
    """Return what would decide, and how to ask for it."""
    size = found.size
    if size.more_repetitions is not None and size.more_rows is None:
        how = "more runs" if found.source == "runs" else "--seeds, and --budget if it was spent"
        return f"{missing(size)} would ({how})"
    if needed := missing(size):
        return f"{needed} would"
    return "give it more rows, or a larger --min-effect"


def _choice(report: RankReport) -> str:
    """Return which teacher to take."""
    first = [one.teacher for one in report.ranking.teachers if one.rank == 1]
    if report.verdict == "fail":
        return "No teacher passes: train the student without one, or look for other teachers."
    if len(first) > 1:
        return (
            f"The first teachers cannot be told apart ({', '.join(first)}): choose among them by "
            "cost, or by what training shows."
        )
    return f"If a teacher is taken, take {', '.join(first)}, the first of the ranking."

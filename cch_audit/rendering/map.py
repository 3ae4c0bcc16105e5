"""A study as a document: matrices, who should teach whom, and the best teacher of each student."""

from collections.abc import Callable, Iterator, Sequence

from cch_audit import columns
from cch_audit.rendering import Look
from cch_audit.rendering.document import (
    Badge,
    Cell,
    Document,
    Drawing,
    Facts,
    Fold,
    Heading,
    Part,
    Rows,
    Section,
    as_rows,
    bullets,
    facts,
    texts,
    verdict_badge,
)
from cch_audit.rendering.explaining import QUESTION
from cch_audit.rendering.foretold import METHOD, forecast_badge
from cch_audit.rendering.text import (
    METRIC_TITLES,
    counted,
    deciding_levels,
    effect,
    for_reading,
    gap_range,
    number,
    size_of,
    span,
    trained,
)
from cch_audit.rendering.training import CAUSES, CLAIMS, kind_of
from cch_audit.rendering.wording import origin_lines, setting_lines, training_footnotes
from cch_audit.results import Audit
from cch_audit.results.maps import Choice, MapReport, PairMatrix
from cch_audit.settings.formats import Units

TITLE = "Study of pairs: gap = I(teacher;student) - I(student;labels)"
MOST_STUDENTS = 8
"""Columns of a matrix that has room in a table; a wider one is shown pair by pair."""
ITSELF = "."
"""What stands where teacher and student are the same, or a pair was not asked for."""
REFUSED = "refused"


def document(report: MapReport, look: Look, pictures: bool = False) -> Document:
    """Return what a study found."""
    shown = for_reading(report, units=look.units, unicode=look.unicode)
    return Document(
        title=TITLE,
        headline=_headline(shown),
        verdict=sentence(shown),
        badge=verdict_badge(shown.decision),
        warnings=shown.warnings,
        sections=tuple(_sections(shown, look.units, pictures)),
        brief=tuple(_brief(shown)),
    )


def sentence(report: MapReport) -> str:
    """Return what came out as one sentence, whose first word stands out."""
    audits, refused = report.audits, _n_refused(report)
    counts = [
        f"{n} {verdict}"
        for verdict in ("pass", "fail", "undecided")
        if (n := sum(audit.verdict == verdict for audit in audits))
    ]
    taught = sum(len(matrix.lessons) for matrix in report.matrices)
    said = f"{report.decision.upper()}: of {counted(len(audits), 'pair')}, {', '.join(counts)}"
    if report.gate != "verdict":
        said += f"; {taught} pass the gate"
    said += f"; {counted(refused, 'pair')} refused" if refused else ""
    return f"{said}.{_measured(audits)}"


def _measured(audits: Sequence[Audit]) -> str:
    """Say how many pairs training, and forecasts, found to gain."""
    said = ""
    told = [audit.forecast for audit in audits if audit.forecast is not None]
    if told:
        helps = sum(one.outcome == "helps" and one.source == "transfer" for one in told)
        said += f" Forecast: {CLAIMS['helps', 'transfer']} in {helps} of {len(told)}."
    runs = trained(audits)
    if runs:
        helps = [kind_of(run) for run in runs].count(("helps", "transfer"))
        said += f" Measured: {CLAIMS['helps', 'transfer']} in {helps} of {len(runs)}."
    return said


def _headline(report: MapReport) -> str:
    taught = {
        (matrix.file, matrix.labels, lesson.student)
        for matrix in report.matrices
        for lesson in matrix.lessons
    }
    students = sum(len(matrix.choices) for matrix in report.matrices)
    return f"{len(taught) or 'None'} of {counted(students, 'student')} should be taught by another"


def _n_refused(report: MapReport) -> int:
    return sum(len(matrix.refusals) for matrix in report.matrices)


def _brief(report: MapReport) -> Iterator[tuple[str, Cell]]:
    yield "verdict", verdict_badge(report.decision)
    yield "", sentence(report)
    for matrix in report.matrices:
        for lesson in matrix.lessons:
            yield _where(matrix, report), f"{lesson.teacher} -> {lesson.student}"


def _where(matrix: PairMatrix, report: MapReport) -> str:
    """Return which matrix it is, if there are several."""
    if len(report.matrices) == 1:
        return ""
    files = {one.file for one in report.matrices}
    labels = {one.labels for one in report.matrices}
    parts = [matrix.file] * (len(files) > 1) + [f"labels {matrix.labels}"] * (len(labels) > 1)
    return ", ".join(parts)


def _sections(report: MapReport, units: Units, pictures: bool) -> Iterator[Section]:
    yield Section(
        "What was tested", (Facts(tuple(_tested(report))), Fold("Why", tuple(texts([QUESTION]))))
    )
    for matrix in report.matrices:
        where = _where(matrix, report)
        title = "What came out" + (f": {where}" if where else "")
        yield Section(title, tuple(_found(matrix, report, units, pictures)))
    yield Section("What to do next", tuple(bullets(_advice(report))))
    for matrix in report.matrices:
        where = _where(matrix, report)
        title = "Pair by pair" + (f": {where}" if where else "")
        yield Section(title, (pair_rows(matrix, units),), detail="detail")
    yield Section("How it was done", tuple(texts(_method(report))))
    yield Section("Settings", tuple(facts(_run_lines(report))), detail="fine")


def _tested(report: MapReport) -> Iterator[tuple[str, str]]:
    for matrix in report.matrices:
        yield "file", matrix.file
        found = matrix.input
        if found is not None:
            kind = found.labels.n_classes
            said = "continuous" if kind is None else f"{kind} classes"
            yield "labels", f"{matrix.labels} ({said})"
            yield "rows", f"{found.n_samples} of {found.n_rows}"
        yield (
            "pairs",
            (
                f"{len(matrix.audits)} of {counted(len(matrix.teachers), 'teacher')} and "
                f"{counted(len(matrix.students), 'student')}"
            ),
        )


def _found(matrix: PairMatrix, report: MapReport, units: Units, pictures: bool) -> Iterator[Part]:
    """Yield the heat maps, the matrices, the lessons, the best teachers and what was refused."""
    if pictures and matrix.audits:
        from cch_audit.rendering.figures.heat import map_pictures

        yield from map(Drawing, map_pictures(matrix, units))
    if len(matrix.students) <= MOST_STUDENTS:
        for title, cell in _matrices(matrix, units):
            yield Heading(title)
            yield _matrix_rows(matrix, cell)
    elif not pictures:
        yield Heading("Verdicts: P pass, F fail, ? undecided; one column for each student")
        yield _letters(matrix)
    yield Heading("Who should teach whom")
    if matrix.lessons:
        audits = {(audit.teacher, audit.student): audit for audit in matrix.audits}
        yield as_rows(
            matrix.lessons,
            [
                ("teacher", lambda one: one.teacher),
                ("student", lambda one: one.student),
                (f"gap ({units})", lambda one: span(one.gap)),
                ("forecast", lambda one: _forecast(audits[one.teacher, one.student])),
                ("training", lambda one: _outcome(audits[one.teacher, one.student])),
            ],
            names=("teacher", "student"),
        )
    else:
        yield from texts(["No pair passes."])
    if matrix.choices:
        by = columns.title(report.settings.get("by", "gap"))
        yield Heading(f"The best teacher of each student by {by}")
        yield choice_rows(matrix)
    if matrix.refusals:
        yield from bullets(
            (f"{one.teacher} -> {one.student}: {one.reason}" for one in matrix.refusals), "Refused"
        )


def _matrices(
    matrix: PairMatrix, units: Units
) -> Iterator[tuple[str, Callable[[Audit], Cell | None]]]:
    """Yield the title and the cells of each matrix that there is: rows teach, columns learn."""
    yield (
        f"Verdict and gap ({units}); rows teach, columns learn",
        lambda audit: verdict_badge(audit.verdict, gap_range(deciding_levels(audit))),
    )
    if any(audit.forecast is not None for audit in matrix.audits):
        yield "Forecast: change of the loss", _forecast
    if trained(matrix.audits):
        yield "Training: change of the metric", _outcome


def _forecast(audit: Audit) -> Badge | None:
    found = audit.forecast
    return None if found is None else forecast_badge(found, effect(found.estimate, found.metric))


def _outcome(audit: Audit) -> Cell | None:
    from cch_audit.rendering.document import outcome_badge

    found = audit.confirmation
    if found is None:
        return None
    change = effect(found.main.change.estimate, found.metric)
    below = change if found.cause is None else f"{change}\n{CAUSES[found.cause]}"
    return outcome_badge(found.outcome, found.cause, below)


def _matrix_rows(matrix: PairMatrix, cell: Callable[[Audit], Cell | None]) -> Rows:
    """Return one row for each teacher and one column for each student."""
    audits = {(audit.teacher, audit.student): audit for audit in matrix.audits}
    refused = {(one.teacher, one.student) for one in matrix.refusals}

    def of(teacher: str, student: str) -> Cell:
        audit = audits.get((teacher, student))
        if audit is None:
            return REFUSED if (teacher, student) in refused else ITSELF
        return cell(audit) or "n/a"

    rows = tuple(
        (teacher, *(of(teacher, student) for student in matrix.students))
        for teacher in matrix.teachers
    )
    return Rows(("teacher", *matrix.students), rows, ("teacher",), _letters(matrix))


def _letters(matrix: PairMatrix) -> Rows:
    """Return the verdicts with a letter for each pair, for a matrix that has no room for more."""
    letters = {"pass": "P", "fail": "F", "undecided": "?"}
    audits = {(audit.teacher, audit.student): letters[audit.verdict] for audit in matrix.audits}
    refused = {(one.teacher, one.student): "!" for one in matrix.refusals}
    rows = tuple(
        (
            teacher,
            " ".join(
                {**audits, **refused}.get((teacher, student), ITSELF) for student in matrix.students
            ),
        )
        for teacher in matrix.teachers
    )
    return Rows(("teacher", "students in order: P pass, F fail, ?"), rows, ("teacher",))


def choice_rows(matrix: PairMatrix) -> Rows:
    """Return one row for each student."""
    metric = next((run.metric for run in trained(matrix.audits)), None)

    def regret(one: Choice) -> str | None:
        if one.regret is None:
            return None
        if one.regret_of == "outcome" and metric is not None:
            return size_of(one.regret, metric)
        return number(one.regret)

    measured = any(one.regret_of == "outcome" for one in matrix.choices)
    of = METRIC_TITLES[metric] if measured and metric is not None else "forecast loss"
    cells: list[tuple[str, Callable[[Choice], Cell | None]]] = [
        ("student", lambda one: one.student),
        ("best teacher", lambda one: one.teacher),
        ("gate", lambda one: verdict_badge(one.decision)),
        (f"regret\n({of})", regret),
        ("then", lambda one: ", ".join(one.teachers[1:4]) or "none"),
    ]
    names = ("student", "best teacher")
    return as_rows(matrix.choices, cells, names, as_rows(matrix.choices, cells[:-1], names))


def pair_rows(matrix: PairMatrix, units: Units) -> Rows:
    """Return one row for each pair."""
    return as_rows(
        matrix.audits,
        [
            ("teacher", lambda audit: audit.teacher),
            ("student", lambda audit: audit.student),
            ("verdict", lambda audit: verdict_badge(audit.verdict)),
            (f"gap ({units})", lambda audit: gap_range(deciding_levels(audit))),
            ("forecast", _forecast),
            ("training", _outcome),
            ("why", lambda audit: "; ".join(audit.reasons)),
        ],
        names=("teacher", "student", "why"),
    )


def _advice(report: MapReport) -> Iterator[str]:
    lessons = [lesson for matrix in report.matrices for lesson in matrix.lessons]
    if not lessons:
        yield "Distil between none of these pairs on this evidence; the list pair by pair says why."
    elif not trained(report.audits):
        yield (
            "Confirm the pairs that pass by a short training run: the same command with --confirm "
            "trains for all of them, and estimates nothing again."
        )
    else:
        yield "Distil where training gained by transfer."
    if _n_refused(report):
        yield "Mend what the refused pairs say, and give the same command: the others are kept."


def _method(report: MapReport) -> Iterator[str]:
    yield (
        "Each audit is the one that cch-audit check makes of this teacher and this student. On "
        "representations I(A;B) knows no direction, and was measured once for both."
    )
    yield (
        "PASS does not promise a gain and FAIL does not rule one out. The verdicts are not "
        "corrected for the number of pairs: among many, some pass by chance."
    )
    if any(one.regret is not None for matrix in report.matrices for one in matrix.choices):
        yield "The regret is the gain of the student's best teacher less that of the one named."
    audits = report.audits
    if any(audit.forecast is not None for audit in audits):
        yield from METHOD
    runs = trained(audits)
    if runs:
        yield from training_footnotes(runs, runs[0].metric)


def _run_lines(report: MapReport) -> Iterator[tuple[str, str]]:
    yield "command", report.command
    yield "seed", str(report.seed)
    for matrix in report.matrices:
        if matrix.input is not None:
            yield "sha256", matrix.input.sha256
    if report.origin is not None:
        yield from origin_lines(report.origin)
    yield from setting_lines(report.settings)

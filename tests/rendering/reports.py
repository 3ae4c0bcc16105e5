"""Reports built by hand, with varied contents."""

import math
from dataclasses import replace

from cch_audit.results import (
    Audit,
    CheckReport,
    Companions,
    Doubt,
    EstimatorResult,
    ForecastReport,
    Foretold,
    Gap,
    InputSummary,
    Interval,
    LabelSummary,
    LevelResult,
    Outcome,
    PerInformation,
    Range,
    Ranking,
    RankReport,
    Report,
    Verdict,
)
from cch_audit.results.forecast import Forecast

from .experiments import (
    baselines,
    confirmation,
    confirmed,
    curved,
    own_runs,
    ranking,
    regression_confirmation,
    swept,
)
from .forecasts import forecast

REASONS: dict[Verdict, str] = {
    "pass": "interval above zero",
    "fail": "interval below zero",
    "undecided": "interval straddles zero",
}


def interval(estimate: float, half_width: float = 0.1) -> Interval:
    return Interval(estimate, estimate - half_width, estimate + half_width, half_width / 1.96)


def estimator(
    teacher_student: float,
    student_labels: float,
    verdict: Verdict,
    *,
    flags: tuple[str, ...] = (),
    measured_bias: bool = True,
) -> EstimatorResult:
    gap = teacher_student - student_labels
    return EstimatorResult(
        teacher_student=interval(teacher_student),
        student_labels=interval(student_labels),
        gap=Gap(gap, gap - 0.12, gap + 0.12, 0.12 / 1.96, min(max(gap + 0.5, 0.0), 1.0)),
        verdict_interval=Range(gap - 0.12, gap + 0.2371),
        bias=PerInformation(-0.2113, -0.0342, -0.1771) if measured_bias else None,
        drift=PerInformation(0.0312, -0.0012, 0.0324),
        flags=flags,
        verdict=verdict,
        reason=REASONS[verdict],
    )


def audit(
    teacher: str = "mod/text", student: str = "mod/audio", *, verdict: Verdict = "pass"
) -> Audit:
    student_labels = {"pass": 0.53, "fail": 1.93, "undecided": 1.23}[verdict]
    representations = {
        "ksg": estimator(1.2345678901234567, student_labels, verdict),
        "mine": estimator(1.42, student_labels + 0.07, verdict),
        "lmi": estimator(1.31, student_labels - 0.04, verdict, flags=("drift", "bias_sensitive")),
        "gaussian": estimator(0.98, student_labels - 0.1, verdict, measured_bias=False),
    }
    predictions = {
        "ksg": estimator(0.1812, 0.0701, "undecided"),
        "mine": estimator(0.1711, 0.0644, "undecided"),
        "lmi": estimator(0.1913, 0.0720, "undecided"),
        "gaussian": estimator(0.16, 0.09, "undecided", measured_bias=False),
    }
    voters = ("ksg", "mine", "lmi")
    reasons = (f"3 estimators: {REASONS[verdict]}",)
    return Audit(
        teacher=teacher,
        student=student,
        verdict=verdict,
        reasons=reasons,
        levels={
            "predictions": LevelResult(
                "undecided", ("ksg: interval straddles zero",), voters, predictions
            ),
            "representations": LevelResult(verdict, reasons, voters, representations),
        },
        gated=("representations",),
        companions=Companions(
            label_entropy=1.7171,
            teacher_labels=interval(0.81),
            teacher_labels_given_student=interval(0.302),
            teacher_student_given_labels=interval(0.934),
            teacher_prediction_variance=None,
            label_variance=None,
            variance_condition=None,
        ),
        notes=(
            "The levels disagree: pass on representations, undecided on predictions. Much of what "
            "teacher and student share may not concern the labels.",
        ),
        teacher_dimension=300,
        student_dimension=74,
    )


def report(*audits: Audit, verdict: Verdict = "pass") -> Report:
    return CheckReport(
        command="cch-audit check data.h5 --teacher mod/text --student mod/audio",
        input=InputSummary(
            path="data.h5",
            sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            teacher_path=None,
            teacher_sha256=None,
            n_rows=22777,
            n_samples=2000,
            n_groups=341,
            n_units=287.4375,
            labels=LabelSummary("labels/sentiment", "classes", 7, 1.7171),
            notes=("2000 of 22777 rows drawn, stratified by class, whole groups together.",),
        ),
        settings={
            "estimator": ("ksg", "mine", "lmi"),
            "rule": "all",
            "margin": 0.0,
            "confidence": 0.95,
            "teacher_file": None,
            "estimators": {"ksg": {"n_neighbors": 3}, "mine": {"learning_rate": 2e-3}},
        },
        seed=0,
        verdict=verdict,
        gate="verdict",
        decision=verdict,
        exit_code={"pass": 0, "fail": 1, "undecided": 3}[verdict],
        seconds=12.345,
        audits=audits or (audit(),),
        warnings=("The split says that these are training rows: informations may be inflated.",),
    )


def as_rank(base: Report, ranking: Ranking) -> RankReport:
    """Return a report of the same audits with a ranking."""
    return RankReport(**{**vars(base), "kind": "rank", "ranking": ranking})


def regression_report() -> Report:
    """Continuous labels, two files, both levels gated, a degenerate and a huge interval."""
    first = audit("x1", "x2", verdict="fail")
    copy = estimator(78.123456, 0.07, "fail")
    degenerate = replace(copy, student_labels=Interval(0.0, 0.0, 0.0, 0.0), flags=("saturated",))
    levels = dict(first.levels)
    levels["predictions"] = LevelResult(
        "fail", ("ksg: interval below zero",), ("ksg",), {"ksg": degenerate}
    )
    companions = replace(
        first.companions,
        label_entropy=None,
        teacher_prediction_variance=1.2345e5,
        label_variance=1.0e5,
        variance_condition=False,
    )
    base = report(
        replace(
            first, levels=levels, gated=("representations", "predictions"), companions=companions
        ),
        verdict="fail",
    )
    summary = replace(
        base.input,
        labels=LabelSummary("labels/sentiment", "continuous", None, None),
        n_groups=None,
        n_units=None,
        teacher_path="teachers.h5",
        teacher_sha256="ab" * 32,
    )
    return replace(base, input=summary, warnings=())


def known_report() -> Report:
    """A simulated file, whose teacher and student share all at the level of predictions."""
    base = audit()
    truths = {
        "representations": PerInformation(1.3125, 0.5, 0.8125),
        "predictions": PerInformation(math.inf, 0.0625, math.inf),
    }
    levels = {name: replace(level, truth=truths[name]) for name, level in base.levels.items()}
    return report(replace(base, levels=levels))


def floored_report() -> Report:
    """A fail whose verdict intervals reach up to what the teacher's predictions share."""
    base = audit(verdict="fail")
    found = base.levels["representations"]
    levels = {**base.levels, "representations": replace(found, floor=interval(-0.4375))}
    return report(replace(base, levels=levels), verdict="fail")


COPIES = Doubt(
    "near_copies", "12% of the rows have near-copies.", "Name what rows come from with --groups."
)
ORDER = Doubt(
    "file_order", "Rows next to each other in the file are alike.", "Give --window auto.", True
)


def doubted_report() -> Report:
    """A verdict that is withheld: of two doubts one stands, and a window is given."""
    base = audit(verdict="undecided")
    found = base.levels["representations"]
    results = {
        name: replace(one, flags=(*one.flags, "withheld"), reason="withheld: rows look like copies")
        for name, one in found.estimators.items()
    }
    levels = {**base.levels, "representations": replace(found, estimators=results)}
    doubted = report(replace(base, levels=levels, doubts=(COPIES, ORDER)), verdict="undecided")
    return replace(doubted, settings={**doubted.settings, "window": 12})


HOSTILE = {
    "markup": "mod/[red]x[/]",
    "pipe": "a|b`c`<img src=x>*d*_e_",
    "emoji": "\N{FIRE}/\N{GREEK SMALL LETTER BETA}",
    "control": "a\nb\x1b[31mc\x9b2Jd\u202ee\tf",
    "surrogate": "caf\udce9",
    "long": "/".join(f"segment_{i:02d}" for i in range(15)),
}


def hostile_report() -> Report:
    """Names that a renderer might obey, break on or cut, wherever a report holds text."""
    names = list(HOSTILE.values())
    base = report(
        *(
            replace(
                audit(name, names[-1 - i], verdict=verdict),
                notes=(f"A note on {name}.",),
                reasons=(f"{name} says so",),
            )
            for i, (name, verdict) in enumerate(
                zip(names, ("pass", "fail", "undecided") * 2, strict=True)
            )
        ),
        verdict="undecided",
    )
    return replace(
        base,
        command=" ".join(names),
        warnings=tuple(f"Beware of {name}." for name in names),
        input=replace(
            base.input,
            path=HOSTILE["control"],
            teacher_path=HOSTILE["surrogate"],
            teacher_sha256="0" * 64,
            labels=replace(base.input.labels, name=HOSTILE["pipe"]),
            notes=tuple(names),
        ),
        settings={**base.settings, "teacher": tuple(names)},
    )


def confirmed_report(
    verdict: Verdict = "pass", outcome: Outcome = "helps", *, fusion: bool = False
) -> Report:
    """One teacher and a training run, which may contradict its verdict."""
    found = confirmation(outcome, fusion=fusion)
    return report(confirmed(audit(verdict=verdict), found), verdict=verdict)


def confirmed_regression_report(outcome: Outcome = "helps", *, scale: float = 1.0) -> Report:
    base = regression_report()
    found = regression_confirmation(outcome, scale=scale)
    return replace(base, audits=(confirmed(base.audits[0], found),))


def curved_report() -> Report:
    """One teacher that helps a student of few rows."""
    found = curved(
        ("helps", "transfer"),
        ("helps", "transfer"),
        ("helps", "regularisation"),
        ("undecided", None),
        ("no_change", None),
        at=1,
    )
    return report(confirmed(audit(), found))


CONTROLS = ("control: copy of the student", "control: noise")


def ranked_report(*, confirm: bool = True, controls: bool = True) -> Report:
    """Five teachers, of which two share a rank, and two controls."""
    teachers: dict[str, tuple[Verdict, Outcome]] = {
        "transcriptome/expression_top200": ("pass", "helps"),
        "proteins": ("pass", "hurts"),
        "copy_number/segments_by_chromosome_arm": ("undecided", "undecided"),
        "methylation": ("fail", "no_change"),
        "clinic": ("fail", "helps"),
    }
    names: dict[str, tuple[Verdict, Outcome]] = {
        **teachers,
        **dict.fromkeys(CONTROLS, ("pass", "no_change")),
    }
    audits = []
    for name, (verdict, outcome) in names.items():
        one = baselines(audit(name, verdict=verdict))
        if name not in teachers and not controls:
            continue
        one = replace(one, is_control=name in CONTROLS)
        audits.append(confirmed(one, confirmation(outcome)) if confirm else one)
    base = report(*audits)
    order = ranking(audits)
    return as_rank(replace(base, command="cch-audit rank data.h5 --student mod/audio"), order)


def ranked_regression_report() -> Report:
    """Continuous labels; one teacher could not be trained."""
    base = regression_report()
    verdicts: dict[str, Verdict] = {"x1": "pass", "x3": "fail", "x4": "undecided"}
    audits = [
        baselines(replace(base.audits[0], teacher=name, verdict=verdict), labels="continuous")
        for name, verdict in verdicts.items()
    ]
    audits[:2] = [confirmed(one, regression_confirmation()) for one in audits[:2]]
    order = ranking(audits)
    return as_rank(replace(base, verdict="pass", decision="pass", audits=tuple(audits)), order)


def ranked_hostile_report() -> Report:
    base = hostile_report()
    audits = [
        confirmed(
            baselines(one),
            replace(confirmation(), loss=f"loss of {one.teacher}", notes=(f"See {one.teacher}.",)),
        )
        for one in base.audits
    ]
    audits[-1] = replace(audits[-1], is_control=True)
    order = ranking(audits)
    return as_rank(replace(base, audits=tuple(audits)), order)


STEPS: dict[float, tuple[Verdict, Outcome]] = {
    0.0: ("pass", "helps"),
    0.5: ("pass", "undecided"),
    1.0: ("undecided", "no_change"),
    4.0: ("fail", "hurts"),
}


def swept_report() -> Report:
    """Four steps whose gap on representations and whose gain pass zero."""
    audits = [
        confirmed(audit(verdict=verdict), confirmation(outcome))
        for verdict, outcome in STEPS.values()
    ]
    return swept(report(*audits), "mod/text", "noise", tuple(STEPS))


def swept_regression_report() -> Report:
    """Continuous labels; the teacher loses columns, and passes on neither level."""
    base = confirmed_regression_report("no_change")
    audits = [replace(base.audits[0], teacher_dimension=d) for d in (300, 75)]
    return swept(replace(base, audits=tuple(audits)), "x1", "drop_columns", (0.0, 0.75))


def swept_training_report() -> Report:
    """One audit, and a training run at each value."""
    base = audit("mod/text")
    audits = [confirmed(base, confirmation(outcome)) for outcome in ("helps", "hurts")]
    return swept(report(*audits), "mod/text", "temperature", (1.0, 2.5))


def swept_hostile_report() -> Report:
    """Every kind of hostile name for the teacher, wherever a report holds text."""
    base = hostile_report()
    name = " ".join(HOSTILE.values())
    audits = [
        confirmed(one, replace(confirmation(), notes=(f"See {one.teacher}.",)))
        for one in base.audits[:2]
    ]
    return swept(replace(base, audits=tuple(audits)), name, "shuffle_rows", (0.0, 1 / 3))


def foretold_report() -> Report:
    """A forecast beside the verdict and the training run, which together decide."""
    one = replace(confirmed(audit(), confirmation()), forecast=forecast())
    return replace(report(one), gate="all")


def forecast_report(*forecasts: Forecast, names: tuple[str, ...] = ()) -> ForecastReport:
    """Return a report of forecasts, by default of one that helps."""
    base, found = report(), forecasts or (forecast(),)
    named = names or tuple(f"mod/text{number or ''}" for number in range(len(found)))
    return ForecastReport(
        command="cch-audit forecast data.h5",
        input=base.input,
        settings={"confidence": 0.95, "accept": "transfer", "window": 0},
        seed=0,
        decision="pass",
        exit_code=0,
        seconds=1.5,
        forecasts=tuple(
            Foretold(name, "mod/audio", 300, 74, one)
            for name, one in zip(named, found, strict=True)
        ),
        warnings=base.warnings,
    )


EVERY_REPORT = {
    "one teacher": report(),
    "undecided": report(audit(verdict="undecided"), verdict="undecided"),
    "three teachers": report(
        audit(), audit("mod/video", verdict="fail"), audit("mod/raw", verdict="undecided")
    ),
    "regression": regression_report(),
    "known truth": known_report(),
    "floor": floored_report(),
    "doubted": doubted_report(),
    "hostile": hostile_report(),
    "confirmed": confirmed_report(),
    "foretold": foretold_report(),
    "confirmed against the verdict": confirmed_report("fail", "helps"),
    "undecided training": confirmed_report("pass", "undecided"),
    "fusion": confirmed_report("fail", "hurts", fusion=True),
    "regularisation": report(confirmed(audit(), confirmation("helps", "regularisation"))),
    "learning curve": curved_report(),
    "own runs": report(confirmed(audit(), own_runs())),
    "confirmed regression": confirmed_regression_report(),
    "confirmed regression in small units": confirmed_regression_report("hurts", scale=1e-6),
    "two confirmed teachers": report(
        confirmed(audit(), confirmation()), confirmed(audit("b"), confirmation("no_change"))
    ),
    "ranking": ranked_report(confirm=False, controls=False),
    "ranking with controls": ranked_report(confirm=False),
    "confirmed ranking": ranked_report(),
    "ranked regression": ranked_regression_report(),
    "hostile ranking": ranked_hostile_report(),
    "sweep": swept_report(),
    "swept regression": swept_regression_report(),
    "swept temperatures": swept_training_report(),
    "hostile sweep": swept_hostile_report(),
}

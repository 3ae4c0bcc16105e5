"""The record of forecast against outcome as a document."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import get_args

from cch_audit import columns
from cch_audit.auditing.verdict import agreement
from cch_audit.evidence.results import Decisions, Estimate, Ledger, Scores, Share, Trial
from cch_audit.rendering import Look
from cch_audit.rendering.audits import LEVEL_TITLES
from cch_audit.rendering.document import (
    Badge,
    Cell,
    Document,
    Drawing,
    Facts,
    Rows,
    Section,
    as_rows,
    facts,
    outcome_badge,
    texts,
    verdict_badge,
)
from cch_audit.rendering.evidence_words import closing, counted_gain, footnotes, opening
from cch_audit.rendering.explaining import METHOD_TITLE, QUESTION, TESTED_TITLE
from cch_audit.rendering.text import all_printable, counted, number
from cch_audit.rendering.training import CAUSES
from cch_audit.results import LOWER_IS_BETTER, Agreement, Outcome, Verdict

TITLE = "Evidence: what audits forecast and what training showed"
TRIALS_TITLE = "Trials"
FILES_TITLE = "Files"
DECISIONS_TITLE = "Forecasts that say yes or no"
SCORES_TITLE = "Numbers of which more should mean a larger gain"
CHOICES_TITLE = "The teacher that each of them would choose"
TRIAL = "file,\nteacher -> student"
TRIAL_MEANINGS = [
    ("gap", "in nats, median of the deciding estimators: on representations, on predictions"),
    ("gain", "of the score by KD, or the fall of an error (MSE) in % of that without KD"),
    (
        "CCH is",
        "right if PASS meets HELPS by transfer, or FAIL meets HELPS by regularisation, NO CHANGE "
        "or HURTS",
    ),
]
FILE_MEANINGS = [
    (
        "KD",
        "trials in which it helps (by transfer) + hurts + changes nothing that matters + stays "
        "undecided",
    ),
    ("CCH", "verdicts pass + fail + undecided"),
    ("right", "among the trials in which the verdict and the outcome are decided"),
    ("predicted", "the same for the verdict on predictions"),
]
DECISION_MEANINGS = [
    ("decided", "forecast and outcome both are; below, undecided forecasts + undecided outcomes"),
    (
        "right",
        "share of the decided in which it says yes and KD helps by transfer, or no and it does "
        "not; below, of how many where a gain of any cause counts",
    ),
    ("precision", "share of its yes in which KD helps by transfer"),
    ("recall", "share of the trials in which KD helps by transfer that it says yes to"),
    ("harmful", "share of its yes in which KD hurts"),
    ("balanced", "mean of recall and of the same share of the other trials; 50 % is chance"),
]
SCORE_MEANINGS = [
    (
        "sign",
        "share of the decided in which it is above zero where KD helps by transfer, and below "
        "where not; the forecast's own estimate, the lower end of a gap",
    ),
    ("AUC", "chance that the number is larger where KD helps by transfer than where not"),
    ("tau", "Kendall's tau-b with the measured gain over all pairs of trials, across files too"),
    (
        "tau within",
        "the same over pairs with one file, one student and one number of training rows: a choice "
        "among teachers",
    ),
]
CHOICE_MEANINGS = [
    ("choices", "among at least two teachers of one student and one number of training rows"),
    ("regret", "gain of the best teacher less that of the first choice, on average"),
    ("of any", "the same of a teacher drawn at random"),
    ("harmful", "first choices with which KD hurts"),
]
HEADS_MEANING = ("heads", "what a training run of heads showed for the same rows")
_RIGHT: dict[Agreement, str] = {
    "agrees": "right",
    "disagrees": "wrong",
    "undecided": "undecided",
}
_RULES = {
    "always": "always distil",
    "never": "never distil",
    "verdict": "CCH verdict",
    "forecast": "forecast of training",
    "heads": "training run of heads",
}

Column = tuple[str, Callable[[tuple[str, Trial]], Cell | None]]


def document(ledger: Ledger, look: Look, pictures: bool = False) -> Document:
    """Return what the record says."""
    shown = all_printable(ledger, unicode=look.unicode)
    return Document(
        title="Cross-modal complementarity: the record",
        headline=TITLE,
        verdict=closing(shown),
        warnings=shown.warnings,
        sections=tuple(_sections(shown, pictures)),
    )


def _sections(ledger: Ledger, pictures: bool) -> Iterator[Section]:
    yield Section(TESTED_TITLE, tuple(texts([QUESTION, opening(ledger)])))
    if pictures:
        from cch_audit.rendering.figures.evidence import evidence_picture

        yield Section("Forecast and outcome", (Drawing(evidence_picture(ledger)),))
    records: list[tuple[str, Rows, list[tuple[str, str]]]] = [
        (FILES_TITLE, file_rows(ledger), FILE_MEANINGS),
        (DECISIONS_TITLE, decision_rows(ledger), DECISION_MEANINGS),
        (SCORES_TITLE, score_rows(ledger), SCORE_MEANINGS),
        (CHOICES_TITLE, choice_rows(ledger), CHOICE_MEANINGS),
    ]
    for title, rows, meanings in records:
        if rows.cells:
            yield Section(title, (rows, _meanings(ledger, meanings)))
    meanings = [*TRIAL_MEANINGS, HEADS_MEANING] if _has_heads(ledger) else TRIAL_MEANINGS
    trials = (trial_rows(ledger), _meanings(ledger, meanings))
    yield Section(TRIALS_TITLE, trials, detail="detail")
    yield Section(METHOD_TITLE, tuple(texts(footnotes(ledger))))
    reports = dict.fromkeys((trial.report, trial.file, trial.sha256) for trial in ledger.trials)
    sources = [(report, f"{file}\nsha256 {digest}") for report, file, digest in reports]
    yield Section("Reports", tuple(facts(sources)), detail="fine")


def _meanings(ledger: Ledger, meanings: Sequence[tuple[str, str]]) -> Facts:
    return Facts(tuple((name, counted_gain(ledger, meaning)) for name, meaning in meanings))


def _has_heads(ledger: Ledger) -> bool:
    return any(trial.heads is not None for trial in ledger.trials)


def trial_rows(ledger: Ledger) -> Rows:
    """Return one row per trial; where there is no room, its names share a cell, and its gaps."""
    named = list(zip(file_names(ledger.trials), ledger.trials, strict=True))
    names: list[Column] = [
        ("file", lambda item: item[0]),
        ("teacher", lambda item: item[1].teacher),
        ("student", lambda item: item[1].student),
    ]
    gaps: list[Column] = [
        ("gap on representations", lambda item: _gap(item[1], "representations")),
        ("gap on predictions", lambda item: _gap(item[1], "predictions")),
    ]
    name: Column = (TRIAL, lambda item: f"{item[0]},\n{item[1].teacher} -> {item[1].student}")
    gap: Column = ("gap", lambda item: "\n".join(_gap(item[1], name) for name in LEVEL_TITLES))
    verdict: Column = ("CCH", lambda item: verdict_badge(item[1].verdict))
    heads: Column = ("heads", lambda item: _heads(item[1]))
    shown: list[Column] = [
        *([heads] if _has_heads(ledger) else []),
        ("outcome", lambda item: _outcome(item[1])),
        ("gain by KD", lambda item: _gain(item[1])),
        ("CCH is", lambda item: _RIGHT[_agreement(item[1].verdict, item[1])]),
    ]
    narrow = as_rows(named, [name, verdict, gap, *shown], names=(TRIAL,))
    headers = [header for header, _ in names]
    return as_rows(named, [*names, verdict, *gaps, *shown], headers, narrow)


def file_rows(ledger: Ledger) -> Rows:
    """Return one row per file and what its trials showed, none for a single file."""
    of_file: dict[str, list[Trial]] = {}
    for name, trial in zip(file_names(ledger.trials), ledger.trials, strict=True):
        of_file.setdefault(name, []).append(trial)
    return as_rows(
        list(of_file.items()) if len(of_file) > 1 else [],
        [
            ("file", lambda item: item[0]),
            ("trials", lambda item: str(len(item[1]))),
            ("KD", lambda item: _outcomes(item[1])),
            ("CCH", lambda item: _counts((t.verdict for t in item[1]), get_args(Verdict))),
            ("right", lambda item: _right(item[1], lambda t: t.verdict)),
            ("predicted", lambda item: _right(item[1], _on_predictions)),
        ],
        names=("file",),
    )


def _agreement(verdict: Verdict, trial: Trial) -> Agreement:
    return agreement(verdict, trial.outcome, trial.cause, trial.accept)


def _outcome(trial: Trial) -> Badge:
    """Return the outcome with its cause, and whose training showed it if the user's own did."""
    helps = trial.outcome == "helps"
    by_cause = trial.accept == "transfer"
    lines = [CAUSES[trial.cause or "unclear"]] if helps and by_cause else []
    lines += ["own runs"] if trial.trained == "runs" else []
    return outcome_badge(trial.outcome, trial.cause, "\n".join(lines))


def _heads(trial: Trial) -> Badge | None:
    """Return what a training run of heads showed, if there is one beside the user's own."""
    found = trial.heads
    if found is None:
        return None
    is_known = found.outcome == "helps" and trial.accept == "transfer"
    why = CAUSES[found.cause or "unclear"] if is_known else ""
    return outcome_badge(found.outcome, found.cause, why)


def _outcomes(trials: Sequence[Trial]) -> str:
    """Return how often each outcome came out, with how many of the gains are transfer."""
    found = Counter(trial.outcome for trial in trials)
    transfer = sum(trial.measured == "pass" for trial in trials)
    helps, *others = (found[outcome] for outcome in get_args(Outcome))
    return " + ".join([f"{helps} ({transfer})" if helps else "0", *map(str, others)])


def _counts(found: Iterable[str], kinds: Sequence[str]) -> str:
    counts = Counter(found)
    return " + ".join(str(counts[kind]) for kind in kinds)


def _right(trials: Sequence[Trial], says: Callable[[Trial], Verdict | None]) -> str:
    """Return how many of the decided trials something is right in."""
    said = [(says(trial), trial) for trial in trials]
    found = Counter(_agreement(verdict, trial) for verdict, trial in said if verdict)
    return f"{found['agrees']} of {found['agrees'] + found['disagrees']}"


def _on_predictions(trial: Trial) -> Verdict | None:
    level = trial.levels.get("predictions")
    return None if level is None else level.verdict


def file_names(trials: Sequence[Trial]) -> list[str]:
    """Return a name for the file of each trial, as short as tells the files apart."""

    def sums(trial: Trial) -> str:
        return "+".join(digest[:8] for digest in trial.source if digest is not None)

    lengths: list[Callable[[Trial], str]] = [
        lambda trial: PurePath(trial.file).name or trial.file,
        lambda trial: trial.file,
        lambda trial: f"{trial.file} ({sums(trial)})",
    ]
    for name in lengths:
        if len({(name(trial), trial.source) for trial in trials}) == len({*map(name, trials)}):
            break
    return [*map(name, trials)]


def decision_rows(ledger: Ledger) -> Rows:
    """Return one row per forecaster that says yes or no."""
    return as_rows(
        ledger.decisions,
        [
            ("forecaster", lambda record: decider(record.forecaster)),
            ("decided", _decided),
            ("right", _rightness),
            ("precision", lambda record: _share(record.precision)),
            ("recall", lambda record: _share(record.recall)),
            ("harmful", lambda record: _share(record.harmful)),
            ("balanced", lambda record: _share(record.balanced)),
        ],
        names=("forecaster",),
    )


def score_rows(ledger: Ledger) -> Rows:
    """Return one row per number of a ranking."""
    return as_rows(
        ledger.scores,
        [
            ("forecaster", _number),
            ("trials", lambda record: f"{record.n_trials} on\n{counted(record.n_files, 'file')}"),
            ("sign", lambda record: "" if record.sign is None else _counted(record.sign)),
            ("AUC", lambda record: _stacked(record.auc, "z.2f")),
            ("tau", lambda record: _stacked(record.kendall_tau, "z.2f")),
            ("tau within", lambda record: _stacked(record.kendall_tau_within, "z.2f")),
        ],
        names=("forecaster",),
    )


def choice_rows(ledger: Ledger) -> Rows:
    """Return one row per number and what comes of the teachers that it puts first."""
    return as_rows(
        [record for record in ledger.scores if record.harmful.total],
        [
            ("forecaster", _number),
            ("choices", lambda record: str(record.harmful.total)),
            ("regret", lambda record: _stacked(record.regret, "z.4f")),
            ("of any", lambda record: _plain(record.regret_of_any)),
            ("harmful", lambda record: _counted(record.harmful)),
        ],
        names=("forecaster",),
    )


def _number(record: Scores) -> str:
    """Return the name of a number."""
    name = record.forecaster
    return "gain of heads" if name == "heads" else columns.title(name)


def _plain(value: float | None) -> str:
    return "n/a" if value is None else f"{value:z.4f}"


def decider(forecaster: str) -> str:
    """Return the name of what says yes or no."""
    level, _, estimator = forecaster.partition("/")
    return _RULES.get(forecaster) or f"{estimator or 'CCH'}, {level}"


def _decided(record: Decisions) -> str:
    undecided = f"({record.n_undecided_forecasts} + {record.n_undecided_outcomes})"
    return f"{record.n_decided} of {record.n_trials}\n{undecided}"


def _rightness(record: Decisions) -> str:
    """Return the share that is right, and below it the count where any gain counts."""
    other = record.right_any_cause
    return f"{_share(record.right)}\n{other.count} of {other.total}"


def _gap(trial: Trial, level: str) -> str:
    found = trial.levels.get(level)
    return "n/a" if found is None or found.gap.estimate is None else number(found.gap.estimate)


def _gain(trial: Trial) -> str:
    if trial.metric in LOWER_IS_BETTER:
        return _stacked(trial.gain, "+z.3g", 100, " %")
    return _stacked(trial.gain, "+z.4f")


def _counted(value: Share) -> str:
    return f"{value.count} of {value.total}"


def _share(value: Estimate) -> str:
    return _stacked(value, ".0f", 100, " %")


def _stacked(value: Estimate, format: str, scale: float = 1, unit: str = "") -> str:
    """Return an estimate and its interval below it."""
    if value.estimate is None:
        return "n/a"
    first = f"{scale * value.estimate:{format}}{unit}"
    if value.low is None or value.high is None:
        return f"{first}\n[n/a]"
    return f"{first}\n[{scale * value.low:{format}}, {scale * value.high:{format}}]"

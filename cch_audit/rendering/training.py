"""What training showed in words: the outcome with its cause, the curve, flags, what is missing."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from cch_audit.rendering.text import METRIC_TITLES, score, trained
from cch_audit.results import (
    Audit,
    Cause,
    Confirmation,
    Control,
    Outcome,
    TrainingSize,
    improvement,
)

CAUSES: dict[Cause, str] = {
    "transfer": "by transfer",
    "regularisation": "by regularisation",
    "unclear": "cause unclear",
}
CLAIMS: dict[tuple[Outcome, Cause | None], str] = {
    ("helps", "transfer"): "KD helps by transfer",
    ("helps", "regularisation"): "KD helps by regularisation",
    ("helps", "unclear"): "KD helps, the cause unclear",
    ("no_change", None): "no change by KD that matters",
    ("hurts", None): "KD hurts",
    ("undecided", None): "undecided whether KD helps",
}
"""The best first."""
RUNS: dict[str, tuple[str, str]] = {
    "heads": ("a quick training run", "A quick training run"),
    "runs": ("your own training runs", "Your own training runs"),
}
"""By the source: inside and at the beginning of a sentence."""
CONTROL_TITLES = {
    "uniform": "label smoothing",
    "shuffled": "the teacher with its rows shuffled",
    "shuffled_within_class": "the teacher with its rows shuffled within each class",
    "class_means": "the teacher's mean of each class",
    "mean": "the teacher's mean",
    "matched_ridge": "a matched ridge penalty",
}
WITHOUT_TEACHER = ("uniform", "matched_ridge", "mean")
"""Controls that need no teacher, the easiest first."""
TRIVIAL = {"accuracy": "the largest class", "mse": "the mean", "r2": "the mean"}
"""What a score without any input is, else that of the frequencies of the classes."""
_STRETCHES: dict[tuple[Outcome, Cause | None], str] = {
    ("helps", "transfer"): "helps by transfer",
    ("helps", "regularisation"): "helps by regularisation",
    ("helps", "unclear"): "helps (cause unclear)",
    ("no_change", None): "no change",
    ("hurts", None): "hurts",
    ("undecided", None): "undecided",
}


_OUTCOMES: dict[Outcome, str] = {
    "helps": "says that it helps",
    "hurts": "says that it hurts",
    "no_change": "says that nothing changes",
    "undecided": "says nothing",
}


def kind_of(found: Confirmation | TrainingSize) -> tuple[Outcome, Cause | None]:
    """Return the outcome, and of a gain the cause."""
    if found.outcome != "helps":
        return found.outcome, None
    return found.outcome, found.cause or "unclear"


def claim(found: Confirmation) -> str:
    """Return what a training run showed as a clause."""
    return "KD helps or hurts by training size" if is_mixed(found) else CLAIMS[kind_of(found)]


def is_mixed(found: Confirmation) -> bool:
    """Return whether it helps at some size and hurts at another, and none of them decides."""
    outcomes = {size.outcome for size in found.curve}
    return found.labelled_rows is None and {"helps", "hurts"} <= outcomes


def depends_on_rows(found: Confirmation) -> bool:
    """Return whether it helps at some sizes and not at others, and no size was named."""
    outcomes = {size.outcome for size in found.curve}
    return found.labelled_rows is None and found.outcome == "helps" and len(outcomes) > 1


def cause_text(found: Confirmation | TrainingSize) -> str:
    """Return why it helps; nothing where it does not."""
    _, cause = kind_of(found)
    return "" if cause is None else CAUSES[cause]


def control_title(name: str) -> str:
    """Return what took the teacher's place."""
    return CONTROL_TITLES.get(name, name)


def as_good(size: TrainingSize, metric: str) -> str | None:
    """Return the control that does as well as the teacher: one without a teacher, else the best."""
    advantages = {
        name: control.advantage.as_gain(metric) for name, control in size.controls.items()
    }
    equals = [name for name, over in advantages.items() if not over.low > 0]
    easy = [name for name in WITHOUT_TEACHER if name in equals]
    if easy:
        return easy[0]
    return min(equals, key=lambda name: advantages[name].estimate, default=None)


def best_control(controls: Mapping[str, Control], metric: str) -> tuple[str, Control] | None:
    """Return the control that gains most, which a true transfer must beat."""
    return max(
        controls.items(),
        key=lambda item: item[1].change.as_gain(metric).estimate,
        default=None,
    )


def cause_sentence(found: Confirmation) -> str:
    """Return what the cause of a gain means; nothing for a transfer, or where it does not help."""
    _, cause = kind_of(found)
    name = as_good(found.size, found.metric)
    if cause == "regularisation":
        if name is None:
            return "a control does as well: no teacher needed"
        if name in WITHOUT_TEACHER or name not in CONTROL_TITLES:
            return f"{control_title(name)} does as well: no teacher needed"
        return f"{control_title(name)} does as well: what it says of single rows is not needed"
    if cause == "unclear":
        over = "every control" if name is None else control_title(name)
        return f"whether the teacher does better than {over} is open"
    return ""


def curve_words(curve: Sequence[TrainingSize]) -> str:
    """Return the outcomes along a learning curve in words; nothing where there is no curve.

    As "helps by transfer up to about 120 labelled rows, no change from 400 on".
    """
    if len(curve) < 2 or any(size.n_train is None for size in curve):
        return ""
    stretches = [(kind, [*sizes]) for kind, sizes in groupby(curve, key=kind_of)]
    parts = []
    for number, (kind, sizes) in enumerate(stretches):
        place = _place(sizes, number == 0, number == len(stretches) - 1)
        parts.append(f"{_STRETCHES[kind]} {place}")
    return ", ".join(parts)


def _place(sizes: Sequence[TrainingSize], is_first: bool, is_last: bool) -> str:
    """Return where a stretch of the curve lies."""
    low, high = (f"{size.n_train:,}" for size in (sizes[0], sizes[-1]))
    rows = " labelled rows" if is_first else ""
    if len(sizes) == 1:
        return f"at {low}{rows}"
    if is_first and is_last:
        return f"at every size from {low} to {high}{rows}"
    if is_first:
        return f"up to about {high}{rows}"
    return f"from {low} on" if is_last else f"from {low} to {high}"


def missing(size: TrainingSize) -> str:
    """Return about how much more would decide; nothing where it is decided or not known."""
    parts = []
    if size.more_rows is not None:
        parts.append(f"about {_rounded(size.more_rows):,} more rows")
    if size.more_repetitions is not None:
        parts.append(f"about {_rounded(size.more_repetitions):,} more repetitions")
    return " or ".join(parts)


def _rounded(count: int) -> int:
    """Return a number with two digits that count: an extrapolation knows no more."""
    return int(float(f"{count:.2g}"))


def flags(found: Confirmation) -> Iterator[str]:
    """Yield what a reader must know before trusting the outcome, as sentences."""
    size, metric = found.size, found.metric
    title, student = METRIC_TITLES[metric], found.main.baseline

    def is_below(one: float | None, other: float | None) -> bool:
        return one is not None and other is not None and improvement(one - other, metric) < 0

    def against(one: float | None, other: float | None) -> str:
        values = (score(value, metric) for value in (one, other) if value is not None)
        return f"({title} {' against '.join(values)})"

    trivial = f"{TRIVIAL.get(metric, 'the frequencies of the classes')} alone"
    if is_below(student, size.trivial_score):
        yield (
            f"The student without KD is worse than {trivial} {against(student, size.trivial_score)}"
            "; a gain from there says little."
        )
    if is_below(size.teacher_score, size.trivial_score):
        yield (
            f"The teacher is worse than {trivial} "
            f"{against(size.teacher_score, size.trivial_score)}: it has nothing to teach."
        )
    elif is_below(size.teacher_score, student):
        yield (
            "The teacher by itself is worse than the student without it "
            f"{against(size.teacher_score, student)}."
        )
    said = [size.metrics[name].outcome for name in ("accuracy", "log_loss") if name in size.metrics]
    if len({*said}) == 2 and "undecided" not in said:
        accuracy, log_loss = (_OUTCOMES[outcome] for outcome in said)
        yield f"Accuracy and log-loss disagree on KD: accuracy {accuracy}, log-loss {log_loss}."


def all_notes(audit: Audit) -> tuple[str, ...]:
    """Return what is noted of the numbers, and of the training run if there was one."""
    return (
        *audit.notes,
        *(note for found in trained([audit]) for note in (*flags(found), *found.notes)),
    )

"""Which training runs are about the same: heads beside end-to-end runs, and runs by two metrics."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from cch_audit.results import Audit, Confirmation, InputSummary, Metric

METRICS: tuple[Metric, ...] = get_args(Metric)


@dataclass(frozen=True)
class Trained:
    """An audit of a report with its training run."""

    report: str
    input: InputSummary
    audit: Audit
    confirmation: Confirmation

    @property
    def about(self) -> tuple[object, ...]:
        """What was trained: files, labels, teacher, student, and how many labelled rows."""
        file, found = self.input, self.confirmation
        sums = file.sha256, file.teacher_sha256, file.labels.name
        rows = found.labelled_rows or found.size.n_train
        return (*sums, self.audit.teacher, self.audit.student, rows)


@dataclass(frozen=True)
class Together:
    """What makes one trial."""

    runs: tuple[Trained, ...]
    """The outcome: one training run, or the user's own by several metrics, in their order."""
    heads: Trained | None = None
    """Heads on the same rows, which are known before the user's own runs and may foretell them."""

    def by(self, metric: Metric | None) -> Trained:
        """Return the run that has a metric, else the first."""
        has = (one for one in self.runs if metric in one.confirmation.size.metrics)
        return next(has, self.runs[0])


def together(found: Iterable[Trained]) -> list[Together]:
    """Join training runs that are about the same into trials, in the order of their first.

    The user's own runs by several metrics are the same networks. The first run of heads on the
    rows of an own run is no outcome beside it, but a forecast; further ones, which were trained in
    another way, stay trials, as does everything that has no such counterpart.
    """
    runs = list(found)
    about: dict[tuple[object, ...], list[Trained]] = {}
    for one in runs:
        about.setdefault(one.about, []).append(one)
    trials: list[Together] = []
    joined: set[tuple[object, ...]] = set()
    for one in runs:
        same = about[one.about]
        if all(other.confirmation.source == "heads" for other in same):
            trials.append(Together((one,)))
        elif one.about not in joined:
            joined.add(one.about)
            trials += _trials(same)
    return trials


def _trials(same: Sequence[Trained]) -> list[Together]:
    """Return the trials of training runs that are about the same, own ones among them."""
    heads = [one for one in same if one.confirmation.source == "heads"]
    own = [one for one in same if one.confirmation.source == "runs"]
    by_metric = [
        [one for one in own if one.confirmation.metric == metric]
        for metric in METRICS
    ]  # fmt: skip
    n_trials = max(map(len, by_metric))
    trials = [
        tuple(runs[number] for runs in by_metric if number < len(runs))
        for number in range(n_trials)
    ]  # fmt: skip
    first = heads[0] if heads else None
    return [*(Together(runs, first) for runs in trials), *(Together((one,)) for one in heads[1:])]

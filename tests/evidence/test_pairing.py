"""Training runs that are about the same: heads foretell the user's own, metrics are one trial."""

from dataclasses import replace
from pathlib import Path

import pytest

from cch_audit.evidence.ledger import keep_ledger
from cch_audit.evidence.read import Evidence, read_evidence
from cch_audit.evidence.results import Ledger
from cch_audit.rendering import render
from cch_audit.results import Audit, Confirmation, Report
from tests.rendering.experiments import comparison, confirmation, confirmed, own_runs
from tests.rendering.reports import audit, ranked_report, report

from .trials import decisions, on_file, scores, write

ROWS = 400


def of_rows(found: Confirmation, rows: int = ROWS) -> Confirmation:
    """Return runs that say how many rows they train on."""
    return replace(found, curve=(replace(found.size, n_train=rows),))


def by_log_loss(found: Confirmation) -> Confirmation:
    """Return runs that were scored by log-loss, and won some."""
    metrics = {"log_loss": comparison(0.8, -0.04)}
    size = replace(found.size, metrics=metrics, outcome="helps", cause="transfer")
    return replace(found, metric="log_loss", outcome="helps", cause="transfer", curve=(size,))


def evidence(folder: Path, *audits: Audit | Report) -> Evidence:
    """Return the trials of a report for each audit."""
    reports = [one if isinstance(one, Report) else report(one) for one in audits]
    paths = [write(folder, one, f"{number}.json") for number, one in enumerate(reports)]
    return read_evidence(paths, controls=False)


def record(folder: Path, *audits: Audit | Report) -> Ledger:
    return keep_ledger(evidence(folder, *audits))


OWN = confirmed(audit(), of_rows(own_runs("hurts")))
HEADS = confirmed(audit(), confirmation("helps"))


@pytest.mark.parametrize("order", [(OWN, HEADS), (HEADS, OWN)], ids=["own first", "heads first"])
def test_heads_foretell_own_runs_of_the_same_rows(
    order: tuple[Audit, Audit], tmp_path: Path
) -> None:
    found = record(tmp_path, *order)
    (trial,) = found.trials
    assert (trial.trained, trial.outcome) == ("runs", "hurts")
    assert trial.heads is not None
    assert (trial.heads.outcome, trial.heads_say) == ("helps", "pass")
    assert trial.heads.gain.estimate == pytest.approx(0.0105)
    said = decisions(found, "heads")
    assert (said.n_decided, said.right.count, said.harmful.count) == (1, 0, 1)
    assert scores(found, "heads").n_trials == 1
    assert found.warnings == ()
    for format in ("table", "markdown"):
        page = render(found, format)
        assert "training run of heads" in page
        assert "is a forecast of them, and no outcome" in page


@pytest.mark.parametrize(
    "other",
    [
        confirmed(audit(), of_rows(confirmation(), ROWS - 1)),
        confirmed(audit("other"), confirmation()),
        confirmed(audit(student="other"), confirmation()),
        on_file(report(HEADS), 7),
    ],
    ids=["rows", "teacher", "student", "file"],
)
def test_heads_of_something_else_stay_trials(other: Audit | Report, tmp_path: Path) -> None:
    found = record(tmp_path, OWN, other)
    assert [trial.trained for trial in found.trials] == ["runs", "heads"]
    assert all(trial.heads is None for trial in found.trials)
    assert "heads" not in {one.forecaster for one in found.decisions}
    assert "heads" not in {one.forecaster for one in found.scores}


def test_heads_of_fewer_rows_stand_for_those_that_were_asked_for(tmp_path: Path) -> None:
    """A file of 800 rows trains heads on 400 where 1,000 labelled rows are asked for."""
    heads, own = (
        replace(of_rows(one, n_train), labelled_rows=1000)
        for one, n_train in ((confirmation(), 400), (own_runs("hurts"), 1000))
    )
    (trial,) = evidence(tmp_path, confirmed(audit(), own), confirmed(audit(), heads)).trials
    assert trial.n_train == 1000
    assert trial.heads is not None


def test_what_own_runs_lack_is_in_the_other_report(tmp_path: Path) -> None:
    ranked = ranked_report()
    teacher = ranked.teachers[0]
    heads = teacher.confirmation
    assert heads is not None
    rows = heads.labelled_rows or heads.size.n_train
    own = replace(
        report(confirmed(audit(teacher.teacher, student=teacher.student), own_runs())),
        input=ranked.input,
    )
    bare = own.audits[0]
    assert bare.confirmation is not None
    assert bare.baselines is None
    filled = replace(own, audits=(replace(bare, confirmation=of_rows(bare.confirmation, rows)),))
    trials = evidence(tmp_path, filled, ranked).trials
    assert len(trials) == len(ranked.teachers)
    (trial,) = [one for one in trials if one.trained == "runs"]
    assert teacher.baselines is not None
    assert trial.columns["log_me"] == teacher.baselines.log_me


def test_own_runs_by_several_metrics_are_one_trial(tmp_path: Path) -> None:
    loss = confirmed(audit(), by_log_loss(of_rows(own_runs())))
    paths = [write(tmp_path, report(one), name) for one, name in ((loss, "l"), (OWN, "a"))]
    (trial,) = read_evidence(paths, controls=False).trials
    assert (trial.metric, trial.outcome) == ("accuracy", "hurts")
    (trial,) = read_evidence(paths, controls=False, metric="log_loss").trials
    assert (trial.metric, trial.outcome) == ("log_loss", "helps")
    assert trial.gain.estimate == pytest.approx(0.05)


def test_heads_are_counted_by_the_metric_of_the_trial(tmp_path: Path) -> None:
    loss = confirmed(audit(), by_log_loss(of_rows(own_runs())))
    (trial,) = evidence(tmp_path, loss, HEADS).trials
    assert (trial.metric, trial.cause) == ("log_loss", "transfer")
    assert trial.heads is not None
    # Controls of heads are known by accuracy alone, so that the cause by log-loss is not.
    assert (trial.heads.outcome, trial.heads.cause, trial.heads_say) == ("helps", None, "undecided")


def test_intervals_can_resample_folders(tmp_path: Path) -> None:
    paths = []
    for number in range(6):
        folder = tmp_path / f"family{number // 2}"
        folder.mkdir(exist_ok=True)
        paths.append(write(folder, on_file(report(OWN), number), f"{number}.json"))
    found = read_evidence(paths, controls=False)
    assert keep_ledger(found).n_units == 6
    by_folder = keep_ledger(found, "folders")
    assert (by_folder.n_files, by_folder.n_units) == (6, 3)
    assert "resample whole folders of reports" in " ".join(
        render(by_folder, "table", width=200).split()
    )

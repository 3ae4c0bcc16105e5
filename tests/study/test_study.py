"""A study on threads: the audits of `check` and `rank`, what is kept, what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import cch_audit
from cch_audit.auditing import parts
from cch_audit.errors import InputError
from cch_audit.mapping.choosing import clustered
from cch_audit.results import Audit
from cch_audit.results.maps import MapReport
from tests.study.conftest import write_views

QUICK: dict[str, Any] = {"estimator": ("ksg",), "surrogates": 1, "resamples": 200, "jobs": 1}


def audit_of(report: MapReport, teacher: str, student: str) -> Audit:
    (found,) = [a for a in report.audits if (a.teacher, a.student) == (teacher, student)]
    return found


@pytest.fixture(scope="module")
def report(views: Path) -> MapReport:
    return cch_audit.map(views, **QUICK, no_cache=True)


def test_an_audit_is_that_of_check_and_of_rank(views: Path, report: MapReport) -> None:
    ranked = cch_audit.rank(views, student="audio", **QUICK, no_cache=True)
    for audit in ranked.audits:
        assert audit_of(report, audit.teacher, "audio") == audit
    checked = cch_audit.check(views, teacher="audio", student="text", **QUICK, no_cache=True)
    found = audit_of(report, "audio", "text")
    assert replace(found, baselines=None) == checked.audits[0]


NETWORKS = [pytest.param(name, marks=pytest.mark.slow) for name in ("mine", "lmi")]


@pytest.mark.parametrize("estimator", ["ksg", "gaussian", *NETWORKS])
def test_an_information_knows_no_direction(views: Path, estimator: str) -> None:
    quick = {**QUICK, "estimator": (estimator,), "rule": estimator, "surrogates": 1}
    found = cch_audit.map(views, pairs=("audio->text", "text->audio"), **quick, no_cache=True)
    levels = [audit.levels["representations"].estimators[estimator] for audit in found.audits]
    one, other = levels
    assert one.teacher_student.estimate == other.teacher_student.estimate
    assert one.bias is not None
    assert other.bias is not None
    assert one.bias.teacher_student == other.bias.teacher_student
    assert one.student_labels.estimate != other.student_labels.estimate


def test_it_is_measured_once_for_both_directions(
    views: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[int, ...]] = []
    estimate = parts.estimate

    def counted(name: str, x: Any, y: Any, *rest: Any) -> Any:
        if y.ndim == 2:
            made.append((*x.shape, *y.shape))
        return estimate(name, x, y, *rest)

    monkeypatch.setattr(parts, "estimate", counted)
    settings = {**QUICK, "estimator": ("gaussian",), "rule": "gaussian", "surrogates": 0}
    for pairs, times in ((("audio->noise",), 1), (("audio->noise", "noise->audio"), 1)):
        made.clear()
        cch_audit.map(views, pairs=pairs, **settings, no_cache=True)
        # The columns of representations; predictions have one.
        assert made.count((200, 3, 200, 2)) == times


def test_what_was_audited_is_found_again(views: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    told: list[str] = []
    first = cch_audit.map(views, pairs=("audio->text", "text->audio"), **QUICK, cache=cache)

    def progress(what: str, share: float) -> None:
        told.append(what)

    everything = {"students": "text", "teachers": "audio,image"}
    more = cch_audit.map(views, **everything, **QUICK, cache=cache, progress=progress)
    assert told == ["student text", "image and text"]
    assert audit_of(more, "audio", "text") == audit_of(first, "audio", "text")


def test_other_settings_and_other_rows_are_audited_anew(tmp_path: Path) -> None:
    path, cache = write_views(tmp_path / "own.h5", n=120), str(tmp_path / "cache")
    told: list[str] = []

    def again(**changes: Any) -> int:
        told.clear()
        settings = {**QUICK, "pairs": ("audio->text",), "cache": cache, **changes}
        cch_audit.map(path, progress=lambda what, share: told.append(what), **settings)
        return len(told)

    assert again() == 2
    assert again() == 0
    assert again(margin=0.1) == 2
    with h5py.File(path, "r+") as file:
        file["labels"][0] = 1 - file["labels"][0]
    assert again() == 2


def test_a_pair_that_fails_is_refused_and_the_study_goes_on(tmp_path: Path) -> None:
    path = write_views(tmp_path / "own.h5", n=120)
    with h5py.File(path, "r+") as file:
        broken = np.ones((120, 2))
        broken[3, 1] = np.nan
        file["representations/broken"] = broken
    found = cch_audit.map(path, teachers="audio,broken", students="text", **QUICK, no_cache=True)
    (matrix,) = found.matrices
    assert [audit.teacher for audit in matrix.audits] == ["audio"]
    (refusal,) = matrix.refusals
    assert (refusal.teacher, refusal.student) == ("broken", "text")
    assert "NaN" in refusal.reason or "nan" in refusal.reason
    assert "broken -> text" in found.render()
    with pytest.raises(InputError, match="no pair could be audited; of broken -> text"):
        cch_audit.map(path, teachers="broken", students="text", **QUICK, no_cache=True)


def test_label_sets_have_matrices_of_their_own(views: Path) -> None:
    found = cch_audit.map(
        views, pairs=("audio->text",), label_sets="labels,second", **QUICK, no_cache=True
    )
    assert [matrix.labels for matrix in found.matrices] == ["labels", "second"]
    kinds = [matrix.input.labels.kind for matrix in found.matrices if matrix.input]
    assert kinds == ["classes", "continuous"]
    one, other = (
        matrix.audits[0].levels["representations"].estimators["ksg"] for matrix in found.matrices
    )
    assert one.teacher_student.estimate == other.teacher_student.estimate


def test_who_should_teach_whom_is_who_passes(report: MapReport) -> None:
    (matrix,) = report.matrices
    passing = {(a.teacher, a.student) for a in matrix.audits if a.verdict == "pass"}
    assert {(one.teacher, one.student) for one in matrix.lessons} == passing
    assert passing
    lows = [one.gap.low for one in matrix.lessons]
    assert lows == sorted(lows, reverse=True)
    assert report.decision == "pass"
    assert report.exit_code == 0


def test_the_best_teacher_is_the_first_of_rank(views: Path, report: MapReport) -> None:
    ranked = cch_audit.rank(views, student="text", **QUICK, no_cache=True)
    (choice,) = [one for one in report.matrices[0].choices if one.student == "text"]
    assert choice.teachers == tuple(place.teacher for place in ranked.ranking.teachers)
    assert choice.teacher == choice.teachers[0]
    assert (choice.regret, choice.regret_of) == (None, None)


def test_the_regret_is_the_gain_that_is_lost(views: Path) -> None:
    settings = {**QUICK, "students": "text", "by": "cka", "no_cache": True}
    trained = cch_audit.map(views, **settings, confirm=True, seeds=4, train_size=40)
    (choice,) = trained.matrices[0].choices
    gains = {a.teacher: a.confirmation.gain.estimate for a in trained.audits if a.confirmation}
    assert choice.regret_of == "outcome"
    assert choice.regret == max(gains.values()) - gains[choice.teacher]
    told = cch_audit.map(views, **settings, forecast=True)
    (choice,) = told.matrices[0].choices
    losses = {a.teacher: a.forecast.estimate for a in told.audits if a.forecast}
    assert choice.regret_of == "forecast"
    assert choice.regret == losses[choice.teacher] - min(losses.values())


def test_clustered_representations_stand_beside_those_that_are_alike(report: MapReport) -> None:
    names = ("audio", "noise", "image", "text")
    teachers, students = clustered(names, names, report.audits)
    assert teachers == students
    assert sorted(teachers) == ["audio", "image", "noise", "text"]
    assert teachers.index("noise") in (0, 3)


def test_arrays_have_a_study_too() -> None:
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((80, 1))
    arrays = {
        "representations/a": shared + 0.1 * rng.standard_normal((80, 1)),
        "representations/b": shared + 0.1 * rng.standard_normal((80, 1)),
        "labels": shared[:, 0] > 0,
    }
    found = cch_audit.map(arrays, **QUICK, no_cache=True)
    assert len(found.audits) == 2
    assert {matrix.file for matrix in found.matrices} == {"arrays in memory"}


def test_a_report_is_read_back(report: MapReport) -> None:
    assert MapReport.from_json(report.to_json()) == report


def test_a_file_that_is_changed_during_the_study_ends_it(tmp_path: Path) -> None:
    path = write_views(tmp_path / "own.h5", n=120)

    def change(what: str, share: float) -> None:
        with h5py.File(path, "r+") as file:
            file["labels"][0] = 1 - file["labels"][0]

    def untold(*said: Any) -> None:
        pass

    settings = {**QUICK, "pairs": ("audio->text", "text->audio"), "no_cache": True}
    cch_audit.map(path, **settings, progress=untold)
    with pytest.raises(InputError, match="was changed during the study"):
        cch_audit.map(path, **settings, progress=_once(change))


def _once(function: Any) -> Any:
    """Return what calls a function the first time alone."""
    left = [function]

    def call(*said: Any) -> None:
        if left:
            left.pop()(*said)

    return call

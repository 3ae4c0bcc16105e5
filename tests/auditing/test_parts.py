"""Nothing twice: what another run, another teacher or another estimator computes anew."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from samplers import audited

import cch_audit
from cch_audit.auditing import parts
from cch_audit.estimators import neighbors
from cch_audit.running import Run, report_on
from cch_audit.settings import (
    AuditSettings,
    EstimatorSettings,
    HeadSettings,
    RankSettings,
    WorkSettings,
)

QUICK = AuditSettings(estimator=("ksg",), resamples=200, surrogates=1, jobs=2)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    shared = rng.standard_normal((150, 2))

    def near(noise):
        return shared + noise * rng.standard_normal(shared.shape)

    y = np.asarray(shared[:, 0] + 0.5 * rng.standard_normal(150) > 0, dtype=np.int64)
    return audited({"one": near(0.5), "two": near(2.0)}, near(0.5), y)


@pytest.fixture(scope="module")
def kept(sample, tmp_path_factory):
    """Return a folder with the parts of the first teacher's audit."""
    folder = tmp_path_factory.mktemp("kept")
    asked = Run(audit=QUICK, working=WorkSettings(cache=str(folder)))
    report_on(replace(sample, teachers={"one": sample.teachers["one"]}), asked, "test")
    return folder


@pytest.fixture
def audit(sample, kept, tmp_path):
    """Return what runs, after that audit, with changed settings and says what it computed."""
    shutil.copytree(kept, tmp_path / "cache")

    def run(teachers=("one",), rank=None, estimators=None, cache=True, **changes):
        working = WorkSettings(cache=str(tmp_path / "cache")) if cache else WorkSettings(None, True)
        asked = Run(
            audit=replace(QUICK, **changes),
            estimators=estimators or EstimatorSettings(),
            ranking=rank,
            working=working,
        )
        chosen = replace(sample, teachers={name: sample.teachers[name] for name in teachers})
        report = report_on(chosen, asked, "test")
        spent = asked.work.spent()
        return report, {purpose: one.done for purpose, one in spent.items() if one.done}

    return run


def text(report):
    """Return a report as JSON without what no two runs share."""
    return replace(report, seconds=0.0, origin=None, command="").to_json()


def test_a_report_is_the_same_with_and_without_what_was_kept(audit):
    again, done = audit()
    assert done == {}
    assert text(again) == text(audit(cache=False)[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"margin": 0.2},
        {"confidence": 0.8},
        {"rule": "ksg", "jobs": 1},
        {"rank": RankSettings()},
    ],
    ids=str,
)
def test_what_only_judges_computes_no_estimate(audit, changes):
    report, done = audit(**changes)
    # Of a floor, which a verdict may need now that did not before, both sides are new.
    assert set(done) <= {"baselines", "floor", parts.NEIGHBORS, parts.BOOTSTRAP}
    assert done.get("floor", 0) <= 2
    assert len(report.audits) == 1


def test_a_level_that_now_decides_has_more_surrogates_and_nothing_else(audit):
    _, done = audit(level="both")
    assert set(done) <= {"ksg, predictions: surrogates", parts.SURROGATES, parts.BOOTSTRAP}


def test_another_teacher_costs_its_own_parts(audit):
    alone = audit(cache=False)[1]
    report, added = audit(teachers=("one", "two"))
    # I(student; labels) is there: one of two informations is left, and the teacher's companions.
    assert added["ksg, representations: estimates"] == 1
    assert added["ksg, predictions: halves"] == alone["ksg, predictions: halves"] / 2
    assert added[parts.HEADS] == 1
    assert text(report) == text(audit(teachers=("one", "two"), cache=False)[0])


def test_another_estimator_costs_its_own_parts(audit):
    _, added = audit(estimator=("ksg", "gaussian"))
    assert not any(purpose.startswith("ksg") for purpose in added)
    assert added["gaussian, representations: estimates"] == 2


def test_more_surrogates_are_the_only_new_ones(audit):
    after = audit(surrogates=3)[1]
    # One of up to three was there, for each of two informations.
    assert 1 <= after["ksg, representations: surrogates"] <= 2 * (3 - 1)
    assert "ksg, representations: estimates" not in after


def test_other_settings_of_heads_are_other_predictions(audit):
    done = audit(estimators=EstimatorSettings((HeadSettings(n_folds=4),)))[1]
    assert done[parts.HEADS] == 2
    assert "ksg, representations: estimates" not in done


def test_other_rows_are_other_parts(audit, sample, kept):
    first = audit(cache=False)[1]
    changed = replace(sample, student=sample.student**3)
    changed = replace(changed, teachers={"one": sample.teachers["one"]})
    asked = Run(audit=QUICK, working=WorkSettings(cache=str(kept)))
    report_on(changed, asked, "test")
    done = {purpose: one.done for purpose, one in asked.work.spent().items() if one.done}
    # The teacher's head and its I(teacher; labels) know nothing of the student.
    known = {name: first[name] - 1 for name in (parts.HEADS, parts.NEIGHBORS, parts.BOOTSTRAP)}
    assert done == first | known


def test_the_raw_estimate_of_the_student_is_made_once(audit, sample, monkeypatch):
    made = []
    from_neighbors = neighbors.from_neighbors

    def counted(x, y, *arguments):
        if len(x) == sample.n_samples:  # and not one of the classes
            made.append((x.shape, y.ndim))
        return from_neighbors(x, y, *arguments)

    monkeypatch.setattr(neighbors, "from_neighbors", counted)
    _, done = audit(teachers=("one", "two"), cache=False)
    # Representations: I(S;Y), and of each teacher I(T;S), I(T;Y) and I((T,S);Y); predictions: 3.
    assert len(made) == 1 + 2 * 3 + 3
    # Beside these, I(T;S|Y) of each teacher.
    assert done[parts.NEIGHBORS] == len(made) + 2


def test_surrogates_are_drawn_once_for_all_estimators(audit):
    one, two = (
        audit(estimator=names, cache=False)[1][parts.SURROGATES]
        for names in (("ksg",), ("ksg", "gaussian"))
    )
    assert one == two


def test_the_library_keeps_parts_too(sample, tmp_path):
    arrays = {"teacher": sample.teachers["one"], "student": sample.student}
    settings = {"estimator": ("ksg",), "resamples": 200, "surrogates": 0}
    arrays["labels"] = sample.labels.values
    cache = str(tmp_path / "cache")
    first = cch_audit.check(**arrays, **settings, cache=cache)
    assert list((tmp_path / "cache").rglob("*.npz"))
    assert text(cch_audit.check(**arrays, **settings, cache=cache)) == text(first)
    assert text(cch_audit.check(**arrays, **settings, no_cache=True)) == text(first)


def test_a_damaged_part_is_computed_again(audit, tmp_path):
    for path in sorted((tmp_path / "cache").rglob("*.npz"))[::2]:
        path.write_bytes(path.read_bytes()[:-40])
    again, done = audit()
    assert text(again) == text(audit(cache=False)[0])
    assert sum(done.values()) > 0

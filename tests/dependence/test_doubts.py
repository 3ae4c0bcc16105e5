from dataclasses import replace

import numpy as np
import pytest
from samplers import audited

from cch_audit.auditing.verdict import withhold
from cch_audit.dependence.doubts import as_warnings, few_units, find_doubts
from cch_audit.estimators import KsgSettings
from cch_audit.results import Doubt
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings
from tests.auditing.whole import audit

N = 400


def rows(n=N, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, 3)), rng.standard_normal((n, 3)), rng.integers(0, 2, n)


def copied(groups=True, seed=0):
    """Return four near-copies of each row, next to each other."""
    source = np.arange(N) // 4
    rng = np.random.default_rng(seed)
    teacher, student, y = (side[source] for side in rows(seed=seed))
    sides = [side + 0.05 * rng.standard_normal(side.shape) for side in (teacher, student)]
    return audited({"teacher": sides[0]}, sides[1], y, source if groups else None)


def kinds(sample: Sample) -> list[str]:
    return [doubt.kind for doubt in find_doubts(sample, "teacher", 3, 0)]


def test_independent_rows_raise_no_doubt():
    for seed in range(10):
        teacher, student, y = rows(seed=seed)
        assert kinds(audited({"teacher": teacher}, student, y)) == []


def test_copies_raise_doubts_unless_their_groups_are_known():
    assert kinds(copied(groups=False)) == ["near_copies", "file_order"]
    assert kinds(copied()) == []


def test_doubts_are_overruled_on_the_users_word():
    doubted = replace(copied(groups=False), independent=True)
    found = find_doubts(doubted, "teacher", 3, 0)
    assert [doubt.overruled for doubt in found] == [True, True]


def test_a_teacher_that_is_the_student_is_no_copy():
    _, student, y = rows()
    assert kinds(audited({"teacher": student}, student, y)) == []


def test_a_teacher_alone_in_order_is_no_doubt():
    _, student, y = rows()
    series = np.cumsum(np.random.default_rng(1).standard_normal((N, 3)), axis=0)
    assert kinds(audited({"teacher": series}, student, y)) == []


def test_a_student_in_order_is_one_if_its_labels_are():
    teacher, _, y = rows()
    series = np.cumsum(np.random.default_rng(1).standard_normal((N, 3)), axis=0)
    assert kinds(audited({"teacher": teacher}, series, y)) == []
    followed = (np.arange(N) // 20) % 2
    assert kinds(audited({"teacher": teacher}, series, followed)) == ["file_order"]


@pytest.mark.parametrize(("n_groups", "doubts"), [(19, ["few_units"]), (20, []), (40, [])])
def test_few_groups_allow_no_verdict(n_groups, doubts):
    teacher, student, y = rows(n=20 * n_groups)
    groups = np.arange(len(y)) % n_groups
    sample = audited({"teacher": teacher}, student, y, groups)
    assert kinds(sample) == doubts
    assert few_units(sample) is not None


def test_groups_of_one_size_count_more_than_uneven_ones():
    teacher, student, y = rows()
    uneven = np.where(np.arange(N) < 200, 0, np.arange(N))
    sample = audited({"teacher": teacher}, student, y, uneven)
    # (200 + 200)^2 / (200^2 + 200) units count, though there are 201 groups.
    assert sample.dependence is not None
    assert sample.dependence.n_units == pytest.approx(400**2 / (200**2 + 200))
    assert kinds(sample) == ["few_units"]


def test_enough_groups_give_no_warning():
    teacher, student, y = rows()
    assert few_units(audited({"teacher": teacher}, student, y, np.arange(N) // 8)) is None
    assert few_units(audited({"teacher": teacher}, student, y)) is None


def test_classes_of_one_group_each_allow_no_verdict():
    teacher, student, _ = rows()
    y = np.arange(N) // 10
    found = find_doubts(audited({"teacher": teacher}, student, y, y), "teacher", 3, 0)
    (doubt,) = found
    assert doubt.kind == "lone_classes"
    assert "'0', '1', '10'" in doubt.reason or "'0', '1', '2'" in doubt.reason


def test_a_long_window_leaves_few_stretches():
    teacher, student, y = rows()
    sample = replace(audited({"teacher": teacher}, student, y), window=50)
    assert kinds(sample) == ["few_units"]
    assert "8 stretches of 50 rows" in find_doubts(sample, "teacher", 3, 0)[0].reason


def judged(sample: Sample):
    (one,) = audit(
        sample,
        AuditSettings(estimator=("ksg",), surrogates=1, jobs=1),
        EstimatorSettings((KsgSettings(n_pairs=0),)),
        seed=0,
    )
    return one


def test_a_doubt_withholds_the_verdict_at_both_levels():
    found = judged(copied(groups=False))
    assert found.verdict == "undecided"
    for level in found.levels.values():
        (result,) = level.estimators.values()
        assert result.verdict == "undecided"
        assert "withheld" in result.flags
        assert result.reason.startswith("withheld: rows look like copies of each other")
    assert found.levels["representations"].estimators["ksg"].teacher_student.estimate > 4


def test_an_overruled_doubt_lets_the_verdict_stand():
    found = judged(replace(copied(groups=False), independent=True))
    assert found.verdict == "pass"  # which is wrong, on the user's word
    (first, *_) = as_warnings([found])
    assert first.startswith("The verdict stands on --independent alone.")


def test_with_groups_copies_are_no_information():
    found = judged(copied())
    shared = found.levels["representations"].estimators["ksg"].teacher_student
    assert abs(shared.estimate) < 0.15  # the spread over samples is about .07
    assert found.verdict != "pass"
    assert found.doubts == ()


def test_warnings_name_the_teachers_of_each_doubt():
    doubt = Doubt("near_copies", "They are copies.", "Group them.")
    found = judged(copied())
    several = [replace(found, teacher="a", doubts=(doubt,)), replace(found, teacher="b")]
    assert as_warnings(several) == ("The verdict of a is withheld. They are copies. Group them.",)
    both = [replace(one, doubts=(doubt,)) for one in several]
    assert as_warnings(both) == ("The verdict is withheld. They are copies. Group them.",)


def test_nothing_is_withheld_without_a_standing_doubt():
    results = judged(copied()).levels["representations"].estimators
    assert withhold(results, ()) == dict(results)

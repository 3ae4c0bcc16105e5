from itertools import chain

import numpy as np
import pytest
from samplers import Mixture, audited

from cch_audit.auditing.companions import measure_companions
from cch_audit.auditing.parts import Parts
from cch_audit.settings import AuditSettings, EstimatorSettings

N = 1500


def companions(teacher, student, y, groups=None, prediction=None, n_jobs=1):
    sample = audited({"teacher": teacher}, student, y, groups)
    prediction = np.zeros((len(y), 1)) if prediction is None else prediction
    parts = Parts(sample.dependence, EstimatorSettings(), 1)
    settings = AuditSettings(resamples=1000, jobs=n_jobs)
    return measure_companions("teacher", prediction, sample, settings, parts)


def joint(covariance: np.ndarray, *sides: list[int]) -> float:
    """Return the total correlation of some sides of a Gaussian: sum of entropies less the joint."""

    def log_det(columns):
        return np.linalg.slogdet(covariance[np.ix_(columns, columns)])[1]

    return 0.5 * (sum(log_det(side) for side in sides) - log_det([*chain(*sides)]))


T, S, Y = [0], [1], [2]
COVARIANCE = np.array([[1.0, 0.6, 0.5], [0.6, 1.0, 0.7], [0.5, 0.7, 1.0]])


@pytest.fixture(scope="module")
def gaussian():
    columns = np.random.default_rng(0).multivariate_normal(np.zeros(3), COVARIANCE, size=N)
    return companions(*(columns[:, [column]] for column in range(3)))


def test_closed_forms_of_a_joint_gaussian(gaussian):
    expected = {
        "teacher_labels": joint(COVARIANCE, T, Y),
        "teacher_labels_given_student": joint(COVARIANCE, T + S, Y) - joint(COVARIANCE, S, Y),
        "teacher_student_given_labels": joint(COVARIANCE, T, S + Y) - joint(COVARIANCE, T, Y),
    }
    for name, information in expected.items():
        found = getattr(gaussian, name)
        # Four standard errors, and the bias of KSG in two against one dimension.
        tolerance = 4 * found.standard_error + 0.03
        assert found.estimate == pytest.approx(information, abs=tolerance), name
        assert found.standard_error < 0.06
        assert found.low < found.estimate < found.high


def test_continuous_labels_have_no_entropy(gaussian):
    assert gaussian.label_entropy is None


def test_teacher_that_adds_nothing():
    # t = s + noise, y = s + noise: given s, the teacher knows nothing more.
    rng = np.random.default_rng(0)
    s, e, f = rng.standard_normal((3, N, 1))
    found = companions(s + e, s, s + f)
    added = found.teacher_labels_given_student
    assert added.estimate == pytest.approx(0.0, abs=4 * added.standard_error + 0.03)
    assert found.teacher_labels.low > 0.05  # -1/2 log(1 - 1/4) = .14 on its own
    shared = found.teacher_student_given_labels
    covariance = np.array([[2.0, 1, 1], [1, 1, 1], [1, 1, 2]])
    information = joint(covariance, T, S + Y) - joint(covariance, T, Y)
    assert shared.estimate == pytest.approx(information, abs=4 * shared.standard_error + 0.03)


def test_labels_that_are_a_function_of_the_teacher():
    # y = sign(t): I(T;Y) = H(Y), I(T;Y|S) = H(Y) - I(S;Y), I(T;S|Y) = I(T;S) - I(S;Y).
    rng = np.random.default_rng(0)
    t = rng.standard_normal((N, 1))
    s = 0.6 * t + 0.8 * rng.standard_normal((N, 1))
    found = companions(t, s, (t[:, 0] > 0).astype(int))
    assert found.label_entropy == pytest.approx(np.log(2), abs=1e-3)
    # E log 2 P(sign t | s), by quadrature over the normal s
    student_labels = 0.1306
    teacher_student = -0.5 * np.log(1 - 0.36)
    for name, information in {
        "teacher_labels": np.log(2),
        "teacher_labels_given_student": np.log(2) - student_labels,
        "teacher_student_given_labels": teacher_student - student_labels,
    }.items():
        interval = getattr(found, name)
        tolerance = 4 * interval.standard_error + 0.05
        assert interval.estimate == pytest.approx(information, abs=tolerance), name


def test_class_paired_sides_share_nothing_within():
    sampler = Mixture(2.0, (0.5, 0.5), 2)
    x, y = sampler.sample(N)
    other = np.random.default_rng(9).standard_normal((N, 2)) + 2 * np.eye(2)[y]
    shared = companions(x, other, y).teacher_student_given_labels
    assert shared.estimate == pytest.approx(0.0, abs=4 * shared.standard_error)


def test_variance_condition():
    rng = np.random.default_rng(0)
    s, y = rng.standard_normal((2, 200, 2))
    for scale, holds in ((0.5, True), (1.0, True), (2.0, False)):
        found = companions(s, s, y, prediction=scale * y)
        assert found.label_variance == pytest.approx(y.var(axis=0).sum())
        assert found.teacher_prediction_variance == pytest.approx(scale**2 * found.label_variance)
        assert found.variance_condition is holds


def test_classes_have_no_variance_condition():
    x, y = Mixture(2.0, (0.5, 0.5), 2).sample(200)
    found = companions(x, x + 1, y)
    assert found.teacher_prediction_variance is None
    assert found.label_variance is None
    assert found.variance_condition is None


def test_groups_speak_of_a_new_group():
    x, y = Mixture(1.5, (0.5, 0.5), 2).sample(100)
    rng = np.random.default_rng(0)
    # Rows of a group are close to each other, so that they err together, and each would give the
    # label of the others away.
    x, y, groups = (np.repeat(part, 8, axis=0) for part in (x, y, np.arange(100)))
    x = x + 0.1 * rng.standard_normal(x.shape)
    other = x + rng.standard_normal(x.shape)
    independent, grouped = companions(x, other, y), companions(x, other, y, groups)
    teacher, student = (Mixture(1.5 / np.sqrt(v), (0.5, 0.5), 2) for v in (1.01, 2.01))
    expected = {
        "teacher_labels": teacher.information,
        # The labels tell no more of the student than through the teacher.
        "teacher_labels_given_student": teacher.information - student.information,
        "teacher_student_given_labels": -np.log(1 - 1.01 / 2.01),
    }
    for name, information in expected.items():
        found = getattr(grouped, name)
        tolerance = 4 * found.standard_error + 0.03
        assert found.estimate == pytest.approx(information, abs=tolerance), name
    excess = independent.teacher_labels.estimate - teacher.information
    assert excess > 8 * independent.teacher_labels.standard_error
    ratio = grouped.teacher_labels.standard_error / independent.teacher_labels.standard_error
    assert ratio > 1.3


def test_scale_and_threads_do_not_matter():
    x, y = Mixture(1.5, (0.5, 0.5), 2).sample(200)
    other = x + np.random.default_rng(0).standard_normal(x.shape)
    first, second = companions(x, other, y), companions(1e9 * x, 1e-9 * other, y, n_jobs=2)
    for name in ("teacher_labels", "teacher_labels_given_student", "teacher_student_given_labels"):
        one, two = getattr(first, name), getattr(second, name)
        np.testing.assert_allclose([one.estimate, one.low], [two.estimate, two.low], atol=1e-9)

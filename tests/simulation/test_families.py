import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.simulation import families
from cch_audit.simulation.gaussian import JointGaussian
from cch_audit.simulation.risk import change

from .populations import random_populations

R2 = 0.6
SIZES = [(1, 1), (3, 5)]
WEIGHTS = np.logspace(-4, 4, 17)


def rng() -> np.random.Generator:
    return np.random.default_rng(8)


def helps(model: JointGaussian, n_train: int = 40) -> list[bool]:
    return [change(model, weight, n_train) < 0 for weight in WEIGHTS]


@pytest.mark.parametrize(("p1", "p2"), SIZES)
@pytest.mark.parametrize("k", [-3.0, -0.5, 0.2, 0.9, 1.1, 4.0])
def test_exact_has_its_closed_forms_at_both_levels(k, p1, p2):
    model = families.exact(k, R2, p1, p2, rng())
    ratio = R2 / (1 - R2)
    of_teacher, of_labels = np.log1p(ratio / k**2) / 2, np.log1p(ratio) / 2
    assert model.teacher_student == pytest.approx(of_teacher)
    assert model.predictions_teacher_student == pytest.approx(of_teacher)
    assert model.student_labels == pytest.approx(of_labels)
    assert model.predictions_student_labels == pytest.approx(of_labels)
    assert model.var_y == pytest.approx(1)
    assert model.var_t == pytest.approx(R2 + k**2 * (1 - R2))
    assert model.g == pytest.approx((1 - R2) * (1 - k))
    assert model.distance == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("p1", "p2"), SIZES)
@pytest.mark.parametrize("k", [0.0, 0.1, 0.5, 0.95, 1.05, 1.5, 3.0])
def test_in_exact_the_criterion_decides_for_every_weight(k, p1, p2):
    model = families.exact(k, R2, p1, p2, rng())
    assert model.criterion == (k < 1)
    assert helps(model) == [k < 1] * len(WEIGHTS)


@pytest.mark.parametrize("k", [-0.9, -0.3])
def test_in_exact_the_criterion_decides_for_negative_k_above_minus_one(k):
    model = families.exact(k, R2, 3, 5, rng())
    assert model.criterion
    assert all(helps(model))


def test_in_exact_small_weights_help_against_the_criterion_where_k_is_below_minus_one():
    k = -3.0
    model = families.exact(k, R2, 3, 5, rng())
    assert not model.criterion
    assert helps(model) == [weight < -2 / (1 + k) for weight in WEIGHTS]


@pytest.mark.parametrize("gap", [-0.4, -0.1, 0.0, 0.7, 2.0])
def test_exact_k_gives_the_gap(gap):
    model = families.exact(families.exact_k(gap, R2), R2, 3, 5, rng())
    assert model.teacher_student - model.student_labels == pytest.approx(gap)


@pytest.mark.parametrize(("p1", "p2"), SIZES)
@pytest.mark.parametrize(("gap", "teacher_r2"), [(-0.4, 0.3), (0.0, 0.5), (0.5, 0.8), (1.0, 0.6)])
def test_calibrated_has_gap_and_quality_and_is_least_squares(gap, teacher_r2, p1, p2):
    model = families.calibrated(gap, teacher_r2, R2, p1, p2, rng())
    assert model.teacher_student - model.student_labels == pytest.approx(gap)
    predicted = model.predictions_teacher_student - model.predictions_student_labels
    assert predicted == pytest.approx(gap)
    assert model.var_t == pytest.approx(teacher_r2)
    assert model.cov_ty == pytest.approx(teacher_r2)
    assert model.var_s == pytest.approx(R2)
    assert model.teacher_weights is None
    assert np.linalg.eigvalsh(model.covariance).min() > 0


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError, match=r"from 0\.2235 to 0\.9177, and 0\.95 is asked for"):
        families.calibrated(0.5, 0.95, R2, 3, 5, rng())
    families.calibrated(0.5, 0.917, R2, 3, 5, rng())
    with pytest.raises(InputError, match=r"every gap is above -0\.4581 nats"):
        families.exact_k(-0.46, R2)


def test_infinite_information_does_not_prevent_harm():
    for make in (families.negated, families.shrunk):
        model = make(R2, 3, 5, rng())
        assert model.predictions_teacher_student == np.inf
        assert model.criterion
        assert model.variance_condition
        assert helps(model, n_train=1000)[0]
        assert not helps(model, n_train=1000)[-1]


def test_no_information_does_not_prevent_help():
    model = families.noise(R2, 3, 5, rng())
    assert model.predictions_teacher_student == pytest.approx(0, abs=1e-12)
    assert not model.criterion
    assert helps(model)[0]


def test_random_populations_have_both_signs_of_everything():
    models = random_populations(400)
    for sign in (
        [model.cov_ts > 0 for model in models],
        [model.cov_ty > 0 for model in models],
        [model.residual_ty > 0 for model in models],
        [model.residual_t > model.residual_y for model in models],
        [model.criterion for model in models],
        [model.variance_condition for model in models],
        [model.teacher_student > model.student_labels for model in models],
        [model.b[0] > 0 for model in models],
    ):
        assert 0.05 < np.mean(sign) < 0.95
    # Rarer: with Var(t) <= Var(y) hardly any teacher harms at every weight.
    assert 0.01 < np.mean([model.g < 0 for model in models]) < 0.5


def test_the_seed_decides():
    first, second, third = (
        families.random(3, 2, np.random.default_rng(seed)).covariance for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, third)

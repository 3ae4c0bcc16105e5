"""The student's risk: trained students, numerical minima, and the counterexamples' numbers."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from cch_audit.forecasting.moments import cross_products, moments_of
from cch_audit.rows import FloatArray
from cch_audit.simulation import families
from cch_audit.simulation.gaussian import JointGaussian
from cch_audit.simulation.risk import best_gain, best_weight, change, kappa, risk

from .populations import POPULATIONS, random_populations

N_TRAIN = 16
N_STUDENTS = 20_000
WEIGHTS = (0.0, 0.1, 0.5, 2.0)


def trained_risks(model: JointGaussian) -> FloatArray:
    """Return the risk of students trained on rows of their own, (N_STUDENTS, n_weights)."""
    sample = model.sample(N_STUDENTS * N_TRAIN, np.random.default_rng([2, 5]))
    x2 = sample.student.reshape(N_STUDENTS, N_TRAIN, -1)
    t = (sample.teachers["teacher"] @ model.w1).reshape(N_STUDENTS, N_TRAIN)
    y = sample.labels.values.reshape(N_STUDENTS, N_TRAIN)
    mixed = np.stack([(y + w * t) / (1 + w) for w in WEIGHTS], axis=2)  # (students, rows, weights)
    columns = x2.transpose(0, 2, 1)
    heads = np.linalg.solve(columns @ x2, columns @ mixed)  # (students, p2, weights)
    # On a new row E[(y - w'x2)^2] = Var(y) - 2 w'S23 + w'S22 w.
    s22 = model.covariance[model.p1 : -1, model.p1 : -1]
    s23 = model.covariance[model.p1 : -1, -1]
    quadratic = np.einsum("npw,pq,nqw->nw", heads, s22, heads)
    return model.covariance[-1, -1] - 2 * np.einsum("npw,p->nw", heads, s23) + quadratic


@pytest.mark.parametrize("name", POPULATIONS)
def test_risk_and_change_are_those_of_trained_students(name):
    """Five standard errors: 42 means are compared."""
    model = POPULATIONS[name]()
    risks = trained_risks(model)
    for column, weight in enumerate(WEIGHTS):
        changes = risks[:, column] - risks[:, 0]
        for draws, truth in (
            (risks[:, column], risk(model, weight, N_TRAIN)),
            (changes, change(model, weight, N_TRAIN)),
        ):
            error = draws.std() / np.sqrt(N_STUDENTS)
            assert draws.mean() == pytest.approx(truth, abs=5 * error + 1e-12)


@pytest.mark.parametrize("model", random_populations(20))
@pytest.mark.parametrize("n_train", [10, 1000])
def test_change_is_the_difference_of_risks(model, n_train):
    for weight in WEIGHTS:
        difference = risk(model, weight, n_train) - risk(model, 0.0, n_train)
        expected = pytest.approx(difference, abs=1e-12 * model.var_y, rel=1e-6)
        assert change(model, weight, n_train) == expected


@pytest.mark.parametrize("model", random_populations(40))
@pytest.mark.parametrize("n_train", [10, 100])
def test_the_best_weight_is_the_numerical_minimum(model, n_train):
    """Over weight / (1 + weight) on [0, 1), in which the risk is a parabola."""
    found = minimize_scalar(
        lambda share: change(model, share / (1 - share), n_train) / model.var_y,
        bounds=(0, 1 - 1e-9),
        method="bounded",
        options={"xatol": 1e-9},
    )
    weight = best_weight(model, n_train)
    share = 1.0 if np.isinf(weight) else weight / (1 + weight)
    assert share == pytest.approx(found.x, abs=1e-4)
    gain = best_gain(model, n_train) / model.var_y
    assert gain == pytest.approx(max(0.0, -found.fun), abs=1e-7)


@pytest.mark.parametrize("n_train", [10, 1000])
def test_some_weight_helps_exactly_where_g_is_positive(n_train):
    outcomes = set()
    for model in random_populations(400):
        helps = min(change(model, weight, n_train) for weight in np.logspace(-7, 4, 45)) < 0
        assert helps == (model.g > 0)
        assert helps == (best_weight(model, n_train) > 0)
        outcomes.add(helps)
    assert outcomes == {True, False}


@pytest.mark.parametrize("n_train", [12, 200])
def test_no_teacher_gains_more_than_a_perfect_one(n_train):
    """R(0) falls by p2 / (n - 1) of itself at most, which t = s reaches."""
    perfect = families.exact(0.0, 0.6, 4, 6, np.random.default_rng(0))
    largest = best_gain(perfect, n_train) / risk(perfect, 0.0, n_train)
    assert best_weight(perfect, n_train) > 1e6
    assert largest == pytest.approx(6 / (n_train - 1))
    for model in random_populations(100):
        ceiling = model.p2 / (n_train - 1)
        assert best_gain(model, n_train) <= ceiling * risk(model, 0.0, n_train) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("make", "p", "n_train", "weight", "percent"),
    [
        (families.negated, 20, 200, 0.5, 54.38),
        (families.shrunk, 100, 10_000, 0.5, 7.53),
        (families.noise, 20, 200, 0.02, -0.329),
        (families.noise, 100, 10_000, 0.02, 0.01922),
    ],
)
def test_counterexamples(make, p, n_train, weight, percent):
    """By hand, Var(s) = 0.6 and Var(e) = 0.4; e.g. t = -s has D = 2.4, c = Var(t | x2) = 0."""
    model = make(0.6, p, p, np.random.default_rng(0))
    relative = change(model, weight, n_train) / risk(model, 0.0, n_train)
    assert 100 * relative == pytest.approx(percent, rel=1e-3)


def test_a_plug_in_forecast_from_many_rows_agrees():
    """The forecast's error is of the order 1 / sqrt(rows)."""
    model = POPULATIONS["random 2 to 4"]()
    sample = model.sample(400_000, np.random.default_rng(0))
    said, y = sample.predictions["teacher"], sample.labels.values
    sums = cross_products(sample.student, said, y, np.zeros(len(y), dtype=np.int64))
    found = moments_of(sums[0], sample.student.shape[1])
    half = np.array([0.5])
    # The risk here is that of a student without an intercept.
    forecast = found.bias(half) + kappa(model, 20) * found.noise(half)
    expected = change(model, 0.5, 20) / model.var_y
    assert forecast[0] == pytest.approx(expected, rel=0.02)


def test_too_few_rows_have_no_risk():
    model = POPULATIONS["exact"]()
    assert kappa(model, model.p2 + 2) == model.p2
    with pytest.raises(ValueError, match=r"n_train > p2 \+ 1 = 5"):
        risk(model, 0.5, model.p2 + 1)

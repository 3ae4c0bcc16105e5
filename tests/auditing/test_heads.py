import numpy as np
import pytest
from samplers import Independent, Mixture, in_groups
from scipy.special import expit, logit

from cch_audit.auditing.heads import LEAST_LOG_PROBABILITY, cross_fitted
from cch_audit.auditing.log_odds import log_odds
from cch_audit.settings import HeadSettings

SETTINGS = HeadSettings()


def predict(x, y, groups=None, seed=0):
    return cross_fitted(x, y, in_groups(groups), np.random.default_rng(seed), SETTINGS)


def classes_said(log_odds_of_classes):
    """Return the most likely class of each row."""
    if log_odds_of_classes.shape[1] == 1:
        return (log_odds_of_classes[:, 0] > 0).astype(int)
    return log_odds_of_classes.argmax(axis=1)


@pytest.mark.parametrize("k", [2, 3, 5])
def test_shape_and_skill_for_classes(k):
    x, y = Mixture(4.0, (1 / k,) * k, 6).sample(300)
    said = predict(x, y)
    assert said.shape == (300, 1 if k == 2 else k)
    # Centres 5.7 standard deviations apart: hardly an error.
    assert (classes_said(said) == y).mean() > 0.95
    if k > 2:
        np.testing.assert_allclose(said.sum(axis=1), 0.0, atol=1e-9)


def test_random_labels_are_guessed_at_chance():
    hits = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, y = rng.standard_normal((100, 200)), rng.permutation(np.arange(100) % 2)
        hits.append((classes_said(predict(x, y, seed=seed)) == y).mean())
    # 400 guesses: standard error .025, four of them. A head that saw its rows has 1.0.
    assert np.mean(hits) == pytest.approx(0.5, abs=0.1)


def test_random_targets_are_not_explained():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((100, 200)), rng.standard_normal((100, 1))
    r = np.corrcoef(predict(x, y)[:, 0], y[:, 0])[0, 1]
    assert r < 0.4  # four standard errors of 1 / sqrt(100); in sample it would be 1


def test_own_target_does_not_change_the_prediction():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((90, 5))
    y = x[:, :1] + rng.standard_normal((90, 1))
    changed = y.copy()
    changed[7] += 100.0
    before, after = predict(x, y), predict(x, changed)
    assert after[7] == before[7]
    assert (after != before).sum() >= 60  # rows of the other folds


def test_ridge_recovers_a_linear_map():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 8)) * np.logspace(-3, 3, 8)
    weights = rng.standard_normal((8, 2)) / np.logspace(-3, 3, 8)[:, None]
    y = x @ weights + [5.0, -7.0]
    said = predict(x, y)
    assert said.shape == y.shape
    # The smallest penalty of .01 on 200 rows shrinks by 1 part in 20 000.
    np.testing.assert_allclose(said, y, atol=1e-3 * y.std())


def test_penalty_adapts_to_noise():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((120, 300)), rng.standard_normal((120, 1))
    # Nothing to learn from 80 rows in 300 columns: least squares would predict with the variance
    # of y itself.
    assert predict(x, y).var() < 0.5 * y.var()


@pytest.mark.parametrize("classes", [False, True])
def test_groups_share_a_head(classes):
    # Every row three times: without groups a copy gives the answer away.
    x, y = Independent(100, 0 if classes else 1).sample(50)
    x, y, groups = (np.repeat(part, 3, axis=0) for part in (x, y, np.arange(50)))

    def skill(said):
        if classes:
            return (classes_said(said) == y).mean() - 0.25
        return np.corrcoef(said[:, 0], y[:, 0])[0, 1]

    assert skill(predict(x, y)) > 0.5
    # Four standard errors of fifty independent groups: .06 of a share, .14 of a correlation.
    assert skill(predict(x, y, groups)) < (0.25 if classes else 0.57)


def test_class_that_a_training_fold_lacks():
    x, _ = Independent(3, 0).sample(200)
    groups = np.repeat(np.arange(20), 10)
    y = np.where(groups == 0, 2, np.random.default_rng(0).integers(2, size=200))
    said = predict(x, y, groups)
    assert said.shape == (200, 3)
    assert np.isfinite(said).all()
    # Where no model has seen class 2 it is as good as impossible.
    assert said[y == 2][:, 2].max() < LEAST_LOG_PROBABILITY / 2


def test_rare_class_does_not_crash():
    x, _ = Independent(3, 0).sample(60)
    y = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [25, 25, 10]))
    assert np.isfinite(predict(x, y)).all()


@pytest.mark.parametrize("classes", [False, True])
def test_separable_and_huge_inputs_stay_finite(classes):
    x, _ = Independent(3, 0).sample(100)
    y = (x[:, 0] > 0).astype(int) if classes else 1e6 * x[:, :1]
    assert np.isfinite(predict(1e9 * x, y)).all()
    said = predict(x, y)
    assert np.isfinite(said).all()
    assert np.abs(said).max() <= (30 if classes else 1e7)


@pytest.mark.parametrize("classes", [False, True])
def test_deterministic(classes):
    x, y = Independent(4, 0 if classes else 2).sample(90)
    np.testing.assert_array_equal(predict(x, y), predict(x, y))
    assert (predict(x, y) != predict(x, y, seed=1)).any()


@pytest.mark.parametrize(("n_groups", "classes"), [(2, False), (2, True), (4, True), (5, True)])
def test_few_groups(n_groups, classes):
    x, y = Independent(3, 0 if classes else 1).sample(80)
    assert np.isfinite(predict(x, y, np.arange(80) % n_groups)).all()


RNG = np.random.default_rng(0)
LOGITS = RNG.standard_normal((50, 4)) * 3
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)


def test_log_odds_of_logits_are_centred():
    np.testing.assert_allclose(log_odds(LOGITS), LOGITS - LOGITS.mean(axis=1, keepdims=True))


def test_log_odds_of_probabilities_are_those_of_their_logits():
    np.testing.assert_allclose(log_odds(PROBABILITIES), log_odds(LOGITS), atol=1e-9)


def test_log_odds_of_log_probabilities():
    np.testing.assert_allclose(log_odds(np.log(PROBABILITIES)), log_odds(LOGITS), atol=1e-9)


def test_single_precision_probabilities_are_recognised():
    rounded = PROBABILITIES.astype(np.float32).astype(np.float64)
    np.testing.assert_allclose(log_odds(rounded), log_odds(LOGITS), atol=1e-3)


def test_two_classes_become_one_column():
    p = RNG.uniform(0.01, 0.99, size=(50, 1))
    expected = logit(p)
    np.testing.assert_allclose(log_odds(np.hstack([1 - p, p])), expected, atol=1e-9)
    np.testing.assert_allclose(log_odds(p), expected, atol=1e-9)
    np.testing.assert_allclose(log_odds(np.hstack([0 * p, logit(p)])), expected, atol=1e-9)


def test_one_column_of_logits_is_kept():
    scores = RNG.standard_normal((50, 1)) * 3
    np.testing.assert_allclose(log_odds(scores), scores)
    np.testing.assert_allclose(log_odds(expit(scores)), scores, atol=1e-9)


def test_certain_probabilities_stay_finite():
    certain = np.eye(3)[RNG.integers(3, size=20)]
    found = log_odds(certain)
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found.argmax(axis=1), certain.argmax(axis=1))
    assert np.isfinite(log_odds(np.array([[0.0], [1.0]]))).all()

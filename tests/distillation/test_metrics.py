import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import entropy
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from cch_audit.distillation.metrics import (
    METRICS,
    row_scores,
    scale,
    score,
    trivial_score,
    validation_loss,
)
from cch_audit.results import improvement

RNG = np.random.default_rng(0)


def answers(k, n=80):
    """Labels of k classes and logits that know something about them."""
    y = np.append(np.arange(k), RNG.integers(k, size=n - k))
    return y, 1.5 * RNG.standard_normal((n, k)) + 2 * np.eye(k)[y]


def means(y, outputs):
    found = row_scores(y, outputs, METRICS[y.ndim == 1])
    return {metric: values.mean() for metric, values in found.items()}


@pytest.mark.parametrize("k", [2, 4])
def test_classes_against_scikit_learn(k):
    y, logits = answers(k)
    found = means(y, logits)
    chances = softmax(logits, axis=1)
    named = logits.argmax(axis=1)
    areas = [roc_auc_score(y == label, chances[:, label]) for label in range(k)]
    expected = {
        "accuracy": accuracy_score(y, named),
        "log_loss": log_loss(y, chances),
        "weighted_f1": f1_score(y, named, average="weighted"),
        "macro_auc": np.mean(areas),
        "brier": brier_score_loss(y, chances, scale_by_half=False),
    }
    assert found == pytest.approx(expected, abs=1e-12)


def test_class_missing_among_the_rows():
    y, logits = answers(4)
    some = y != 2
    found = means(y[some], logits[some])
    chances = softmax(logits[some], axis=1)
    areas = [roc_auc_score(y[some] == label, chances[:, label]) for label in (0, 1, 3)]
    assert found["macro_auc"] == pytest.approx(np.mean(areas))
    named = logits[some].argmax(axis=1)
    # Rows named class 2 are errors; the class itself has no weight.
    assert (named == 2).any()
    expected = f1_score(y[some], named, average="weighted", labels=[0, 1, 3])
    assert found["weighted_f1"] == pytest.approx(expected)


def test_single_class_among_the_rows():
    y, logits = answers(3)
    assert means(y[y == 1], logits[y == 1])["macro_auc"] == 0.5


@pytest.mark.parametrize("q", [1, 3])
def test_numbers_against_scikit_learn(q):
    y = RNG.standard_normal((50, q))
    outputs = y + RNG.standard_normal((50, q)) * np.arange(1, q + 1)
    expected = {"mse": mean_squared_error(y, outputs), "r2": r2_score(y, outputs)}
    assert means(y, outputs) == pytest.approx(expected)


@pytest.mark.parametrize("metric", ["weighted_f1", "macro_auc"])
def test_influences_are_what_a_row_does(metric):
    """A value is that of all rows, plus what changes if the row is left out, n - 1 times."""
    y, logits = answers(3, n=400)
    values = row_scores(y, logits, [metric])[metric]
    others = [np.delete(np.arange(400), row) for row in range(400)]
    left = np.array([row_scores(y[o], logits[o], [metric])[metric].mean() for o in others])
    jackknife = values.mean() + 399 * (values.mean() - left)
    # The jackknife is the influence plus terms of order 1 / n.
    np.testing.assert_allclose(values, jackknife, atol=0.05)
    assert np.corrcoef(values, jackknife)[0, 1] > 0.999


def test_every_score_has_a_direction():
    names = [*METRICS[True], *METRICS[False]]
    lower = [name for name in names if improvement(1.0, name) < 0]
    assert lower == ["log_loss", "brier", "mse"]


def test_scores_of_several_heads():
    y, _ = answers(3)
    logits = RNG.standard_normal((5, len(y), 3))
    for metric in METRICS[True]:
        found = score(metric, y, logits)
        expected = [row_scores(y, one, [metric])[metric].mean() for one in logits]
        np.testing.assert_allclose(found, expected)
    stacked = validation_loss(y, np.stack([logits, logits]))
    assert stacked.shape == (2, 5)
    assert stacked[1, 3] == pytest.approx(log_loss(y, softmax(logits[3], axis=1)))


def test_trivial_heads_and_scales():
    y = np.repeat([0, 1, 2], [50, 30, 20])
    shares = np.array([0.5, 0.3, 0.2])
    assert trivial_score("accuracy", y) == 0.5
    assert trivial_score("log_loss", y) == pytest.approx(entropy(shares))
    assert trivial_score("log_loss", y) == pytest.approx(scale("log_loss", y))
    assert trivial_score("brier", y) == pytest.approx(1 - (shares**2).sum())
    assert trivial_score("brier", y) == pytest.approx(scale("brier", y))
    assert trivial_score("macro_auc", y) == pytest.approx(0.5)
    assert [scale(metric, y) for metric in ("accuracy", "weighted_f1", "macro_auc")] == [1, 1, 1]
    numbers = RNG.standard_normal((20, 2))
    assert (trivial_score("mse", numbers), trivial_score("r2", numbers)) == (1.0, 0.0)


def test_certain_logits_stay_finite():
    y, logits = answers(3)
    for huge in (1e6 * logits, -1e6 * logits):
        assert np.isfinite(list(means(y, huge).values())).all()
        assert np.isfinite(validation_loss(y, huge))

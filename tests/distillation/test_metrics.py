import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    mean_squared_error,
    r2_score,
    roc_auc_score,
)

from cch_audit.distillation.metrics import (
    deciding_score,
    scores,
    validation_loss,
)
from cch_audit.results import improvement

RNG = np.random.default_rng(0)


def answers(k, n=80):
    """Labels of k classes and logits that know something about them."""
    y = np.append(np.arange(k), RNG.integers(k, size=n - k))
    return y, 1.5 * RNG.standard_normal((n, k)) + 2 * np.eye(k)[y]


def test_classes_against_scikit_learn():
    y, logits = answers(4)
    found = scores(y, logits)
    chances = softmax(logits, axis=1)
    assert found["accuracy"] == accuracy_score(y, logits.argmax(axis=1))
    assert found["weighted_f1"] == f1_score(y, logits.argmax(axis=1), average="weighted")
    expected = roc_auc_score(y, chances, multi_class="ovr", average="macro")
    assert found["macro_auc"] == pytest.approx(expected, abs=1e-12)
    assert 0.5 < found["accuracy"] < 1


def test_two_classes_against_scikit_learn():
    y, logits = answers(2)
    found = scores(y, logits)
    # Seen from either class it is the same area.
    assert found["macro_auc"] == pytest.approx(roc_auc_score(y, logits[:, 1] - logits[:, 0]))
    assert found["accuracy"] == ((logits[:, 1] > logits[:, 0]) == y).mean()


def test_class_missing_among_the_rows():
    y, logits = answers(4)
    some = y != 2
    found = scores(y[some], logits[some])
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
    some = y == 1
    found = scores(y[some], logits[some])
    assert found["macro_auc"] == 0.5
    assert found["accuracy"] == (logits[some].argmax(axis=1) == 1).mean()


@pytest.mark.parametrize("q", [1, 3])
def test_numbers_against_scikit_learn(q):
    y = RNG.standard_normal((50, q))
    outputs = y + RNG.standard_normal((50, q)) * np.arange(1, q + 1)
    found = scores(y, outputs)
    assert found == {"mse": mean_squared_error(y, outputs), "r2": r2_score(y, outputs)}


def test_every_score_has_a_direction():
    y, logits = answers(3)
    numbers = scores(RNG.standard_normal((9, 1)), RNG.standard_normal((9, 1)))
    names = {*scores(y, logits), *numbers}
    assert [name for name in names if improvement(1.0, name) < 0] == ["mse"]


def test_scores_of_several_heads():
    y, _ = answers(3)
    logits = RNG.standard_normal((2, 5, len(y), 3))
    accuracy, loss = deciding_score(y, logits), validation_loss(y, logits)
    assert accuracy.shape == loss.shape == (2, 5)
    for number in np.ndindex(2, 5):
        assert accuracy[number] == pytest.approx(scores(y, logits[number])["accuracy"])
        chances = softmax(logits[number], axis=1)
        assert loss[number] == pytest.approx(log_loss(y, chances))


def test_squared_errors_of_several_heads():
    y, outputs = RNG.standard_normal((40, 2)), RNG.standard_normal((3, 40, 2))
    expected = [mean_squared_error(y, one) for one in outputs]
    np.testing.assert_allclose(deciding_score(y, outputs), expected)
    np.testing.assert_allclose(validation_loss(y, outputs), expected)


def test_certain_logits_stay_finite():
    y, logits = answers(3)
    for huge in (1e6 * logits, -1e6 * logits):
        assert np.isfinite(list(scores(y, huge).values())).all()
        assert np.isfinite(validation_loss(y, huge))

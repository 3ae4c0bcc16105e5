"""What is odd about a file is said, and what nobody can mean is refused."""

import numpy as np
import pytest

from cch_audit.errors import InputError
from cch_audit.reading.checks import in_range
from cch_audit.reading.load import load_sample
from cch_audit.reading.oddities import of_classes, of_precision, of_predictions
from cch_audit.sample import Labels
from cch_audit.settings import InputSettings

ROWS = np.arange(300)
CODES = ROWS % 3
NAMES = ("a", "b", "c")


def said(found):
    return "\n".join(found)


@pytest.mark.parametrize("name", ["", " ", "nan", "NaN", "<NA>"])
def test_a_class_of_nothing_is_refused(name):
    with pytest.raises(InputError, match="missing label"):
        list(of_classes([name, "a"], np.array([20, 80]), "x.h5: labels"))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ""),
        (["-1", "1"], ""),
        (["0", "1", "2"], ""),
        (["-1", "0", "1"], "the class -1 (20 rows)"),
        (["none", "b"], "the class 'none' (20 rows)"),
        (["A", "a", "b"], "'A', 'a' differ by case or blanks only"),
        (["a", "a ", "b"], "'a', 'a ' differ by case or blanks only"),
    ],
)
def test_classes(names, expected):
    found = said(of_classes(names, np.full(len(names), 20), "x.h5: labels"))
    assert expected in found
    assert bool(found) == bool(expected)


def probabilities(codes, confidence=0.8):
    rng = np.random.default_rng(0)
    scores = rng.random((len(codes), 3)) / 3
    scores[np.arange(len(codes)), codes] += confidence
    return scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (probabilities(CODES), []),
        (np.log(probabilities(CODES)), []),
        (probabilities(np.random.default_rng(1).permutation(CODES)), []),
        (np.full((300, 3), 1 / 3), ["same for every row"]),
        (probabilities((CODES + 1) % 3), ["right in 0.00", "another order 1.00", "'a', 'b', 'c'"]),
        (probabilities(CODES) * 0.9, ["300 of 300 rows", "do not sum to one"]),
    ],
    ids=["right", "logits", "at random", "constant", "permuted", "no sum"],
)
def test_predictions_of_classes(values, expected):
    found = said(of_predictions(values, Labels(CODES, NAMES), "x.h5: predictions/t"))
    assert bool(found) == bool(expected)
    for part in expected:
        assert part in found


def test_one_score_for_two_classes():
    y = ROWS % 2
    score = y[:, None] + np.random.default_rng(0).standard_normal((300, 1))
    labels = Labels(y, ("no", "yes"))
    assert not said(of_predictions(score, labels, "x"))
    assert "higher for 'no' than for 'yes'" in said(of_predictions(-score, labels, "x"))
    noise = np.random.default_rng(1).standard_normal((300, 1))
    assert not said(of_predictions(noise, labels, "x"))


def test_predictions_of_numbers():
    y = np.random.default_rng(0).standard_normal((300, 2))
    assert not said(of_predictions(0.5 * y, Labels(y), "x"))
    assert "1 of 2 outputs" in said(of_predictions(y * [1, -1], Labels(y), "x"))


def test_values_that_their_type_rounds():
    noise = np.random.default_rng(0).standard_normal((300, 2))
    single = (1e8 + noise * [20, 1e4]).astype("f4")
    assert "1 of 2 columns" in said(of_precision(single.astype("f8"), single.dtype, "x"))
    assert not said(of_precision(1e8 + noise, np.dtype("f8"), "x"))
    assert not said(of_precision(noise * 1e300, np.dtype("f8"), "x"))
    with pytest.raises(InputError, match=r"beyond 2\^53"):
        list(of_precision(noise + 2.0**60, np.dtype("u8"), "x"))


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e-310])
def test_extreme_columns_keep_their_digits(scale):
    x = np.random.default_rng(0).standard_normal((300, 2))
    found = in_range(x * [scale, 1])
    assert np.abs(found).max() < 1e10
    assert np.abs(found[:, 0]).max() > 0.1
    np.testing.assert_array_equal(found[:, 1], x[:, 1])
    # Rounded numbers near zero have fewer digits; all others keep all of them.
    ratio = found[:, 0] / x[:, 0]
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12 if scale > 1e-308 else 1e-10)


def test_they_reach_the_sample(arrays, write):
    same = write(arrays | {"image": arrays["text"], "labels": arrays["labels"] - 1})
    warnings = said(load_sample(same, InputSettings()).source.warnings)
    assert "hold the same numbers" in warnings
    assert "the class -1" in warnings

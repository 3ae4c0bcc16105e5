import numpy as np
import pytest
import reference
from samplers import Gaussian

from cch_audit.estimators import distances, knn
from cch_audit.estimators.distances import prepare
from cch_audit.estimators.knn import local_informations

N, D = 60, 40


def _data() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    x, y = Gaussian((0.9,) * 4, D, D).sample(N)
    heavy = x * np.exp(3 * rng.standard_normal((N, 1)))
    codes = rng.permutation(np.arange(N) % 3)
    near = np.repeat(x[: N // 4], 4, axis=0) + 1e-7 * rng.standard_normal((N, D))
    return {
        "columns": (x, y),
        "few columns against many": (x[:, :2], y),
        "half-zero": (np.maximum(x, 0), np.maximum(y, 0)),
        "binary": ((x > 0).astype(float), (y > 0).astype(float)),
        "one-hot": (np.eye(D)[rng.integers(D, size=N)], y),
        "rows four times": (np.repeat(x[: N // 4], 4, axis=0), np.repeat(y[: N // 4], 4, axis=0)),
        "rows nearly four times": (near, np.roll(near, 1, axis=0)),
        "copies": (x, x),
        "heavy tails": (heavy, y),
        "far from the origin": (x + 1e4, y - 1e4),
        "constant": (np.ones((N, D)), y),
        "zero": (np.zeros((N, D)), np.zeros((N, D))),
        "a row of zeros": (np.vstack([0 * x[:1], 1e-30 * x[1:9], x[9:]]), y),
        "classes": (x, codes),
        "classes, binary": ((x > 0).astype(float), codes),
    }


DATA = _data()


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("name", DATA)
def test_products_decide_as_differences_do(name, k, monkeypatch):
    x, y = DATA[name]
    # Blocks of a few rows, as many rows have them.
    monkeypatch.setattr(knn, "BLOCK", 1)
    monkeypatch.setattr(knn, "LEAST_ROWS", 7)
    found = local_informations(x, y, k)
    # Errors so large that nothing is decided by products.
    monkeypatch.setattr(distances, "HALF_UNIT", 1e-3)
    np.testing.assert_array_equal(found, local_informations(x, y, k))


@pytest.mark.parametrize("name", DATA)
def test_products_agree_with_reference(name):
    x, y = DATA[name]
    terms, without = local_informations(x, y, 3)
    np.testing.assert_allclose(terms, reference.local_informations(x, y, 3), atol=1e-9, rtol=0)
    np.testing.assert_allclose(without, reference.leave_one_out(x, y, 3), atol=1e-9, rtol=0)


@pytest.mark.parametrize("scale", [1e-150, 1e-12, 1e12, 1e150])
@pytest.mark.parametrize("name", ["columns", "rows four times", "classes"])
def test_common_scale_does_not_matter(name, scale):
    x, y = DATA[name]
    scaled = (x * scale, y if y.ndim == 1 else y * scale)
    np.testing.assert_allclose(
        local_informations(*scaled, 3), local_informations(x, y, 3), atol=1e-12, rtol=0
    )


@pytest.mark.parametrize("d", [1, 2, 32, 300, 3000])
@pytest.mark.parametrize("kind", ["normal", "heavy", "equal", "shifted"])
def test_errors_of_products_are_within_what_is_said(d, kind):
    rng = np.random.default_rng(d)
    x = rng.standard_normal((50, d))
    if kind == "heavy":
        x *= np.exp(2 * rng.standard_normal((50, 1)))
    elif kind == "equal":
        x = np.repeat(x[:5], 10, axis=0)
    elif kind == "shifted":
        x += 100.0
    prepared = prepare(x, x)[0]
    found = np.empty((50, 50), np.float32)
    prepared.block(0, 50, found)
    lengths = prepared.lengths
    for i in range(50):
        exact = ((x - x[i]) ** 2).sum(axis=1) / prepared.scale
        errors = prepared.error * (lengths[i] + lengths) + prepared.least
        assert (np.abs(found[i] - exact) <= errors).all()

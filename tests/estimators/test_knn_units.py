import numpy as np
import pytest
import reference
from samplers import Gaussian

from cch_audit.dependence.units import Dependence
from cch_audit.estimators.knn import local_informations
from cch_audit.estimators.knn_units import local_informations_of_units

N = 40


def _data() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(1)
    x, y = Gaussian((0.7, 0.4), 3, 2).sample(N)
    jitter = 1e-3 * rng.normal(size=(2, N, 2))
    fours = np.repeat(np.arange(N // 4), 4)
    return {
        "free rows": (x, y),
        "one column": (x[:, :1], y[:, :1]),
        "near-copies": (x[fours, :2] + jitter[0], y[fours] + jitter[1]),
        "copies": (x[fours], y[fours]),
        "half-zero": (np.maximum(x, 0), np.maximum(y, 0)),
        "integers": (np.round(2 * x), np.round(2 * y)),
        "x repeated, y not": (x[fours], y),
        "x repeated, classes not": (x[fours], np.arange(N) % 2),
        "x repeated, y nearly": (x[fours], y[fours] + jitter[1]),
        "classes": (x, rng.permutation(np.arange(N) % 3)),
        "classes, near-copies": (x[fours, :2] + jitter[0], fours % 3),
        "classes, integers": (np.round(2 * x), rng.permutation(np.arange(N) % 3)),
    }


def _dependences() -> dict[str, Dependence]:
    rng = np.random.default_rng(2)
    fours, places = np.repeat(np.arange(N // 4), 4), np.arange(N)
    uneven = np.sort(rng.integers(0, 12, N) ** 2 // 8)
    found = {
        "fours": Dependence.of(fours, None, 0, N),
        "fours in any order": Dependence.of(rng.permutation(fours), None, 0, N),
        "uneven": Dependence.of(uneven, None, 0, N),
        "three groups": Dependence.of(places % 3, None, 0, N),
        "window": Dependence.of(None, None, 3, N),
        "window, gaps and another order": Dependence.of(
            None, rng.permutation(np.cumsum(rng.integers(1, 4, N))), 5, N
        ),
        "window and groups": Dependence.of(fours, None, 6, N),
    }
    assert None not in found.values()
    return found


DATA, DEPENDENCES = _data(), _dependences()


def _apart(dependence: Dependence) -> np.ndarray:
    groups, places = dependence.groups, dependence.positions
    near = np.abs(places[:, None] - places) <= dependence.window
    return ~near & (groups[:, None] != groups)


@pytest.mark.parametrize("k", [pytest.param(1, marks=pytest.mark.slow), 3])
@pytest.mark.parametrize("which", DEPENDENCES)
@pytest.mark.parametrize("name", DATA)
def test_agrees_with_reference(name, which, k):
    (x, y), dependence = DATA[name], DEPENDENCES[which]
    apart = _apart(dependence)
    terms, without = local_informations_of_units(x, y, k, dependence)
    expected = reference.local_informations_of_units(x, y, k, apart, dependence.units)
    # Sums of forty numbers of order one: rounding is far below 1e-9.
    np.testing.assert_allclose(terms, expected, atol=1e-9, rtol=0)
    left = reference.leave_one_unit_out(x, y, k, apart, dependence.units)
    np.testing.assert_allclose(without, left, atol=1e-9, rtol=0)


@pytest.mark.parametrize("name", DATA)
def test_units_of_one_row_change_nothing(name):
    x, y = DATA[name]
    alone = Dependence(np.arange(N), np.arange(N))
    found, expected = local_informations_of_units(x, y, 3, alone), local_informations(x, y, 3)
    np.testing.assert_allclose(found, expected, atol=1e-9, rtol=0)

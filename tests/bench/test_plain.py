"""What the kernel is timed against computes the same number."""

import numpy as np
import pytest

from tests.bench.peers.worker import npeet
from tests.bench.plain import plain_ksg
from tests.reference import local_informations


def test_the_plain_estimate_is_ksg():
    x, y = np.random.default_rng(0).standard_normal((2, 150, 3))
    expected = local_informations(x, x + y, 3).mean()
    assert plain_ksg(x, x + y, 3) == pytest.approx(expected, abs=1e-12)


def test_npeets_algorithm_is_ksg_where_the_norms_agree():
    # In one column Chebyshev and Euclidean distances are the same; NPEET adds noise of 1e-10.
    x, y = np.random.default_rng(0).standard_normal((2, 150, 1))
    expected = local_informations(x, x + y, 3).mean()
    assert npeet(x, x + y, 0, 3) == pytest.approx(expected, abs=1e-6)

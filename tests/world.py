"""The constructed world, whose four teachers are known, as the tests draw it."""

import numpy as np

from cch_audit.sample import Sample
from cch_audit.simulation import world as worlds

TEACHERS = ("good", "copy", "weak", "nuisance")


def world(n: int, seed: int = 1) -> Sample:
    """Return a student, four teachers and labels of two classes."""
    return worlds.world(n, np.random.default_rng([seed, 77]))

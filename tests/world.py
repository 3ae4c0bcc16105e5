"""A world whose four teachers are known: what each shares with the student, and what it adds."""

import numpy as np

from cch_audit.sample import FloatArray, Labels, Sample

TEACHERS = ("good", "copy", "weak", "nuisance")


def world(n: int, seed: int = 1) -> Sample:
    """Return a student, four teachers and labels of two classes.

    One latent z decides the label. The student sees it dimly in ten columns, beside twenty columns
    of nuisance. `good` sees z clearly, and some of the nuisance; `copy` is the student; `weak`
    hardly sees z, and a little of the nuisance; `nuisance` sees the nuisance and nothing else.
    """
    rng = np.random.default_rng([seed, 77])
    z = rng.standard_normal((n, 1))
    y = (2.2 * z[:, 0] + rng.logistic(size=n) > 0).astype(np.int64)
    seen = 0.207 * z + rng.standard_normal((n, 10))
    nuisance = rng.standard_normal((n, 20))
    student = np.hstack([seen, nuisance])

    def noisy(signal: FloatArray, noise: float) -> FloatArray:
        return signal + noise * rng.standard_normal(signal.shape)

    teachers = {
        "good": np.hstack([noisy(np.repeat(z, 5, axis=1), 0.3), noisy(nuisance[:, :5], 0.7)]),
        "copy": student.copy(),
        "weak": np.hstack(
            [noisy(np.repeat(0.1 * z, 15, axis=1), 1.0), noisy(0.3 * nuisance[:, :5], 1.0)]
        ),
        "nuisance": noisy(nuisance, 0.3),
    }
    return Sample(teachers, "student", student, Labels(y, ("0", "1")), "label")

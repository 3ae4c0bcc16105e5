"""Constructed worlds of classes: four teachers of which two mislead, and a negative control."""

from dataclasses import dataclass

import numpy as np

from cch_audit.rows import FloatArray
from cch_audit.sample import Labels, Sample

STEEPNESS = 2.2
"""P(y = 1 | z) is the logistic function of this times z."""
N_NUISANCE = 20


@dataclass(frozen=True)
class View:
    """What a modality sees of the world: columns of scale * latent + noise * standard normal."""

    label_columns: int
    """All of them see z, which decides the label."""
    label_scale: float
    label_noise: float
    nuisance_columns: int
    """Each sees one of the nuisances, the first ones."""
    nuisance_scale: float
    nuisance_noise: float

    @property
    def loadings(self) -> FloatArray:
        """Loadings of the columns on z and the nuisances, (1 + N_NUISANCE, d)."""
        on_z = np.zeros((1 + N_NUISANCE, self.label_columns))
        on_z[0] = self.label_scale
        nuisances = self.nuisance_scale * np.eye(1 + N_NUISANCE, self.nuisance_columns, -1)
        return np.hstack([on_z, nuisances])

    @property
    def noise(self) -> FloatArray:
        """Standard deviation of each column's own noise, (d,)."""
        columns = [self.label_columns, self.nuisance_columns]
        return np.repeat([self.label_noise, self.nuisance_noise], columns)


STUDENT = View(10, 0.207, 1.0, 20, 1.0, 0.0)
TEACHERS = {
    "good": View(5, 1.0, 0.3, 5, 1.0, 0.7),
    "weak": View(15, 0.1, 1.0, 5, 0.3, 1.0),
    "nuisance": View(0, 0.0, 0.0, 20, 1.0, 0.3),
}


def world(n: int, rng: np.random.Generator) -> Sample:
    """Return a student, four teachers and labels of two classes.

    One standard normal z decides the label. The student sees it dimly in ten columns, beside twenty
    columns of nuisance. `good` sees z clearly, and some of the nuisance; `copy` is the student;
    `weak` hardly sees z, and a little of the nuisance; `nuisance` sees the nuisance and nothing
    else. What is known of them: `cch_audit.simulation.truths.world_truths`.
    """
    latent = rng.standard_normal((n, 1 + N_NUISANCE))

    def seen(view: View) -> FloatArray:
        rows = latent @ view.loadings
        return np.asarray(rows + view.noise * rng.standard_normal(rows.shape))

    y = (STEEPNESS * latent[:, 0] + rng.logistic(size=n) > 0).astype(np.int64)
    student = seen(STUDENT)
    others = {name: seen(view) for name, view in TEACHERS.items()}
    teachers = {"good": others.pop("good"), "copy": student.copy(), **others}
    return Sample(teachers, "student", student, Labels(y, ("0", "1")), "labels")


@dataclass(frozen=True)
class ClassPaired:
    """Teacher and student that share the class and nothing else.

    Both see Gaussian clouds around one centre per class, on orthogonal axes, and are independent
    given the class. So I(teacher; student) <= I(student; labels), whatever the clouds: the gap is
    -I(student; labels | teacher), and the criterion cannot hold.
    """

    n_classes: int = 4
    teacher_distance: float = 3.0
    """Distance of the teacher's centres from the origin, in standard deviations of a cloud."""
    student_distance: float = 2.0
    noise_columns: int = 4
    """Columns of each side in which all centres are 0."""

    def centres(self, distance: float) -> FloatArray:
        """Return the centres, (n_classes, n_classes + noise_columns)."""
        return distance * np.eye(self.n_classes, self.n_classes + self.noise_columns)

    def sample(self, n: int, rng: np.random.Generator) -> Sample:
        """Draw n rows; classes are equally likely."""
        y = rng.integers(self.n_classes, size=n)
        teacher, student = (
            self.centres(distance)[y]
            + rng.standard_normal((n, self.n_classes + self.noise_columns))
            for distance in (self.teacher_distance, self.student_distance)
        )
        names = tuple(map(str, range(self.n_classes)))
        return Sample({"teacher": teacher}, "student", student, Labels(y, names), "labels")

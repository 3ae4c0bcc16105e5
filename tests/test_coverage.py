"""How often an interval covers, and a verdict is false: measured over many samples."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from samplers import Gaussian, Mixture, audited, gaussian_information
from threadpoolctl import threadpool_limits

from cch_audit.audit import judge_estimator
from cch_audit.measurement import Information, estimate_all
from cch_audit.randomness import stream
from cch_audit.results import EstimatorResult
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings

REPLICATIONS = 200


@dataclass(frozen=True)
class World:
    """A population of teacher, student and labels."""

    sample: Callable[[int, int], Sample]
    """Rows and seed to a sample."""
    gap: float | None
    """I(teacher; student) - I(student; labels); None when it has no closed form."""


def _linear(correlation: float, labels: float, columns: int) -> World:
    """Teacher and student share equal canonical pairs; labels are linear in the student."""

    def sample(n: int, seed: int) -> Sample:
        rng = np.random.default_rng([seed, 6])
        teacher, student = Gaussian((correlation,) * columns).sample(n, seed)
        direction = np.full((columns, 1), columns**-0.5)
        y = labels * student @ direction + np.sqrt(1 - labels**2) * rng.standard_normal((n, 1))
        return audited({"teacher": teacher}, student, y)

    shared = gaussian_information((correlation,) * columns)
    return World(sample, shared - gaussian_information((labels,)))


def _classes(n: int, seed: int) -> Sample:
    """Teacher: the student with noise."""
    student, y = Mixture(2.0, (0.5, 0.3, 0.2), 3).sample(n, seed)
    noise = np.random.default_rng([seed, 7]).standard_normal(student.shape)
    return audited({"teacher": student + 2 * noise}, student, y)


def _balanced(correlation: float) -> World:
    """Five canonical pairs carry as much as one label: 1 - labels^2 = (1 - correlation^2)^5."""
    return _linear(correlation, float(np.sqrt(1 - (1 - correlation**2) ** 5)), 5)


WORLDS = {
    "joint Gaussian": _linear(0.6, 0.5, 2),
    "class mixture": World(_classes, None),
    "zero, weak": _balanced(0.4),
    "zero, strong": _balanced(0.65),
    "zero, 2 nats": _balanced(0.75),
}


@dataclass(frozen=True)
class Measurement:
    """What many samples of one world showed."""

    world: str
    n: int
    zero: bool
    """Whether the true gap is zero."""
    mean: float
    """Mean of the gap's estimates."""
    coverage: float
    """Share of gap intervals that cover that mean."""
    width: float
    """Mean width over that of a normal interval with the estimates' standard deviation."""
    truth: float
    """Share of verdict intervals that cover the true gap; NaN when it is not known."""
    passed: float
    failed: float
    """Shares of the verdicts."""

    def __str__(self) -> str:
        return (
            f"{self.world:<15} n={self.n:<5} mean {self.mean:+.3f}  covers the mean "
            f"{self.coverage:.3f} (width {self.width:.2f})  truth {self.truth:.3f}  "
            f"pass {self.passed:.3f}  fail {self.failed:.3f}"
        )


def measure(name: str, n: int, estimator: str = "ksg") -> Measurement:
    """Audit the representations of many samples."""
    world = WORLDS[name]
    found = [_audited(world.sample(n, seed), estimator, seed) for seed in range(REPLICATIONS)]
    estimates = np.array([one.gap.estimate for one in found])
    mean = estimates.mean()
    widths = [one.gap.high - one.gap.low for one in found]
    truth = np.nan
    if world.gap is not None:
        ranges = [one.verdict_interval for one in found]
        truth = np.mean([one.low <= world.gap <= one.high for one in ranges])
    return Measurement(
        world=name,
        n=n,
        zero=world.gap is not None and abs(world.gap) < 1e-9,
        mean=float(mean),
        coverage=float(np.mean([one.gap.low <= mean <= one.gap.high for one in found])),
        width=float(np.mean(widths) / (2 * 1.96 * estimates.std(ddof=1))),
        truth=float(truth),
        passed=float(np.mean([one.verdict == "pass" for one in found])),
        failed=float(np.mean([one.verdict == "fail" for one in found])),
    )


def _audited(sample: Sample, estimator: str, seed: int) -> EstimatorResult:
    """Judge one estimator on the representations, as `audit` does."""
    shared, own = ("teacher_student", "teacher", "student"), ("student_labels", "student")
    informations = [
        Information("representations", shared, sample.teachers["teacher"], sample.student),
        Information("representations", own, sample.student, sample.labels.values),
    ]
    settings = AuditSettings(estimator=(estimator,), jobs=1)
    with threadpool_limits(1):
        measured = estimate_all(
            informations, sample, settings, EstimatorSettings(), seed, lambda what, share: None
        )
    return judge_estimator(
        measured["representations", estimator, *shared],
        measured["representations", estimator, *own],
        sample,
        settings,
        stream(seed, "bootstrap"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("n", [300, 1000])
@pytest.mark.parametrize(
    "name",
    [
        *list(WORLDS)[:-1],
        pytest.param(
            "zero, 2 nats",
            marks=pytest.mark.xfail(
                strict=True,
                reason="false pass in 60 %: surrogates of nearly deterministic labels carry less "
                "information than the sample, hence too little bias",
            ),
        ),
    ],
)
def test_intervals_cover_and_verdicts_hold(name, n):
    found = measure(name, n)
    print(f"\n{found}")
    # Nominal 95 %; a share of 200 has a standard error of .015 there.
    assert found.coverage >= 0.90
    if found.zero:
        # Nominal 5 %: two standard errors above it.
        assert found.passed + found.failed <= 0.08

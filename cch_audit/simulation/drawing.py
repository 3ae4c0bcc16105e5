"""What `simulate` is asked for: rows whose informations are known, and a file that holds both."""

from pathlib import Path

from cch_audit import __version__
from cch_audit.errors import InputError
from cch_audit.randomness import stream
from cch_audit.results.files import check_absent
from cch_audit.sample import Sample
from cch_audit.settings import SimulateSettings
from cch_audit.simulation import families, truths
from cch_audit.simulation.asked import recipe
from cch_audit.simulation.gaussian import JointGaussian
from cch_audit.simulation.truths import Truths
from cch_audit.simulation.world import ClassPaired, world
from cch_audit.simulation.write import write_sample

DEFAULT_K = 0.5
DEFAULT_GAP = 0.5
MOST_TRAINED = 400
"""Training rows of `confirm` by default, if half the rows are not fewer."""


def write_drawn(path: Path, settings: SimulateSettings) -> tuple[Sample, Truths]:
    """Draw rows and write them, with what is known of them, into a file.

    Returns
    -------
    The rows and what is known: informations in nats, and what distillation does to a student.

    Raises
    ------
    InputError
        If the file exists and `force` is off, it cannot be written, or there is no population with
        these settings.
    """
    check_absent(path, force=settings.force)
    sample, known = _draw(settings)
    attributes = {
        "title": f"Simulated: {settings.kind}",
        "source": f"simulated by cch-audit {__version__}",
        "recipe": recipe(settings),
    }
    write_sample(sample, {**attributes, **known}, path, force=settings.force)
    return sample, known


def _draw(settings: SimulateSettings) -> tuple[Sample, Truths]:
    """Return the rows and what is known of them; more rows change no truth but the default's."""
    rows = stream(settings.seed, "rows")
    if settings.kind == "world":
        return world(settings.n, rows), truths.world_truths()
    if settings.kind == "classpaired":
        pairs = ClassPaired(n_classes=settings.classes)
        known = truths.classpaired_truths(pairs, stream(0, "truth"))  # the same for every seed
        return pairs.sample(settings.n, rows), known
    n_train = settings.train_size or min(settings.n // 2, MOST_TRAINED)
    if n_train <= settings.p2 + 1:
        raise InputError(
            f"`train_size`: {n_train} rows train no student of {settings.p2} columns; give it "
            f"{settings.p2 + 2} or more"
        )
    model = _population(settings)
    return model.sample(settings.n, rows), truths.gaussian_truths(model, n_train)


def _population(settings: SimulateSettings) -> JointGaussian:
    """Return the joint Gaussian that is asked for."""
    rng, r2 = stream(settings.seed, "population"), settings.student_r2
    p1, p2 = settings.p1, settings.p2
    match settings.family:
        case "exact":
            return families.exact(_k(settings), r2, p1, p2, rng)
        case "calibrated":
            gap = DEFAULT_GAP if settings.gap is None else settings.gap
            return families.calibrated(gap, settings.teacher_r2, r2, p1, p2, rng)
        case "random":
            return families.random(p1, p2, rng)
        case "negated":
            return families.negated(r2, p1, p2, rng)
        case "shrunk":
            return families.shrunk(r2, p1, p2, rng)
        case "noise":
            return families.noise(r2, p1, p2, rng)


def _k(settings: SimulateSettings) -> float:
    """Return the teacher's share of the noise, given or from the gap."""
    if settings.gap is None:
        return DEFAULT_K if settings.k is None else settings.k
    if settings.k is not None:
        raise InputError("`k` and `gap` say the same thing; give one of them")
    return families.exact_k(settings.gap, settings.student_r2)

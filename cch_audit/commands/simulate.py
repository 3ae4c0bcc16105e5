"""`cch-audit simulate`: files whose answer is known, and the theorem replayed."""

import sys
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cch_audit import __version__
from cch_audit.commands import terminal
from cch_audit.commands.ending import say
from cch_audit.commands.options import option_name, with_settings
from cch_audit.errors import ExitCode, InputError
from cch_audit.randomness import stream
from cch_audit.settings import SimulateSettings

if TYPE_CHECKING:
    from cch_audit.sample import Sample
    from cch_audit.simulation.gaussian import JointGaussian
    from cch_audit.simulation.truths import Truths

DEFAULT_K = 0.5
DEFAULT_GAP = 0.5
MOST_TRAINED = 400
"""Training rows of `confirm` by default, if half the rows are not fewer."""


GAUSSIAN, FILE = {"gaussian"}, {"gaussian", "world", "classpaired"}
USED_BY: Mapping[str, set[str]] = {
    "kind": FILE,
    "n": FILE,
    "force": FILE,
    "family": GAUSSIAN,
    "p1": GAUSSIAN,
    "p2": GAUSSIAN,
    "train_size": GAUSSIAN,
    "k": {"exact"},
    "gap": {"exact", "calibrated"},
    "teacher_r2": {"calibrated"},
    "student_r2": {"exact", "calibrated", "negated", "shrunk", "noise"},
    "classes": {"classpaired"},
    "populations": {"--verify"},
}
"""What an option needs to have an effect: a kind, a family or --verify."""


@with_settings(SimulateSettings)
def simulate(
    out: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            help="HDF5 file to write; none with --verify.",
            default_factory=lambda: None,
            show_default=False,
        ),
    ],
    settings: SimulateSettings,
) -> None:
    """Write a file whose answer is known, or replay the theorem.

    Prints what is known and stores it in the file's `truth_` attributes: the informations in nats
    and, for a joint Gaussian, what distillation does to a linear student. `check` prints the true
    informations beside its estimates. Exit codes: 0, or 1 if --verify finds a violation.
    """
    _refuse_idle_options(settings)
    if settings.verify:
        if out is not None:
            raise InputError(f"--verify writes no file; leave {str(out)!r} away")
        _verify(settings)
    if out is None:
        raise InputError("name the file to write, or add --verify")
    terminal.check_output(str(out), "OUT")
    from cch_audit.rendering.text import printable
    from cch_audit.simulation.write import check_absent, write_sample

    check_absent(out, force=settings.force)
    sample, truths = _draw(settings)
    attributes = {
        "title": f"Simulated: {settings.kind}",
        "source": f"simulated by cch-audit {__version__}",
        "recipe": _recipe(settings),
    }
    write_sample(sample, {**attributes, **truths}, out, force=settings.force)
    width = max(map(len, truths))
    lines = [f"{name:<{width}}  {_shown(value)}\n" for name, value in truths.items()]
    terminal.write("".join(lines), None)
    where = printable(str(out), unicode=terminal.shows_unicode(sys.stderr))
    say(f"wrote {where}: {sample.n_samples:,} rows")


def _verify(settings: SimulateSettings) -> NoReturn:
    """Replay the theorem and exit."""
    from cch_audit.rendering import draw
    from cch_audit.rendering.verification import document
    from cch_audit.simulation.verify import verify

    verification = verify(settings.populations, settings.seed)
    terminal.write(draw(document(verification), "table", **terminal.abilities(sys.stdout)), None)
    raise typer.Exit(ExitCode.PASS if verification.holds else ExitCode.FAIL)


def _draw(settings: SimulateSettings) -> "tuple[Sample, Truths]":
    """Return the rows and what is known of them; more rows change no truth but the default's."""
    from cch_audit.simulation import truths
    from cch_audit.simulation.world import ClassPaired, world

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
            f"--train-size: {n_train} rows train no student of {settings.p2} columns; give it "
            f"{settings.p2 + 2} or more"
        )
    model = _population(settings)
    return model.sample(settings.n, rows), truths.gaussian_truths(model, n_train)


def _population(settings: SimulateSettings) -> "JointGaussian":
    """Return the joint Gaussian that is asked for."""
    from cch_audit.simulation import families

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
    from cch_audit.simulation.families import exact_k

    if settings.gap is None:
        return DEFAULT_K if settings.k is None else settings.k
    if settings.k is not None:
        raise InputError("--k and --gap say the same thing; give one of them")
    return exact_k(settings.gap, settings.student_r2)


def _refuse_idle_options(settings: SimulateSettings) -> None:
    """Refuse options that differ from their default and would change nothing."""
    chosen = _chosen(settings)
    for f in fields(settings):
        users = USED_BY.get(f.name, chosen)
        if getattr(settings, f.name) != f.default and not users & chosen:
            raise InputError(
                f"{option_name(f.name)} changes nothing with {', '.join(sorted(chosen))}; it "
                f"belongs to {', '.join(sorted(users))}"
            )


def _chosen(settings: SimulateSettings) -> set[str]:
    """Return the names of what is wanted."""
    if settings.verify:
        return {"--verify"}
    return {settings.kind, settings.family} if settings.kind == "gaussian" else {settings.kind}


def _recipe(settings: SimulateSettings) -> str:
    """Return the options that decide what the file holds."""
    chosen = _chosen(settings)
    values = {f.name: getattr(settings, f.name) for f in fields(settings)}
    return " ".join(
        f"{option_name(name)} {format(value, 'g') if isinstance(value, float) else value}"
        for name, value in values.items()
        if value is not None
        and name not in ("force", "verify")
        and USED_BY.get(name, chosen) & chosen
    )


def _shown(value: float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:.6g}"

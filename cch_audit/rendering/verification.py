"""The replay of Theorem 1 as a table for people."""

from collections.abc import Iterator
from functools import partial

from rich.console import RenderableType
from rich.text import Text

from cch_audit.rendering.cells import Rows
from cch_audit.rendering.drawing import STYLES, Look, filled, grid, page
from cch_audit.simulation.verify import SMALL, Subset, Verification

MEANINGS = (
    ("criterion", "I(t;s) > I(s;y): t and s are the predictions of teacher and student"),
    ("violations", "the criterion is met, and a small weight does not help"),
    ("small", f"a weight of {SMALL:g}, which stands for every small one"),
    ("helps", "share in which distillation helps: the precision of doing it always"),
    ("precision", "share of those that meet the criterion in which it helps"),
    ("recall", "share of those in which it helps that meet the criterion"),
)


def render(verification: Verification, *, width: int, color: bool, unicode: bool) -> str:
    """Return the replay as text, ending in a newline; 80 columns are enough for every line."""
    return page(partial(_page, verification), width=width, color=color, unicode=unicode)


def _page(verification: Verification, look: Look) -> Iterator[RenderableType]:
    title = f"Theorem 1 on {verification.n_populations:,} random joint Gaussians"
    yield Text.assemble((title, "bold"), f" (seed {verification.seed})")
    yield Text(
        "n > p2 + 1, Var(t) <= Var(y) and I(t;s) > I(s;y) imply that a small weight of the "
        "teacher lowers the student's risk."
    )
    yield ""
    yield filled(_count_rows(verification), look)
    yield ""
    yield filled(_forecast_rows(verification), look)
    yield ""
    yield grid(MEANINGS)
    yield ""
    yield _verdict(verification)


def _subsets(verification: Verification) -> tuple[Subset, ...]:
    return verification.with_condition, verification.without_condition, verification.everything


def _count_rows(verification: Verification) -> Rows:
    """Return one row per kind of population."""
    headers = ("populations", "number", "criterion met", "violations")
    return Rows(
        headers,
        tuple(
            (
                subset.name,
                f"{subset.n_populations:,}",
                f"{subset.n_criterion:,}",
                f"{subset.violations:,}",
            )
            for subset in _subsets(verification)
        ),
    )


def _forecast_rows(verification: Verification) -> Rows:
    """Return one row per weight and kind of population."""
    return Rows(
        ("weight", "populations", "helps", "precision", "recall"),
        tuple(
            (
                "small" if found.weight == SMALL else f"{found.weight:g}",
                subset.name,
                *(f"{share:.3f}" for share in (found.helps, found.precision, found.recall)),
            )
            for group in zip(
                *[
                    [(subset, found) for found in subset.forecasting]
                    for subset in _subsets(verification)
                ],
                strict=True,
            )
            for subset, found in group
        ),
    )


def _verdict(verification: Verification) -> Text:
    """Say whether the theorem held."""
    n = verification.with_condition.violations
    word, tone = ("HOLDS", STYLES["good"]) if verification.holds else ("VIOLATED", STYLES["bad"])
    return Text.assemble(
        (word, tone),
        f": {n:,} of {verification.with_condition.n_criterion:,} populations that meet the "
        "criterion and Var(t) <= Var(y) violate the theorem",
    )

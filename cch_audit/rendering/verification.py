"""The replay of Theorem 1 as a document."""

from collections.abc import Sequence

from cch_audit.rendering import Look
from cch_audit.rendering.document import Badge, Document, Facts, Rows, Section, Text, as_rows
from cch_audit.simulation.verify import SMALL, Subset, Verification

MEANINGS = (
    ("criterion", "I(t;s) > I(s;y): t and s are the predictions of teacher and student"),
    ("violations", "the criterion is met, and a small weight does not help"),
    ("small", f"a weight of {SMALL:g}, which stands for every small one"),
    ("helps", "share in which distillation helps: the precision of doing it always"),
    ("precision", "share of those that meet the criterion in which it helps"),
    ("recall", "share of those in which it helps that meet the criterion"),
)


def document(verification: Verification, look: Look, pictures: bool = False) -> Document:
    """Return what the replay says."""
    n = verification.with_condition.violations
    badge = Badge("HOLDS", "good") if verification.holds else Badge("VIOLATED", "bad")
    n_met = verification.with_condition.n_criterion
    subsets = (verification.with_condition, verification.without_condition, verification.everything)
    title = f"Theorem 1 on {verification.n_populations:,} random joint Gaussians"
    parts = (
        Text(
            "n > p2 + 1, Var(t) <= Var(y) and I(t;s) > I(s;y) imply that a small weight of the "
            "teacher lowers the student's risk."
        ),
        _count_rows(subsets),
        _forecast_rows(subsets),
        Facts(MEANINGS),
    )
    return Document(
        title=f"{title} (seed {verification.seed})",
        headline=title,
        verdict=f"{badge.word}: {n:,} of {n_met:,} populations that meet "
        "the criterion and Var(t) <= Var(y) violate the theorem",
        badge=badge,
        sections=(Section("What came out", parts),),
    )


def _count_rows(subsets: Sequence[Subset]) -> Rows:
    """Return one row per kind of population."""
    return as_rows(
        subsets,
        [
            ("populations", lambda subset: subset.name),
            ("number", lambda subset: f"{subset.n_populations:,}"),
            ("criterion met", lambda subset: f"{subset.n_criterion:,}"),
            ("violations", lambda subset: f"{subset.violations:,}"),
        ],
    )


def _forecast_rows(subsets: Sequence[Subset]) -> Rows:
    """Return one row per weight and kind of population."""
    cells = []
    for position in range(len(subsets[0].forecasting)):
        for subset in subsets:
            found = subset.forecasting[position]
            weight = "small" if found.weight == SMALL else f"{found.weight:g}"
            shares = (f"{share:.3f}" for share in (found.helps, found.precision, found.recall))
            cells.append((weight, subset.name, *shares))
    return Rows(("weight", "populations", "helps", "precision", "recall"), tuple(cells))

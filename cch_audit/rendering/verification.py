"""The replay of Theorem 1 as a document."""

from cch_audit.rendering import Look
from cch_audit.rendering.document import Badge, Document, Facts, Rows, Section, Text
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
    title = f"Theorem 1 on {verification.n_populations:,} random joint Gaussians"
    parts = (
        Text(
            "n > p2 + 1, Var(t) <= Var(y) and I(t;s) > I(s;y) imply that a small weight of the "
            "teacher lowers the student's risk."
        ),
        _count_rows(verification),
        _forecast_rows(verification),
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

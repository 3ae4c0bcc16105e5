"""Theorem 1 against closed forms on many random joint Gaussians.

Theorem 1, our version: n > p2 + 1, Var(t) <= Var(y) and I(t; s) > I(s; y) imply that a small weight
of the teacher lowers the student's risk. It says nothing of large weights, and nothing of teachers
whose predictions vary more than the labels.
"""

from dataclasses import dataclass

import numpy as np

from cch_audit.rows import BoolArray
from cch_audit.simulation import families
from cch_audit.simulation.risk import change

SMALL = 1e-6
"""The weight that stands for every small one."""
WEIGHTS = (0.1, 0.5, 2.0)
MOST_COLUMNS = 8


@dataclass(frozen=True)
class Forecasting:
    """How well the criterion foretold that distillation at one weight lowers the risk."""

    weight: float
    helps: float
    """Share of populations in which it does: the precision of always distilling."""
    precision: float
    """Share of those that meet the criterion in which it does."""
    recall: float
    """Share of those in which it does that meet the criterion."""


@dataclass(frozen=True)
class Subset:
    """The populations of one kind."""

    name: str
    n_populations: int
    n_criterion: int
    """Those with I(t; s) > I(s; y)."""
    violations: int
    """Those of them in which a small weight does not help."""
    forecasting: tuple[Forecasting, ...]
    """One entry per weight, the small one first."""


@dataclass(frozen=True)
class Verification:
    """What a replay of Theorem 1 found."""

    n_populations: int
    seed: int
    with_condition: Subset
    """Populations with Var(t) <= Var(y), of which the theorem speaks."""
    without_condition: Subset
    """Populations with Var(t) > Var(y)."""
    everything: Subset

    @property
    def holds(self) -> bool:
        """Whether no population violates the theorem."""
        return self.with_condition.violations == 0


def verify(n_populations: int, seed: int) -> Verification:
    """Compare criterion and outcome on random populations and training sizes.

    p1 and p2 are uniform on 1..8, n - p2 - 2 is log-uniform on 1..1000, less 1; the populations
    are those of `families.random`.
    """
    rng = np.random.default_rng(seed)
    weights = (SMALL, *WEIGHTS)
    criterion, condition = np.empty((2, n_populations), dtype=bool)
    helps = np.empty((n_populations, len(weights)), dtype=bool)
    for i in range(n_populations):
        p1, p2 = rng.integers(1, MOST_COLUMNS + 1, size=2).tolist()
        model = families.random(p1, p2, rng)
        n_train = p2 + 1 + int(10 ** rng.uniform(0, 3))
        criterion[i], condition[i] = model.criterion, model.variance_condition
        helps[i] = [change(model, weight, n_train) < 0 for weight in weights]

    def subset(name: str, kept: BoolArray) -> Subset:
        meets = criterion[kept]
        return Subset(
            name=name,
            n_populations=len(meets),
            n_criterion=int(meets.sum()),
            violations=int((meets & ~helps[kept, 0]).sum()),
            forecasting=tuple(
                Forecasting(
                    weight=weight,
                    helps=_share(outcome, np.ones_like(outcome)),
                    precision=_share(outcome, meets),
                    recall=_share(meets, outcome),
                )
                for weight, outcome in zip(weights, helps[kept].T, strict=True)
            ),
        )

    return Verification(
        n_populations=n_populations,
        seed=seed,
        with_condition=subset("Var(t) <= Var(y)", condition),
        without_condition=subset("Var(t) > Var(y)", ~condition),
        everything=subset("all", np.ones(n_populations, dtype=bool)),
    )


def _share(hits: BoolArray, among: BoolArray) -> float:
    """Return the share of `among` that are hits; nan of none."""
    return float(hits[among].mean()) if among.any() else np.nan

from dataclasses import replace

import numpy as np
import pytest

from cch_audit.rendering import render
from cch_audit.simulation.verify import SMALL, Verification, verify


@pytest.fixture(scope="module")
def verification() -> Verification:
    return verify(4000, seed=3)


@pytest.mark.slow
def test_theorem_1_has_no_violation(verification):
    kept = verification.with_condition
    assert kept.violations == 0
    assert verification.holds
    # It could have had some: the criterion is met, and small weights do not always help.
    assert kept.n_criterion > 300
    assert kept.forecasting[0].helps < 0.998
    assert kept.forecasting[0].precision == 1


@pytest.mark.slow
def test_without_its_condition_the_theorem_is_false(verification):
    assert verification.without_condition.violations > 5
    assert verification.without_condition.forecasting[0].precision < 1


@pytest.mark.slow
def test_at_large_weights_the_criterion_is_often_wrong(verification):
    precisions = [found.precision for found in verification.with_condition.forecasting]
    assert precisions == sorted(precisions, reverse=True)
    assert precisions[-1] < 0.6


def test_subsets_make_up_the_whole(verification):
    parts = verification.with_condition, verification.without_condition
    whole = verification.everything
    assert sum(part.n_populations for part in parts) == whole.n_populations == 4000
    assert sum(part.n_criterion for part in parts) == whole.n_criterion
    for position, found in enumerate(whole.forecasting):
        inner = [part.forecasting[position] for part in parts]
        right = [part.n_criterion * f.precision for part, f in zip(parts, inner)]
        helped = [part.n_populations * f.helps for part, f in zip(parts, inner)]
        assert sum(right) / whole.n_criterion == pytest.approx(found.precision)
        assert sum(helped) / whole.n_populations == pytest.approx(found.helps)
        assert sum(right) / sum(helped) == pytest.approx(found.recall)
    assert [found.weight for found in whole.forecasting] == [SMALL, 0.1, 0.5, 2.0]


def test_theorem_1_on_every_kind_of_three_scalars():
    """The theorem with formulas of its own: uniform correlations and every size of t.

    Correlations (t, s, y) are uniform on the positive definite ones with corr(s, y) > 0; Var(y) = 1
    and s = E[y | s], so Var(s) = corr(s, y)^2. Only rounding could make a violation.
    """
    rng = np.random.default_rng(0)
    ts, sy, ty = rng.uniform(-1, 1, (3, 1_000_000))
    sy = np.abs(sy)
    kept = 1 + 2 * ts * sy * ty - ts**2 - sy**2 - ty**2 > 0
    ts, sy, ty = ts[kept], sy[kept], ty[kept]
    sd_t = rng.uniform(0, 2, len(ts))
    # g = E[(y - t)(y - s)] = 1 - Cov(t, y) - Cov(y, s) + Cov(t, s)
    g = 1 - sd_t * ty - sy**2 + sd_t * ts * sy
    criterion, condition = np.abs(ts) > sy, sd_t <= 1
    assert len(ts) > 500_000
    assert (g < -1e-9)[condition & ~criterion].any()
    assert (g < -1e-9)[criterion & ~condition].any()
    assert not (g < -1e-9)[criterion & condition].any()


def test_the_seed_decides():
    assert verify(100, seed=1) == verify(100, seed=1)
    assert verify(100, seed=1) != verify(100, seed=2)


def test_the_table_fits_80_columns_in_ascii(verification):
    text = render(verification, width=80, color=False, unicode=False)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    assert text.endswith("theorem\n")
    assert "HOLDS: 0 of" in text
    kept = verification.with_condition
    counts = f"{kept.n_populations:,}", f"{kept.n_criterion:,}", "0"
    (line,) = [line for line in text.splitlines() if line.startswith("Var(t) <= Var(y)")]
    assert line.removeprefix("Var(t) <= Var(y)").split() == list(counts)
    for found in kept.forecasting:
        assert f"{found.precision:.3f}" in text


def test_the_table_says_when_the_theorem_is_violated(verification):
    bad = replace(verification, with_condition=replace(verification.with_condition, violations=2))
    assert "VIOLATED: 2 of" in render(bad, width=80, color=False, unicode=True)


def test_the_table_has_colour_only_if_asked(verification):
    assert "\x1b[" in render(verification, width=80, color=True, unicode=True)
    assert "\x1b" not in render(verification, width=80, color=False, unicode=True)

"""Shares of trials with exact intervals and tests, which take the trials as independent."""

from scipy.stats import binomtest

from cch_audit.evidence.results import Comparison, Share
from cch_audit.rows import BoolArray


def share(count: int, total: int, confidence_level: float) -> Share:
    """Return count / total with the exact interval of Clopper and Pearson (1934).

    Of no trials nothing is defined.
    """
    if total == 0:
        return Share(None, None, None, count, total)
    interval = binomtest(count, total).proportion_ci(confidence_level, method="exact")
    return Share(count / total, float(interval.low), float(interval.high), count, total)


def against_chance(right: Share) -> Comparison | None:
    """Say whether the interval of a share lies above or below 1/2, or includes it."""
    if right.low is None or right.high is None:
        return None
    if right.low > 0.5:
        return "better"
    return "worse" if right.high < 0.5 else "open"


def against_trivial(
    says_yes: BoolArray, helps: BoolArray, confidence_level: float
) -> Comparison | None:
    """Compare a forecaster with the better of always and never saying yes on the same trials.

    An exact sign test of the trials in which it is right and the trivial rule wrong, or the other
    way round (McNemar 1947). Where always and never do equally well, it must differ from both.

    Parameters
    ----------
    says_yes, helps : (n_trials,) forecast and outcome
    confidence_level : one less the level of the test
    """
    if len(helps) == 0:
        return None
    right = says_yes == helps
    best = max(helps.sum(), (~helps).sum())
    # Always saying yes differs from the forecaster where that says no, and never where it says yes.
    differing = [
        differs
        for differs, n_right in ((~says_yes, helps.sum()), (says_yes, (~helps).sum()))
        if n_right == best
    ]
    if not all(_beyond_chance(right[differs], confidence_level) for differs in differing):
        return "open"
    return "better" if right.sum() > best else "worse"


def _beyond_chance(right: BoolArray, confidence_level: float) -> bool:
    """Return whether trials are right, or wrong, more often than by tosses of a coin."""
    if len(right) == 0:
        return False
    return bool(binomtest(int(right.sum()), len(right)).pvalue <= 1 - confidence_level)

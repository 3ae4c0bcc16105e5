"""Which rows are kept when there are more than can be audited?"""

import numpy as np

from cch_audit.errors import InputError
from cch_audit.rows import IntArray


def choose_rows(
    n_rows: int,
    max_samples: int,
    strata: IntArray | None,
    groups: IntArray | None,
    rng: np.random.Generator,
) -> IntArray:
    """Draw a random subsample, in proportion within strata and by whole groups.

    Without groups each stratum keeps its share to within one row. With groups each group counts to
    the stratum most of its rows belong to, shares hold as closely as whole groups allow, and a
    group that does not fit any more is left out.

    Parameters
    ----------
    n_rows : rows to choose from
    max_samples : most rows to keep
    strata : codes (n_rows,) from 0, or None for one stratum
    groups : codes (n_rows,) from 0 of rows that stay together, or None if each row is on its own
    rng : the stream of random numbers

    Returns
    -------
    Row numbers in ascending order.

    Raises
    ------
    InputError
        A single group is larger than `max_samples`.
    """
    if n_rows <= max_samples:
        return np.arange(n_rows)
    if strata is None:
        strata = np.zeros(n_rows, dtype=np.int64)
    if groups is None:
        return _choose_single(max_samples, strata, rng)
    return _choose_groups(max_samples, strata, groups, rng)


def _choose_single(max_samples: int, strata: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw rows from each stratum, its share rounded by largest remainder."""
    share = np.bincount(strata) * max_samples / len(strata)
    quota = share.astype(np.int64)
    by_remainder = np.argsort(quota - share, kind="stable")
    quota[by_remainder[: max_samples - quota.sum()]] += 1
    drawn = [
        rng.permutation(np.flatnonzero(strata == stratum))[:size]
        for stratum, size in enumerate(quota)
    ]
    return np.sort(np.concatenate(drawn))


def _choose_groups(
    max_samples: int, strata: IntArray, groups: IntArray, rng: np.random.Generator
) -> IntArray:
    """Take whole groups in an order that mixes the strata evenly, while they fit."""
    sizes = np.bincount(groups)
    if sizes.max() > max_samples:
        raise InputError(
            f"the largest group has {sizes.max():,} rows, more than `max_samples` {max_samples:,}, "
            "and a group is never split; raise `max_samples`, or name finer `groups`"
        )
    stratum = _majority(strata, groups)
    shuffled = rng.permutation(len(sizes))
    # A group's place is the share of its stratum's rows that come before its middle: any first part
    # of this order holds nearly the same share of each stratum.
    place = np.empty(len(sizes))
    for code in range(strata.max() + 1):
        members = shuffled[stratum[shuffled] == code]
        ends = np.cumsum(sizes[members])
        place[members] = (ends - sizes[members] / 2) / ends[-1:]
    is_kept = np.zeros(len(sizes), dtype=np.bool_)
    n_kept = 0
    for group in shuffled[np.argsort(place[shuffled], kind="stable")]:
        if n_kept + sizes[group] <= max_samples:
            is_kept[group] = True
            n_kept += sizes[group]
    return np.flatnonzero(is_kept[groups])


def _majority(strata: IntArray, groups: IntArray) -> IntArray:
    """Return for each group the stratum that most of its rows belong to."""
    n_strata = strata.max() + 1
    pairs, counts = np.unique(groups * n_strata + strata, return_counts=True)
    majority = np.empty(groups.max() + 1, dtype=np.int64)
    ascending = pairs[np.argsort(counts, kind="stable")]
    majority[ascending // n_strata] = ascending % n_strata  # the last assignment stays
    return majority

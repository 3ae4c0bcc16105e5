"""Ranks of values, equal ones averaged."""

from cch_audit.estimators.compiled import kernel


@kernel()
def place_scores(rows, order, table, out):  # type: ignore[no-untyped-def]
    """Write for each value of each row, (m, n), what a table has at twice its rank.

    `order` (m, n) are the places of the values, the smallest first, and ranks begin at 1.
    """
    n = rows.shape[1]
    for i in range(len(rows)):
        first = 0
        while first < n:
            last, value = first, rows[i, order[i, first]]
            while last + 1 < n and rows[i, order[i, last + 1]] == value:
                last += 1
            score = table[first + last + 2]
            for place in range(first, last + 1):
                out[i, order[i, place]] = score
            first = last + 1

"""How much memory an audit needs, and whether that is there, before it begins."""

from cch_audit.auditing.measurement import n_jobs
from cch_audit.errors import InputError
from cch_audit.estimators import find, memory
from cch_audit.reading.memory import free_memory
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings

OF_TORCH, OF_TRAINING = 150e6, 200e6
"""Bytes that torch takes when it is loaded, and when it first trains."""


def check_memory(sample: Sample, settings: AuditSettings, estimators: EstimatorSettings) -> None:
    """Refuse to begin what the memory that is free cannot hold.

    Raises
    ------
    InputError
        With what is needed, what is free, and what would fit.
    """
    names = settings.estimator
    width = max(x.shape[1] for x in sample.teachers.values()) + sample.student.shape[1]
    of_training = OF_TORCH + OF_TRAINING if any(find(name).trains for name in names) else 0.0

    def needed(n_samples: int, jobs: int) -> float:
        # The largest tasks side by side.
        return (
            jobs * max(memory(name, n_samples, width, estimators) for name in names) + of_training
        )

    n, jobs, free = sample.n_samples, n_jobs(settings), free_memory()
    if needed(n, jobs) <= free:
        return
    fewer = next((rows for rows in range(n // 100 * 100, 0, -100) if needed(rows, 1) <= free), None)
    if jobs > 1 and needed(n, 1) <= free:
        remedy = "use `jobs` 1"
    elif fewer is not None and fewer < n:
        remedy = f"use `max_samples` {fewer}{' `jobs` 1' if jobs > 1 else ''}"
    else:
        remedy = "free some, or audit fewer columns"
    raise InputError(
        f"{n} rows need about {needed(n, jobs) / 1e6:.0f} MB of memory, and "
        f"{max(free, 0) / 1e6:.0f} MB are free; {remedy}"
    )

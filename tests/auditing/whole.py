"""An audit from its sample to its results, without a command around it."""

from threadpoolctl import threadpool_limits

from cch_audit.auditing.judging import judge_teachers
from cch_audit.auditing.measurement import Progress, measure
from cch_audit.auditing.parts import Parts
from cch_audit.results import Audit
from cch_audit.sample import Sample
from cch_audit.settings import AuditSettings, EstimatorSettings


def audit(
    sample: Sample,
    settings: AuditSettings,
    estimators: EstimatorSettings,
    seed: int,
    progress: Progress = lambda what, share: None,
) -> tuple[Audit, ...]:
    """Audit every teacher of a sample against its student."""
    with threadpool_limits(1):
        parts = Parts(sample.dependence, estimators, seed)
        measured = measure(sample, settings, parts, progress)
        return judge_teachers(sample, measured, settings, parts)

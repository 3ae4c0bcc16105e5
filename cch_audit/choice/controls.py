"""Teachers that teach nothing: they show which columns of a ranking can be fooled."""

from dataclasses import replace

import numpy as np

from cch_audit.auditing.log_odds import class_logits
from cch_audit.auditing.measurement import predict
from cch_audit.auditing.parts import Parts
from cch_audit.choice.baselines import score
from cch_audit.randomness import stream
from cch_audit.sample import Sample


def add_controls(sample: Sample, parts: Parts, n_jobs: int) -> Sample:
    """Return the sample with four more teachers.

    A copy of the student; the strongest teacher with its rows shuffled; the same with its rows in
    place and its predictions about the wrong class (targets: mirrored at their mean); and noise.
    """
    predictions = predict(sample, parts, n_jobs)
    strongest = max(sample.teachers, key=lambda name: score(sample.labels, predictions[name]))
    rng = stream(parts.seed, "controls")
    best = sample.teachers[strongest]
    copy = f"control: copy of {sample.student_name}"
    told = predictions[strongest]
    if sample.labels.kind == "classes":
        permuted, wrong = "classes permuted", np.roll(class_logits(told), 1, axis=1)
    else:
        permuted, wrong = "predictions mirrored", 2 * told.mean(axis=0) - told
    misled = f"control: {strongest}, {permuted}"
    controls = {
        copy: sample.student,
        f"control: {strongest}, rows shuffled": best[rng.permutation(sample.n_samples)],
        misled: best,
        "control: noise": rng.standard_normal(sample.student.shape),
    }
    own = {misled: wrong}
    if sample.student_name in sample.predictions:
        own[copy] = sample.predictions[sample.student_name]
    return replace(
        sample,
        teachers={**sample.teachers, **controls},
        predictions={**sample.predictions, **own},
        controls=tuple(controls),
    )

"""What is known of a simulated sample, by the root attribute it is stored under."""

from collections.abc import Mapping

import numpy as np
import scipy.special

from cch_audit.rows import FloatArray
from cch_audit.simulation.gaussian import JointGaussian
from cch_audit.simulation.information import gaussian_information
from cch_audit.simulation.risk import best_gain, best_weight, change, risk
from cch_audit.simulation.world import STEEPNESS, STUDENT, TEACHERS, ClassPaired, View

Truths = Mapping[str, float | int | bool]

WEIGHTS = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 1.0, 2.0)
"""Weights of the teacher whose change of the risk is stored."""
N_NODES, DECIMALS = 120, 9
"""Quadrature nodes, and the decimals that no longer change with more of them."""
MONTE_CARLO_ROWS = 200_000
"""The standard error of an information of the class-paired world is below .003 nats."""


def gaussian_truths(model: JointGaussian, n_train: int) -> Truths:
    """Return informations in nats at both levels, and what distillation does in n_train rows.

    `truth_change_<weight>` is R(weight) - R(0), below zero where distillation helps; the student
    has no intercept.
    """
    return {
        "truth_teacher_student": model.teacher_student,
        "truth_student_labels": model.student_labels,
        "truth_predictions_teacher_student": model.predictions_teacher_student,
        "truth_predictions_student_labels": model.predictions_student_labels,
        "truth_teacher_labels": model.teacher_labels,
        "truth_teacher_labels_given_student": model.teacher_labels_given_student,
        "truth_teacher_student_given_labels": model.teacher_student_given_labels,
        "truth_label_variance": model.var_y,
        "truth_teacher_prediction_variance": model.var_t,
        "truth_variance_condition": model.variance_condition,
        "truth_g": model.g,
        "truth_train_size": n_train,
        "truth_risk": risk(model, 0.0, n_train),
        "truth_best_weight": best_weight(model, n_train),
        "truth_best_gain": best_gain(model, n_train),
        **{f"truth_change_{weight:g}": change(model, weight, n_train) for weight in WEIGHTS},
    }


def world_truths() -> Truths:
    """Return the informations of the world; those of a teacher end in its name.

    Teacher and student are jointly Gaussian. A modality speaks of the label through z alone, so
    I(modality; labels) is that of E[z | modality], by quadrature. Every linear prediction of the
    label is a multiple of E[z | modality], which gives the level of predictions.
    """
    covariance, columns = _world_covariance()
    student = columns.pop("student")
    truths = {
        "truth_student_labels": _label_information(covariance, student),
        "truth_predictions_student_labels": _label_information(covariance, student),
    }
    for name, teacher in columns.items():
        both = [*teacher, *student]
        of_labels = _label_information(covariance, teacher)
        truths |= {
            f"truth_teacher_student_{name}": gaussian_information(covariance, teacher, student),
            f"truth_predictions_teacher_student_{name}": _prediction_information(
                covariance, teacher, student
            ),
            f"truth_teacher_labels_{name}": of_labels,
            f"truth_teacher_labels_given_student_{name}": _label_information(covariance, both)
            - truths["truth_student_labels"],
        }
    return truths


def classpaired_truths(pairs: ClassPaired, rng: np.random.Generator) -> Truths:
    """Return the informations of the negative control, by Monte Carlo.

    The gap is -I(student; labels | teacher), so it is at most `truth_largest_gap` = 0.
    """
    sample = pairs.sample(MONTE_CARLO_ROWS, rng)
    y = sample.labels.values.astype(np.int64)
    of_teacher = _log_posterior(sample.teachers["teacher"], pairs.centres(pairs.teacher_distance))
    of_student = _log_posterior(sample.student, pairs.centres(pairs.student_distance))
    # p(x1, x2) / (p(x1) p(x2)) = sum over y of p(y | x1) p(y | x2) / p(y).
    both = of_teacher + of_student + np.log(pairs.n_classes)
    ratio = scipy.special.logsumexp(both, axis=1)
    own = np.arange(len(y)), y
    return {
        "truth_teacher_student": float(ratio.mean()),
        "truth_student_labels": float(of_student[own].mean() + np.log(pairs.n_classes)),
        "truth_teacher_labels": float(of_teacher[own].mean() + np.log(pairs.n_classes)),
        "truth_teacher_student_given_labels": 0.0,
        "truth_largest_gap": 0.0,
    }


def _world_covariance() -> tuple[FloatArray, dict[str, list[int]]]:
    """Return the covariance of z and all modalities, and each modality's columns."""
    views: dict[str, View] = {"student": STUDENT, **TEACHERS}
    loadings = np.hstack([np.eye(len(STUDENT.loadings), 1), *(v.loadings for v in views.values())])
    noise = np.concatenate([[0.0], *(view.noise for view in views.values())])
    ends = np.cumsum([1, *(len(view.noise) for view in views.values())])
    columns = {name: list(range(*ends[i : i + 2])) for i, name in enumerate(views)}
    columns["copy"] = columns["student"]
    return loadings.T @ loadings + np.diag(noise**2), columns


def _label_information(covariance: FloatArray, columns: list[int]) -> float:
    """Return I(columns; y) for y drawn from the logistic function of z, column 0.

    Given the columns, z is normal around m = E[z | columns] with variance 1 - Var(m); so
    I = log 2 - E[h(P(y = 1 | m))] with the binary entropy h.
    """
    weights = _label_weights(covariance, columns)
    explained = float(weights @ covariance[columns, 0])
    nodes, mass = np.polynomial.hermite_e.hermegauss(N_NODES)
    mass = mass / mass.sum()
    z = np.sqrt(explained) * nodes[:, None] + np.sqrt(1 - explained) * nodes
    chance = scipy.special.expit(STEEPNESS * z) @ mass
    entropy = scipy.special.entr(chance) + scipy.special.entr(1 - chance)
    return round(float(np.log(2) - entropy @ mass), DECIMALS)


def _prediction_information(
    covariance: FloatArray, teacher: list[int], student: list[int]
) -> float:
    """Return I(E[z | teacher]; E[z | student])."""
    weights = np.zeros((len(covariance), 2))
    for prediction, columns in enumerate((teacher, student)):
        weights[columns, prediction] = _label_weights(covariance, columns)
    return gaussian_information(weights.T @ covariance @ weights, [0], [1])


def _label_weights(covariance: FloatArray, columns: list[int]) -> FloatArray:
    """Return the weights of E[z | columns]; a copied column does no harm."""
    block = covariance[np.ix_(columns, columns)]
    return np.asarray(np.linalg.pinv(block, hermitian=True) @ covariance[columns, 0])


def _log_posterior(x: FloatArray, centres: FloatArray) -> FloatArray:
    """Return log p(y | x) for equally likely unit Gaussians, (n_samples, n_classes)."""
    scores = x @ centres.T - (centres**2).sum(axis=1) / 2
    return np.asarray(scores - scipy.special.logsumexp(scores, axis=1, keepdims=True))

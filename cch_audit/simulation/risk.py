"""What distillation does to a linear student in the joint Gaussian model, in closed form.

The student is least squares of the mixed target (y + weight t) / (1 + weight) on x2 in n_train rows
without intercept, the minimiser of |y - w'x2|^2 + weight |t - w'x2|^2 (Xie, Xu and Sanguinetti
2025, arXiv 2510.13182). Its risk is the expected squared error on new rows; the formulas are
derived in this project and hold for n_train > p2 + 1.
"""

import numpy as np

from cch_audit.simulation.gaussian import JointGaussian


def risk(model: JointGaussian, weight: float, n_train: int) -> float:
    """Return R(weight), the student's expected squared error.

    Var(y|x2) + (weight / (1 + weight))^2 D + kappa (Var(y|x2) + 2 weight Cov(t,y|x2)
    + weight^2 Var(t|x2)) / (1 + weight)^2.
    """
    noise = model.residual_y + 2 * weight * model.residual_ty + weight**2 * model.residual_t
    extra = weight**2 * model.distance + kappa(model, n_train) * noise
    return model.residual_y + extra / (1 + weight) ** 2


def change(model: JointGaussian, weight: float, n_train: int) -> float:
    """Return R(weight) - R(0) = (weight^2 A - 2 weight B) / (1 + weight)^2; below 0 it helps.

    A = D + kappa (Var(t|x2) - Var(y|x2)) and B = kappa g.
    """
    a, b = _coefficients(model, n_train)
    return (weight**2 * a - 2 * weight * b) / (1 + weight) ** 2


def best_weight(model: JointGaussian, n_train: int) -> float:
    """Return the weight of least risk: B / (A + B); 0 where B <= 0, infinite where A + B <= 0 < B.

    Where B <= 0 no weight helps: A < 0 would need Var(t|x2) < Var(y|x2), hence Cov(t,y|x2) <
    Var(y|x2) by Cauchy and Schwarz, hence B > 0.
    """
    a, b = _coefficients(model, n_train)
    if b <= 0:
        return 0.0
    return b / (a + b) if a + b > 0 else np.inf


def best_gain(model: JointGaussian, n_train: int) -> float:
    """Return R(0) - R(best weight): B^2 / (A + 2 B), or -A at an infinite weight."""
    a, b = _coefficients(model, n_train)
    if b <= 0:
        return 0.0
    return b**2 / (a + 2 * b) if a + b > 0 else -a


def kappa(model: JointGaussian, n_train: int) -> float:
    """Return p2 / (n_train - p2 - 1), the price of estimating p2 weights."""
    if n_train <= model.p2 + 1:
        raise ValueError(f"the risk is finite for n_train > p2 + 1 = {model.p2 + 1} only")
    return model.p2 / (n_train - model.p2 - 1)


def _coefficients(model: JointGaussian, n_train: int) -> tuple[float, float]:
    """Return A and B."""
    price = kappa(model, n_train)
    return model.distance + price * (model.residual_t - model.residual_y), price * model.g

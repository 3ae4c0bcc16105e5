"""Pairs of variables that know the density ratio between them, hence their information.

The mean of log p(x, y) / (p(x) p(y)) over the population is the mutual information. So each one
here writes that ratio down, the closed form too where there is one, and either checks the other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, i0, i1, log_softmax, logsumexp
from scipy.stats import norm

from cch_audit.rows import FloatArray, IntArray

Draw = tuple[FloatArray, FloatArray | IntArray]


@dataclass(frozen=True)
class Population:
    """Two variables with a known joint distribution."""

    sample: Callable[[int, np.random.Generator], Draw]
    """Rows (n, d) of the first and rows (n, q) or class codes (n,) of the second variable."""
    log_ratio: Callable[[FloatArray, FloatArray | IntArray], FloatArray]
    """log p(x, y) / (p(x) p(y)) of each row, nats."""
    information: float | None = None
    """Its mean in closed form; None where there is none."""


def gaussian(covariance: FloatArray, d: int) -> Population:
    """Return a joint Gaussian whose first d coordinates are x and the rest y."""
    root = np.linalg.cholesky(covariance)
    blocks = [covariance, covariance[:d, :d], covariance[d:, d:]]
    inverses = [np.linalg.inv(block) for block in blocks]
    information = 0.5 * float(np.dot([-1, 1, 1], [np.linalg.slogdet(b)[1] for b in blocks]))

    def sample(n: int, rng: np.random.Generator) -> Draw:
        both = rng.standard_normal((n, len(covariance))) @ root.T
        return both[:, :d], both[:, d:]

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        joint, of_x, of_y = map(_quadratic, (np.hstack([x, y]), x, y), inverses)
        return information - 0.5 * (joint - of_x - of_y)

    return Population(sample, log_ratio, information)


def correlated(correlations: tuple[float, ...], private: int = 0) -> Population:
    """Return standard normal pairs with these correlations, and private coordinates beside."""
    return gaussian(paired_covariance(correlations, private), len(correlations) + private)


def student(covariance: FloatArray, d: int, freedom: float) -> Population:
    """Return a joint Student t: heavy tails, and dependence even where nothing is correlated.

    All coordinates share one chi-squared divisor. The information is that of the Gaussian plus a
    constant of the degrees of freedom (Arellano-Valle, Contreras-Reyes and Genton 2013, section 3),
    here as the difference of the entropies.
    """
    normal, size = gaussian(covariance, d), len(covariance)
    root = np.linalg.cholesky(covariance)
    blocks = [covariance, covariance[:d, :d], covariance[d:, d:]]
    inverses = [np.linalg.inv(block) for block in blocks]

    def log_constant(m: int) -> float:
        normaliser = gammaln((freedom + m) / 2) - gammaln(freedom / 2)
        return float(normaliser - m / 2 * np.log(freedom * np.pi))

    def entropy(m: int) -> float:
        half = (freedom + m) / 2
        return float(half * (digamma(half) - digamma(freedom / 2))) - log_constant(m)

    assert normal.information is not None
    gaussian_part = normal.information
    constant = log_constant(size) - log_constant(d) - log_constant(size - d)

    def sample(n: int, rng: np.random.Generator) -> Draw:
        both = rng.standard_normal((n, size)) @ root.T
        both /= np.sqrt(rng.chisquare(freedom, (n, 1)) / freedom)
        return both[:, :d], both[:, d:]

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        tails = [
            (freedom + rows.shape[1]) / 2 * np.log1p(_quadratic(rows, inverse) / freedom)
            for rows, inverse in zip((np.hstack([x, y]), x, y), inverses)
        ]
        return gaussian_part + constant - tails[0] + tails[1] + tails[2]

    dispersion = entropy(d) + entropy(size - d) - entropy(size)
    return Population(sample, log_ratio, gaussian_part + dispersion)


def additive_uniform(reach: float) -> Population:
    """Return x uniform on [0, 1] and y = x + noise uniform on [-reach, reach].

    The information is reach - log(2 reach) up to reach 1/2 and 1 / (4 reach) from there.
    """

    def sample(n: int, rng: np.random.Generator) -> Draw:
        x = rng.uniform(size=(n, 1))
        return x, x + rng.uniform(-reach, reach, size=(n, 1))

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        # p(y | x) / p(y), where p(y) is the part of [0, 1] within reach, over 2 reach.
        overlap = np.minimum(y + reach, 1.0) - np.maximum(y - reach, 0.0)
        return np.where(np.abs(y - x) <= reach, -np.log(overlap), -np.inf)[:, 0]

    closed = reach - np.log(2 * reach) if reach <= 0.5 else 1 / (4 * reach)
    return Population(sample, log_ratio, float(closed))


def random_signs(correlation: float, pairs: int) -> Population:
    """Return pairs whose correlation is plus or minus `correlation` by a coin: on average none."""

    def sample(n: int, rng: np.random.Generator) -> Draw:
        x, noise = rng.standard_normal((2, n, pairs))
        signs = rng.choice([-1.0, 1.0], size=(n, pairs))
        return x, signs * correlation * x + np.sqrt(1 - correlation**2) * noise

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        spread = np.sqrt(1 - correlation**2)
        either = [norm.logpdf(y, sign * correlation * x, spread) for sign in (-1, 1)]
        return np.asarray((np.logaddexp(*either) - np.log(2) - norm.logpdf(y)).sum(axis=1))

    return Population(sample, log_ratio)


def independent(x_columns: int, y_columns: int, classes: int = 0) -> Population:
    """Return standard normal sides, or classes equally likely, that share nothing."""

    def sample(n: int, rng: np.random.Generator) -> Draw:
        x = rng.standard_normal((n, x_columns))
        return x, rng.integers(classes, size=n) if classes else rng.standard_normal((n, y_columns))

    return Population(sample, lambda x, y: np.zeros(len(x)), 0.0)


@dataclass(frozen=True)
class Clusters:
    """Gaussian classes of unit variance."""

    means: FloatArray
    """(K, d)"""
    chances: FloatArray
    """(K,)"""

    @classmethod
    def drawn(cls, distance: float, chances: FloatArray, columns: int, seed: int) -> "Clusters":
        """Draw centres at random, each `distance` from the origin."""
        centres = np.random.default_rng([seed, 10]).standard_normal((len(chances), columns))
        centres *= distance / np.linalg.norm(centres, axis=1, keepdims=True)
        return cls(centres, chances)

    def classes(self, n: int, rng: np.random.Generator) -> IntArray:
        return rng.choice(len(self.chances), size=n, p=self.chances)

    def scores(self, x: FloatArray) -> FloatArray:
        """Return log p(x | c), (n, K), up to a term without c."""
        return np.asarray(x @ self.means.T - (self.means**2).sum(axis=1) / 2)

    def around(self, classes: IntArray, rng: np.random.Generator) -> FloatArray:
        """Draw a row of each class."""
        return self.means[classes] + rng.standard_normal((len(classes), self.means.shape[1]))


def labelled(clusters: Clusters) -> Population:
    """Return rows of Gaussian classes and their classes."""

    def sample(n: int, rng: np.random.Generator) -> Draw:
        y = clusters.classes(n, rng)
        return clusters.around(y, rng), y

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        posterior = log_softmax(clusters.scores(x) + np.log(clusters.chances), axis=1)
        return np.asarray(posterior[np.arange(len(y)), y] - np.log(clusters.chances)[y])

    return Population(sample, log_ratio)


def shared_clusters(of_x: Clusters, of_y: Clusters) -> Population:
    """Return two views that share the class and nothing else: independent given the class."""

    def sample(n: int, rng: np.random.Generator) -> Draw:
        classes = of_x.classes(n, rng)
        return of_x.around(classes, rng), of_y.around(classes, rng)

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        log_chances = np.log(of_x.chances)
        in_x, in_y = of_x.scores(x), of_y.scores(y)
        both, *alone = (logsumexp(s + log_chances, axis=1) for s in (in_x + in_y, in_x, in_y))
        return np.asarray(both - alone[0] - alone[1])

    return Population(sample, log_ratio)


def labelled_student(clusters: Clusters, freedom: float) -> Population:
    """Return rows with Student t noise around their class's centre, and their classes."""
    d = clusters.means.shape[1]

    def sample(n: int, rng: np.random.Generator) -> Draw:
        y = clusters.classes(n, rng)
        divisor = np.sqrt(rng.chisquare(freedom, (n, 1)) / freedom)
        return clusters.means[y] + rng.standard_normal((n, d)) / divisor, y

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        distances = ((x[:, None] - clusters.means) ** 2).sum(axis=2)
        scores = -(freedom + d) / 2 * np.log1p(distances / freedom)
        posterior = log_softmax(scores + np.log(clusters.chances), axis=1)
        return np.asarray(posterior[np.arange(len(y)), y] - np.log(clusters.chances)[y])

    return Population(sample, log_ratio)


def correlated_clusters(of_x: Clusters, of_y: Clusters, correlation: float) -> Population:
    """Return two views that share the class, and whose noise is correlated within the class."""
    spread = np.sqrt(1 - correlation**2)

    def sample(n: int, rng: np.random.Generator) -> Draw:
        classes = of_x.classes(n, rng)
        x_noise, own = rng.standard_normal((2, n, of_x.means.shape[1]))
        y_noise = correlation * x_noise + spread * own
        return of_x.means[classes] + x_noise, of_y.means[classes] + y_noise

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        from_x, from_y = x[:, None] - of_x.means, y[:, None] - of_y.means  # (n, K, d)
        in_x, in_y = norm.logpdf(from_x).sum(axis=2), norm.logpdf(from_y).sum(axis=2)
        given = norm.logpdf(from_y, correlation * from_x, spread).sum(axis=2)
        log_chances = np.log(of_x.chances)
        both, *alone = (logsumexp(s + log_chances, axis=1) for s in (in_x + given, in_x, in_y))
        return np.asarray(both - alone[0] - alone[1])

    return Population(sample, log_ratio)


def unrelated_clusters(of_x: Clusters, of_y: Clusters) -> Population:
    """Return two sides with classes of their own: clustered, and independent."""

    def sample(n: int, rng: np.random.Generator) -> Draw:
        return of_x.around(of_x.classes(n, rng), rng), of_y.around(of_y.classes(n, rng), rng)

    return Population(sample, lambda x, y: np.zeros(len(x)), 0.0)


def doubled_angle(concentration: float) -> Population:
    """Return points on two circles; the second angle is twice the first, plus von Mises noise.

    Both angles are uniform, so the ratio is the noise's density times 2 pi; the information is
    kappa I1(kappa) / I0(kappa) - log I0(kappa). Nothing is correlated.
    """

    def circle(angle: FloatArray) -> FloatArray:
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    def sample(n: int, rng: np.random.Generator) -> Draw:
        angle = rng.uniform(0, 2 * np.pi, n)
        return circle(angle), circle(2 * angle + rng.vonmises(0, concentration, n))

    log_i0 = np.log(i0(concentration))

    def log_ratio(x: FloatArray, y: FloatArray | IntArray) -> FloatArray:
        doubled = circle(2 * np.arctan2(x[:, 1], x[:, 0]))
        return np.asarray(concentration * (doubled * y).sum(axis=1) - log_i0)

    closed = concentration * i1(concentration) / i0(concentration) - log_i0
    return Population(sample, log_ratio, float(closed))


def paired_covariance(correlations: tuple[float, ...], private: int = 0) -> FloatArray:
    """Return the covariance of pairs of standard normals beside private coordinates."""
    d = len(correlations) + private
    covariance = np.eye(2 * d)
    for place, correlation in enumerate(correlations):
        covariance[place, d + place] = covariance[d + place, place] = correlation
    return covariance


def factor_covariance(
    x_weights: FloatArray, y_weights: FloatArray, correlations: tuple[float, ...], noise: float
) -> FloatArray:
    """Return the covariance of x = A u + noise and y = B v + noise with correlated u and v.

    Parameters
    ----------
    x_weights, y_weights : A (d, k) and B (q, k)
    correlations : (k,) correlations of the pairs u, v
    noise : standard deviation of each column's own noise
    """
    latent = paired_covariance(correlations)
    k, (d, q) = len(correlations), (len(x_weights), len(y_weights))
    weights = np.block([[x_weights, np.zeros((d, k))], [np.zeros((q, k)), y_weights]])
    return np.asarray(weights @ latent @ weights.T + noise**2 * np.eye(d + q))


def _quadratic(rows: FloatArray | IntArray, inverse: FloatArray) -> FloatArray:
    """Return r' S^-1 r of each row."""
    return np.asarray(((rows @ inverse) * rows).sum(axis=1))

"""The terms of the expansion of a student's risk at one temperature and weight."""

from dataclasses import dataclass, replace

from cch_audit.forecast.influence import Influence, influence_of
from cch_audit.forecast.parts import prepare
from cch_audit.forecast.softmax import Lesson, Rows, State
from cch_audit.rows import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Terms:
    """The expansion of the risk at one temperature and weight."""

    loss: float
    """Mean log-loss of theta_w on the rows that it was fitted to."""
    optimism: float
    """C = -mean[g_R' H^-1 g]; the loss is too low by -C / N (Takeuchi 1976)."""
    noise: float
    """v = mean of tr(W(p) S) / 2."""
    shrinkage: float
    """r' beta: r the mean of g_R, beta / n the bias of the estimate (Cox and Snell 1968)."""
    n_rows: int
    influence: Influence | None = None

    @property
    def second_order(self) -> float:
        """Q = v + r' beta: the risk at n rows is that of theta_w plus Q / n."""
        return self.noise + self.shrinkage

    @property
    def limit(self) -> float:
        """Risk of theta_w in the population: loss - (C + Q) / N."""
        return self.loss - (self.optimism + self.second_order) / self.n_rows

    def risk(self, n: float) -> float:
        """Return the expected test log-loss of a student of n rows."""
        return self.limit + self.second_order / n


def expand(
    rows: Rows,
    lesson: Lesson,
    penalty: float,
    theta: FloatArray,
    state: State,
    units: IntArray | None = None,
    influence: bool = False,
) -> Terms:
    """Return the terms of the expansion at fitted parameters.

    Parameters
    ----------
    rows, lesson, penalty : what theta was fitted to
    theta, state : parameters (K - 1, d + 1) at the minimum, and the state there
    units : codes (n_samples,) of rows that belong together; None: each is on its own
    influence : whether to say what each row contributes
    """
    parts = prepare(rows, lesson, penalty, theta, state, units)
    terms = Terms(
        loss=float(state.loss.mean()),
        optimism=-float(parts.shared.mean()),
        noise=float(parts.noise.mean()),
        shrinkage=float(parts.slope @ parts.beta),
        n_rows=len(rows.x),
    )
    return replace(terms, influence=influence_of(parts, lesson, state)) if influence else terms

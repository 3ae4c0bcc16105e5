"""The terms of the expansion of a student's risk at one temperature and weight."""

from dataclasses import dataclass

from cch_audit.forecasting.influence import Influence, influence_of
from cch_audit.forecasting.local import Local
from cch_audit.forecasting.parts import prepare
from cch_audit.forecasting.softmax import Fitted, Lesson, Rows
from cch_audit.rows import IntArray


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
    local: Local | None = None

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
    fitted: Fitted,
    units: IntArray | None = None,
    *,
    influence: bool = False,
    local: bool = False,
) -> Terms:
    """Return the terms of the expansion at fitted parameters.

    Parameters
    ----------
    rows, lesson, penalty : what was fitted
    fitted : the minimum
    units : codes (n_samples,) of rows that belong together; None: each is on its own
    influence : whether to say what each row contributes
    local : whether to keep what approximates the student of a part of the rows
    """
    parts = prepare(rows, lesson, penalty, fitted, units)
    return Terms(
        loss=float(fitted.state.loss.mean()),
        optimism=-float(parts.shared.mean()),
        noise=float(parts.noise.mean()),
        shrinkage=float(parts.slope @ parts.beta),
        n_rows=len(rows.x),
        influence=influence_of(parts, lesson, fitted.state) if influence else None,
        local=Local.of(parts, fitted) if local else None,
    )

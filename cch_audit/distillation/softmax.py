"""Linear softmax heads, trained to convergence side by side: L-BFGS on one stack of weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from cch_audit.distillation.lessons import Heads, Lesson, principal
from cch_audit.rows import FloatArray

CONVERGED = 1e-8
"""Decrease in nats that a Newton step promises, with the first guess at the curvature."""
MOST_STEPS = 200
MEMORY = 6
"""Pairs of steps and turns that L-BFGS remembers."""
SUFFICIENT = 1e-4
"""Share of the decrease that the slope promises, which a step must reach (Armijo)."""
ROUNDING = 3e-7
"""Relative error of a loss in single precision."""
SHORTEST = 2.0**-12
"""A step that must be as short only turns in rounding."""
PATIENCE = 4
"""Steps in a row that gain no more than rounding."""
TIDY = 3
"""Steps between two looks at which heads are done."""
CACHE = 500_000
"""Numbers that are worked on together."""
STACK = 24_000_000
"""Most numbers of the largest array of a stack."""


def fit_heads(lessons: Sequence[Lesson]) -> list[Heads]:
    """Minimise the penalised loss of every cell of every lesson.

    mean over rows of (1 - w) CE(y, q) + w T^2 KL(p_T || q_T), plus l/2 |W|^2, with p the teacher's
    and q the student's distribution at temperature 1 or T and the penalty l; the intercept is free.
    Each lesson is rotated to principal coordinates, where the curvature of a coordinate is about
    that of the loss times its variance, plus l: the first guess of L-BFGS (Nocedal 1980) at the
    inverse Hessian. The objective is convex, so where it ends does not depend on the way.

    Parameters
    ----------
    lessons : data sets with as many cells each

    Returns
    -------
    The heads of each lesson, with the norm of the gradient that is left.
    """
    found = []
    for stack in _stacks(lessons):
        found += _fit(stack)
    return found


def _stacks(lessons: Sequence[Lesson]) -> Iterator[list[Lesson]]:
    """Cut lessons in stacks that fit into memory."""
    stack: list[Lesson] = []
    size = 0
    for lesson in lessons:
        n_rows, n_columns = lesson.x.shape
        of_lesson = len(lesson.cells) * lesson.n_outputs * max(n_rows, 2 * MEMORY * n_columns)
        if stack and size + of_lesson > STACK:
            yield stack
            stack, size = [], 0
        stack.append(lesson)
        size += of_lesson
    yield stack


@dataclass
class _Problem:
    """The objectives of D lessons with C cells each; rows come last, where softmax is quick."""

    x: Tensor
    """(D, r + 1, n) principal coordinates, and ones; zero for rows and coordinates that fill up."""
    shared: Tensor
    """(D, n, r + 1) the same rows times what each counts: 1 / n of its lesson, or 0."""
    share: Tensor
    """(D, 1, n) what a row counts."""
    wanted: Tensor
    """(D, C, K, r + 1) mean of (1 - w) y + w T p_T times x: the outputs are pulled to it."""
    weight: Tensor
    """(D, C, 1, 1)"""
    temperature: Tensor
    """(D, C, 1, 1)"""
    penalty: Tensor
    """(D, C, 1, r + 1), 0 for the intercept."""
    guess: Tensor
    """(D, C, 1, r + 1) inverse curvature."""

    def loss(self, heads: Tensor) -> tuple[Tensor, Tensor]:
        """Return objectives (D, C), less what does not depend on the heads, and gradients.

        Parameters
        ----------
        heads : (D, C, K, r + 1)
        """
        together = max(1, CACHE // (heads[0, :, :, 0].numel() * self.x.shape[2]))
        parts = [
            self._of_sets(heads[start : start + together], slice(start, start + together))
            for start in range(0, len(heads), together)
        ]
        value, gradient = (torch.cat(part) for part in zip(*parts, strict=True))
        shrunk = self.penalty * heads
        value = value + ((0.5 * shrunk - self.wanted) * heads).sum(dim=(2, 3))
        return value, gradient - self.wanted + shrunk

    def _of_sets(self, heads: Tensor, sets: slice) -> tuple[Tensor, Tensor]:
        """Return the part that is not linear, for some lessons, which fit into a cache.

        Targets sum to one, so that it is (1 - w) logsumexp(z) + w T^2 logsumexp(z / T), with
        gradient (1 - w) q + w T q_T.
        """
        weight, temperature = self.weight[sets], self.temperature[sets]
        outputs = torch.bmm(heads.flatten(1, 2), self.x[sets]).view(*heads.shape[:3], -1)
        largest = outputs.amax(dim=2, keepdim=True)
        outputs -= largest
        soft = weight * temperature
        is_soft = bool((soft > 0).any())
        gentle = (outputs / temperature).exp_() if is_soft else None
        outputs.exp_()
        total = outputs.sum(dim=2, keepdim=True)
        value = (1 - weight) * (total.log() + largest)
        outputs *= (1 - weight) / total
        if gentle is not None:
            total = gentle.sum(dim=2, keepdim=True)
            value += soft * temperature * total.log() + soft * largest
            outputs.addcmul_(gentle, soft / total)
        gradient = torch.bmm(outputs.flatten(1, 2), self.shared[sets])
        return (value[:, :, 0] * self.share[sets]).sum(dim=2), gradient.view(heads.shape)

    def take(self, sets: Tensor, cells: Tensor) -> "_Problem":
        """Return the problem of some lessons (D',), and some cells (D', C') of each."""
        at = sets[:, None], cells
        return _Problem(
            self.x[sets],
            self.shared[sets],
            self.share[sets],
            self.wanted[at],
            self.weight[at],
            self.temperature[at],
            self.penalty[at],
            self.guess[at],
        )


def _fit(lessons: list[Lesson]) -> list[Heads]:
    """Fit the heads of one stack."""
    rotations = [principal(lesson.x) for lesson in lessons]
    heads, gradient = _minimise(_pose(lessons, rotations))
    norms = gradient.flatten(2).norm(dim=2)
    found = []
    for number, (lesson, (centre, axes, _)) in enumerate(zip(lessons, rotations, strict=True)):
        fitted = heads[number].double().numpy()
        weight = fitted[:, :, : axes.shape[1]] @ axes.T  # (C, K, d)
        bias = fitted[:, :, -1] - weight @ centre
        outputs = lesson.x_validation @ weight.transpose(0, 2, 1) + bias[:, None]
        found.append(Heads(outputs, [(weight, bias)], norms[number].double().numpy()))
    return found


def _pose(
    lessons: list[Lesson], rotations: list[tuple[FloatArray, FloatArray, FloatArray]]
) -> _Problem:
    """Put lessons into one problem, filled up with rows and coordinates that are zero."""
    n_sets, n_cells, n_outputs = len(lessons), len(lessons[0].cells), lessons[0].n_outputs
    n_rows = max(len(lesson.x) for lesson in lessons)
    width = 1 + max(axes.shape[1] for _, axes, _ in rotations)
    x = torch.zeros(n_sets, width, n_rows)
    share = torch.zeros(n_sets, 1, n_rows)
    wanted = torch.zeros(n_sets, n_cells, n_outputs, width)
    curvature = torch.ones(n_sets, 1, 1, width)
    penalty = torch.zeros(n_sets, n_cells, 1, width)
    cells = [lesson.cells for lesson in lessons]
    weight, temperature, decay = (
        torch.from_numpy(np.stack([getattr(one, name) for one in cells])).float()[..., None, None]
        for name in ("weight", "temperature", "penalty")
    )
    for number, (lesson, (centre, axes, variances)) in enumerate(
        zip(lessons, rotations, strict=True)
    ):
        n, r = len(lesson.x), axes.shape[1]
        x[number, :r, :n] = torch.from_numpy(((lesson.x - centre) @ axes).T)
        x[number, -1, :n] = 1.0
        share[number, :, :n] = 1 / n
        penalty[number, ..., :r] = decay[number]
        curvature[number, ..., :r] = torch.from_numpy(variances)
        labels = one_hot(torch.from_numpy(lesson.y), n_outputs).float().T  # (K, n)
        pulled = (1 - weight[number]) * labels
        if bool((weight[number] > 0).any()):
            logits = torch.from_numpy(lesson.soft).float()[torch.from_numpy(lesson.soft_of)]
            gentle = torch.softmax(logits.transpose(1, 2) / temperature[number], dim=1)
            pulled += weight[number] * temperature[number] * gentle
        wanted[number] = pulled @ x[number, :, :n].T / n
    # The curvature of a softmax is between 0 and 1/2, of K even chances 1 / K.
    guess = 1 / (curvature / n_outputs + penalty + 1e-8)
    shared = (x * share).transpose(1, 2).contiguous()
    return _Problem(x, shared, share, wanted, weight, temperature, penalty, guess)


def _minimise(problem: _Problem) -> tuple[Tensor, Tensor]:
    """Return where all objectives are least (D, C, K, r + 1), and their gradients there.

    Every head has a step length of its own: one that does not decrease its objective enough is
    halved, while the others go on. Heads that are done are let go of.
    """
    shape = problem.wanted.shape
    best, slopes = torch.zeros(shape), torch.zeros(shape)
    sets = torch.arange(shape[0])
    cells = torch.arange(shape[1]).expand(shape[0], -1)
    run = _Run.begin(problem, torch.zeros(shape))
    for number in range(1, MOST_STEPS + 1):
        run.step(problem)
        if number % TIDY and number < MOST_STEPS:
            continue
        best[sets[:, None], cells] = run.heads
        slopes[sets[:, None], cells] = run.gradient
        going = run.is_going(problem)
        most = int(going.sum(dim=1).max())
        if most == 0:
            break
        kept = going.any(dim=1).nonzero()[:, 0]
        if len(kept) * most <= 0.7 * going.numel():
            # Those that still go stand first; the place of those that do not is filled by some.
            order = torch.argsort(going[kept].int(), dim=1, descending=True, stable=True)[:, :most]
            run, problem = run.take(kept, order), problem.take(kept, order)
            sets, cells = sets[kept], cells[kept[:, None], order]
    return best, slopes


@dataclass
class _Run:
    """Where L-BFGS stands: D x C heads, each with its own step."""

    heads: Tensor
    loss: Tensor
    """(D, C)"""
    gradient: Tensor
    direction: Tensor
    slope: Tensor
    """(D, C) of the objective along the direction."""
    length: Tensor
    """(D, C) of the next step."""
    idle: Tensor
    """(D, C) steps in a row that gained nothing."""
    steps: list[Tensor]
    turns: list[Tensor]
    inverse: list[Tensor]
    """(D, C) one over step times turn, 0 for heads that did not move."""
    scale: Tensor
    """(D, C) by what the guess at the curvature is off, from the last step of each head."""

    @classmethod
    def begin(cls, problem: _Problem, heads: Tensor) -> "_Run":
        loss, gradient = problem.loss(heads)
        direction = -problem.guess * gradient
        slope = (gradient * direction).sum(dim=(2, 3))
        ones = torch.ones_like(loss)
        return cls(heads, loss, gradient, direction, slope, ones, 0 * ones, [], [], [], ones)

    def step(self, problem: _Problem) -> None:
        """Try a step of every head, and turn those that it was good for."""
        length = self.length[..., None, None]
        step = length * self.direction
        loss, gradient = problem.loss(self.heads + step)
        slack = ROUNDING * self.loss.abs()
        good = loss <= self.loss + SUFFICIENT * self.length * self.slope + slack
        gained = self.loss - loss > slack
        self.idle = torch.where(gained, 0.0, self.idle + good)
        moved = good[..., None, None]
        turn = torch.where(moved, gradient - self.gradient, 0.0)
        step = torch.where(moved, step, 0.0)
        product = (step * turn).sum(dim=(2, 3))
        counts = product > 1e-10 * (turn * turn).sum(dim=(2, 3)).clamp(min=1e-30)
        self.steps, self.turns = [*self.steps, step][-MEMORY:], [*self.turns, turn][-MEMORY:]
        inverse = torch.where(counts, 1 / torch.where(counts, product, 1.0), 0.0)
        self.inverse = [*self.inverse, inverse][-MEMORY:]
        bent = (turn * problem.guess * turn).sum(dim=(2, 3))
        self.scale = torch.where(counts, product / torch.where(counts, bent, 1.0), self.scale)
        self.heads = self.heads + step
        self.loss = torch.where(good, loss, self.loss)
        self.gradient = torch.where(moved, gradient, self.gradient)
        direction = self._turned(problem)
        slope = (self.gradient * direction).sum(dim=(2, 3))
        self.direction = torch.where(moved, direction, self.direction)
        self.slope = torch.where(good, slope, self.slope)
        self.length = torch.where(good, 1.0, self.length / 2)

    def _turned(self, problem: _Problem) -> Tensor:
        """Return minus the gradient times the inverse Hessian, as far as it is known."""
        q = -self.gradient
        found = []
        for step, turn, inverse in zip(
            reversed(self.steps), reversed(self.turns), reversed(self.inverse), strict=True
        ):
            share = inverse * (step * q).sum(dim=(2, 3))
            q = q - share[..., None, None] * turn
            found.append(share)
        q = self.scale[..., None, None] * problem.guess * q
        for step, turn, inverse, share in zip(
            self.steps, self.turns, self.inverse, reversed(found), strict=True
        ):
            other = inverse * (turn * q).sum(dim=(2, 3))
            q = q + (share - other)[..., None, None] * step
        return q

    def is_going(self, problem: _Problem) -> Tensor:
        """Return which heads (D, C) are worth another step."""
        promised = 0.5 * (self.gradient**2 * problem.guess).sum(dim=(2, 3))
        going: Tensor = (promised > CONVERGED) & (self.length > SHORTEST) & (self.idle < PATIENCE)
        return going

    def take(self, sets: Tensor, cells: Tensor) -> "_Run":
        """Return some lessons (D',), and some cells (D', C') of each."""
        at = sets[:, None], cells
        return _Run(
            self.heads[at],
            self.loss[at],
            self.gradient[at],
            self.direction[at],
            self.slope[at],
            self.length[at],
            self.idle[at],
            [part[at] for part in self.steps],
            [part[at] for part in self.turns],
            [part[at] for part in self.inverse],
            self.scale[at],
        )

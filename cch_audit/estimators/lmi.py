"""LMI: nearest neighbours on learned latent spaces (Gowri et al. 2024), cross-fitted."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from cch_audit.dependence.units import Dependence, among
from cch_audit.estimators import LmiSettings
from cch_audit.estimators.calibration import calibrate
from cch_audit.estimators.contract import Estimate, is_classes, normal_scores
from cch_audit.estimators.folds import assign_folds
from cch_audit.estimators.neighbors import from_neighbors
from cch_audit.estimators.networks import (
    StackedMLP,
    assign_rows,
    average_seeds,
    torch_generator,
    train_stack,
)
from cch_audit.estimators.scores import network_inputs
from cch_audit.rows import FloatArray, IntArray

LEAST_GAIN = 0.005
"""By which the loss of validation rows must fall between two looks for training to go on."""
OWN_SIDE = 0.3
"""Weight of a latent's own side among what it rebuilds; the paper has 1."""


def estimate(
    x: FloatArray,
    y: FloatArray | IntArray,
    rng: np.random.Generator,
    settings: LmiSettings,
    dependence: Dependence | None = None,
) -> Estimate:
    """Estimate I(x; y) in nats by KSG on low-dimensional latents of held-out rows.

    Two encoders map x and y to latents; from each latent, decoders rebuild both x and y, and the
    four mean squared errors are minimised (Gowri et al. 2024, section 3), the own side's with less
    weight, since what is private to it must not fill the latents. With classes only x is encoded
    and its latent predicts the class by cross-entropy. Encoders are trained on other folds than the
    rows they encode, stop on validation rows, and KSG runs within each fold. What it misses there
    is added as `calibrate` finds it, where that is more. Columns are replaced by normal scores, and
    more of them than rows by their leading principal components.

    Parameters
    ----------
    x, y, dependence : as `cch_audit.estimators.estimate` takes them
    rng : assigns folds, draws weights and batches
    settings : folds, seeds, latent dimension, network and training
    """
    x = network_inputs(x, rng)
    columns = y if is_classes(y) else network_inputs(y, rng)
    folds = assign_folds(len(x), settings.n_folds, y, dependence, rng)
    n_folds = int(folds.max()) + 1
    held_out, train, validation = assign_rows(folds, settings.n_seeds, rng, dependence)
    generator = torch_generator(rng)
    target = torch.from_numpy(columns if is_classes(y) else columns.astype(np.float32))
    autoencoder = _Autoencoder(
        torch.from_numpy(x.astype(np.float32)), target, len(train), settings, generator
    )
    train_stack(
        list(autoencoder.parameters()),
        train,
        autoencoder,
        lambda: autoencoder(validation),
        generator,
        batch_size=settings.batch_size,
        max_steps=settings.max_steps,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        least_gain=LEAST_GAIN,
    )
    pseudo_values, raw = np.empty((2, settings.n_seeds, len(x)))
    with torch.no_grad():
        latents = autoencoder.encode(torch.arange(len(x)).expand(len(train), -1))
    for model, rows in enumerate(held_out):
        of_x, *of_y = (latent[model].numpy().astype(np.float64) for latent in latents)
        right = of_y[0] if of_y else y
        within = from_neighbors(
            of_x[rows], right[rows], settings.n_neighbors, among(dependence, rows)
        )
        found = calibrate(
            normal_scores(of_x),
            right if is_classes(right) else normal_scores(right),
            train[model].numpy(),
            rows,
            settings.n_neighbors,
            settings.latent,
            rng,
            dependence,
        )
        raw[model // n_folds, rows] = within.pseudo_values
        larger = within if found is None or found.pseudo_values.mean() <= within.value else found
        pseudo_values[model // n_folds, rows] = larger.pseudo_values
    return replace(average_seeds(pseudo_values), raw=float(raw.mean()))


class _Autoencoder(nn.Module):
    """Every model's encoders, and the decoders from each latent to each side."""

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        n_models: int,
        settings: LmiSettings,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.sides = [x, y]
        self.classes = y.ndim == 1
        sizes = [x.shape[1], int(y.max()) + 1 if self.classes else y.shape[1]]
        latents = [min(settings.latent, size) for size in sizes[: 1 if self.classes else 2]]

        def network(inputs: int, outputs: int) -> StackedMLP:
            return StackedMLP(n_models, (inputs, settings.hidden, outputs), generator, zero=False)

        self.encoders = nn.ModuleList([network(*ends) for ends in zip(sizes, latents)])
        self.decoders = nn.ModuleList([network(latent, sum(sizes)) for latent in latents])
        self.sizes = sizes

    def encode(self, rows: Tensor) -> list[Tensor]:
        """Map rows (n_models, n) to the latents of x and, unless it is classes, of y."""
        return [encoder(side[rows]) for encoder, side in zip(self.encoders, self.sides)]

    def forward(self, rows: Tensor) -> Tensor:
        """Return each model's weighted reconstruction losses on some rows, (n_models,)."""
        total = torch.zeros(len(rows))
        for own, (latent, decoder) in enumerate(zip(self.encode(rows), self.decoders)):
            decoded = decoder(latent).split(self.sizes, dim=2)
            for number, (reconstruction, side) in enumerate(zip(decoded, self.sides)):
                weight = OWN_SIDE if number == own else 1.0
                total = total + weight * self._loss(reconstruction, side[rows])
        return total

    def _loss(self, decoded: Tensor, side: Tensor) -> Tensor:
        """Mean squared error per column, or cross-entropy for classes."""
        if side.ndim == 3:
            return (decoded - side).square().mean(dim=(1, 2))
        chosen = decoded.log_softmax(dim=2).gather(2, side[:, :, None])
        return -chosen.mean(dim=(1, 2))

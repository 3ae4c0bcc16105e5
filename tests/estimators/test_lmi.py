import numpy as np
import pytest
import torch
from samplers import Gaussian, Mixture, gaussian_information

from cch_audit.estimators import LmiSettings
from cch_audit.estimators.lmi import OWN_SIDE, _Autoencoder, estimate
from cch_audit.estimators.neighbors import from_neighbors


def run(x, y, seed=0, **changes):
    return estimate(x, y, np.random.default_rng(seed), LmiSettings(**changes))


def autoencoder(x, y, n_models=2, latent=8):
    side = torch.from_numpy(y if y.ndim == 1 else y.astype(np.float32))
    rows = torch.from_numpy(x.astype(np.float32))
    generator = torch.Generator().manual_seed(0)
    return _Autoencoder(rows, side, n_models, LmiSettings(latent=latent), generator)


@pytest.mark.parametrize(("columns", "latent"), [(3, 3), (20, 8)])
def test_latents_are_no_wider_than_the_data(columns, latent):
    x, y = Gaussian((0.5,), columns, 2).sample(30)
    of_x, of_y = autoencoder(x, y).encode(torch.arange(30).expand(2, -1))
    assert of_x.shape == (2, 30, latent)
    assert of_y.shape == (2, 30, 2)


def test_loss_is_the_four_squared_errors():
    x, y = Gaussian((0.5,), 4, 3).sample(30)
    model, rows = autoencoder(x, y), torch.arange(30).expand(2, -1)
    sides = [torch.from_numpy(side.astype(np.float32)) for side in (x, y)]
    expected = torch.zeros(2)
    weights = ((OWN_SIDE, 1.0), (1.0, OWN_SIDE))
    for latent, decoder, own in zip(model.encode(rows), model.decoders, weights):
        decoded = decoder(latent)
        for part, side, weight in zip((decoded[..., :4], decoded[..., 4:]), sides, own):
            expected += weight * ((part - side) ** 2).mean(dim=(1, 2))
    torch.testing.assert_close(model(rows), expected)


def test_loss_for_classes_is_squared_error_and_cross_entropy():
    x, y = Mixture(1.0, (0.5, 0.3, 0.2), 4).sample(30)
    model, rows = autoencoder(x, y), torch.arange(30).expand(2, -1)
    (latent,) = model.encode(rows)
    decoded = model.decoders[0](latent)
    side = torch.from_numpy(x.astype(np.float32))
    expected = OWN_SIDE * ((decoded[..., :4] - side) ** 2).mean(dim=(1, 2))
    for one in range(2):
        target = torch.from_numpy(y)
        expected[one] += torch.nn.functional.cross_entropy(decoded[one, :, 4:], target)
    torch.testing.assert_close(model(rows), expected)


def test_finds_a_low_dimensional_signal_in_many_columns():
    # Four pairs of factors, each side spread over 60 columns in which noise dominates.
    rng = np.random.default_rng(0)
    factors = Gaussian((0.9,) * 4).sample(800)
    loadings = 0.3 * rng.standard_normal((2, 4, 60))
    x, y = (
        side @ loading + rng.standard_normal((800, 60)) for side, loading in zip(factors, loadings)
    )
    # A factor is known from 60 columns to a variance of about 1 / (60 x .3^2).
    information = gaussian_information((0.9 / (1 + 1 / (60 * 0.3**2)),) * 4)
    found = run(x, y)
    error = np.sqrt(found.pseudo_values.var() / 800 + found.seed_variance)
    # Noise costs nearest neighbours a part that the latents keep.
    assert from_neighbors(x, y, 3).value + 0.1 < found.value < information + 4 * error


def test_finds_classes_in_many_columns():
    sampler = Mixture(3.0, (0.5, 0.5), 60)
    x, y = sampler.sample(800)
    found = run(x, y)
    error = np.sqrt(found.pseudo_values.var() / 800 + found.seed_variance)
    assert from_neighbors(x, y, 3).value < found.value < sampler.information + 4 * error


def test_mean_over_seeds():
    x, y = Gaussian((0.7,), 2, 2).sample(150)
    found = run(x, y, n_seeds=3, max_steps=25)
    assert found.pseudo_values.shape == (150,)
    assert found.pseudo_values.mean() == pytest.approx(found.value, abs=1e-9)


def test_half_of_fifty_rows_in_five_classes():
    x, y = np.random.default_rng(0).standard_normal((25, 3)), np.arange(25) % 5
    assert np.isfinite(run(x, y, max_steps=25).value)


def test_the_raw_estimate_is_reported_beside_the_calibrated_one():
    sampler = Gaussian((0.9, 0.8, 0.7, 0.6), 20, 20)
    found = run(*sampler.sample(1500), n_seeds=1)
    assert found.raw < found.value - 0.1  # what neighbours miss on eight latents
    assert found.value < 1.1 * sampler.information


def test_independent_latents_are_not_calibrated_away_from_zero():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000, 30))
    found = run(x, y, n_seeds=1)
    assert found.value == pytest.approx(0.0, abs=0.06)  # three standard errors
    assert found.raw <= found.value

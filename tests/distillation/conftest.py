import pytest
import torch
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="package")
def one_thread():
    """Compute as an audit does: one thread per task."""
    with threadpool_limits(1):
        yield


@pytest.fixture(autouse=True)
def denormal_numbers():
    """Let no test's training change how the next one computes."""
    yield
    torch.set_flush_denormal(False)

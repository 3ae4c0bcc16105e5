"""Which packages the peers need, and a virtual environment for each: no two agree on numpy.

`python -m tests.bench.peers.environments` builds those that are missing (4 GB).
"""

import os
import subprocess
import sys
import venv
from pathlib import Path

WHERE = Path(__file__).parents[3] / "build" / "peers"
TORCH = "torch==2.13.0"
"""Pinned so that every environment holds the same build for the processor."""
REQUIREMENTS = {
    "latentmi": ["latentmi==0.1.3", TORCH, "numpy<2"],
    "torch-mist": ["torch-mist==0.2.17", TORCH, "numpy<2", "pandas<3"],
    "benchmark-mi": ["benchmark-mi==0.1.3", "jax==0.4.26", "jaxlib==0.4.26"],
    "numpy": ["infomeasure==0.6.3", "ennemi==1.5.0", "scikit-learn==1.9.1", "scipy==1.17.1"],
}
"""NPEET is not published as a package: its algorithm is written out in `worker.py`."""


def interpreter(environment: str) -> Path:
    """Return the Python of an environment; `ours` is the one that runs this."""
    return Path(sys.executable) if environment == "ours" else WHERE / environment / "bin" / "python"


def main() -> None:
    for environment, requirements in REQUIREMENTS.items():
        if not interpreter(environment).exists():
            print(f"{environment}: {' '.join(requirements)}", flush=True)
            venv.create(WHERE / environment, with_pip=True)
            pip = [interpreter(environment), "-m", "pip", "install", "--quiet", *requirements]
            # Constraints of the project hold for the project alone.
            own = {name: value for name, value in os.environ.items() if name != "PIP_CONSTRAINT"}
            subprocess.run(pip, check=True, env=own)


if __name__ == "__main__":
    main()

"""Temporary environments for packages that are not dependencies of the project."""

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path


class InstallError(RuntimeError):
    """Packages that cannot be installed; the text ends with the last line of pip."""


def install(requirements: Sequence[str], folder: Path) -> str:
    """Install packages into a new environment, and return the path of its Python.

    Raises:
        InstallError: pip failed.
    """
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", "--no-input", *requirements]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode:
        lines = [line for line in process.stderr.splitlines() if line.startswith("ERROR")]
        reason = lines[-1] if lines else f"pip ended with {process.returncode}"
        raise InstallError(f"cannot install {' '.join(requirements)}: {reason}")
    return python

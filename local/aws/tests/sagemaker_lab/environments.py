"""Virtual environments for what cannot be tested in this one."""

import shutil
import subprocess
import sys
from pathlib import Path


def uv():
    """The program, beside this interpreter or on the PATH; None when there is none."""
    beside = Path(sys.executable).with_name("uv")
    return beside if beside.exists() else shutil.which("uv")


def make(folder, *packages):
    """Make a virtual environment with these arguments of `pip install`; its interpreter."""
    python = folder / "bin" / "python"
    if uv() is None:
        run(sys.executable, "-m", "venv", "--clear", folder)
        run(python, "-m", "pip", "install", "--quiet", *packages)
    else:
        run(uv(), "venv", "--quiet", "--clear", "--python", sys.executable, folder)
        run(uv(), "pip", "install", "--quiet", "--python", python, *packages)
    return python


def run(*command, **settings):
    """Run a program that must succeed; what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **settings)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout

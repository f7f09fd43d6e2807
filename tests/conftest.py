"""What all tests share."""

from __future__ import annotations

import json
import os
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

hypothesis.settings.register_profile("sedspace", deadline=None, print_blob=True)
hypothesis.settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=1500)
hypothesis.settings.load_profile("sedspace")

# Commands that tests start must find an uninstalled checkout as pytest itself does.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "enumerate"), str(ROOT / "kernels")])


@pytest.fixture
def shared() -> Path:
    """Return the folder of exact figures and benchmark tables that the project's developers have."""
    if not SHARED.is_dir():
        pytest.skip("needs the developers' benchmark tables (../shared), which are not part of the project")
    return SHARED


@pytest.fixture
def goldens(shared: Path) -> dict:
    """Return the exact figures."""
    return json.loads((shared / "goldens.json").read_text())

"""What all tests share."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from sedspace.runs.manifest import CHECKSUM, manifest_sha256
from sedspace.scores import only_registered

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / ".github" / "site"
SHARED = ROOT.parent / "shared"

hypothesis.settings.register_profile("sedspace", deadline=None, print_blob=True)
hypothesis.settings.register_profile("fuzz", deadline=None, print_blob=True, max_examples=1500)
hypothesis.settings.load_profile("sedspace")

# Test processes side by side: torch's threads of one would wait for those of the other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Commands that tests start must find an uninstalled checkout as pytest itself does.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "enumerate"), str(ROOT / "kernels")])


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """Networks of a few channels and inputs of a few pixels are no work for several."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def write_manifest(directory: Path, manifest: dict) -> None:
    """Write a manifest with the checksum that belongs to it, so that only deeper checks can tell what was altered."""
    whole = {**manifest, CHECKSUM: manifest_sha256(manifest)}
    (directory / "manifest.json").write_text(json.dumps(whole))


@contextlib.contextmanager
def s3_server(secret: str = "somebody") -> Iterator[dict[str, str]]:
    """Run an S3 server with a bucket, and lead to it by the environment, which is returned."""
    pytest.importorskip("s3fs", reason="needs s3fs")
    moto = pytest.importorskip("moto.server", reason="needs moto[server]")
    import boto3
    import s3fs

    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()  # of a server that is gone
        boto3.Session().client("s3").create_bucket(Bucket="bucket")
        yield environment
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture
def forget_scores() -> Iterator[Callable[[], None]]:
    """Have no score registered but the test's own, and return what forgets these too, as if in another process."""
    with contextlib.ExitStack() as before:

        def forget() -> None:
            before.enter_context(only_registered({}))

        forget()
        yield forget


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


@pytest.fixture
def browser(tmp_path: Path) -> list[str]:
    """A headless Chromium, as the beginning of a command."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None and not os.environ.get("SEDSPACE_BROWSER"):
        pytest.skip("needs a headless Chromium on the path")
    assert found, "SEDSPACE_BROWSER is set, and there is no Chromium on the path"
    return [found, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]

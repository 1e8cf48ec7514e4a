"""JupyterLab on the loopback, and a Chromium to open it; without them the reason is said."""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OFFLINE = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
QUIET = {  # all cells in the page, so that a widget is found without scrolling; no news
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("COURSEKIT_CHROMIUM") or next(
        filter(None, map(shutil.which, names)), None
    )


def _install() -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=300)


@pytest.fixture(scope="session")
def browser(request):
    """A headless Chromium: the one named by COURSEKIT_CHROMIUM, the system's, or playwright's."""
    asked = any("browser" in Path(name).parts for name in request.config.args)
    if "PYTEST_XDIST_WORKER" in os.environ and not asked:
        pytest.skip("a browser wants the machine to itself: make test-browser")
    reason = "needs playwright: make test-browser installs it"
    playwright = pytest.importorskip("playwright.sync_api", reason=reason)
    with playwright.sync_playwright() as driver:
        path, own = _chromium(), Path(driver.chromium.executable_path)
        if path is None and not own.exists():
            _install()
        if path is None and not own.exists():
            pytest.skip("there is no Chromium here, and playwright could not install its own")
        window = driver.chromium.launch(executable_path=path, args=OFFLINE)
        yield window
        window.close()


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs notebooks at smoke."""

    address: str
    token: str

    def page(self, path: Path) -> str:
        """The address of a notebook, with nothing left of an earlier visit."""
        return f"{self.address}/lab/tree/notebooks/{path.name}?token={self.token}&reset"

    def ask(self, place: str, method: str = "GET") -> bytes:
        """What the server's own interface answers."""
        headers = {"Authorization": f"token {self.token}"}
        url = f"{self.address}/api/{place}"
        request = urllib.request.Request(url, headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=30).read()

    def end_kernels(self) -> None:
        for session in json.loads(self.ask("sessions")):
            self.ask(f"sessions/{session['id']}", "DELETE")


@pytest.fixture(scope="session")
def server(browser, tmp_path_factory):
    """A JupyterLab on the loopback, behind a token, with a copy of the notebooks."""
    home = tmp_path_factory.mktemp("lab")
    for name, settings in QUIET.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(settings))
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16))
    options = [f"--port={port}", "--no-browser", "--allow-root", f"--ServerApp.root_dir={home}"]
    options += [f"--IdentityProvider.token={served.token}", "--LabApp.news_url=None"]
    settings = {
        "COURSEKIT_PROFILE": "smoke",
        "COURSEKIT_DATASET": "digits",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "COURSEKIT_CACHE": os.environ.get("COURSEKIT_CACHE", str(home / "cache")),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
    }
    with (home / "log").open("w") as log:
        lab = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | settings, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            _wait(served, lab, home / "log")
            yield served
        finally:
            lab.terminate()
            lab.wait(20)


def _wait(served: Lab, lab: subprocess.Popen, log: Path, seconds: int = 60) -> None:
    for _ in range(seconds * 5):
        assert lab.poll() is None, f"JupyterLab stopped: {log.read_text()[-2000:]}"
        try:
            served.ask("status")
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"JupyterLab did not answer within {seconds} s")

"""Fixtures: a browser, and an installation to visit."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.fakes import kajabi_records
from tests.fakes.kajabi import CLIENT_ID, CLIENT_SECRET, HOOK_EVENTS, FakeKajabi
from tests.harness import Embedded, embedded
from tests.harness.process import ROOT

# Chromium heeds the last list of features alone, so Playwright's own stands here too. The first three load two pages of
# the address bar, which nobody sees, into each window: most of what a new context cost.
FEATURES_OFF = """
    WebUIOmniboxPopup WebUIOmniboxAimPopup PreloadTopChromeWebUI
    AvoidUnnecessaryBeforeUnloadCheckSync DestroyProfileOnBrowserClose HttpsUpgrades HttpsFirstBalancedModeAutoEnable
    LensOverlay MediaRouter PaintHolding ThirdPartyStoragePartitioning AvoidCorsURLLoaderRestartOnRedirect
    OptimizationHints NetworkTimeServiceQuerying AimEnabled PreconnectToSearch
"""
# The sandbox wants another user than root; the rest keeps the browser from calling its maker.
CHROMIUM_ARGUMENTS = [
    f"--disable-features={','.join(FEATURES_OFF.split())}",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start the installed Chromium; skip where there is none.

    Its event loop runs until the last test of this folder, so that no other test of the process has one.
    """
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no chromium is installed")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield launched
        launched.close()


@contextmanager
def with_kajabi(directory: Path) -> Iterator[Embedded]:
    """Run an installation with a fake Kajabi that has a site and a foreign hook for each event."""
    with FakeKajabi() as kajabi:
        kajabi.add(kajabi_records.site("1", title="Academy"))
        for number, event in enumerate(HOOK_EVENTS, start=1):
            target = f"https://relay.example.com/catch/{number}"
            kajabi.add(kajabi_records.hook(str(number), event=event, target_url=target, site_id="1"))
        access = {
            "KAJABI_CLIENT_ID": CLIENT_ID,
            "KAJABI_CLIENT_SECRET": CLIENT_SECRET,
            "KAJABI_API_BASE_URL": kajabi.url,
        }
        with embedded(directory, **access) as started:
            yield started


@pytest.fixture(scope="package")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Start one installation for all tests that look at persons of their own only."""
    with with_kajabi(tmp_path_factory.mktemp("e2e")) as started:
        yield started


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Start an installation for the tests of one file, which count all that is there, or change it for everybody."""
    with with_kajabi(tmp_path_factory.mktemp("own")) as started:
        yield started


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Return the folder of screenshots: SCREENSHOTS, else var/screenshots."""
    directory = Path(os.environ.get("SCREENSHOTS") or ROOT / "var" / "screenshots")
    directory.mkdir(parents=True, exist_ok=True)
    return directory

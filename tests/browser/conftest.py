"""Chromium before a real web process and a real worker."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.visitor import LIMIT_MS
from tests.stack.harness import Installation, open_installation

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
MISSING = (
    "The tests of the pages need Chromium. Install it with"
    " apt-get install --no-install-recommends chromium"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One process a module: while it lives, Django takes this thread for an asynchronous one."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail(MISSING, pytrace=False)
    expect.set_options(timeout=LIMIT_MS)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Everybody may sign up, and mails could be sent (to nobody: no test sends one)."""
    settings = {"IMAGEN_SIGN_UP": "open", "IMAGEN_MAIL": "smtp+plain://127.0.0.1:9"}
    with open_installation(tmp_path_factory.mktemp("browser"), **settings) as made:
        yield made

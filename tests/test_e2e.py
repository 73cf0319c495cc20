"""The real app in a real browser."""

import io
import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from PIL import Image

from app_helpers import write_checkpoints
from conftest import ROOT
from fgcore.data import synthetic

pytestmark = pytest.mark.e2e
READY = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
WAIT = 90_000  # milliseconds, for a slow machine


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium):
    """The app on a free port with untrained checkpoints; its address and its log."""
    folder = write_checkpoints(tmp_path_factory.mktemp("checkpoints"))
    log = tmp_path_factory.mktemp("log") / "app.log"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"FG_CHECKPOINTS": str(folder)}, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_healthy(port)
            yield f"http://127.0.0.1:{port}", log
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_healthy(port):
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the app did not start within a minute")


@pytest.fixture
def page(server, chromium):
    """A fresh browser page; console errors and requests to other machines fail the test."""
    from playwright.sync_api import sync_playwright

    complaints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(WAIT)
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: complaints.append(r.url) if _leaves(r.url) else None)
        yield page
        browser.close()
    assert complaints == []


def _leaves(url):
    return not url.startswith(("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:"))


def open_page(page, address):
    page.goto(address)
    page.wait_for_selector(READY)
    page.get_by_text("look, then look closer").wait_for()
    page.wait_for_selector(READY)


def photo():
    file = io.BytesIO()
    Image.fromarray(synthetic.draw("birds", 8, seed=3, size=320).image).save(file, "JPEG", quality=92)
    return {"name": "garden.jpg", "mimeType": "image/jpeg", "buffer": file.getvalue()}


def test_the_app_works_at_once_on_its_own_example(page, server):
    open_page(page, server[0])
    assert page.get_by_text("every class owns its channels").count() == 1
    assert page.locator(".js-plotly-plot").count() >= 4


def test_an_uploaded_photograph_is_answered_by_every_model(page, server):
    open_page(page, f"{server[0]}/?picture=Your+photo")
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(photo())
    page.get_by_text("garden.jpg", exact=True).last.wait_for()
    page.wait_for_selector(READY)
    page.get_by_text("look, then look closer").wait_for()
    names = synthetic.class_names("birds")
    shown = page.locator("[data-testid=stMain]").inner_text()
    assert "Your photograph" in shown
    assert any(name in shown for name in names)
    assert "%" in shown


def test_a_file_that_is_no_picture_gets_one_sentence_and_nothing_is_lost(page, server):
    open_page(page, f"{server[0]}/?picture=Your+photo")
    fake = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"only words in here"}
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(fake)
    page.get_by_text("This file was not opened").wait_for()
    page.wait_for_selector(READY)
    assert page.get_by_text("look, then look closer").count() == 1


def test_a_link_opens_the_same_picture_and_class_in_a_fresh_browser(page, server):
    name = synthetic.class_names("birds")[8]
    open_page(page, f"{server[0]}/?bird={name.replace(' ', '+')}&drawing=4")
    assert name in page.locator("[data-testid=stMain]").inner_text()


def test_the_log_has_no_trace_and_announces_no_removal(server):
    text = server[1].read_text(encoding="utf-8", errors="replace")
    assert not [w for w in ("Traceback", "will be removed", "was removed", "Deprecat") if w in text], text[-2000:]

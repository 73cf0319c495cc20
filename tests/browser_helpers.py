"""A real browser on the real app: what the tests of all pages share."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
READY = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
INPUT = "[data-testid=stFileUploaderDropzoneInput]"
WAIT = 90_000  # milliseconds, for a slow machine


@contextlib.contextmanager
def serve(log, **environment):
    """The app on a free port, with its log in the file `log`; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    with log.open("ab") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            wait_until_healthy(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=60)


def wait_until_healthy(port):
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the app did not start within a minute")


@contextlib.contextmanager
def visitor(browser):
    """A visitor's page; errors in the console and requests to other machines fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, complaints = context.new_page(), []
    page.set_default_timeout(WAIT)
    page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if leaves(request.url) else None)
    yield page
    context.close()
    assert not complaints, complaints  # a helper: pytest does not spell out its values


def is_complaint(message):
    """An error, but for two of Streamlit's own.

    It looks for its server below a page's path, which answers 404. And it deletes the pictures of a run when the next
    one ends: a browser that was still fetching them gets 404. `pictures_are_there` tells a page without pictures.
    """
    url = message.location.get("url", "")
    probe = url.endswith(("/_stcore/health", "/_stcore/host-config"))
    replaced = "/media/" in url or re.search(r"Image source error - \S+/media/", message.text)
    return message.type == "error" and not ("404" in message.text and probe) and not replaced


def pictures_are_there(page):
    """Wait until every picture on the page has been loaded."""
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


def fits_in_width(page):
    """Whether nothing makes the visitor scroll sideways."""
    wide, seen = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    return wide <= seen


def leaves(url):
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def complaints_in(log):
    """Words in the app's log that no release may have."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return [words for words in ("Traceback", "will be removed", "was removed", "deprecated") if words in text]


def visit(page, address):
    """Open the Inspect page and wait until it rests."""
    page.goto(address)
    page.get_by_text("Download the numbers").wait_for()  # the last thing on the page
    settle(page, models=3)


def settle(page, *, models):
    """Wait until that many models have answered and the app rests."""
    page.wait_for_function(f"document.querySelectorAll('.fg-model').length === {models}")
    page.wait_for_selector(READY)
    pictures_are_there(page)


def slide(page, figure, share=0.0, number=0):
    """Click a slider of a plotly figure at a share of its length, once the app rests and one such figure is left.

    While a page is drawn again, Streamlit shows the old figure beside the new one for a moment.
    """
    page.wait_for_selector(READY)
    page.wait_for_function("figure => document.querySelectorAll(figure).length === 1", arg=f"{figure} .js-plotly-plot")
    rail = page.locator(f"{figure} .slider-rail-touch-rect").nth(number)
    rail.scroll_into_view_if_needed()
    box = rail.bounding_box()
    page.mouse.click(box["x"] + 2 + share * (box["width"] - 4), box["y"] + box["height"] / 2)


def send(page, name, data):
    page.locator(INPUT).set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})


def answers(page):
    """What each model says: name of the model -> its first choice and the probability."""
    cards = page.locator(".fg-model")
    rows = [card.inner_text().split("\n") for card in cards.all()]
    return {row[0]: (row[1], row[2]) for row in ([line for line in row if line.strip()] for row in rows)}

"""The real app in a real browser, with untrained checkpoints."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from app_helpers import PHOTO_CLASSES, photograph, write_two_worlds
from conftest import ROOT
from fgcore.data.synthetic import class_names

pytestmark = pytest.mark.e2e
READY = "[data-testid=stApp][data-test-script-state=notRunning][data-test-connection-state=CONNECTED]"
INPUT = "[data-testid=stFileUploaderDropzoneInput]"
WAIT = 90_000  # milliseconds, for a slow machine


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium):
    """The app on a free port; its address and its log."""
    folder = write_two_worlds(tmp_path_factory.mktemp("checkpoints"))
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
            wait_until_healthy(port)
            yield f"http://127.0.0.1:{port}", log
        finally:
            process.terminate()
            process.wait(timeout=20)


def wait_until_healthy(port):
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.5)
    pytest.fail("the app did not start within a minute")


@pytest.fixture(scope="module")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A visitor's page; errors in the console and requests to other machines fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, complaints = context.new_page(), []
    page.set_default_timeout(WAIT)
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if leaves(request.url) else None)
    yield page
    context.close()
    assert complaints == []


def leaves(url):
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def visit(page, address):
    page.goto(address)
    page.get_by_text("Download the numbers").wait_for()  # the last thing on the page
    settle(page, models=3)


def settle(page, *, models):
    """Wait until that many models have answered and the app rests."""
    page.wait_for_function(f"document.querySelectorAll('.fg-model').length === {models}")
    page.wait_for_selector(READY)


def send(page, name, data):
    page.locator(INPUT).set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})


def answers(page):
    """What each model says: name of the model -> its first choice and the probability."""
    cards = page.locator(".fg-model")
    rows = [card.inner_text().split("\n") for card in cards.all()]
    return {row[0]: (row[1], row[2]) for row in ([line for line in row if line.strip()] for row in rows)}


def test_the_app_works_at_once_on_its_own_example(page, server):
    visit(page, server[0])
    said = answers(page)
    assert list(said) == ["Baseline", "MC-Loss", "AP-CNN"]
    assert all(name in class_names("birds") and share.endswith("%") for name, share in said.values())
    page.locator(".js-plotly-plot").nth(7).wait_for()
    assert page.locator("[data-testid=stException]").count() == 0


def test_an_uploaded_photograph_is_answered(page, server):
    visit(page, f"{server[0]}/?picture=Photo")
    send(page, "garden.jpg", photograph())
    page.locator(".fg-name", has_text="garden.jpg").wait_for()
    page.get_by_text("Learned from: CUB-200-2011, 3 classes").wait_for()  # who learned photographs answers
    settle(page, models=1)
    ((name, share),) = answers(page).values()
    assert name in PHOTO_CLASSES
    assert re.fullmatch(r"[<>]? ?\d+ %", share)


def test_a_real_photograph_is_answered(page, server, data_dir):
    path = sorted((data_dir / "CUB_200_2011" / "images").glob("*/*.jpg"))[0]
    visit(page, f"{server[0]}/?picture=Photo")
    send(page, path.name, path.read_bytes())
    page.locator(".fg-name", has_text=path.name).wait_for()
    settle(page, models=1)
    ((name, _),) = answers(page).values()
    assert name in PHOTO_CLASSES


def test_a_file_that_is_no_picture_gets_one_sentence_and_nothing_is_lost(page, server):
    visit(page, f"{server[0]}/?picture=Photo")
    before = answers(page)
    send(page, "notes.jpg", b"only words in here")
    alert = page.get_by_role("alert")
    alert.wait_for()
    settle(page, models=3)
    assert "notes.jpg is not a picture that can be read here" in alert.inner_text()
    assert answers(page) == before


def test_a_link_opens_the_same_picture_and_class_in_a_fresh_browser(page, server):
    name, other = class_names("birds")[8], class_names("birds")[2]
    visit(page, f"{server[0]}/?bird={name.replace(' ', '+')}&drawing=4&class={other.replace(' ', '+')}")
    assert page.locator("h3", has_text=name).count() == 1
    page.get_by_text(f"{other} · the class").wait_for()


def test_maps_fade_and_zoom_without_the_server(page, server):
    visit(page, server[0])
    state = """key => {
        const plot = document.querySelector(`.st-key-strip-cam .js-plotly-plot`), layout = plot._fullLayout;
        return {
            opacity: plot._fullData.filter(trace => trace.type === "heatmap").map(trace => trace.opacity),
            ranges: ["xaxis", "xaxis2", "xaxis3", "xaxis4"].map(axis => layout[axis].range.map(Math.round)),
        };
    }"""
    before = page.evaluate(state)
    page.on("websocket", lambda _: pytest.fail("a new connection"))
    slider = page.locator(".st-key-strip-cam .slider-rail-touch-rect")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    page.wait_for_function(f"({state})().opacity[0] === 0")
    assert len(before["opacity"]) == 3
    assert page.evaluate(state)["opacity"] == [0, 0, 0]

    panel = page.locator(".st-key-strip-cam .nsewdrag").first.bounding_box()
    page.mouse.move(panel["x"] + 30, panel["y"] + 30)
    page.mouse.down()
    page.mouse.move(panel["x"] + 110, panel["y"] + 110, steps=4)
    page.mouse.up()
    page.wait_for_function(f"({state})().ranges[0][0] > 5")
    ranges = page.evaluate(state)["ranges"]
    assert all(one == ranges[0] for one in ranges)
    assert page.locator(READY).count() == 1


def test_a_narrow_screen_needs_no_sideways_scrolling(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server[0])
    page.wait_for_selector(".st-key-strip-cam .js-plotly-plot")
    wide, seen = page.evaluate(
        "() => { const m = document.querySelector('[data-testid=stMain]'); return [m.scrollWidth, m.clientWidth] }"
    )
    assert wide <= seen
    strip = page.locator(".st-key-strip-cam").evaluate("strip => [strip.scrollWidth, strip.clientWidth]")
    assert strip[0] > strip[1]  # the row of pictures is swiped instead


def test_the_log_has_no_trace_and_announces_no_removal(server):
    text = server[1].read_text(encoding="utf-8", errors="replace")
    found = [words for words in ("Traceback", "will be removed", "was removed", "deprecated") if words in text]
    assert found == [], text[-2000:]

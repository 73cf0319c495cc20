"""Checkpoints, links, reports and the camera in a real browser, with untrained checkpoints."""

import json
import pickle
import re

import pytest

from app_helpers import write_checkpoint, write_checkpoints
from browser_helpers import INPUT, READY, WAIT, answers, settle, visitor
from fgcore.data.synthetic import class_names
from fgcore.inspection.inspector import Inspector

pytestmark = pytest.mark.e2e

BIRD, CLASS = class_names("birds")[8], class_names("birds")[2]
LINK = f"/?bird={BIRD.replace(' ', '+')}&drawing=4&class={CLASS.replace(' ', '+')}&models=mc_birds"


def go_to(page, name):
    page.get_by_role("link", name=name, exact=True).click()
    page.locator("h1", has_text=name).wait_for()
    page.wait_for_selector(READY)


def bring(page, name, data, told):
    """Upload a file and wait for what the page should tell of it."""
    page.locator(INPUT).set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})
    page.locator("[data-testid=stAlert]").filter(has_text=told).wait_for()
    page.wait_for_selector(READY)


def test_a_checkpoint_is_brought_asked_and_deleted_and_a_hostile_one_changes_nothing(page, server, tmp_path):
    write_checkpoint(tmp_path / "mine.safetensors", "mc", ("A318", "A319", "A320"), "aircraft")
    page.goto(f"{server[0]}{LINK}")  # one model is enough to wait for
    settle(page, models=1)
    go_to(page, "Checkpoints")
    cards = page.locator(".fg-model").count()

    bring(page, "evil.safetensors", pickle.dumps(print), "evil.safetensors cannot be used: it is no safetensors file")
    assert page.locator(".fg-model").count() == cards

    bring(page, "mine.safetensors", (tmp_path / "mine.safetensors").read_bytes(), "mine was checked and kept.")
    page.get_by_role("heading", name="FGVC-Aircraft, 3 classes").wait_for()
    assert page.locator(".fg-model").count() == cards + 1
    page.get_by_role("button", name="Inspect with this").last.click()

    page.locator("h1", has_text="Inspect").wait_for()
    page.wait_for_url(re.compile(r"[?&]models=mine\b"))
    page.get_by_text("Learned from: FGVC-Aircraft, 3 classes").wait_for()
    settle(page, models=1)
    ((name, _),) = answers(page).values()
    assert name in ("A318", "A319", "A320")

    go_to(page, "Checkpoints")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it for good").click()
    page.locator("[data-testid=stAlert]").filter(has_text="mine.safetensors was deleted.").wait_for()
    page.wait_for_selector(READY)
    assert page.locator(".fg-model").count() == cards


def test_a_link_opens_image_class_and_model_and_its_report_holds_the_numbers(page, server, browser, tmp_path):
    page.goto(f"{server[0]}{LINK}")
    settle(page, models=1)
    page.get_by_text(f"{CLASS} · the class").wait_for()
    assert page.locator("h3", has_text=BIRD).count() == 1
    assert list(answers(page)) == ["MC-Loss"]
    assert re.search(r"[?&]models=mc_birds\b", page.url)
    page.wait_for_selector(READY)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the report").click()
    download.value.save_as(tmp_path / "report.html")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the numbers").click()
    numbers = json.loads(download.value.path().read_text(encoding="utf-8"))

    inspector = Inspector(write_checkpoints(tmp_path) / "mc_birds.safetensors")  # as the server's: same seed
    expected = inspector.set_image(load_drawing(8, 4))
    (model,) = numbers["models"]
    assert model["gradcam"]["class"] == model["mc"]["groups"][0]["class"] == CLASS
    for entry, (index, probability) in zip(model["top"], expected.prediction.top(24), strict=True):
        assert entry["class"] == expected.class_names[index]
        assert entry["probability"] == pytest.approx(probability, abs=1e-5)

    text = offline_text(browser, tmp_path / "report.html")
    assert f"{BIRD}, drawing 4" in text
    assert model["origin"]["sha256"] in text
    for value in (*(entry["probability"] for entry in model["top"][:10]), model["mc"]["groups"][0]["score"]):
        assert f"{value:.6f}" in text


def load_drawing(class_index, number):
    from app.resources import drawing

    return drawing("bird", class_index, number).image


def offline_text(browser, path):
    """What a reader without any network sees of a file; asserts that it needs none."""
    context = browser.new_context(offline=True)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
    page.goto(path.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    text = page.locator("body").inner_text()
    assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    context.close()
    assert complaints == []
    assert wide <= seen
    return text


def test_the_camera_takes_a_picture_once_it_is_asked_for(browser, chromium, server):
    flags = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with (
        browser.browser_type.launch(executable_path=chromium, headless=True, args=flags) as other,
        visitor(other) as page,
    ):
        page.goto(f"{server[0]}/?picture=Photo&models=baseline_photos")
        settle(page, models=1)
        assert page.locator("video").count() == 0
        page.get_by_text("Use the camera").click()
        page.locator("video").wait_for()
        page.get_by_role("button", name="Take Photo").click()
        page.locator(".fg-name", has_text="Camera").wait_for(timeout=WAIT)
        settle(page, models=1)
        assert list(answers(page)) == ["Baseline"]

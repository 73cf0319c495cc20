"""The Train page in a real browser: a run is started, survives a reload, is watched, inspected and deleted."""

import pytest

from browser_helpers import READY, complaints_in, fits_in_width, slide
from test_data_archives import classes, zipped

pytestmark = pytest.mark.e2e


def enter(page, label, value):
    field = page.get_by_label(label, exact=True)
    field.fill(str(value))
    field.press("Enter")


def test_a_run_is_trained_survives_a_reload_and_is_inspected(page, server):
    page.goto(f"{server[0]}/train")
    page.get_by_text("9 groups of 3 channels").wait_for()
    enter(page, "Drawings per class to learn from", 4)
    page.get_by_text("first 9 of 24 classes, 4 + 10").wait_for()
    enter(page, "Epochs", 2)
    page.get_by_text("2 epochs of 2 steps").wait_for()
    page.get_by_role("button", name="Start training").click()
    page.get_by_text("is training").wait_for()
    page.wait_for_url("**/train?run=mc_birds_first-1")
    page.reload()
    page.get_by_text("is training").wait_for()  # it did not need the page
    page.get_by_text("has finished").wait_for(timeout=240_000)  # a machine may be busy with other tests
    page.get_by_role("heading", name="The filmstrip").wait_for()
    slide_to_the_start(page)
    with page.expect_download() as animation:
        page.get_by_role("button", name="Save as an animation").click()
    assert animation.value.suggested_filename == "mc_birds_first-1.gif"
    assert animation.value.path().read_bytes()[:6] == b"GIF89a"
    with page.expect_download() as checkpoint:
        page.get_by_role("button", name="Download the checkpoint").click()
    assert b"finegrain-lens" in checkpoint.value.path().read_bytes()[:100_000]
    page.get_by_role("button", name="Inspect it").click()
    page.get_by_text("Learned from: Drawn birds, 9 classes").wait_for()
    page.wait_for_function("document.querySelectorAll('.fg-model').length === 1")
    page.locator("h3", has_text="Ash Warbler").first.wait_for()
    page.wait_for_selector(READY)
    page.goto(f"{server[0]}/train?run=mc_birds_first-1")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete it").click()
    page.get_by_role("button", name="Start the first run").wait_for()
    assert complaints_in(server[1]) == []


def slide_to_the_start(page):
    """The slider shows other pictures and numbers, and asks no server."""
    film = ".st-key-strip-film .js-plotly-plot"
    page.wait_for_selector(READY)
    page.wait_for_selector(film)
    shown = f"""() => {{
        const data = document.querySelector("{film}")._fullData;
        const words = data.filter(trace => trace.mode === "text").map(trace => trace.text[0]);
        return [words, data.filter(trace => trace.type === "image").map(trace => trace.source.length)];
    }}"""
    before = page.evaluate(shown)
    assert len(before[0]) == 4
    slide(page, ".st-key-strip-film")
    page.wait_for_function(f"({shown})()[0][0] !== '{before[0][0]}'")
    after = page.evaluate(shown)
    assert all(one != other for one, other in zip(before[1], after[1], strict=True))


def test_a_zip_of_class_folders_is_counted_and_a_bad_one_refused(page, server):
    page.goto(f"{server[0]}/train")
    page.get_by_text("9 groups of 3 channels").wait_for()
    page.get_by_role("combobox", name="Images", exact=False).first.click()
    page.get_by_role("option", name="A zip file of class folders").click()
    send(page, "bad.zip", b"not a zip")
    page.get_by_text("this is no zip file").wait_for()
    send(page, "good.zip", zipped(classes(count=8)).getvalue())
    page.get_by_text("16 images of 2 classes unpacked").wait_for()
    page.get_by_text("2 groups of 3 channels").wait_for()


def send(page, name, data):
    page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(
        {"name": name, "mimeType": "application/zip", "buffer": data}
    )


def test_a_narrow_screen_needs_no_sideways_scrolling(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{server[0]}/train")
    page.get_by_text("9 groups of 3 channels").wait_for()
    assert fits_in_width(page)

"""The lesson in a real browser, with untrained checkpoints."""

import re

import pytest

from app.pages.learn import STEPS
from browser_helpers import READY, complaints_in, fits_in_width, pictures_are_there

pytestmark = pytest.mark.e2e
BOARD = [found.title for found in STEPS].index("Spread over different places") + 1


def at_step(page, number):
    """Wait until a step is there and the app rests."""
    page.locator("h1", has_text=STEPS[number - 1].title).wait_for()
    page.get_by_text(f"step {number} of {len(STEPS)}").wait_for()
    page.get_by_text("The code that computed this").wait_for()
    page.wait_for_selector(READY)
    pictures_are_there(page)


def spread(page):
    """The number h on the page."""
    return float(re.search(r"h = ([\d.]+)", page.locator(".fg-gauge").inner_text()).group(1))


def wait_for_spread(page, condition):
    page.wait_for_function(
        f"() => {{ const h = parseFloat(document.querySelector('.fg-gauge b').textContent); return {condition}; }}"
    )
    return spread(page)


def test_the_lesson_is_walked_from_start_to_end(page, server):
    page.goto(f"{server[0]}/")
    page.get_by_role("link", name="Learn").click()
    for number in range(1, len(STEPS)):
        at_step(page, number)
        assert page.locator("[data-testid=stException], [data-testid=stAlertContentInfo]").count() == 0
        page.locator(".st-key-lesson-next button").click()
    at_step(page, len(STEPS))
    assert page.url.endswith(f"?step={len(STEPS)}")
    assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") == 0
    page.get_by_role("link", name="Now your own photo").click()
    page.locator("h1", has_text="Inspect").wait_for()
    assert "picture=Photo" in page.url
    page.wait_for_selector(READY)
    assert complaints_in(server[1]) == []


def test_dragged_blobs_change_h_and_keys_move_them_too(page, server):
    page.goto(f"{server[0]}/learn?step={BOARD}")
    at_step(page, BOARD)
    before = spread(page)
    assert before < 2
    board = page.locator(".board").bounding_box()
    for name, right, down in (("Blob 1", 0.15, 0.15), ("Blob 2", 0.85, 0.2)):
        handle = page.get_by_role("button", name=name)
        box = handle.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(board["x"] + right * board["width"], board["y"] + down * board["height"], steps=6)
        page.mouse.up()
    apart = wait_for_spread(page, "h > 2.8")
    blob = page.get_by_role("button", name="Blob 2")
    assert "row 3, column 12" in blob.get_attribute("aria-label")

    blob.focus()
    for _ in range(9):
        page.keyboard.press("ArrowLeft")
    assert "row 3, column 3" in blob.get_attribute("aria-label")
    assert wait_for_spread(page, f"h < {apart} - 0.5") < 2.5  # it lies on blob 1 now


def test_a_link_opens_its_step_in_a_fresh_browser_and_its_code(page, server):
    page.goto(f"{server[0]}/learn?step=5")
    at_step(page, 5)
    page.get_by_text("The code that computed this").click()
    page.get_by_text("fgcore/methods/mc/losses.py · group_max").wait_for()
    page.get_by_text("CCMP: the highest value among the channels of each class").wait_for()


def test_the_guess_lights_up_the_discriminative_part(page, server):
    page.goto(f"{server[0]}/learn")
    at_step(page, 1)
    assert page.get_by_text("Ring-eyed").count() == 0
    page.get_by_role("radio", name="Second").click()
    page.get_by_text("Right: the second bird has no eye ring").wait_for()


def test_every_step_fits_a_narrow_screen(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    for number in (1, 4, BOARD, 11):
        page.goto(f"{server[0]}/learn?step={number}")
        at_step(page, number)
        assert fits_in_width(page)
        pictures = page.locator("[data-testid=stImage] img")
        assert all(box["x"] + box["width"] <= 390 for box in (picture.bounding_box() for picture in pictures.all()))

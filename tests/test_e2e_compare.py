"""The Compare page in a real browser: drag a box, fade and cut off maps without the server, open a link."""

import json

import pytest

from app_helpers import photograph
from browser_helpers import READY, complaints_in, fits_in_width, slide
from fgcore.data.synthetic import class_names

pytestmark = pytest.mark.e2e

MAPS = """() => {
    const plot = document.querySelector('.st-key-maps .js-plotly-plot'), layout = plot._fullLayout;
    const maps = plot._fullData.filter(trace => trace.type === 'heatmap');
    return {
        opacity: maps.map(trace => trace.opacity),
        clear: maps.map(trace => trace.colorscale.filter(([, colour]) => colour.endsWith(', 0.000)')).length),
        ranges: ['xaxis', 'xaxis2', 'xaxis3', 'xaxis4'].map(axis => layout[axis].range.map(Math.round)),
    };
}"""


def visit(page, address, query=""):
    page.goto(f"{address}/compare{query}")
    page.get_by_text("Many images").wait_for()  # the last section of the page
    page.wait_for_selector(".st-key-maps .js-plotly-plot")
    page.wait_for_selector(READY)


def drag(page, panel, start, stop):
    """From one point of an element to another, both in shares of its size."""
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, stop)]
    page.mouse.move(*points[0])
    page.mouse.down()
    page.mouse.move(*points[1], steps=6)
    page.mouse.up()


def sides(page):
    return [int(page.locator(f".st-key-{side} input").input_value()) for side in ("left", "top", "right", "bottom")]


def test_maps_fade_are_cut_off_and_zoom_without_the_server(page, server):
    visit(page, server[0])
    sent = []
    page.on("websocket", lambda _: pytest.fail("a new connection"))
    page.on("request", lambda request: sent.append(request.url))
    before = page.evaluate(MAPS)
    assert len(before["opacity"]) == 3

    slide(page, ".st-key-maps")
    page.wait_for_function(f"({MAPS})().opacity[0] === 0")
    assert page.evaluate(MAPS)["opacity"] == [0, 0, 0]

    slide(page, ".st-key-maps", 0.8, number=1)
    page.wait_for_function(f"({MAPS})().clear[0] === 2")  # clear from 0 up to the threshold
    after = page.evaluate(MAPS)
    assert after["clear"] == [2, 2, 2]
    assert after["opacity"] == [0, 0, 0]  # one slider leaves the other alone

    drag(page, page.locator(".st-key-maps .nsewdrag").first, (0.2, 0.2), (0.6, 0.6))
    page.wait_for_function(f"({MAPS})().ranges[0][0] > 5")
    ranges = page.evaluate(MAPS)["ranges"]
    assert all(one == ranges[0] for one in ranges)
    assert page.locator(READY).count() == 1
    assert sent == []


def test_a_box_dragged_over_the_image_is_covered_and_every_model_is_asked_again(page, server):
    visit(page, server[0])
    page.get_by_text("Nothing is covered yet").wait_for()
    drag(page, page.locator(".st-key-occlude .nsewdrag"), (0.25, 0.2), (0.75, 0.6))
    page.get_by_text("As the networks see it now").wait_for()
    page.wait_for_selector(READY)
    assert sides(page) == pytest.approx([25, 20, 75, 60], abs=2)
    assert page.locator("th", has_text="before").count() == 3

    drag(page, page.locator(".st-key-occlude .nsewdrag"), (0.1, 0.1), (0.3, 0.3))  # another box replaces it
    page.wait_for_function("() => document.querySelector('.st-key-left input').value < 20")
    page.wait_for_selector(READY)
    assert sides(page) == pytest.approx([10, 10, 30, 30], abs=2)
    with page.expect_download() as download:
        page.get_by_role("button", name="Before and after").click()
    numbers = json.loads(download.value.path().read_text())
    assert list(numbers["covered"]["per_cent"].values()) == sides(page)
    assert len(numbers["models"]) == 3

    page.get_by_role("button", name="Uncover").click()
    page.get_by_text("Nothing is covered yet").wait_for()


def test_a_link_opens_the_same_comparison_in_a_fresh_browser(page, server):
    name = class_names("birds")[2]
    query = f"?map=LayerCAM&class={name.replace(' ', '+')}&left=30&top=20&right=60&bottom=50&fill=mean+colour"
    visit(page, server[0], query)
    page.get_by_text("As the networks see it now").wait_for()
    assert sides(page) == [30, 20, 60, 50]
    titles = page.locator(".st-key-maps .annotation-text").all_text_contents()
    assert sum("LayerCAM" in title and name in title for title in titles) == 3
    with page.expect_download() as download:
        page.get_by_role("button", name="Numbers (JSON)").click()
    numbers = json.loads(download.value.path().read_text())
    assert {model["class"] for model in numbers["models"]} == {name}
    assert len(numbers["agreement"]) == 3


def test_a_row_of_many_images_opens_its_image(page, server):
    visit(page, server[0], "?drawings=3")
    page.get_by_role("button", name="Compare on 3 images").click()
    table = page.get_by_test_id("stDataFrame")
    table.wait_for()
    page.wait_for_selector(READY)
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    page.mouse.click(box["x"] + 14, box["y"] + 36 + 56 * 2.5)  # the third row's box; rows are 56 pixels high
    page.wait_for_function("() => document.querySelector('.st-key-drawing input').value === '2'")
    page.wait_for_selector(READY)


def test_several_files_are_compared_at_once(page, server):
    visit(page, server[0], "?pictures=My+files")
    files = [{"name": f"{name}.jpg", "mimeType": "image/jpeg", "buffer": photograph()} for name in ("one", "two")]
    page.locator(".st-key-compared_files [data-testid=stFileUploaderDropzoneInput]").set_input_files(files)
    page.get_by_role("button", name="Compare on 2 images").click()
    page.get_by_text("Mean over 2 images").wait_for()


def test_a_narrow_screen_needs_no_sideways_scrolling(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server[0])
    assert fits_in_width(page)
    strip = page.locator(".st-key-strip-maps").evaluate("strip => [strip.scrollWidth, strip.clientWidth]")
    assert strip[0] > strip[1]  # the row of pictures is swiped instead


def test_the_log_has_no_trace(page, server):
    visit(page, server[0])
    assert complaints_in(server[1]) == []

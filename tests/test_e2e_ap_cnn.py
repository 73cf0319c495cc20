"""The AP-CNN page in a real browser, with untrained checkpoints."""

import json
import re

import pytest

from browser_helpers import READY, complaints_in, fits_in_width, slide

pytestmark = pytest.mark.e2e
LAST = "saves it as PNG"  # the page's last sentence


def visit(page, server, link=""):
    page.goto(f"{server[0]}/ap-cnn{link}")
    rest(page)


def rest(page):
    page.get_by_text(LAST).wait_for()
    page.wait_for_selector(READY)


def plot(page, key):
    """A figure by the beginning of its key, ready for the mouse."""
    figure = page.locator(f"[class*='st-key-{key}'] .js-plotly-plot").first
    figure.scroll_into_view_if_needed()
    page.wait_for_selector(READY)
    return figure


def visible(page, key):
    """Names of the traces that a figure shows."""
    return page.evaluate(
        "key => document.querySelector(`[class*='st-key-${key}'] .js-plotly-plot`)._fullData"
        ".filter(trace => trace.visible === true && trace.showlegend).map(trace => trace.name)",
        key,
    )


def test_a_link_opens_level_and_part_in_a_fresh_browser(page, server):
    visit(page, server, "?level=4&drawing=2")
    page.get_by_text("Gates of 6 × 6 cells of 16 × 16 px").wait_for()
    assert page.get_by_role("radio", name="4", exact=True).get_attribute("aria-checked") == "true"
    page.wait_for_function("() => document.querySelectorAll('.fg-ap-box').length === 15")
    page.get_by_role("tab", name="What if").click()
    page.get_by_text("Zoom into").wait_for()
    rest(page)
    assert "detail=What" in page.url
    assert page.locator("[data-testid=stException]").count() == 0
    assert complaints_in(server[1]) == []


def test_the_steps_of_suppression_run_without_the_server(page, server):
    visit(page, server, "?level=3")
    plot(page, "ap-nms")
    assert "kept (5)" in visible(page, "ap-nms")
    page.on("websocket", lambda _: pytest.fail("a new connection"))
    slide(page, "[class*='st-key-ap-nms']")
    page.wait_for_function(
        "() => document.querySelector(\"[class*='st-key-ap-nms'] .slider-label\").textContent.startsWith('all ')"
    )
    assert [name.split(" (")[0] for name in visible(page, "ap-nms")] == ["candidate"]
    assert page.locator(READY).count() == 1
    page.get_by_role("radio", name="4", exact=True).click()  # another level starts with all its boxes again
    page.get_by_text("Gates of 6 × 6 cells").wait_for()
    rest(page)
    page.wait_for_function(
        "() => document.querySelector(\"[class*='st-key-ap-nms'] .slider-label\").textContent.startsWith('box 3 of 3')"
    )
    assert "kept (3)" in visible(page, "ap-nms")


def test_a_click_on_a_box_or_on_a_row_drops_an_roi(page, server):
    visit(page, server, "?detail=Zoom+and+drop")
    page.get_by_text("Without this box").wait_for()
    point = """key => {
        const plot = document.querySelector(`[class*='${key}'] .js-plotly-plot`), layout = plot._fullLayout;
        const dots = plot._fullData.at(-1), frame = plot.getBoundingClientRect();
        const at = number => [
            frame.x + layout.xaxis._offset + layout.xaxis.d2p(dots.x[number]),
            frame.y + layout.yaxis._offset + layout.yaxis.d2p(dots.y[number]),
        ];
        return at(dots.x.length - 1);
    }"""
    figure = page.locator("[class*='st-key-ap_drop'][class*='-image'] .js-plotly-plot")
    figure.scroll_into_view_if_needed()
    x, y = page.evaluate(point, "-image")
    page.mouse.click(x, y)
    page.get_by_text(re.compile(r"Without level \d, ROI \d")).wait_for()
    rest(page)
    dropped = page.get_by_text(re.compile(r"Without level \d, ROI \d")).inner_text()
    assert dropped.startswith("Without level 5, ROI 1")  # the last one

    table = page.locator("[class*='st-key-ap_drop'][class*='-table'] .js-plotly-plot")
    table.scroll_into_view_if_needed()
    place = """() => {
        const plot = document.querySelector("[class*='st-key-ap_drop'][class*='-table'] .js-plotly-plot");
        const layout = plot._fullLayout, frame = plot.getBoundingClientRect();
        const {xaxis, yaxis} = layout;
        return [frame.x + xaxis._offset + xaxis.d2p(5), frame.y + yaxis._offset + yaxis.d2p(1)];
    }"""
    x, y = page.evaluate(place)
    page.mouse.click(x, y)
    page.get_by_text("Without level 3, ROI 2").wait_for()
    rest(page)


def test_a_box_dragged_on_the_picture_is_where_stage_two_looks(page, server):
    visit(page, server, "?detail=What+if")
    plot(page, "ap-board")
    panel = page.locator("[class*='st-key-ap-board'] .nsewdrag").first.bounding_box()
    across, down = panel["width"] / 96, panel["height"] / 96  # the network sees 96 x 96 pixels
    page.mouse.move(panel["x"] + 64 * across, panel["y"] + 56 * down)  # from the lower right to the upper left
    page.mouse.down()
    page.mouse.move(panel["x"] + 16 * across, panel["y"] + 24 * down, steps=6)
    page.mouse.up()
    page.get_by_text("All numbers with what if").wait_for()
    rest(page)
    corners = [int(page.get_by_role("spinbutton", name=name).input_value()) for name in ("x1", "y1", "x2", "y2")]
    assert all(abs(side - wanted) <= 1 for side, wanted in zip(corners, (16, 24, 64, 56), strict=True))
    x1, y1, x2, y2 = (side // 8 for side in corners)
    page.get_by_text(f"cells {x1} – {x2} across and {y1} – {y2} down").wait_for()

    with page.expect_download() as download:
        page.get_by_text("All numbers with what if").click()
    values = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert values["what_if"]["own_zoom_box"] == corners
    assert values["what_if"]["zoom_cells"] == [x1, y1, x2, y2]

    page.get_by_text("Back to the model's own").click()
    page.get_by_text("All numbers with what if").wait_for(state="detached")
    rest(page)
    assert complaints_in(server[1]) == []


def test_a_narrow_screen_stacks_the_boxes_and_needs_no_sideways_scrolling(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server)
    for part in ("Level by level", "Zoom and drop", "What if"):
        page.get_by_role("tab", name=part).click()
        rest(page)
        assert fits_in_width(page)
    lefts = page.locator(".fg-ap-box").evaluate_all("boxes => boxes.map(box => box.getBoundingClientRect().x)")
    assert max(lefts) - min(lefts) < 1

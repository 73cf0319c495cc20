"""The MC-Loss page in a real browser: class and contrast class, clicked channels, links, files, small screens."""

import csv
import itertools
import json
import re

import pytest

from browser_helpers import READY, complaints_in, fits_in_width, slide
from fgcore.data.synthetic import class_names

pytestmark = pytest.mark.e2e
NAMES = class_names("birds")
KEPT = re.compile(r"(\d+) kept, (\d+) dropped")
# A click on the tile of the channel with this number, where plotly drew it.
TILE = """([role, number]) => {
    const plot = document.querySelector(`[class*=st-key-mc-mosaic-${role}] .js-plotly-plot`);
    plot.scrollIntoView({block: "center"});
    const {xaxis, yaxis} = plot._fullLayout;
    const points = plot._fullData.find(trace => trace.type === "scatter" && trace.customdata);
    const place = Array.from(points.customdata).indexOf(number), box = plot.getBoundingClientRect();
    return [box.x + xaxis._offset + xaxis.d2p(points.x[place]), box.y + yaxis._offset + yaxis.d2p(points.y[place])];
}"""


def visit(page, address, part="Discriminality", **link):
    query = "&".join(f"{name}={str(value).replace(' ', '+')}" for name, value in {"part": part, **link}.items())
    page.goto(f"{address}/mc-loss?{query}")
    page.get_by_text("Numbers as CSV").wait_for()
    page.wait_for_selector(READY)


def kept(page, role):
    """Channels kept and dropped, as the caption below a mosaic says."""
    caption = page.locator("[data-testid=stCaptionContainer]", has_text=KEPT).nth(0 if role == "class" else 1)
    return tuple(map(int, KEPT.search(caption.inner_text()).groups()))


def click_channel(page, role, number):
    plot = page.locator(f"[class*=st-key-mc-mosaic-{role}] .js-plotly-plot")
    plot.locator(".nsewdrag").wait_for()
    page.evaluate(TILE, [role, number])  # scrolls
    page.wait_for_timeout(300)
    page.mouse.click(*page.evaluate(TILE, [role, number]))


def score(page):
    """Of the class under the mask, as the table says."""
    row = page.locator("table.fg-table tr", has_text="score g, under the mask")
    return float(row.locator("td").first.inner_text().split()[0])


def test_clicking_channels_drops_them_and_takes_them_back(page, server):
    visit(page, server[0], **{"class": NAMES[0], "rival": NAMES[5]})
    assert kept(page, "class") == (21, 0)
    before = score(page)
    click_channel(page, "class", 3)
    page.get_by_text("20 kept, 1 dropped").wait_for()
    assert kept(page, "contrast") == (21, 0)
    click_channel(page, "contrast", 5 * 21 + 20)
    page.get_by_text("20 kept, 1 dropped").nth(1).wait_for()
    assert score(page) <= before
    page.wait_for_selector(READY)
    click_channel(page, "class", 3)
    page.get_by_text("21 kept, 0 dropped").wait_for()
    page.wait_for_selector(READY)
    assert score(page) == before


def test_channels_can_be_dropped_with_the_keyboard_alone(page, server):
    visit(page, server[0], **{"class": NAMES[0]})
    page.locator("summary", has_text="Choose channels by button").first.focus()
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="7", exact=True)
    button.wait_for()
    assert button.get_attribute("aria-pressed") == "true"
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_text("20 kept, 1 dropped").wait_for()


def test_class_and_contrast_class_are_chosen_and_go_into_the_link_that_opens_in_a_fresh_browser(page, server, browser):
    visit(page, server[0])
    for label, name in (("Class", NAMES[4]), ("Contrast class", NAMES[9])):
        box = page.locator("[data-testid=stMain]").get_by_role("combobox", name=re.compile(label))
        box.click()
        box.fill(name)
        page.get_by_role("option", name=name, exact=True).click()
        page.get_by_text(f"{name} · the {label.lower()}").wait_for()
    page.get_by_role("button", name="Another mask").click()
    page.get_by_text("11 kept, 10 dropped").or_(page.get_by_text("11 kept, 11 dropped")).first.wait_for()
    page.wait_for_selector(READY)
    page.get_by_role("tab", name="Discriminality").wait_for()
    context = browser.new_context()
    fresh = context.new_page()
    fresh.set_default_timeout(90_000)
    fresh.goto(page.url)
    fresh.get_by_text(f"{NAMES[4]} · the class").wait_for()
    fresh.get_by_text(f"{NAMES[9]} · the contrast class").wait_for()
    fresh.get_by_text("draws mask 1").wait_for()
    context.close()


def test_the_parts_open_and_the_loss_is_equal_to_the_training_s(page, server):
    visit(page, server[0])
    for name, sign in (
        ("Diversity", "Overlap of each pair"),
        ("Classifier", "One group alone, and all but it."),
        ("Loss", "True class"),
    ):
        page.get_by_role("tab", name=name).click()
        page.get_by_text(sign).first.wait_for()
    page.get_by_text("equal to the last digit").wait_for()
    assert "part=Loss" in page.url
    assert complaints_in(server[1]) == []


def test_the_numbers_on_the_page_are_those_in_the_files(page, server):
    visit(page, server[0], part="Loss", mask=3)
    alerts = page.locator("[data-testid=stAlert]").all_inner_texts()
    (told,) = [text for text in alerts if "under the mask shown" in text]
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Numbers as JSON").click()
    values = json.loads(waiting.value.path().read_text(encoding="utf-8"))
    assert values["mask"]["number"] == 3
    assert values["loss"]["equal"] is True
    assert f"{values['loss']['shown']['total']:.5g}" in told
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Numbers as CSV").click()
    rows = dict(csv.reader(waiting.value.path().read_text(encoding="utf-8").splitlines()))
    assert float(rows["loss.training.total"]) == values["loss"]["training"]["total"]


def test_maps_fade_without_the_server(page, server):
    visit(page, server[0])
    page.evaluate("window.runs = 0")
    page.evaluate(
        """() => new MutationObserver(() => window.runs++).observe(
            document.querySelector("[data-testid=stApp]"), {attributeFilter: ["data-test-script-state"]})"""
    )
    slide(page, "[class*=st-key-mc-mosaic-class]")
    opacity = """() => document.querySelector("[class*=st-key-mc-mosaic-class] .js-plotly-plot")._fullData[0].opacity"""
    page.wait_for_function(f"({opacity})() === 0")
    assert page.evaluate("window.runs") == 0


def test_a_narrow_screen_stacks_the_overview_and_needs_no_sideways_scrolling(page, server):
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, server[0])
    assert fits_in_width(page)
    boxes = [item.bounding_box() for item in page.locator(".fg-lane.fg-dis li").all()]
    assert len(boxes) == 5
    assert all(after["y"] >= before["y"] + before["height"] for before, after in itertools.pairwise(boxes))

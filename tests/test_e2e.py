"""The Inspect page in a real browser, with untrained checkpoints."""

import re

import pytest

from app_helpers import PHOTO_CLASSES, photograph
from browser_helpers import READY, answers, complaints_in, fits_in_width, send, settle, slide, visit
from fgcore.data.synthetic import class_names

pytestmark = pytest.mark.e2e


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


def test_a_file_that_is_no_image_gets_one_sentence_and_nothing_is_lost(page, server):
    visit(page, f"{server[0]}/?picture=Photo")
    before = answers(page)
    send(page, "notes.jpg", b"only words in here")
    alert = page.get_by_role("alert")
    alert.wait_for()
    settle(page, models=3)
    assert "notes.jpg is not an image that can be read here" in alert.inner_text()
    assert answers(page) == before


def test_a_link_opens_the_same_image_and_class_in_a_fresh_browser(page, server):
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
    slide(page, ".st-key-strip-cam")
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
    assert fits_in_width(page)
    strip = page.locator(".st-key-strip-cam").evaluate("strip => [strip.scrollWidth, strip.clientWidth]")
    assert strip[0] > strip[1]  # the row of pictures is swiped instead


def test_the_log_has_no_trace_and_announces_no_removal(page, server):
    visit(page, server[0])
    assert complaints_in(server[1]) == []

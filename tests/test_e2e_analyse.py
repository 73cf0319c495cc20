"""The Analyse page in a real browser: sort, choose a confused pair, land in the inspector on that picture."""

import pytest

from browser_helpers import READY, complaints_in, fits_in_width, serve, settle
from fgcore.evaluation import store, tables

pytestmark = pytest.mark.e2e

CELLS = """key => [...document.querySelectorAll(`.st-key-${key} canvas[data-testid=data-grid-canvas] table tbody tr`)]
    .map(row => [...row.querySelectorAll('td')].map(cell => cell.innerText.trim()))"""


@pytest.fixture(scope="module")
def address(analysed, chromium, tmp_path_factory):
    models, folder = analysed
    log = tmp_path_factory.mktemp("log") / "app.log"
    with serve(log, FG_CHECKPOINTS=str(models), FG_ANALYSES=str(folder)) as address:
        yield address
    assert complaints_in(log) == []


def rest(page):
    page.wait_for_selector(READY)


def column(page, key, number):
    """The cells of a column of a table, as it is sorted now."""
    return [row[number] for row in page.evaluate(CELLS, key) if len(row) > number]


def click(page, key, x, y):
    page.locator(f".st-key-{key} [data-testid=stDataFrame]").click(position={"x": x, "y": y})


def test_a_table_is_sorted_by_a_click_on_its_head(page, address):
    page.goto(f"{address}/analyse")
    page.locator(".st-key-ana-classes canvas").first.wait_for()
    rest(page)
    page.locator(".st-key-ana-classes").scroll_into_view_if_needed()
    page.wait_for_function(f"({CELLS})('ana-classes').length > 4")
    before = column(page, "ana-classes", 0)
    assert before == sorted(before)
    click(page, "ana-classes", 40, 17)
    page.wait_for_timeout(300)
    click(page, "ana-classes", 40, 17)
    page.wait_for_function(f"({CELLS})('ana-classes')[0][0] !== {before[0]!r}")
    after = column(page, "ana-classes", 0)
    assert after == sorted(after, reverse=True)


def test_a_confused_pair_leads_to_the_inspector_on_that_picture(page, address, analysed):
    analysis = store.read(analysed[1] / "birds")
    names = analysis.about["class_names"]
    pair = tables.confused_pairs(analysis.images, "mc_birds").iloc[1]
    first, second = int(pair["first"]), int(pair["second"])
    row = tables.examples(analysis.images, "mc_birds", first, second).iloc[0]
    page.goto(f"{address}/analyse?look=Mistakes")
    page.locator(".st-key-ana_pairs canvas").first.wait_for()
    rest(page)
    click(page, "ana_pairs", 14, 35 + 35 + 17)  # the box of the second row
    page.get_by_role("heading", name=f"{names[first]} and {names[second]}").wait_for()
    rest(page)
    page.locator(f".st-key-ana-example-open-{row['index']} button").click()
    page.get_by_role("heading", name="Inspect").wait_for()
    settle(page, models=2)  # the two that were analysed
    assert page.get_by_role("heading", name=names[row["target"]], exact=True).count() == 1
    assert f"test_picture={10 * row['target']}" in page.url  # ten test pictures per class, of which one was analysed
    said = page.locator(".fg-model", has_text="MC-Loss").inner_text()
    assert names[row["prediction"]] in said
    assert "✗" in said


def test_a_narrow_screen_needs_no_sideways_scrolling(page, address):
    page.set_viewport_size({"width": 390, "height": 844})
    for view in ("Summary", "Mistakes", "Two models", "New"):
        page.goto(f"{address}/analyse?look={view.replace(' ', '+')}")
        page.get_by_role("heading", name="Analyse", exact=True).wait_for()
        rest(page)
        assert fits_in_width(page)

"""The AP-CNN page without a browser: its states, and what each control changes."""

import base64
import csv
import dataclasses
import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import checkpoints, resources, state
from app.methods.ap import ask
from app.methods.ap import session as ap_session
from app.methods.ap.page import numbers, zoom
from app.methods.ap.session import Tried
from app.state.sidebar import Image
from app_helpers import figure, ran, words, write_checkpoint, write_two_label_sets
from fgcore.data.images import pixels_sha256
from fgcore.data.synthetic import class_names
from fgcore.inspection.inspector import Inspector

NAMES = class_names("birds")


def page():
    """What the entrypoint does for this page."""
    from app import state
    from app.components import picker
    from app.methods.ap.page import show

    state.prepare()
    state.sidebar.choose(picker.pick())
    show.show()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture(scope="module")
def caches():
    """Models and explanations are shared by the tests of this file: the same checkpoints, the same images."""
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def app(folder, caches, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    return AppTest.from_function(page, default_timeout=120)


@pytest.fixture
def image():
    pixels = resources.drawing("bird", NAMES.index("Ring-eyed Ash Warbler"), 0).image
    return Image(pixels, pixels_sha256(pixels), "a bird", "bird")


@pytest.fixture
def entry(folder, caches, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    return next(entry for entry in checkpoints.catalogue().label_sets[0].entries if entry.method == "ap")


def opened(app, **link):
    app.query_params.update(link)
    return ran(app)


def setting(app, name):
    """The widget of an ROI setting."""
    widgets = [*app.slider, *app.number_input]
    (found,) = [widget for widget in widgets if (widget.key or "").startswith(f"ap_{name}_")]
    return found


def zoom_into(app, what):
    (control,) = [control for control in app.segmented_control if control.label == "Zoom into"]
    control.set_value(what)
    return ran(app)


def test_the_first_visit_shows_both_stages_with_their_shapes_and_one_level(app, entry, image):
    shown = words(opened(app))
    shown_by = ask.explanation(entry, image)
    assert f"*{NAMES[shown_by.prediction.best]}*" in shown
    for shape in ("3 × 96 × 96", "256 × 12 × 12", "512 × 6 × 6", "32 × 3 × 3", "1 × 6 × 6<br>32 × 1 × 1"):
        assert shape in shown
    assert shown.count("fg-ap-box") == 6 + 2 + 6 + 1
    assert 'alt="Spatial and channel gate of level 5"' in shown
    assert "Gates of 12 × 12 cells of 8 × 8 px" in shown  # level 3
    assert "Dropblock" not in shown  # nothing is computed for a part that is closed
    assert all(chart.proto.alt for chart in app.get("plotly_chart"))


def test_a_link_opens_a_level_and_the_next_level_is_a_click_away(app, entry, image):
    shown_by = ask.explanation(entry, image)
    for level in (5, 4):
        if level == 5:
            opened(app, level="5")
        else:
            app.segmented_control(key=ap_session.LEVEL).set_value(level)
            ran(app)
        assert f"cells of {2**level} × {2**level} px" in words(app)
        steps = figure(app, "ap-nms")["layout"]["sliders"][0]["steps"]
        assert len(steps) == 1 + len(shown_by.detail.rois[level - 3])


def test_a_link_to_nonsense_opens_level_three_and_the_first_part(app):
    assert "cells of 8 × 8 px" in words(opened(app, level="7", detail="cellar", apcnn="none"))


def test_without_checkpoints_the_page_says_what_to_do(app, tmp_path, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    assert "No model to ask yet" in words(opened(app))
    assert [code.value for code in app.get("code")] == ["python -m fgcore train ap_birds"]


def test_where_no_model_is_an_ap_cnn_the_page_says_so(app):
    photos = next(label_set for label_set in checkpoints.catalogue().label_sets if label_set.dataset == "cub")
    opened(app).selectbox(key=state.sidebar.LABEL_SET.format(source="bird")).set_value(photos.key)
    shown = words(ran(app))
    assert "No AP-CNN among the models trained on: CUB-200-2011, 3 classes" in shown
    assert not app.get("plotly_chart")


def test_an_ap_cnn_that_is_not_chosen_in_the_sidebar_is_shown_all_the_same(app):
    label_set = checkpoints.catalogue().label_sets[0]
    baseline = next(str(entry.path) for entry in label_set.entries if entry.method == "baseline")
    opened(app).pills(key=state.sidebar.MODELS.format(label_set=label_set.key)).set_value([baseline])
    assert "**AP-CNN** says" in words(ran(app))


def test_of_several_ap_cnns_one_is_chosen(app, tmp_path, monkeypatch):
    for name in ("one", "two"):
        write_checkpoint(tmp_path / f"{name}.safetensors", "ap", NAMES, "synthetic_birds")
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    label_set = checkpoints.catalogue().label_sets[0]
    opened(app).pills(key=state.sidebar.MODELS.format(label_set=label_set.key)).set_value(
        [str(e.path) for e in label_set.entries]
    )
    ran(app).selectbox(key=ap_session.MODEL).set_value("AP-CNN (two)")
    assert "**AP-CNN (two)** says" in words(ran(app)).replace("\\", "")


def test_a_model_that_vanished_costs_one_sentence(app, tmp_path, monkeypatch):
    path = tmp_path / "gone.safetensors"
    write_checkpoint(path, "ap", ("a", "b", "c"), "synthetic_birds")
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    found = checkpoints.catalogue()
    monkeypatch.setattr(checkpoints, "catalogue", lambda: found)
    path.unlink()
    opened(app)
    assert len(app.error) == 1
    assert not app.get("plotly_chart")


def test_any_roi_can_be_dropped_and_every_head_answers(app, entry, image):
    opened(app, detail="Zoom and drop")
    shown_by = ask.explanation(entry, image)
    effects = ask.effects(entry, image)
    assert "Zoom-in" in words(app)
    (pills,) = [pills for pills in app.pills if pills.label == "Drop"]
    assert len(pills.options) == len(effects.dropped) == sum(map(len, shown_by.detail.rois))
    assert "Every head, before and after" not in [expander.label for expander in app.expander]
    pills.set_value(1)
    shown = words(ran(app))
    name = f"level {effects.dropped[1].level}, ROI {effects.dropped[1].index + 1}"
    assert f"**Without {name}** the first choice is *{NAMES[int(effects.means[1].argmax())]}*" in shown
    table = figure(app, f"{pills.key}-table")
    expected = zoom.points(shown_by, effects, shown_by.prediction.best)
    np.testing.assert_allclose(heat(table), expected, atol=1e-4)
    assert np.abs(expected[:, :4]).max() < 1e-3  # stage I comes first


def heat(spec):
    """The values of a figure's heat map."""
    (trace,) = [trace for trace in spec["data"] if trace["type"] == "heatmap"]
    values = trace["z"]
    if isinstance(values, dict):  # plotly's binary form
        shape = [int(side) for side in values["shape"].split(",")]
        return np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"]).reshape(shape)
    return np.asarray(values)


def test_the_class_in_question_is_the_one_that_the_changes_are_about(app, entry, image):
    opened(app, detail="Zoom and drop", **{"class": "Cobalt Jay"})
    shown_by = ask.explanation(entry, image)
    effects = ask.effects(entry, image)
    assert "is *Cobalt Jay*?" in words(app)
    expected = zoom.points(shown_by, effects, NAMES.index("Cobalt Jay"))
    (pills,) = [pills for pills in app.pills if pills.label == "Drop"]
    np.testing.assert_allclose(heat(figure(app, f"{pills.key}-table")), expected, atol=1e-4)


def test_eight_heads_and_their_means_are_listed(app):
    shown = words(opened(app, detail="Every head"))
    for stage in ("Stage I", "Stage II"):
        for head in ("level 3", "level 4", "level 5", "all levels"):
            assert f'<th scope="row">{stage}, {head}</th>' in shown


def test_other_settings_are_tried_at_once_and_taken_back_by_one_button(app, entry, image):
    opened(app, detail="What if")
    before = words(app)
    assert "ROIs, dotted: 5 on level 3, 3 on level 4, 1 on level 5" in before
    setting(app, "top3").set_value(2)
    setting(app, "top5").set_value(0)
    setting(app, "iou").set_value(0.5)
    shown = words(ran(app))
    assert "ROIs, dotted: 2 on level 3, 3 on level 4, 0 on level 5" in shown
    own = ask.own_settings(entry)
    changed = ask.explanation(entry, image, roi=dataclasses.replace(own, top_k=(2, 3, 0), nms_iou=0.5))
    best = changed.prediction.top(1)[0][0]
    assert NAMES[best] in shown
    x1, y1, x2, y2 = changed.detail.zoom_cells
    assert f"cells {x1} – {x2} across and {y1} – {y2} down" in shown
    next(button for button in app.button if button.label.startswith("Back to")).click()
    assert words(ran(app)) == before


def test_without_any_roi_the_page_says_that_stage_two_sees_the_whole_image(app):
    opened(app, detail="What if")
    setting(app, "threshold").set_value(3.0)
    shown = words(ran(app))
    assert "0 on level 3, 0 on level 4, 0 on level 5. Without any, stage II sees the whole image again." in shown


def test_an_own_zoom_box_is_looked_into_and_a_bad_one_loses_nothing(app):
    zoom_into(opened(app, detail="What if"), "My own box")
    for name, side in zip(("x1", "y1", "x2", "y2"), (16, 8, 64, 72), strict=True):
        setting(app, name).set_value(side)
    good = words(ran(app))
    assert "cells 2 – 8 across and 1 – 9 down" in good
    setting(app, "x1").set_value(80)
    ran(app)
    (error,) = app.error
    assert "expected a zoom box with 0 <= x1 < x2 <= 96, got x1 = 80, x2 = 64" in error.value.replace("\\", "")
    assert "cells 2 – 8 across and 1 – 9 down" in words(app)
    assert setting(app, "x1").value == 80  # what the visitor typed stays, to be mended
    setting(app, "x1").set_value(16)
    assert words(ran(app)) == good


def test_a_bad_box_before_any_good_one_leaves_the_models_own_answer(app):
    zoom_into(opened(app, detail="What if"), "My own box")
    own = words(app).split("Yellow: ")[1].split(";")[0]
    setting(app, "y2").set_value(0)
    assert own in words(ran(app))
    assert len(app.error) == 1


def test_another_image_forgets_the_own_zoom_box_and_keeps_the_settings(app):
    zoom_into(opened(app, detail="What if"), "My own box")
    setting(app, "top3").set_value(2)
    ran(app).number_input(key=state.sidebar.DRAWING).set_value(3)
    ran(app)
    (control,) = [control for control in app.segmented_control if control.label == "Zoom into"]
    assert control.value == "Box around the ROIs"
    assert setting(app, "top3").value == 2


def test_the_numbers_as_json_are_those_of_the_explanation(entry, image):
    own = ask.own_settings(entry)
    shown_by = ask.explanation(entry, image)
    effects = ask.effects(entry, image)
    tried = Tried("case", dataclasses.replace(own, top_k=(1, 1, 1)), (8.0, 8.0, 64.0, 64.0))
    changed = ask.explanation(entry, image, roi=tried.roi, zoom_box=tried.zoom_box)
    values = json.loads(numbers.document(image, shown_by, own, effects, tried, changed))
    assert values["image"]["sha256_of_pixels"] == image.sha256
    assert values["explanation"]["settings"]["nms_iou"] == own.nms_iou
    level4 = values["explanation"]["levels"]["level4"]
    np.testing.assert_allclose(level4["stage1_spatial_gate"], shown_by.detail.stage1.spatial_gates.level4, atol=1e-6)
    assert len(values["explanation"]["ap"]["rois"]["level3"]) == 5
    assert [len(values["what_if"]["ap"]["rois"][f"level{n}"]) for n in (3, 4, 5)] == [1, 1, 1]
    assert values["what_if"]["own_zoom_box"] == [8.0, 8.0, 64.0, 64.0]
    assert values["what_if"]["zoom_cells"] == [1, 1, 8, 8]
    assert len(values["without_each_roi"]) == len(effects.dropped)
    assert "what_if" not in json.loads(numbers.document(image, shown_by, own, effects, None, None))


def test_the_table_has_a_line_for_each_probability(entry, image):
    shown_by = ask.explanation(entry, image)
    effects = ask.effects(entry, image)
    rows = list(csv.DictReader(io.StringIO(numbers.table(shown_by, effects, None))))
    assert len(rows) == len(NAMES) * (11 + 9 * len(effects.dropped))
    (row,) = [
        row
        for row in rows
        if (row["case"], row["stage"], row["head"], row["class"])
        == ("without ROI 2 of level 3", "stage2", "concat", "Cobalt Jay")
    ]
    assert float(row["probability"]) == pytest.approx(float(effects.heads[1, 7, NAMES.index("Cobalt Jay")]), abs=1e-6)
    assert "what if" in {row["case"] for row in csv.DictReader(io.StringIO(numbers.table(shown_by, effects, shown_by)))}
    strange = dataclasses.replace(shown_by, class_names=("=1+1", *shown_by.class_names[1:]))
    assert ",'=1+1," in numbers.table(strange, effects, None)


def test_stage_one_is_computed_once_for_all_other_settings(entry, image, monkeypatch):
    ask.explanation(entry, image)
    monkeypatch.setattr(Inspector, "set_image", lambda *_: pytest.fail("stage I was computed again"))
    own = ask.own_settings(entry)
    for k in (1, 2):
        ask.explanation(entry, image, roi=dataclasses.replace(own, top_k=(k, 1, 1)))


def test_threads_that_try_different_boxes_get_their_own_answers(entry, image):
    boxes = [(float(8 * n), 0.0, 96.0, 96.0) for n in range(6)]

    def answer(box):
        return ask.explanation(entry, image, zoom_box=box).detail

    with ThreadPoolExecutor(6) as pool:
        shared = list(pool.map(answer, boxes))
    st.cache_data.clear()
    for box, found in zip(boxes, shared, strict=True):
        alone = answer(box)
        assert found.zoom_cells == alone.zoom_cells
        np.testing.assert_allclose(found.stage2_mean.probabilities, alone.stage2_mean.probabilities, atol=1e-6)

"""An inspection in a notebook: a piece of HTML that shows itself and asks nobody for anything."""

from html.parser import HTMLParser

import pytest

from app_helpers import write_checkpoint
from fgcore.data.synthetic import class_names, draw
from fgcore.inspection.inspector import Inspector

OURS = ("baseline", "mc", "ap")
IMAGE = draw("birds", 8, seed=3).image


class Tags(HTMLParser):
    """The elements of a page, as a browser reads them: (name, attributes)."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


HOSTILE = ("<script>alert(1)</script>", "Wren & 'Tit'", '"><img src=http://x>')


@pytest.mark.parametrize("method", OURS)
def test_a_notebook_shows_image_classes_and_maps_without_script_or_request(tmp_path, method):
    path = tmp_path / f"{method}.safetensors"
    write_checkpoint(path, method, HOSTILE, "synthetic_birds")
    inspection = Inspector(path).set_image(IMAGE)
    page = inspection._repr_html_()
    maps = inspection.detail.maps((96, 96), inspection.prediction.best)
    assert page.count("<img ") == page.count("src='data:image/png;base64,") == 2 + len(maps)
    for index, share in inspection.prediction.top(5):
        assert f"<td>{share:.1%}</td>" in page
        assert HOSTILE[index] not in page
    assert page.count("<tr>") == 3  # there are but three classes
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "Wren &amp; &#x27;Tit&#x27;" in page
    assert "Grad-CAM of" in page
    assert path.name in page
    tags = Tags(page).found
    assert {name for name, _ in tags} == {"div", "figure", "img", "figcaption", "table", "tr", "td", "small"}
    assert {key for _, attributes in tags for key in attributes} == {"style", "width", "alt", "src"}
    assert all(
        attributes.get("src", "data:image/png;base64,").startswith("data:image/png;base64,") for _, attributes in tags
    )
    assert not any("url(" in attributes.get("style", "") for _, attributes in tags)


def test_a_notebook_shows_five_of_many_classes(tmp_path):
    write_checkpoint(tmp_path / "mc.safetensors", "mc", class_names("birds"), "synthetic_birds")
    page = Inspector(tmp_path / "mc.safetensors").set_image(IMAGE)._repr_html_()
    assert page.count("<tr>") == 5

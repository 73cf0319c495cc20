"""Words on the page: strangers' text stays text, and shares are rounded honestly."""

import numpy as np
import pytest

from app.components import text
from fgcore.records import Prediction

NAMES = ("Reed Warbler", "<b>Marsh</b> Warbler", "Sedge Warbler")


@pytest.fixture
def prediction():
    return Prediction("final", np.array([0.25, 0.748, 0.002], np.float32))


@pytest.mark.parametrize(
    ("share", "words"),
    [(0, "0 %"), (0.002, "< 1 %"), (0.006, "1 %"), (0.5, "50 %"), (0.994, "99 %"), (0.9999, "> 99 %"), (1, "100 %")],
)
def test_shares_are_never_rounded_to_certainty(share, words):
    assert text.percent(share) == words


@pytest.mark.parametrize(
    ("written", "escaped"),
    [
        ("a *b* [c](d) `e`", r"a \*b\* \[c\](d) \`e\`"),
        ("# no heading", r"\# no heading"),
        ("- no list", r"\- no list"),
        ("12. no list", r"12\. no list"),
        (":material/delete: $x$", r"\:material/delete\: \$x\$"),
        ("two\n\nlines", "two lines"),
        ("Ring-eyed Warbler, 2nd", "Ring-eyed Warbler, 2nd"),
    ],
)
def test_markdown_of_strangers_is_shown_as_it_is(written, escaped):
    assert text.plain(written) == escaped


def test_bars_list_the_most_probable_classes_first_and_escape_their_names(prediction):
    html = text.bars(prediction, NAMES, count=2)
    assert html.index("&lt;b&gt;Marsh&lt;/b&gt; Warbler") < html.index("Reed Warbler")
    assert "<b>" not in html
    assert "Sedge" not in html
    assert "--share:74.8%" in html


def test_bars_mark_what_was_drawn(prediction):
    html = text.bars(prediction, NAMES, truth="Reed Warbler")
    assert '<span class="fg-truth" title="the true class">Reed Warbler</span>' in html
    assert html.count("fg-truth") == 1


def test_tables_and_lists_escape_their_cells():
    table = text.table(["", "<i>"], [["<a>", "1 < 2"]])
    assert "<i>" not in table
    assert "1 &lt; 2" in table
    origin = text.origin({"Data": "<script>", "Empty": ""})
    assert "&lt;script&gt;" in origin
    assert "Empty" not in origin

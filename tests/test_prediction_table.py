import csv
import dataclasses

import pytest

from fgcore.prediction import table
from fgcore.prediction.predict import Row
from test_prediction_predict import model

MODEL = model(classes=3, name="runs/a/best.safetensors")
GOOD = Row("a, b.jpg", MODEL, (("wren", 0.75), ('the "robin"', 0.25)), None)
BAD = Row("c.jpg", MODEL, error="`c.jpg` is damaged; export it again")


def read(path):
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_a_row_is_told_in_plain_columns(tmp_path):
    path = tmp_path / "new" / "predictions.csv"
    assert table.begin(path) == set()
    table.append(path, [GOOD, BAD])
    good, bad = read(path)
    assert list(good) == list(table.COLUMNS)
    assert (good["image"], good["checkpoint"], good["checkpoint_sha256"]) == ("a, b.jpg", MODEL.name, MODEL.sha256)
    assert (good["rank1_class"], good["rank1_probability"], good["rank2_class"]) == ("wren", "0.750000", 'the "robin"')
    assert (good["rank3_class"], good["known"], good["error"]) == ("", "", "")
    assert (bad["rank1_class"], bad["error"]) == ("", "`c.jpg` is damaged; export it again")


@pytest.mark.parametrize(("known", "written"), [(True, "true"), (False, "false"), (None, "")])
def test_whether_an_image_is_known_is_written(tmp_path, known, written):
    assert next(csv.DictReader(table.text([dataclasses.replace(GOOD, known=known)]).splitlines()))["known"] == written


def test_a_table_is_continued_and_what_could_not_be_read_is_tried_again(tmp_path):
    path = tmp_path / "p.csv"
    table.begin(path)
    table.append(path, [BAD, GOOD])
    assert table.begin(path) == {table.key("a, b.jpg", MODEL)}
    table.append(path, [dataclasses.replace(GOOD, image="c.jpg")])
    assert [row["image"] for row in read(path)] == ["a, b.jpg", "c.jpg"]


def test_a_table_cut_anywhere_is_mended_and_loses_one_row_at_most(tmp_path):
    path = tmp_path / "p.csv"
    table.begin(path)
    table.append(path, [GOOD, dataclasses.replace(GOOD, image="two\nlines.jpg")])
    whole = path.read_bytes()
    head = whole.index(b"\n") + 1
    for cut in range(head, len(whole)):
        path.write_bytes(whole[:cut])
        assert table.begin(path) <= {table.key("a, b.jpg", MODEL)}
        assert whole.startswith(path.read_bytes())
    path.write_bytes(whole)
    assert len(table.begin(path)) == 2


def test_a_formula_in_a_name_is_no_formula_and_is_found_again(tmp_path):
    path, evil = tmp_path / "p.csv", dataclasses.replace(GOOD, image="=1+1.jpg")
    table.begin(path)
    table.append(path, [evil])
    assert read(path)[0]["image"] == "'=1+1.jpg"
    assert table.begin(path) == {table.key("=1+1.jpg", MODEL)}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"name,price\nx,1\n", "has other columns than a table of predictions: expected image, checkpoint"),
        (b"\xff\xfe\x00", "is no table of predictions; name another file with --out"),
        ((",".join(table.COLUMNS) + "\nx,y\nx,y\n").encode(), "row 2 of .* has 2 values, expected 15"),
    ],
)
def test_another_file_is_refused_and_stays_as_it_is(tmp_path, content, sentence):
    (path := tmp_path / "p.csv").write_bytes(content)
    with pytest.raises(ValueError, match=sentence):
        table.begin(path)
    assert path.read_bytes() == content


def test_a_folder_is_no_table(tmp_path):
    with pytest.raises(ValueError, match="found a folder; name a file in it with --out"):
        table.begin(tmp_path)

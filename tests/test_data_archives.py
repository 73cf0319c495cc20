"""Zip files from strangers: what is unpacked, what is skipped and named, and what is refused."""

import io
import re
import stat
import struct
import zipfile

import numpy as np
import pytest

from fgcore.config import DataConfig
from fgcore.data import archives, datasets
from fgcore.data.archives import ArchiveError, unpack
from fgcore.data.images import encode_png
from fgcore.data.readers import read

GOOD = encode_png(np.random.default_rng(0).integers(0, 255, (40, 48, 3), dtype=np.uint8))


def zipped(files, *, packed=zipfile.ZIP_STORED):
    """A zip file in memory: name or ZipInfo -> bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    file.seek(0)
    return file


def classes(prefix="", *, count=2, names=("wren", "finch")):
    return {f"{prefix}{name}/{number}.png": GOOD for name in names for number in range(count)}


def refused(files, target, pattern, **options):
    with pytest.raises(ArchiveError, match=pattern) as caught:
        unpack(files if isinstance(files, io.BytesIO) else zipped(files, **options), target)
    assert str(caught.value).count("\n") == 0
    assert list(target.parent.iterdir()) == []  # nothing is left behind


@pytest.fixture
def target(tmp_path):
    return tmp_path / "unpacked" / "birds"


def test_class_folders_become_a_data_set_with_every_fifth_picture_for_testing(target):
    done = unpack(zipped(classes(count=7)), target)
    assert (done.class_names, done.train, done.test) == (("finch", "wren"), 10, 4)
    assert (done.root, done.skipped, done.ignored) == (target, (), ())
    splits = datasets.load(DataConfig("folder", str(target), resize=32, crop=32))
    assert [record.identifier for record in splits.test.records] == [
        "finch/000001-0.png", "finch/000006-5.png", "wren/000008-0.png", "wren/000013-5.png",
    ]  # fmt: skip


def test_the_split_is_the_same_every_time(tmp_path):
    files = classes(count=6)
    for number, order in enumerate((files, dict(reversed(files.items())))):
        unpack(zipped(order), tmp_path / str(number))
    splits = [read(DataConfig("folder", str(tmp_path / str(number)))) for number in range(2)]
    assert [r.identifier for r in splits[0].test] == [r.identifier for r in splits[1].test]


@pytest.mark.parametrize("test", ["test", "val", "Valid"])
def test_an_archive_with_its_own_split_keeps_it(target, test):
    done = unpack(zipped(classes("my birds/train/", count=3) | classes(f"my birds/{test}/", count=1)), target)
    assert (done.class_names, done.train, done.test) == (("finch", "wren"), 6, 2)


def test_validation_pictures_beside_test_pictures_are_ignored(target):
    done = unpack(zipped(classes("train/") | classes("val/") | classes("test/", count=1)), target)
    assert (done.train, done.test, len(done.ignored)) == (4, 2, 4)


@pytest.mark.parametrize("prefix", ["birds/", "a/b/c/", "train/"])
def test_folders_around_everything_do_not_matter(target, prefix):
    done = unpack(zipped(classes(prefix, count=2)), target)
    assert (done.class_names, done.train + done.test) == (("finch", "wren"), 4)


def test_other_files_are_ignored_and_named(target):
    strangers = {
        "readme.txt": b"hello", "wren/notes.txt": b"hi", "__MACOSX/wren/._0.png": b"x", "wren/.DS_Store": b"x",
        "loose.png": GOOD, "empty/": b"",
    }  # fmt: skip
    done = unpack(zipped(classes() | strangers), target)
    assert done.train + done.test == 4
    assert set(done.ignored) == set(strangers)


def test_damaged_pictures_among_good_ones_are_skipped_counted_and_named(target):
    damaged = {"wren/cut.png": GOOD[:200], "finch/words.jpg": b"only words"}
    done = unpack(zipped(classes(count=3) | damaged), target)
    assert done.train + done.test == 6
    first, second = done.skipped
    assert first.startswith("finch: `words.jpg` is not a picture that can be read here")
    assert second.startswith("wren: `cut.png` is damaged or cut short")
    assert {path.name.partition("-")[2] for path in target.rglob("*.*")} == {"0.png", "1.png", "2.png"}


def test_a_picture_damaged_in_the_zip_is_skipped(target):
    file = zipped(classes(count=3))
    data = bytearray(file.getvalue())
    data[data.index(GOOD) + 50] ^= 0xFF  # the checksum of the first picture no longer fits
    done = unpack(io.BytesIO(bytes(data)), target)
    assert done.train + done.test == 5
    (sentence,) = done.skipped
    assert sentence.startswith("wren: `0.png` is damaged in the zip")


def test_progress_is_told(target):
    told = []
    unpack(zipped(classes()), target, on_picture=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_names_that_would_collide_or_hurt_are_made_safe(target):
    done = unpack(zipped(classes(names=("a?b", "a*b", "<b>[x](y)"))), target)
    assert len(done.class_names) == 3
    assert all(re.fullmatch(r"[\w .()+-]+", path.name) for path in target.rglob("*"))


@pytest.mark.parametrize("data", [b"", b"no zip at all", zipped(classes()).getvalue()[:-40]])
def test_what_is_no_zip_is_refused(target, data):
    refused(io.BytesIO(data), target, "this is no zip file, or it was cut short")


@pytest.mark.parametrize(
    "name", ["/etc/x.png", "../x.png", "wren/../../x.png", "wren\\x.png", "C:/x.png", "wren/a\nb.png"]
)
def test_a_path_that_leads_elsewhere_is_refused(target, name):
    refused(classes() | {name: GOOD}, target, "whose path leads elsewhere")
    assert not (target.parent.parent / "x.png").exists()


def test_a_link_is_refused(target):
    link = zipfile.ZipInfo("wren/link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    refused(classes() | {link: b"/etc/passwd"}, target, "has a link, `link.png`")


def test_a_locked_archive_is_refused(target):
    data = bytearray(zipped(classes()).getvalue())
    at = data.index(b"PK\x01\x02") + 8  # flags in the directory
    data[at : at + 2] = struct.pack("<H", 1)
    refused(io.BytesIO(bytes(data)), target, "locked with a password")


def test_a_file_that_swells_is_refused_before_it_is_unpacked(target):
    bomb = {"wren/bomb.png": bytes(50 * 2**20)}
    refused(classes() | bomb, target, "`bomb.png` in the zip unpacks to .* times its size", packed=zipfile.ZIP_DEFLATED)


def test_too_many_entries_and_too_many_bytes_are_refused(target, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    refused(classes(), target, "has 4 entries, expected at most 3")
    monkeypatch.setattr(archives, "MAX_ENTRIES", 4)
    monkeypatch.setattr(archives, "MAX_TOTAL", 2 * len(GOOD))
    refused(classes(), target, "the zip unpacks to")


@pytest.mark.parametrize(
    "files", [{}, {"readme.txt": b""}, {"a.png": GOOD, "b.png": GOOD}, {"wren/": b"", "finch/": b""}]
)
def test_an_archive_without_class_folders_is_refused(target, files):
    refused(files, target, "no pictures in class folders; arrange it as CLASS/picture.jpg")


@pytest.mark.parametrize("prefix", ["", "birds/", "train/"])
def test_one_class_is_refused(target, prefix):
    refused(classes(prefix, names=("wren",), count=5), target, "at least two classes, got one folder")


def test_a_class_with_one_readable_picture_is_refused_and_the_reason_given(target):
    files = classes(names=("wren",), count=3) | {"finch/0.png": GOOD, "finch/1.png": GOOD[:99]}
    refused(
        files, target, "two pictures or more, but finch has fewer; 1 cannot be read, the first being finch: `1.png`"
    )


def test_a_class_without_test_pictures_is_refused(target):
    refused(classes("train/") | classes("test/", names=("wren",)), target, "a picture or more in test/, but finch has")


def test_folders_within_class_folders_are_refused(target):
    refused(classes() | {"wren/young/0.png": GOOD}, target, "folders within class folders")


def test_a_folder_that_exists_is_left_alone(target):
    target.mkdir(parents=True)
    with pytest.raises(FileExistsError, match="exists already"):
        unpack(zipped(classes()), target)


def test_an_empty_folder_and_one_class_on_this_machine_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected one folder of pictures per class .* which is empty"):
        read(DataConfig("folder", str(tmp_path)))
    (tmp_path / "wren").mkdir()
    for number in range(2):
        (tmp_path / "wren" / f"{number}.png").write_bytes(GOOD)
    with pytest.raises(ValueError, match="at least two classes, got 1"):
        read(DataConfig("folder", str(tmp_path)))
    (tmp_path / "finch").mkdir()
    with pytest.raises(ValueError, match=r"every class of .* needs training pictures, but finch has none"):
        read(DataConfig("folder", str(tmp_path)))

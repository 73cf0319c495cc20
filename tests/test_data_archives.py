"""Zip files from strangers: what is unpacked, what is skipped and named, and what is refused."""

import io
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


def refused(files, target, pattern, *, told=None, **options):
    """Refused in one sentence without a path of this machine, nothing left behind, and with `told` nothing written."""
    with pytest.raises(ArchiveError, match=pattern) as caught:
        unpack(
            files if isinstance(files, io.BytesIO) else zipped(files, **options), target,
            on_image=None if told is None else lambda *progress: told.append(progress),
        )  # fmt: skip
    assert not told
    assert str(target.parent) not in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert list(target.parent.iterdir()) == []  # nothing is left behind


@pytest.fixture
def target(tmp_path):
    return tmp_path / "unpacked" / "birds"


def test_class_folders_become_a_data_set_with_every_fifth_picture_for_testing(target):
    done = unpack(zipped(classes(count=7)), target)
    assert (done.class_names, done.train, done.test) == (("finch", "wren"), 10, 4)
    assert (done.root, done.skipped, done.notes) == (target, (), ())
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


def test_validation_images_beside_test_images_are_left_out_and_named(target):
    done = unpack(zipped(classes("train/") | classes("val/") | classes("test/", count=1)), target)
    assert (done.train, done.test) == (4, 2)
    named = "val/finch/0.png, val/finch/1.png, val/wren/0.png, val/wren/1.png"
    assert done.notes == (f"left out: images in val/, beside train/ and test/ (4): {named}",)


@pytest.mark.parametrize("prefix", ["birds/", "a/b/c/", "train/"])
def test_folders_around_everything_do_not_matter(target, prefix):
    done = unpack(zipped(classes(prefix, count=2)), target)
    assert (done.class_names, done.train + done.test) == (("finch", "wren"), 4)


def test_what_is_no_image_of_a_class_is_left_out_counted_and_named(target):
    strangers = {
        "readme.txt": b"hello", "wren/notes.txt": b"hi", "__MACOSX/wren/._0.png": b"x", "wren/.DS_Store": b"x",
        "loose.png": GOOD, "empty/": b"", "wren/young/0.png": GOOD, "wren/": b"",
    }  # fmt: skip
    done = unpack(zipped(classes() | strangers), target)
    assert done.train + done.test == 4
    assert done.notes == (
        "left out: empty folders (1): empty",
        "left out: files that are no images by their names (2): readme.txt, wren/notes.txt",
        "left out: images outside of class folders (1): loose.png",
        "left out: images in folders within class folders (1): wren/young/0.png",
        "left out: hidden files and folders of the system (2): __MACOSX/wren/._0.png, wren/.DS_Store",
    )


@pytest.mark.parametrize(
    "layout",
    [
        classes(count=7),
        classes("train/") | classes("Valid/", count=1),
        classes("train/", count=6),
        classes(names=("bus", "car", "train")),
        classes("birds/train/", names=("a", "b"))
        | classes("birds/test/", names=("a",))
        | {"birds/train/a/x/0.png": GOOD},
    ],
)
def test_a_zip_and_the_folder_it_was_made_from_are_the_same_data_set(tmp_path, layout):
    for name, data in layout.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(data)
    done = unpack(zipped(layout), tmp_path / "zip")
    folder, unpacked = (read(DataConfig("folder", str(root))) for root in (tmp_path / "folder", done.root))
    assert done.class_names == unpacked.class_names == folder.class_names
    assert (done.train, done.test) == (len(folder.train), len(folder.test))
    for part in ("train", "test"):
        pairs = [
            [(record.target, record.path.name.rpartition("-")[2]) for record in getattr(listing, part)]
            for listing in (folder, unpacked)
        ]
        assert pairs[0] == pairs[1]
    assert done.notes == folder.notes


# --- what cannot be read, and what is refused ----------------------------------------------------------------


def test_damaged_pictures_among_good_ones_are_skipped_counted_and_named(target):
    damaged = {"wren/cut.png": GOOD[:200], "finch/words.jpg": b"only words"}
    done = unpack(zipped(classes(count=3) | damaged), target)
    assert done.train + done.test == 6
    first, second = done.skipped
    assert first.startswith("finch: `words.jpg` is not an image that can be read here")
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
    unpack(zipped(classes()), target, on_image=lambda done, total: told.append((done, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize("data", [b"", b"no zip at all", zipped(classes()).getvalue()[:-40]])
def test_what_is_no_zip_is_refused(target, data):
    refused(io.BytesIO(data), target, "this is no zip file, or it was cut short")


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


def test_folders_in_folders_without_end_are_refused(target):
    refused(classes() | {"a/" * 40 + "0.png": GOOD}, target, "below 40 folders, expected at most 31")


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "no images: expected CLASS/image.jpg, or train/CLASS/.*, got nothing;"),
        ({"readme.txt": b""}, "no images: .* got 1 .txt;"),
        ({"a.png": GOOD, "b.png": GOOD}, "images but no class folders: expected .*, got a.png, b.png; give each class"),
        ({"wren/": b"", "finch/": b""}, "no images: .* got finch, wren;"),
        ({"Aves/a/0.png": GOOD, "Aves/b/0.png": GOOD, "Mammalia/c/0.png": GOOD}, "lie one folder deeper"),
    ],
)
def test_an_archive_without_class_folders_is_refused(target, files, found):
    refused(files, target, found)


def test_a_class_name_that_no_checkpoint_or_file_system_takes_is_refused_before_anything_is_written(target):
    for label, sentence in (("x" * 201, "is 201 characters long"), ("鳥" * 100, "too long a name; shorten it")):
        refused(classes() | {f"{label}/0.png": GOOD}, target, sentence, told=[])


@pytest.mark.parametrize("prefix", ["", "birds/", "train/"])
def test_one_class_is_refused(target, prefix):
    refused(
        classes(prefix, names=("wren",), count=5),
        target,
        r"at least two classes, got 1 of the zip \(wren\); add another class",
    )


def test_a_class_without_a_readable_image_is_refused_and_the_reason_given(target):
    files = classes(names=("wren",), count=3) | {"finch/0.HEIC": b"no photo", "finch/1.png": GOOD[:99]}
    refused(
        files,
        target,
        "finch has none, so add some or remove the class; 2 cannot be read, the first being finch: `0.HEIC`",
    )


def test_a_class_with_one_readable_image_is_trained_on_and_not_tested(target):
    done = unpack(zipped(classes(names=("wren",), count=3) | {"finch/0.png": GOOD, "finch/1.png": GOOD[:99]}), target)
    assert (done.train, done.test, len(done.skipped)) == (3, 1, 1)
    (note,) = read(DataConfig("folder", str(target))).notes
    assert note == "no test images, and so no figure of their own (1): finch"


def test_a_class_without_test_images_is_trained_on(target):
    done = unpack(zipped(classes("train/") | classes("test/", names=("wren",))), target)
    assert (done.class_names, done.train, done.test) == (("finch", "wren"), 4, 2)


def test_a_folder_that_exists_is_left_alone(target):
    target.mkdir(parents=True)
    with pytest.raises(FileExistsError, match="exists already"):
        unpack(zipped(classes()), target)

"""The names in zip files, as programs of Windows and macOS write them, and as attackers would."""

import re
import struct
import zipfile
import zlib

import pytest

from fgcore.data.archives import unpack
from test_data_archives import GOOD, classes, refused, zipped


class Entry(zipfile.ZipInfo):
    """An entry whose name is written as it is given: text with the flag for UTF-8, bytes without it."""

    def __init__(self, name, extra=b""):
        super().__init__(f"entry {name!r}")
        self.given, self.extra = name, extra

    def _encodeFilenameFlags(self):
        return (self.given, 0) if isinstance(self.given, bytes) else (self.given.encode(), 0x800)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "unpacked" / "birds"


@pytest.mark.parametrize(
    "name",
    [
        "robin\\0.png", "birds\\robin\\0.png", "robin/Screenshot 2026-01-02 at 3.04.05\u202fPM.png",
        "robin/photo\u00a01.png", "robin/a\nb.png", "robin/0.png ", "robin/0.png.", "robin //0.png", "./robin/0.png",
        "robin/\u202a0.png", "robin/日本.png", "robin/" + "x" * 250 + ".png",
    ],
)  # fmt: skip
def test_a_zip_made_on_windows_or_a_mac_is_no_attack(target, name):
    around = "birds/" if name.startswith("birds") else ""
    files = {Entry(name): GOOD, f"{around}robin/1.png": GOOD} | classes(around)
    done = unpack(zipped(files), target)
    assert done.class_names == ("finch", "robin", "wren")
    assert (done.train + done.test, done.notes) == (6, ())


@pytest.mark.parametrize(
    "label", ["ヤマガラ\u3000幼鳥", "Blue\u00a0Tit", "eagle 🦅\u200d👑", "1.", "1.4T", "A_B*c [x]", "Große Elster"]
)
def test_class_folders_keep_their_names(target, label):
    done = unpack(zipped(classes() | {f"{label}/{number}.png": GOOD for number in range(2)}), target)
    assert label in done.class_names
    assert (target / label).is_dir()


def test_a_name_that_a_mac_decomposes_or_writes_without_the_flag_is_read_as_it_was_meant(target):
    files = {Entry(f"Gru\u0308nfink/{number}.png".encode()): GOOD for number in range(2)}
    raw = zipped(classes() | files)
    assert any("╠" in name for name in zipfile.ZipFile(raw).namelist())  # what Python makes of it
    assert unpack(raw, target).class_names == ("Grünfink", "finch", "wren")


def test_a_name_in_code_page_437_and_one_in_an_extra_field_are_read(target):
    other = b"?/0.png\xff"
    field = struct.pack("<BI", 1, zlib.crc32(other)) + "Käuzchen/0.png".encode()
    old = Entry(b"Gr\x81nfink/0.png")  # ü of code page 437
    better = Entry(other, struct.pack("<HHHH", 0x9999, 0, 0x7075, len(field)) + field)
    done = unpack(zipped(classes() | {old: GOOD, better: GOOD}), target)
    assert done.class_names == ("Grünfink", "Käuzchen", "finch", "wren")


def test_folders_that_windows_lists_are_no_files(target):
    done = unpack(zipped(classes("birds/") | {Entry("birds\\"): b"", Entry("birds\\wren\\"): b""}), target)
    assert (done.class_names, done.notes) == (("finch", "wren"), ())


def test_two_files_of_one_name_do_not_overwrite_each_other(target):
    names = ("wren/0.png", "wren/0.png ", "finch/0.png", "finch/?.png", "finch/*.png")
    done = unpack(zipped({Entry(name): GOOD for name in names}), target)
    assert done.train + done.test == 5
    assert all(re.fullmatch(r"\d{6}-[\w .()+-]+", path.name) for path in target.rglob("*.png"))


@pytest.mark.parametrize(
    "name",
    [
        "/etc/x.png", "../x.png", "wren/../../x.png", "C:/x.png", "C:x.png", "..\\x.png", "wren\\..\\..\\x.png",
        "\\\\server\\share\\x.png", "wren/.. /x.png", "wren/\u200b../x.png", "\u202aC:\\x.png", "wren/..\u00a0/x.png",
    ],
)  # fmt: skip
def test_a_path_that_leads_elsewhere_is_refused(target, name):
    refused(classes() | {Entry(name): GOOD}, target, "whose path leads elsewhere")
    assert not (target.parent.parent / "x.png").exists()

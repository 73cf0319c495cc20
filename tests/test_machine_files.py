import hashlib
import os
import resource
import signal
import subprocess
import sys

import pytest

from conftest import ROOT
from fgcore.machine.files import sha256, write_atomically


def test_a_file_is_replaced_and_nothing_is_left_behind(tmp_path):
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failed_write_keeps_the_old_file_and_says_what_to_do(tmp_path, monkeypatch, step):
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", fail) if step == "fsync" else (type(path), "replace", fail)))
    with pytest.raises(OSError, match=r"could not write .*a\.bin: No space left on device; .*is kept; make room"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.skipif(os.name != "posix", reason="file size limits are a posix matter")
def test_a_write_the_system_cuts_short_leaves_the_old_file(tmp_path):
    code = (
        "import sys; from pathlib import Path; from fgcore.machine.files import write_atomically\n"
        "path = Path(sys.argv[1])\n"
        "write_atomically(path, b'x' * 1000)\n"
        "try: write_atomically(path, b'y' * 100_000)\n"
        "except OSError as error: sys.exit(str(error))"
    )

    def at_most_ten_kilobytes():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    command = [sys.executable, "-c", code, str(tmp_path / "a.bin")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, preexec_fn=at_most_ten_kilobytes, check=False
    )
    assert "File too large; what was there before is kept" in done.stderr
    assert (tmp_path / "a.bin").read_bytes() == b"x" * 1000
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OSError, match=r"could not write .*nowhere.*No such file or directory"):
        write_atomically(tmp_path / "nowhere" / "a.bin", b"new")


def test_sha256_is_that_of_the_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256(tmp_path / "a") == hashlib.sha256(b"abc").hexdigest()

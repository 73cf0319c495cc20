import subprocess
import sys

import pytest

from conftest import ROOT
from fgcore.machine import lock

pytestmark = pytest.mark.skipif(lock.fcntl is None, reason="this system has no such locks")

HOLD = """
import sys
from pathlib import Path
from fgcore.machine import lock
print(lock.hold(Path(sys.argv[1])), flush=True)
input()
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Another process that holds tmp_path/run.lock."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run.lock")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_a_lock_of_another_process_is_seen_respected_and_gone_when_it_is_killed(elsewhere, tmp_path):
    path = tmp_path / "run.lock"
    assert lock.is_held(path)
    assert not lock.hold(path)
    lock.release(path)  # not ours
    assert lock.is_held(path)
    elsewhere.kill()
    elsewhere.wait()
    assert path.exists()
    assert not lock.is_held(path)
    assert lock.hold(path)
    lock.release(path)


def test_this_processs_own_lock_is_seen_and_survives_being_looked_at(tmp_path):
    path = tmp_path / "run.lock"
    assert lock.hold(path)
    assert lock.hold(path)
    assert lock.is_held(path)
    ask = f"from pathlib import Path; from fgcore.machine import lock; print(lock.is_held(Path({str(path)!r})))"
    done = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    lock.release(path)
    assert not path.exists()
    assert not lock.is_held(path)


def test_what_was_never_locked_is_not_held(tmp_path):
    assert not lock.is_held(tmp_path / "nothing")
    (tmp_path / "file").touch()
    assert not lock.is_held(tmp_path / "file")

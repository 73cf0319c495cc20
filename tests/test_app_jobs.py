"""Runs as files and processes: the queue, stopping, resuming, and what survives a crash."""

import json
import os
import signal
import sys
import time

import pytest

from app.jobs import control, processes, runner, runs
from app.jobs.runs import Job
from engine_helpers import draw_pictures
from fgcore.runs.folder import RunFolder

SLOW = """
import pathlib, sys, time
path = pathlib.Path(sys.argv[1])
with (path.parent / "order.txt").open("a") as file:
    file.write(path.name + " begins\\n")
try:
    end = time.time() + {seconds}
    while time.time() < end:
        time.sleep(0.02)
except KeyboardInterrupt:
    if {deaf}:
        time.sleep(60)
    sys.exit(130)
with (path.parent / "order.txt").open("a") as file:
    file.write(path.name + " ends\\n")
print("fgcore train: {words}", file=sys.stderr)
sys.exit({code})
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty runs folder; whatever still trains in it at the end is killed."""
    folder = tmp_path / "runs"
    monkeypatch.setenv(runs.VARIABLE, str(folder))
    yield folder
    for run in runs.listing():
        (run.path / "queued").unlink(missing_ok=True)
        if process := runs.process_of(run.path):
            os.killpg(process, signal.SIGKILL)


def wait(condition, seconds=180):
    end = time.time() + seconds
    while not (answer := condition()):
        assert time.time() < end, [(run.name, run.state, runs.log(run)) for run in runs.listing()]
        time.sleep(0.05)
    return answer


def pretend(monkeypatch, **settings):
    """Training that only sleeps: the runner of these tests runs in this process."""
    script = SLOW.format(**{"seconds": 0, "deaf": False, "words": "well", "code": 0} | settings)
    monkeypatch.setattr(runner, "command", lambda path, job: [sys.executable, "-c", script, str(path)])
    monkeypatch.setattr(runner, "start_runner", lambda: None)


def begin_runner(folder):
    """A runner in a process of its own that trains what `pretend` says."""
    process = os.fork()
    if not process:
        try:
            os.setsid()
            runner.work(folder)
        finally:
            os._exit(0)
    return process


def test_a_run_is_trained_from_submission_to_its_filmstrip_without_a_browser(folder, tmp_path):
    root = draw_pictures(tmp_path / "pictures", train=4, test=2)
    settings = (
        f"data.root={root}", "dataset=folder", "resize=64", "crop=64", "epochs=1", "batch_size=4", "hidden=16",
        "weights=", "classes=0", "seed=3", "square=false", "eval_crop=true",
    )  # fmt: skip
    run = control.submit(Job("mc_birds", settings, probes=2, title="three finches"))
    assert run.name == "mc_birds-3"
    assert run.live
    run = wait(lambda: (found := runs.find("mc_birds-3")) and not found.live and found)
    assert (run.state, run.problem) == ("finished", "")
    assert (run.job.title, run.job.settings) == ("three finches", settings)
    assert RunFolder(run.path).best.is_file()
    assert (run.path / "probes" / "0001.npz").is_file()
    assert runs.log(run).splitlines()[-1].startswith("done:")


def test_runs_train_one_after_the_other_in_the_order_they_came(folder, monkeypatch):
    pretend(monkeypatch, seconds=0.3)
    for name in ("b", "a", "c"):
        control.submit(Job(name, ()))
    assert [(run.name, run.place) for run in runs.listing()] == [("b-1", 1), ("a-1", 2), ("c-1", 3)]
    for process in [begin_runner(folder) for _ in range(3)]:  # three runners, one slot
        os.waitpid(process, 0)
    lines = (folder / "order.txt").read_text().split("\n")[:-1]
    assert lines == [f"{name}-1 {what}" for name in ("b", "a", "c") for what in ("begins", "ends")]
    assert {run.state for run in runs.listing()} == {"finished"}


def test_the_slot_stays_taken_while_training_lives_although_its_runner_was_killed(folder, monkeypatch):
    pretend(monkeypatch, seconds=1.5)
    control.submit(Job("first", ()))
    control.submit(Job("second", ()))
    process = begin_runner(folder)
    wait(lambda: runs.find("first-1").state == "running")
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert runs.find("first-1").state == "running"
    started = []
    monkeypatch.setattr(runner, "start_runner", lambda: started.append(1))
    runner.tend()
    assert started == []  # nobody may take the slot yet
    other = begin_runner(folder)
    wait(lambda: runs.find("second-1").state == "running")
    assert "first-1 ends" in (folder / "order.txt").read_text()
    os.waitpid(other, 0)


def test_a_queue_without_a_runner_gets_one(folder, monkeypatch):
    pretend(monkeypatch)
    started = []
    monkeypatch.setattr(runner, "start_runner", lambda: started.append(1))
    runner.tend()
    assert started == []
    control.submit(Job("a", ()))
    started.clear()
    runner.tend()
    assert started == [1]


def test_a_run_that_is_stopped_can_be_resumed(folder, monkeypatch):
    pretend(monkeypatch, seconds=60)
    control.submit(Job("a", ()))
    process = begin_runner(folder)
    wait(lambda: (folder / "order.txt").exists() and runs.find("a-1").state == "running")
    control.stop(runs.find("a-1"))
    os.waitpid(process, 0)
    assert runs.find("a-1").state == "stopped"
    pretend(monkeypatch)
    control.resume(runs.find("a-1"))
    assert runs.find("a-1").state == "queued"
    os.waitpid(begin_runner(folder), 0)
    assert runs.find("a-1").state == "finished"


def test_a_run_that_does_not_listen_is_killed(folder, monkeypatch):
    pretend(monkeypatch, seconds=60, deaf=True)
    monkeypatch.setattr(runner, "GRACE", 1)
    control.submit(Job("a", ()))
    process = begin_runner(folder)
    wait(lambda: (folder / "order.txt").exists() and runs.find("a-1").state == "running")
    control.stop(runs.find("a-1"))
    assert runs.find("a-1").state == "stopping"
    os.waitpid(process, 0)
    assert runs.find("a-1").state == "stopped"


def test_a_run_that_waits_is_taken_out_of_the_queue(folder, monkeypatch):
    pretend(monkeypatch)
    control.submit(Job("a", ()))
    control.stop(runs.find("a-1"))
    assert runs.find("a-1").state == "stopped"
    os.waitpid(begin_runner(folder), 0)
    assert not (folder / "order.txt").exists()


def test_a_run_that_fails_tells_its_last_words(folder, monkeypatch):
    pretend(monkeypatch, code=2, words="the loss became nan; lower lr")
    control.submit(Job("a", ()))
    os.waitpid(begin_runner(folder), 0)
    run = runs.find("a-1")
    assert (run.state, run.problem) == ("failed", "the loss became nan; lower lr")


def test_a_recycled_process_id_is_not_mistaken_for_the_run(folder, monkeypatch):
    pretend(monkeypatch)
    path = control.submit(Job("a", ())).path
    (path / "queued").unlink()
    me = os.getpid()
    (path / "process.json").write_text(json.dumps({"training": processes.identity(me)}))
    assert runs.find("a-1").state == "running"
    (path / "process.json").write_text(json.dumps({"training": {"id": me, "started": "1"}}))
    assert runs.find("a-1").state == "interrupted"
    assert processes.started(2**22 + 1) == ""


def test_training_that_ended_before_it_was_looked_at_is_not_taken_for_alive(folder, monkeypatch):
    pretend(monkeypatch)
    path = control.submit(Job("a", ())).path
    (path / "queued").unlink()
    (path / "process.json").write_text(json.dumps({"training": processes.identity(2**22 + 1)}))
    assert runs.find("a-1").state == "interrupted"


def test_a_zombie_is_no_process(folder):
    child = os.fork()
    if not child:
        os._exit(0)
    wait(lambda: processes.started(child) == "", seconds=5)
    os.waitpid(child, 0)


def test_the_start_of_a_process_is_known_without_proc_too():
    words = processes._started_by_ps(os.getpid())
    assert str(time.localtime().tm_year) in words
    assert processes._started_by_ps(2**22 + 1) == ""


def test_runs_of_the_command_line_are_listed_with_what_their_files_tell(folder):
    for name, epoch in (("whole", 2), ("part", 1)):
        (folder / name).mkdir(parents=True)
        (folder / name / "metrics.jsonl").write_text(f'{{"kind": "epoch", "epoch": {epoch}, "epochs": 2}}\n')
    assert {run.name: run.state for run in runs.listing()} == {"whole": "finished", "part": "interrupted"}
    with pytest.raises(ValueError, match="expected a run of this page"):
        control.resume(runs.find("part"))


def test_deleting_removes_the_folder_and_only_within_the_runs_folder(folder, monkeypatch, tmp_path):
    pretend(monkeypatch)
    control.submit(Job("a", ()))
    with pytest.raises(ValueError, match="a-1 is queued; stop it first"):
        control.delete(runs.find("a-1"))
    control.stop(runs.find("a-1"))
    control.delete(runs.find("a-1"))
    assert runs.listing() == ()
    precious = tmp_path / "precious"
    precious.mkdir()
    (folder / "link").symlink_to(precious)
    for path in (precious, folder / "..", folder, folder / "link", folder / "nothing"):
        with pytest.raises(ValueError, match="expected a folder in runs/ to delete"):
            control.delete(runs.Run(path, None, "finished"))
    assert precious.is_dir()


def test_names_are_not_used_twice_and_strangers_are_not_listed(folder, monkeypatch):
    pretend(monkeypatch)
    assert [control.submit(Job("a", ("seed=2",))).name for _ in range(2)] == ["a-2", "a-2-2"]
    (folder / ".hidden").mkdir()
    (folder / "notes").mkdir()
    assert {run.name for run in runs.listing()} == {"a-2", "a-2-2"}
    assert runs.find("../a-2") is None


def test_without_a_runs_folder_there_are_no_runs(folder):
    assert runs.listing() == ()
    runner.tend()
    assert not folder.exists()


def test_a_log_shows_the_last_state_of_a_rewritten_line(folder, monkeypatch):
    pretend(monkeypatch)
    run = control.submit(Job("a", ()))
    (run.path / "log.txt").write_bytes(b"begin\n 1%\r 50%\r100%\nend\n")
    assert runs.log(run) == "begin\n100%\nend"


def test_uploaded_pictures_stay_while_a_run_needs_them(folder, monkeypatch):
    pretend(monkeypatch)
    needed, unused = (control.place_for_pictures() / name for name in ("needed", "unused"))
    for path in (needed, unused):
        path.mkdir(parents=True)
    control.submit(Job("a", (f"data.root={needed}",)))
    control.place_for_pictures()
    assert unused.is_dir()  # a visitor may be about to train with it
    monkeypatch.setattr(control, "_UNUSED", -1)
    control.place_for_pictures()
    assert (needed.is_dir(), unused.is_dir()) == (True, False)

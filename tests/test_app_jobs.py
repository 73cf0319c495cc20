"""Runs as files and processes: the queue, stopping, resuming, and what survives a crash."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from app import places
from app.jobs import control, jobs, runner
from app.jobs.requests import Analysing, Training
from fgcore.config import to_dict
from fgcore.runs.folder import RunFolder
from training_helpers import draw_pictures, tiny

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
    monkeypatch.setenv(places.RUNS, str(folder))
    monkeypatch.setenv(places.ANALYSES, str(tmp_path / "analyses"))
    yield folder
    for run in listing():
        (run.path / "queued").unlink(missing_ok=True)
        if process := jobs.process_of(run.path):
            os.killpg(process, signal.SIGKILL)


def listing(kind="train"):
    return jobs.listing(kind)


def find(name, kind="train"):
    return jobs.find(kind, name)


def wait(condition, seconds=180):
    end = time.time() + seconds
    while not (answer := condition()):
        assert time.time() < end, [(run.name, run.state, jobs.log(run)) for run in listing()]
        time.sleep(0.05)
    return answer


def pretend(monkeypatch, **settings):
    """Training that only sleeps: the runner of these tests runs in this process."""
    script = SLOW.format(**{"seconds": 0, "deaf": False, "words": "well", "code": 0} | settings)
    monkeypatch.setattr(runner, "command", lambda path, request: [sys.executable, "-c", script, str(path)])
    monkeypatch.setattr(runner, "start_runner", lambda: None)


def begin_runner(folder):
    """A runner in a process of its own that trains what `pretend` says."""
    process = os.fork()
    if not process:
        try:
            os.setsid()
            runner.work()
        finally:
            os._exit(0)
    return process


def test_a_run_is_trained_from_submission_to_its_filmstrip_without_a_browser(folder, tmp_path):
    root = draw_pictures(tmp_path / "pictures", train=4, test=2)
    settings = (
        f"data.root={root}", "dataset=folder", "resize=64", "crop=64", "epochs=1", "batch_size=4", "hidden=16",
        "weights=", "classes=0", "seed=3", "square=false", "eval_crop=true",
    )  # fmt: skip
    run = control.submit(Training("mc_birds", settings, probes=2, title="three finches"))
    assert run.name == "mc_birds-3"
    assert run.live
    run = wait(lambda: (found := find("mc_birds-3")) and not found.live and found)
    assert (run.state, run.problem) == ("finished", "")
    assert (run.request.title, run.request.settings) == ("three finches", settings)
    assert RunFolder(run.path).best.is_file()
    assert (run.path / "probes" / "0001.npz").is_file()
    assert jobs.log(run).splitlines()[-1].startswith("done:")


def test_runs_train_one_after_the_other_in_the_order_they_came(folder, monkeypatch):
    pretend(monkeypatch, seconds=0.3)
    for name in ("b", "a", "c"):
        control.submit(Training(name, ()))
    assert [(run.name, run.place) for run in listing()] == [("b-1", 1), ("a-1", 2), ("c-1", 3)]
    for process in [begin_runner(folder) for _ in range(3)]:  # three runners, one slot
        os.waitpid(process, 0)
    lines = (folder / "order.txt").read_text().split("\n")[:-1]
    assert lines == [f"{name}-1 {what}" for name in ("b", "a", "c") for what in ("begins", "ends")]
    assert {run.state for run in listing()} == {"finished"}


def test_the_slot_stays_taken_while_training_lives_although_its_runner_was_killed(folder, monkeypatch):
    pretend(monkeypatch, seconds=1.5)
    control.submit(Training("first", ()))
    control.submit(Training("second", ()))
    process = begin_runner(folder)
    wait(lambda: find("first-1").state == "running")
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert find("first-1").state == "running"
    started = []
    monkeypatch.setattr(runner, "start_runner", lambda: started.append(1))
    runner.tend()
    assert started == []  # nobody may take the slot yet
    other = begin_runner(folder)
    wait(lambda: find("second-1").state == "running")
    assert "first-1 ends" in (folder / "order.txt").read_text()
    os.waitpid(other, 0)


def test_an_analysis_waits_for_a_training_and_both_are_found_by_kind(folder, monkeypatch):
    pretend(monkeypatch, seconds=0.3)
    control.submit(Training("a", ()))
    control.submit(Analysing("where", ("x.safetensors",)))
    assert [(job.name, job.place) for job in (*listing(), *listing("analyse"))] == [("a-1", 1), ("where", 2)]
    os.waitpid(begin_runner(folder), 0)
    assert {job.name: job.state for job in (*listing(), *listing("analyse"))} == {
        "a-1": "finished",
        "where": "finished",
    }
    assert (find("where"), find("a-1", "analyse")) == (None, None)


def test_an_analysis_under_way_is_found_and_stopped_by_another_server(folder, monkeypatch):
    pretend(monkeypatch, seconds=60)
    control.submit(Analysing("where", ("x.safetensors",)))
    process = begin_runner(folder)
    wait(lambda: find("where", "analyse").state == "running")
    code = (
        "from app.jobs import control, jobs; control.stop(jobs.find('analyse', 'where'))"  # a server that began later
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    os.waitpid(process, 0)
    assert find("where", "analyse").state == "stopped"
    assert find("where", "analyse").request.checkpoints == ("x.safetensors",)


def test_a_request_says_the_command_that_does_it_and_goes_on_with_it(folder):
    train = Training("mc_birds", ("seed=2", "epochs=1"), probes=3)
    assert train.arguments(folder) == [
        "train", "mc_birds", "seed=2", "epochs=1", "--out", str(folder), "--resume", "--probes", "3",
    ]  # fmt: skip
    words = Analysing("n", ("a.safetensors",), ("root=x",), -1).arguments(folder)
    assert words[:7] == ["analyse", "--checkpoint", "a.safetensors", "--data", "root=x", "--faithfulness", "all"]


def test_a_queue_without_a_runner_gets_one(folder, monkeypatch):
    pretend(monkeypatch)
    started = []
    monkeypatch.setattr(runner, "start_runner", lambda: started.append(1))
    runner.tend()
    assert started == []
    control.submit(Training("a", ()))
    started.clear()
    runner.tend()
    assert started == [1]


def test_a_run_that_is_stopped_can_be_resumed(folder, monkeypatch):
    pretend(monkeypatch, seconds=60)
    control.submit(Training("a", ()))
    process = begin_runner(folder)
    wait(lambda: (folder / "order.txt").exists() and find("a-1").state == "running")
    control.stop(find("a-1"))
    os.waitpid(process, 0)
    assert find("a-1").state == "stopped"
    pretend(monkeypatch)
    control.resume(find("a-1"))
    assert find("a-1").state == "queued"
    os.waitpid(begin_runner(folder), 0)
    assert find("a-1").state == "finished"


def test_a_run_that_does_not_listen_is_killed(folder, monkeypatch):
    pretend(monkeypatch, seconds=60, deaf=True)
    monkeypatch.setattr(runner, "GRACE", 1)
    control.submit(Training("a", ()))
    process = begin_runner(folder)
    wait(lambda: (folder / "order.txt").exists() and find("a-1").state == "running")
    control.stop(find("a-1"))
    assert find("a-1").state == "stopping"
    os.waitpid(process, 0)
    assert find("a-1").state == "stopped"


def test_a_run_that_waits_is_taken_out_of_the_queue(folder, monkeypatch):
    pretend(monkeypatch)
    control.submit(Training("a", ()))
    control.stop(find("a-1"))
    assert find("a-1").state == "stopped"
    os.waitpid(begin_runner(folder), 0)
    assert not (folder / "order.txt").exists()


def test_a_run_that_fails_tells_its_last_words(folder, monkeypatch):
    pretend(monkeypatch, code=2, words="the loss became nan; lower lr")
    control.submit(Training("a", ()))
    os.waitpid(begin_runner(folder), 0)
    run = find("a-1")
    assert (run.state, run.problem) == ("failed", "the loss became nan; lower lr")


def test_a_recycled_process_id_is_not_mistaken_for_the_run(folder, monkeypatch):
    pretend(monkeypatch)
    path = control.submit(Training("a", ())).path
    (path / "queued").unlink()
    me = os.getpid()
    (path / "process.json").write_text(json.dumps({"work": jobs.identity(me)}))
    assert find("a-1").state == "running"
    (path / "process.json").write_text(json.dumps({"work": {"id": me, "started": 1.5}}))
    assert find("a-1").state == "interrupted"
    assert jobs.identity(2**22 + 1)["started"] == 0


def test_training_that_ended_before_it_was_looked_at_is_not_taken_for_alive(folder, monkeypatch):
    pretend(monkeypatch)
    path = control.submit(Training("a", ())).path
    (path / "queued").unlink()
    (path / "process.json").write_text(json.dumps({"work": jobs.identity(2**22 + 1)}))
    assert find("a-1").state == "interrupted"


def test_a_zombie_is_no_process(folder):
    child = os.fork()
    if not child:
        os._exit(0)
    wait(lambda: jobs.identity(child)["started"] == 0, seconds=5)
    os.waitpid(child, 0)


def test_runs_of_the_command_line_are_listed_with_what_their_files_tell(folder):
    for name, epoch in (("whole", 2), ("part", 1)):
        (folder / name).mkdir(parents=True)
        lines = "".join(f'{{"kind": "epoch", "epoch": {n}}}\n' for n in range(1, epoch + 1))
        (folder / name / "metrics.jsonl").write_text(lines)
        settings = {"experiment": to_dict(tiny("", epochs=2)), "provenance": {}}
        (folder / name / "experiment.json").write_text(json.dumps(settings))
    assert {run.name: run.state for run in listing()} == {"whole": "finished", "part": "interrupted"}
    with pytest.raises(ValueError, match="expected a job of this page"):
        control.resume(find("part"))


def test_deleting_removes_the_folder_and_only_within_the_runs_folder(folder, monkeypatch, tmp_path):
    pretend(monkeypatch)
    control.submit(Training("a", ()))
    with pytest.raises(ValueError, match="a-1 is queued; stop it first"):
        control.delete(find("a-1"))
    control.stop(find("a-1"))
    control.delete(find("a-1"))
    assert listing() == ()
    precious = tmp_path / "precious"
    precious.mkdir()
    (folder / "link").symlink_to(precious)
    for path in (precious, folder / "..", folder, folder / "link", folder / "nothing"):
        with pytest.raises(ValueError, match="expected a folder in runs/ to delete"):
            control.delete(jobs.Job(path, "train", None, "finished"))
    assert precious.is_dir()


def test_names_are_not_used_twice_and_strangers_are_not_listed(folder, monkeypatch):
    pretend(monkeypatch)
    assert [control.submit(Training("a", ("seed=2",))).name for _ in range(2)] == ["a-2", "a-2-2"]
    (folder / ".hidden").mkdir()
    (folder / "notes").mkdir()
    assert {run.name for run in listing()} == {"a-2", "a-2-2"}
    assert find("../a-2") is None


def test_without_a_runs_folder_there_are_no_runs(folder):
    assert listing() == ()
    runner.tend()
    assert not folder.exists()


def test_a_log_shows_the_last_state_of_a_rewritten_line(folder, monkeypatch):
    pretend(monkeypatch)
    run = control.submit(Training("a", ()))
    (run.path / "log.txt").write_bytes(b"begin\n 1%\r 50%\r100%\nend\n")
    assert jobs.log(run) == "begin\n100%\nend"


def test_uploaded_pictures_stay_while_a_run_needs_them(folder, monkeypatch):
    pretend(monkeypatch)
    needed, unused = (control.place_for_pictures() / name for name in ("needed", "unused"))
    for path in (needed, unused):
        path.mkdir(parents=True)
    control.submit(Training("a", (f"data.root={needed}",)))
    control.place_for_pictures()
    assert unused.is_dir()  # a visitor may be about to train with it
    monkeypatch.setattr(control, "_UNUSED", -1)
    control.place_for_pictures()
    assert (needed.is_dir(), unused.is_dir()) == (True, False)

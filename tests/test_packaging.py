"""The wheel: it works without the checkout, and the core without the app's packages."""

import email
import os
import subprocess
import sys
import zipfile

import pytest

from conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of the tracked files; nothing is downloaded."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    for name in filter(None, listed):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/", "benchmarks/")):
            place = source / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w"]
    done = subprocess.run([*command, str(target), str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return next(target.glob("finegrain_lens-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The wheel's files in a folder of their own, as pip lays them out."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def run(installed, folder, *words):
    """A Python of this environment that finds the program in the installed files only."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FG_")}
    environment |= {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_core_needs_no_streamlit_and_the_app_says_that_it_does(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("METADATA"))
        needed = email.message_from_bytes(archive.read(name)).get_all("Requires-Dist")
        scripts = archive.read(name.replace("METADATA", "entry_points.txt")).decode()
    core = [text for text in needed if "extra" not in text]
    assert any(text.startswith("torch>=") for text in core)
    assert not any(text.startswith(("streamlit", "plotly")) for text in core)
    assert sum(text.startswith(("streamlit", "plotly")) and 'extra == "app"' in text for text in needed) == 2
    assert {line.partition(" =")[0] for line in scripts.splitlines() if " = " in line} == {"fgcore", "finegrain-lens"}


def test_the_command_line_works_from_any_folder(installed, tmp_path):
    done = run(installed, tmp_path, "-m", "fgcore", "presets")
    assert done.returncode == 0, done.stderr
    assert "mc_birds" in done.stdout
    where = run(installed, tmp_path, "-c", "import fgcore; print(fgcore.__file__)").stdout
    assert where.startswith(str(installed))


def test_a_shipped_checkpoint_explains_an_image(installed, tmp_path):
    code = (
        "from PIL import Image; from fgcore.data import synthetic;"
        "Image.fromarray(synthetic.draw('birds', 3, seed=1).image).save('bird.png')"
    )
    assert run(installed, tmp_path, "-c", code).returncode == 0
    shipped = installed / "app" / "shipped" / "ap_birds.safetensors"
    done = run(installed, tmp_path, "-m", "fgcore", "explain", "bird.png", "--checkpoint", str(shipped))
    assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "explained" / "bird" / "report.html").read_text(encoding="utf-8")


def test_importing_the_core_imports_nothing_of_the_app(installed, tmp_path):
    code = (
        "import sys, fgcore, fgcore.__main__; print(sorted({'streamlit', 'plotly', 'app', 'timm'} & set(sys.modules)))"
    )
    assert run(installed, tmp_path, "-c", code).stdout.strip() == "[]"


def test_the_installed_app_finds_its_files_and_its_settings(installed, tmp_path):
    code = (
        "from app import __main__ as command, checkpoints, places;"
        "print(len(checkpoints.catalogue().entries), places.is_checkout(), places.runs().parent);"
        "flags = list(command._flags(command.tomllib.loads(command._settings().read_text())));"
        "print('--server.address=127.0.0.1' in flags, '--browser.gatherUsageStats=false' in flags)"
    )
    done = run(installed, tmp_path, "-c", code)
    count, checkout, parent, address, stats = done.stdout.split()
    assert int(count) == len(list((ROOT / "checkpoints").glob("*.safetensors")))
    assert (checkout, parent, address, stats) == ("False", str(tmp_path), "True", "True")


def test_the_container_runs_as_an_ordinary_user_and_listens_inside_only():
    lines = [line.strip() for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()]
    assert lines.index("USER lens") < next(n for n, line in enumerate(lines) if line.startswith("CMD"))
    assert sum(line.startswith("HEALTHCHECK") for line in lines) == 1
    assert "127.0.0.1:8501:8501" in "\n".join(lines[:4])

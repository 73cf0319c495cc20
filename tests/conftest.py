"""What the tests share: where the parity numbers, photographs and weights lie, and which browser to drive."""

import importlib.util
import os
import shutil
from pathlib import Path

import pytest
import torch

from app_helpers import write_checkpoints, write_two_label_sets
from browser_helpers import serve, visitor
from fgcore.evaluation import run
from fgcore.evaluation.chunk import Settings

SHARED = "PYTEST_XDIST_WORKER" in os.environ  # other processes run tests beside this one
torch.set_num_threads(1 if SHARED else min(2, torch.get_num_threads()))  # small tensors on many cores mostly wait

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
GOLDEN = Path(os.environ.get("FG_GOLDEN") or ROOT / "tests" / "golden")
if not GOLDEN.is_dir():
    raise FileNotFoundError(f"FG_GOLDEN should name a folder of parity numbers, got {GOLDEN}; unset it")


def load_rules():
    """The module `rules.py` of the parity numbers: it rebuilds their weights and inputs."""
    own, given = ROOT / "tests" / "golden" / "rules.py", GOLDEN / "rules.py"
    spec = importlib.util.spec_from_file_location("golden_rules", given if given.is_file() else own)
    rules = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rules)
    return rules


@pytest.fixture(scope="session")
def rules():
    return load_rules()


@pytest.fixture(scope="session")
def golden_dir():
    return GOLDEN


@pytest.fixture(scope="session")
def data_dir():
    return _optional_folder("FG_DATA", "photographs (CUB_200_2011, cars)")


@pytest.fixture(scope="session")
def weights_dir():
    return _optional_folder("FG_WEIGHTS", "ImageNet trunk weights")


@pytest.fixture(scope="session")
def chromium():
    """Path of a Chromium for playwright's `executable_path`; without one, e2e tests skip, and fail in CI."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("FG_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        skip = pytest.fail if IN_CI else pytest.skip
        skip("no Chromium on PATH for the browser tests: apt install chromium, or set FG_CHROMIUM")
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory, chromium):
    """The app with untrained checkpoints of two worlds, for all browser tests: its address and its log."""
    folder = write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))
    log = tmp_path_factory.mktemp("log") / "app.log"
    runs = tmp_path_factory.mktemp("runs")
    with serve(log, FG_CHECKPOINTS=str(folder), FG_RUNS=str(runs)) as address:
        yield address, log


@pytest.fixture(scope="session")
def analysed(tmp_path_factory):
    """Untrained checkpoints of the drawn birds, and a folder with an analysis of two of them called "birds"."""
    models = write_checkpoints(tmp_path_factory.mktemp("models"))
    folder = tmp_path_factory.mktemp("analyses")
    settings = Settings(faithfulness=1, steps=2, resamples=20)
    paths = [models / f"{method}_birds.safetensors" for method in ("mc", "ap")]
    assert run.analyse(paths, folder / "birds", settings, data={"test_per_class": "1"})
    return models, folder


@pytest.fixture(scope="session")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, headless=True)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    """A visitor's page. See `browser_helpers.visitor`."""
    with visitor(browser) as page:
        yield page


def pytest_collection_modifyitems(items):
    """A browser test whose page was busy gets a second attempt; one that found a wrong value does not."""
    for item in items:
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=["TimeoutError", "strict mode violation"]))


def pytest_runtest_setup(item):
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device here: this test needs one")


def _optional_folder(variable, content):
    folder = os.environ.get(variable)
    if not folder:
        pytest.skip(f"{variable} is not set: name a folder with {content} to run this test")
    if not Path(folder).is_dir():
        pytest.fail(f"{variable} should name a folder with {content}, got {folder}")
    return Path(folder)

"""The house rules, kept by reading the source: who may import whom, and what may lie in the repository.

Every rule is a function from text or paths to a list of complaints, and is shown to complain.
"""

import ast
import re
import subprocess
import warnings
from collections import Counter

import pytest

from conftest import IN_CI, ROOT

NAMES = [path.name for path in sorted((ROOT / "fgcore" / "methods").iterdir()) if (path / "__init__.py").is_file()]
LONGEST, FULLEST = 300, 15  # lines of a file, files of a folder

# Who may import whom, lowest first. The longest name that fits a module is its row; a row may always import itself.
LOW = {"fgcore.config", "fgcore.outputs", "fgcore.records", "fgcore.checked"}
METHODS = LOW | {"fgcore.trunks", "fgcore.methods", "fgcore.report.render", "fgcore.evaluation.controls"}
MAY_IMPORT = {
    "fgcore": {"fgcore.inspection", "fgcore.methods"},
    "fgcore.checked": set(),
    "fgcore.config": {"fgcore.checked"},
    "fgcore.outputs": set(),
    "fgcore.records": set(),
    "fgcore.data": LOW,
    "fgcore.trunks": {"fgcore.outputs", "fgcore.checkpoints.pickles"},
    "fgcore.machine": {"fgcore.config", "fgcore.trunks"},
    "fgcore.methods": METHODS,
    "fgcore.checkpoints": LOW | {"fgcore.data", "fgcore.machine", "fgcore.methods"},
    "fgcore.inspection": LOW | {"fgcore.data", "fgcore.methods", "fgcore.checkpoints", "fgcore.report"},
    "fgcore.report": LOW | {"fgcore.methods"},
    "fgcore.evaluation": LOW
    | {"fgcore.data", "fgcore.machine", "fgcore.methods", "fgcore.checkpoints", "fgcore.inspection", "fgcore.report"},
    "fgcore.evaluation.controls": {"fgcore.records"},
    "fgcore.prediction": LOW
    | {"fgcore.data", "fgcore.methods", "fgcore.machine", "fgcore.checkpoints", "fgcore.inspection", "fgcore.report"}
    | {"fgcore.evaluation"},
    "fgcore.runs": LOW | {"fgcore.machine", "fgcore.checkpoints", "fgcore.evaluation"},
    "fgcore.training": LOW
    | {"fgcore.data", "fgcore.trunks", "fgcore.machine", "fgcore.methods", "fgcore.checkpoints", "fgcore.inspection"}
    | {"fgcore.evaluation", "fgcore.runs", "fgcore.report"},
    "fgcore.presets": {"fgcore.config", "fgcore.methods"},
    "fgcore.commands": {"fgcore"},
    "fgcore.__main__": {"fgcore.commands", "fgcore.machine"},
    "app": {"fgcore"},
    "app.__main__": {"app", "fgcore", "streamlit_app"},
    "app.methods": {"app", "fgcore"},
    "app.pages": {"app", "fgcore"},
    "streamlit_app": {"app", "fgcore"},
    "benchmarks": {"fgcore"},
}
REGISTRIES = {"fgcore.methods", "app.methods"}  # the only modules that name a method's folder; its own may too
TEACHES = {"app.components.lesson", "app.pages.learn"}  # the lesson is about the methods
SHARED_PIECES = {"fgcore.methods.baseline"}  # every network may be trained by cross-entropy
FOR_EVERYONE = {"fgcore", "fgcore.__version__", "fgcore.__file__"}  # these names, nothing below them
STREAMLIT_USERS = {"app", "streamlit_app"}
KNOWS_NETWORKS = "fgcore.trunks"  # the one folder that names the layers of torchvision and timm

# Text that must not be in the repository, spelt so that this file passes its own test.
FORBIDDEN_TEXT = {
    "a path of somebody's machine": r"(?<![\w.-])/(?:work|root|tmp|home/\w+)(?![\w-])",
    "a folder outside the repository": r"(?<![\w-])shared[/]|\.\.[/]shared",
    "how the work was organised": r"(?i)\bdesign[ ]doc|\bbash[_]jobs",
}
MAY_LOOK_OUTSIDE = {".ci/run"}
PHOTOGRAPH = re.compile(r"\.(jpe?g|webp|avif|gif|bmp|tiff?|heic)$", re.IGNORECASE)
CHECKPOINT_BUDGET = 120 * 10**6  # bytes, all shipped checkpoints together


def imports(source):
    """What `source` reaches for, wherever it stands: (line, dotted name); a relative one starts with a dot.

    That is each import, and each `package.name` behind a plain `import package`.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            yield from ((node.lineno, f"{origin}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"fgcore", "torchvision", "timm"}:
            yield node.lineno, ast.unparse(node)


def within(name, parents):
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def row_of(module):
    return max((row for row in MAY_IMPORT if within(module, [row])), key=len)


def folder_of_method(name):
    """The method's folder that a module lies in, such as "fgcore.methods.mc"; None elsewhere."""
    parts = name.split(".")
    inside = parts[:2] in (["fgcore", "methods"], ["app", "methods"]) and len(parts) > 2
    return ".".join(parts[:3]) if inside and parts[2] in NAMES else None


def stranger(module, name):
    """Whether `module` reaches into a method's folder that is not its own."""
    theirs, own = folder_of_method(name), folder_of_method(module)
    if theirs is None or module in REGISTRIES or within(module, [*TEACHES, "benchmarks"]) or theirs in SHARED_PIECES:
        return False
    return own is None or own.split(".")[2] != theirs.split(".")[2]


def forbidden_imports(module, source):
    """What `module` imports against the table or the rules on Streamlit and torchvision."""
    row = row_of(module)
    allowed = MAY_IMPORT[row] | ({row} - {"fgcore"})
    if row == "fgcore" and module != "fgcore":
        return [f"{module} has no row in MAY_IMPORT: say there what it may import"]
    complaints = []
    for line, name in imports(source):
        ours = name.split(".")[0] in {"fgcore", "app", "streamlit_app", "benchmarks", "tests"}
        if name.startswith("."):
            wrong = "relative import"
        elif ours and name not in FOR_EVERYONE and not within(name, allowed):
            wrong = f"{row} may import only {sorted(MAY_IMPORT[row]) or 'nothing of ours'}"
        elif row in ("app", "app.methods") and within(name, ["app.pages"]):
            wrong = "only streamlit_app.py knows the pages"
        elif row == "app.pages" and within(name, ["app.pages"]):
            wrong = "a page never imports a page"
        elif within(name, ["streamlit"]) and module.split(".")[0] not in STREAMLIT_USERS:
            wrong = "Streamlit belongs in app/ and streamlit_app.py"
        elif within(name, ["torchvision.models", "timm"]) and not within(module, [KNOWS_NETWORKS, "benchmarks"]):
            wrong = f"only {KNOWS_NETWORKS} knows the models of torchvision and timm"
        elif ours and stranger(module, name):
            wrong = "what lies in a method's folder is its own affair: ask its `Method` or `View`"
        else:
            continue
        complaints.append(f"{module}:{line} imports {name}: {wrong}")
    return complaints


def undocumented(module, source):
    """The module itself, and public functions, classes and methods, without a docstring."""
    tree = ast.parse(source)
    complaints = [] if ast.get_docstring(tree) else [f"{module} has no docstring"]
    parents = [tree]
    while parents:
        for node in parents.pop().body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                complaints.append(f"{module}:{node.lineno} {node.name} has no docstring")
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                parents.append(node)
    return complaints


def forbidden_text(path, text):
    return [
        f"{path}: {found.group()!r} is {what}"
        for what, pattern in FORBIDDEN_TEXT.items()
        if not (path in MAY_LOOK_OUTSIDE and "outside" in what)
        for found in re.finditer(pattern, text)
    ]


def misplaced_images(paths):
    """Photographs anywhere, and PNG outside docs/: pictures in the repository are drawn by the program."""
    return [path for path in paths if PHOTOGRAPH.search(path) or (path.endswith(".png") and path[:5] != "docs/")]


def over_budget(sizes):
    total = sum(sizes.values())
    return [f"checkpoints take {total} bytes of {CHECKPOINT_BUDGET}"] if total > CHECKPOINT_BUDGET else []


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def sources(*folders):
    """(module, source) of each Python file of ours in these folders."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [(module_name(path), path.read_text(encoding="utf-8")) for path in paths]


def entrypoint():
    path = ROOT / "streamlit_app.py"
    return [("streamlit_app", path.read_text(encoding="utf-8"))] if path.is_file() else []


def repository_files():
    """Paths that are tracked, or new and not ignored, as git names them."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode and not IN_CI:
        pytest.skip("not a git checkout: run this test in a clone")
    assert listed.returncode == 0, listed.stderr
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).is_file()]


def complaints_of(rule, modules):
    return [complaint for module, source in modules for complaint in rule(module, source)]


def test_every_import_follows_the_table():
    modules = [*sources("fgcore", "app", "benchmarks"), *entrypoint()]
    assert {"fgcore", "fgcore.config"} <= {module for module, _ in modules}
    assert complaints_of(forbidden_imports, modules) == []


def test_nothing_outside_a_methods_folder_names_it():
    named = re.compile("|".join(f'"{name}"' for name in NAMES))
    complaints = [
        f"{module}:{number}: {line.strip()}"
        for module, source in [*sources("fgcore", "app"), *entrypoint()]
        if folder_of_method(module) is None
        for number, line in enumerate(source.splitlines(), start=1)
        if named.search(line)
    ]
    assert complaints == []


def test_no_file_is_long_and_no_folder_is_full():
    modules = sources("fgcore", "app")
    long = [f"{module}: {lines} lines" for module, text in modules if (lines := text.count("\n")) > LONGEST]
    paths = [path for folder in ("fgcore", "app") for path in (ROOT / folder).rglob("*.py")]
    folders = Counter(str(path.parent.relative_to(ROOT)) for path in paths if path.name != "__init__.py")
    full = [f"{folder}: {count} files" for folder, count in folders.items() if count > FULLEST]
    assert (long, full) == ([], [])


def test_everything_public_in_the_core_has_a_docstring():
    assert complaints_of(undocumented, sources("fgcore")) == []


def test_no_file_names_a_machine_or_a_folder_outside_the_repository():
    complaints = []
    for path in repository_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content[:8192]:  # text
            complaints += forbidden_text(path, content.decode("utf-8"))
    assert complaints == []


def test_no_photograph_lies_in_the_repository():
    assert misplaced_images(repository_files()) == []


def test_the_shipped_checkpoints_stay_small():
    paths = [path for path in repository_files() if path.startswith("checkpoints/")]
    assert over_budget({path: (ROOT / path).stat().st_size for path in paths}) == []


@pytest.mark.parametrize("module", ["fgcore.training.loop", "app.pages.lens", "streamlit_app"])
def test_a_warning_from_our_own_code_fails_a_test(module):
    with pytest.raises(UserWarning, match="careless"):
        warnings.warn_explicit("careless", UserWarning, "loop.py", 1, module=module)


@pytest.mark.filterwarnings("ignore:their own business")
@pytest.mark.parametrize("module", ["torch.nn", "application.fgcore", "fgcore_extras"])
def test_a_warning_from_elsewhere_fails_none(module):
    warnings.warn_explicit("their own business", UserWarning, "x.py", 1, module=module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("fgcore.config", "import json\nfrom fgcore.checked import settings"),
        ("fgcore", "from fgcore.inspection.inspector import Inspector"),
        ("fgcore.methods", "from fgcore.methods.ap import AP"),
        ("fgcore.methods.ap.network", "from fgcore.methods.ap.roi import roi_pyramid\nfrom fgcore import outputs"),
        ("fgcore.methods.ap", "from fgcore.methods.baseline import CROSS_ENTROPY"),
        ("fgcore.trunks.vision", "from torchvision.models import resnet18"),
        ("fgcore.trunks.timm_trunk", "import timm"),
        ("fgcore.training.loop", "from fgcore.methods import METHODS\nfrom fgcore import __version__"),
        ("fgcore.training.loop", "import fgcore\nversion = fgcore.__version__"),
        ("fgcore.methods.ap.roi", "import torchvision\nnms = torchvision.ops.nms"),
        ("fgcore.__main__", "from fgcore.commands import train"),
        ("app.methods.ap.page", "from fgcore.methods.ap import roi\nfrom app.methods.base import View"),
        ("app.methods", "from app.methods.ap import VIEW"),
        ("app.components.lesson.step", "from fgcore.methods.mc.lesson import hills"),
        ("app.pages.lens", "import streamlit as st\nfrom app import charts\nfrom app.state import KEYS"),
        ("app.resources", "from fgcore.inspection.inspector import Inspector\nimport streamlit"),
        ("streamlit_app", "import streamlit as st\nfrom app.pages import lens"),
    ],
)
def test_the_import_rule_lets_good_imports_pass(module, source):
    assert forbidden_imports(module, source) == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("fgcore.outputs", "from fgcore.config import Experiment", "nothing of ours"),
        ("fgcore", "from fgcore.training import loop", "may import only"),
        ("fgcore.data.datasets", "from fgcore.methods import METHODS", "may import only"),
        ("fgcore.methods.mc.network", "def f():\n    from fgcore.training import loop", "may import only"),
        ("fgcore.inspection.cams", "from fgcore.training import loop", "may import only"),
        ("fgcore.inspection.cams", "import fgcore.training", "may import only"),
        ("fgcore.presets", "from fgcore import training", "may import only"),
        ("fgcore.training.loop", "from app.state import KEYS", "may import only"),
        ("fgcore.training.loop", "from app import state", "may import only"),
        ("fgcore.training.loop", "from fgcore.methods.mc.losses import MCLoss", "its own affair"),
        ("fgcore.methods.mc.losses", "from fgcore.methods.ap.roi import zoom_in", "its own affair"),
        ("app.pages.inspect", "from app.methods.mc import section", "its own affair"),
        ("app.resources", "from fgcore.methods.ap.what_if import drop_effects", "its own affair"),
        ("fgcore.__main__", "import app", "may import only"),
        ("fgcore.methods.ap.network", "from .roi import roi_pyramid", "relative import"),
        ("fgcore.methods.ap.network", "from . import roi", "relative import"),
        ("fgcore.training.loop", "import streamlit as st", "Streamlit belongs"),
        ("benchmarks.speed", "from streamlit.testing import v1", "Streamlit belongs"),
        ("benchmarks.speed", "import app.charts", "may import only"),
        ("app.pages.lens", "from app.pages.compare import draw", "a page never imports a page"),
        ("app.pages.lens", "from app.pages import compare", "a page never imports a page"),
        ("app.components", "from app.pages import lens", "only streamlit_app.py knows the pages"),
        ("fgcore.methods.ap.network", "from torchvision.models import resnet50", "torchvision and timm"),
        ("fgcore.methods.ap.network", "from torchvision import models", "torchvision and timm"),
        ("app.resources", "import torchvision.models.resnet", "torchvision and timm"),
        ("fgcore.checkpoints.weights", "import timm", "torchvision and timm"),
        ("fgcore.methods.ap.network", "import torchvision\nnet = torchvision.models.vgg16()", "torchvision and timm"),
        ("fgcore.methods.ap.network", "import fgcore\nx = fgcore.training.loop.train", "may import only"),
        ("fgcore.brand_new", "", "has no row"),
    ],
)
def test_the_import_rule_complains_of_bad_imports(module, source, wrong):
    complaints = forbidden_imports(module, source)
    assert len(complaints) == 1
    assert wrong in complaints[0]


def test_the_docstring_rule_complains_of_what_is_public_only():
    source = "def f(): ...\ndef _g(): ...\nclass C:\n    'Yes.'\n    def m(self): ...\n    def _n(self): ..."
    assert undocumented("m", source) == [
        "m has no docstring",
        "m:1 f has no docstring",
        "m:5 m has no docstring",
    ]
    assert undocumented("m", "'Yes.'\ndef f():\n    'Yes.'") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cd |work|main", 1),
        ("see |work.", 1),
        ("open('|tmp|x')", 1),
        ("~ is |root or |home|ann", 2),
        ("look in shared|golden and ..|shared", 2),
        ("The design_docs say", 1),
        ("not ours: https:||example.org|network|worker, a|work|b, unshared|c, https:||x|home|y", 0),
    ],
)
def test_the_text_rule_finds_machine_paths_and_nothing_else(text, found):
    text = text.replace("|", "/").replace("_", " ")
    assert len(forbidden_text("README.md", text)) == found


def test_only_the_ci_script_may_look_outside_and_not_even_it_at_a_machine():
    assert forbidden_text(".ci/run", "cd ../{}".format("shared")) == []
    assert len(forbidden_text(".ci/run", "cd /{}".format("root"))) == 1


def test_the_image_rule_complains_of_photographs_and_stray_pngs():
    paths = ["a.jpg", "docs/B.JPEG", "tests/c.png", "d.webp", "docs/drawn.png", "notes.md"]
    assert misplaced_images(paths) == ["a.jpg", "docs/B.JPEG", "tests/c.png", "d.webp"]


def test_the_budget_rule_adds_the_checkpoints_up():
    assert over_budget({"a": 60 * 10**6, "b": 60 * 10**6}) == []
    assert over_budget({"a": 60 * 10**6, "b": 60 * 10**6 + 1}) == ["checkpoints take 120000001 bytes of 120000000"]

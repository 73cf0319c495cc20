"""The house rules, kept by reading the source: who may import whom, and what may lie in the repository.

Every rule is a function from text or paths to a list of complaints, and is shown to complain.
"""

import ast
import re
import subprocess
import warnings

import pytest

from conftest import IN_CI, ROOT

# Who may import whom. The longest name that fits a module is its row; a row may always import itself.
MAY_IMPORT = {
    "fgcore": set(),
    "fgcore.config": set(),
    "fgcore.outputs": set(),
    "fgcore.draws": set(),
    "fgcore.data": {"fgcore.config"},
    "fgcore.models": {"fgcore.config", "fgcore.draws", "fgcore.outputs"},
    "fgcore.losses": {"fgcore.config", "fgcore.draws", "fgcore.outputs"},
    "fgcore.presets": {"fgcore.config"},
    "fgcore.convert": {"fgcore.config", "fgcore.outputs", "fgcore.models"},
    "fgcore.engine": {
        "fgcore.config",
        "fgcore.convert",
        "fgcore.draws",
        "fgcore.outputs",
        "fgcore.data",
        "fgcore.models",
        "fgcore.losses",
    },
    "fgcore.introspect": {"fgcore.config", "fgcore.outputs", "fgcore.losses", "fgcore.models.roi"},  # given a model
    "fgcore.explain": {"fgcore.config", "fgcore.data", "fgcore.engine", "fgcore.introspect"},  # one photo
    "fgcore.compare": {"fgcore.data", "fgcore.explain", "fgcore.introspect"},  # what a comparison asks of one model
    "fgcore.plan": {
        "fgcore.config",
        "fgcore.outputs",
        "fgcore.data",
        "fgcore.models",
        "fgcore.losses",
        "fgcore.engine",
    },
    "fgcore.probes": {
        "fgcore.config",
        "fgcore.outputs",
        "fgcore.data",
        "fgcore.engine",
        "fgcore.introspect",
        "fgcore.explain",
    },
    "fgcore.film": {"fgcore.probes", "fgcore.introspect", "fgcore.outputs"},  # the probes as moving pictures
    "fgcore.analysis": {
        "fgcore.config",
        "fgcore.outputs",
        "fgcore.losses",
        "fgcore.data",
        "fgcore.engine",
        "fgcore.introspect",
    },
    "fgcore.commands": {"fgcore"},
    "fgcore.__main__": {"fgcore.commands", "fgcore.engine"},
    "app": {"fgcore"},
    "app.pages": {
        "app.checkpoints",
        "app.resources",
        "app.state",
        "app.jobs",
        "app.analyses",
        "app.components",
        "app.charts",
        "fgcore",
    },
    "streamlit_app": {"app", "fgcore"},
    "benchmarks": {"fgcore"},
}
FOR_EVERYONE = {"fgcore", "fgcore.__version__", "fgcore.__file__"}  # these names, nothing below them
STREAMLIT_USERS = {"app", "streamlit_app"}
KNOWS_TORCHVISION_MODELS = "fgcore.models.backbone"  # the one file that names torchvision's layers

# Text that must not be in the repository, spelt so that this file passes its own test.
FORBIDDEN_TEXT = {
    "a path of somebody's machine": r"(?<![\w.-])/(?:work|root|tmp|home/\w+)(?![\w-])",
    "a folder outside the repository": r"(?<![\w-])shared[/]|\.\.[/]shared",
    "how the work was organised": r"(?i)\bdesign[ ]doc|\bbash[_]jobs",
}
MAY_LOOK_OUTSIDE = {".ci/run"}
PHOTOGRAPH = re.compile(r"\.(jpe?g|webp|avif|gif|bmp|tiff?|heic)$", re.IGNORECASE)
CHECKPOINT_BUDGET = 60 * 10**6  # bytes, all shipped checkpoints together


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
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in {"fgcore", "torchvision"}:
            yield node.lineno, ast.unparse(node)


def within(name, parents):
    return any(name == parent or name.startswith(f"{parent}.") for parent in parents)


def row_of(module):
    return max((row for row in MAY_IMPORT if within(module, [row])), key=len)


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
        elif row == "app" and within(name, ["app.pages"]):
            wrong = "only streamlit_app.py knows the pages"
        elif row == "app.pages" and within(name, ["app.pages"]):
            wrong = "a page never imports a page"
        elif within(name, ["streamlit"]) and module.split(".")[0] not in STREAMLIT_USERS:
            wrong = "Streamlit belongs in app/ and streamlit_app.py"
        elif within(name, ["torchvision.models"]) and module != KNOWS_TORCHVISION_MODELS:
            wrong = f"only {KNOWS_TORCHVISION_MODELS} knows torchvision's models"
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


@pytest.mark.parametrize("module", ["fgcore.engine.loop", "app.pages.lens", "streamlit_app"])
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
        ("fgcore.config", "import json\nfrom dataclasses import dataclass"),
        ("fgcore.models.ap_cnn", "from fgcore.models.roi import roi_pyramid\nfrom fgcore import outputs"),
        ("fgcore.models.backbone", "from torchvision.models import resnet18"),
        ("fgcore.engine.loop", "from fgcore.losses import MCLoss\nfrom fgcore import __version__"),
        ("fgcore.engine.loop", "import fgcore\nversion = fgcore.__version__"),
        ("fgcore.models.roi", "import torchvision\nnms = torchvision.ops.nms"),
        ("fgcore.introspect.parts", "from fgcore.models.roi import x\nfrom fgcore.models import roi"),
        ("fgcore.__main__", "from fgcore.engine import loop"),
        ("app.pages.lens", "import streamlit as st\nfrom app import charts\nfrom app.state import KEYS"),
        ("app.resources", "from fgcore.engine.checkpoint import load\nimport streamlit"),
        ("streamlit_app", "import streamlit as st\nfrom app.pages import lens"),
    ],
)
def test_the_import_rule_lets_good_imports_pass(module, source):
    assert forbidden_imports(module, source) == []


@pytest.mark.parametrize(
    ("module", "source", "wrong"),
    [
        ("fgcore.config", "from fgcore.outputs import Stage", "nothing of ours"),
        ("fgcore", "from fgcore.config import Experiment", "nothing of ours"),
        ("fgcore.data.datasets", "from fgcore.models import APCNN", "may import only"),
        ("fgcore.models.mc_net", "def f():\n    from fgcore.losses import MCLoss", "may import only"),
        ("fgcore.introspect.cam", "from fgcore.models import APCNN", "may import only"),
        ("fgcore.introspect.cam", "import fgcore.models", "may import only"),
        ("fgcore.convert", "import fgcore.engine.checkpoint", "may import only"),
        ("fgcore.presets", "from fgcore import engine", "may import only"),
        ("fgcore.engine.loop", "from app.state import KEYS", "may import only"),
        ("fgcore.engine.loop", "from app import state", "may import only"),
        ("fgcore.__main__", "import app", "may import only"),
        ("fgcore.models.ap_cnn", "from .roi import roi_pyramid", "relative import"),
        ("fgcore.models.ap_cnn", "from . import roi", "relative import"),
        ("fgcore.engine.loop", "import streamlit as st", "Streamlit belongs"),
        ("benchmarks.speed", "from streamlit.testing import v1", "Streamlit belongs"),
        ("benchmarks.speed", "import app.charts", "may import only"),
        ("app.pages.lens", "from app.uploads import store", "may import only"),
        ("app.pages.lens", "from app.pages.compare import draw", "a page never imports a page"),
        ("app.pages.lens", "from app.pages import compare", "a page never imports a page"),
        ("app.components", "from app.pages import lens", "only streamlit_app.py knows the pages"),
        ("fgcore.models.ap_cnn", "from torchvision.models import resnet50", "torchvision's models"),
        ("fgcore.models.ap_cnn", "from torchvision import models", "torchvision's models"),
        ("app.resources", "import torchvision.models.resnet", "torchvision's models"),
        ("fgcore.models.ap_cnn", "import torchvision\nnet = torchvision.models.vgg16()", "torchvision's models"),
        ("fgcore.models.ap_cnn", "import fgcore\nx = fgcore.engine.loop.train", "may import only"),
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
    assert over_budget({"a": 30 * 10**6, "b": 30 * 10**6}) == []
    assert over_budget({"a": 30 * 10**6, "b": 30 * 10**6 + 1}) == ["checkpoints take 60000001 bytes of 60000000"]

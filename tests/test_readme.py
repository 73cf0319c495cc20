"""What README promises: its Python runs, and its command lines are ones that the program takes."""

import re
import shlex

import pytest
from PIL import Image

from conftest import ROOT
from fgcore import presets
from fgcore.__main__ import parser
from fgcore.config import override
from fgcore.data import synthetic

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands():
    """Every call of `python -m fgcore` in a block or between backquotes, without comments."""
    text = "\n".join([*blocks("sh"), *re.findall(r"`([^`\n]+)`", TEXT)])
    return sorted({line.partition("#")[0].strip() for line in text.splitlines() if "-m fgcore" in line})


@pytest.mark.parametrize("code", blocks("python"))
def test_the_python_of_the_readme_runs(code, tmp_path, monkeypatch):
    Image.fromarray(synthetic.draw("birds", 3, seed=1).image).save(tmp_path / "photo.jpg")
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    assert names["shown"]._repr_html_().count("<img") >= 3


def test_there_are_command_lines_to_check():
    assert len(commands()) >= 8


@pytest.mark.parametrize("line", commands())
def test_a_command_line_of_the_readme_is_one_that_the_program_takes(line):
    words = shlex.split(line[line.index("-m fgcore") :])[2:]
    arguments = parser().parse_args(words)
    if arguments.command == "train":
        override(presets.get(arguments.preset), dict(text.split("=", 1) for text in arguments.settings))


def test_every_link_within_the_repository_leads_somewhere():
    cards = [ROOT / "README.md", *(ROOT / "fgcore" / "methods").rglob("README.md")]
    for card in cards:
        for target in re.findall(r"\]\(([^)#:]+)\)", card.read_text(encoding="utf-8")):
            assert (card.parent / target).exists(), f"{card}: {target}"

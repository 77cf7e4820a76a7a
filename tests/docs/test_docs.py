"""The documentation is executed, complete, and its links lead somewhere."""

import json
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from instar.entrypoints.cli.main import app
from instar.settings import Settings

TOP = Path(__file__).parents[2]
PAGES = sorted([*TOP.glob("*.md"), *TOP.glob("docs/**/*.md"), TOP / "benchmarks" / "README.md"])
EXECUTED = [page for page in PAGES if "```console" in page.read_text("utf-8")]
ANYTHING = "…"
COMPLETION = {"--install-completion", "--show-completion"}


def name(page):
    return str(page.relative_to(TOP))


def blocks(page):
    """Yield (command, expected output) for each `$` line of the console blocks, in order."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            yield command, expected


@pytest.mark.parametrize("page", EXECUTED, ids=name)
def test_commands_do_what_the_page_says(page, tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "instar").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m instar "$@"\n')
    (tools / "instar").chmod(0o755)
    here = tmp_path / "home" / "work"
    here.mkdir(parents=True)
    environment = {
        "HOME": str(here.parent),
        "PATH": f"{tools}:{os.environ['PATH']}",
        "INSTAR_DATA": str(tmp_path / "data"),
        "PYTHONPATH": str(TOP / "models" / "minilm"),  # as if it were installed
    }
    for command, expected in blocks(page):
        script = f'{command}\ncode=$?; pwd > "{tmp_path}/here"; exit $code'
        done = subprocess.run(
            ["bash", "-c", script], cwd=here, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, (command, done.stderr)
        here = Path((tmp_path / "here").read_text().strip())
        pattern = ".*".join(re.escape(part) for part in expected.strip().split(ANYTHING))
        assert re.fullmatch(pattern, done.stdout.strip(), re.DOTALL), (command, done.stdout)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not target.startswith(("https:", "http:")):
            path, _, anchor = target.partition("#")
            linked = (page.parent / path) if path else page
            assert linked.exists(), target
            if anchor:
                headings = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}, target


def test_every_setting_is_described_with_its_default():
    page = (TOP / "docs/reference/settings.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| `?([^|`]*?)`? \|", page, re.MULTILINE))
    assert rows.keys() == {item.name for item in fields(Settings)}
    defaults = Settings(data=Path("x"))
    for item in fields(Settings):
        if item.name != "data":
            assert rows[item.name] == str(getattr(defaults, item.name))


def commands(group, path=""):
    """Yield (path, command) of a group and all below it."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, f"{path} {name}")


def test_every_option_of_every_command_is_described():
    page = (TOP / "docs/reference/commands.md").read_text("utf-8")
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    for path, command in commands(group):
        assert f"`instar{path}" in page
        for parameter in command.params:
            for option in parameter.opts:
                known = not option.startswith("--") or option in COMPLETION or option == "--refresh"
                assert known or f"`{option}" in page, option


def shape(text):
    """Return what a JSON description like `{a, b: {c}, d?: [{e}]}` means: keys, each with the shape of its value."""
    names = re.sub(r"([\w?]+)(?=\s*[,}])", r'"\1": null', re.sub(r"([\w?]+)\s*:", r'"\1":', text))
    return json.loads(names)


def check(described, value, where):
    """Fail where keys are missing or not described; a list is described by one of its items."""
    if isinstance(described, list):
        for item in value:
            check(described[0], item, where)
    elif isinstance(described, dict):
        names = {name.rstrip("?") for name in described}
        needed = {name for name in described if not name.endswith("?")}
        assert needed <= value.keys() <= names, where
        for name, inner in described.items():
            if name in value:
                check(inner, value[name], f"{where}.{name}")


SHOWN_AS_JSON = {
    "index [PATH …]": "index notes --yes",
    "status": "status",
    "roots` and `instar roots forget PATH": "roots",
    "verify": "verify",
    "backup FILE": "backup corpus.db",
    "restore FILE": "restore corpus.db --yes",
    "model list": "model list",
    "model show NAME": "model show static",
    "model check NAME": "model check static",
    "model add NAME": "model add mine --provider ollama --source bge-m3",
    "embed [TEXT …]": "embed --compress x",
    "similarity QUERY TEXT": "similarity x y",
    "config": "config",
    "model distill NAME": "model distill static --vocabulary static --dimensions 8 --output mine",
    # A command after another: what is distilled is changed to, then back from.
    "migrate start MODEL": "migrate start static:mine --cutover ask",
    "migrate status": "migrate status",
    "migrate pause`, `instar migrate resume`, `instar migrate abort`, `instar migrate cutover": "migrate cutover",
    "rollback": "rollback",
    "generations": "generations",
    "retire ID": "retire 2",
}


def test_json_has_the_keys_that_are_described(instar_command, tmp_path):
    """Each command's first description of JSON, against what it prints."""
    page = (TOP / "docs/reference/commands.md").read_text("utf-8")
    described = {
        part.partition("`\n")[0]: found[1]
        for part in re.split(r"^## `instar ", page, flags=re.MULTILINE)[1:]
        if (found := re.search(r"^JSON: (?:a list of )?`(\{.*?\})`", part, re.MULTILINE | re.DOTALL))
    }
    assert described.keys() == SHOWN_AS_JSON.keys()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "retry.md").write_text("Retries wait for twice as long.\n")
    for heading, arguments in SHOWN_AS_JSON.items():
        printed = json.loads(instar_command(*arguments.split(), "--json", cwd=tmp_path).stdout)
        for value in printed if isinstance(printed, list) else [printed]:
            check(shape(described[heading]), value, heading)


def test_the_answer_of_a_search_has_the_fields_that_are_described(instar_command, tmp_path):
    page = (TOP / "docs/reference/commands.md").read_text("utf-8")
    tables = page.partition("### JSON of a search")[2].partition("\n## ")[0].partition("| field of a hit |")
    of_answer, of_hit = (
        {name for cell in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
        for table in (tables[0], tables[2])
    )
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "retry.md").write_text("Retries wait for twice as long.\n")
    printed = json.loads(instar_command("search", "retries", tmp_path / "notes", "--yes", "--json").stdout)
    assert printed.keys() == of_answer
    assert printed["hits"][0].keys() == of_hit


def test_every_dependency_has_its_reason_and_its_pin():
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    page = (TOP / "docs/explanation/dependencies.md").read_text("utf-8")
    pins = {line.split("==")[0].lower() for line in (TOP / "constraints.txt").read_text().splitlines() if "==" in line}
    for line in [*project["dependencies"], *extras]:
        package = re.split(r"[<>=~ ]", line)[0]
        assert f"`{package}`" in page or (package.startswith("tree-sitter-") and "`tree-sitter-*`" in page), package
        assert package.lower().replace("_", "-") in {pin.replace("_", "-") for pin in pins}, package

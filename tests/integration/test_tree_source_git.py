"""The files a tree source lists are those that git would add, on generated trees and rules."""

import os
import random
import subprocess
from pathlib import Path

import pytest

from instar.adapters.sources.tree import TreeSource
from instar.domain.sources import FileState

NAMES = (
    "a",
    "b",
    "ab",
    "a.c",
    "b.c",
    "lib.py",
    "x y",
    "é.c",
    "[a]",
    "a]",
    "-b",
    "!a",
    "#a",
    "A.C",
    "a\\b",
    "trail ",
)
ATOMS = (
    *NAMES,
    *(
        "*",
        "**",
        "?",
        "*.c",
        "a*",
        "*b",
        "?b",
        "a**",
        "**b",
        "***",
        "[ab]",
        "[!a]",
        "[^b]*",
        "[a-c]",
        "[]a]",
        "[b-]",
    ),
    *(
        "[[:alpha:]]",
        "[[:upper:]].C",
        "[![:punct:]]*",
        "[[:no:]]",
        "[[:x]",
        "[a",
        "[\\]a]",
        "\\a",
        "\\[a]",
        "a\\\\b",
    ),
    *(
        "\\*",
        "é*",
        "?.c",
        "??.c",
        "[é].c",
        "\\!a",
        "\\#a",
        "a\\",
        "[a\\-c]",
        "[z-a]",
        "[\\",
        "a.?",
        "[*]",
        "*.[bc]",
    ),
)
FORMS = (
    "{}",
    "/{}",
    "{}/",
    "/{}/",
    "{}/{}",
    "/{}/{}",
    "{}/{}/",
    "**/{}",
    "{}/**",
    "{}/**/{}",
    "**/{}/{}",
    "{}{}",
    "{}//{}",
)
LINE_ENDS = (
    "\n",
    "\n",
    "\n",
    "\r\n",
    " \n",
    "\\ \n",
    "\t\n",
    "\n\n",
    "\n# note\n",
    "\n   \n",
    "\n!\n",
    "\n/\n",
)


def random_rules(rng: random.Random) -> str:
    """Return the text of an ignore file."""
    lines = []
    for _ in range(rng.randint(1, 6)):
        form = rng.choice(FORMS)
        pattern = form.format(*(rng.choice(ATOMS) for _ in range(form.count("{}"))))
        lines.append(rng.choice(("", "", "!")) + pattern + rng.choice(LINE_ENDS))
    text = "".join(lines)
    return rng.choice(("", "", "\ufeff")) + (text.rstrip("\n") if rng.random() < 0.2 else text)


def fill(rng: random.Random, folder: Path, depth: int, *, rules: bool) -> None:
    """Write files, folders and (where `rules`) an ignore file into `folder`, `depth` levels deep."""
    for name in rng.sample(NAMES, rng.randint(2, 6)):
        if depth and rng.random() < 0.5:
            (folder / name).mkdir()
            fill(rng, folder / name, depth - 1, rules=rng.random() < 0.3)
        else:
            (folder / name).write_text("text\n")
    if rules:
        (folder / ".gitignore").write_text(random_rules(rng))


def git(folder: Path, *arguments: str) -> bytes:
    """Run git with no configuration but the repository's own."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "HOME": str(folder),
    }
    environment = {name: value for name, value in environment.items() if name not in {"GIT_DIR", "GIT_WORK_TREE"}}
    run = subprocess.run(["git", "-C", str(folder), *arguments], env=environment, check=True, capture_output=True)
    return run.stdout


def listed_by_git(folder: Path) -> list[str]:
    """Return the files below `folder` that git does not ignore."""
    out = git(folder, "ls-files", "-z", "--others", "--cached", "--exclude-standard")
    return sorted(os.fsdecode(name) for name in out.split(b"\0") if name)


def listed(root: Path) -> list[str]:
    """Return the files of a scan, in its order."""
    return [found.path for found in TreeSource(root).scan() if isinstance(found, FileState)]


@pytest.mark.parametrize("seed", range(SEEDS := 60))
def test_lists_what_git_lists(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    git(tmp_path, "init", "-q")
    fill(rng, tmp_path, 3, rules=True)
    (tmp_path / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / ".git" / "info" / "exclude").write_text(random_rules(rng))

    assert listed(tmp_path) == listed_by_git(tmp_path)


@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + 20))
def test_a_root_inside_a_repository_is_subject_to_the_rules_above_it(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text(random_rules(rng))
    middle = tmp_path / "x y"
    root = middle / "root"
    root.mkdir(parents=True)
    (middle / ".gitignore").write_text(random_rules(rng))
    fill(rng, root, 2, rules=True)

    expected = listed_by_git(root)

    if expected or not ignored_above(tmp_path, root):
        assert listed(root) == expected


def ignored_above(top: Path, root: Path) -> bool:
    """Whether git ignores the root itself, or a folder it is in."""
    code = subprocess.run(["git", "-C", str(top), "check-ignore", "-q", str(root)], check=False).returncode
    return code == 0

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


def ignored(folder: Path) -> bool:
    """Whether git ignores `folder`."""
    try:
        git(folder.parent, "check-ignore", "--quiet", str(folder))
    except subprocess.CalledProcessError as error:
        if error.returncode != 1:
            raise
        return False
    return True


AWKWARD = (
    *("a", "/a", "a/", "a//", "/a//", "//a", "a/b", "/a/b", "a/b/", "**", "**/", "*", "*/", "/*", "/", "!", "\\", " "),
    *("a**/b", "a**", "x/a**", "x/**", "x/**/", "**/b", "**/a/b", "x/**/b", "**a", "x/**b", "/**/a", "x/*/b", "x/*"),
    *("a ", "a\\ ", "a\\  ", "a\\\\ ", "\\a", "\\#a", "\\!a", "#a", "!a", " a", "a\r", "a\t", "\ufeffa", "x/**\\/b"),
    *(
        "?",
        "??",
        "?.c",
        "??.c",
        "[a]",
        "[!a]",
        "[^a]",
        "[]a]",
        "[!]a]",
        "[a-c]",
        "[c-a]",
        "[a-",
        "[a",
        "[]",
        "[!]",
        "[-a]",
    ),
    *(
        "[[:alpha:]]",
        "[[:alpha:]-z]",
        "[[:nope:]]",
        "[[:alpha]",
        "[[a]",
        "[\\]]",
        "[a\\-c]",
        "[é].c",
        "é.c",
        "x[/]a",
        "x[!b]a",
    ),
)


def test_awkward_rules_are_read_as_git_reads_them(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    for number, rule in enumerate(AWKWARD):
        folder = tmp_path / str(number)
        for name in (*NAMES, " a", "a ", "a\t", "]", "\\", "-", "ax"):
            for place in (folder, folder / "x", folder / "ab/x/y", folder / "xa/b"):
                place.mkdir(parents=True, exist_ok=True)
                (place / name / "b").mkdir(parents=True) if "a" in name else (place / name).write_text("x")
                (place / name / "b/a").write_text("x") if "a" in name else None
        (folder / ".gitignore").write_bytes(f"*.never\n{rule}\n".encode())

    assert listed(tmp_path) == listed_by_git(tmp_path)


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

    found = listed(root)
    for folder in (middle, root):
        if ignored(folder):  # the root was named all the same, so what leaves it out does not count
            (tmp_path / ".gitignore").unlink(missing_ok=True)
            if folder == root:
                (middle / ".gitignore").unlink()

    assert found == listed_by_git(root)

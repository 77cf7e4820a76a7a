import pytest

from instar.indexing.projects import Projects

ROOT = "/home/me/app"


@pytest.mark.parametrize(
    ("folder", "home"),
    [
        ("/home/me/app", ROOT),
        ("/home/me/app/", ROOT),
        ("/home/me/app/src/deep", ROOT),
        ("/home/me/app/../app", ROOT),
        ("/home/me/app/../other", None),
        ("/home/me/app-two", None),
        ("/home/me", None),
        ("app", None),
        ("", None),
        ("/home/me/app/inner", None),
        ("/home/me/app/inner/src", None),
        ("/home/me/app/inner-two", ROOT),
    ],
)
def test_sessions_in_the_root_belong_to_it_but_not_those_in_a_root_inside_it(folder, home):
    assert Projects(ROOT, ("/home/me/app/inner",)).home(folder) == home


@pytest.mark.parametrize(
    ("glob", "folder", "home"),
    [
        ("app-*", "/trees/app-1", "/trees/app-1"),
        ("app-*", "/trees/app-1/src/deep", "/trees/app-1"),
        ("app-*", "/trees/app-trees/app-1/src", "/trees/app-trees/app-1"),
        ("app-*", "/trees/other", None),
        ("**/app-*", "/trees/app-1/src", "/trees/app-1"),
        ("/trees/*", "/trees/app-1/src", "/trees/app-1"),
        ("/trees/*", "/home/trees/app-1", None),
        ("/home/me/app", ROOT, ROOT),
    ],
)
def test_a_glob_takes_in_the_innermost_folder_that_fits(glob, folder, home):
    assert Projects(ROOT, globs=(glob,)).home(folder) == home


def test_with_globs_the_root_counts_only_where_one_names_it():
    assert Projects(ROOT, globs=("other",)).home(ROOT) is None


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/trees/app-1/src/a.py", "src/a.py"),
        ("/trees/app-1/src/../a.py", "a.py"),
        ("/home/me/app/src/a.py", "src/a.py"),
        ("/etc/hosts", "/etc/hosts"),
        ("/trees/app-2/a.py", "a.py"),
        ("/trees/app-2/src/app-x/a.py", "a.py"),
        ("/trees/other/a.py", "/trees/other/a.py"),
        ("/home/me/app/.claude/worktrees/fix/src/a.py", "src/a.py"),
        ("/home/me/app/sub/.claude/worktrees/fix/src/a.py", "sub/src/a.py"),
        ("/trees/app-1/.claude/worktrees/fix/src/a.py", "src/a.py"),
        ("/home/me/app/.claude/worktrees/notes.md", ".claude/worktrees/notes.md"),
        ("/home/me/app/x.claude/worktrees/fix/a.py", "x.claude/worktrees/fix/a.py"),
    ],
)
def test_a_touched_path_is_that_of_the_project_or_the_root(path, shown):
    assert Projects(ROOT, globs=("app-*",)).shown(path, "/trees/app-1") == shown


def test_another_choice_has_another_fingerprint():
    choices = [Projects(ROOT), Projects("/r"), Projects(ROOT, ("/home/me/app/x",)), Projects(ROOT, globs=("x",))]
    assert len({choice.fingerprint for choice in choices}) == 4
    assert Projects(ROOT).fingerprint == Projects(ROOT).fingerprint


def test_a_glob_for_all_that_is_below_makes_no_project_of_every_folder():
    for glob in ("/trees/**", "*", "**/*"):
        assert Projects(ROOT, globs=(glob,)).shown("/trees/app-1/src/deep/a.py", "/trees/app-1") == "src/deep/a.py"


@pytest.mark.parametrize("folder", ["/a" * 32_000, "/" + "a" * 100_000, "/trees/app-1" + "/a" * 200])
def test_a_folder_that_no_system_has_is_of_no_project(folder):
    assert Projects(ROOT, globs=("app-*", "/a/**/b", "*a*a*")).home(folder) is None

"""What a tree source lists and what it reads from it."""

import os
import subprocess
from hashlib import blake2b
from pathlib import Path

import pytest

from instar.adapters.sources.tree import TreeSource
from instar.domain import sources
from instar.domain.sources import Content, FileState, Skipped
from instar.errors import RootMissingError


def write(root: Path, files: dict[str, str]) -> Path:
    """Write files, with the folders they are in."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def listed(source: TreeSource) -> list[str]:
    """Return the paths of the files of a scan."""
    return [found.path for found in source.scan() if isinstance(found, FileState)]


def skipped(source: TreeSource) -> dict[str, str]:
    """Return the reason for every path a scan passes over."""
    return {found.path: found.reason for found in source.scan() if isinstance(found, Skipped)}


def content(source: TreeSource, path: str) -> Content:
    """Return the content of a file that has one."""
    found = source.read(path)
    assert isinstance(found, Content), found
    return found


def git(folder: Path, *arguments: str) -> None:
    """Run git as nobody in particular."""
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always")
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], env=environment, check=True, capture_output=True)


class TestListing:
    def test_a_state_has_path_size_and_time_of_change(self, tmp_path: Path) -> None:
        write(tmp_path, {"a/b.py": "x = 1\n"})
        os.utime(tmp_path / "a/b.py", ns=(5, 1_234_567_890_123_456_789))

        assert list(TreeSource(tmp_path).scan()) == [FileState("a/b.py", 6, 1_234_567_890_123_456_789)]

    def test_paths_come_in_order(self, tmp_path: Path) -> None:
        paths = [
            "a-b.py",
            "a.py",
            "a/b.py",
            "a/b/c.py",
            "a/b-c.py",
            "a0.py",
            "Z/a.py",
            "é.py",
            "z.py",
            "a/.hidden",
        ]
        write(tmp_path, dict.fromkeys(paths, "x"))

        assert listed(TreeSource(tmp_path)) == sorted(paths)

    def test_a_second_scan_sees_the_changes(self, tmp_path: Path) -> None:
        source = TreeSource(write(tmp_path, {"a.py": "1", "b.py": "2", "c/d.py": "3"}))
        listed(source)
        (tmp_path / "a.py").unlink()
        write(tmp_path, {"b.py": "22", ".gitignore": "c/\n"})

        assert {s.path: s.size for s in source.scan() if isinstance(s, FileState)} == {
            ".gitignore": 3,
            "b.py": 2,
        }

    def test_empty_files_are_not_listed(self, tmp_path: Path) -> None:
        write(tmp_path, {"__init__.py": "", "a.py": "1"})

        assert [found.path for found in TreeSource(tmp_path).scan()] == ["a.py"]

    def test_a_nested_root_is_left_to_its_own_source(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.py": "1", "sub/b.py": "2", "sub2/c.py": "3", "deep/er/d.py": "4"})
        nested = (tmp_path / "sub", tmp_path / "deep/er", tmp_path, tmp_path.parent / "elsewhere")

        assert listed(TreeSource(tmp_path, nested_roots=nested)) == ["a.py", "sub2/c.py"]

    def test_a_root_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RootMissingError) as missing:
            list(TreeSource(tmp_path / "gone").scan())
        assert missing.value.remedy

        (tmp_path / "file").write_text("x")
        with pytest.raises(RootMissingError):
            list(TreeSource(tmp_path / "file").scan())

    def test_reading_from_a_root_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RootMissingError):
            TreeSource(tmp_path / "gone").read("a.py")

    @pytest.mark.parametrize("returns", [False, True])
    def test_a_root_that_goes_away_during_the_scan_is_not_taken_for_empty(self, tmp_path: Path, returns: bool) -> None:
        root = write(tmp_path / "root", {"a.py": "1", "b/c.py": "2", "d/e.py": "3"})
        scan = TreeSource(root).scan()
        assert next(scan).path == "a.py"
        root.rename(tmp_path / "away")
        if returns:
            root.mkdir()

        with pytest.raises(RootMissingError):
            list(scan)


class TestIgnoreFiles:
    def test_instarignore_wins_over_gitignore_both_ways(self, tmp_path: Path) -> None:
        write(tmp_path, {".gitignore": "*.log\nout/\n", ".instarignore": "!keep.log\n!out/\nsecret/\n"})
        write(
            tmp_path,
            {"a.log": "1", "keep.log": "2", "out/b.py": "3", "secret/c.py": "4", "sub/keep.log": "5"},
        )
        write(tmp_path, {"sub/.gitignore": "keep.log\n"})

        paths = [path for path in listed(TreeSource(tmp_path)) if not path.endswith("ignore")]

        assert paths == ["keep.log", "out/b.py", "sub/keep.log"]

    def test_the_inner_instarignore_wins_over_the_outer(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {".instarignore": "*.txt\n", "a/.instarignore": "!b.txt\n", "a/b.txt": "1", "a/c.txt": "2"},
        )

        assert "a/b.txt" in listed(TreeSource(tmp_path))
        assert "a/c.txt" not in listed(TreeSource(tmp_path))

    def test_gitignore_counts_without_a_repository(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {".gitignore": "/a.py\n", "a.py": "1", "b/a.py": "2", "b/.gitignore": "c.py", "b/c.py": "3"},
        )

        assert listed(TreeSource(tmp_path)) == [".gitignore", "b/.gitignore", "b/a.py"]

    def test_a_tracked_file_is_ignored_like_any_other(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.log": "1", "a.py": "2"})
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", ".")
        write(tmp_path, {".gitignore": "*.log\n"})

        assert listed(TreeSource(tmp_path)) == [".gitignore", "a.py"]

    def test_the_rules_of_a_repository_end_at_one_inside_it(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {".gitignore": "*.log\n", ".instarignore": "*.tmp\n", "inner/a.log": "1", "inner/a.tmp": "2"},
        )
        git(tmp_path, "init", "-q", "inner")
        write(tmp_path, {"inner/.git/info/exclude": "b.py\n", "inner/b.py": "3", "b.py": "4"})

        assert listed(TreeSource(tmp_path)) == [".gitignore", ".instarignore", "b.py", "inner/a.log"]

    def test_an_empty_git_folder_is_no_repository(self, tmp_path: Path) -> None:
        write(tmp_path, {".gitignore": "*.log\n", "inner/a.log": "1"})
        (tmp_path / "inner/.git").mkdir()

        assert listed(TreeSource(tmp_path)) == [".gitignore"]

    def test_excludes_of_a_worktree_are_those_of_its_repository(self, tmp_path: Path) -> None:
        main = write(tmp_path / "main", {"a.py": "1", "b.py": "2"})
        git(main, "init", "-q")
        git(main, "add", ".")
        git(main, "commit", "-q", "-m", "first")
        git(main, "worktree", "add", "-q", "../linked")
        write(main, {".git/info/exclude": "b.py\n"})

        assert listed(TreeSource(tmp_path / "linked")) == ["a.py"]

    def test_rules_that_leave_out_the_root_itself_do_not_count(self, tmp_path: Path) -> None:
        write(tmp_path, {".gitignore": "*\n", ".instarignore": "/notes/\n*.py\n", "notes/a.md": "1", "notes/b.py": "2"})
        git(tmp_path, "init", "-q")

        assert listed(TreeSource(tmp_path / "notes")) == ["a.md", "b.py"]

    def test_an_ignore_file_that_is_a_link_has_no_rules(self, tmp_path: Path) -> None:
        root = write(tmp_path / "root", {"a.py": "1"})
        write(tmp_path, {"rules": "a.py\n"})
        (root / ".gitignore").symlink_to(tmp_path / "rules")

        assert listed(TreeSource(root)) == ["a.py"]

    def test_rules_with_any_bytes_are_harmless(self, tmp_path: Path) -> None:
        write(tmp_path, {"a.py": "1", "caf\udce9.log": "2"})
        (tmp_path / ".gitignore").write_bytes(b"\xff\xfe[\\\n\0\n*.l\xe9g\n[[:\n(((\n*.log\n")

        assert listed(TreeSource(tmp_path)) == [".gitignore", "a.py"]


class TestDefaults:
    def test_dependency_folders_are_passed_over(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {
                "node_modules/a.js": "1",
                "src/__pycache__/b.txt": "2",
                "env3/pyvenv.cfg": "home",
                "env3/c.py": "3",
            },
        )

        found = list(TreeSource(tmp_path).scan())

        folders = ("env3/", "node_modules/", "src/__pycache__/")
        assert found == [Skipped(folder, sources.DEPENDENCIES) for folder in folders]

    @pytest.mark.parametrize(("folder", "tool"), [("target", "Cargo.toml"), ("vendor", "go.mod")])
    def test_an_ordinary_name_needs_its_tool_beside_it(self, tmp_path: Path, folder: str, tool: str) -> None:
        write(tmp_path, {f"{folder}/a.py": "1"})
        assert listed(TreeSource(tmp_path)) == [f"{folder}/a.py"]

        write(tmp_path, {tool: "1"})
        assert listed(TreeSource(tmp_path)) == [tool]

    def test_instarignore_takes_them_back_in(self, tmp_path: Path) -> None:
        write(tmp_path, {".instarignore": "!node_modules/\n!env/\n!yarn.lock\n"})
        write(tmp_path, {"node_modules/a.js": "1", "env/pyvenv.cfg": "2", "yarn.lock": "3", "go.sum": "4"})

        assert listed(TreeSource(tmp_path))[1:] == ["env/pyvenv.cfg", "node_modules/a.js", "yarn.lock"]

    def test_gitignore_does_not(self, tmp_path: Path) -> None:
        write(tmp_path, {".gitignore": "*\n!*/\n!*.js\n", "node_modules/a.js": "1", "b.js": "2"})

        assert listed(TreeSource(tmp_path)) == ["b.js"]

    def test_a_root_is_read_whatever_it_is_called(self, tmp_path: Path) -> None:
        root = write(tmp_path / "node_modules", {"a.js": "1", "pyvenv.cfg": "2"})

        assert listed(TreeSource(root)) == ["a.js", "pyvenv.cfg"]

    def test_version_control_is_never_entered(self, tmp_path: Path) -> None:
        write(tmp_path, {".instarignore": "!.git/\n!.hg/\n", ".git/HEAD": "1", ".hg/a": "2", "sub/.svn/a": "3"})

        assert [found.path for found in TreeSource(tmp_path).scan()] == [".instarignore"]

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("package-lock.json", sources.LOCK_FILE),
            ("sub/Cargo.lock", sources.LOCK_FILE),
            ("jquery.min.js", sources.MINIFIED),
            ("app.js.map", sources.GENERATED),
        ],
    )
    def test_files_known_by_name_are_passed_over(self, tmp_path: Path, name: str, reason: str) -> None:
        assert list(TreeSource(write(tmp_path, {name: "1"})).scan()) == [Skipped(name, reason)]


class TestReading:
    def test_text_hash_and_line_ends_are_those_of_the_file(self, tmp_path: Path) -> None:
        raw = "def f():\r\n\treturn 'ä€𝄞'\n".encode()
        (tmp_path / "a.py").write_bytes(raw)

        expected = Content(raw.decode(), "", blake2b(raw, digest_size=16).digest(), 0)
        assert TreeSource(tmp_path).read("a.py") == expected

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
    def test_a_byte_order_mark_names_the_encoding(self, tmp_path: Path, encoding: str) -> None:
        mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
        (tmp_path / "a.txt").write_bytes((mark + "naïve\n").encode(encoding))

        found = content(TreeSource(tmp_path), "a.txt")

        assert (found.text, found.replaced) == ("naïve\n", 0)

    def test_bytes_that_are_not_utf8_are_replaced_and_counted(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes(
            "un café, une forêt \ufffd\n".encode() + "déjà vu tout près\n".encode("latin-1")
        )

        found = content(TreeSource(tmp_path), "a.txt")

        assert found.text == "un café, une forêt \ufffd\nd\ufffdj\ufffd vu tout pr\ufffds\n"
        assert found.replaced == 3

    def test_a_broken_utf16_file_is_read_and_counted(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_bytes("\ufeffab".encode("utf-16-le") + b"\x00\xd8c\x00")

        found = content(TreeSource(tmp_path), "a.txt")

        assert found.text == "ab\ufffdc"
        assert found.replaced == 1

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b"", sources.EMPTY),
            (b"\x7fELF\x02\x01\x01\x00" + b"code" * 100, sources.BINARY),
            (b"text " * 500 + b"\0" + b"text " * 500, sources.BINARY),
            (b"\x01\x02\x03\x04\x05 no zero byte", sources.BINARY),
            ("Съешь ещё этих мягких французских булок\n".encode("koi8-r"), sources.ENCODING),
            (b"function a(b){return b+1};" * 1_000, sources.MINIFIED),
            (b"// Code generated by protoc-gen-go. DO NOT EDIT.\npackage a\n", sources.GENERATED),
            (b"#!/usr/bin/env python\n\n# Copyright A\n# @generated\nx = 1\n", sources.GENERATED),
            (b"/*\r\n * Generated by mkerr, do not edit\r\n */\r\nint a;\r\n", sources.GENERATED),
        ],
    )
    def test_what_is_no_text_of_anybody_is_passed_over(self, tmp_path: Path, raw: bytes, reason: str) -> None:
        (tmp_path / "file").write_bytes(raw)

        assert TreeSource(tmp_path).read("file") == Skipped("file", reason)

    @pytest.mark.parametrize(
        "text",
        [
            "x",
            "\x1b[31mred\x1b[0m\n",
            '{"a": 1}' * 200,  # one line, but short
            "A paragraph stands in one line, and it is a long one, as people write them. " * 200,
            "x = 1\n" * 100 + "y" * 20_000 + "\n" + "z = 2\n" * 100,
            'TEXT = """\n# This is a generated file! Do not edit.\n"""\n',
            "import a\n# The @generated marker is written here.\n",
        ],
    )
    def test_unusual_text_is_text(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "file").write_text(text)

        assert content(TreeSource(tmp_path), "file").text == text

    def test_the_limit_is_inclusive(self, tmp_path: Path) -> None:
        write(tmp_path, {"a": "x" * 10, "b": "x" * 11})
        source = TreeSource(tmp_path, max_bytes=10)

        assert listed(source) == ["a"]
        assert skipped(source) == {"b": sources.TOO_LARGE}
        assert content(source, "a").text == "x" * 10
        assert source.read("b") == Skipped("b", sources.TOO_LARGE)


class TestRepository:
    def test_outside_a_repository_the_name_is_empty(self, tmp_path: Path) -> None:
        source = TreeSource(write(tmp_path, {"a/b.py": "1"}))

        assert source.repository("a/b.py") == ""
        assert content(source, "a/b.py").repository == ""

    def test_the_nearest_repository_counts(self, tmp_path: Path) -> None:
        root = write(tmp_path / "outer", {"a.py": "1", "x/y/b.py": "2", "x/inner/z/c.py": "3"})
        git(root, "init", "-q")
        git(root, "init", "-q", "x/inner")
        source = TreeSource(root)

        names = {path: content(source, path).repository for path in listed(source)}

        assert names == {"a.py": "outer", "x/y/b.py": "outer", "x/inner/z/c.py": "inner"}
        assert TreeSource(root / "x/y").repository("b.py") == "outer"

    def test_a_worktree_has_the_name_of_its_repository(self, tmp_path: Path) -> None:
        main = write(tmp_path / "main", {"a/a.py": "1"})
        git(main, "init", "-q")
        git(main, "add", ".")
        git(main, "commit", "-q", "-m", "first")
        git(main, "worktree", "add", "-q", "../feature")
        git(tmp_path, "clone", "-q", "--bare", "main", "shared.git")
        git(tmp_path / "shared.git", "worktree", "add", "-q", "../checkout")

        assert TreeSource(tmp_path / "feature").repository("a/a.py") == "main"
        assert TreeSource(tmp_path / "feature/a").repository("a.py") == "main"
        assert TreeSource(tmp_path / "checkout").repository("a/a.py") == "shared"

    def test_a_submodule_has_its_own_name(self, tmp_path: Path) -> None:
        library = write(tmp_path / "library", {"b.py": "1"})
        git(library, "init", "-q")
        git(library, "add", ".")
        git(library, "commit", "-q", "-m", "first")
        project = tmp_path / "project"
        git(tmp_path, "init", "-q", "project")
        git(project, "submodule", "add", "-q", "--name", "other", str(library), "deps-a/lib")

        assert TreeSource(project).repository("deps-a/lib/b.py") == "lib"
        assert TreeSource(project).repository("deps-a/other.py") == "project"

    def test_a_scan_sees_a_repository_made_meanwhile(self, tmp_path: Path) -> None:
        root = write(tmp_path / "root", {"a.py": "1"})
        source = TreeSource(root)
        assert source.repository("a.py") == ""
        git(root, "init", "-q")

        assert listed(source) == ["a.py"]
        assert source.repository("a.py") == "root"

    @pytest.mark.parametrize("line", ["", "gitdir: ../nowhere", "gitdir:", "nonsense", "gitdir: a\0b"])
    def test_a_broken_git_file_is_no_repository(self, tmp_path: Path, line: str) -> None:
        source = TreeSource(write(tmp_path, {".git": line, "a.py": "1"}))

        assert source.repository("a.py") == ""
        assert listed(source) == ["a.py"]

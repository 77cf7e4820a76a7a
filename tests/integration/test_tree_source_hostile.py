"""Trees made by accident or malice: links, pipes, races, odd names, no permission, great depth."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from instar.adapters.sources.tree import TreeSource
from instar.domain import sources
from instar.domain.sources import Content, FileState, Skipped

SECRET = "the content of a file outside"
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret.py").write_text(SECRET)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n")
    (folder / "sub/b.py").write_text("b = 2\n")
    return folder


def scanned(root: Path) -> dict[str, str]:
    """Return the reason for every path of a scan, "" for files."""
    return {found.path: found.reason if isinstance(found, Skipped) else "" for found in TreeSource(root).scan()}


def test_links_are_never_followed(root: Path, outside: Path) -> None:
    (root / "to_file.py").symlink_to("a.py")
    (root / "to_folder").symlink_to("sub")
    (root / "to_root").symlink_to(".")
    (root / "sub/up").symlink_to("..")
    (root / "out_file.py").symlink_to(outside / "secret.py")
    (root / "out_folder").symlink_to(outside)
    (root / "dangling").symlink_to("nowhere")
    (root / "loop").symlink_to("loop")

    links = ("dangling", "loop", "out_file.py", "out_folder", "sub/up", "to_file.py", "to_folder", "to_root")
    assert scanned(root) == {"a.py": "", "sub/b.py": "", **dict.fromkeys(links, sources.LINK)}


@pytest.mark.parametrize("path", ["out_file.py", "out_folder/secret.py", "to_file.py", "loop", "loop/a.py"])
def test_nothing_is_read_through_a_link(root: Path, outside: Path, path: str) -> None:
    (root / "out_file.py").symlink_to(outside / "secret.py")
    (root / "out_folder").symlink_to(outside)
    (root / "to_file.py").symlink_to("a.py")
    (root / "loop").symlink_to("loop")

    assert isinstance(TreeSource(root).read(path), Skipped)


@pytest.mark.parametrize(
    "path", ["../outside/secret.py", "sub/../../outside/secret.py", "/etc/passwd", "", ".", "sub/"]
)
def test_a_path_that_leads_out_is_refused(root: Path, outside: Path, path: str) -> None:
    with pytest.raises(ValueError, match="below the root"):
        TreeSource(root).read(path)


def test_special_files_are_never_opened(root: Path) -> None:
    os.mkfifo(root / "pipe.py")
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(root)  # the path of a socket is limited to about 100 bytes
    try:
        listener.bind("socket")
    finally:
        os.chdir(here)
        listener.close()

    assert scanned(root) == {
        "a.py": "",
        "pipe.py": sources.NOT_REGULAR,
        "socket": sources.NOT_REGULAR,
        "sub/b.py": "",
    }
    source = TreeSource(root)
    for path in ("pipe.py", "socket", "sub"):
        assert source.read(path) == Skipped(path, sources.NOT_REGULAR)


@pytest.mark.parametrize("stars", ["*a" * 60 + "*b", "**/a/" * 60 + "b", "a/*a*/**/" * 30 + "b", "*[ab]?" * 60 + "c"])
def test_rules_with_many_stars_do_not_take_forever(root: Path, stars: str) -> None:
    """A match that tries every way to share a name out between the stars would not end in a lifetime."""
    (root / ".gitignore").write_text(f"{stars}\n")
    folder = root / "/".join("a" * 100)
    folder.mkdir(parents=True)
    (folder / ("a" * 200)).write_text("x")

    assert scanned(root)[f"{folder.relative_to(root)}/{'a' * 200}"] == ""


def test_ignore_files_that_are_pipes_do_not_block(root: Path) -> None:
    os.mkfifo(root / ".gitignore")
    os.mkfifo(root / "sub/.instarignore")

    assert scanned(root)["sub/b.py"] == ""


@pytest.fixture(params=["pipe", "link", "folder", "nothing", "link on the way", "file on the way"])
def replaced(request: pytest.FixtureRequest, root: Path, outside: Path) -> TreeSource:
    """Return a source whose file `sub/secret.py` was replaced after the scan."""
    (root / "sub/secret.py").write_text("s = 3\n")
    source = TreeSource(root)
    assert FileState("sub/secret.py", 6, (root / "sub/secret.py").stat().st_mtime_ns) in list(source.scan())
    (root / "sub/secret.py").unlink()
    if request.param == "pipe":
        os.mkfifo(root / "sub/secret.py")
    elif request.param == "link":
        (root / "sub/secret.py").symlink_to(outside / "secret.py")
    elif request.param == "folder":
        (root / "sub/secret.py").mkdir()
    elif "on the way" in request.param:
        (root / "sub").rename(root / "was")
        (root / "sub").symlink_to(outside) if "link" in request.param else (root / "sub").write_text("x")
    return source


def test_a_file_replaced_after_the_scan_neither_blocks_nor_leads_out(replaced: TreeSource) -> None:
    found = replaced.read("sub/secret.py")

    assert isinstance(found, Skipped)
    assert found.reason in {sources.NOT_REGULAR, sources.LINK, sources.VANISHED}


def test_a_folder_replaced_by_a_link_during_the_scan_is_not_entered(root: Path, outside: Path) -> None:
    scan = TreeSource(root).scan()
    assert next(scan).path == "a.py"
    (root / "sub").rename(root / "was")
    (root / "sub").symlink_to(outside)

    assert not [found for found in scan if isinstance(found, FileState)]


def test_a_file_that_grew_is_not_read(root: Path) -> None:
    source = TreeSource(root, max_bytes=100)
    assert [found.path for found in source.scan()] == ["a.py", "sub/b.py"]
    (root / "a.py").write_text("x" * 101)

    assert source.read("a.py") == Skipped("a.py", sources.TOO_LARGE)


def test_a_sparse_file_is_too_large(root: Path) -> None:
    with (root / "huge").open("wb") as file:
        file.truncate(1 << 40)

    assert scanned(root)["huge"] == sources.TOO_LARGE
    assert TreeSource(root).read("huge") == Skipped("huge", sources.TOO_LARGE)


def test_a_name_that_is_not_utf8_is_passed_over(root: Path) -> None:
    (root / "caf\udce9.py").write_text("x")
    (root / "dir\udcff").mkdir()
    (root / "dir\udcff/c.py").write_text("x")

    found = scanned(root)

    assert found == {"a.py": "", "sub/b.py": "", "caf\\xe9.py": sources.NAME, "dir\\xff/": sources.NAME}


@pytest.mark.parametrize(
    "name", ["two\nlines.py", "tab\t.py", " ", "-rf", "*?[a].py", "a\\b.py", "\x1b[31m.py", "𝄞.py"]
)
def test_a_strange_name_is_a_name(root: Path, name: str) -> None:
    (root / name).write_text("x = 1\n")

    assert scanned(root)[name] == ""
    assert isinstance(TreeSource(root).read(name), Content)


@not_root
def test_a_closed_folder_is_said_and_the_rest_listed(root: Path) -> None:
    (root / "sub").chmod(0o000)
    try:
        assert scanned(root) == {"a.py": "", "sub/": sources.UNREADABLE}
    finally:
        (root / "sub").chmod(0o700)


@not_root
def test_a_folder_that_can_be_listed_but_not_entered_is_unreadable(root: Path) -> None:
    (root / "sub").chmod(0o444)
    try:
        assert scanned(root) == {"a.py": "", "sub/b.py": sources.UNREADABLE}
    finally:
        (root / "sub").chmod(0o700)


@not_root
def test_a_folder_whose_rules_cannot_be_read_is_unreadable(root: Path) -> None:
    """Else a file the rules keep out would be listed."""
    (root / "sub/.gitignore").touch(mode=0o000)

    assert scanned(root) == {"a.py": "", "sub/": sources.UNREADABLE}


@not_root
def test_a_closed_file_is_unreadable(root: Path) -> None:
    (root / "a.py").chmod(0o000)

    assert TreeSource(root).read("a.py") == Skipped("a.py", sources.UNREADABLE)


def test_a_folder_that_cannot_be_listed_is_unreadable(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for a failing disk, which neither permissions nor the administrator can stage."""
    listing = os.scandir

    def failing(folder: int) -> Iterator[os.DirEntry[str]]:
        if os.path.samestat(os.fstat(folder), (root / "sub").stat()):
            raise OSError(5, "Input/output error")
        return listing(folder)

    monkeypatch.setattr(os, "scandir", failing)

    assert scanned(root) == {"a.py": "", "sub/": sources.UNREADABLE}


def test_a_folder_that_vanishes_during_the_scan_is_gone(root: Path) -> None:
    scan = TreeSource(root).scan()
    assert next(scan).path == "a.py"
    (root / "sub/b.py").unlink()
    (root / "sub").rmdir()

    assert list(scan) == []


@pytest.mark.parametrize("name", ["d", "a folder with a longer name", "l" * 255])
def test_a_very_deep_tree_is_walked_and_read(tmp_path: Path, name: str) -> None:
    depth = 2_000
    folder = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=folder)
        inner = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    file = os.open("deep.py", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
    os.write(file, b"deep = True\n")
    os.close(file)
    os.close(folder)
    path = f"{name}/" * depth + "deep.py"

    source = TreeSource(tmp_path)

    assert [found.path for found in source.scan()] == [path]
    found = source.read(path)
    assert isinstance(found, Content)
    assert found.text == "deep = True\n"
    remove_deep(tmp_path, name, depth)


def remove_deep(top: Path, name: str, depth: int) -> None:
    """Take a deep tree apart from the top: its paths are too long for the clean-up of pytest."""
    spare = top / "spare"
    for _ in range(depth - 1):
        (top / name / name).rename(spare)
        (top / name).rmdir()
        spare.rename(top / name)
    (top / name / "deep.py").unlink()

"""Which folders may become roots."""

import os
from pathlib import Path

import pytest

from instar.adapters.sources.roots import check_root
from instar.errors import RootMissingError, RootRefusedError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "people" / "ada"
    folder.mkdir(parents=True)
    return folder


def test_a_project_is_accepted_and_resolved(home: Path) -> None:
    project = home / "work" / "project"
    project.mkdir(parents=True)
    (home / "link").symlink_to(project)

    assert check_root(home / "link", home) == project.resolve()
    assert check_root(project / ".." / "project", home) == project.resolve()


def test_a_relative_path_is_taken_from_the_current_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "project").mkdir()
    monkeypatch.chdir(home)

    assert check_root(Path("project"), home) == (home / "project").resolve()


@pytest.mark.parametrize("folder", ["/", "/home", "/root"])
def test_the_whole_machine_and_all_homes_are_refused(home: Path, folder: str) -> None:
    with pytest.raises(RootRefusedError):
        check_root(Path(folder), home)


def test_a_whole_home_and_what_holds_it_are_refused(home: Path) -> None:
    for folder in (home, home.parent, home / "..", home / "."):
        with pytest.raises(RootRefusedError) as refused:
            check_root(folder, home)
        assert refused.value.remedy


def test_a_link_does_not_smuggle_a_home_in(home: Path, tmp_path: Path) -> None:
    (tmp_path / "innocent").symlink_to(home)

    with pytest.raises(RootRefusedError):
        check_root(tmp_path / "innocent", home)


def test_a_home_given_by_a_link_is_recognized(home: Path, tmp_path: Path) -> None:
    (tmp_path / "house").symlink_to(home)

    with pytest.raises(RootRefusedError):
        check_root(home, tmp_path / "house")


def test_the_home_of_another_user_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    others = tmp_path / "homes"
    (others / "bob" / "project").mkdir(parents=True)
    monkeypatch.setattr("instar.adapters.sources.roots.HOMES", (others,))

    with pytest.raises(RootRefusedError):
        check_root(others / "bob", home)
    assert check_root(others / "bob" / "project", home) == (others / "bob" / "project").resolve()


def test_a_file_is_refused_and_its_folder_named(home: Path) -> None:
    file = home / "notes.md"
    file.write_text("notes")

    with pytest.raises(RootRefusedError) as refused:
        check_root(file, home)
    assert str(home.resolve()) in refused.value.remedy


def test_the_data_folder_is_refused_and_so_are_its_parts(home: Path) -> None:
    data = home / "data"
    (data / "lexical").mkdir(parents=True)

    for folder in (data, data / "lexical"):
        with pytest.raises(RootRefusedError):
            check_root(folder, home, data=data)


def test_a_folder_around_the_data_folder_is_accepted(home: Path) -> None:
    data = home / "project" / "data"
    data.mkdir(parents=True)

    assert check_root(data.parent, home, data=data) == data.parent.resolve()


def test_what_is_not_there_is_missing(home: Path) -> None:
    (home / "loop").symlink_to(home / "loop")
    (home / "dangling").symlink_to(home / "nowhere")

    for path in (home / "nowhere", home / "loop", home / "dangling"):
        with pytest.raises(RootMissingError):
            check_root(path, home)


def test_a_folder_whose_name_is_not_utf8_is_refused(home: Path) -> None:
    folder = home / os.fsdecode(b"caf\xe9")
    folder.mkdir()

    with pytest.raises(RootRefusedError, match="UTF-8"):
        check_root(folder, home)


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may list every folder")
def test_a_folder_that_cannot_be_listed_is_refused(home: Path) -> None:
    folder = home / "closed"
    folder.mkdir(mode=0o000)
    try:
        with pytest.raises(RootRefusedError):
            check_root(folder, home)
    finally:
        folder.chmod(0o700)

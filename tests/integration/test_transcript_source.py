"""A folder with transcripts: what is listed, what is read, what is left alone."""

import os
from pathlib import Path

import pytest

from instar.adapters.sources.transcripts import TranscriptSource
from instar.domain.sessions import LONGEST_LINE
from instar.domain.sources import (
    ANOTHER_PROJECT,
    COMPRESSED,
    NAME,
    NOT_REGULAR,
    UNREADABLE,
    VANISHED,
    FileState,
    Skipped,
)
from instar.errors import RootMissingError


def write(folder, **files):
    """Write files; two underscores in a name stand for a slash."""
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def listed(source):
    return [entry.path if isinstance(entry, FileState) else (entry.path, entry.reason) for entry in source.scan()]


def lines(source, path, offset=0):
    with source.open(str(path)) as file:
        return file.reason if isinstance(file, Skipped) else list(file.lines(offset))


def test_transcripts_are_listed_the_last_first_at_any_depth(tmp_path):
    write(tmp_path, b=b"1", a__deep__c=b"22", a__deep__d=b"1", empty=b"")
    (tmp_path / "notes.md").write_text("no transcript")
    entries = list(TranscriptSource(tmp_path).scan())
    assert entries == [
        FileState(str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for path in (tmp_path / "b.jsonl", tmp_path / "a" / "deep" / "d.jsonl", tmp_path / "a" / "deep" / "c.jsonl")
    ]


def test_one_that_is_packed_is_named_as_it_was(tmp_path):
    write(tmp_path, a=b"1")
    for name in ("a.jsonl.zst", "b.jsonl.zst", "c.zst"):
        (tmp_path / name).write_bytes(b"packed")
    (tmp_path / "d.jsonl.zst").mkdir()
    packed = [(f"{tmp_path}/{name}.jsonl", COMPRESSED) for name in ("b", "a")]
    assert listed(TranscriptSource(tmp_path)) == [*packed, f"{tmp_path}/a.jsonl"]


def test_folders_named_by_other_projects_are_left_alone(tmp_path):
    names = ["-home-me-app", "-home-me-app-sub", "-home-me-app-two", "-home-me-ap", "-home-me", "2026", "app"]
    for name in names:
        write(tmp_path / name, x=b"1")
    found = listed(TranscriptSource(tmp_path, "/home/me/app"))
    assert found == [
        f"{tmp_path}/app/x.jsonl", f"{tmp_path}/2026/x.jsonl",
        *(f"{tmp_path}/{name}/x.jsonl" for name in ["-home-me-app-two", "-home-me-app-sub", "-home-me-app"]),
        (f"{tmp_path}/-home-me-ap/", ANOTHER_PROJECT), (f"{tmp_path}/-home-me/", ANOTHER_PROJECT),
    ]  # fmt: skip
    assert len(listed(TranscriptSource(tmp_path))) == len(names)


def test_a_long_name_is_compared_as_far_as_it_is_kept(tmp_path):
    project = "/home/" + "long-" * 60
    kept = "".join(char if char.isalnum() else "-" for char in project)[:200]
    write(tmp_path / f"{kept}-k3j2h1", x=b"1")
    assert len(listed(TranscriptSource(tmp_path, project))) == 1
    assert isinstance(listed(TranscriptSource(tmp_path, project))[0], str)


def test_a_folder_that_is_not_there_or_empty_is_missing(tmp_path):
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(RootMissingError, match="what is indexed of them is kept"):
            list(TranscriptSource(folder).scan())
    (tmp_path / "project").mkdir()
    assert listed(TranscriptSource(tmp_path)) == []


def test_links_are_not_followed(tmp_path):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    write(outside, secret=b"1")
    write(inside, x=b"1")
    (inside / "link.jsonl").symlink_to(outside / "secret.jsonl")
    (inside / "folder").symlink_to(outside)
    source = TranscriptSource(inside)
    assert listed(source) == [f"{inside}/x.jsonl"]
    assert lines(source, inside / "link.jsonl") == UNREADABLE
    assert lines(source, inside / "folder" / "secret.jsonl") in (UNREADABLE, VANISHED)


def test_what_is_outside_is_not_opened(tmp_path):
    write(tmp_path, secret=b"1")
    (tmp_path / "inside").mkdir()
    with pytest.raises(ValueError, match="not a path below the root"):
        lines(TranscriptSource(tmp_path / "inside"), tmp_path / "secret.jsonl")


def test_what_is_no_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    source = TranscriptSource(tmp_path)
    assert listed(source) == []
    assert lines(source, tmp_path / "pipe.jsonl") == NOT_REGULAR
    assert lines(source, tmp_path / "folder.jsonl") == NOT_REGULAR
    assert lines(source, tmp_path / "nowhere.jsonl") == VANISHED


def test_a_name_that_is_not_utf8_is_named_and_left_alone(tmp_path):
    write(tmp_path, x=b"1")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl")).write_bytes(b"1")
    found = listed(TranscriptSource(tmp_path))
    assert (f"{tmp_path}/x.jsonl" in found, [entry[1] for entry in found if not isinstance(entry, str)]) == (
        True,
        [NAME],
    )


def test_lines_are_read_from_an_offset(tmp_path):
    write(tmp_path, x=b"one\ntwo\r\n\nlast")
    source = TranscriptSource(tmp_path)
    assert lines(source, tmp_path / "x.jsonl") == [b"one\n", b"two\r\n", b"\n", b"last"]
    assert lines(source, tmp_path / "x.jsonl", 4) == [b"two\r\n", b"\n", b"last"]
    assert lines(source, tmp_path / "x.jsonl", 99) == []


def test_a_line_without_end_comes_in_pieces(tmp_path):
    with (tmp_path / "x.jsonl").open("wb") as file:
        file.seek(100_000_000)
        file.write(b"\nlast\n")
    with TranscriptSource(tmp_path).open(f"{tmp_path}/x.jsonl") as transcript:
        assert not isinstance(transcript, Skipped)
        lengths = [len(piece) for piece in transcript.lines(0)]
    assert sum(lengths) == 100_000_006
    assert max(lengths) == LONGEST_LINE + 1
    assert lengths[-1] == len(b"last\n")


def test_what_stands_before_an_offset_is_told_apart(tmp_path):
    write(tmp_path, x=b"a" * 5_000 + b"b", y=b"c" * 5_000 + b"b", z=b"a" * 4_999 + b"cb", short=b"a")
    source = TranscriptSource(tmp_path)
    seen = {}
    for name in ("x", "y", "z", "short"):
        with source.open(f"{tmp_path}/{name}.jsonl") as file:
            assert not isinstance(file, Skipped)
            seen[name] = (file.before(5_000), file.before(5_001), file.before(0))
    assert seen["short"][:2] == (b"", b"")
    assert len({seen[name][0] for name in ("x", "y", "z")}) == 3
    assert len({seen[name][1] for name in ("x", "y", "z")}) == 3
    assert len({seen[name][2] for name in seen}) == 1

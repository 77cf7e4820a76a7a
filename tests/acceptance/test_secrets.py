"""Secrets in code and documents are nowhere in the data folder, the output or the answers."""

import json
import sqlite3

import pytest
import tantivy
from planted import ALL

from instar.domain.tokens import tokens

LEAST_PIECE = 8
"""Shorter pieces of a secret could stand in binary files by chance."""

FILES = {
    "settings.py": "VALUE_{i} = connect({text!r})",
    "config.json": '  "value_{i}": "{text}",',
    "deploy.yaml": "value_{i}: {text}",
    "run.sh": "export VALUE_{i}='{text}'",
    "notes.md": "Then paste `{text}` into form {i}, and go on.",
    "unknown.zzz": "{i} {text}",
}


def pieces():
    for planted in ALL:
        half = len(planted.secret) // 2
        for piece in (planted.secret, planted.secret[:half], planted.secret[half:]):
            if len(piece) >= LEAST_PIECE:
                yield piece


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name, line in FILES.items():
        lines = [f"# {name}", ""]
        lines += [line.format(i=i, text=planted.text) for i, planted in enumerate(ALL)]
        (folder / name).write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def printed(instar_command, project):
    commands = [
        ["index", project, "--yes"],
        ["search", "connect value", project, "--limit", "200", "--json"],
        ["search", "paste into form", project],
        ["status"],
        ["index", project, "--rebuild", "--json"],
        ["verify"],
    ]
    output = []
    for command in commands:
        done = instar_command(*command)
        assert done.returncode == 0, done.stderr
        output += [done.stdout, done.stderr]
    return output


def test_no_piece_of_a_secret_is_anywhere(printed, environment, tmp_path):
    data = tmp_path / "data"
    stored = b"\0".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    rows = decoded_rows(data / "instar.db")
    terms = lexical_terms(data / "lexical")
    assert "connect" in terms
    assert "connect" in rows
    for piece in pieces():
        assert piece.encode() not in stored
        assert piece not in rows
        assert all(piece not in text for text in printed)
        for token in tokens(piece).split():
            assert len(token) < LEAST_PIECE or token not in terms


def decoded_rows(database):
    with sqlite3.connect(database) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return "\n".join(str(row) for table in tables for row in db.execute(f"SELECT * FROM {table}"))


def lexical_terms(folder):
    searcher = tantivy.Index.open(str(folder)).searcher()
    fields = ("body", "symbol", "path")
    return {term for field in fields for term, _ in searcher.terms_with_prefix(field, "")}


def test_lines_stay_those_of_the_file(printed, project):
    answer = json.loads(printed[2])
    seen = set()
    for hit in answer["hits"]:
        lines = (project / hit["path"]).read_text().split("\n")[hit["start_line"] - 1 : hit["end_line"]]
        shown = hit["text"].split("\n")
        assert len(shown) == len(lines)
        for line, original in zip(shown, lines, strict=True):
            assert line == original or "[REDACTED:" in line
            seen.add((hit["path"], original))
    assert len(seen) > len(ALL)

"""Secrets in code and documents are nowhere in the data folder, the output or the answers."""

import json

import pytest
from planted import ALL
from traces import assert_nowhere

FILES = {
    "settings.py": "VALUE_{i} = connect({text!r})",
    "config.json": '  "value_{i}": "{text}",',
    "deploy.yaml": "value_{i}: {text}",
    "run.sh": "export VALUE_{i}='{text}'",
    "notes.md": "Then paste `{text}` into form {i}, and go on.",
    "unknown.zzz": "{i} {text}",
}


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
    assert_nowhere(tmp_path / "data", printed, witness="connect")


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

"""A static model of one's own, as a user makes it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from model_servers import OpenAIServer, SilenceError, running

Instar = Callable[..., CompletedProcess[str]]
DIMENSIONS = "64"


@pytest.fixture
def project(tmp_path: Path, instar_command: Instar) -> Path:
    """An indexed folder whose own word no model knows."""
    folder = tmp_path / "home" / "project"
    folder.mkdir()
    for i in range(6):
        (folder / f"f{i}.py").write_text(
            f"def zyxwvut_{i}(file):\n    '''Open the file.'''\n    return file\n", "utf-8"
        )
    assert instar_command("index", "--yes", folder).returncode == 0
    return folder


def test_a_model_is_made_of_the_corpus_and_answers(
    project: Path, instar_command: Instar, environment: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "mine"
    done = instar_command("model", "distill", "static", "--dimensions", DIMENSIONS, "--output", output, "--json")
    made = json.loads(done.stdout)
    assert (made["model"], made["dimensions"], made["passages"]) == (f"static:{output}", 64, 6)
    assert made["tokens"] == 40_001
    environment["INSTAR_MODEL"] = made["model"]
    assert instar_command("index", project).returncode == 0
    answer = json.loads(instar_command("search", "--mode", "vector", "--json", "zyxwvut", project).stdout)
    assert answer["generation"]["model"] == made["model"]
    assert answer["hits"]


def test_without_a_corpus_the_words_of_the_built_in_model_do(instar_command: Instar, tmp_path: Path) -> None:
    arguments = ("model", "distill", "static", "--dimensions", DIMENSIONS, "--output", tmp_path / "mine")
    refused = instar_command(*arguments)
    assert refused.returncode == 2
    assert "--vocabulary static" in refused.stderr
    made = instar_command(*arguments, "--vocabulary", "static")
    assert f"instar model add NAME --provider static --source {tmp_path / 'mine'}" in made.stdout


def test_an_interrupt_leaves_no_folder(environment: dict[str, str], instar_command: Instar, tmp_path: Path) -> None:
    output = tmp_path / "mine"
    with running(OpenAIServer()) as server:
        server.behaviour.always = SilenceError()
        instar_command("model", "add", "away", "--provider", "openai", "--source", "hash", "--base-url", server.url)
        command = [
            sys.executable,
            "-m",
            "instar",
            "model",
            "distill",
            "away",
            "--vocabulary",
            "static",
            "-o",
            str(output),
        ]
        distilling = subprocess.Popen(command, env=environment)
        assert server.silenced.wait(60)
        distilling.send_signal(signal.SIGINT)
        assert distilling.wait(60) == 130
    assert not output.exists()


def test_a_write_that_fails_leaves_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    output = tmp_path / "mine"
    distill = f'"{sys.executable}" -m instar model distill static --vocabulary static --dimensions 64 -o "{output}"'
    limited = f"ulimit -f 1000; exec {distill}"
    done = subprocess.run(["bash", "-c", limited], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "cannot be written" in done.stderr
    assert not list(tmp_path.glob("*mine*")) + list(tmp_path.glob(".instar-*"))


def test_a_folder_whose_name_the_system_refuses_is_told(instar_command: Instar, tmp_path: Path) -> None:
    output = tmp_path / ("long" * 100) / "mine"
    refused = instar_command("model", "distill", "static", "--vocabulary", "static", "--output", output)
    assert refused.returncode == 2
    assert "cannot be looked at (File name too long); name another folder" in refused.stderr


def test_a_folder_that_may_not_be_entered_is_told(instar_command: Instar, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    command = ("model", "distill", "static", "--vocabulary", "static", "--output", closed / "deep" / "mine")
    refused = instar_command(*command, unprivileged=True)
    assert refused.returncode == 2
    assert "cannot be looked at (Permission denied); name another folder" in refused.stderr


def test_a_folder_that_is_not_empty_is_left_as_it_is(instar_command: Instar, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("keep")
    refused = instar_command("model", "distill", "static", "--vocabulary", "static", "--output", tmp_path / "mine")
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes"]

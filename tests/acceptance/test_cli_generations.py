"""Naming another model on the command line, with a second static model for one."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from model_servers import OpenAIServer, running

import instar
from instar.adapters.embedders.static import builtin_folder

SOURCES = Path(instar.__file__).parents[1]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """Return the folder of a model that is not the built-in one."""
    folder = tmp_path / "second"
    shutil.copytree(builtin_folder(), folder)
    facts = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(facts | {"name": "second", "revision": "2"}))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Run:
    here = tmp_path / "home" / "project"
    here.mkdir(parents=True)
    (here / "retry.py").write_text("def retry_delay(attempt):\n    return 2**attempt\n")

    def started(*arguments: str, code: int = 0, model: str = "static") -> subprocess.CompletedProcess[str]:
        variables = {"HOME": str(here.parent), "PATH": os.environ["PATH"], "INSTAR_DATA": str(tmp_path / "data")}
        variables["PYTHONPATH"] = str(SOURCES)
        done = subprocess.run(
            [sys.executable, "-m", "instar", *arguments],
            cwd=here,
            env=variables | {"INSTAR_MODEL": model},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    return started


def loaded(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout.splitlines()[0])


def test_the_wanted_model_is_built_beside_the_first_and_takes_over(run: Run, second: Path) -> None:
    wanted = f"static:{second}"
    found = run("search", "retry delay", "--yes", model=wanted)
    assert "static as int8 answers, the settings want" in found.stderr
    assert "`instar index` builds that" in found.stderr
    before = loaded(run("status", "--json", model=wanted))
    assert [(one["model"], one["active"], one["wanted"]) for one in before["generations"]] == [("static", True, False)]
    assert before["wanted"] == {"model": wanted, "storage": "int8", "problem": None, "decided": False}
    assert "not begun, 1 text missing: `instar index` builds it" in run("status", model=wanted).stdout
    built = run("index", model=wanted).stdout
    assert f"{wanted} int8, active, complete" in built
    facts = [(one["model"], one["active"], one["missing"]) for one in loaded(run("status", "--json"))["generations"]]
    assert facts == [("static", False, 0), (wanted, True, 0)]
    assert "note:" not in run("search", "retry delay", model=wanted).stderr


def test_a_model_has_the_name_that_was_set(run: Run, second: Path, tmp_path: Path) -> None:
    """Its own name only where two of one name lie there."""
    file = tmp_path / "home" / ".config" / "instar" / "models.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[mine]\nprovider = "static"\nsource = "{second}"\n')
    run("index", "--yes", model="mine")
    found = run("search", "retry delay", "--json", model="mine")
    assert loaded(found)["generation"] == {"id": 2, "model": "mine"}
    assert "model mine" in run("search", "retry delay", model="mine").stderr
    assert "generation 2  mine int8, active" in run("status", model="mine").stdout
    assert [(one["model"], one["name"]) for one in loaded(run("status", "--json", model="mine"))["generations"]] == [
        ("static", "static"), ("mine", "second"),
    ]  # fmt: skip
    facts = json.loads((second / "model.json").read_text())
    (second / "model.json").write_text(json.dumps(facts | {"name": "third", "revision": "3"}))
    run("index", model="mine")
    shown = run("status", model="mine").stdout
    assert "mine (second 2) int8" in shown
    assert "mine (third 3) int8, active" in shown
    assert "generation 1  static int8" in shown


def test_a_model_that_moved_is_looked_at_again(run: Run, second: Path, tmp_path: Path) -> None:
    file = tmp_path / "home" / ".config" / "instar" / "models.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[mine]\nprovider = "static"\nsource = "{second}"\n')
    run("index", "--yes", model="mine")
    moved = second.rename(tmp_path / "moved")
    file.write_text(file.read_text().replace(str(second), str(moved)))
    said = "mine is found at another place than before: the next `instar index` looks at it again"
    assert said in run("search", "retry delay", model="mine").stderr
    status = run("status", model="mine").stdout
    assert "mine int8, found at another place than before: the next `instar index` looks at it again" in status
    assert "not begun" not in status
    facts = loaded(run("status", "--json", model="mine"))["generations"]
    assert [(one["model"], one["wanted"], one["moved"]) for one in facts] == [
        ("static", False, False), ("mine", False, True),
    ]  # fmt: skip
    run("index", model="mine")
    assert "another place" not in run("search", "retry delay", model="mine").stderr + run("status", model="mine").stdout


def test_what_a_model_cuts_is_said_once_and_what_that_means(run: Run, tmp_path: Path) -> None:
    here = tmp_path / "home" / "project"
    for i in range(5):
        (here / f"long{i}.md").write_text(f"# Chapter {i}\n\n{' '.join(f'word{i}x{j}' for j in range(60))}\n")
    with running(OpenAIServer()) as server:
        server.behaviour.window = 40
        at = ("--provider", "openai", "--source", "hash", "--base-url", server.url)
        run("model", "add", "mine", *at)
        run("model", "add", "other", *at, "--document-prompt", "d: ")
        run("index", "--yes", model="mine")
        run("index", model="other")
        facts = loaded(run("status", "--json", model="other"))["generations"]
    assert [one["cut"]["chunks"] for one in facts] == [0, 5, 5]
    assert [len(one["cut"]["first"]) for one in facts] == [0, 3, 3]
    assert facts[1]["cut"]["first"][0].keys() == {"path", "lines"}
    (line,) = [line for line in run("status", model="other").stdout.splitlines() if "longer than" in line]
    assert "5 chunks longer than" in line
    assert "found by words, not by meaning (long0.md:1" in line
    assert line.endswith("and 2 more)")


def test_a_model_that_has_changed_is_named_until_it_is_known_again(run: Run, tmp_path: Path) -> None:
    with running(OpenAIServer()) as server:
        run("model", "add", "mine", "--provider", "openai", "--source", "hash", "--base-url", server.url)
        run("index", "--yes", model="mine")
        assert loaded(run("status", "--json", model="mine"))["generations"][1]["changed"] is None
        server.digest = "another"
        run("index", model="mine", code=5)
        assert "mine has changed" in loaded(run("status", "--json", model="mine"))["generations"][1]["changed"]
        (line,) = [line for line in run("status", model="mine").stdout.splitlines() if "has changed" in line]
        assert "`instar index --rebuild`" in line
        server.digest = "sha-1"
        run("index", model="mine")
        assert "has changed" not in run("status", model="mine").stdout


def test_a_model_that_is_not_there_stops_nothing_else(run: Run, second: Path) -> None:
    """What was read is found by meaning; the error comes last, and a search goes without it."""
    done = run("index", "--yes", model="static:/nowhere", code=5)
    assert "1 file read" in done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith("instar: the static model in /nowhere cannot be read")
    assert "there is no such folder; check the path" in done.stderr
    facts, error = (
        json.loads(line) for line in run("index", "--json", model="static:/nowhere", code=5).stdout.splitlines()
    )
    assert (facts["roots"][0]["read"], facts["generations"][0]["missing"]) == (0, 0)
    assert error["error"]["kind"] == "ModelMissingError"
    found = run("search", "delay of an attempt", "--mode", "vector", "--json", model="static:/nowhere")
    assert [hit["path"] for hit in loaded(found)["hits"]] == ["retry.py"]
    assert loaded(found)["degraded"] is None
    assert "the settings want static:/nowhere" in found.stderr


def test_the_active_model_may_go_away_and_come_back(run: Run, second: Path) -> None:
    wanted = f"static:{second}"
    run("index", "--yes", model=wanted)
    second.rename(second.with_name("elsewhere"))
    found = loaded(run("search", "retry delay", "--json", model=wanted))
    assert [hit["path"] for hit in found["hits"]] == ["retry.py"]
    assert "cannot be read" in found["degraded"]
    assert "cannot be read" in run("index", model=wanted, code=5).stderr
    run("index")  # with the model of the settings, which then answers
    assert loaded(run("search", "retry delay", "--json"))["degraded"] is None
    second.with_name("elsewhere").rename(second)
    run("index", model=wanted)
    assert loaded(run("search", "retry delay", "--json", model=wanted))["degraded"] is None


def test_where_the_active_model_is_gone_a_search_says_what_index_would_do(run: Run, second: Path) -> None:
    with running(OpenAIServer()) as server:
        run("model", "add", "mine", "--provider", "openai", "--source", "hash", "--base-url", server.url)
        run("index", "--yes", model="mine")
    run("index", model=f"static:{second}")
    shutil.rmtree(second)
    for wanted, does in (("static", "switches to it"), ("mine", "switches to it"), ("ollama:bge-m3", "builds that")):
        said = run("search", "retry delay", model=wanted).stderr
        assert f"note: the settings want {wanted} as int8: `instar index` {does}" in said
    assert "the settings want" not in run("search", "retry delay", model=f"static:{second}").stderr


def test_a_search_answers_though_a_canary_is_damaged(run: Run, tmp_path: Path) -> None:
    config, here = tmp_path / "home" / ".config" / "instar", tmp_path / "home" / "project"
    config.mkdir(parents=True)
    with running(OpenAIServer()) as server:
        (config / "models.toml").write_text(
            f'[mine]\nprovider = "openai"\nsource = "hash"\nbase_url = "{server.url}"\n'
        )
        run("index", "--yes", model="mine")
        with closing(sqlite3.connect(tmp_path / "data" / "instar.db")) as db:
            db.execute("UPDATE canaries SET checksum = checksum + 1")
            db.commit()
        (here / "pause.py").write_text("def pause():\n    pass\n")
        found = run("search", "retry delay", "--json", model="mine")
        assert "a canary does not fit its checksum" in found.stdout + found.stderr
        assert "retry.py" in {hit["path"] for hit in loaded(found)["hits"]}
        run("index", model="mine", code=4)
        assert "mended: canaries" in run("verify", model="mine").stdout
        run("index", model="mine")

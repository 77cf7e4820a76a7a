"""A wanted model nobody knows, and a file of models nobody can read: what does without them goes on and says so."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from model_servers import OllamaServer, running

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def config(environment: dict[str, str]) -> Path:
    folder = Path(environment["HOME"]) / ".config" / "instar"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def run(config: Path, tmp_path: Path, instar_command: Run) -> Run:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "retry.md").write_text("Retries wait for twice as long each time.\n")

    def call(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        done = instar_command(*arguments, cwd=tmp_path / "notes")
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    return call


def test_an_unknown_wanted_model_stops_no_answer(run: Run, config: Path, environment: dict[str, str]) -> None:
    run("index", "--yes")
    file = config / "instar.toml"
    file.write_text('model = "minilmm"\n')
    found = json.loads(run("search", "retries", "--mode", "vector", "--json").stdout)
    assert [hit["path"] for hit in found["hits"]] == ["retry.md"]
    status = json.loads(run("status", "--json").stdout)
    assert [(one["active"], one["wanted"]) for one in status["generations"]] == [(True, False)]
    said = [found["degraded"], status["wanted"]["problem"], run("status").stdout, run("search", "retries").stderr]
    said += [run("index", code=2).stderr, run("embed", "x", code=2).stderr]
    for words in said:
        assert f"unknown model 'minilmm' (the wanted model, set in {file}); near it: minilm" in words
    environment["INSTAR_MODEL"] = "minilmm"
    assert "set in INSTAR_MODEL" in run("index", code=2).stderr


def test_a_new_folder_is_searched_though_the_wanted_model_is_unknown(run: Run, environment: dict[str, str]) -> None:
    environment["INSTAR_MODEL"] = "bge-m3"  # of the catalogue, but nobody says where it runs
    assert "ollama:bge-m3" in run("index", "--yes", "--sessions", code=2).stderr
    assert run("roots").stdout == ""
    found = json.loads(run("search", "retries", "--yes", "--json").stdout)
    assert found["hits"]
    assert "ollama:bge-m3" in found["degraded"]


def test_an_unknown_storage_format_stops_no_answer(run: Run, config: Path) -> None:
    file = config / "instar.toml"
    file.write_text('storage = "int4"\n')
    first = json.loads(run("search", "retries", "--yes", "--mode", "vector", "--json").stdout)
    again = json.loads(run("search", "retries", "--mode", "vector", "--json").stdout)
    assert [len(found["hits"]) for found in (first, again)] == [1, 1]
    run("verify")
    for words in (first["degraded"], again["degraded"], run("status").stdout, run("index", code=2).stderr):
        assert f"unknown storage format 'int4' (set in {file}); choose of float32" in words


def test_a_file_of_models_that_cannot_be_read_stops_only_what_needs_it(run: Run, config: Path) -> None:
    run("index", "--yes")
    file = config / "models.toml"
    file.write_text("[mine]\nprovider =\n")
    found = json.loads(run("search", "retries", "--mode", "vector", "--json").stdout)
    assert [hit["path"] for hit in found["hits"]] == ["retry.md"]
    words = [found["degraded"], run("status").stdout]
    words += [run(*command, code=2).stderr for command in (("index",), ("model", "list"), ("embed", "x"))]
    for line in words:
        assert str(file) in line
        assert "line 2" in line
    for command in ("roots", "verify", "config"):
        run(command)


def test_no_question_goes_where_the_file_would_not_send_it(run: Run, config: Path, environment: dict[str, str]) -> None:
    file = config / "models.toml"
    environment["INSTAR_MODEL"] = "ollama:bge-m3"
    with (
        running(OllamaServer("bge-m3:latest", 1024)) as mine,
        running(OllamaServer("bge-m3:latest", 1024)) as another,
    ):
        environment["OLLAMA_HOST"] = another.url
        file.write_text(f'["bge-m3"]\nprovider = "ollama"\nbase_url = "{mine.url}"\n')
        run("index", "--yes")
        assert mine.inputs()
        file.write_text(file.read_text() + "nonsense = 1\n")
        found = json.loads(run("search", "retries", "--json").stdout)
        assert found["hits"]
        assert str(file) in found["degraded"]
        assert found["degraded"].count("nonsense") == 1
        assert not another.asked


def test_a_new_folder_is_searched_though_the_file_of_models_cannot_be_read(run: Run, config: Path) -> None:
    (config / "models.toml").write_text("[mine]\nprovider =\n")
    found = json.loads(run("search", "retries", "--yes", "--json").stdout)
    assert [hit["path"] for hit in found["hits"]] == ["retry.md"]
    assert found["generation"]["model"] == "static"
    assert "line 2" in found["degraded"]


@pytest.mark.parametrize("slip", ["options = {n_threads = 4}", 'base_url = "box:11434"'])
def test_a_slip_in_a_table_stops_only_its_model(run: Run, config: Path, environment: dict[str, str], slip: str) -> None:
    file = config / "models.toml"
    file.write_text(f'[lab]\nprovider = "gguf"\nsource = "a/b/c.gguf"\n{slip}\n')
    run("index", "--yes")
    found = run("search", "retries", "--json")
    assert json.loads(found.stdout)["degraded"] is None
    (row,) = [row for row in json.loads(run("model", "list", "--json").stdout) if row["name"] == "lab"]
    environment["INSTAR_MODEL"] = "lab"
    said = [row["here"], run("model", "show", "lab", code=2).stderr, run("model", "check", "lab", code=2).stderr]
    said += [run("index", code=2).stderr, run("status").stdout, run("search", "retries", "--json").stdout]
    for words in said:
        assert f"model 'lab' ({file})" in words


def test_a_slip_in_the_table_of_the_model_that_answers_is_told_once(run: Run, config: Path) -> None:
    run("index", "--yes")
    (config / "models.toml").write_text("[static]\noptions = {threads = 1}\n")
    found = json.loads(run("search", "retries", "--mode", "vector", "--json").stdout)
    assert [hit["path"] for hit in found["hits"]] == ["retry.md"]
    assert found["degraded"].count("threads") == 1

"""Models on the command line: listed, shown, checked, added, and asked."""

import base64
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from model_servers import OpenAIServer, running

NOTES = {"retry.py": "def retry_delay(attempt):\n    '''Seconds to wait.'''\n    return 2**attempt\n"}


@pytest.fixture
def run(instar_command, tmp_path):
    def call(*arguments, code=0):
        done = instar_command(*arguments, cwd=tmp_path)
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    return call


@pytest.fixture
def as_json(run):
    return lambda *arguments, code=0: json.loads(run(*arguments, "--json", code=code).stdout)


@pytest.fixture
def user_file(tmp_path):
    folder = tmp_path / "home" / ".config" / "instar"
    folder.mkdir(parents=True)
    return folder / "models.toml"


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file with its content; but in SQLite's shared memory readers note where they read."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix != ".db-shm")
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths}


def index(run, folder):
    (folder / "notes").mkdir()
    for name, text in NOTES.items():
        (folder / "notes" / name).write_text(text)
    run("index", "notes", "--yes")


# List and show


def test_the_list_marks_what_is_wanted_and_what_answers(run, as_json, tmp_path):
    assert {row["name"] for row in as_json("model", "list") if row["active"]} == set()
    index(run, tmp_path)
    rows = {row["name"]: row for row in as_json("model", "list")}
    assert (rows["static"]["wanted"], rows["static"]["active"], rows["static"]["here"]) == (True, True, "built in")
    assert rows["qwen3-embedding:4b"]["dimensions"] == 2560
    assert (rows["bge-m3"]["provider"], rows["bge-m3"]["here"]) == ("", "")
    assert "built in, wanted, active" in run("model", "list").stdout


def test_what_can_be_named_is_listed_for_who_wants_what_nobody_knows(as_json, environment):
    environment["INSTAR_MODEL"] = "minilmm"
    rows = as_json("model", "list")
    assert "minilm" in {row["name"] for row in rows}
    assert not any(row["wanted"] for row in rows)


def test_a_wanted_model_outside_the_catalogue_is_listed(as_json, environment):
    environment["INSTAR_MODEL"] = "ollama:bge-m3:567m"
    (row,) = [row for row in as_json("model", "list") if row["wanted"]]
    assert (row["name"], row["dimensions"], row["here"]) == ("ollama:bge-m3:567m", 1024, "its server")


def test_a_model_is_shown_with_the_origin_of_each_value(as_json, user_file):
    user_file.write_text('["static"]\nlicence = "mine"\ndimensions = 128\n')
    shown = as_json("model", "show", "static")
    facts = {fact["name"]: fact for fact in shown["facts"]}
    assert facts["licence"]["origin"] == str(user_file)
    assert facts["provider"]["origin"] == "the catalogue"
    assert (facts["dimensions"]["value"], facts["dimensions"]["origin"]) == (256, "the running model")
    assert facts["dimensions"]["overridden"] == f"{user_file} says 128"
    assert len(facts["fingerprint"]["value"]) == 32
    assert shown["not_running"] == ""


def test_facts_are_shown_without_a_provider_or_a_package(as_json, run):
    shown = as_json("model", "show", "bge-m3")
    assert {fact["origin"] for fact in shown["facts"]} == {"the catalogue"}
    assert "ollama:bge-m3" in shown["not_running"]
    assert "unknown model" in run("model", "show", "nobody", code=2).stderr


def test_a_fact_is_the_running_models_only_where_the_model_said_it(as_json, run, environment):
    environment["OPENAI_API_KEY"] = "k"
    shown = as_json("model", "show", "openai:text-embedding-3-small")
    origins = {fact["name"]: fact["origin"] for fact in shown["facts"]}
    assert (origins["dimensions"], origins["context_tokens"]) == ("the catalogue", "the catalogue")
    assert (origins["name"], origins["revision"]) == ("its name", "its name")
    assert "`instar model check openai:text-embedding-3-small` asks it" in shown["not_running"]
    facts = {fact["name"]: fact for fact in as_json("model", "show", "static")["facts"]}
    assert (facts["revision"]["origin"], facts["name"]["value"]) == ("the running model", "static")


# Check


def test_the_built_in_model_is_sound_and_nothing_is_changed(run, as_json, tmp_path):
    index(run, tmp_path)
    before = tree(tmp_path)
    found = as_json("model", "check", "static")
    assert found["sound"]
    checks = {item["name"]: item for item in found["checks"]}
    assert checks["reference"]["figures"]["cosine"] > 0.999
    assert checks["size"]["figures"]["weights_bytes"] == checks["size"]["figures"]["known_bytes"]
    assert checks["disk"]["figures"]["texts"] == 1
    assert run("model", "check", "static").stdout.endswith("\nsound\n")
    assert tree(tmp_path) == before


def test_a_model_that_is_not_there_is_one_finding(run, as_json, tmp_path, user_file):
    user_file.write_text('["mine"]\nprovider = "static"\nsource = "/nowhere"\n')
    before = tree(tmp_path)
    found = as_json("model", "check", "mine", code=5)
    (check,) = [item for item in found["checks"] if item["finding"]]
    assert not found["sound"]
    assert "/nowhere" in check["finding"]
    lines = run("model", "check", "mine", code=5).stdout.splitlines()
    assert [line.split(":")[0].strip() for line in lines if ":" in line] == ["finding", "remedy"]
    assert tree(tmp_path) == before


def test_no_address_is_taken_for_a_model_of_no_server(run):
    refused = run("model", "check", "static", "--base-url", "http://127.0.0.1:9", code=2)
    assert "leave out --base-url" in refused.stderr


def test_an_address_that_is_none_is_refused_before_it_is_asked(run):
    refused = run("model", "check", "openai:x", "--base-url", "http://me:pw@box:99999", code=2).stderr
    assert "--base-url is not" in refused
    assert "pw" not in refused


def test_the_check_says_what_it_means_that_many_texts_are_cut(run, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "long.md").write_text(" ".join(f"word{i}" for i in range(60)))
    run("index", "notes", "--yes")
    with running(OpenAIServer()) as server:
        server.behaviour.window = 40
        shown = run("model", "check", "openai:hash", "--base-url", server.url).stdout
        assert "1 of 1 texts of the sample are longer than" in shown
        assert "found by words, not by meaning" in shown
        server.behaviour.window = 80
        assert "found by words" not in run("model", "check", "openai:hash", "--base-url", server.url).stdout


def test_an_unknown_model_is_no_finding_but_a_mistake(run):
    assert "unknown model 'nobody'" in run("model", "check", "nobody", code=2).stderr


# Add


def test_a_model_is_added_used_and_removed(run, as_json, user_file):
    user_file.write_text("# mine\n")
    run("model", "add", "work", "--provider", "ollama", "--source", "bge-m3:567m", "--query-prompt", "q: ",
        "--truncation", "512", "--option", "num_ctx=4096", "--option", "keep=true")  # fmt: skip
    assert user_file.read_text().startswith("# mine\n")
    assert tomllib.loads(user_file.read_text())["work"] == {
        "provider": "ollama", "source": "bge-m3:567m", "query_prompt": "q: ", "truncation": 512,
        "options": {"num_ctx": 4096, "keep": True},
    }  # fmt: skip
    facts = {fact["name"]: fact for fact in as_json("model", "show", "work")["facts"]}
    assert (facts["truncation"]["value"], facts["truncation"]["origin"]) == (512, str(user_file))
    assert (facts["context_tokens"]["value"], facts["context_tokens"]["origin"]) == (8192, "the catalogue")
    run("model", "add", "work", "--provider", "openai", "--source", "bge-m3")
    assert "options" not in tomllib.loads(user_file.read_text())["work"]
    assert as_json("model", "add", "work", "--remove") == {"removed": "work"}
    assert user_file.read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["work"], "nothing is said"),
        (["work", "--provider", "ollama", "--source", "x", "--option", "num_ctx"], "key=value"),
        (["work", "--provider", "openai", "--source", "x", "--option", "api_key_env="], "'api_key_env' is empty"),
        (["work", "--provider", "onnx", "--source", "/", "--option", "threads=abc"], "whole number from 0"),
        (["work", "--provider", "onnx", "--source", "/", "--option", "thread=4"], "it takes threads, device, python"),
        (["work", "--provider", "openai", "--source", "x", "--base-url", "ftp://me:pw@box"], "http:// or https://"),
        (["work", "--provider", "onnx", "--source", "/", "--base-url", "http://box"], "onnx asks no server"),
        (["work", "--provider", "static", "--source", "/nowhere"], "there is no folder /nowhere"),
        (["work", "--provider", "gguf", "--source", "nowhere.gguf"], "there is no file nowhere.gguf"),
        (["work", "--remove"], "has no model"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_written(run, user_file, arguments, said):
    refused = run("model", "add", *arguments, code=2).stderr
    assert said in refused
    assert "pw" not in refused
    assert not user_file.exists()


def test_config_names_what_is_set_for_the_model(as_json, environment, user_file):
    user_file.write_text('["minilm"]\nquery_prompt = "q: "\noptions = {threads = 2}\n')
    environment["INSTAR_MODEL"] = "minilm"
    rows = {row["name"]: row for row in as_json("config")}
    assert (rows["model"]["value"], rows["model"]["origin"]) == ("minilm", "environment")
    assert (rows["model.query_prompt"]["value"], rows["model.query_prompt"]["origin"]) == ("q: ", str(user_file))
    assert (rows["model.options.threads"]["value"], rows["model.provider"]["origin"]) == (2, "the catalogue")
    environment["INSTAR_MODEL"] = "nobody"
    assert not [row for row in as_json("config") if row["name"].startswith("model.")]


def test_a_password_in_the_address_of_a_server_is_not_printed(run, environment):
    address = "http://me:tellnobody@127.0.0.1:9/v1"
    added = run("model", "add", "away", "--provider", "openai", "--source", "bge-m3", "--base-url", address, "--json")
    environment["INSTAR_MODEL"] = "away"
    for printed in (added, run("model", "show", "away"), run("config"), run("config", "--json")):
        assert "tellnobody" not in printed.stdout
        assert "http://127.0.0.1:9/v1" in printed.stdout


# Embed


def test_a_text_has_one_vector_in_every_format(run, as_json):
    exact = np.array(as_json("embed", "wait", "close the file")["vectors"])
    assert exact.shape == (2, 256)
    assert np.allclose(np.linalg.norm(exact, axis=1), 1.0, atol=1e-4)
    int8 = as_json("embed", "wait", "close the file", "--format", "int8")
    assert np.allclose(np.array(int8["vectors"]) * np.array(int8["scales"])[:, None], exact, atol=0.01)
    short = as_json("embed", "wait", "--compress")
    codes = np.frombuffer(base64.b64decode(short["vectors"][0]), np.int8)
    assert codes.tolist() == int8["vectors"][0]
    signs = np.frombuffer(base64.b64decode(as_json("embed", "wait", "--format", "binary")["vectors"][0]), np.uint8)
    assert np.array_equal(np.unpackbits(signs, bitorder="little"), exact[0] > 0)
    lines = run("embed", "wait", "close the file").stdout.splitlines()
    assert np.allclose([[float(value) for value in line.split()] for line in lines], exact, atol=1e-6)
    scale, code = run("embed", "wait", "--compress").stdout.split()
    assert code == short["vectors"][0]
    assert float(scale) == pytest.approx(short["scales"][0])


def test_roles_and_domains_are_named_in_the_answer(as_json):
    facts = as_json("embed", "def f():", "--domain", "code", "--role", "query", "--model", "static")
    assert (facts["model"], facts["dimensions"], facts["domain"], facts["role"], facts["cut"]) == (
        "static", 256, "code", "query", [],
    )  # fmt: skip


def test_standard_input_is_one_text(environment, as_json):
    command = [sys.executable, "-m", "instar", "embed", "--json"]

    def piped(content):
        return subprocess.run(command, input=content, env=environment, capture_output=True, check=False)

    done = piped(b"close\nthe file\n")
    assert json.loads(done.stdout)["vectors"] == as_json("embed", "close\nthe file\n")["vectors"]
    assert piped(b" \n").returncode == 2
    assert b"not UTF-8" in piped(b"\xff").stderr


def test_compressed_is_one_format(run):
    assert "leave one of them out" in run("embed", "x", "--compress", "--format", "binary", code=2).stderr


def test_similarity_is_the_cosine(run, as_json):
    near = as_json("similarity", "close a file", "close the open file")["cosine"]
    far = as_json("similarity", "close a file", "a bright summer morning")["cosine"]
    assert -1 <= far < near <= 1
    assert run("similarity", "close a file", "close the open file").stdout == f"{near:.4f}\n"

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.adapters.embedders.http import JsonServer, Patience
from instar.adapters.embedders.onnx import DEVICES
from instar.adapters.embedders.static import builtin_folder
from instar.domain.catalogue import (
    AT_SERVERS,
    PROVIDERS,
    facts_of,
    is_address,
    is_hub_file,
    read_entries,
    resolve,
    sound,
)
from instar.domain.options import ONNX_DEVICES
from instar.errors import SettingError
from instar.wiring.models import SERVERS, built_in_entries

BUILT_IN = built_in_entries()
FAMILIES = [name for name, entry in BUILT_IN.items() if not entry.provider]


def user(text: str):
    return {**BUILT_IN, **read_entries(tomllib.loads(text), "mine", BUILT_IN)}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("qwen3-embedding:4b-q8_0", "qwen3-embedding:4b"),
        ("qwen3-embedding", "qwen3-embedding:8b"),
        ("Qwen/Qwen3-Embedding-0.6B", "qwen3-embedding:0.6b"),
        ("/models/Qwen3-Embedding-0.6B-Q8_0.gguf", "qwen3-embedding:0.6b"),
        ("library/bge-m3:latest", "bge-m3"),
        ("BAAI/bge-m3", "bge-m3"),
        ("sentence-transformers/all-MiniLM-L6-v2", "minilm"),
        ("all-minilm:33m-l12-v2-fp16", "all-minilm-l12-v2"),
        ("snowflake-arctic-embed", "snowflake-arctic-embed-l"),
        ("snowflake-arctic-embed:22m", "snowflake-arctic-embed-xs"),
        ("nomic-ai/nomic-embed-text-v2-moe", "nomic-embed-text-v2-moe"),
        ("nomic-embed-text", "nomic-embed-text-v1.5"),
        ("text-embedding-3-large", "text-embedding-3-large"),
    ],
)
def test_a_model_is_known_by_its_names_elsewhere(source, name):
    found = facts_of(source, BUILT_IN.values())
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("source", ["", "bge", "somebody/else", "snowflake-arctic-embed2", "multilingual-e5-large"])
def test_a_model_nobody_noted_is_not_known(source):
    assert facts_of(source, BUILT_IN.values()) is None


@given(
    st.sampled_from(FAMILIES),
    st.from_regex(r"([a-z0-9]+/){0,2}", fullmatch=True),
    st.from_regex(r"([:-][a-z_]{1,8}){0,3}", fullmatch=True),
)
def test_a_tag_and_an_owner_never_hide_a_model(name, owner, tag):
    found = facts_of(f"{owner}{name.upper()}{tag}", BUILT_IN.values())
    assert found is not None
    assert found.dimensions is not None
    assert found.name.startswith(name) or name in {found.name, *found.aliases}


@given(st.text(max_size=40) | st.builds("{}:{}".format, st.sampled_from(PROVIDERS), st.text(max_size=20)))
def test_any_text_is_a_model_or_refused(reference):
    try:
        entry = resolve(reference, BUILT_IN)
    except SettingError:
        return
    assert entry.provider in PROVIDERS
    assert entry.name == reference or reference.lower() in entry.aliases


def test_facts_say_where_the_model_runs_only_by_its_reference():
    entry = resolve("ollama:bge-m3", BUILT_IN)
    assert (entry.provider, entry.source, entry.dimensions) == ("ollama", "bge-m3", 1024)
    assert entry.origins["dimensions"] == "the catalogue"
    assert entry.origins["provider"] == "its name"
    with pytest.raises(SettingError, match="ollama:bge-m3"):
        resolve("bge-m3", BUILT_IN)


def test_an_alias_is_a_name():
    assert resolve("all-MiniLM-L6-v2", BUILT_IN).name == "minilm"
    with pytest.raises(SettingError, match="runs at a provider"):
        resolve("qwen3-embedding", BUILT_IN)


def test_what_is_known_at_one_provider_holds_only_there():
    assert resolve("ollama:nomic-embed-text:v1.5", BUILT_IN).context_tokens == 2048
    assert resolve("st:nomic-ai/nomic-embed-text-v1.5", BUILT_IN).context_tokens == 8192


def test_a_static_model_has_no_prompts_of_a_transformer_of_its_name():
    assert resolve("st:nomic-embed-text-v1.5", BUILT_IN).document_prompt
    assert not resolve("static:/models/nomic-embed-text-v1.5", BUILT_IN).document_prompt


def test_the_sizes_that_are_noted_are_those_of_the_files_of_the_repository():
    minilm = Path(__file__).parents[2] / "models" / "minilm" / "instar_minilm" / "model.onnx"
    static = [path.stat().st_size for path in builtin_folder().glob("*.npy")]
    assert {name: entry.weights_bytes for name, entry in BUILT_IN.items() if entry.weights_bytes} == {
        "minilm": minilm.stat().st_size,
        "static": sum(static),
    }


def test_a_package_belongs_to_its_name_alone():
    assert resolve("minilm", BUILT_IN).package
    assert not resolve("ollama:all-minilm", BUILT_IN).package


def test_a_users_table_adds_with_what_is_known_of_its_source():
    entry = resolve("work", user('["work"]\nprovider = "ollama"\nsource = "bge-m3:567m"\nquery_prompt = "q: "'))
    assert (entry.dimensions, entry.query_prompt, entry.aliases) == (1024, "q: ", ())
    assert entry.origins["query_prompt"] == "mine"
    assert entry.origins["dimensions"] == "the catalogue"


def test_a_users_table_overrides_key_by_key():
    entries = user('["minilm"]\nquery_prompt = "q: "\noptions = {threads = 2}')
    entry = resolve("minilm", entries)
    assert (entry.query_prompt, entry.options, entry.package) == ("q: ", {"threads": 2}, "instar_minilm")
    assert resolve("ollama:all-minilm", entries).options == {}


def test_what_a_user_says_of_a_model_holds_for_its_tags():
    entries = user('["bge-m3"]\nprovider = "ollama"\nbase_url = "http://gpu:11434"\ntruncation = 512')
    assert resolve("ollama:bge-m3:567m", entries).base_url == "http://gpu:11434"
    assert resolve("openai:bge-m3", entries).base_url == ""
    assert resolve("openai:bge-m3", entries).truncation == 512


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("nonsense = 1", "unknown key 'nonsense'"),
        ("name = 'x'", "unknown key 'name'"),
        ("provider = 'cloud'", "not one of static"),
        ("source = 3", "not a text"),
        ("dimensions = 0", "not a number from 1"),
        ("dimensions = true", "not a number from 1"),
        ("context_tokens = '512'", "not a number from 1"),
        ("pooling = 'max'", "not one of mean"),
        ("appends_eos = 1", "not true or false"),
        ("aliases = 'x'", "not a list of names"),
        ("aliases = ['']", "not a list of names"),
        ("matryoshka = [64]", "not a list of two numbers"),
        ("matryoshka = [64, 32]", "not a list of two numbers"),
        ("options = 3", "not a table"),
        ("options = {threads = [1]}", "not a table"),
        ("provider = 'gguf'\noptions = {threads = 'abc'}", "not a whole number from 0"),
        ("provider = 'gguf'\noptions = {num_threads = 1}", "'num_threads' of .* none of the provider gguf"),
        ("provider = 'gguf'\noptions = {num_ctx = -1}", "not a whole number from 1"),
        ("provider = 'onnx'\noptions = {threads = -1}", "not a whole number from 0"),
        ("provider = 'st'\noptions = {dtype = 'int3'}", "not one of float32"),
        ("provider = 'onnx'\noptions = {device = 'gpu'}", "not one of cpu, cuda"),
        ("provider = 'st'\noptions = {device = 'gpu'}", "not cpu, mps, cuda"),
        ("provider = 'st'\noptions = {run_model_code = 1}", "not true or false"),
        ("provider = 'ollama'\noptions = {num_ctx = 'abc'}", "not a whole number from 1"),
        ("provider = 'static'\noptions = {threads = 1}", "none of the provider static"),
        ("base_url = 'ftp://box/v1'", "base_url of .* not an address"),
        ("base_url = 'http://[box'", "base_url of .* not an address"),
        ("base_url = 'box:8000'", "base_url of .* not an address"),
        ("provider = 'st'\nbase_url = 'http://box'", "no effect: st asks no server"),
        ("dimensions = 64\nmatryoshka = [8, 128]", "beyond its 64 dimensions"),
        ("dimensions = 64\ntruncation = 128", "cannot be truncated to 128"),
        ("matryoshka = [32, 64]\ntruncation = 16", "cannot be truncated to 16"),
        ("provider = 'static'\ntruncation = 64", "truncation .* no effect on a static model"),
        ("provider = 'static'\ndocument_prompt = 'd: '", "document_prompt .* no effect on a static model"),
        ("source = 'bge-m3'\ntruncation = 2048", "cannot be truncated to 2048"),
    ],
)
def test_a_value_of_no_use_is_named(table, said):
    with pytest.raises(SettingError, match=said) as caught:
        resolve("mine", user(f'["mine"]\n{table}'))
    assert caught.value.remedy
    assert "mine" in caught.value.message


@pytest.mark.parametrize(
    "slip", ["options = {n_threads = 4}", "base_url = 'box:11434'", "dimensions = '384'", "truncation = 99999"]
)
def test_a_slip_in_a_table_concerns_only_who_names_its_model(slip):
    entries = user(f'["bge-m3"]\nprovider = "gguf"\naliases = ["mine"]\n{slip}')
    assert resolve("static", entries) == resolve("static", BUILT_IN)
    assert resolve("ollama:all-minilm", entries) == resolve("ollama:all-minilm", BUILT_IN)
    for name in ("bge-m3", "mine", "ollama:bge-m3:567m", "openai:mine"):
        with pytest.raises(SettingError, match="'bge-m3'"):
            resolve(name, entries)


def test_a_slip_hides_none_of_the_names_of_a_model_of_the_catalogue():
    with pytest.raises(SettingError, match="n_threads"):
        resolve("ollama:all-minilm", user('["minilm"]\noptions = {n_threads = 4}'))


@given(
    st.text(max_size=30)
    | st.builds("{}://{}{}".format, st.sampled_from(["http", "https", "HTTP", "ftp"]), st.text(max_size=10), st.text())
    | st.from_regex(r"https?://([a-z:]+@)?[a-z0-9.\[\]:]{1,9}(:[0-9]{1,6})?(/[a-z]*)?", fullmatch=True)
)
def test_any_text_is_an_address_or_a_setting_to_mend(text):
    try:
        url = JsonServer(text, "", Patience()).url
    except SettingError:
        return
    assert is_address(text)
    assert is_address(url)


def test_names_noted_in_two_places_are_the_same():
    assert set(AT_SERVERS) == set(SERVERS)
    assert set(ONNX_DEVICES) == set(DEVICES)


@pytest.mark.parametrize(
    ("source", "is_one"),
    [
        ("owner/repository/m.gguf", True),
        ("owner/repository/q8/m.gguf", True),
        ("folder/m.gguf", False),
        ("/a/b/c", False),
    ],
)
def test_a_file_of_the_hub_is_named_by_owner_repository_and_file(source, is_one):
    assert is_hub_file(source) is is_one


def test_an_ollama_model_takes_any_option_of_its_own():
    assert user('["mine"]\nprovider = "ollama"\noptions = {mirostat = 1}')["mine"].options == {"mirostat": 1}


@pytest.mark.parametrize(("typed", "meant"), [("minilmm", "minilm"), ("Nomic-embed-txt-v1.5", "nomic-embed-text-v1.5")])
def test_the_nearest_names_are_named_for_an_unknown_one(typed, meant):
    with pytest.raises(SettingError) as caught:
        resolve(typed, BUILT_IN)
    assert meant in caught.value.remedy


def test_what_is_no_table_is_named():
    with pytest.raises(SettingError, match="no table"):
        user("mine = 3")


KEYS = ["provider", "source", "aliases", "dimensions", "pooling", "appends_eos", "matryoshka", "truncation", "options"]
JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=3) | st.sampled_from(PROVIDERS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(KEYS), JUNK, max_size=3) | JUNK)
def test_any_table_is_read_or_refused_by_name(table):
    try:
        (entry,) = map(sound, read_entries({"mine": table}, "a file", BUILT_IN).values())
    except SettingError as error:
        said = error.message
    else:
        said = f"a file gave {entry.name}, which can be looked up: {hash(entry)}"
    assert "a file" in said
    assert "mine" in said

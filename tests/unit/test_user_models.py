import sys
import tomllib

import pytest

from instar.domain.catalogue import PROVIDERS
from instar.errors import SettingError, UsageError
from instar.wiring.user_models import add_model, remove_model

WORK = {"provider": "ollama", "source": "bge-m3"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "config" / "models.toml"


def test_the_file_is_made_and_holds_what_was_given(path):
    entry = add_model(path, "work", {**WORK, "options": {"num_ctx": 4096}})
    assert (entry.dimensions, entry.options) == (1024, {"num_ctx": 4096})
    assert tomllib.loads(path.read_text()) == {"work": {**WORK, "options": {"num_ctx": 4096}}}
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_a_model_of_the_catalogue_can_be_overridden_by_itself(path):
    add_model(path, "bge-m3", {"provider": "ollama", "source": "bge-m3:567m"})
    assert add_model(path, "minilm", {"options": {"threads": 2}}).package
    assert tomllib.loads(path.read_text()).keys() == {"bge-m3", "minilm"}


def test_a_linked_file_stays_a_link(path, tmp_path):
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("# mine\n")
    path.parent.mkdir()
    path.symlink_to(kept)
    add_model(path, "work", WORK)
    assert path.is_symlink()
    remove_model(path, "work")
    assert kept.read_text() == "# mine\n"


def test_what_lies_on_this_machine_is_written_as_it_is_found_from_everywhere(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "model").mkdir()
    (tmp_path / "python").symlink_to(sys.executable)
    add_model(path, "mine", {"provider": "onnx", "source": "~/model", "options": {"python": "~/python"}})
    (table,) = tomllib.loads(path.read_text()).values()
    assert (table["source"], table["options"]["python"]) == (str(tmp_path / "model"), str(tmp_path / "python"))


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("bge-m3", {"provider": "ollama", "source": "other"}, "choose another name"),
        ("bge-m3", {"provider": "ollama"}, "choose another name"),
        ("static", {"provider": "ollama"}, "choose another name"),
        ("work", {"provider": "cloud", "source": "x"}, f"one of {PROVIDERS[0]}"),
        ("work", {"provider": "ollama"}, "--source"),
        ("work", {"source": "bge-m3"}, "--provider"),
        ("work", {**WORK, "truncation": 4096}, "cannot be truncated"),
        ("work", {**WORK, "base_url": "box:11434"}, "not an address"),
        ("work", {"provider": "gguf", "source": "a/b/c", "options": {"n_threads": 4}}, "n_threads"),
        ("work", {"provider": "cloud", "source": "x"}, "the command line"),
        ("work", {**WORK, "base_url": "http://box:65536/v1"}, "port up to 65535"),
        ("work", {**WORK, "options": {"python": "/nowhere/python"}}, "there is no Python /nowhere/python"),
        ("", WORK, "one line of visible characters"),
        (" ", WORK, "one line of visible characters"),
        ("a\nb", WORK, "one line of visible characters"),
        ("a\x1fb", WORK, "one line of visible characters"),
        ("a\u2028b", WORK, "one line of visible characters"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_written(path, name, values, said):
    with pytest.raises(SettingError, match=said):
        add_model(path, name, values)
    assert not path.exists()


def test_only_what_is_there_can_be_removed(path):
    with pytest.raises(UsageError, match="has no model"):
        remove_model(path, "work")


@pytest.mark.parametrize("content", [b'["work"\n', b"\xff\xfe"])
def test_a_damaged_file_is_left_as_it_is(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    for change in (lambda: add_model(path, "work", WORK), lambda: remove_model(path, "work")):
        with pytest.raises(SettingError, match="mend"):
            change()
    assert path.read_bytes() == content

import pytest

from instar.errors import SettingError
from instar.settings import FILE_NAME, load


@pytest.fixture
def folders(tmp_path):
    user, data = tmp_path / "user", tmp_path / "data"
    user.mkdir()
    data.mkdir()
    return user, data


def test_the_last_place_wins_and_is_named(folders):
    user, data = folders
    (user / FILE_NAME).write_text("limit = 3\nvector_weight = 0.5\n")
    (data / FILE_NAME).write_text("limit = 4\n")
    loaded = load({"INSTAR_MODEL": "static", "INSTAR_DATA": str(data)}, {"limit": None}, user)
    assert loaded.settings.limit == 4
    assert loaded.settings.vector_weight == 0.5
    assert loaded.origins["limit"] == str(data / FILE_NAME)
    assert loaded.origins["vector_weight"] == str(user / FILE_NAME)
    assert loaded.origins["data"] == "environment"
    assert loaded.origins["max_file_bytes"] == "default"


def test_the_command_line_wins_over_all(folders):
    user, data = folders
    loaded = load({"INSTAR_DATA": "/elsewhere", "INSTAR_LIMIT": "7"}, {"data": data, "limit": 9}, user)
    assert (loaded.settings.data, loaded.settings.limit) == (data, 9)
    assert loaded.origins["limit"] == "command line"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("limitt = 3", "unknown setting 'limitt'"),
        ("limit = 'many'", "not a number"),
        ("limit = 0", "not a number of at least 1"),
        ("vector_weight = -1", "not a number of at least 0"),
        ("limit = true", "not a number"),
        ("vector_weight = inf", "not a number"),
        ("data = '~nobody-of-this-name/x'", "setting data"),
        ("model = 3", "not a text"),
        ("session_thinking = 'perhaps'", "neither true nor false"),
        ("session_thinking = 2", "neither true nor false"),
        ("limit = ", "not valid TOML"),
    ],
)
def test_a_bad_file_is_named(folders, content, said):
    user, _ = folders
    (user / FILE_NAME).write_text(content)
    with pytest.raises(SettingError, match=said):
        load({}, {}, user)


def test_the_file_in_the_data_folder_cannot_name_another(folders):
    user, data = folders
    (data / FILE_NAME).write_text("data = '/elsewhere'")
    with pytest.raises(SettingError, match="names a data folder"):
        load({}, {"data": data}, user)


@pytest.mark.parametrize(("written", "read"), [("true", True), ("False", False), ("1", True), ("0", False)])
def test_a_flag_is_true_or_false(folders, written, read):
    user, data = folders
    assert load({"INSTAR_SESSION_THINKING": written}, {"data": data}, user).settings.session_thinking is read
    (user / FILE_NAME).write_text(f"session_thinking = {str(read).lower()}\n")
    assert load({}, {"data": data}, user).settings.session_thinking is read

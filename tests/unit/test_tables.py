import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instar.domain.tables import with_table
from instar.errors import SettingError

FILE = """# my models

["mine"]   # the one at work
provider = "ollama"
source = "bge-m3"
["mine".options]
num_ctx = 4096

# the one at home
["other"]
provider = "openai"
"""
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
SCALARS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.integers(-9, 10**9) | st.booleans()
VALUES = st.dictionaries(
    st.sampled_from(["provider", "source", "query_prompt", "truncation"]), SCALARS, max_size=4
) | st.fixed_dictionaries({"options": st.dictionaries(NAMES, SCALARS, max_size=3)})


def test_a_table_is_added_behind_what_is_there():
    changed = with_table(FILE, "third", {"provider": "st", "options": {"threads": 2}})
    assert changed.startswith(FILE)
    assert tomllib.loads(changed)["third"] == {"provider": "st", "options": {"threads": 2}}


def test_a_table_is_replaced_with_what_stands_below_it():
    changed = with_table(FILE, "mine", {"provider": "st"})
    assert tomllib.loads(changed) == {"mine": {"provider": "st"}, "other": {"provider": "openai"}}
    assert changed.startswith("# my models")
    assert '# the one at home\n["other"]' in changed


def test_a_table_is_removed():
    assert tomllib.loads(with_table(FILE, "mine", None)) == {"other": {"provider": "openai"}}
    assert with_table(FILE, "unknown", None) == FILE


@given(st.dictionaries(NAMES, VALUES, max_size=3), NAMES, VALUES)
def test_whatever_was_written_is_read_again(tables, name, values):
    text = ""
    for other, its in tables.items():
        text = with_table(text, other, its)
    assert tomllib.loads(with_table(text, name, values)) == {**tables, name: values}
    assert tomllib.loads(with_table(text, name, None)) == {k: v for k, v in tables.items() if k != name}


def test_what_would_change_the_rest_is_refused():
    inside = 'note = """\n[mine]\nkept\n"""\n'
    with pytest.raises(SettingError, match="by hand"):
        with_table(inside, "mine", {"provider": "st"})

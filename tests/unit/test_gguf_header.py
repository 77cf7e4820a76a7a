import tempfile
from pathlib import Path

import gguf_files
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instar.adapters.embedders.gguf_header import read_header

SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**32 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
)
LISTS = (
    st.lists(st.text(max_size=5), max_size=4) | st.lists(st.booleans()) | st.lists(st.lists(st.floats()), max_size=3)
)


@given(
    values=st.dictionaries(st.text(max_size=9), SCALARS), arrays=st.dictionaries(st.text(max_size=9), LISTS, max_size=3)
)
@settings(deadline=None, max_examples=50)
def test_every_single_value_is_read_and_every_array_left_out(values, arrays):
    with tempfile.TemporaryDirectory() as folder:
        path = gguf_files.write(Path(folder) / "m.gguf", {**arrays, **values}, weights=b"w" * 64)
        header = read_header(path)
        assert header.values == values
        assert 0 <= path.stat().st_size - 64 - header.size < 32


def test_values_of_an_architecture_are_found(tmp_path):
    header = read_header(gguf_files.write(tmp_path / "m.gguf"))
    assert header.of_architecture("context_length") == 512
    assert header.of_architecture("vocab_size") is None


def test_a_file_cut_off_anywhere_in_its_header_is_refused(tmp_path):
    whole = gguf_files.write(tmp_path / "whole.gguf")
    size, content = read_header(whole).size, whole.read_bytes()
    for length in range(size):
        part = tmp_path / "part.gguf"
        part.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"GGUF|ends|empty"):
            read_header(part)


@pytest.mark.parametrize(("content", "said"), [(b"PK\3\4 something else", "no GGUF"), (b"", "empty")])
def test_another_kind_of_file_is_refused(tmp_path, content, said):
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_header(path)


def test_a_version_that_is_not_known_is_refused(tmp_path):
    with pytest.raises(ValueError, match="version 4"):
        read_header(gguf_files.write(tmp_path / "m.gguf", version=4))

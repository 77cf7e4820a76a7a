"""What a GGUF file says of its model: the header, read without llama.cpp and without the weights.

The format is described in the ggml project's `docs/gguf.md`. Versions 2 and 3 differ in nothing that is read here;
files of another byte order are not read.
"""

import mmap
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

MAGIC = b"GGUF"
VERSIONS = (2, 3)
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""The letter of `struct` for each type of value; 8 is a string, 9 an array."""
STRING, ARRAY = 8, 9
U32, U64 = struct.Struct("<I"), struct.Struct("<Q")
PRECISIONS = {
    0: "f32", 1: "f16", 2: "q4_0", 3: "q4_1", 7: "q8_0", 8: "q5_0", 9: "q5_1", 10: "q2_k", 11: "q3_k_s", 12: "q3_k_m",
    13: "q3_k_l", 14: "q4_k_s", 15: "q4_k_m", 16: "q5_k_s", 17: "q5_k_m", 18: "q6_k", 19: "iq2_xxs", 20: "iq2_xs",
    21: "q2_k_s", 22: "iq3_xs", 23: "iq3_xxs", 24: "iq1_s", 25: "iq4_nl", 26: "iq3_s", 27: "iq3_m", 28: "iq2_s",
    29: "iq2_m", 30: "iq4_xs", 31: "iq1_m", 32: "bf16", 36: "tq1_0", 37: "tq2_0", 38: "mxfp4",
}  # fmt: skip
"""`general.file_type`, as `llama_ftype` in llama.cpp's `llama.h` numbers them."""
POOLINGS = {0: "none", 1: "mean", 2: "cls", 3: "last", 4: "rank"}
"""`….pooling_type`, as `llama_pooling_type` there."""

Value = str | int | float | bool | None


class Header(NamedTuple):
    """`values` are those of one value; of arrays nothing is kept. `size` is the header's, in bytes."""

    values: Mapping[str, Value]
    size: int

    def of_architecture(self, key: str) -> Value:
        """Return a value of the model's architecture, as `context_length`, None where there is none."""
        return self.values.get(f"{self.values.get('general.architecture')}.{key}")


def read_header(path: Path) -> Header:
    """Return what stands before the weights. Raises `ValueError` for another kind of file, `OSError`."""
    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _header(_Reader(data))
        except struct.error as error:
            raise ValueError("it ends within its header") from error


def _header(reader: "_Reader") -> Header:
    if reader.bytes(len(MAGIC)) != MAGIC:
        raise ValueError("it is no GGUF file")
    version = reader.number(U32)
    if version not in VERSIONS:
        raise ValueError(f"it is of version {version} of the format, or of another byte order")
    tensors, count = reader.number(U64), reader.number(U64)
    values: dict[str, Value] = {}
    for _ in range(count):
        key, kind = reader.string(), reader.number(U32)
        value = reader.value(kind)
        if kind != ARRAY:
            values[key] = value
    for _ in range(tensors):
        reader.skip_string()
        dimensions = reader.number(U32)
        reader.place += U64.size * dimensions + U32.size + U64.size  # their lengths, the type, the offset
    reader.bytes(0)  # not behind the end
    return Header(values, reader.place)


class _Reader:
    """Reads one thing after another. Raises `struct.error` behind the end."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.place = 0

    def bytes(self, count: int) -> bytes:
        if count > len(self._data) - self.place:
            raise struct.error
        self.place += count
        return self._data[self.place - count : self.place]

    def number(self, form: struct.Struct) -> int:
        self.place += form.size
        return int(form.unpack_from(self._data, self.place - form.size)[0])

    def string(self) -> str:
        return self.bytes(self.number(U64)).decode("utf-8", "replace")

    def skip_string(self) -> None:
        """Leave out a string: a vocabulary has hundreds of thousands."""
        self.place += U64.size + U64.unpack_from(self._data, self.place)[0]

    def value(self, kind: int) -> Value:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            self._skip_array()
            return None
        form = struct.Struct(f"<{_letter(kind)}")
        (value,) = form.unpack(self.bytes(form.size))
        return cast("Value", value)

    def _skip_array(self) -> None:
        inner, count = self.number(U32), self.number(U64)
        if inner == STRING:
            for _ in range(count):
                self.skip_string()
        elif inner == ARRAY:
            for _ in range(count):
                self._skip_array()
        else:
            self.place += count * struct.calcsize(f"<{_letter(inner)}")


def _letter(kind: int) -> str:
    if kind not in SCALARS:
        raise ValueError(f"it holds a value of the unknown type {kind}")
    return SCALARS[kind]

"""How texts can be embedded on request."""

from enum import StrEnum


class Side(StrEnum):
    """Which prompt a text is given."""

    QUERY = "query"
    DOCUMENT = "document"


class Domain(StrEnum):
    """What a text is."""

    TEXT = "text"
    CODE = "code"


class VectorFormat(StrEnum):
    """How a vector is printed."""

    FLOAT = "float"
    INT8 = "int8"
    BINARY = "binary"

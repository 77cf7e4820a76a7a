from dataclasses import fields, replace
from typing import Any

import pytest

from instar.domain.models import ModelSpec, StorageFormat, document_fingerprint

SPEC = ModelSpec("static", "static", "r1", 256, "int8", "mean")
OTHER = {
    "provider": "onnx", "name": "other", "revision": "r2", "dimensions": 128, "precision": "float32", "pooling": "last",
    "normalised": False, "document_prompt": "passage: ", "truncation": 64,
    "context_tokens": 512, "centred": True, "runtime": "library 1.2",
}  # fmt: skip
QUERY_SIDE = {"query_prompt": "query: "}
NO_IDENTITY = {"reference": "mine", "place": "/models/other"}


def with_value(name: str, value: Any) -> ModelSpec:
    return replace(SPEC, **{name: value})


@pytest.mark.parametrize("name", OTHER)
def test_whatever_decides_a_stored_vector_changes_the_fingerprint(name):
    changed = with_value(name, OTHER[name])
    assert document_fingerprint(changed, StorageFormat.INT8) != document_fingerprint(SPEC, StorageFormat.INT8)


@pytest.mark.parametrize(("name", "value"), [*QUERY_SIDE.items(), *NO_IDENTITY.items()])
def test_the_query_side_and_its_name_here_do_not(name, value):
    changed = with_value(name, value)
    assert document_fingerprint(changed, StorageFormat.INT8) == document_fingerprint(SPEC, StorageFormat.INT8)


def test_what_is_stored_of_a_model_without_a_context_stays_its_own():
    assert document_fingerprint(SPEC, StorageFormat.INT8) == "d4a45d83e6682f89bccef919a3aa6557"


def test_every_field_is_on_one_side():
    assert {field.name for field in fields(ModelSpec)} == OTHER.keys() | QUERY_SIDE.keys() | NO_IDENTITY.keys()


def test_the_storage_format_belongs_to_it():
    assert len({document_fingerprint(SPEC, storage) for storage in StorageFormat}) == len(StorageFormat)

"""Data folders of older and newer versions."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from instar.adapters.stores.sqlite.schema import APPLICATION_ID, SCHEMA_VERSION, bring_up_to_date
from instar.adapters.stores.sqlite.store import SqliteStore
from instar.domain.models import ModelSpec, StorageFormat
from instar.errors import SchemaError

OLDER = [1, 2, 3]


def make_older(path, version=1):
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(__file__).parent / f"schema_{version}.sql").read_text("utf-8"))
        db.execute("INSERT INTO meta VALUES ('corpus', 'c'), ('log_start', '0')")
        db.execute("INSERT INTO roots (path, added_at) VALUES ('/somewhere', 1.0)")
        db.execute(
            "INSERT INTO documents (root_id, path, size, mtime_ns, content_hash, reader_version, source, repository,"
            " indexed_at) VALUES (1, 'a.py', 1, 1, x'00', '1.1', 'code', '', 1.0)"
        )
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {version}")
        db.commit()


def shape(db):
    """Return every table's columns and every index's, in order."""
    names = sorted(
        (kind, name) for kind, name in db.execute("SELECT type, name FROM sqlite_schema") if kind in ("table", "index")
    )
    facts = {
        name: db.execute(f"PRAGMA {'table_xinfo' if kind == 'table' else 'index_xinfo'}('{name}')").fetchall()
        for kind, name in names
    }
    keys = {
        name: db.execute(f"PRAGMA foreign_key_list('{name}')").fetchall() for kind, name in names if kind == "table"
    }
    return facts, keys


@pytest.mark.parametrize("version", OLDER)
def test_an_upgraded_database_has_the_shape_of_a_fresh_one(tmp_path, version):
    make_older(tmp_path / "old.db", version)
    shapes = []
    for name in ("old.db", "fresh.db"):
        with closing(sqlite3.connect(tmp_path / name, isolation_level=None)) as db:
            bring_up_to_date(db)
            assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
            shapes.append(shape(db))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("version", OLDER)
def test_an_older_folder_is_upgraded_by_a_writer_and_keeps_what_it_holds(tmp_path, version):
    make_older(tmp_path / "instar.db", version)
    with SqliteStore(tmp_path).writing() as writer:
        assert list(writer.document_states(1)) == ["a.py"]
        assert writer.view().roots()[0].sessions is None


def test_an_older_folder_is_upgraded_by_a_reader_too(tmp_path):
    make_older(tmp_path / "instar.db")
    store = SqliteStore(tmp_path)
    with store.snapshot() as snapshot:
        assert [root.path for root in snapshot.roots()] == ["/somewhere"]
        assert snapshot.counts(1) == (1, 0)
    store.close()


def test_a_newer_folder_is_refused_and_left_alone(tmp_path):
    make_older(tmp_path / "instar.db")
    with closing(sqlite3.connect(tmp_path / "instar.db")) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = (tmp_path / "instar.db").read_bytes()
    store = SqliteStore(tmp_path)
    with pytest.raises(SchemaError, match="knows up to"), store.snapshot():
        pass
    with pytest.raises(SchemaError, match="knows up to"), store.writing():
        pass
    assert (tmp_path / "instar.db").read_bytes() == before


def test_a_generation_of_a_newer_program_is_refused_and_not_called_damaged(tmp_path):
    store = SqliteStore(tmp_path)
    with store.writing() as writer:
        writer.create_generation(ModelSpec("fake", "some", "1", 8, "float32", "mean"), StorageFormat.INT8)
    with closing(sqlite3.connect(tmp_path / "instar.db")) as db:
        db.execute("UPDATE generations SET model = json_set(model, '$.instruction', 'x')")
        db.commit()
    with store.snapshot() as snapshot, pytest.raises(SchemaError, match=r"newer Instar.*'instruction'") as caught:
        snapshot.generations()
    assert "upgrade" in caught.value.remedy
    store.close()


def test_another_programs_database_is_refused(tmp_path):
    with closing(sqlite3.connect(tmp_path / "instar.db")) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.commit()
    with pytest.raises(SchemaError, match="not made by Instar"), SqliteStore(tmp_path).writing():
        pass

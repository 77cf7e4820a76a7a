"""The tables, their version, and the steps from older versions."""

import sqlite3
import uuid

from instar.errors import SchemaError

APPLICATION_ID = 0x494E5354  # "INST", so that another program's database is never taken for ours
SCHEMA_VERSION = 5

# A document is a file of one root; its chunks point to texts, which are stored once by the hash of their content, so
# that copies, worktrees and moved files cost nothing. `orphans` names texts that lost a chunk: those without any other
# are deleted at the end of a scan, not before, so that a renamed file keeps its vectors. `generations.filled_to` is a
# hint that spares looking for missing vectors below that text; whether any is missing is proved by set, never by it.
# `roots.sessions` is the choice of transcripts (JSON), NULL where none were asked for. A transcript is a document; its
# turns own its chunks, and what a turn touched is found by path. `changes.chunk_id` says that of a document that has
# grown only the chunks from this id on are other ones; 0 stands for all. `canaries` are vectors (float32) by which a
# generation's model is known again; `generations.proved_to` is the last vector's sequence when it last was,
# `generations.changed` what was found where it is another one. `cut` names the texts of which a model took only the
# beginning. `pointer.query` is what belongs to its questions (JSON), "" for what the generation's model has of its own.
# `migrations.former` and `target` are its ends (JSON), which outlive the generations they name; of several that are
# open the index lets only one in. `lease` names the process that does the work of the open one.
SESSIONS = """
CREATE TABLE sessions (
    document_id INTEGER PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE,
    session TEXT NOT NULL,
    agent TEXT NOT NULL,
    folder TEXT NOT NULL,
    offset INTEGER NOT NULL,
    line INTEGER NOT NULL,
    state TEXT NOT NULL,
    passed_over TEXT NOT NULL
);

CREATE TABLE turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    turn TEXT NOT NULL,
    role TEXT NOT NULL,
    at REAL,
    branch TEXT NOT NULL,
    answers TEXT NOT NULL,
    first_line INTEGER NOT NULL,
    UNIQUE (document_id, turn)
);
CREATE INDEX turns_of_prompt ON turns (document_id, answers);

CREATE TABLE touches (
    turn_id INTEGER NOT NULL REFERENCES turns(id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    action TEXT NOT NULL,
    at REAL,
    PRIMARY KEY (turn_id, path, action)
) WITHOUT ROWID;
CREATE INDEX touches_of_path ON touches (path, action = 'read', at DESC, turn_id);
CREATE INDEX chunks_of_turn ON chunks (turn_id) WHERE turn_id IS NOT NULL;
"""

CHECKS = """
CREATE TABLE canaries (
    generation_id INTEGER NOT NULL REFERENCES generations(id),
    text TEXT NOT NULL,
    data BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (generation_id, text)
) WITHOUT ROWID;

CREATE TABLE cut (
    generation_id INTEGER NOT NULL REFERENCES generations(id),
    text_id INTEGER NOT NULL REFERENCES texts(id),
    PRIMARY KEY (text_id, generation_id)
) WITHOUT ROWID;
"""

MIGRATIONS = """
CREATE TABLE migrations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    former TEXT NOT NULL,
    target TEXT NOT NULL,
    made INTEGER NOT NULL,
    state TEXT NOT NULL,
    cutover TEXT NOT NULL,
    throttle TEXT NOT NULL,
    started_at REAL NOT NULL
);
CREATE UNIQUE INDEX one_open_migration ON migrations (state IS NOT NULL)
    WHERE state IN ('planned', 'building', 'paused', 'checking', 'ready');

CREATE TABLE steps (
    migration_id INTEGER NOT NULL REFERENCES migrations(id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    cause TEXT NOT NULL,
    figures TEXT NOT NULL,
    PRIMARY KEY (migration_id, number)
) WITHOUT ROWID;

CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    holder TEXT NOT NULL,
    token INTEGER NOT NULL,
    expires_at REAL NOT NULL
);
"""

SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE roots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    added_at REAL NOT NULL,
    scanned_at REAL,
    pending INTEGER NOT NULL DEFAULT 0,
    sessions TEXT
);

CREATE TABLE skipped (
    root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    files INTEGER NOT NULL,
    PRIMARY KEY (root_id, reason)
) WITHOUT ROWID;

CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root_id INTEGER NOT NULL REFERENCES roots(id),
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content_hash BLOB NOT NULL,
    reader_version TEXT NOT NULL,
    source TEXT NOT NULL,
    language TEXT,
    repository TEXT NOT NULL,
    indexed_at REAL NOT NULL,
    skipped TEXT NOT NULL DEFAULT '',
    UNIQUE (root_id, path)
);

CREATE TABLE texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hash BLOB NOT NULL UNIQUE,
    text TEXT NOT NULL
);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL REFERENCES documents(id),
    text_id INTEGER NOT NULL REFERENCES texts(id),
    start_line INTEGER NOT NULL,
    end_line INTEGER NOT NULL,
    symbol TEXT NOT NULL,
    kind TEXT NOT NULL,
    turn_id INTEGER REFERENCES turns(id)
);
CREATE INDEX chunks_of_document ON chunks (document_id, text_id);
CREATE INDEX chunks_of_text ON chunks (text_id, document_id);
{SESSIONS}

CREATE TABLE orphans (text_id INTEGER PRIMARY KEY);

CREATE TABLE changes (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    document_id INTEGER NOT NULL,
    chunk_id INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    fingerprint TEXT NOT NULL UNIQUE,
    model TEXT NOT NULL,
    storage TEXT NOT NULL,
    created_at REAL NOT NULL,
    filled_to INTEGER NOT NULL DEFAULT 0,
    proved_to INTEGER NOT NULL DEFAULT 0,
    changed TEXT NOT NULL DEFAULT ''
);

CREATE TABLE vectors (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    generation_id INTEGER NOT NULL REFERENCES generations(id),
    text_id INTEGER NOT NULL REFERENCES texts(id),
    data BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (text_id, generation_id)
);
CREATE INDEX vectors_by_sequence ON vectors (generation_id, sequence);

CREATE TABLE quarantine (
    generation_id INTEGER NOT NULL REFERENCES generations(id),
    text_id INTEGER NOT NULL REFERENCES texts(id),
    reason TEXT NOT NULL,
    PRIMARY KEY (text_id, generation_id)
) WITHOUT ROWID;
{CHECKS}

CREATE TABLE pointer (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation_id INTEGER NOT NULL REFERENCES generations(id),
    changed_at REAL NOT NULL,
    query TEXT NOT NULL DEFAULT ''
);
{MIGRATIONS}
"""

# From version n to n + 1, in order; a fresh database and an upgraded one have the same tables.
UPGRADES: dict[int, str] = {
    # Files without text are remembered, so that they are not opened again at every scan.
    1: "ALTER TABLE documents ADD COLUMN skipped TEXT NOT NULL DEFAULT ''",
    # Transcripts of sessions.
    2: "ALTER TABLE roots ADD COLUMN sessions TEXT;"
    " ALTER TABLE chunks ADD COLUMN turn_id INTEGER REFERENCES turns(id);"
    " ALTER TABLE changes ADD COLUMN chunk_id INTEGER NOT NULL DEFAULT 0;" + SESSIONS,
    # What tells whether a model is still the one it was, and which texts it took only the beginning of.
    3: "ALTER TABLE generations ADD COLUMN proved_to INTEGER NOT NULL DEFAULT 0;"
    " ALTER TABLE generations ADD COLUMN changed TEXT NOT NULL DEFAULT '';" + CHECKS,
    # What belongs to the pointer beside its generation, and the way from one to the next.
    4: "ALTER TABLE pointer ADD COLUMN query TEXT NOT NULL DEFAULT '';" + MIGRATIONS,
}


def version_of(connection: sqlite3.Connection) -> int:
    """Return the schema version, 0 for an empty database.

    Raises `SchemaError` where the database is another program's or a newer Instar's.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    if owner == 0 and version == 0 and tables == 0:
        return 0
    if owner != APPLICATION_ID or version < 1:
        raise SchemaError("the database in the data folder was not made by Instar", "name another folder with --data")
    if version > SCHEMA_VERSION:
        raise SchemaError(
            f"the data folder has schema version {version}, this program knows up to {SCHEMA_VERSION}",
            "upgrade Instar, or name another folder with --data",
        )
    return version


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Create the tables or apply the missing upgrades, all or nothing."""
    version = version_of(connection)
    if version == SCHEMA_VERSION:
        return
    steps = [SCHEMA] if version == 0 else [UPGRADES[n] for n in range(version, SCHEMA_VERSION)]
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in (s for step in steps for s in step.split(";") if s.strip()):
            connection.execute(statement)
        if version == 0:
            connection.execute("INSERT INTO meta VALUES ('corpus', ?), ('log_start', '0')", (uuid.uuid4().hex,))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite rolls back by itself where the disk is full
            connection.execute("ROLLBACK")
        raise

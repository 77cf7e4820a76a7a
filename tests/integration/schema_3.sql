-- The tables of schema version 3, kept to test the upgrade.
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
    filled_to INTEGER NOT NULL DEFAULT 0
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

CREATE TABLE pointer (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    generation_id INTEGER NOT NULL REFERENCES generations(id),
    changed_at REAL NOT NULL
);

-- Providers' credentials. The secret is sealed: which key with is in the row, the key itself is not in this file.
-- What is removed keeps its row, so that versions of a name never come twice, and loses its secret.
CREATE TABLE credential (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    note TEXT,
    gateways TEXT,
    version INTEGER NOT NULL CHECK (version > 0),
    key_id TEXT NOT NULL,
    sealed BLOB,
    rev INTEGER NOT NULL,
    created INTEGER NOT NULL,
    rotated INTEGER,
    removed INTEGER,
    CHECK ((sealed IS NULL) = (removed IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX credential_name ON credential (name) WHERE removed IS NULL;

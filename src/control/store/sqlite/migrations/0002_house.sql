-- The house around the bank: who is in it, whose the budgets are, which gateways there are, and what was done by whom.
-- Numbers are never used again (AUTOINCREMENT): the bank knows keys and budgets by them. Times are nanoseconds since the
-- epoch. Of secrets there are only digests.
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE node (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    parent INTEGER REFERENCES node,
    kind INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3),
    name TEXT NOT NULL,
    created INTEGER NOT NULL,
    removed INTEGER,
    CHECK ((kind = 0) = (parent IS NULL))
) STRICT;

CREATE UNIQUE INDEX node_name ON node (coalesce(parent, 0), name) WHERE removed IS NULL;
CREATE INDEX node_parent ON node (parent);

CREATE TABLE user (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 2),
    scope INTEGER REFERENCES node,
    password TEXT,
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE invitation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL REFERENCES user,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    expires INTEGER NOT NULL,
    used INTEGER
) STRICT;

CREATE TABLE session (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    user INTEGER NOT NULL REFERENCES user,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    origin TEXT NOT NULL
) STRICT;

CREATE INDEX session_user ON session (user);

CREATE TABLE api_token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    user INTEGER NOT NULL REFERENCES user,
    name TEXT NOT NULL,
    role INTEGER NOT NULL CHECK (role BETWEEN 0 AND 2),
    scope INTEGER REFERENCES node,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    created INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    revoked INTEGER,
    seen INTEGER
) STRICT;

CREATE TABLE virtual_key (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    node INTEGER NOT NULL REFERENCES node,
    name TEXT NOT NULL,
    owner TEXT,
    groups TEXT NOT NULL,
    models TEXT,
    expires INTEGER,
    digest TEXT NOT NULL UNIQUE,
    old_digest TEXT,
    old_until INTEGER,
    created INTEGER NOT NULL,
    rotated INTEGER,
    revoked INTEGER,
    CHECK ((old_digest IS NULL) = (old_until IS NULL))
) STRICT;

CREATE UNIQUE INDEX virtual_key_name ON virtual_key (node, name) WHERE revoked IS NULL;

CREATE TABLE budget (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    node INTEGER NOT NULL REFERENCES node,
    win TEXT NOT NULL,
    zone TEXT NOT NULL,
    lim INTEGER NOT NULL CHECK (lim >= 0),
    hard INTEGER NOT NULL CHECK (hard IN (0, 1)),
    clamp INTEGER NOT NULL CHECK (clamp IN (0, 1)),
    soft TEXT NOT NULL,
    rev INTEGER NOT NULL,
    created INTEGER NOT NULL,
    removed INTEGER
) STRICT;

CREATE UNIQUE INDEX budget_window ON budget (node, win) WHERE removed IS NULL;

CREATE TABLE kill (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    scope INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 3),
    target INTEGER,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    abort_streams INTEGER NOT NULL CHECK (abort_streams IN (0, 1)),
    cursor INTEGER NOT NULL DEFAULT 0,
    at INTEGER NOT NULL,
    by_user INTEGER NOT NULL REFERENCES user,
    lifted INTEGER,
    lifted_by INTEGER REFERENCES user
) STRICT;

CREATE INDEX kill_in_force ON kill (scope, target) WHERE lifted IS NULL;

CREATE TABLE request (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    budget INTEGER NOT NULL REFERENCES budget,
    amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3),
    granted INTEGER,
    answer TEXT,
    rev INTEGER NOT NULL,
    asked_by INTEGER NOT NULL REFERENCES user,
    created INTEGER NOT NULL,
    decided_by INTEGER REFERENCES user,
    decided INTEGER,
    CHECK (decided_by IS NULL OR state = 3 OR decided_by <> asked_by)
) STRICT;

CREATE TABLE gateway (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    router BLOB NOT NULL UNIQUE CHECK (length(router) = 16),
    name TEXT NOT NULL,
    token BLOB UNIQUE CHECK (length(token) = 32),
    token_until INTEGER,
    spki BLOB CHECK (length(spki) = 32),
    enrolled INTEGER,
    seen INTEGER,
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

CREATE UNIQUE INDEX gateway_name ON gateway (name) WHERE revoked IS NULL;

CREATE TABLE certificate (
    fingerprint BLOB PRIMARY KEY CHECK (length(fingerprint) = 32),
    gateway INTEGER NOT NULL REFERENCES gateway,
    issued INTEGER NOT NULL,
    not_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    who TEXT NOT NULL,
    key BLOB NOT NULL,
    at INTEGER NOT NULL,
    body BLOB NOT NULL,
    status INTEGER,
    answer BLOB,
    PRIMARY KEY (who, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    created INTEGER NOT NULL,
    removed INTEGER
) STRICT;

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL REFERENCES webhook,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL,
    done INTEGER,
    error TEXT
) STRICT;

CREATE INDEX delivery_due ON delivery (next_at) WHERE done IS NULL;

-- What administrators did: lines are added, never changed.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    node INTEGER,
    record TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'a line of the audit log is never changed'); END;

CREATE TRIGGER audit_is_not_removed BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'a line of the audit log is never removed'); END;

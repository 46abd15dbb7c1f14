-- The bank: accounts, who spends from them, what is lent, to whom, and every change of it.
CREATE TABLE account (
    budget INTEGER NOT NULL,
    period INTEGER NOT NULL,
    lim INTEGER NOT NULL CHECK (lim >= 0),
    hard INTEGER NOT NULL CHECK (hard IN (0, 1)),
    spent INTEGER NOT NULL CHECK (spent >= 0),
    held INTEGER NOT NULL CHECK (held >= 0),
    uncertain INTEGER NOT NULL CHECK (uncertain >= 0),
    overrun INTEGER NOT NULL CHECK (overrun >= 0),
    overcommit INTEGER NOT NULL CHECK (overcommit >= 0),
    rate INTEGER NOT NULL,
    PRIMARY KEY (budget, period),
    CHECK (hard = 0 OR spent + held + uncertain <= lim + overrun + overcommit)
) STRICT, WITHOUT ROWID;

CREATE TABLE leaf (
    id INTEGER PRIMARY KEY,
    killed INTEGER NOT NULL CHECK (killed IN (0, 1))
) STRICT;

CREATE TABLE leaf_account (
    leaf INTEGER NOT NULL REFERENCES leaf,
    place INTEGER NOT NULL,
    budget INTEGER NOT NULL,
    period INTEGER NOT NULL,
    PRIMARY KEY (leaf, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE router (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    incarnation INTEGER NOT NULL,
    disks TEXT NOT NULL,
    last_seq INTEGER NOT NULL,
    body_hash BLOB NOT NULL CHECK (length(body_hash) = 8),
    reply TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    router BLOB NOT NULL REFERENCES router,
    incarnation INTEGER NOT NULL,
    disk BLOB NOT NULL CHECK (length(disk) = 16),
    leaf INTEGER NOT NULL REFERENCES leaf,
    fence INTEGER NOT NULL,
    stage INTEGER NOT NULL CHECK (stage BETWEEN 0 AND 3),
    granted INTEGER NOT NULL,
    returned INTEGER NOT NULL CHECK (returned >= 0),
    settled INTEGER NOT NULL CHECK (settled >= 0),
    uncertain INTEGER NOT NULL CHECK (uncertain >= 0),
    overrun INTEGER NOT NULL CHECK (overrun >= 0),
    breach INTEGER NOT NULL CHECK (breach >= 0),
    rate INTEGER NOT NULL,
    was_used INTEGER NOT NULL CHECK (was_used IN (0, 1)),
    is_final INTEGER NOT NULL CHECK (is_final IN (0, 1)),
    recalled INTEGER NOT NULL CHECK (recalled IN (0, 1)),
    CHECK (settled + returned + uncertain <= granted)
) STRICT, WITHOUT ROWID;

CREATE TABLE lease_account (
    lease BLOB NOT NULL REFERENCES lease,
    place INTEGER NOT NULL,
    budget INTEGER NOT NULL,
    period INTEGER NOT NULL,
    PRIMARY KEY (lease, place)
) STRICT, WITHOUT ROWID;

-- The ledger: lines are added, never changed.
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    lease BLOB NOT NULL,
    budget INTEGER NOT NULL,
    period INTEGER NOT NULL,
    spent INTEGER NOT NULL,
    held INTEGER NOT NULL,
    uncertain INTEGER NOT NULL,
    overrun INTEGER NOT NULL
) STRICT;

CREATE INDEX entry_account ON entry (budget, period);

CREATE TRIGGER entry_is_not_changed BEFORE UPDATE ON entry
BEGIN SELECT RAISE(ABORT, 'a line of the ledger is never changed'); END;

CREATE TRIGGER entry_is_not_removed BEFORE DELETE ON entry
BEGIN SELECT RAISE(ABORT, 'a line of the ledger is never removed'); END;

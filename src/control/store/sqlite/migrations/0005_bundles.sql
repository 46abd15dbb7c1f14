-- Policies that gateways are to run: versions count up, and what one of them says is never changed.
CREATE TABLE bundle (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    policies TEXT NOT NULL,
    files TEXT NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    note TEXT NOT NULL,
    made_by INTEGER NOT NULL REFERENCES user,
    created INTEGER NOT NULL,
    rolled INTEGER
) STRICT;

CREATE TRIGGER bundle_is_not_changed BEFORE UPDATE OF version, name, digest, policies, files, note, made_by, created ON bundle
BEGIN SELECT RAISE(ABORT, 'a bundle of policies is never changed'); END;

CREATE TRIGGER bundle_is_not_removed BEFORE DELETE ON bundle
BEGIN SELECT RAISE(ABORT, 'a bundle of policies is never removed'); END;

-- What gateways were to run, and since when: the last line counts. Its number is the revision that gateways are told.
CREATE TABLE rollout (
    revision INTEGER PRIMARY KEY,
    current INTEGER REFERENCES bundle,
    candidate INTEGER REFERENCES bundle,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 0 AND 100),
    made_by INTEGER NOT NULL REFERENCES user,
    at INTEGER NOT NULL,
    CHECK (percent = 0 OR candidate IS NOT NULL)
) STRICT;

CREATE TRIGGER rollout_is_not_changed BEFORE UPDATE ON rollout
BEGIN SELECT RAISE(ABORT, 'what gateways were to run is never changed'); END;

CREATE TRIGGER rollout_is_not_removed BEFORE DELETE ON rollout
BEGIN SELECT RAISE(ABORT, 'what gateways were to run is never removed'); END;

-- What each gateway said last of the policies it runs.
CREATE TABLE bundle_report (
    gateway INTEGER PRIMARY KEY REFERENCES gateway,
    revision INTEGER NOT NULL,
    running INTEGER NOT NULL,
    error TEXT,
    at INTEGER NOT NULL
) STRICT;

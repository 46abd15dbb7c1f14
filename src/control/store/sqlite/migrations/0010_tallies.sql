-- What gateways refused and found, and calls that they let through, as they tell it. Processes of theirs that told of it, by the
-- first number each was given; of a gateway the newest few are remembered.
CREATE TABLE tally_process (
    gateway INTEGER NOT NULL REFERENCES gateway,
    incarnation INTEGER NOT NULL CHECK (incarnation >= 0),
    seq INTEGER NOT NULL CHECK (seq >= 0),
    PRIMARY KEY (gateway, incarnation)
) STRICT, WITHOUT ROWID;

-- The last that was heard of each line, absolute like all that is told of it, so that what comes twice adds nothing. `leaf` is
-- the key's number, 0 where the panel knows none; `what` a refusal's code or a finding's detector, `how` the rule or the action.
CREATE TABLE tally (
    gateway INTEGER NOT NULL,
    incarnation INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('refusal', 'finding', 'call')),
    leaf INTEGER NOT NULL,
    what TEXT NOT NULL CHECK (length(what) <= 128),
    how TEXT NOT NULL CHECK (length(how) <= 128),
    times INTEGER NOT NULL CHECK (times >= 0),
    PRIMARY KEY (gateway, incarnation, kind, leaf, what, how),
    FOREIGN KEY (gateway, incarnation) REFERENCES tally_process
) STRICT, WITHOUT ROWID;

-- The same by the hour in which it was heard, in the same commit; of days long past by the day. `at` is when that began.
CREATE TABLE tally_sum (
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('refusal', 'finding', 'call')),
    gateway INTEGER NOT NULL REFERENCES gateway,
    leaf INTEGER NOT NULL,
    what TEXT NOT NULL CHECK (length(what) <= 128),
    how TEXT NOT NULL CHECK (length(how) <= 128),
    times INTEGER NOT NULL CHECK (times >= 0),
    PRIMARY KEY (kind, at, gateway, leaf, what, how)
) STRICT, WITHOUT ROWID;

CREATE INDEX tally_sum_leaf ON tally_sum (leaf, kind, at);

-- When each key last called.
CREATE TABLE key_use (
    key INTEGER PRIMARY KEY REFERENCES virtual_key,
    last_used INTEGER NOT NULL
) STRICT;

-- What gateways refused and found, and calls that they let through, as they tell it. Processes of theirs that told of it, by the
-- first number each was given; of a gateway the newest few are remembered.
CREATE TABLE tally_process (
    gateway bigint NOT NULL REFERENCES gateway,
    incarnation bigint NOT NULL CHECK (incarnation >= 0),
    seq bigint NOT NULL CHECK (seq >= 0),
    PRIMARY KEY (gateway, incarnation)
);

-- The last that was heard of each line, absolute like all that is told of it, so that what comes twice adds nothing. `leaf` is
-- the key's number, 0 where the panel knows none; `what` a refusal's code or a finding's detector, `how` the rule or the action.
CREATE TABLE tally (
    gateway bigint NOT NULL,
    incarnation bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('refusal', 'finding', 'call')),
    leaf bigint NOT NULL,
    what text NOT NULL CHECK (length(what) <= 128),
    how text NOT NULL CHECK (length(how) <= 128),
    times bigint NOT NULL CHECK (times >= 0),
    PRIMARY KEY (gateway, incarnation, kind, leaf, what, how),
    FOREIGN KEY (gateway, incarnation) REFERENCES tally_process
);

-- The same by the hour in which it was heard, in the same commit; of days long past by the day. `at` is when that began.
CREATE TABLE tally_sum (
    at bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('refusal', 'finding', 'call')),
    gateway bigint NOT NULL REFERENCES gateway,
    leaf bigint NOT NULL,
    what text NOT NULL CHECK (length(what) <= 128),
    how text NOT NULL CHECK (length(how) <= 128),
    times bigint NOT NULL CHECK (times >= 0),
    PRIMARY KEY (kind, at, gateway, leaf, what, how)
);

CREATE INDEX tally_sum_leaf ON tally_sum (leaf, kind, at);

-- When each key last called.
CREATE TABLE key_use (
    key bigint PRIMARY KEY REFERENCES virtual_key,
    last_used bigint NOT NULL
);

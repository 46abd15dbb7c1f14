-- What money was for, as gateways tell. Of each lease that is open by model, absolute like all that is told of it, so that what
-- comes twice adds nothing; rows go when the lease is closed.
CREATE TABLE usage (
    lease BLOB NOT NULL REFERENCES lease,
    model TEXT NOT NULL CHECK (length(model) <= 128),
    calls INTEGER NOT NULL CHECK (calls >= 0),
    tokens_in INTEGER NOT NULL CHECK (tokens_in >= 0),
    tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
    cost INTEGER NOT NULL CHECK (cost >= 0),
    PRIMARY KEY (lease, model)
) STRICT, WITHOUT ROWID;

-- The same by key, model and the hour in which it was heard, in the commit in which the ledger heard of the money; of days long
-- past by the day. `at` is when that began.
CREATE TABLE usage_sum (
    at INTEGER NOT NULL,
    leaf INTEGER NOT NULL REFERENCES leaf,
    model TEXT NOT NULL CHECK (length(model) <= 128),
    calls INTEGER NOT NULL CHECK (calls >= 0),
    tokens_in INTEGER NOT NULL CHECK (tokens_in >= 0),
    tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
    cost INTEGER NOT NULL CHECK (cost >= 0),
    PRIMARY KEY (at, leaf, model)
) STRICT, WITHOUT ROWID;

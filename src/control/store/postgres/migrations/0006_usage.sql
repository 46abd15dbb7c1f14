-- What money was for, as gateways tell. Of each lease that is open by model, absolute like all that is told of it, so that what
-- comes twice adds nothing; rows go when the lease is closed.
CREATE TABLE usage (
    lease bytea NOT NULL REFERENCES lease,
    model text NOT NULL CHECK (length(model) <= 128),
    calls bigint NOT NULL CHECK (calls >= 0),
    tokens_in bigint NOT NULL CHECK (tokens_in >= 0),
    tokens_out bigint NOT NULL CHECK (tokens_out >= 0),
    cost bigint NOT NULL CHECK (cost >= 0),
    PRIMARY KEY (lease, model)
);

-- The same by key, model and the hour in which it was heard, in the commit in which the ledger heard of the money; of days long
-- past by the day. `at` is when that began.
CREATE TABLE usage_sum (
    at bigint NOT NULL,
    leaf bigint NOT NULL REFERENCES leaf,
    model text NOT NULL CHECK (length(model) <= 128),
    calls bigint NOT NULL CHECK (calls >= 0),
    tokens_in bigint NOT NULL CHECK (tokens_in >= 0),
    tokens_out bigint NOT NULL CHECK (tokens_out >= 0),
    cost bigint NOT NULL CHECK (cost >= 0),
    PRIMARY KEY (at, leaf, model)
);

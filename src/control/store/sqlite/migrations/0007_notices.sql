-- What somebody was told of: a budget's once in a period, a gateway's until it is over.
CREATE TABLE notice (
    kind TEXT NOT NULL,
    subject INTEGER NOT NULL,
    period INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, subject, period)
) STRICT, WITHOUT ROWID;

-- What somebody was told of: a budget's once in a period, a gateway's until it is over.
CREATE TABLE notice (
    kind text NOT NULL,
    subject bigint NOT NULL,
    period bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (kind, subject, period)
);

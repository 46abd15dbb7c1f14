-- Which thresholds were crossed: each is told of once in a period.
CREATE TABLE alert (
    budget INTEGER NOT NULL REFERENCES budget,
    period INTEGER NOT NULL,
    percent INTEGER NOT NULL CHECK (percent BETWEEN 1 AND 100),
    at INTEGER NOT NULL,
    PRIMARY KEY (budget, period, percent)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_at ON entry (at);

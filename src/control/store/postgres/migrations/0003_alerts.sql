-- Which thresholds were crossed: each is told of once in a period.
CREATE TABLE alert (
    budget bigint NOT NULL REFERENCES budget,
    period bigint NOT NULL,
    percent bigint NOT NULL CHECK (percent BETWEEN 1 AND 100),
    at bigint NOT NULL,
    PRIMARY KEY (budget, period, percent)
);

CREATE INDEX entry_at ON entry (at);

-- Who holds the bank: each panel that takes it begins another term, and what belongs to an earlier one is written no more.
CREATE TABLE tenure (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    term bigint NOT NULL
);

INSERT INTO tenure (term) VALUES (0);

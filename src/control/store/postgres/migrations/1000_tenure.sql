-- Who holds the bank: each panel that takes it begins another term, and what belongs to an earlier one is written no more.
CREATE TABLE tenure (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    term bigint NOT NULL,
    -- Whose books these are: the server, and how often a copy of it has taken over. NULL until a panel began with them.
    history text
);

INSERT INTO tenure (term) VALUES (0);

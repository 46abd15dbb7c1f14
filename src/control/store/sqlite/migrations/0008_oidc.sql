-- Who a user is at a provider of sign-ins. A user has one identity at a provider, and an identity is one user.
CREATE TABLE oidc_identity (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    user INTEGER NOT NULL REFERENCES user,
    linked INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX oidc_identity_user ON oidc_identity (user);

-- Who a user is at a provider of sign-ins. A user has one identity at a provider, and an identity is one user.
CREATE TABLE oidc_identity (
    issuer text NOT NULL,
    subject text NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    "user" bigint NOT NULL REFERENCES "user",
    linked bigint NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (issuer, "user")
);

CREATE INDEX oidc_identity_user ON oidc_identity ("user");

//! Secrets: keys and tokens of vendors, private keys, passwords in addresses, headers, code and prose.
//!
//! Three kinds of evidence, from sure to contextual: a vendor's prefix or mark with the right length (`vendors`, `marked`),
//! a shape nothing else has (`pem`, `jwt`, `url`, `auth`, `command`), a name with a value beside it (`assignment`). The first two stand
//! in flat tables; the last weighs name and value, because `password: string` is as frequent as `password: hunter2`.
//!
//! Every probe reads through `reading`, whose steps say when the text known so far does not suffice.
//!
//! Not here: how triggers are found and overlaps resolved (the scanner), what is done about a finding (guards).

mod assignment;
mod auth;
mod command;
mod encoded;
mod form;
mod jwt;
mod looks;
mod marked;
mod pem;
mod reading;
mod url;
mod vendors;

use crate::governance::guard::finding::Kind;
use crate::governance::guard::probe::{Detector, Probe, Trigger, View};

const fn detector(
    name: &'static str,
    triggers: &'static [Trigger],
    probe: fn(&View<'_>, usize) -> Probe,
) -> Detector {
    Detector {
        name,
        kind: Kind::Secret,
        triggers,
        probe,
    }
}

/// The detectors of secrets.
pub(crate) const DETECTORS: &[Detector] = &[
    detector("vendor_token", vendors::TRIGGERS, vendors::probe),
    detector("marked_token", marked::MARKS, marked::probe),
    detector("twilio_key", marked::TWILIO, marked::probe_twilio),
    detector("discord_token", marked::DISCORD, marked::probe_discord),
    detector("webhook", marked::WEBHOOKS, marked::probe_webhook),
    detector("asana_token", &[Trigger::Digits(16)], marked::probe_asana),
    detector("private_key", pem::TRIGGERS, pem::probe),
    detector("encoded_private_key", pem::ENCODED, pem::probe_encoded),
    detector("jwt", jwt::TRIGGERS, jwt::probe),
    detector("url_password", url::TRIGGERS, url::probe),
    detector("basic_auth", auth::BASIC, auth::probe_basic),
    detector("bearer_token", auth::BEARER, auth::probe_bearer),
    detector(
        "authorization_header",
        auth::AUTHORIZATION,
        auth::probe_authorization,
    ),
    detector("session_cookie", auth::SESSION, auth::probe_session),
    detector("command_password", command::OPTIONS, command::probe_option),
    detector("password_argument", command::PAIRS, command::probe_pair),
    detector("registry_auth", auth::REGISTRY, auth::probe_registry),
    detector(
        "azure_sas_signature",
        auth::SIGNATURE,
        auth::probe_signature,
    ),
    detector("pgpass_password", command::PGPASS, command::probe_pgpass),
    detector(
        "aws_secret_access_key",
        command::AWS_PAIR,
        command::probe_aws_pair,
    ),
    detector("assignment", assignment::TRIGGERS, assignment::probe),
];

#[cfg(test)]
mod tests;

//! Texts put together from what detectors look for, cut everywhere.

use super::assert_honest;
use proptest::prelude::*;

/// Pieces that open, join, fill and close what detectors read.
const PIECES: &[&str] = &[
    "password",
    "PASSWORD",
    "passw",
    "pass",
    "pwd",
    "secret",
    "client_secret",
    "token",
    "api_key",
    "API key",
    "key",
    "name",
    "value",
    "credentials",
    "_authToken",
    "identified by",
    "пароль",
    "密码",
    "dbPass",
    "--token",
    "<password>",
    "</password>",
    "\"auth\"",
    "auth=(",
    " is ",
    " = ",
    "=",
    ": ",
    ":",
    "\"",
    "'",
    "`",
    "\\\"",
    "\\",
    "\n",
    " ",
    ", ",
    ",",
    ".",
    "!",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "|",
    "->",
    "**",
    "hunter2",
    "S3cure!pass",
    "correct",
    "aB3dE5gH7jK9mN1pQ3rS",
    "deadbeefdeadbeef0123456789abcdef",
    "string",
    "${X}",
    "<x>",
    "to",
    "for",
    "the db",
    "http",
    "://",
    "bob:",
    "@host",
    "user:",
    "eyJhbGciOiJIUzI1NiJ9",
    ".eyJzdWIiOiI0MiJ9",
    ".c2lnbmF0dXJl",
    "Basic ",
    "Bearer ",
    "YWRtaW46aHVudGVyMg==",
    "-----BEGIN ",
    "RSA PRIVATE KEY",
    "PRIVATE KEY-----",
    "-----END ",
    "\\n",
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
    "Cookie: ",
    "sessionid=",
    "Authorization",
    "Token ",
    "curl",
    " -u",
    " -p",
    "mysql",
    ":5432:",
    "*:",
    "sk-",
    "sk-ant-",
    "proj-",
    "ghp_",
    "AKIA",
    "ABCDEFGHIJKLMNOP",
    "glpat-",
    "xoxb-",
    "hooks.slack.com/",
    "services/",
    "-us1",
    ":AA",
    "Q~",
    ".atlasv1.",
    ".Gab",
    "é",
    "。",
    "「",
    "&quot;",
    "&",
    "%3D",
    "?sig=",
    "1/",
    "1234567890123456",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_answered_before_a_cut_holds_behind_it(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 1..14)) {
        assert_honest(&pieces.concat());
    }

    #[test]
    fn long_runs_are_answered_the_same_wherever_they_are_cut(
        head in proptest::sample::select(PIECES),
        joint in proptest::sample::select(PIECES),
        run in "[a-zA-Z0-9]{480,540}",
        tail in proptest::sample::select(PIECES),
    ) {
        assert_honest(&[head, joint, &run, tail].concat());
    }
}

#[test]
fn a_value_that_begins_with_a_dash_is_held_back_from_the_dash_on() {
    assert_honest("my secret -paB3dE5gH7jK9mN1pQ3rS and so on");
}

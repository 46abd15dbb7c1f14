//! A web page must not reach the gateway through its reader's browser.

use super::rig::{CHAT, Gate, KEY, post};
use crate::bytes::upstream::Upstream;
use crate::support::Client;

const CHAT_PATH: &str = "/v1/chat/completions";

#[test]
fn a_host_that_is_not_ours_is_refused_before_anything_is_read() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "hosts: [gateway.internal]");
    let ask = |host: &str, rest: &str| {
        gate.ask(
            format!("POST {CHAT_PATH} HTTP/1.1\r\n{host}\r\n{rest}content-length: 1000000\r\n\r\n")
                .as_bytes(),
        )
    };
    for host in [
        "host: evil.example",
        "host: evil.example:4100",
        "host: localhost.evil.example",
        "host: 127.0.0.1.nip.example",
        "host: 10.0.0.1",
        "host: 169.254.169.254",
        "host: localhost:x",
        "host: [::1",
        "host: ",
        "host: localhost@evil.example",
        "host: evil.example#localhost",
        "x-no-host: 1",
    ] {
        // No key, a body that never comes: neither is looked at.
        let reply = ask(host, "");
        assert_eq!(reply.refused(421), "host_not_allowed", "{host}");
    }
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1",
        "127.0.0.1:80",
        "[::1]:4100",
        "gateway.internal",
        "Gateway.Internal:80",
    ] {
        let host = format!("host: {host}");
        assert_eq!(ask(&host, "").refused(401), "invalid_api_key", "{host}");
    }
    // A target that names its own host is held to the same list.
    let length = CHAT.len();
    let absolute = format!(
        "POST http://evil.example{CHAT_PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let reply = gate.ask(&[absolute.as_bytes(), CHAT].concat());
    assert_eq!(reply.refused(421), "host_not_allowed");
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_web_page_is_refused_unless_its_origin_is_named() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "origins: [https://console.example]");
    for lines in [
        &["origin: https://evil.example"][..],
        &["origin: null"],
        &["origin: http://localhost:3000"],
        &["origin: http://console.example"],
        &["origin: https://console.example.evil.example"],
        &["origin: https://console.example:8443"],
        &[
            "origin: https://console.example",
            "origin: https://evil.example",
        ],
        &["sec-fetch-site: cross-site"],
    ] {
        let reply = gate.ask(&post(CHAT_PATH, lines, CHAT));
        assert_eq!(reply.refused(403), "origin_not_allowed", "{lines:?}");
        assert!(
            !reply
                .headers
                .iter()
                .any(|(name, _)| name.starts_with("access-control"))
        );
    }
    assert!(upstream.arrived().is_empty());
    for lines in [
        &["origin: https://console.example"][..],
        &[
            "origin: https://console.example",
            "sec-fetch-site: cross-site",
        ],
        &["sec-fetch-site: none"],
        &["sec-fetch-site: same-origin"],
    ] {
        assert_eq!(
            gate.ask(&post(CHAT_PATH, lines, CHAT)).status,
            200,
            "{lines:?}"
        );
    }
}

#[test]
fn the_admin_port_answers_no_page_and_changes_nothing() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    for path in ["/metrics", "/status", "/healthz", "/readyz"] {
        assert_eq!(gate.admin(path).status, 200, "{path}");
        let ask = |header: &str, value: &str| {
            let mut wire = super::rig::Wire::to(gate.admin);
            let host = if header == "host" {
                value.to_owned()
            } else {
                format!("127.0.0.1\r\n{header}: {value}")
            };
            wire.send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes());
            wire.reply().expect("an answer").status
        };
        assert_eq!(ask("host", "evil.example"), 421, "{path}");
        assert_eq!(ask("origin", "https://evil.example"), 403, "{path}");
        assert_eq!(
            Client::to(gate.admin)
                .post(path, &serde_json::json!({}))
                .status,
            405,
            "{path}"
        );
    }
}

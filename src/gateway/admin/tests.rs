use super::*;
use crate::clock::Wall;
use crate::governance::budget::{Period, Standing};
use crate::telemetry::metrics::ModelNames;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;

#[derive(Default)]
struct Fixed(Mutex<Readiness>);

impl StatusSource for Fixed {
    fn readiness(&self) -> Readiness {
        self.0.lock().unwrap().clone()
    }

    fn status(&self) -> Status {
        Status {
            version: "0.1.0",
            uptime_s: 12,
            config: Revision {
                revision: "c2".into(),
                error: Some("tollgate.yaml:3:5: unknown key `limt`: did you mean `limit`?".into()),
            },
            policies: Revision::default(),
            prices: Revision {
                revision: "2026-11".into(),
                error: None,
            },
            budgets: vec![BudgetStatus::of(&reading(), true, 90_000)],
            providers: vec![ProviderStatus {
                name: "openai".into(),
                circuit: "closed",
            }],
            journal: JournalStatus {
                state: "ok",
                records: 7,
                ..JournalStatus::default()
            },
            panel: None,
        }
    }
}

fn reading() -> BudgetReading {
    let standing = Standing {
        per: None,
        window: crate::governance::budget::Window::Day,
        enforce: true,
        at_limit: crate::governance::budget::AtLimit::Clamp,
        soft: None,
        budget: "atlas-day".into(),
        value: None,
        period: Period {
            start: 86_400,
            end: 172_800,
        },
        limit: Money::from_nanos(10_000_000_000),
        spent: Money::from_nanos(1_000_000_001),
        reserved: Money::from_nanos(2_000_000_000),
        uncertain: Money::ZERO,
    };
    BudgetReading {
        standing,
        per: None,
    }
}

fn start() -> (Handle, Arc<Fixed>) {
    let telemetry = Telemetry::new(Wall::from_secs(5), ModelNames::default(), None).unwrap();
    let source = Arc::new(Fixed::default());
    let admin = Admin {
        telemetry: Arc::new(telemetry),
        source: Arc::clone(&source) as Arc<dyn StatusSource>,
        hosts: vec!["gateway.internal".into()],
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (serve(listener, admin).unwrap(), source)
}

/// Sends the head as written and gives status and body.
fn ask(handle: &Handle, head: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(handle.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    write!(stream, "{head}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    (status, body.to_owned())
}

fn get_path(handle: &Handle, path: &str) -> (u16, String) {
    ask(
        handle,
        &format!("GET {path} HTTP/1.1\r\nhost: {}", handle.address),
    )
}

#[test]
fn a_live_process_says_ok() {
    let (handle, _) = start();
    assert_eq!(get_path(&handle, "/healthz"), (200, "ok".into()));
    assert_eq!(
        ask(&handle, "HEAD /healthz HTTP/1.1\r\nhost: localhost"),
        (200, String::new())
    );
    handle.stop();
}

#[test]
fn readiness_follows_its_source() {
    let (handle, source) = start();
    *source.0.lock().unwrap() = Readiness {
        ready: false,
        degraded: vec!["starting".into()],
    };
    let (code, body) = get_path(&handle, "/readyz");
    assert_eq!(
        (code, body.as_str()),
        (503, r#"{"ready":false,"degraded":["starting"]}"#)
    );
    *source.0.lock().unwrap() = Readiness {
        ready: true,
        degraded: vec![],
    };
    let (code, body) = get_path(&handle, "/readyz");
    assert_eq!(
        (code, body.as_str()),
        (200, r#"{"ready":true,"degraded":[]}"#)
    );
}

#[test]
fn the_status_has_the_contracts_shape() {
    let (handle, _) = start();
    let (code, body) = get_path(&handle, "/status");
    let expected = serde_json::json!({
        "version": "0.1.0", "uptime_s": 12,
        "config": { "revision": "c2", "error": "tollgate.yaml:3:5: unknown key `limt`: did you mean `limit`?" },
        "policies": { "revision": "" }, "prices": { "revision": "2026-11" },
        "budgets": [{
            "name": "atlas-day", "limit": "10.00", "spent": "1.000000001", "reserved": "2.00", "uncertain": "0.00",
            "remaining": "6.999999999", "period_start": "1970-01-02T00:00:00Z", "resets_in_s": 82_800, "mode": "enforce"
        }],
        "providers": [{ "name": "openai", "circuit": "closed" }],
        "journal": { "state": "ok", "records": 7, "recovered": { "clean": false, "records": 0, "torn_bytes": 0, "in_flight": 0, "uncertain": {}, "damaged": [] } }
    });
    assert_eq!(code, 200);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&body).unwrap(),
        expected
    );
}

#[test]
fn metrics_come_in_the_text_format() {
    let (handle, _) = start();
    let mut stream = TcpStream::connect(handle.address).unwrap();
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nhost: [::1]:4101\r\nconnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    assert!(
        answer.contains("\ntollgate_requests_in_flight 0\n"),
        "{answer}"
    );
}

#[test]
fn only_names_we_know_are_answered() {
    let (handle, _) = start();
    let check = |hosts: &str, expected: u16| {
        let (code, _) = ask(&handle, &format!("GET /healthz HTTP/1.1{hosts}"));
        assert_eq!(code, expected, "{hosts:?}");
    };
    check("\r\nhost: localhost", 200);
    check("\r\nhost: LOCALHOST:4101", 200);
    check("\r\nhost: 127.0.0.2:4101", 200);
    check("\r\nhost: [::1]", 200);
    check("\r\nhost: gateway.internal:4101", 200);
    check("\r\nhost: evil.example", 421);
    check("\r\nhost: localhost.evil.example", 421);
    check("\r\nhost: 10.0.0.1:4101", 421);
    check("\r\nhost: localhost\r\nhost: evil.example", 421);
    check("\r\nx-host: localhost", 421);
}

#[test]
fn a_port_beyond_loopback_is_also_scraped_by_address() {
    let telemetry = Telemetry::new(Wall::from_secs(5), ModelNames::default(), None).unwrap();
    let port = Port {
        admin: Admin {
            telemetry: Arc::new(telemetry),
            source: Arc::new(Fixed::default()),
            hosts: Vec::new(),
        },
        beyond_loopback: true,
    };
    let check = |host: &'static str, expected: bool| {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, header::HeaderValue::from_static(host));
        assert_eq!(
            port.answers_to(&Uri::from_static("/status"), &headers),
            expected,
            "{host}"
        );
    };
    check("10.1.2.3:4101", true);
    check("[fd00::1]:4101", true);
    check("evil.example", false);
}

#[test]
fn web_pages_and_writers_are_turned_away() {
    let (handle, _) = start();
    let check = |head: &str, expected: u16| assert_eq!(ask(&handle, head).0, expected, "{head:?}");
    check(
        "GET /status HTTP/1.1\r\nhost: localhost\r\norigin: https://evil.example",
        403,
    );
    check(
        "GET /status HTTP/1.1\r\nhost: localhost\r\norigin: null",
        403,
    );
    check(
        "POST /status HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0",
        405,
    );
    check("OPTIONS /status HTTP/1.1\r\nhost: localhost", 405);
    check("GET /keys HTTP/1.1\r\nhost: localhost", 404);
}

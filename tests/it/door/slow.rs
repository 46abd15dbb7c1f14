//! Callers who are slow on purpose: a place at the door is not theirs for ever.

use super::rig::{CHAT, Gate, head, post};
use crate::bytes::upstream::{Scripted, Upstream};
use crate::support::until;
use std::time::Duration;

const CHAT_PATH: &str = "/v1/chat/completions";

#[test]
fn a_head_that_drips_is_hung_up_on() {
    let upstream = Upstream::new();
    let gate = Gate::before(
        upstream.address,
        "timeouts: { header: 1s, client_idle: 60s }",
    );
    let mut wire = gate.wire();
    wire.patience(Duration::from_millis(100));
    let request = head("POST", CHAT_PATH, &["x-drip: 0123456789"]);
    let mut drip = request.iter().take(request.len() - 4).cycle();
    let mut silent = gate.wire();
    silent.send(b"POST /v1/ch");
    // Bytes keep coming, a whole head never does.
    until("the dripping connection is closed", || {
        let byte = *drip.next()?;
        wire.try_send(&[byte]).is_err().then_some(())
    });
    assert!(silent.reply().is_none_or(|reply| reply.status == 408));
    assert!(silent.is_closed());
    gate.is_well();
}

#[test]
fn an_idle_connection_is_closed_and_a_busy_one_is_not() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "timeouts: { client_idle: 1s }");
    let mut never_used = gate.wire();
    let mut used = gate.wire();
    used.send(&post(CHAT_PATH, &[], CHAT));
    assert_eq!(used.reply().expect("an answer").status, 200);
    assert!(never_used.is_closed() && used.is_closed());
}

#[test]
fn a_body_that_drips_is_refused() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    let mut wire = gate.wire();
    wire.send(&head(
        "POST",
        CHAT_PATH,
        &["content-type: application/json", "content-length: 100000"],
    ));
    wire.send(b"{\"model\":");
    let reply = wire.reply().expect("an answer");
    assert_eq!(reply.refused(408), "request_timeout");
    assert!(wire.is_closed());
    assert!(upstream.arrived().is_empty());
}

#[test]
fn a_caller_who_reads_nothing_is_let_go_and_its_provider_not_drained() {
    let chunk = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "x".repeat(8000)
    );
    let stream = chunk.repeat(8000); // 64 MB
    let upstream = Upstream::answering(Scripted::events(stream.as_bytes().chunks(8192)));
    let gate = Gate::before(upstream.address, "timeouts: { client_idle: 2s }");
    let before = gate.resident();
    let mut wire = gate.wire();
    wire.send(&post(
        CHAT_PATH,
        &[],
        br#"{"model":"m","messages":[],"stream":true}"#,
    ));
    let flying = || {
        let text = gate.admin("/metrics").text();
        text.lines().find_map(|line| {
            line.strip_prefix("tollgate_requests_in_flight ")?
                .parse::<f64>()
                .ok()
        })
    };
    until("the call is on its way", || {
        (flying() == Some(1.0)).then_some(())
    });
    let grown = gate.resident().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes are held for one caller");
    until("it is let go", || (flying() == Some(0.0)).then_some(()));
    gate.is_well();
}

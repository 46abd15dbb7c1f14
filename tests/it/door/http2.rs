//! HTTP/2 without TLS: the same door, and the floods that only HTTP/2 knows.

use super::rig::{CHAT, Gate, KEY, get, post};
use crate::bytes::upstream::{Scripted, Upstream};
use crate::support::{DEADLINE, until};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CHAT_PATH: &str = "/v1/chat/completions";
const STREAM: &[u8] =
    br#"{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}}"#;

type Sender = SendRequest<Full<Bytes>>;

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        tokio::time::timeout(2 * DEADLINE, work)
            .await
            .expect("it does not hang")
    })
}

async fn connect(gate: &Gate) -> Sender {
    let stream = tokio::net::TcpStream::connect(gate.address())
        .await
        .expect("a connection");
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(async move {
        let _ = connection.await;
    });
    sender
}

fn request(path: &str, authority: &str, body: &'static [u8]) -> http::Request<Full<Bytes>> {
    http::Request::post(format!("http://{authority}{path}"))
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(body)))
        .expect("a request")
}

async fn answer(sender: &mut Sender, request: http::Request<Full<Bytes>>) -> (u16, Bytes) {
    let response = sender.send_request(request).await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("a body");
    (status, body.to_bytes())
}

#[test]
fn calls_and_streams_share_a_connection() {
    let golden: &'static [u8] = include_bytes!("../../golden/openai/chat.sse");
    let upstream = Upstream::answering(Scripted::events(golden.chunks(17)));
    let gate = Gate::before(upstream.address, "max_body: 64KiB");
    on_a_runtime(async {
        let sender = connect(&gate).await;
        let calls = (0..50).map(|_| {
            let mut sender = sender.clone();
            tokio::spawn(async move {
                answer(&mut sender, request(CHAT_PATH, "localhost", STREAM)).await
            })
        });
        for call in calls.collect::<Vec<_>>() {
            let (status, body) = call.await.expect("no panic");
            assert_eq!((status, &*body), (200, golden));
        }
        let mut sender = sender.clone();
        for (path, authority, body, status) in [
            (CHAT_PATH, "evil.example", CHAT, 421),
            (CHAT_PATH, "localhost", b"{".as_slice(), 400),
            ("/v1/nothing", "localhost", CHAT, 404),
            ("/v1/models", "localhost", CHAT, 405),
            (CHAT_PATH, "localhost", Vec::leak(vec![b' '; 70_000]), 413),
            (CHAT_PATH, "localhost", CHAT, 200),
        ] {
            assert_eq!(
                answer(&mut sender, request(path, authority, body)).await.0,
                status,
                "{path} {authority}"
            );
        }
        // A good `host` beside a foreign authority is no way in, nor the other way round.
        for (authority, host) in [("evil.example", "localhost"), ("localhost", "evil.example")] {
            let mut request = request(CHAT_PATH, authority, CHAT);
            request
                .headers_mut()
                .insert("host", host.parse().expect("a value"));
            assert_eq!(
                answer(&mut sender, request).await.0,
                421,
                "{authority} {host}"
            );
        }
    });
    assert_eq!(upstream.arrived().len(), 51);
}

/// A connection that speaks frames, well or badly.
struct Frames(TcpStream);

impl Frames {
    /// Connected, greeted, and with this initial window for answers.
    fn to(gate: &Gate, window: u32) -> Self {
        let stream = TcpStream::connect(gate.address()).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("an option");
        stream.set_write_timeout(Some(DEADLINE)).expect("an option");
        let mut frames = Self(stream);
        let mut settings = vec![0, 4];
        settings.extend_from_slice(&window.to_be_bytes());
        let _ = frames.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        let _ = frames.0.write_all(&frame(4, 0, 0, &settings));
        frames
    }

    fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Reads on a thread of its own, so that the other side can always write; sets the flag at the end.
    fn drain(&self, closed: &'static AtomicBool) {
        let mut stream = self.0.try_clone().expect("a second handle");
        std::thread::spawn(move || {
            let mut sink = [0; 16 * 1024];
            while stream.read(&mut sink).is_ok_and(|read| read > 0) {}
            closed.store(true, Ordering::SeqCst);
        });
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The head of a chat call, spelled without compression.
fn fields() -> Vec<u8> {
    let mut fields = vec![0x83, 0x86]; // POST, http
    let mut put = |name: &[u8], value: &str| {
        fields.extend_from_slice(name);
        fields.push(u8::try_from(value.len()).expect("short"));
        fields.extend_from_slice(value.as_bytes());
    };
    put(&[0x04], CHAT_PATH);
    put(&[0x01], "localhost");
    put(&[0x0f, 0x08], &format!("Bearer {KEY}"));
    put(&[0x0f, 0x10], "application/json");
    fields
}

/// A call as frames.
fn call(stream: u32, body: &[u8]) -> Vec<u8> {
    [frame(1, 4, stream, &fields()), frame(0, 1, stream, body)].concat()
}

/// Floods the gateway with `piece(number)` until it hangs up, while another caller goes on.
#[track_caller]
fn is_cut_off(gate: &Gate, most: u32, mut piece: impl FnMut(u32) -> Vec<u8>) {
    let closed: &'static AtomicBool = Box::leak(Box::default());
    let mut frames = Frames::to(gate, 65_535);
    frames.drain(closed);
    let mut number = 0;
    let before = gate.resident();
    while number < most && !closed.load(Ordering::SeqCst) {
        let mut batch = Vec::new();
        for _ in 0..64 {
            batch.extend_from_slice(&piece(number));
            number += 1;
        }
        if !frames.try_send(&batch) {
            break;
        }
        if number % 4096 == 0 {
            gate.is_well();
        }
    }
    until("the flood is cut off", || {
        closed.load(Ordering::SeqCst).then_some(())
    });
    assert!(number < most, "only its end ended it");
    assert!(gate.resident() < before + (48 << 20), "memory is bounded");
    gate.is_well();
}

#[test]
fn a_flood_of_resets_is_cut_off() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    is_cut_off(&gate, 1 << 17, |number| {
        let stream = 2 * number + 1;
        [
            frame(1, 5, stream, &fields()),
            frame(3, 0, stream, &[0, 0, 0, 8]),
        ]
        .concat()
    });
}

#[test]
fn a_flood_of_continuations_is_cut_off() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    is_cut_off(&gate, 1 << 16, |number| match number {
        0 => frame(1, 0, 1, &fields()),
        _ => frame(9, 0, 1, b"\x00\x03x-a\x01b"),
    });
    is_cut_off(&gate, 1 << 16, |number| match number {
        0 => frame(1, 0, 1, &fields()),
        _ => frame(9, 0, 1, b""),
    });
}

#[test]
fn a_flood_of_pings_is_cut_off() {
    let upstream = Upstream::new();
    let gate = Gate::before(
        upstream.address,
        "timeouts: { header: 1s, client_idle: 1s }",
    );
    is_cut_off(&gate, 1 << 24, |number| {
        frame(6, 0, 0, &u64::from(number).to_be_bytes())
    });
    // After a call that was answered as well.
    is_cut_off(&gate, 1 << 24, |number| match number {
        0 => call(1, CHAT),
        _ => frame(6, 0, 0, &u64::from(number).to_be_bytes()),
    });
}

#[test]
fn a_flood_of_settings_is_cut_off() {
    let upstream = Upstream::new();
    let gate = Gate::before(
        upstream.address,
        "timeouts: { header: 1s, client_idle: 1s }",
    );
    is_cut_off(&gate, 1 << 24, |_| frame(4, 0, 0, &[]));
}

#[test]
fn frames_that_break_the_rules_end_their_connection() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "timeouts: { client_idle: 2s }");
    for bad in [
        frame(0, 0, 0, b"data for no stream"),
        frame(0, 0, 2, b"a stream of ours"),
        frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
        frame(1, 4, 1, &[0xff; 64]),
        frame(5, 4, 1, &[0; 8]),
        vec![0xff; 100_000],
        [frame(1, 4, 1, &fields()), frame(1, 4, 1, &fields())].concat(),
    ] {
        let closed: &'static AtomicBool = Box::leak(Box::default());
        let mut frames = Frames::to(&gate, 65_535);
        frames.drain(closed);
        frames.try_send(&bad);
        until("it is closed", || {
            closed.load(Ordering::SeqCst).then_some(())
        });
    }
    gate.is_well();
}

#[test]
fn a_caller_who_opens_no_window_is_let_go() {
    let golden: &[u8] = include_bytes!("../../golden/openai/chat.sse");
    let upstream = Upstream::answering(Scripted::events(golden.chunks(17)));
    let gate = Gate::before(upstream.address, "timeouts: { client_idle: 1s }");
    let flying = || {
        let text = gate.admin("/metrics").text();
        text.lines().find_map(|line| {
            line.strip_prefix("tollgate_requests_in_flight ")?
                .parse::<f64>()
                .ok()
        })
    };
    let closed: &'static AtomicBool = Box::leak(Box::default());
    let mut frames = Frames::to(&gate, 10);
    frames.drain(closed);
    assert!(frames.try_send(&call(1, STREAM)));
    until("the call is on its way", || {
        (!upstream.arrived().is_empty()).then_some(())
    });
    // Other answers keep the connection busy all the while.
    let mut stream = 1;
    until("it is let go", || {
        stream += 2;
        frames.try_send(&call(stream, b"{"));
        std::thread::sleep(Duration::from_millis(50));
        closed.load(Ordering::SeqCst).then_some(())
    });
    until("nothing is in flight", || {
        (flying() == Some(0.0)).then_some(())
    });
    gate.is_well();
}

#[test]
fn http1_and_http2_share_a_port() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    on_a_runtime(async {
        let mut sender = connect(&gate).await;
        for _ in 0..5 {
            assert_eq!(
                answer(&mut sender, request(CHAT_PATH, "127.0.0.1:4100", CHAT))
                    .await
                    .0,
                200
            );
            assert_eq!(gate.ask(&post(CHAT_PATH, &[], CHAT)).status, 200);
            assert_eq!(gate.ask(&get("/models")).status, 200);
        }
    });
    // Half a preface is neither.
    let mut wire = gate.wire();
    wire.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n");
    assert!(
        wire.reply()
            .is_none_or(|reply| (400..506).contains(&reply.status))
    );
    gate.is_well();
}

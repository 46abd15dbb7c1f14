//! Where the gateway listens, and how many it listens to.

use super::rig::{CHAT, Gate, Wire, config, get, post, write_config};
use crate::bytes::upstream::Upstream;
use crate::support::{DEADLINE, until};
use std::io::Read as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::Arc;

const CHAT_PATH: &str = "/v1/chat/completions";

#[test]
fn a_unix_socket_is_its_owners_alone_and_serves_as_tcp_does() {
    let upstream = Upstream::new();
    let gate = Gate::before(
        upstream.address,
        "listen: [\"127.0.0.1:0\", \"unix:gate.sock\"]",
    );
    let path = gate.path().join("gate.sock");
    let mode = std::fs::metadata(&path)
        .expect("a socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let stream = UnixStream::connect(&path).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut wire = Wire::over(stream);
    for _ in 0..3 {
        wire.send(&post(CHAT_PATH, &[], CHAT));
        assert_eq!(wire.reply().expect("an answer").status, 200);
    }
    wire.send(b"GET /v1/models HTTP/1.1\r\nhost: evil.example\r\n\r\n");
    assert_eq!(
        wire.reply().expect("an answer").refused(421),
        "host_not_allowed"
    );
    gate.is_well();
}

#[test]
fn more_connections_than_there_are_places_are_told_so() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "max_connections: 3");
    let mut inside: Vec<_> = until("nobody else is inside", || {
        let mut wires: Vec<_> = (0..3).map(|_| gate.wire()).collect();
        let all = wires.iter_mut().all(|wire| {
            wire.send(&get("/v1/models"));
            wire.reply().is_some_and(|reply| reply.status == 200)
        });
        all.then_some(wires)
    });
    for _ in 0..10 {
        let reply = gate.ask(&get("/v1/models"));
        assert_eq!(reply.refused(503), "too_many_connections");
        assert_eq!(reply.header("retry-after"), Some("1"));
    }
    for wire in &mut inside {
        wire.send(&post(CHAT_PATH, &[], CHAT));
        assert_eq!(wire.reply().expect("those inside go on").status, 200);
    }
    inside.pop();
    until("a place is free again", || {
        (gate.ask(&get("/v1/models")).status == 200).then_some(())
    });
}

/// What `serve` says of a configuration it does not start with.
fn refusal(settings: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let nowhere = "127.0.0.1:9".parse().expect("an address");
    write_config(dir.path(), &config(nowhere, settings));
    let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["check", "tollgate.yaml"])
        .current_dir(dir.path())
        .output()
        .expect("it runs");
    assert!(!output.status.success(), "{settings} was taken");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn plain_http_beyond_this_machine_must_be_meant() {
    for listen in [
        "0.0.0.0:0",
        "\"[::]:0\"",
        "192.0.2.1:0",
        "[127.0.0.1:0, 0.0.0.0:0]",
    ] {
        let said = refusal(&format!("listen: {listen}"));
        assert!(
            said.contains("public_listen") || said.contains("beyond this machine"),
            "{said}"
        );
    }
    let said = refusal("admin_listen: 0.0.0.0:0");
    assert!(said.contains("beyond this machine"), "{said}");
}

/// A certificate for `localhost` and who signed it, in the gateway's directory.
fn certify(dir: &std::path::Path) -> rustls::pki_types::CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    for (name, text) in [
        ("gate.pem", made.cert.pem()),
        ("gate.key", made.signing_key.serialize_pem()),
    ] {
        let aside = dir.join(format!("{name}.new"));
        std::fs::write(&aside, text).expect("a file");
        std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        std::fs::rename(&aside, dir.join(name)).expect("its name");
    }
    made.cert.der().clone()
}

/// A call over TLS by somebody who trusts this certificate alone; `None` if there is no agreement.
fn over_tls(
    gate: &Gate,
    trusted: &rustls::pki_types::CertificateDer<'static>,
) -> Option<Wire<rustls::StreamOwned<rustls::ClientConnection, TcpStream>>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().expect("a name");
    let connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(gate.address()).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("an option");
    let mut wire = Wire::over(rustls::StreamOwned::new(connection, stream));
    let request = post(CHAT_PATH, &[], CHAT);
    wire.try_send(&request).ok()?;
    assert_eq!(wire.reply().expect("an answer").status, 200);
    Some(wire)
}

#[test]
fn tls_is_spoken_and_a_new_certificate_is_taken_up_without_dropping_anybody() {
    let upstream = Upstream::new();
    let dir = tempfile::tempdir().expect("a directory");
    let first = certify(dir.path());
    let settings = "listen: 0.0.0.0:0\ntls: { cert: gate.pem, key: gate.key }";
    write_config(dir.path(), &config(upstream.address, settings));
    let gate = Gate::start(dir, &[]);
    let mut before = over_tls(&gate, &first).expect("the first certificate");
    // Plain HTTP is no way in.
    let mut plain = gate.wire();
    plain.send(&get("/v1/models"));
    let mut bytes = Vec::new();
    let _ = plain.stream.read_to_end(&mut bytes);
    assert!(!bytes.starts_with(b"HTTP"), "answered in the clear");
    // A broken one changes nothing.
    std::fs::write(gate.path().join("gate.pem"), "not a certificate").expect("a file");
    until("the gateway says so", || {
        let status = gate.admin("/status").text();
        status.contains("gate.pem").then_some(())
    });
    drop(over_tls(&gate, &first).expect("still the first"));
    let second = certify(gate.path());
    until("the new certificate is there", || {
        over_tls(&gate, &second).map(drop)
    });
    assert!(over_tls(&gate, &first).is_none(), "the old one is gone");
    before.send(&post(CHAT_PATH, &[], CHAT));
    assert_eq!(before.reply().expect("who was inside stays").status, 200);
}

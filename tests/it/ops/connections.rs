//! Many connections, and descriptors that run out.

use super::PRICES;
use crate::support::{Client, Home, KEY, Money, Simulator, chat, until};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const BUDGET: &str =
    "budgets: [{ name: day, match: {}, limit: \"$100\", window: total }]\ndrain: 1s";

/// A gateway that was started with so many descriptors at most.
pub(super) struct Limited {
    child: Child,
    listen: SocketAddr,
    pub(super) admin: SocketAddr,
}

impl Limited {
    pub(super) fn start(home: &Home, soft: u64, hard: u64) -> Self {
        let log = std::fs::File::create(home.path().join("limited.log")).expect("a log");
        let child = Command::new("sh")
            .arg("-c")
            .arg("ulimit -Sn \"$1\" && ulimit -Hn \"$2\" && exec \"$0\" serve -c tollgate.yaml --log json")
            .arg(env!("CARGO_BIN_EXE_tollgate"))
            .args([soft.to_string(), hard.to_string()])
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("it starts");
        let (listen, admin) = until("where the gateway is", || {
            let log = std::fs::read_to_string(home.path().join("limited.log")).ok()?;
            let line = log.lines().find(|line| line.contains("answering calls"))?;
            let line: Value = serde_json::from_str(line).ok()?;
            let address = |name: &str| line[name].as_str()?.parse().ok();
            Some((address("listen")?, address("admin")?))
        });
        Self {
            child,
            listen,
            admin,
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id")).expect("one")
    }

    pub(super) fn call(&self, text: &str) -> std::io::Result<u16> {
        let mut caller = Client::to(self.listen).with("authorization", &format!("Bearer {KEY}"));
        let answer = caller.try_post("/v1/chat/completions", &chat("cent", text, &[]))?;
        Ok(answer.status)
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the gateway says to a connection without being asked.
fn greeting(connection: &mut TcpStream) -> Option<String> {
    let patience = Some(Duration::from_millis(200));
    connection.set_read_timeout(patience).expect("a timeout");
    let mut said = String::new();
    match connection.read_to_string(&mut said) {
        Ok(0) => None,
        Ok(_) => Some(said),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => Some(format!("{error}: {said}")),
    }
}

#[test]
fn the_soft_limit_of_open_files_is_raised_to_the_hard_one() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = Limited::start(&home, 100, 500);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", gateway.child.id()));
    let limits = limits.expect("limits");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    assert_eq!(soft, Some("500"), "{limits}");
}

#[test]
fn connections_beyond_what_the_descriptors_carry_are_turned_away() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    // 96 are the gateway's own, and each connection is worth two.
    let gateway = Limited::start(&home, 136, 136);
    let mut open: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(gateway.listen).expect("a place"))
        .collect();
    until("all of them are in", || {
        let text = Client::to(gateway.admin).get("/metrics").text();
        text.contains("tollgate_connections 20\n").then_some(())
    });
    let mut late = TcpStream::connect(gateway.listen).expect("heard");
    let said = greeting(&mut late).expect("a refusal");
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(said.contains("retry-after: 1\r\n"), "{said}");
    assert!(said.contains("overloaded"), "{said}");
    // The others are served as before, and whoever leaves makes room.
    assert_eq!(greeting(&mut open[0]), None);
    drop(open.pop());
    until("there is room", || {
        (gateway.call("hello").ok() == Some(200)).then_some(())
    });
}

#[test]
fn descriptors_that_run_out_do_not_end_the_gateway() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = Limited::start(&home, 400, 400);
    assert_eq!(gateway.call("before").expect("an answer"), 200);
    let few = Rlimit {
        current: Some(8),
        maximum: Some(400),
    };
    let many = prlimit(Some(gateway.pid()), Resource::Nofile, few).expect("lowered");
    let waiting = TcpStream::connect(gateway.listen).expect("the kernel takes it");
    let log = || std::fs::read_to_string(home.path().join("limited.log")).expect("a log");
    until("it says so", || {
        log().contains("could not be accepted").then_some(())
    });
    prlimit(Some(gateway.pid()), Resource::Nofile, many).expect("raised");
    assert_eq!(gateway.call("after").expect("an answer"), 200);
    drop(waiting);
    let said = log().matches("could not be accepted").count();
    assert!(said <= 2, "said {said} times in the blink of an eye");
}

#[test]
fn the_admin_port_takes_few_descriptors_and_goes_on() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let before = gateway.descriptors();
    // More than it has places, fewer than the kernel keeps waiting.
    let idle: Vec<_> = (0..100)
        .map(|_| TcpStream::connect(gateway.admin).expect("heard"))
        .collect();
    let answer = gateway.caller().chat(&chat("cent", "hello", &[]));
    assert_eq!(answer.status, 200);
    let more = gateway.descriptors() - before;
    assert!(
        more < 50,
        "{more} descriptors for a port nobody needs a key for"
    );
    drop(idle);
    assert_eq!(gateway.admin("/healthz").status, 200);
}

#[test]
fn a_thousand_open_streams_are_held_in_little_memory_and_cut_in_time() {
    const STREAMS: usize = 1000;
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    let resident = || gateway.reading("process_resident_memory_bytes", &[]);
    let body = chat("cent", "hold @sim(hang=stream)", &[("stream", json!(true))]);
    drop(gateway.caller().chat(&chat("cent", "warm", &[])));
    let before = resident();
    let open: Vec<_> = (0..STREAMS)
        .map(|_| {
            let mut stream = gateway.caller().stream("/v1/chat/completions", &body);
            assert!(stream.piece().expect("a piece").is_some());
            stream
        })
        .collect();
    assert_eq!(
        gateway.reading("tollgate_requests_in_flight", &[]),
        STREAMS as f64
    );
    let each = (resident() - before) / STREAMS as f64 / 1024.0;
    println!("{each:.1} KiB of resident memory for each of {STREAMS} open streams (debug build)");
    let day = gateway.ledger("day");
    assert_eq!(day.reserved, Money::of("10"));
    gateway.stop();
    for mut stream in open {
        let rest = stream.rest().unwrap_or_default();
        let rest = String::from_utf8(rest).expect("text");
        assert!(
            !rest.contains("[DONE]"),
            "a stream that was cut is no whole one"
        );
    }
    let gateway = home.start();
    let day = gateway.ledger("day");
    assert_eq!(
        (day.reserved, day.spent),
        (Money::default(), Money::of("10.01"))
    );
    let recovered = gateway.status()["journal"]["recovered"].take();
    assert_eq!(recovered["clean"], true, "{recovered}");
    gateway.stop();
}

#[test]
fn ten_thousand_idle_connections_are_held_or_turned_away() {
    let simulator = Simulator::start(PRICES);
    let home = Home::new(&simulator, BUDGET);
    let gateway = home.start();
    // Both ends are on this machine, under the same limit; the default of max_connections is 10,000.
    let ours = rustix::process::getrlimit(Resource::Nofile)
        .current
        .unwrap_or(u64::MAX);
    let most = usize::try_from(ours.saturating_sub(200))
        .unwrap_or(usize::MAX)
        .min(10_100);
    let resident = || gateway.reading("process_resident_memory_bytes", &[]);
    let before = resident();
    let open: Vec<_> = (0..most)
        .map(|_| TcpStream::connect(gateway.listen).expect("heard"))
        .collect();
    let held = until("all have been looked at", || {
        let held = gateway.reading("tollgate_connections", &[]);
        let turned_away = open.last().is_some_and(|last| {
            last.set_nonblocking(true).expect("set");
            matches!(last.peek(&mut [0]), Ok(1))
        });
        (held >= most as f64 || turned_away).then_some(held)
    });
    println!(
        "{held} of {most} held, {:.1} KiB of resident memory for each (debug build)",
        (resident() - before) / held / 1024.0
    );
    assert!(held <= 10_000.0);
    drop(open);
    until("there is room again", || {
        let answer = gateway
            .caller()
            .try_post("/v1/chat/completions", &chat("cent", "hello", &[]));
        answer
            .is_ok_and(|answer| answer.status == 200)
            .then_some(())
    });
    gateway.stop();
}

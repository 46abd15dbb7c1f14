//! What must never be told: every secret and every prompt is a canary, and no output of any kind holds one.

use crate::bytes::upstream::{Scripted, Upstream};
use crate::door::rig::{CHAT, Gate, KEY, Reply, config, post, write_config};
use crate::support::{crowd, until};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const CHAT_PATH: &str = "/v1/chat/completions";

const CREDENTIAL: &str = "canary-credential-7f3a";
const VIRTUAL: &str = "canary-virtual-key-91c2";
const DISABLED: &str = "canary-disabled-key-4d1b";
const WRONG: &str = "canary-wrong-key-55e0";
const HEADER: &str = "canary-header-8a6d";
const COOKIE: &str = "canary-cookie-0b9f";
const QUERY: &str = "canary-query-3c44";
const PROMPT: &str = "canary-prompt-e2d1";
const ANSWER: &str = "canary-answer-6f70";
const KEPT_APART: &str = "canary-kept-apart-a81e";
const UPSTREAM_ERROR: &str = "canary-upstream-error-b3b3";
const EDIT: &str = "canary-edit-19aa";

/// Each is put in one place only, and looked for everywhere.
const CANARIES: [&str; 12] = [
    CREDENTIAL,
    VIRTUAL,
    DISABLED,
    WRONG,
    HEADER,
    COOKIE,
    QUERY,
    PROMPT,
    ANSWER,
    KEPT_APART,
    UPSTREAM_ERROR,
    EDIT,
];

/// Every file below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[track_caller]
fn is_clean(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for canary in CANARIES {
        if let Some(at) = text.find(canary) {
            let from = at.saturating_sub(200);
            panic!(
                "`{canary}` is in {what}: …{}",
                String::from_utf8_lossy(&bytes[from..(at + 60).min(bytes.len())])
            );
        }
    }
}

/// The configuration of the canaries.
fn canaries(upstream: &Upstream) -> String {
    let address = upstream.address;
    let settings = format!(
        "providers: {{ up: {{ kind: openai-compatible, base_url: \"http://{address}/v1\", credential: {CREDENTIAL} }} }}\n\
         keys:\n\
         \x20 - {{ name: dev, secret: {VIRTUAL}, models: [\"m*\"] }}\n\
         \x20 - {{ name: off, secret: {DISABLED}, disabled: true }}\n\
         \x20 - {{ name: env, secret: \"file:kept-apart\" }}\n\
         budgets: [{{ name: small, match: {{ model: mb }}, limit: \"$0.01\", window: 1d }}]\n\
         unknown_price: {{ ceiling: \"$0.02\" }}\n\
         retries: {{ attempts: 1 }}"
    );
    config(upstream.address, &settings)
}

#[test]
fn no_output_holds_a_secret_or_a_prompt() {
    let answer = format!(
        r#"{{"id":"x","choices":[{{"index":0,"message":{{"role":"assistant","content":"{ANSWER}"}}}}],"usage":{{"prompt_tokens":1,"completion_tokens":1}}}}"#
    );
    let upstream = Upstream::answering(Scripted::json(answer.as_bytes()));
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("kept-apart"), KEPT_APART).expect("a file");
    let good = canaries(&upstream);
    write_config(dir.path(), &good);
    let gate = Gate::start(dir, &["--log-level", "trace"]);
    good_calls(&gate, &upstream);
    bad_calls(&gate);
    failing_provider(&gate, &upstream);
    faulty_edits(&gate, &good);
    nothing_is_told(&gate);
}

/// A call that brings every canary a call can bring.
fn ask(gate: &Gate, key: &str, path: &str, body: &str) -> Reply {
    let (header, cookie) = (format!("x-secret: {HEADER}"), format!("cookie: s={COOKIE}"));
    let path = format!("{path}?key={QUERY}");
    let request = post(
        &path,
        &[&header, &cookie, "x-tollgate-tags: t"],
        body.as_bytes(),
    );
    let request = String::from_utf8(request).expect("text").replace(KEY, key);
    gate.ask(request.as_bytes())
}

fn chat(model: &str, more: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{PROMPT}"}}]{more}}}"#)
}

fn good_calls(gate: &Gate, upstream: &Upstream) {
    for key in [VIRTUAL, KEPT_APART] {
        let reply = ask(gate, key, CHAT_PATH, &chat("m", ""));
        assert!(
            reply.status == 200 && reply.text().contains(ANSWER),
            "{}",
            reply.text()
        );
    }
    let stream = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{ANSWER}\"}}}}]}}\n\ndata: [DONE]\n\n"
    );
    upstream.answers(Scripted::events([stream.as_bytes()]));
    assert_eq!(
        ask(gate, VIRTUAL, CHAT_PATH, &chat("m", r#","stream":true"#)).status,
        200
    );
}

/// Their answers are outputs too.
fn bad_calls(gate: &Gate) {
    for (key, path, body, status) in [
        (WRONG, CHAT_PATH, chat("m", ""), 401),
        (DISABLED, CHAT_PATH, chat("m", ""), 401),
        (CREDENTIAL, CHAT_PATH, chat("m", ""), 401),
        (VIRTUAL, "/v1/nothing", chat("m", ""), 404),
        (VIRTUAL, CHAT_PATH, chat("x", ""), 403),
        (VIRTUAL, CHAT_PATH, chat("m", ","), 400),
        (
            VIRTUAL,
            CHAT_PATH,
            chat("m", &format!(r#","{PROMPT}":1,"{PROMPT}":2"#)),
            400,
        ),
        (
            VIRTUAL,
            CHAT_PATH,
            chat("m", &format!(r#","max_tokens":"{PROMPT}""#)),
            400,
        ),
        (
            VIRTUAL,
            CHAT_PATH,
            chat("m", &format!(r#","api_base":"{PROMPT}""#)),
            400,
        ),
        (VIRTUAL, CHAT_PATH, format!("\"{PROMPT}"), 400),
        (VIRTUAL, "/v1/models", chat("m", ""), 405),
        (VIRTUAL, CHAT_PATH, chat("mb", ""), 429),
    ] {
        let reply = ask(gate, key, path, &body);
        assert!(!reply.refused(status).is_empty(), "{body}");
        is_clean(&format!("the answer to {path} ({status})"), &reply.body);
    }
    // Bytes that are no request.
    let mut wire = gate.wire();
    wire.send(format!("POST {CHAT_PATH} HTTP/1.1\r\nhost: localhost\r\nbad {HEADER}\r\nauthorization: Bearer {VIRTUAL}\r\n\r\n").as_bytes());
    let _ = wire.reply();
}

/// A provider that fails, in its own words.
fn failing_provider(gate: &Gate, upstream: &Upstream) {
    for script in [
        Scripted::whole(
            "500 Oops",
            &["content-type: text/plain"],
            UPSTREAM_ERROR.as_bytes(),
        ),
        Scripted::whole(
            "302 Found",
            &[&format!("location: http://{UPSTREAM_ERROR}/")],
            b"",
        ),
        Scripted::raw(format!(
            "HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{UPSTREAM_ERROR}"
        )),
        Scripted::raw(format!("{UPSTREAM_ERROR}\r\n\r\n")),
        Scripted::raw(format!(
            "HTTP/1.1 200 OK\r\nbad header {UPSTREAM_ERROR}\r\n\r\n"
        )),
    ] {
        upstream.answers(script);
        let reply = ask(gate, VIRTUAL, CHAT_PATH, &chat("m", ""));
        reply.refused(502);
        is_clean("the answer when the provider failed", &reply.body);
    }
    let broken = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{ANSWER}\"}}}}]}}\n\ndata: {{\"{UPSTREAM_ERROR}\n\n"
    );
    upstream.answers(Scripted::events([broken.as_bytes()]));
    ask(gate, VIRTUAL, CHAT_PATH, &chat("m", r#","stream":true"#));
}

/// What is no secret may be quoted, but must not take the secrets around it along.
fn faulty_edits(gate: &Gate, good: &str) {
    for edit in [
        "unknown: 1",
        "drain: soon",
        "tls: { cert: nowhere, key: nowhere }",
        "limits: [{ name: x, match: {}, rpm: many }]",
        "hosts: [\"a b\"]",
        "providers: {",
        "{",
    ] {
        let said = faulty(gate, good, &format!("{good}\n{edit}"));
        is_clean(&format!("the fault of `{edit}`"), &said);
    }
    for (before, after) in [
        (
            format!("credential: {CREDENTIAL}"),
            format!("credential: [{CREDENTIAL}, {EDIT}]"),
        ),
        (
            format!("credential: {CREDENTIAL}"),
            format!("credential: {{ {CREDENTIAL}: {EDIT} }}"),
        ),
        (
            format!("credential: {CREDENTIAL}"),
            format!("credential: \"{CREDENTIAL}\\u0001{EDIT}\""),
        ),
        (
            format!("credential: {CREDENTIAL}"),
            format!("credential: \"{CREDENTIAL}${{{EDIT}\""),
        ),
        (
            format!("secret: {VIRTUAL}"),
            format!("hash: {VIRTUAL}{EDIT}"),
        ),
        (
            format!("secret: {VIRTUAL}"),
            format!("secret: [{VIRTUAL}, {EDIT}]"),
        ),
        (
            format!("secret: {VIRTUAL}"),
            format!("secret: {VIRTUAL}, hash: {EDIT}"),
        ),
        (
            format!("secret: {VIRTUAL}"),
            format!("secret: \"{VIRTUAL}\\u0007{EDIT}\""),
        ),
        (format!("secret: {DISABLED}"), format!("secret: {VIRTUAL}")),
        (
            format!("secret: {VIRTUAL}"),
            format!("secret: \"{VIRTUAL}{EDIT}"),
        ),
        (
            "base_url: \"http://".to_owned(),
            format!("base_url: \"http://user:{EDIT}@"),
        ),
    ] {
        assert!(good.contains(&before), "{before}");
        let said = faulty(gate, good, &good.replace(&before, &after));
        is_clean(&format!("the fault of `{after}`"), &said);
    }
}

/// Looks at everything there is.
fn nothing_is_told(gate: &Gate) {
    for path in ["/metrics", "/status", "/readyz", "/healthz"] {
        is_clean(path, &gate.admin(path).body);
    }
    let log = gate.process.output();
    assert!(log.contains("answering calls"), "the log is looked at");
    is_clean("the log", log.as_bytes());
    let state = files(&gate.path().join("state"));
    assert!(
        state.iter().any(|file| file.ends_with("current.jsonl")),
        "{state:?}"
    );
    for file in state {
        is_clean(
            &file.display().to_string(),
            &std::fs::read(&file).expect("a file"),
        );
    }
}

/// Edits a good configuration into this one, and waits until the gateway found it at fault; all that is said of it.
fn faulty(gate: &Gate, good: &str, bad: &str) -> Vec<u8> {
    let error = || {
        let status = gate.admin("/status").json();
        status["config"]["error"].as_str().map(str::to_owned)
    };
    write_config(gate.path(), good);
    until("the good one is in force", || {
        error().is_none().then_some(())
    });
    write_config(gate.path(), bad);
    let output = tollgate(gate.path(), &["check", "tollgate.yaml", "--json"]);
    assert!(!output.status.success(), "taken:\n{bad}");
    let text = tollgate(gate.path(), &["check", "tollgate.yaml"]);
    let status = until("the fault is told", error).into_bytes();
    [
        status,
        output.stdout,
        output.stderr,
        text.stdout,
        text.stderr,
    ]
    .concat()
}

fn tollgate(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command
        .args(arguments)
        .current_dir(dir)
        .stdin(Stdio::null());
    command.output().expect("it runs")
}

#[test]
fn what_is_kept_on_disk_is_its_owners_alone() {
    let upstream = Upstream::new();
    let gate = Gate::before(upstream.address, "");
    gate.post(CHAT_PATH, CHAT);
    let made = tollgate(gate.path(), &["key", "new", "ci", "-c", "tollgate.yaml"]);
    assert!(made.status.success(), "{made:?}");
    let state = gate.path().join("state");
    let bits = |path: &Path| {
        std::fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o7777
    };
    assert_eq!(bits(&state), 0o700);
    let mut seen = 0;
    for file in files(&state) {
        assert_eq!(bits(&file), 0o600, "{}", file.display());
        let folder = file.parent().expect("a folder");
        assert_eq!(bits(folder), 0o700, "{}", folder.display());
        seen += 1;
    }
    assert!(seen >= 4, "journal, log and keys are there");
}

/// Starts a gateway that must refuse to; what it says.
#[track_caller]
fn does_not_start(dir: &Path) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["serve", "-c", "tollgate.yaml"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    until("it refuses", || {
        child
            .try_wait()
            .expect("its state")
            .map(|status| assert!(!status.success()))
    });
    let output = child.wait_with_output().expect("its output");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn what_others_can_read_or_change_is_not_started_with() {
    let nowhere = "127.0.0.1:9".parse().expect("an address");
    let fresh = || {
        let dir = tempfile::tempdir().expect("a directory");
        write_config(dir.path(), &config(nowhere, ""));
        dir
    };
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its mode");
    };
    for mode in [0o644, 0o640, 0o604] {
        let dir = fresh();
        set(&dir.path().join("tollgate.yaml"), mode);
        let said = does_not_start(dir.path());
        assert!(
            said.contains("others may read") && said.contains("chmod 600"),
            "{said}"
        );
        assert!(!said.contains(KEY), "{said}");
    }
    let dir = fresh();
    set(&dir.path().join("tollgate.yaml"), 0o620);
    let said = does_not_start(dir.path());
    assert!(said.contains("can be changed by others"), "{said}");
    for mode in [0o755, 0o770, 0o701] {
        let dir = fresh();
        let state = dir.path().join("state");
        std::fs::create_dir(&state).expect("a directory");
        set(&state, mode);
        let said = does_not_start(dir.path());
        assert!(said.contains("state"), "{said}");
    }
    // A link that somebody put in the state directory is not followed.
    let dir = fresh();
    let state = dir.path().join("state");
    let elsewhere = dir.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a directory");
    set(&elsewhere, 0o700);
    std::fs::create_dir(&state).expect("a directory");
    set(&state, 0o700);
    for (name, target) in [("journal", "elsewhere"), ("decisions", "elsewhere")] {
        symlink(dir.path().join(target), state.join(name)).expect("a link");
        does_not_start(dir.path());
        assert!(files(&elsewhere).is_empty(), "{name} was followed");
        std::fs::remove_file(state.join(name)).expect("it is a link");
    }
}

#[test]
fn a_crash_writes_no_memory_to_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let nowhere = "127.0.0.1:9".parse().expect("an address");
    write_config(dir.path(), &config(nowhere, ""));
    let binary = dir.path().join("tollgate");
    std::fs::copy(env!("CARGO_BIN_EXE_tollgate"), &binary).expect("a copy");
    let mut command = Command::new(&binary);
    command
        .args(["serve", "-c", "tollgate.yaml", "--log", "json"])
        .current_dir(dir.path());
    // What a process without dumps has in /proc belongs to root. That shows where the process is not root's own.
    if std::fs::metadata("/proc/self").expect("Linux").uid() == 0 {
        const NOBODY: u32 = 65_534;
        command.uid(NOBODY).gid(NOBODY);
        for path in [
            dir.path().to_owned(),
            dir.path().join("tollgate.yaml"),
            binary,
        ] {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may");
        }
    }
    let log = dir.path().join("log");
    let file = std::fs::File::create(&log).expect("a file");
    let mut child = command
        .stderr(file)
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts");
    let owner = until("it answers calls", || {
        assert!(
            child.try_wait().expect("its state").is_none(),
            "{}",
            std::fs::read_to_string(&log).unwrap_or_default()
        );
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let path = format!("/proc/{}/environ", child.id());
        text.contains("answering calls")
            .then(|| std::fs::metadata(path).expect("it runs").uid())
    });
    let _ = child.kill();
    let _ = child.wait();
    assert_eq!(owner, 0, "its memory can be dumped");
}

#[test]
fn ten_thousand_names_make_no_ten_thousand_series() {
    let upstream = Upstream::new();
    let settings = "budgets: [{ name: per-run, match: {}, per: run, limit: \"$9\", window: 1d }]\nunknown_price: { ceiling: \"$0.01\" }\nlimits: [{ name: l, match: {}, per: run, rpm: 100 }]";
    let gate = Gate::before(upstream.address, settings);
    let call = |number: usize| {
        let run = format!("x-tollgate-run: run-{number}");
        let user = format!("x-tollgate-end-user: user-{number}");
        let body = format!(r#"{{"model":"model-{number}","messages":[],"user":"u-{number}"}}"#);
        post(CHAT_PATH, &[&run, &user], body.as_bytes())
    };
    let nowhere = |number: usize| post(&format!("/v1/nothing-{number}"), &[], b"{}");
    let measure = || {
        let text = gate.admin("/metrics").text();
        let known = text.matches("model-").count()
            + text.matches("user-").count()
            + text.matches("nothing-").count();
        (text.lines().count(), known, gate.resident())
    };
    // Many at once: the first call of each run waits for the disk.
    let run = |from: usize, to: usize| {
        crowd(16, |part| {
            let mut wire = gate.wire();
            let numbers = (from..to).skip(part).step_by(16);
            for number in numbers {
                wire.send(&call(number));
                assert_eq!(wire.reply().expect("an answer").status, 200);
                if number % 10 == 0 {
                    wire.send(&nowhere(number));
                    assert_eq!(wire.reply().expect("an answer").status, 404);
                }
            }
        });
        upstream.arrived();
    };
    run(0, 2_000);
    let (lines, _, memory) = measure();
    run(2_000, 10_000);
    let (more_lines, known, more_memory) = measure();
    assert!(
        more_lines < lines + 100,
        "{lines} lines of metrics became {more_lines}"
    );
    assert_eq!(known, 0, "callers' words are in the labels");
    let grown = more_memory.saturating_sub(memory);
    assert!(
        grown < 64 << 20,
        "{grown} bytes for 8,000 calls of different names"
    );
    gate.is_well();
}

//! Tools that ask over HTTP, declared in the file. Those without a declaration are the Python runtime's own.

use super::map::{Map, Reading};
use crate::workflow::diagnostic::{At, Diagnostic, Phase};
use crate::workflow::frontend::tree::{Kind, Node};
use crate::workflow::normal::{Auth, Carrier, Flow, Tool};
use crate::workflow::template::{Body, Template};
use crate::workflow::value::Value;

const TOOL: &[&str] = &[
    "name",
    "type",
    "method",
    "endpoint",
    "headers",
    "query",
    "body",
    "response_path",
    "auth",
    "timeout",
    "max_bytes",
    "description",
    "parameters",
];
const AUTH: &[&str] = &["env", "as"];
const METHODS: &[&str] = &["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];
/// What an answer may have unless the file says more: 1 MiB.
const MAX_BYTES: u64 = 1 << 20;

pub(super) fn read(r: &mut Reading, node: &Node, flow: &mut Flow) {
    for (index, node) in r.list(node, "tools").unwrap_or_default().iter().enumerate() {
        if let Some(map) = r.map(node, &format!("tools[{index}]"), TOOL)
            && let Some(tool) = one(r, &map)
        {
            if let Some(first) = flow.tools.iter().find(|other| *other.name == *tool.name) {
                let message = format!(
                    "`{}` is the name of another tool, on line {}",
                    *tool.name, first.name.place.line
                );
                let diagnostic = Diagnostic::error(
                    Phase::ConfigValidation,
                    "duplicate_tool",
                    tool.name.place,
                    message,
                );
                r.push(diagnostic.named(tool.name.as_str()).within(&map.path));
            }
            flow.tools.push(tool);
        }
    }
}

fn one(r: &mut Reading, map: &Map<'_>) -> Option<Tool> {
    let name = r.required(map, "name").and_then(|node| {
        let name = r.name(node, &map.path("name"))?;
        Some(At::new(name, node.place))
    });
    r.word(map, "type", &["http"]);
    let method = map.get("method").and_then(|node| {
        let path = map.path("method");
        let method = r.text(node, &path)?.to_ascii_uppercase();
        if METHODS.contains(&method.as_str()) {
            return Some(method);
        }
        let diagnostic = Diagnostic::error(
            Phase::SchemaValidation,
            "invalid_value",
            node.place,
            format!("no method `{method}`"),
        );
        r.push(
            diagnostic
                .within(path)
                .named(method)
                .known(METHODS.iter().copied()),
        );
        None
    });
    let endpoint = r
        .required(map, "endpoint")
        .and_then(|node| endpoint(r, node, &map.path("endpoint")));
    let headers = templates(r, map, "headers");
    let query = templates(r, map, "query");
    let body = map.get("body").and_then(|node| {
        let value = r.value(node, &map.path("body"))?;
        match Body::parse(&value) {
            Ok(body) => Some(body),
            Err(fault) => {
                let diagnostic = Diagnostic::error(
                    Phase::ConfigValidation,
                    "template",
                    node.place,
                    format!("a text in it is no template: {}", fault.message),
                );
                r.push(diagnostic.within(map.path("body")).suggest(fault.help));
                None
            }
        }
    });
    let auth = map
        .get("auth")
        .and_then(|node| auth(r, node, &map.path("auth")));
    let parameters = map.get("parameters").and_then(|node| {
        if !matches!(node.kind, Kind::Map(_)) {
            r.wrong(
                node.place,
                &map.path("parameters"),
                "expected a JSON schema",
            );
            return None;
        }
        r.value(node, &map.path("parameters"))
    });
    let max_bytes = r.int(map, "max_bytes", 1, 1 << 30);
    let (description, response_path) = (
        r.optional_text(map, "description"),
        r.optional_text(map, "response_path"),
    );
    let timeout = r.count(map, "timeout", 1, 3_600);
    Some(Tool {
        name: name?,
        description,
        method: method.unwrap_or_else(|| "GET".to_owned()),
        endpoint: endpoint?,
        headers,
        query,
        body,
        response_path,
        auth,
        timeout,
        max_bytes: max_bytes
            .and_then(|bytes| u64::try_from(bytes).ok())
            .unwrap_or(MAX_BYTES),
        parameters,
        place: map.place,
    })
}

fn endpoint(r: &mut Reading, node: &Node, path: &str) -> Option<Template> {
    let text = r.text(node, path)?;
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    // The host is the author's to choose, not a model's: what may be asked is decided before a run, by name.
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match host {
        None | Some("") => {
            r.wrong(node.place, path, format!("`{text}` is not an address"))
                .suggest("write it in full: https://api.example.com/search");
            None
        }
        Some(host) if host.contains(['{', '}']) => {
            r.wrong(node.place, path, "the host of a tool cannot be filled in")
                .suggest("write the host out; paths and queries may have places for values");
            None
        }
        Some(host) if host.contains('@') => {
            r.wrong(node.place, path, "an address with a credential in it")
                .suggest("auth: { env: NAME, as: bearer }");
            None
        }
        Some(_) => r.template(node, path),
    }
}

fn templates(r: &mut Reading, map: &Map<'_>, key: &str) -> Vec<(String, Template)> {
    let Some(node) = map.get(key) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for entry in r.entries(node, &map.path(key)) {
        let path = format!("{}.{}", map.path(key), entry.key);
        let template = match entry.value.value() {
            // `page: 1` is as good as `page: "1"`.
            Ok(Value::Int(number)) => Template::parse(&number.to_string()).ok(),
            _ => r.template(&entry.value, &path),
        };
        if let Some(template) = template {
            all.push((entry.key.clone(), template));
        }
    }
    all
}

fn auth(r: &mut Reading, node: &Node, path: &str) -> Option<Auth> {
    let map = r.map(node, path, AUTH)?;
    let env = r
        .required(&map, "env")
        .and_then(|node| r.name(node, &map.path("env")));
    let carrier = match map.get("as") {
        None => Some(Carrier::Bearer),
        Some(node) => {
            let text = r.text(node, &map.path("as"))?;
            match text.split_once(':') {
                None if text == "bearer" => Some(Carrier::Bearer),
                Some(("header", name)) if !name.is_empty() => {
                    Some(Carrier::Header(name.to_owned()))
                }
                Some(("query", name)) if !name.is_empty() => Some(Carrier::Query(name.to_owned())),
                _ => {
                    r.wrong(
                        node.place,
                        &map.path("as"),
                        format!("`{text}` is no place for a credential"),
                    )
                    .suggest("write `bearer`, `header:NAME` or `query:NAME`");
                    None
                }
            }
        }
    };
    Some(Auth {
        env: env?,
        carrier: carrier?,
    })
}

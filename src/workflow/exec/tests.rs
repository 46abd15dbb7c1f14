#![allow(
    clippy::format_push_string,
    clippy::single_match_else,
    reason = "what a scripted model says reads best as a table of cases"
)]

use super::*;
use crate::config::flow::parse;
use crate::units::Money;
use crate::workflow::value::Value;
use serde_json::{Value as Json, json};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// What the scripted model does when it is asked.
type Script = dyn Fn(&Asked) -> Said;

/// A call of the model, as scripts see it.
struct Asked {
    node: String,
    /// How often this step asked before.
    before: usize,
    prompt: String,
    body: Json,
}

/// What it answers.
enum Said {
    /// This, as its content.
    Text(String),
    /// It wants these tools.
    Tools(Vec<(&'static str, &'static str)>),
    Fault(AskFault),
    /// The answer comes after so long.
    After(Duration, String),
}

fn result(value: impl Into<Json>) -> Said {
    Said::Text(json!({"result": value.into()}).to_string())
}

struct Scripted {
    script: Box<Script>,
    asked: RefCell<Vec<String>>,
    times: RefCell<HashMap<String, usize>>,
    fetched: RefCell<Vec<Fetch>>,
    fetch: Result<String, FetchFault>,
    records: RefCell<Vec<Record>>,
    told: RefCell<Vec<String>>,
    running: Cell<usize>,
    most: Cell<usize>,
    ended: Cell<usize>,
}

/// Counts a call while it is there, also one that is dropped.
struct Within<'a>(&'a Cell<usize>, &'a Cell<usize>);

impl Drop for Within<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
        self.1.set(self.1.get() + 1);
    }
}

impl Host for Scripted {
    async fn ask(&self, ask: Ask) -> Result<Reply, AskFault> {
        self.running.set(self.running.get() + 1);
        self.most.set(self.most.get().max(self.running.get()));
        let _within = Within(&self.running, &self.ended);
        self.asked.borrow_mut().push(ask.step.clone());
        let before = {
            let mut times = self.times.borrow_mut();
            let times = times.entry(ask.step.clone()).or_default();
            *times += 1;
            *times - 1
        };
        let asked = Asked {
            node: ask.node,
            before,
            prompt: ask.body["messages"][0]["content"]
                .as_str()
                .unwrap()
                .to_owned(),
            body: ask.body,
        };
        let message = match (self.script)(&asked) {
            Said::Text(text) => json!({"role": "assistant", "content": text}),
            Said::After(wait, text) => {
                tokio::time::sleep(wait).await;
                json!({"role": "assistant", "content": text})
            }
            Said::Tools(calls) => {
                let calls = calls.iter().enumerate().map(|(number, (name, arguments))| {
                    json!({"id": format!("call_{number}"), "type": "function",
                        "function": {"name": name, "arguments": arguments}})
                });
                json!({"role": "assistant", "content": null, "tool_calls": calls.collect::<Vec<_>>()})
            }
            Said::Fault(fault) => return Err(fault),
        };
        Ok(Reply {
            body: json!({"choices": [{"message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 10, "completion_tokens": 2}}),
            cost: Money::from_nanos(100),
        })
    }

    async fn fetch(&self, fetch: Fetch) -> Result<String, FetchFault> {
        self.fetched.borrow_mut().push(fetch);
        self.fetch.clone()
    }

    fn tell(&self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Ended(record) => self.records.borrow_mut().push((*record).clone()),
            Event::Again { step, reason } => {
                self.told.borrow_mut().push(format!("{step}: {reason}"));
            }
            Event::Tool { step, tool, fault } => {
                let fault = fault.map(|fault| format!(" ({fault})")).unwrap_or_default();
                self.told
                    .borrow_mut()
                    .push(format!("{step}: {tool}{fault}"));
            }
            Event::Began { .. } => {}
        }
        Ok(())
    }
}

fn scripted(script: impl Fn(&Asked) -> Said + 'static) -> Rc<Scripted> {
    with_tool(script, Ok("{}".to_owned()))
}

fn with_tool(
    script: impl Fn(&Asked) -> Said + 'static,
    fetch: Result<String, FetchFault>,
) -> Rc<Scripted> {
    Rc::new(Scripted {
        script: Box::new(script),
        asked: RefCell::default(),
        times: RefCell::default(),
        fetched: RefCell::default(),
        fetch,
        records: RefCell::default(),
        told: RefCell::default(),
        running: Cell::new(0),
        most: Cell::new(0),
        ended: Cell::new(0),
    })
}

/// A workflow of these parts: fields of the state, nodes by name and their outputs, edges, and the rest.
fn flow(state: &str, nodes: &[(&str, &str, &str)], edges: &str, rest: &str) -> Rc<Flow> {
    let mut text = format!(
        "schema_version: \"1.0\"\nflow: {{ name: test }}\nstate:\n  fields:\n{state}nodes:\n"
    );
    for (id, output, more) in nodes {
        let (output, of) = output.split_once(':').unwrap();
        text.push_str(&format!(
            "  - {{ id: {id}, outputs: [{output}], output_schema: {{ type: \"{of}\" }}, {more} }}\n"
        ));
    }
    text.push_str(&format!("edges:\n{edges}{rest}"));
    let loaded = parse(&text);
    match loaded.flow {
        Some(flow) => Rc::new(flow),
        None => panic!("{text}\n{:#?}", loaded.found),
    }
}

fn outcome(flow: &Rc<Flow>, given: &str, host: &Rc<Scripted>) -> Outcome {
    resumed(flow, given, Vec::new(), host).0
}

/// Runs it with time that goes on only while everybody waits; also how long it took.
fn resumed(
    flow: &Rc<Flow>,
    given: &str,
    records: Vec<Record>,
    host: &Rc<Scripted>,
) -> (Outcome, Duration) {
    let Value::Dict(given) = Value::from_json(given).unwrap() else {
        panic!("{given}");
    };
    let state = flow.begin(given).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let began = Instant::now();
        let outcome = run(
            flow.clone(),
            state,
            records.into_iter().collect(),
            host.clone(),
        )
        .await;
        (outcome, began.elapsed())
    })
}

fn shown(state: &Dict) -> String {
    Value::Dict(state.clone()).to_json().unwrap()
}

fn looping(most: u32) -> Rc<Flow> {
    flow(
        "    n: { type: int, default: 0 }\n    done: { type: bool, default: false }\n    out: { type: str }\n",
        &[
            ("turn", "done:bool", "prompt: \"again\""),
            ("end", "out:str", "prompt: \"end {done}\""),
        ],
        &format!(
            "  - {{ from: START, to: turn }}\n  - {{ from: turn, loop: {{ condition_field: done, max_iterations: {most}, exit_to: end }} }}\n  - {{ from: end, to: END }}\n"
        ),
        "",
    )
}

#[test]
fn a_loop_makes_exactly_as_many_runs_as_it_may() {
    for most in [1, 3, 100] {
        let host = scripted(|asked| {
            if asked.node == "turn" {
                result(false)
            } else {
                result("x")
            }
        });
        let ended = outcome(&looping(most), "{}", &host);
        assert_eq!(ended.stop, None);
        assert_eq!(ended.spent.calls, most + 1);
        assert_eq!(host.asked.borrow().len(), most as usize + 1);
    }
    let host = scripted(|asked| match (asked.node.as_str(), asked.prompt.as_str()) {
        ("turn", _) => result(true),
        _ => result("x"),
    });
    assert_eq!(outcome(&looping(100), "{}", &host).spent.calls, 2);
}

fn items(concurrency: u32) -> Rc<Flow> {
    flow(
        "    items: { type: \"list[int]\", required: true }\n    one: { type: str }\n    all: { type: \"list[str]\", default: [] }\n    out: { type: str }\n",
        &[
            ("begin", "out:str", "prompt: \"begin\""),
            (
                "each",
                "one:str",
                "prompt: \"{_parallel_item} {_parallel_index}\"",
            ),
        ],
        &format!(
            "  - {{ from: START, to: begin }}\n  - {{ from: begin, parallel: {{ items_field: items, target_node: each, collect_field: all, max_concurrency: {concurrency} }} }}\n  - {{ from: each, to: END }}\n"
        ),
        "",
    )
}

#[test]
fn items_run_a_few_at_once_and_keep_their_order() {
    let given: Vec<u64> = (0..50).collect();
    let host = scripted(|asked| match asked.node.as_str() {
        "begin" => result("x"),
        _ => {
            // The later an item stands among those that run at once, the sooner it is done.
            let number: u64 = asked.prompt.split(' ').next().unwrap().parse().unwrap();
            let wait = Duration::from_millis(200 - number % 10);
            Said::After(wait, json!({"result": asked.prompt}).to_string())
        }
    });
    let input = json!({"items": given}).to_string();
    let (ended, took) = resumed(&items(10), &input, Vec::new(), &host);
    assert_eq!(ended.stop, None);
    assert_eq!(host.most.get(), 10);
    assert!(took <= Duration::from_millis(1_300), "{took:?}");
    let expected: Vec<String> = (0..50).map(|number| format!("{number} {number}")).collect();
    assert_eq!(
        ended.state.get("all"),
        Some(&Value::from_json(&json!(expected).to_string()).unwrap())
    );
    assert_eq!(ended.state.get("one"), None);
}

#[test]
fn the_item_that_fails_is_named_and_the_others_are_dropped() {
    let host = scripted(|asked| match asked.prompt.as_str() {
        "begin" => result("x"),
        "7 3" => Said::Fault(AskFault::Refused("no".to_owned())),
        _ => Said::After(Duration::from_secs(50), "{}".to_owned()),
    });
    let (ended, took) = resumed(&items(10), r#"{"items":[1,2,3,7,9]}"#, Vec::new(), &host);
    assert_eq!(ended.stop.unwrap().to_string(), "node `each`, item 3: no");
    assert!(took < Duration::from_secs(1));
    assert_eq!(host.running.get(), 0);
    assert_eq!(
        shown(&ended.state),
        r#"{"items":[1,2,3,7,9],"all":[],"out":"x"}"#
    );
}

#[test]
fn bad_answers_are_asked_again_with_what_was_wrong() {
    let flow = flow(
        "    n: { type: int }\n",
        &[("count", "n:int", "prompt: \"count\"")],
        "  - { from: START, to: count }\n  - { from: count, to: END }\n",
        "config: { execution: { max_retries: 3 } }\n",
    );
    let host = scripted(|asked| match asked.before {
        0 => Said::Text("well".to_owned()),
        1 => result(2.5),
        _ => result("12"),
    });
    let ended = outcome(&flow, "{}", &host);
    assert_eq!(
        (ended.stop, shown(&ended.state)),
        (None, r#"{"n":12}"#.to_owned())
    );
    assert_eq!(ended.spent.calls, 3);
    assert_eq!(
        *host.told.borrow(),
        [
            "0: the answer is not JSON: not a JSON value at byte 0",
            "0: the answer does not fit: .result: expected int, found float 2.5"
        ]
    );
    let host = scripted(|asked| {
        if asked.before == 1 {
            assert!(asked.prompt.contains("not JSON"), "{}", asked.prompt);
        }
        Said::Text("well".to_owned())
    });
    let ended = outcome(&flow, "{}", &host);
    assert_eq!(
        ended.stop.unwrap().to_string(),
        "node `count`: the answer is not JSON: not a JSON value at byte 0 (3 attempts)"
    );
    assert_eq!(ended.spent.calls, 3);
}

#[test]
fn a_provider_that_is_not_there_for_now_is_asked_again_after_a_wait() {
    let flow = looping(1);
    let host = scripted(|asked| match (asked.node.as_str(), asked.before) {
        ("turn", 0) => Said::Fault(AskFault::Later {
            message: "429".to_owned(),
            wait: Some(Duration::from_secs(7)),
        }),
        ("turn", _) => result(true),
        _ => result("x"),
    });
    let (ended, took) = resumed(&flow, "{}", Vec::new(), &host);
    assert_eq!(ended.stop, None);
    assert_eq!(took, Duration::from_secs(7));
}

#[test]
fn a_call_that_takes_too_long_ends_the_run_and_is_dropped() {
    let flow = flow(
        "    n: { type: int }\n",
        &[("count", "n:int", "prompt: \"count\"")],
        "  - { from: START, to: count }\n  - { from: count, to: END }\n",
        "config: { execution: { timeout: 1 } }\n",
    );
    let host = scripted(|_| Said::After(Duration::from_secs(10), "{}".to_owned()));
    let (ended, took) = resumed(&flow, "{}", Vec::new(), &host);
    assert_eq!(
        ended.stop.unwrap().to_string(),
        "node `count`: no answer within 1 s (`execution.timeout`)"
    );
    assert_eq!(took, Duration::from_secs(1));
    assert_eq!((host.running.get(), host.ended.get()), (0, 1));
}

fn forked() -> Rc<Flow> {
    flow(
        "    a: { type: str }\n    b: { type: str }\n    c: { type: str }\n    out: { type: str }\n",
        &[
            ("left", "a:str", "prompt: \"left\""),
            ("more", "c:str", "prompt: \"more {a} {b}\""),
            ("right", "b:str", "prompt: \"right {a}\""),
            ("join", "out:str", "prompt: \"{a} {b} {c}\""),
        ],
        "  - { from: START, to: [left, right] }\n  - { from: left, to: more }\n  - { from: more, to: join }\n  - { from: right, to: join }\n  - { from: join, to: END }\n",
        "",
    )
}

#[test]
fn branches_see_what_was_before_them_and_meet_once() {
    let host = scripted(|asked| match asked.node.as_str() {
        "left" => Said::After(Duration::from_secs(5), json!({"result": "l"}).to_string()),
        _ => result(format!("<{}>", asked.prompt)),
    });
    let ended = outcome(&forked(), "{}", &host);
    assert_eq!(
        shown(&ended.state),
        r#"{"a":"l","b":"<right None>","c":"<more l None>","out":"<l <right None> <more l None>>"}"#
    );
    let mut steps = host.asked.borrow().clone();
    steps.sort();
    assert_eq!(steps, ["0.0/0", "0.0/1", "0.1/0", "1"]);
}

#[test]
fn where_the_money_ends_a_run_stops_and_goes_on_without_repeating() {
    let budget = Rc::new(Cell::new(2));
    let left = budget.clone();
    let script = move |asked: &Asked| {
        if left.replace(left.get() - 1) <= 0 {
            return Said::Fault(AskFault::Budget("used up".to_owned()));
        }
        match asked.node.as_str() {
            "begin" => result("x"),
            _ => Said::After(
                Duration::from_millis(5),
                json!({"result": asked.prompt}).to_string(),
            ),
        }
    };
    let host = scripted(script);
    let flow = items(1);
    let ended = outcome(&flow, r#"{"items":[5,6,7]}"#, &host);
    assert!(
        matches!(&ended.stop, Some(Stop::Budget { node, .. }) if node == "each"),
        "{ended:?}"
    );
    assert_eq!(ended.spent.calls, 2);
    assert_eq!(
        shown(&ended.state),
        r#"{"items":[5,6,7],"all":[],"out":"x"}"#
    );
    budget.set(100);
    let records = host.records.borrow().clone();
    host.asked.borrow_mut().clear();
    let (ended, _) = resumed(&flow, r#"{"items":[5,6,7]}"#, records, &host);
    assert_eq!(ended.stop, None);
    assert_eq!(*host.asked.borrow(), ["1[1]", "1[2]"]);
    assert_eq!(ended.spent.calls, 4);
    assert_eq!(ended.spent.cost_nano_usd, 400);
    assert_eq!(
        ended.state.get("all").unwrap().to_json().unwrap(),
        r#"["5 0","6 1","7 2"]"#
    );
}

#[test]
fn what_was_begun_when_the_money_ended_is_waited_for() {
    let host = scripted(|asked| match asked.prompt.as_str() {
        "begin" => result("x"),
        "2 1" => Said::Fault(AskFault::Budget("used up".to_owned())),
        _ => Said::After(Duration::from_secs(3), json!({"result": "y"}).to_string()),
    });
    let ended = outcome(&items(2), r#"{"items":[1,2,3]}"#, &host);
    assert!(matches!(ended.stop, Some(Stop::Budget { .. })));
    let steps: Vec<String> = host
        .records
        .borrow()
        .iter()
        .map(|record| record.step.clone())
        .collect();
    assert_eq!(steps, ["0", "1[0]"]);
    assert_eq!(host.asked.borrow().len(), 3);
}

#[test]
fn a_node_stops_where_its_own_budget_ends() {
    let flow = flow(
        "    n: { type: int }\n",
        &[(
            "count",
            "n:int",
            "prompt: \"count\", budget: \"$0.0000002\"",
        )],
        "  - { from: START, to: count }\n  - { from: count, to: END }\n",
        "config: { execution: { max_retries: 5 } }\n",
    );
    let host = scripted(|_| Said::Text("no".to_owned()));
    let ended = outcome(&flow, "{}", &host);
    assert!(
        matches!(ended.stop, Some(Stop::Budget { .. })),
        "{:?}",
        ended.stop
    );
    assert_eq!(ended.spent.calls, 2);
}

fn with_tools(more: &str) -> Rc<Flow> {
    flow(
        "    city: { type: str, default: \"Ulm/../x?y\" }\n    out: { type: str }\n",
        &[("look", "out:str", &format!("prompt: \"look\", {more}"))],
        "  - { from: START, to: look }\n  - { from: look, to: END }\n",
        "tools:\n  - name: find\n    type: http\n    method: POST\n    endpoint: \"https://api.example.com/v1/{q}\"\n    query: { city: \"{state.city}\" }\n    body: { q: \"{q}\" }\n    response_path: hits.1\n    timeout: 5\n    parameters: { type: object, properties: { q: { type: string } }, required: [q] }\n",
    )
}

#[test]
fn tools_are_called_until_there_is_an_answer() {
    let script = |asked: &Asked| match asked.before {
        0 => Said::Tools(vec![("find", r#"{"q":"a/b&c"}"#)]),
        _ => {
            let messages = asked.body["messages"].as_array().unwrap();
            result(messages.last().unwrap()["content"].clone())
        }
    };
    let host = with_tool(script, Ok(r#"{"hits":[1,{"n":2}]}"#.to_owned()));
    let ended = outcome(&with_tools("tools: [find]"), "{}", &host);
    assert_eq!((ended.stop, ended.spent.calls), (None, 2));
    assert_eq!(ended.state.get("out"), Some(&Value::from(r#"{"n":2}"#)));
    let fetched = host.fetched.borrow();
    assert_eq!(
        fetched[0].url,
        "https://api.example.com/v1/a%2Fb%26c?city=Ulm%2F..%2Fx%3Fy"
    );
    assert_eq!(fetched[0].body.as_deref(), Some(r#"{"q":"a/b&c"}"#));
}

#[test]
fn calls_of_tools_are_bounded() {
    let flow = with_tools("tools: [find], max_tool_calls: 2");
    let once = ("find", r#"{"q":"x"}"#);
    let host = with_tool(
        move |_| Said::Tools(vec![once]),
        Ok(r#"{"hits":[1,2]}"#.to_owned()),
    );
    let ended = outcome(&flow, "{}", &host);
    assert_eq!(
        ended.stop.unwrap().to_string(),
        "node `look`: its model asks for more than 2 calls of tools"
    );
    assert_eq!((ended.spent.calls, host.fetched.borrow().len()), (3, 2));
    let host = with_tool(
        move |asked| match asked.before {
            0 => Said::Tools(vec![once, once, once]),
            _ => {
                assert_eq!(asked.body["tool_choice"], "none");
                result("enough")
            }
        },
        Ok(r#"{"hits":[1,2]}"#.to_owned()),
    );
    let ended = outcome(&flow, "{}", &host);
    assert_eq!((ended.stop, host.fetched.borrow().len()), (None, 2));
}

#[test]
fn a_tool_that_fails_stops_the_run_or_is_told_to_the_model() {
    let script = |asked: &Asked| match asked.before {
        0 => Said::Tools(vec![("find", r#"{"q":"x"}"#)]),
        _ => {
            let messages = asked.body["messages"].as_array().unwrap();
            result(messages.last().unwrap()["content"].clone())
        }
    };
    let gone = || Err(FetchFault("status 500".to_owned()));
    let host = with_tool(script, gone());
    let ended = outcome(&with_tools("tools: [find]"), "{}", &host);
    assert_eq!(
        ended.stop.unwrap().to_string(),
        "node `look`: tool `find`: status 500"
    );
    let host = with_tool(script, gone());
    let flow = with_tools("tools: [{ name: find, on_error: continue }]");
    let ended = outcome(&flow, "{}", &host);
    assert_eq!(
        ended.state.get("out"),
        Some(&Value::from("error: status 500"))
    );
    assert_eq!(*host.told.borrow(), ["0: find (status 500)"]);
}

#[test]
fn what_a_model_writes_wrong_for_a_tool_is_told_to_it() {
    let check = |name: &'static str, arguments: &'static str, expected: &str| {
        let script = move |asked: &Asked| match asked.before {
            0 => Said::Tools(vec![(name, arguments)]),
            _ => {
                let messages = asked.body["messages"].as_array().unwrap();
                result(messages.last().unwrap()["content"].clone())
            }
        };
        let host = with_tool(script, Ok(r#"{"hits":[1,2]}"#.to_owned()));
        let ended = outcome(&with_tools("tools: [find]"), "{}", &host);
        assert_eq!(ended.state.get("out"), Some(&Value::from(expected)));
    };
    check("find", r#"{"q":"x"}"#, "2");
    check("lose", "{}", "error: there is no tool `lose`");
    check(
        "find",
        "[1]",
        "error: the arguments are list, not an object",
    );
    check(
        "find",
        "{",
        "error: the arguments are not JSON: expected a key in quotes at byte 1",
    );
    check(
        "find",
        r#"{"q":".."}"#,
        "error: `https://api.example.com/v1/..` cannot be an address: a part of it is `.` or `..`",
    );
}

#[test]
fn routes_are_tried_in_order_and_what_says_nothing_stops() {
    let routed = |rest: &str| {
        flow(
            "    n: { type: int, required: true }\n    s: { type: str, default: x }\n    out: { type: str }\n",
            &[
                ("first", "out:str", "prompt: first"),
                ("big", "out:str", "prompt: big"),
                ("odd", "out:str", "prompt: odd"),
            ],
            "  - { from: START, to: first }\n  - from: first\n    routes:\n      - { condition: { logic: default }, to: END }\n      - { condition: { logic: \"state.n > 10\" }, to: big }\n      - { condition: { logic: \"state.n > 5 and state.s > 1\" }, to: odd }\n  - { from: big, to: END }\n  - { from: odd, to: END }\n",
            rest,
        )
    };
    let host = || scripted(|asked| result(asked.prompt.clone()));
    let out = |flow: &Rc<Flow>, given: &str| {
        let ended = outcome(flow, given, &host());
        match ended.stop {
            Some(stop) => stop.to_string(),
            None => ended.state.get("out").unwrap().to_string(),
        }
    };
    let strict = routed("");
    assert_eq!(out(&strict, r#"{"n":11}"#), "big");
    assert_eq!(out(&strict, r#"{"n":3}"#), "first");
    assert_eq!(
        out(&strict, r#"{"n":7}"#),
        "node `first`: the condition `state.n > 5 and state.s > 1` says nothing: '>' not supported between instances of 'str' and 'int'"
    );
    let lenient = routed("config: { execution: { on_condition_error: default } }\n");
    assert_eq!(out(&lenient, r#"{"n":7}"#), "first");
}

#[test]
fn a_run_that_goes_round_and_round_ends() {
    let flow = flow(
        "    out: { type: str }\n",
        &[("a", "out:str", "prompt: a"), ("b", "out:str", "prompt: b")],
        "  - { from: START, to: a }\n  - { from: a, to: b }\n  - from: b\n    routes:\n      - { condition: { logic: \"state.out == 'x'\" }, to: END }\n      - { condition: { logic: default }, to: a }\n",
        "",
    );
    let host = scripted(|_| result("y"));
    let ended = outcome(&flow, "{}", &host);
    assert_eq!(
        ended.stop.unwrap().to_string(),
        "node `a`: the run has not ended after 10000 nodes"
    );
    assert_eq!(ended.spent.calls, 10_000);
}

#[test]
fn gates_are_inclusive() {
    let gates = |max: f64| crate::workflow::ir::Gates {
        gates: vec![crate::workflow::ir::Gate {
            metric: "total_tokens".to_owned(),
            min: Some(12.0),
            max: Some(max),
        }],
        fail: true,
    };
    let spent = Spent {
        calls: 1,
        input_tokens: 10,
        output_tokens: 2,
        cost_nano_usd: 0,
    };
    let measured = Measured {
        spent: &spent,
        took: Duration::from_secs(1),
    };
    assert!(missed(&gates(12.0), measured).is_empty());
    assert_eq!(
        missed(&gates(11.0), measured),
        ["total_tokens is 12, more than 11"]
    );
}

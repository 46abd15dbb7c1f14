//! The meter, against what was sent.

use super::*;

#[test]
fn errors_and_resets_cost_nothing_and_every_second_call_may_fail() {
    let simulator = simulator();
    let failing = chat(json!({ "model": "m--status-429--retry_after-3--every-2" }));
    let statuses: Vec<u16> = (0..4)
        .map(|_| {
            post(&simulator, "/v1/chat/completions", &failing)
                .status
                .as_u16()
        })
        .collect();
    assert_eq!(statuses, [200, 429, 200, 429]);
    let reset = chat(json!({ "model": "m--reset" })).to_string();
    assert!(
        wait(send(
            &simulator,
            request("POST", "/v1/chat/completions", reset)
        ))
        .is_none()
    );
    let last = post(
        &simulator,
        "/v1/chat/completions",
        &chat(json!({ "model": "m--status-503--retry_after-3" })),
    );
    assert_eq!(last.headers["retry-after"], "3");
    assert_eq!(last.json()["error"]["type"], "server_error");
    let meter = meter(&simulator);
    assert_eq!(
        (&meter["calls"], &meter["in_flight"], &meter["cancelled"]),
        (&json!(2), &json!(0), &json!(0))
    );
}

#[test]
fn a_cut_stream_is_billed_for_the_tokens_that_left() {
    let simulator = simulator();
    let body = chat(json!({ "model": "m--cut-3", "stream": true }));
    let got = post(&simulator, "/v1/chat/completions", &body);
    assert!(got.cut);
    assert_eq!(count(&streamed_text(&got)), 3);
    let meter = meter(&simulator);
    let line = &meter["by_model"]["m--cut-3"];
    assert_eq!(line["output"], 3);
    let input = line["input"].as_i64().expect("a number");
    assert_eq!(
        meter["cost"],
        Money::from_nanos(input * 1000 + 6000).to_string()
    );
}

#[test]
fn a_client_that_leaves_is_billed_for_what_it_took() {
    let simulator = simulator();
    wait(async {
        let body = chat(json!({ "stream": true })).to_string();
        let answer = simulator
            .answer(request("POST", "/v1/chat/completions", body))
            .await;
        let mut body = answer.expect("an answer").into_body();
        for _ in 0..5 {
            std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context)).await;
        }
    });
    let meter = meter(&simulator);
    assert_eq!(
        meter["by_model"]["m"]["output"], 4,
        "the role, then four tokens"
    );
    assert_eq!(meter["cancelled"], 1);
}

#[test]
fn the_meter_is_exact_however_many_call_at_once() {
    let simulator = Arc::new(simulator());
    let expected = std::sync::atomic::AtomicI64::new(0);
    let total = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (simulator, expected, total) = (&simulator, &expected, &total);
            scope.spawn(move || {
                wait(async {
                    let mut calls = tokio::task::JoinSet::new();
                    for at in 0..125_u64 {
                        let simulator = Arc::clone(simulator);
                        let body = chat(json!({
                            "stream": at.is_multiple_of(2),
                            "stream_options": at.is_multiple_of(2).then(|| json!({ "include_usage": true })),
                            "n": 1 + at % 3,
                            "seed": thread * 1000 + at,
                        }));
                        calls.spawn(async move {
                            let request = request("POST", "/v1/chat/completions", body.to_string());
                            send(&simulator, request).await.expect("an answer")
                        });
                    }
                    while let Some(got) = calls.join_next().await {
                        let got = got.expect("a call");
                        let usage = if got.body.starts_with(b"data:") {
                            got.events().last().expect("a usage chunk")["usage"].clone()
                        } else {
                            got.json()["usage"].clone()
                        };
                        let of = |name: &str| usage[name].as_i64().expect("a number");
                        let cost = of("prompt_tokens") * 1000 + of("completion_tokens") * 2000;
                        expected.fetch_add(cost, std::sync::atomic::Ordering::Relaxed);
                        total.fetch_add(
                            of("completion_tokens").unsigned_abs(),
                            std::sync::atomic::Ordering::Relaxed,
                        );
                    }
                });
            });
        }
    });
    let meter = meter(&simulator);
    assert_eq!(meter["calls"], 1000);
    assert_eq!(meter["in_flight"], 0);
    assert_eq!(meter["cancelled"], 0);
    assert_eq!(meter["by_model"]["m"]["output"], total.into_inner());
    assert_eq!(
        meter["cost"],
        Money::from_nanos(expected.into_inner()).to_string()
    );
}

#[test]
fn a_reset_forgets_the_calls_before_it_and_what_they_still_write() {
    let simulator = simulator();
    wait(async {
        let body = chat(json!({ "stream": true })).to_string();
        let answer = simulator
            .answer(request("POST", "/v1/chat/completions", body))
            .await;
        let mut body = answer.expect("an answer").into_body();
        send(&simulator, request("POST", "/__sim/reset", "")).await;
        while std::future::poll_fn(|context| std::pin::Pin::new(&mut body).poll_frame(context))
            .await
            .is_some()
        {}
    });
    let meter = meter(&simulator);
    assert_eq!(
        (&meter["calls"], &meter["cost"]),
        (&json!(0), &json!("0.00"))
    );
    assert_eq!(meter["in_flight"], 0);
}

#[test]
fn a_model_beyond_the_bound_still_costs_what_it_costs() {
    let simulator = simulator();
    let answers = (0..1100).map(|at| {
        let body = chat(json!({ "model": format!("m{at}"), "stream": true, "max_tokens": 1 }));
        post(&simulator, "/v1/chat/completions", &body);
    });
    assert_eq!(answers.count(), 1100);
    let meter = meter(&simulator);
    let models = meter["by_model"].as_object().expect("an object");
    assert_eq!(models.len(), 1025);
    assert_eq!(models["(others)"]["calls"], 76);
    assert_eq!(models["(others)"]["output"], 76);
}

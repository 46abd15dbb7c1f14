//! Calls that are no conversation: what each costs, and what is booked where its provider tells no usage.

use super::budget;
use crate::support::{Gateway, Home, Money, Response, Simulator};
use serde_json::{Value, json};

const MODERATIONS: &str = "/v1/moderations";

/// Prices of what is free by saying so, and of what is not.
const PRICES: &str = r#"
  omni-moderation-latest: { input: "0", free: true, max_input: 32768 }
  judge: { input: "1", max_input: 100000 }
"#;

struct Stage {
    simulator: Simulator,
    gateway: Gateway,
    home: Home,
}

impl Stage {
    /// A gateway with one budget, a second provider that speaks another dialect, and these prices.
    fn set(limit: &str, settings: &str) -> Self {
        let simulator = Simulator::start(PRICES);
        let home = Home::new(&simulator, "").asked_for_messages();
        home.configure(&format!("{}{settings}", budget(limit)));
        let gateway = home.start();
        Self {
            simulator,
            gateway,
            home,
        }
    }

    fn post(&self, path: &str, body: &Value) -> Response {
        let answer = self.gateway.caller().post(path, body);
        self.gateway.at_rest();
        answer
    }

    fn spent(&self) -> Money {
        self.gateway.ledger("all").spent
    }

    /// Nothing is missing in the decision log.
    #[track_caller]
    fn log_is_whole(&self) {
        let (yes, report) = self.home.verify_decisions();
        assert!(yes, "{report}");
    }
}

#[track_caller]
fn refused(answer: &Response, status: u16, code: &str) {
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (status, &json!(code)),
        "{}",
        answer.text()
    );
}

#[test]
fn a_moderation_is_free_where_the_book_says_so_and_nowhere_else() {
    let stage = Stage::set(
        "$0.000001",
        "limits: [{ name: few, match: {}, rpm: 3 }]\n",
    );
    let texts = json!({ "input": ["hello", "violence"] });
    let answer = stage.post(MODERATIONS, &texts);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-tollgate-cost-usd"), Some("0.00"));
    assert_eq!(answer.json()["results"][1]["flagged"], true);
    assert_eq!(stage.simulator.last_body()["model"], "omni-moderation-latest");
    let image = json!({ "input": [{ "type": "image_url", "image_url": { "url": "https://example.com/x.png" } }] });
    assert_eq!(stage.post(MODERATIONS, &image).status, 200);
    assert_eq!(stage.spent(), Money::default());

    let unknown = json!({ "model": "unheard-of", "input": "hello" });
    refused(&stage.post(MODERATIONS, &unknown), 403, "price_unknown");
    let elsewhere = json!({ "model": "claude-m", "input": "hello" });
    refused(&stage.post(MODERATIONS, &elsewhere), 400, "dialect_not_served");
    let dear = json!({ "model": "judge", "input": "hello" });
    refused(&stage.post(MODERATIONS, &dear), 429, "insufficient_quota");
    refused(&stage.post(MODERATIONS, &texts), 429, "rate_limit_exceeded");
    let of_them = [("gen_ai_operation_name", "moderation")];
    let answered = "gen_ai_client_operation_duration_seconds_count";
    assert_eq!(stage.gateway.count(answered, &of_them), 2);
    stage.log_is_whole();
}

#[test]
fn a_moderation_that_costs_is_booked_by_what_it_was_weighed_with() {
    let stage = Stage::set("$1.00", "");
    let body = json!({ "model": "judge", "input": "hello there" });
    let answer = stage.post(MODERATIONS, &body);
    assert_eq!(answer.status, 200);
    let (spent, charged) = (stage.spent(), stage.simulator.meter().cost);
    assert!(spent > charged && charged > Money::default(), "{spent:?} {charged:?}");
    assert_eq!(stage.gateway.count("tollgate_usage_estimated_total", &[]), 1);
}

//! The table as callers meet it.

use super::*;
use crate::chat::Dialect;
use crate::clock::{Moment, Wall};
use crate::dialect::translate::{Fault, Loss};
use crate::governance::gate::Denial;
use crate::pipeline::{Failure, Other, Refusal, Why};
use serde_json::Value;

/// A model whose provider is called in another dialect.
fn foreign((model, provider): (&str, &str), spoken: Dialect, other: Dialect) -> Refusal {
    Refusal::OtherDialect {
        model: model.into(),
        provider: provider.into(),
        spoken,
        other,
    }
}

fn untranslatable() -> Refusal {
    Refusal::Untranslatable {
        provider: "claude".into(),
        fault: Box::new(Fault::Unsupported(Loss {
            param: "seed".to_owned(),
            why: "messages have no such field",
            slight: false,
        })),
        droppable: true,
    }
}

#[test]
fn the_table_of_statuses() {
    let upstream = |failure| Refusal::Upstream {
        provider: "openai".into(),
        attempts: 2,
        failure,
        others: Box::default(),
    };
    let fallen = Refusal::Upstream {
        provider: "vllm".into(),
        attempts: 1,
        failure: Failure::Status(503, None),
        others: Box::new([
            Other {
                provider: "openai".into(),
                why: Failure::Status(500, None).into(),
            },
            Other {
                provider: "claude".into(),
                why: Why::OtherDialect,
            },
        ]),
    };
    let rows = [
        Refused::key(true),
        Refused::key(false),
        Refused::host("evil.example"),
        Refused::origin(),
        Refused::version(),
        Refused::content_type(),
        Refused::content_encoding(),
        Refused::twice("host"),
        Refused::label("x-tollgate-run", 256),
        Refused::time("x-tollgate-timeout"),
        Refused::too_large(33_554_432),
        Refused::too_slow(),
        Refused::broken_body(),
        Refused::unknown_path(&http::Method::POST, "/v1/audio/transcriptions"),
        Refused::method("POST"),
        Refused::no_model("gpt-9"),
        foreign(
            ("claude-opus-5-5", "claude"),
            Dialect::OpenAi,
            Dialect::Anthropic,
        )
        .into(),
        foreign(("gpt-4o", "openai"), Dialect::Anthropic, Dialect::OpenAi).into(),
        foreign(
            ("gemini-2.5-pro", "gemini"),
            Dialect::OpenAi,
            Dialect::Gemini,
        )
        .into(),
        Refused::query("fields"),
        Refused::array_stream(),
        untranslatable().into(),
        Refusal::Unrecorded.into(),
        Refusal::Denied(Denial::suspended()).into(),
        Refusal::Denied(Denial::not_lent(None)).into(),
        Refusal::Denied(Denial::not_lent(Some(Duration::from_secs(2)))).into(),
        upstream(Failure::Status(500, None)).into(),
        upstream(Failure::Stalled).into(),
        fallen.into(),
        Refusal::NoCredential {
            provider: "openai".into(),
            name: "openai-prod".into(),
        }
        .into(),
    ];
    let line = |row: &Refused| {
        let (status, code) = (row.status.as_u16(), row.code.unwrap_or("-"));
        format!("{status} {} / {code}: {}", row.kind, row.message)
    };
    let table: Vec<String> = rows.iter().map(line).collect();
    insta::assert_snapshot!(table.join("\n"));
    // The same on the other surface, where the words are the same and types are the vendor's.
    let line = |row: &Refused| {
        let at = Moment {
            since_start: Duration::ZERO,
            wall: Wall::from_secs(0),
        };
        let body = row.body(Dialect::Anthropic, ("req_1", "dec_1"), "r1", at);
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let error = &body["error"];
        assert_eq!(body["type"], "error");
        assert_eq!(body["request_id"], "req_1");
        assert_eq!(error["message"], *row.message);
        assert_eq!(error["tollgate"]["decision_id"], "dec_1");
        let (kind, code) = (&error["type"], &error["details"]["error_code"]);
        let word = |value: &Value| value.as_str().map(str::to_owned).expect("a word");
        format!("{} {} / {}", row.status.as_u16(), word(kind), word(code))
    };
    let table: Vec<String> = rows.iter().map(line).collect();
    insta::assert_snapshot!(
        "the_table_of_statuses_in_anthropics_words",
        table.join("\n")
    );
    // And on Google's, whose words follow the status.
    let table: Vec<String> = rows.iter().map(in_googles_words).collect();
    insta::assert_snapshot!("the_table_of_statuses_in_googles_words", table.join("\n"));
}

fn in_googles_words(row: &Refused) -> String {
    let at = Moment {
        since_start: Duration::ZERO,
        wall: Wall::from_secs(0),
    };
    let body = row.body(Dialect::Gemini, ("req_1", "dec_1"), "r1", at);
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let error = &body["error"];
    assert_eq!(error["code"], row.status.as_u16());
    assert_eq!(error["message"], *row.message);
    assert_eq!(error["tollgate"]["decision_id"], "dec_1");
    let word = |value: &Value| value.as_str().map(str::to_owned).expect("a word");
    let reason = word(&error["details"][0]["reason"]);
    let status = word(&error["status"]);
    format!("{} {status} / {reason}", row.status.as_u16())
}

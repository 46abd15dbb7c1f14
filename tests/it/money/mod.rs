//! The promise about money, from outside: what callers were let do is what the provider charged, to the nano-dollar.

mod callers;
mod crash;
mod exact;
mod media;
mod upstream;

/// Prices the tests reckon with: a cent a call, tokens at odd prices, and embeddings.
const PRICES: &str = r#"
  cent: { request: "0.01", max_input: 100000, max_output: 16384 }
  odd: { input: "0.37", output: "1.13", max_input: 100000, max_output: 4096 }
  dear: { input: "3", cached_input: "0.3", output: "15", reasoning: "16", max_input: 100000, max_output: 4096 }
  embed: { input: "0.13", max_input: 100000 }
"#;

const CHAT: &str = "/v1/chat/completions";

/// One budget, called `all`, for everybody and for good.
fn budget(limit: &str) -> String {
    format!("budgets: [{{ name: all, match: {{}}, limit: \"{limit}\", window: total }}]\n")
}

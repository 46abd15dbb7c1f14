//! The furniture of a chat, where there should be none: tokens that open a turn, roles at the beginning of a line; and
//! markup made to show people something else than it says.
//!
//! Markers are looked for in the text as it is: a tokenizer would read them so. One that opens a turn of the system's is
//! more than one that merely occurs, and one that closes a turn which nobody opened here is more still.

use super::score::Score;
use aho_corasick::AhoCorasick;
use std::sync::LazyLock;

/// Tokens by which models' templates tell turns apart.
const TOKENS: [&str; 26] = [
    "<|im_start|>",
    "<|im_end|>",
    "<|im_sep|>",
    "<|system|>",
    "<|user|>",
    "<|assistant|>",
    "<|end|>",
    "<|endoftext|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|begin_of_text|>",
    "<|start|>",
    "<|message|>",
    "<|channel|>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[inst]",
    "[/inst]",
    "<<sys>>",
    "<</sys>>",
    "[system_prompt]",
    "[/system_prompt]",
    "<|start_of_role|>",
    "<|turn_end|>",
    "<|endofprompt|>",
];

/// What opens a turn of the system's, or closes the one this text should stay in.
const TURNS: [&str; 36] = [
    "</tool_result>",
    "</tool_response>",
    "</function_results>",
    "</search_results>",
    "<|im_start|>system",
    "<|im_start|> system",
    "<|system|>",
    "<|start_header_id|>system",
    "<<sys>>",
    "<|start|>system",
    "<|start|>developer",
    "<|im_end|>\n<|im_start|>",
    "<|im_end|><|im_start|>",
    "[/inst]",
    "</s>[inst]",
    "</s> [inst]",
    "<|eot_id|><|start_header_id|>",
    "<end_of_turn>\n<start_of_turn>",
    "### system",
    "###system",
    "### system:",
    "## system prompt",
    "[system]",
    "[[system]]",
    "{{system}}",
    "<system>",
    "<system_prompt>",
    "<system-reminder>",
    "</user>",
    "</user_input>",
    "</user_query>",
    "</document>\n<",
    "\"role\": \"system\"",
    "\"role\":\"system\"",
    "[system message]",
    "===system",
];

/// Roles that may stand at the beginning of a line, and what an order in that line begins with.
const ROLES: [&str; 16] = [
    "system",
    "assistant",
    "human",
    "user",
    "developer",
    "admin",
    "administrator",
    "ai",
    "system message",
    "system prompt",
    "système",
    "sistema",
    "система",
    "系统",
    "システム",
    "시스템",
];
const ORDERS: [&str; 40] = [
    "you ",
    "ignore",
    "disregard",
    "forget",
    "override",
    "from now",
    "the user",
    "new ",
    "all ",
    "your ",
    "please ",
    "do ",
    "i am now",
    "i will now",
    "sure",
    "understood",
    "updated",
    "security",
    "enable",
    "disable",
    "the previous",
    "previous",
    "the following",
    "execute",
    "reveal",
    "print",
    "du ",
    "sie ",
    "tu ",
    "vous ",
    "eres",
    "ahora",
    "sei ",
    "você",
    "ты ",
    "теперь",
    "你",
    "忽略",
    "あなた",
    "これ",
];

static TOKEN_SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| search(&TOKENS));
static TURN_SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| search(&TURNS));

fn search(phrases: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(phrases)
        .ok()
}

/// How many different phrases occur.
fn different(search: Option<&AhoCorasick>, text: &str) -> u32 {
    let Some(search) = search else { return 0 };
    search
        .find_overlapping_iter(text)
        .fold(0_u64, |seen, found| {
            seen | 1 << (found.pattern().as_u64() & 63)
        })
        .count_ones()
}

/// Looks for tokens and roles. `talk`: the text is about such things.
pub(super) fn look(text: &str, talk: bool, score: &mut Score) {
    let share = |weight: u16| if talk { weight / 2 } else { weight };
    match different(TURN_SEARCH.as_ref(), text) {
        0 => {}
        1 => score.add("chat_turn", share(420)),
        _ => score.add("chat_turn", share(560)),
    }
    match different(TOKEN_SEARCH.as_ref(), text) {
        0 => {}
        1 => score.add("chat_token", share(250)),
        _ => score.add("chat_token", share(400)),
    }
    if text.lines().any(plays_a_role) {
        score.add("fake_turn", 480);
    }
    if hidden_image(text) {
        score.add("image_with_data", 500);
    }
    if let Some(hidden) = hidden_markup(text) {
        score.add(hidden, 150);
    }
}

/// Whether a line reads `system: you must …`.
fn plays_a_role(line: &str) -> bool {
    let Some((role, said)) = line.split_once([':', '：']) else {
        return false;
    };
    let role = role.trim_matches(|character: char| !character.is_alphanumeric());
    if role.len() > 24 {
        return false;
    }
    let role = role.to_lowercase();
    let said: String = said.chars().take(48).flat_map(char::to_lowercase).collect();
    let said = said.trim_start_matches(|character: char| !character.is_alphanumeric());
    ROLES
        .iter()
        .take(1)
        .chain(ROLES.iter().skip(4))
        .any(|known| *known == role)
        && ORDERS.iter().any(|order| said.starts_with(order))
}

/// Whether a Markdown image carries something to be filled in: `![x](https://…?q={data})`.
fn hidden_image(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("![") {
        rest = after;
        let Some((_, target)) = after.split_once("](") else {
            return false;
        };
        let target: String = target
            .chars()
            .take(300)
            .take_while(|character| !matches!(character, ')' | '\n'))
            .collect();
        let target = target.to_ascii_lowercase();
        let filled = [
            "{",
            "[",
            "<",
            "%7b",
            "data_here",
            "your_",
            "_here",
            "secret",
            "conversation",
            "history",
            "summary",
            "base64",
            "encoded",
        ];
        if target.contains("://")
            && target
                .split_once('?')
                .is_some_and(|(_, query)| filled.iter().any(|sign| query.contains(sign)))
        {
            return true;
        }
    }
    false
}

/// Markup that hides text from people.
fn hidden_markup(text: &str) -> Option<&'static str> {
    let squeezed = |sign: &str| text.contains(sign);
    let hidden = [
        "display:none",
        "display: none",
        "font-size:0",
        "font-size: 0",
        "visibility:hidden",
        "visibility: hidden",
        "opacity:0",
        "opacity: 0",
        "color:white",
        "color: white",
        "color:#fff",
        "aria-hidden=\"true\"",
    ];
    hidden.into_iter().any(squeezed).then_some("hidden_markup")
}

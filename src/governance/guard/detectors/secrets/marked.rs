//! Tokens whose vendor shows by a mark in their middle or at their end, and addresses that are secrets themselves.
//!
//! What stands before the mark is read backwards, at most as far as a probe may look.

use super::encoded::decode;
use super::form::Part::{self, Lit, Run};
use super::form::{Form, strong, weak};
use super::looks::{Census, is_placeholder, is_random};
use super::reading::{
    ALNUM, DIGIT, HEX, HEX_ANY, LOWER_ALNUM, Set, Sure, URL64, between, closes, found, has,
    mentions, opens, run, run_back, set, what,
};
use crate::governance::guard::finding::Level;
use crate::governance::guard::probe::{Class, Probe, Trigger, View};

static AZURE: Set = set("0-9A-Za-z_.~-");
static ATLAS: Set = set("0-9A-Za-z_=-");
static URL: Set = set("0-9A-Za-z/_@.=?&%:+-");
static HOST: Set = set("0-9A-Za-z.:/-");
static CHATTY: Set = set("0-9A-Za-z_-");

/// A token with a mark in it.
struct Marked {
    mark: &'static str,
    name: &'static str,
    /// What stands before the mark: its set and its length, at least and at most.
    head: (&'static Set, usize, usize),
    /// What stands behind it.
    tail: &'static [Part],
}

static MARKED: &[Marked] = &[
    Marked {
        mark: "Q~",
        name: "azure_client_secret",
        head: (&AZURE, 4, 4),
        tail: &[Run(&AZURE, 31, 34)],
    },
    Marked {
        mark: ".atlasv1.",
        name: "terraform_token",
        head: (&ALNUM, 14, 14),
        tail: &[Run(&ATLAS, 60, 70)],
    },
    Marked {
        mark: "-us",
        name: "mailchimp_api_key",
        head: (&HEX, 32, 32),
        tail: &[Run(&DIGIT, 1, 2)],
    },
    Marked {
        mark: ":AA",
        name: "telegram_bot_token",
        head: (&DIGIT, 8, 10),
        tail: &[Run(&CHATTY, 32, 34)],
    },
    Marked {
        mark: ":APA91b",
        name: "firebase_server_key",
        head: (&URL64, 11, 11),
        tail: &[Run(&URL64, 130, 140)],
    },
    Marked {
        mark: "_mmk",
        name: "maxmind_license_key",
        head: (&super::reading::WORD, 36, 36),
        tail: &[],
    },
    Marked {
        mark: "AZDO",
        name: "azure_devops_token",
        head: (&ALNUM, 76, 76),
        tail: &[Run(&ALNUM, 4, 4)],
    },
    Marked {
        mark: "NRAL",
        name: "newrelic_license_key",
        head: (&LOWER_ALNUM, 36, 36),
        tail: &[],
    },
];

/// Every mark.
pub(super) const MARKS: &[Trigger] = &[
    Trigger::Exact("Q~"),
    Trigger::Exact(".atlasv1."),
    Trigger::Exact("-us"),
    Trigger::Exact(":AA"),
    Trigger::Exact(":APA91b"),
    Trigger::Exact("_mmk"),
    Trigger::Exact("AZDO"),
    Trigger::Exact("NRAL"),
];

/// Reads the token around a mark.
pub(super) fn probe(view: &View<'_>, at: usize) -> Probe {
    let text = view.bytes.get(at..).unwrap_or_default();
    let Some(marked) = MARKED
        .iter()
        .find(|marked| text.starts_with(marked.mark.as_bytes()))
    else {
        return Probe::No;
    };
    let (set, least, most) = marked.head;
    // Azure's secrets have dots before the mark as well, but a fixed length: what goes before is the boundary.
    let start = run_back(view, at, set, most);
    let head = between(view, start, at);
    // The address of Telegram's interface puts a word before the number.
    let is_in_address =
        marked.mark == ":AA" && between(view, start.saturating_sub(3), start) == b"bot";
    if head.len() < least || !(opens(view, start) || is_in_address) || Census::of(head).digits == 0
    {
        return Probe::No;
    }
    if marked.mark == "Q~" && !head.last().is_some_and(u8::is_ascii_digit) {
        return Probe::No;
    }
    if head.len() > 11 && (is_placeholder(head) || Census::of(head).distinct < 5) {
        return Probe::No;
    }
    let form = strong(marked.name, marked.tail);
    let probe = if marked.tail.is_empty() {
        closes(view, at + marked.mark.len()).map(|closes| {
            // So long a head is not held back for a mark to come, and its beginning may be gone: where a name announces the
            // whole, that finding reaches further and must win.
            if closes {
                found(
                    start,
                    at + marked.mark.len(),
                    what(marked.name, Level::Contextual),
                )
            } else {
                Probe::No
            }
        })
    } else {
        form.probe(view, start, at + marked.mark.len())
    };
    probe.unwrap_or(Probe::More { from: start })
}

static ASANA: Form = strong(
    "asana_token",
    &[Run(&DIGIT, 16, 16), Lit(":"), Run(&LOWER_ALNUM, 32, 32)],
);

/// Asana's tokens: `1/`, sixteen digits, a colon, 32 hexadecimal digits.
pub(super) fn probe_asana(view: &View<'_>, at: usize) -> Probe {
    let slash = view.before(at) == Some(b'/');
    let start = at.saturating_sub(2);
    if !slash
        || !between(view, start, at)
            .first()
            .is_some_and(|b| matches!(b, b'0'..=b'2'))
        || !opens(view, start)
    {
        return Probe::No;
    }
    ASANA
        .probe(view, start, at)
        .unwrap_or(Probe::More { from: start })
}

/// Twilio's two letters and what must follow them, so that not every `SKU` and `ACCESS` is looked at.
pub(super) const TWILIO: &[Trigger] = &[
    Trigger::Shape(&[Class::Byte(b'S'), Class::Byte(b'K'), Class::Hex, Class::Hex]),
    Trigger::Shape(&[Class::Byte(b'A'), Class::Byte(b'C'), Class::Hex, Class::Hex]),
];

static TWILIO_FORM: Form = weak("twilio_key", &[Run(&HEX_ANY, 32, 32)]);

/// Reads Twilio's account and key ids.
pub(super) fn probe_twilio(view: &View<'_>, at: usize) -> Probe {
    if !opens(view, at) {
        return Probe::No;
    }
    TWILIO_FORM
        .probe(view, at, at + 2)
        .unwrap_or(Probe::More { from: at })
}

/// The dot before the second part of Discord's tokens, which counts time and so begins with one of few letters.
pub(super) const DISCORD: &[Trigger] = &[Trigger::Shape(&[
    Class::Byte(b'.'),
    Class::AnyOf("GHXYZ"),
    Class::Alnum,
])];

static DISCORD_FORM: Form = strong(
    "discord_token",
    &[Run(&URL64, 6, 6), Lit("."), Run(&URL64, 27, 38)],
);

/// Reads a Discord token around its first dot: a number in base64 before it, a signature behind.
pub(super) fn probe_discord(view: &View<'_>, at: usize) -> Probe {
    let start = run_back(view, at, &ALNUM, 28);
    let head = between(view, start, at);
    let is_number = decode(head).is_some_and(|number| number.iter().all(u8::is_ascii_digit));
    let is_head = (23..=28).contains(&head.len())
        && head
            .first()
            .is_some_and(|first| matches!(first, b'M' | b'N' | b'O'))
        && (is_number || is_random(head, 23));
    if !is_head || !opens(view, start) {
        return Probe::No;
    }
    DISCORD_FORM
        .probe(view, start, at + 1)
        .unwrap_or(Probe::More { from: start })
}

/// Where chats and workflows take posts from whoever knows the address.
pub(super) const WEBHOOKS: &[Trigger] = &[
    Trigger::Exact("hooks.slack.com/"),
    Trigger::Exact("discord.com/api/webhooks/"),
    Trigger::Exact("discordapp.com/api/webhooks/"),
    Trigger::Exact("webhook.office.com/webhookb2/"),
    Trigger::Exact("hooks.zapier.com/hooks/catch/"),
    Trigger::Exact("open.feishu.cn/open-apis/bot/v2/hook/"),
    Trigger::Exact("open.larksuite.com/open-apis/bot/v2/hook/"),
    Trigger::Exact("maker.ifttt.com/trigger/"),
];

/// Reads the address of a webhook.
pub(super) fn probe_webhook(view: &View<'_>, at: usize) -> Probe {
    let host = run_back(view, at, &HOST, 80);
    let before = between(view, host, at);
    let start = before
        .windows(4)
        .rposition(|part| part.eq_ignore_ascii_case(b"http"))
        .map_or(at, |place| host + place);
    webhook(view, start, at).unwrap_or(Probe::More { from: start })
}

fn webhook(view: &View<'_>, start: usize, at: usize) -> Sure<Probe> {
    let mut end = run(view, at, &URL, 400)?;
    while end > at
        && view
            .before(end)
            .is_some_and(|last| matches!(last, b'.' | b':' | b'?' | b'&'))
    {
        end -= 1;
    }
    let address = between(view, at, end);
    let name = if mentions(address, "slack") {
        "slack_webhook"
    } else if mentions(address, "discord") {
        "discord_webhook"
    } else if mentions(address, "office") {
        "teams_webhook"
    } else {
        "webhook"
    };
    let last = address
        .split(|byte| *byte == b'/')
        .rfind(|part| !part.is_empty())
        .unwrap_or_default();
    let long = last.len() >= 16 && is_random(last, 16);
    let short = name == "webhook"
        && last.len() >= 6
        && address.iter().filter(|b| has(&DIGIT, **b)).count() >= 5;
    let is_one = (long || short) && !is_placeholder(last);
    Ok(if is_one {
        found(start, end, what(name, Level::Validated))
    } else {
        Probe::No
    })
}

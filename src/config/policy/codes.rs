//! Every code a policy can be told, and what it stands for.

/// The codes in their order, each with its title.
pub const CODES: &[(&str, &str)] = &[
    ("TG001", "Not plain UTF-8 text, or indented by tabs"),
    ("TG002", "Not YAML"),
    ("TG003", "Too large or too deep"),
    ("TG004", "Anchors, aliases, merge keys or tags"),
    ("TG005", "A second document"),
    (
        "TG006",
        "A file that is not to be trusted or cannot be read",
    ),
    ("TG007", "Signature missing or wrong"),
    ("TG008", "Two files for one scope"),
    ("TG009", "Unsupported version"),
    ("TG101", "Missing key"),
    ("TG102", "Unknown key"),
    ("TG103", "Duplicate key"),
    ("TG104", "Wrong type"),
    ("TG105", "Out of range"),
    ("TG106", "Unknown value"),
    ("TG107", "Quotes missing or too many"),
    ("TG201", "List, window or rule not defined"),
    ("TG202", "Defined but never used"),
    ("TG203", "Duplicate name"),
    ("TG204", "Allows everything without saying so"),
    ("TG205", "Invalid or dead glob"),
    ("TG206", "Model without a price"),
    ("TG207", "Allow rule covered by a deny rule"),
    ("TG208", "Duplicate matchers"),
    ("TG209", "Can never match"),
    ("TG210", "Wider than its parent"),
    ("TG211", "Override for a scope that is not below"),
    ("TG212", "No end, or an end that is near or over"),
    ("TG213", "Override without a reason"),
    ("TG301", "Not an expression"),
    ("TG302", "Unknown variable or function"),
    ("TG303", "Types that do not fit"),
    ("TG304", "Not true or false"),
    ("TG305", "Nested or unbounded comprehension"),
    ("TG306", "Too costly"),
    ("TG307", "Invalid regular expression"),
    ("TG308", "Overflow"),
    ("TG309", "Always true or always false"),
    ("TG401", "Unknown time zone"),
    ("TG402", "Unknown day"),
    ("TG403", "Not a time of day, or no time at all"),
    ("TG404", "Crosses midnight without saying so"),
    ("TG405", "Not a date, or one the clock shows twice or never"),
    ("TG501", "Unknown type of value"),
    ("TG502", "Action not possible here"),
    ("TG503", "Threshold outside 0 to 1"),
    (
        "TG504",
        "Pattern without samples, or one that its samples refute",
    ),
    ("TG505", "Pattern overlaps a built-in type"),
    ("TG506", "Slow pattern"),
    ("TG601", "Failing test"),
    ("TG602", "Test names what does not exist"),
    ("TG603", "Ambiguous test"),
    ("TG604", "Rule no test reaches"),
    ("TG605", "Surviving mutant"),
];

/// What a code stands for.
#[must_use]
pub fn title(code: &str) -> Option<&'static str> {
    let (_, title) = CODES.iter().find(|(known, _)| *known == code)?;
    Some(title)
}

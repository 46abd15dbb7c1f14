//! "Did you mean", behind a complaint about a name.

use crate::governance::policy::nearest::nearest;
use crate::governance::policy::place::Diagnostic;

/// Behind so many complaints nobody reads suggestions.
const MANY: usize = 50;

/// ` (did you mean …?)` if a known name is near enough to be meant; otherwise nothing. `told`: the complaints before it.
pub(super) fn near<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
    told: &[Diagnostic],
) -> String {
    if told.len() > MANY {
        return String::new();
    }
    nearest(given, known).map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_name_that_was_meant() {
        let check = |given: &str, expected: &str| {
            assert_eq!(
                near(given, ["office", "night", "chat-models"], &[]),
                expected,
                "{given}"
            );
        };
        check("ofice", " (did you mean `office`?)");
        check("Nigth", " (did you mean `night`?)");
        check("chat-model", " (did you mean `chat-models`?)");
        check("weekend", "");
    }
}

//! What values look like: random, a word, a placeholder.
//!
//! Random strings are told from words by their neighbouring letters: of all pairs of letters, the 218 below make up 93 % of
//! English, but a third of random text. Entropy alone cannot: `getAccessTokenSilently` has more of it than many a key.

/// The letters that often follow each letter in English words, names in code included.
const FOLLOWERS: [&str; 26] = [
    "bcdgiklmnprstuvy",
    "aeiloru",
    "aehiklortu",
    "adeiosu",
    "acdefglmnpqrstvx",
    "aefilou",
    "ehinoru",
    "aeiot",
    "abcdefglmnoprstvxz",
    "",
    "eis",
    "adeilostuy",
    "aeimopsu",
    "acdefginostuv",
    "cdgiklmnoprstuvw",
    "aeiloprstu",
    "u",
    "acdegikmnorstuy",
    "acehiopstuy",
    "acehiloprstuy",
    "abceilmnprst",
    "aei",
    "aehio",
    "pt",
    "ps",
    "e",
];

/// Words that only stand where a value is left out, wherever they stand in it.
const LEFT_OUT: [&str; 22] = [
    "example",
    "placeholder",
    "redacted",
    "your_",
    "your-",
    "yourkey",
    "yourtoken",
    "yourpass",
    "yoursecret",
    "yourapi",
    "changeme",
    "change_me",
    "change-me",
    "changeit",
    "replace",
    "insert",
    "dummy",
    "xxxx",
    "****",
    "....",
    "todo",
    "sample",
];

/// Values that stand for a password without being one, digits and punctuation at their end apart.
const STAND_INS: [&str; 44] = [
    "password",
    "passwd",
    "passwort",
    "passphrase",
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "key",
    "apikey",
    "api_key",
    "api-key",
    "test",
    "testing",
    "foo",
    "bar",
    "foobar",
    "baz",
    "none",
    "null",
    "nil",
    "true",
    "false",
    "undefined",
    "string",
    "user",
    "username",
    "mypassword",
    "my_password",
    "my-password",
    "mysecret",
    "mytoken",
    "my-secret",
    "my-token",
    "value",
    "default",
    "fake",
    "mock",
    "abc",
    "admin",
    "guest",
    "root",
    "hidden",
];

/// Counts of the kinds of bytes in a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Census {
    pub(super) upper: usize,
    pub(super) lower: usize,
    pub(super) digits: usize,
    /// Punctuation that names, paths and numbers are also written with: `-`, `_`, `.`, `/`, `:`.
    pub(super) joints: usize,
    /// Other punctuation.
    pub(super) symbols: usize,
    /// Bytes beyond ASCII.
    pub(super) foreign: usize,
    /// Different bytes.
    pub(super) distinct: usize,
}

impl Census {
    pub(super) fn of(value: &[u8]) -> Self {
        let mut census = Self::default();
        let mut seen = 0_u128;
        for byte in value {
            match byte {
                b'A'..=b'Z' => census.upper += 1,
                b'a'..=b'z' => census.lower += 1,
                b'0'..=b'9' => census.digits += 1,
                b'-' | b'_' | b'.' | b'/' | b':' => census.joints += 1,
                0x80.. => census.foreign += 1,
                _ => census.symbols += 1,
            }
            seen |= 1_u128.checked_shl(u32::from(*byte)).unwrap_or(0);
        }
        census.distinct = usize::try_from(seen.count_ones()).unwrap_or(0);
        census
    }

    pub(super) const fn letters(&self) -> usize {
        self.upper + self.lower
    }
}

/// Pairs of neighbouring letters, and how many of them are frequent ones. Pairs across `aB` do not count: names are so joined.
fn pairs(value: &[u8]) -> (usize, usize) {
    let mut all = 0;
    let mut frequent = 0;
    for pair in value.windows(2) {
        let [first, second] = pair else { continue };
        let joined = first.is_ascii_lowercase() && second.is_ascii_uppercase();
        if !first.is_ascii_alphabetic() || !second.is_ascii_alphabetic() || joined {
            continue;
        }
        all += 1;
        let place = usize::from(first.to_ascii_lowercase() - b'a');
        let followers = FOLLOWERS.get(place).map_or(&[][..], |row| row.as_bytes());
        frequent += usize::from(followers.contains(&second.to_ascii_lowercase()));
    }
    (all, frequent)
}

/// Whether the letters of a value make words: at least three in four of its pairs are frequent ones.
pub(super) fn is_wordy(value: &[u8]) -> bool {
    let (all, frequent) = pairs(value);
    all >= 3 && frequent * 4 >= all * 3
}

/// Whether of the pairs of letters in a value fewer than so many tenths are frequent ones: no word has so few.
pub(super) fn is_strange(value: &[u8], tenths: usize) -> bool {
    let (all, frequent) = pairs(&value.to_ascii_lowercase());
    all >= 7 && frequent * 10 < all * tenths
}

/// How often a value changes its kind: between letters and digits, and from small letters to capitals.
fn changes(value: &[u8]) -> usize {
    let changes = value.windows(2).filter(|pair| {
        let [a, b] = pair else { return false };
        (a.is_ascii_alphabetic() && b.is_ascii_digit())
            || (a.is_ascii_digit() && b.is_ascii_alphabetic())
            || (a.is_ascii_lowercase() && b.is_ascii_uppercase())
    });
    changes.count()
}

/// Whether letters alone look drawn rather than written: their case changes as in no name, and their pairs are no words'.
pub(super) fn is_scrambled(value: &[u8], least: usize) -> bool {
    let changes = value.windows(2).filter(|pair| {
        let [a, b] = pair else { return false };
        a.is_ascii_alphabetic()
            && b.is_ascii_alphabetic()
            && a.is_ascii_lowercase() != b.is_ascii_lowercase()
    });
    let (all, frequent) = pairs(value);
    let changes = changes.count();
    let most = if least > 2 { 6 } else { 7 };
    changes >= least && (frequent * 10 < all * most || changes * 2 >= value.len())
}

/// Whether part of a value counts up (`12345678`, `abcdefgh`) or repeats one byte for more than half of its length.
pub(super) fn is_sequence(value: &[u8]) -> bool {
    let (mut up, mut same) = (0, 0);
    for pair in value.windows(2) {
        let [first, second] = pair else { continue };
        up += usize::from(first.checked_add(1) == Some(*second));
        same += usize::from(first == second);
    }
    let most = value.len().saturating_sub(1);
    most >= 3 && (up * 10 > most * 6 || same * 10 > most * 6)
}

/// Whether a value is the name of one that is filled in later: `$NAME`, `${…}`, `{{…}}`, `<…>`, `%NAME%`, `[NAME]`, `%s`.
fn is_variable(value: &[u8]) -> bool {
    let name = |name: &[u8]| {
        name.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b' ' | b':')
        })
    };
    match value {
        [b'<', .., b'>']
        | [b'{', .., b'}']
        | [b'_', b'_', .., b'_', b'_']
        | [b'$', b'{' | b'(', ..]
        | [b'#' | b'{', b'{', ..]
        | [b'%', b'(', ..]
        | [b'%', b's' | b'v' | b'd'] => true,
        [b'$', rest @ ..] => name(rest) && !is_random(rest, 8),
        [b'%', rest @ .., b'%']
        | [b'@', rest @ .., b'@']
        | [b'[', rest @ .., b']']
        | [b'<', rest @ ..] => name(rest),
        _ => false,
    }
}

/// Whether a value only shows where one would stand.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    let head = value.get(..value.len().min(80)).unwrap_or_default();
    if LEFT_OUT
        .iter()
        .any(|word| super::reading::mentions(head, word))
        || is_sequence(head)
    {
        return true;
    }
    if is_variable(head) {
        return true;
    }
    let core = head.trim_ascii_end();
    let bare = core
        .iter()
        .rposition(u8::is_ascii_alphabetic)
        .and_then(|last| core.get(..=last))
        .unwrap_or_default();
    let starless = core
        .iter()
        .all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'-' | b'_' | b'?' | b'#'));
    starless
        || STAND_INS
            .iter()
            .any(|word| bare.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether a value is drawn from an alphabet rather than written: for tokens, keys and generated secrets.
pub(super) fn is_random(value: &[u8], least: usize) -> bool {
    let head = value.get(..value.len().min(128)).unwrap_or_default();
    head.len() >= least && is_drawn(head, least) && !is_placeholder(head)
}

fn is_drawn(head: &[u8], least: usize) -> bool {
    let census = Census::of(head);
    let variety = match head.len() {
        0..=9 => 5,
        10..=15 => 6,
        16..=23 => 7,
        _ => 8,
    };
    if census.distinct < variety || census.foreign > 0 {
        return false;
    }
    let (all, frequent) = pairs(head);
    let wordy = all >= 4 && frequent * 10 >= all * 7;
    // Names change their kind once in a word; random text does so at nearly every second byte.
    let changes = changes(head);
    if census.digits > 0 && census.letters() > 0 {
        let is_mixed = changes >= 3 && census.digits * 4 >= head.len();
        return !wordy || is_mixed || changes * 10 >= head.len() * 3;
    }
    if census.digits > 0 {
        return census.joints == 0 && head.len() >= least.max(16);
    }
    let is_restless = changes >= 2 && changes * 7 >= head.len() && !wordy;
    head.len() >= 16 && (is_restless || (all >= 12 && frequent * 2 < all))
}

/// Whether a value is a UUID.
pub(super) fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

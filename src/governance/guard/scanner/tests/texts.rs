//! Texts for tests of what may leave: values, what surrounds them and what only looks like them, put together by a seed.

/// Numbers that look random and are the same each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }

    /// So many letters of an alphabet.
    pub(crate) fn pick(&mut self, alphabet: &[u8], length: usize) -> String {
        (0..length)
            .map(|_| char::from(self.one_of(alphabet)))
            .collect()
    }

    /// One of them.
    pub(crate) fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        let place = self.roll(from.len());
        *from.get(place).expect("fewer than there are")
    }
}

/// How many texts there are.
pub(crate) const TEXTS: u64 = 2_000;

/// A text of so many bytes or a few more: values of every family of detectors, whole, maimed and disguised, one beside the
/// other and one in the other.
pub(crate) fn text(number: u64, bytes: usize) -> String {
    let mut dice = Dice(number);
    dice.roll(2);
    let mut text = String::new();
    while text.len() < bytes {
        let part = match dice.roll(8) {
            0..=3 => dice.one_of(VALUES).to_owned(),
            4 => maimed(dice.one_of(VALUES), &mut dice),
            5 if dice.roll(8) == 0 => dice.one_of(HIDDEN).to_owned(),
            _ => dice.one_of(PIECES).to_owned(),
        };
        text.push_str(&part);
        text.push_str(dice.one_of(BETWEEN));
    }
    text
}

/// Some values in sentences of their own, which no look at one can take for the other.
pub(crate) fn sentences(number: u64) -> String {
    let mut dice = Dice(number);
    dice.roll(2);
    let mut text = String::new();
    for _ in 0..2 {
        let (value, rest) = (dice.one_of(VALUES), dice.one_of(REST));
        text += &["It said ", value, " then. ", rest, "\n\n"].concat();
    }
    text
}

/// Sentences without a value, longer than detectors look for words that announce one.
const REST: &[&str] = &[
    "And nobody who was there has ever wondered why that had been so.",
    "Und niemand, der zugegen war, hat sich je darüber gewundert, weshalb.",
    "そこにいた誰もがその理由を不思議に思うことは一度もなかったということだ。",
];

/// A value with something about it changed: mostly no value any more. A URL stays one: in the middle of a host that is none
/// nothing is put back.
fn maimed(value: &str, dice: &mut Dice) -> String {
    if value.contains("://") {
        return value.to_owned();
    }
    let mut letters: Vec<char> = value.chars().collect();
    let place = dice.roll(letters.len());
    match dice.roll(5) {
        0 => _ = letters.remove(place),
        1 => letters.insert(
            place,
            dice.one_of(&['\u{200b}', '\u{ad}', '\u{a0}', '-', '0']),
        ),
        2 => letters.truncate(place + 1),
        3 => letters = letters.iter().map(|letter| likeness(*letter)).collect(),
        _ => letters.swap(place, 0),
    }
    letters.into_iter().collect()
}

/// A letter that is drawn the same.
fn likeness(letter: char) -> char {
    match letter {
        '0'..='9' => char::from_u32(u32::from(letter) + 0xfee0).unwrap_or(letter),
        'a' => 'а',
        'e' => 'е',
        'o' => 'ο',
        '-' => '\u{2011}',
        '@' => '＠',
        other => other,
    }
}

/// What stands between two parts; mostly nothing, so that values meet.
const BETWEEN: &[&str] = &[
    "", "", "", " ", " ", ", ", "\n", "\"", "\\", "é", "。", "😀", "\u{1}", "=", "/",
];

/// One value of each family, with what announces it where that is needed, and values inside others.
pub(crate) const VALUES: &[&str] = &[
    "4111 1111 1111 1111",
    "6011000990139424",
    "3782 822463 10005",
    "DE89 3704 0044 0532 0130 00",
    "GB82WEST12345698765432",
    "536-22-1841",
    "ssn 536221841",
    "jane.doe@example.org",
    "info@müller.de",
    "10.20.30.40",
    "2001:db8::1",
    "00:1a:2b:3c:4d:5e",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "+41 44 668 18 00",
    "(415) 555-2671",
    "call 415-555-2671 x12",
    "born 1990-01-31",
    "生年月日 1990-01-31",
    "NHS number 943 476 5919",
    "AB 12 34 56 C",
    "passport number is C01X00T47",
    "PESEL 44051401359",
    "NIF: 12.345.678-Z",
    "CPF 111.444.777-35",
    "身份证号 11010519491231002X",
    "आधार 234123412346",
    "44051401359 to mój PESEL",
    "rodné číslo 710319/2745",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "AKIAIOSFODNN7REALKEY",
    "password: hunter2!",
    "{\"password\": \"S3cure!pass\"}",
    "密码：S3cure!pass",
    "postgres://bob:s3cr3tpw@db.example.com/",
    "curl -u admin:hunter2x https://a.io/",
    "Authorization: Basic YWRtaW46aHVudGVyMg==",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END PRIVATE KEY-----",
    "password=jane.doe@example.org",
    "https://x.io/?q=jane@x.io&ip=10.20.30.40",
    "http://10.20.30.40:8080/",
    "postgres://bob:s3cr3tpw@10.20.30.40:5432/db",
];

/// Values that are hidden by others until those are gone.
const HIDDEN: &[&str] = &["jane@10.20.30.40", "4111 1111 1111 1111 044 668 18 00"];

/// Values, their look-alikes and beginnings, and what stands between them.
pub(crate) const PIECES: &[&str] = &[
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111111111111111",
    "4111 1111 ",
    "3782 822463 10005",
    "1111",
    "DE89 3704 0044 0532 0130 00",
    "GB82WEST12345698765432",
    "DE89 3704 0044",
    "536-22-1841",
    "ssn 536221841",
    "536-22-",
    "jane.doe@example.com",
    "jane@example",
    "jane@",
    "@example.com",
    "a@b.co.uk",
    "info@müller.de",
    "git@github.com:org/x",
    "10.20.30.40",
    "10.20.30.40:8080",
    "1.2.3.4.5",
    "version 1.2.3.4",
    "2001:db8::1",
    "fe80::",
    "::1",
    "a::b",
    "00:1a:2b:3c:4d:5e",
    "001a.2b3c.4d5e",
    "00-1a-2b-3c",
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "solana ",
    "4Nd1mBQtrMJVYVfKf2PJy9NZUZdTAsp7D4xWLs4gDB4T",
    " ",
    " ",
    "\n",
    ".",
    ",",
    "-",
    ":",
    "\"",
    "\\\"",
    "(",
    "+",
    "=",
    "/",
    "中文",
    "é",
    "。",
    "😀",
    "a",
    "Z",
    "0",
    "1",
    "the ",
    "AB ",
    "word",
    "x",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "{",
    "}",
    "'",
    "ghp_",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "AKIA",
    "AKIAIOSFODNN7REALKEY",
    "sk-",
    "eyJhbGciOiJIUzI1NiJ9.",
    "password=",
    "password: hunter2!",
    "https://bob:s3cr3tpw@db.example.com/",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA",
    "-----END RSA PRIVATE KEY-----",
    "-----BEGIN",
    "+41 44 668 18 00",
    "(415) 555-2671",
    "044 668",
    "1990-01-31",
    "born ",
    "DOB: 31.01.1990",
    "AB 12 34 56 C",
];

//! What a policy file may hold, as a table: the one description that checking, decoding, the schema and the reference share.
//!
//! A fault is found by holding the tree against its shape, once and for all keys alike, so decoding has nothing left to
//! complain of. The table is data: what is not in it is not a key, and what is in it appears in the schema.
//!
//! Not here: the table (`keys`), holding trees against it (`conform`).

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Text; where YAML could read it as something else it must be in quotes.
    Text,
    /// Text, a number, or true and false: as it is written.
    Scalar,
    /// A date or a time, in quotes or not.
    Stamp,
    /// An expression.
    Expression,
    /// `true` or `false`.
    Flag,
    /// The version of the format.
    Version,
    /// A whole number between these two.
    Number(u64, u64),
    /// One of these numbers.
    Numbers(&'static [u64]),
    /// A number with at most three decimals, and the most thousandths it may be; the code says what too many are.
    Decimal(u64, &'static str),
    /// `80%`.
    Percent,
    /// `60s`.
    Length,
    /// `"$2.00"`.
    Dollars,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list; one alone stands for a list of one.
    List(&'static Shape),
    /// A mapping with names of the author's own.
    Named(&'static Shape),
    /// A mapping with these keys.
    Keys(&'static Mapping),
    /// The word `any`, or a mapping with these keys.
    AnyOr(&'static Mapping),
}

/// A mapping with known keys.
#[derive(Debug)]
pub(super) struct Mapping {
    /// What the schema calls it.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Keys of which at least one must be there.
    pub one_of: &'static [&'static str],
}

/// One key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    pub name: &'static str,
    pub shape: Shape,
    pub required: bool,
    /// What it does, in one sentence.
    pub about: &'static str,
}

impl Mapping {
    /// What a key takes.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Shape {
    /// What it is called in a complaint.
    pub(super) fn wanted(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Scalar => "a single value",
            Self::Stamp => "a date or a time",
            Self::Expression => "an expression",
            Self::Flag => "`true` or `false`",
            Self::Version => "the number of a version",
            Self::Number(..) | Self::Numbers(_) => "a whole number",
            Self::Decimal(..) => "a number",
            Self::Percent => "a percentage, like `80%`",
            Self::Length => "a length of time, like `60s`",
            Self::Dollars => "an amount in dollars, like \"$2.00\"",
            Self::Word(_) => "one of several words",
            Self::List(_) => "a list",
            Self::Named(_) | Self::Keys(_) => "a mapping (`key: value`)",
            Self::AnyOr(_) => "a mapping (`key: value`) or the word `any`",
        }
    }
}

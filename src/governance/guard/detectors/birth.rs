//! Dates of birth: any date is one only beside a word that says so.
//!
//! Woken by that word (`born`, `DOB`, `Geburtsdatum`, …), because dates are common and births are not. The first number or
//! month within 40 bytes behind the word must begin a whole date; a year alone is none.
//!
//! Invariant: until the date has begun, only the word that might begin it is held.
//!
//! Not here: ages, years of birth, words behind the date.

use super::national::number::{Known, ends};
use crate::governance::guard::finding::{Kind, Level};
use crate::governance::guard::probe::{Detector, Match, Probe, Trigger, View, What};

/// The detector of dates of birth.
pub(crate) const DETECTORS: &[Detector] = &[Detector {
    name: "date_of_birth",
    kind: Kind::DateOfBirth,
    triggers: &[
        Trigger::AnyCase("born"),
        Trigger::AnyCase("dob"),
        Trigger::AnyCase("d.o.b"),
        Trigger::AnyCase("birth"),
        Trigger::AnyCase("geboren"),
        Trigger::AnyCase("geb."),
        Trigger::AnyCase("geburt"),
        Trigger::AnyCase("naissance"),
        Trigger::AnyCase("nacid"),
        Trigger::AnyCase("nacim"),
        Trigger::AnyCase("nato il"),
        Trigger::AnyCase("nata il"),
        Trigger::AnyCase("nascita"),
        Trigger::AnyCase("nascid"),
        Trigger::AnyCase("nascim"),
        Trigger::AnyCase("geboorte"),
        Trigger::AnyCase("urodz"),
        Trigger::AnyCase("narozen"),
        Trigger::AnyCase("syntym"),
        Trigger::Exact("né le"),
        Trigger::Exact("Né le"),
        Trigger::Exact("née le"),
        Trigger::Exact("Née le"),
        Trigger::Exact("född"),
        Trigger::Exact("Född"),
        Trigger::Exact("født"),
        Trigger::Exact("Født"),
        Trigger::Exact("fødsel"),
        Trigger::Exact("Fødsel"),
        Trigger::Exact("doğum"),
        Trigger::Exact("Doğum"),
        Trigger::Exact("生年月日"),
        Trigger::Exact("出生"),
        Trigger::Exact("생년월일"),
        Trigger::Exact("рождения"),
        Trigger::Exact("родился"),
        Trigger::Exact("родилась"),
    ],
    probe,
}];

/// How far behind the word the date may begin, in bytes.
const REACH: usize = 40;

/// The first letters of months, in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish and Swedish.
const MONTHS: &[&str] = &[
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "jän",
    "mär", "mrz", "mai", "maj", "okt", "dez", "fév", "fev", "avr", "juin", "juil", "aoû", "aou",
    "déc", "ene", "abr", "ago", "dic", "gen", "mag", "giu", "lug", "set", "ott", "out", "maa",
    "mei", "mrt", "stycz", "lut", "kwie", "czerw", "lip", "sierp", "wrze", "paź", "list", "grud",
];

fn probe(view: &View<'_>, at: usize) -> Probe {
    if view
        .before(at)
        .is_some_and(|byte| byte.is_ascii_alphabetic())
        && !camel(view, at)
    {
        return Probe::No;
    }
    let mut reader = Reader { view, at };
    // The word itself, to its end: `birthday`, `Geburtsdatum`.
    reader.word();
    let first = reader.at;
    let mut passed = 0;
    loop {
        if reader.at >= view.bytes.len() {
            return if view.complete {
                Probe::No
            } else {
                Probe::More { from: reader.at }
            };
        }
        let from = reader.at;
        if reader.digit() || from > first && reader.letter() {
            match reader.date() {
                Ok(end) => return found(from, end),
                Err(Stop::NotYet) => return Probe::More { from },
                Err(Stop::No) => {}
            }
            reader.at = from;
            if reader.digit() {
                return Probe::No;
            }
            reader.word();
            if reader.at >= view.bytes.len() && !view.complete {
                return Probe::More { from };
            }
            passed += reader.at - from;
        } else {
            if matches!(view.at(from), Some(b';' | b'!' | b'?')) {
                return Probe::No;
            }
            reader.at += 1;
            passed += 1;
        }
        if passed > REACH {
            return Probe::No;
        }
    }
}

/// `dateOfBirth`, `userDOB`.
fn camel(view: &View<'_>, at: usize) -> bool {
    view.at(at).is_some_and(|byte| byte.is_ascii_uppercase())
        && view
            .before(at)
            .is_some_and(|byte| byte.is_ascii_lowercase())
}

const fn found(start: usize, end: usize) -> Probe {
    Probe::Found(Match {
        start,
        end,
        what: What {
            kind: Kind::DateOfBirth,
            detector: "date_of_birth",
            level: Level::Contextual,
        },
    })
}

/// Why reading stopped short of a date.
enum Stop {
    No,
    NotYet,
}

/// Reads forward; whatever meets the end of an incomplete view is not yet known.
struct Reader<'a> {
    view: &'a View<'a>,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.view.at(self.at)
    }

    fn digit(&self) -> bool {
        self.peek().is_some_and(|byte| byte.is_ascii_digit())
    }

    fn letter(&self) -> bool {
        self.peek()
            .is_some_and(|byte| byte.is_ascii_alphabetic() || byte >= 0x80)
    }

    /// Steps over letters.
    fn word(&mut self) -> usize {
        let from = self.at;
        while self.letter() {
            self.at += 1;
        }
        self.at - from
    }

    /// The next byte is known, or the text has ended.
    fn known(&self) -> Result<(), Stop> {
        if self.at >= self.view.bytes.len() && !self.view.complete {
            return Err(Stop::NotYet);
        }
        Ok(())
    }

    /// A run of digits, its value and length.
    fn number(&mut self) -> Result<(u32, usize), Stop> {
        let from = self.at;
        let mut value = 0;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            if self.at - from == 8 {
                return Err(Stop::No);
            }
            value = value * 10 + u32::from(byte - b'0');
            self.at += 1;
        }
        self.known()?;
        if self.at == from {
            return Err(Stop::No);
        }
        Ok((value, self.at - from))
    }

    /// Steps over any of these, at most so many.
    fn skip(&mut self, bytes: &[u8], most: usize) -> Result<usize, Stop> {
        let from = self.at;
        while self.at - from < most && self.peek().is_some_and(|byte| bytes.contains(&byte)) {
            self.at += 1;
        }
        self.known()?;
        Ok(self.at - from)
    }

    /// Steps over letters if they are one of these words.
    fn one_of(&mut self, words: &[&str]) -> Result<bool, Stop> {
        let from = self.at;
        self.word();
        self.known()?;
        let text = self.view.bytes.get(from..self.at).unwrap_or_default();
        let is = words
            .iter()
            .any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
        if !is {
            self.at = from;
        }
        Ok(is)
    }

    /// Steps over the name of a month and a dot behind it.
    fn month(&mut self) -> Result<(), Stop> {
        let from = self.at;
        self.word();
        self.known()?;
        let text = self.view.bytes.get(from..self.at).unwrap_or_default();
        let known = MONTHS.iter().any(|month| {
            text.get(..month.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(month.as_bytes()))
        });
        if !known || text.len() > 13 {
            return Err(Stop::No);
        }
        self.skip(b".", 1)?;
        Ok(())
    }

    /// A date that begins here, up to its end.
    fn date(&mut self) -> Result<usize, Stop> {
        if self.digit() {
            let (first, digits) = self.number()?;
            match digits {
                8 => compact(first)?,
                4 => self.year_first(first)?,
                1 | 2 => self.day_first(first)?,
                _ => return Err(Stop::No),
            }
        } else {
            self.month()?;
            self.skip(b" -", 1)?;
            self.day()?;
            self.skip(b", ", 2)?;
            self.year()?;
        }
        // A time may be joined to it: `1985-04-12T00:00:00Z`.
        if self.peek() == Some(b'T') {
            return Ok(self.at);
        }
        match ends(self.view, self.at, false) {
            Known::Yes => Ok(self.at),
            Known::No => Err(Stop::No),
            Known::NotYet => Err(Stop::NotYet),
        }
    }

    /// A day and its ending (`1st`, `12th`, `1er`).
    fn day(&mut self) -> Result<(), Stop> {
        let (day, _) = self.number()?;
        self.one_of(&["st", "nd", "rd", "th", "er"])?;
        if (1..=31).contains(&day) {
            Ok(())
        } else {
            Err(Stop::No)
        }
    }

    fn year(&mut self) -> Result<(), Stop> {
        match self.number()? {
            (1880..=2040, 4) => Ok(()),
            _ => Err(Stop::No),
        }
    }

    /// `1985-04-12`, `1985/4/12`, `1985年4月12日`.
    fn year_first(&mut self, year: u32) -> Result<(), Stop> {
        self.separator()?;
        let (month, _) = self.number()?;
        self.separator()?;
        let (day, _) = self.number()?;
        self.one_of(&["日", "일"])?;
        if (1880..=2040).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day) {
            Ok(())
        } else {
            Err(Stop::No)
        }
    }

    fn separator(&mut self) -> Result<(), Stop> {
        if self.one_of(&["年", "月", "년", "월"])? {
            return self.skip(b" ", 1).map(|_| ());
        }
        if self.skip(b"-/.", 1)? == 0 {
            return Err(Stop::No);
        }
        self.skip(b" ", 1).map(|_| ())
    }

    /// `12/04/1985`, `12. 4. 85`, `12 April 1985`, `12-Apr-1985`, `12 de abril de 1985`, `12th of April, 1985`.
    fn day_first(&mut self, first: u32) -> Result<(), Stop> {
        if !(1..=31).contains(&first) {
            return Err(Stop::No);
        }
        self.one_of(&["st", "nd", "rd", "th", "er"])?;
        let from = self.at;
        let marks = self.skip(b"-/.", 1)?;
        let spaces = self.skip(b" ", 1)?;
        if self.digit() {
            let (second, _) = self.number()?;
            let one_is_month = first <= 12 || second <= 12;
            if !(1..=31).contains(&second) || !one_is_month {
                return Err(Stop::No);
            }
            let marks_again = self.skip(b"-/.", 1)?;
            self.skip(b" ", 1)?;
            let (year, digits) = self.number()?;
            let fits = digits == 2 && marks == 1 || digits == 4 && (1880..=2040).contains(&year);
            return if fits && marks == marks_again {
                Ok(())
            } else {
                Err(Stop::No)
            };
        }
        if self.at == from || marks + spaces == 0 {
            return Err(Stop::No);
        }
        if self.one_of(&["of", "de"])? {
            self.skip(b" ", 1)?;
        }
        self.month()?;
        self.skip(b",- ", 2)?;
        if self.one_of(&["of", "de", "del"])? {
            self.skip(b" ", 1)?;
        }
        self.year()
    }
}

/// `19850412`.
fn compact(digits: u32) -> Result<(), Stop> {
    let (year, month, day) = (digits / 10_000, digits / 100 % 100, digits % 100);
    if (1880..=2040).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day) {
        Ok(())
    } else {
        Err(Stop::No)
    }
}

#[cfg(test)]
mod tests {
    use super::DETECTORS;
    use crate::governance::guard::detectors::national::tests::harness;

    fn check(marked: &str) {
        harness::check(DETECTORS, marked, "date_of_birth");
    }

    #[test]
    fn a_date_behind_its_word_is_found_in_every_way_of_writing() {
        for text in [
            "She was born on ⟦12 April 1985⟧ in Berlin.",
            "She was born in Berlin on ⟦April 12, 1985⟧.",
            "Born ⟦Apr. 12th, 1985⟧ and well",
            "DOB: ⟦1985-04-12⟧",
            "DOB ⟦04/12/1985⟧, male",
            "d.o.b. ⟦4/12/85⟧",
            "Date of birth: ⟦12.04.1985⟧",
            "Date of Birth\n⟦12 Apr 1985⟧\n",
            r#"{"date_of_birth": "⟦1985-04-12⟧", "id": 7}"#,
            r#"{"dateOfBirth":"⟦1985-04-12⟧T00:00:00Z"}"#,
            "birthdate=⟦19850412⟧&x=1",
            "birthday: ⟦12-Apr-1985⟧",
            "the 12th: my birthday is the ⟦12th of April, 1985⟧",
            "geboren am ⟦12. April 1985⟧ in Köln",
            "Geburtsdatum: ⟦12.04.1985⟧",
            "geb. ⟦12. 4. 1985⟧",
            "née le ⟦1er août 1985⟧ à Lyon",
            "Date de naissance : ⟦12/04/1985⟧",
            "Fecha de nacimiento: ⟦12 de abril de 1985⟧",
            "nato il ⟦12 aprile 1985⟧",
            "data de nascimento ⟦12/04/1985⟧",
            "data urodzenia: ⟦12.04.1985⟧",
            "生年月日：⟦1985年4月12日⟧",
            "생년월일: ⟦1985년 4월 12일⟧",
            "дата рождения ⟦12.04.1985⟧",
        ] {
            check(text);
        }
    }

    #[test]
    fn other_dates_and_other_births_are_left_alone() {
        for text in [
            "The meeting is on 12 April 1985.",
            "She was born in 1985 and moved in 1999-01-02.",
            "The idea was born 3 weeks before 2024-01-15.",
            "stubborn since 12.04.1985",
            "the birth of version 1.2.3 and 2024-01-15",
            "born! 2024-01-15",
            "birth rate 12.5 in 2024",
            "dob 99/99/1985",
            "adobe 12.04.1985",
            "born",
            "DOB:",
            "born to run, may 12 of us know it",
        ] {
            check(text);
        }
    }
}

//! The members of an object, taken one by one: what is left at the end is what nobody here knows.
//!
//! So no field is overlooked: it is taken for its meaning, or named as one that is lost.

use super::tree::Json;
use crate::chat::LookError;
use crate::chat::json::JsonError;

/// Why a request cannot be put into another dialect. Never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not the JSON we take.
    #[error("the body is not valid JSON: {0}")]
    Json(#[from] JsonError),
    /// A field that is not what it must be.
    #[error("`{param}` must be {must_be}")]
    Wrong {
        /// The field.
        param: String,
        /// What it must be.
        must_be: &'static str,
    },
    /// A field that the other dialect has no word for.
    #[error("`{}` cannot be translated for the provider of this model: {}", .0.param, .0.why)]
    Unsupported(Loss),
    /// What became of it is no request there that anybody here would let go.
    #[error("translated for the provider of this model, {0}")]
    NotTaken(#[from] LookError),
}

impl Fault {
    /// The field at fault.
    #[must_use]
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Json(_) => None,
            Self::Wrong { param, .. } => Some(param),
            Self::Unsupported(loss) => Some(&loss.param),
            Self::NotTaken(error) => error.param(),
        }
    }

    /// The stable name of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Json(error) => error.code(),
            Self::Wrong { .. } => "invalid_value",
            Self::Unsupported(_) => "unsupported_parameter",
            Self::NotTaken(error) => match error.code() {
                Some(code) => code,
                None => "invalid_value",
            },
        }
    }

    pub(super) fn unsupported(param: impl Into<String>, why: &'static str) -> Self {
        Self::Unsupported(Loss::new(param, why))
    }
}

/// What is left out of a translation, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The field.
    pub param: String,
    /// Why, for people.
    pub why: &'static str,
    /// Whether the answer does not hang on it: what a call costs, or how it is kept and served. It is told, and refuses nothing.
    pub slight: bool,
}

/// Bytes of a field's name that are shown: a caller may write any.
const MOST_SHOWN: usize = 120;

impl Loss {
    pub(super) fn new(param: impl Into<String>, why: &'static str) -> Self {
        let mut param: String = param.into();
        let fits = param.len() <= MOST_SHOWN && param.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits || param.contains(',') {
            let plain = |c: &char| c.is_ascii_graphic() && *c != ',';
            param = param.chars().filter(plain).take(MOST_SHOWN).collect();
        }
        Self {
            param,
            why,
            slight: false,
        }
    }
}

/// What was left out, in the order it was met.
pub(super) type Losses = Vec<Loss>;

/// Something is left out that the answer does not hang on. Of many that are left out for one reason the first is named.
pub(super) fn slight(lost: &mut Losses, param: impl Into<String>, why: &'static str) {
    if lost.iter().any(|loss| loss.slight && loss.why == why) {
        return;
    }
    lost.push(Loss {
        slight: true,
        ..Loss::new(param, why)
    });
}

/// Why what is told about caching is left out.
pub(super) const CACHES: &str = "caches are not asked for there";

/// Why a field nobody here knows is lost.
const UNKNOWN: &str = "it is not a field that is known here";

/// An object's members. `null` is as good as nothing.
#[derive(Debug)]
pub(super) struct Fields {
    path: String,
    members: Vec<(String, Json)>,
}

impl Fields {
    pub(super) fn of(value: Json, path: impl Into<String>) -> Result<Self, Fault> {
        let path = path.into();
        match value {
            Json::Object(members) => Ok(Self { path, members }),
            _ => Err(Fault::Wrong {
                param: path,
                must_be: "an object",
            }),
        }
    }

    /// The path of a member.
    pub(super) fn at(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn wrong(&self, name: &str, must_be: &'static str) -> Fault {
        Fault::Wrong {
            param: self.at(name),
            must_be,
        }
    }

    pub(super) fn unsupported(&self, name: &str, why: &'static str) -> Fault {
        Fault::unsupported(self.at(name), why)
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Json> {
        let place = self.members.iter().position(|(key, _)| key == name)?;
        let (_, value) = self.members.remove(place);
        (value != Json::Null).then_some(value)
    }

    pub(super) fn put_back(&mut self, name: &str, value: Json) {
        self.members.push((name.to_owned(), value));
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "a text")),
        }
    }

    pub(super) fn needed(&mut self, name: &str) -> Result<String, Fault> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "a text"))
    }

    pub(super) fn list(&mut self, name: &str) -> Result<Vec<Json>, Fault> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Json::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(name, "an array")),
        }
    }

    pub(super) fn flag(&mut self, name: &str) -> Result<Option<bool>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(name, "true or false")),
        }
    }

    pub(super) fn number(&mut self, name: &str) -> Result<Option<Box<str>>, Fault> {
        match self.take(name) {
            None => Ok(None),
            Some(Json::Number(number)) => Ok(Some(number)),
            Some(_) => Err(self.wrong(name, "a number")),
        }
    }

    pub(super) fn whole(&mut self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(number) = self.number(name)? else {
            return Ok(None);
        };
        let whole = number.parse().ok();
        whole
            .map(Some)
            .ok_or_else(|| self.wrong(name, "a whole number"))
    }

    pub(super) fn object(&mut self, name: &str) -> Result<Option<Self>, Fault> {
        let path = self.at(name);
        self.take(name)
            .map(|value| Self::of(value, path))
            .transpose()
    }

    /// Members that say nothing here, whatever they hold.
    pub(super) fn pass_over(&mut self, names: &[&str]) {
        for name in names {
            self.take(name);
        }
    }

    /// Members whose absence the answer does not hang on; each is told by its own name.
    pub(super) fn aside(&mut self, names: &[&str], why: &'static str, lost: &mut Losses) {
        for name in names {
            if self.take(name).is_some() {
                lost.push(Loss {
                    slight: true,
                    ..Loss::new(self.at(name), why)
                });
            }
        }
    }

    /// Takes a member out if it says no more than what is so anyway.
    pub(super) fn drop_if(&mut self, name: &str, says_nothing: impl Fn(&Json) -> bool) {
        self.members
            .retain(|(key, value)| key != name || !says_nothing(value));
    }

    /// What is left, by name.
    pub(super) fn left(self) -> Vec<(String, Json)> {
        let members = self.members.into_iter();
        members.filter(|(_, value)| *value != Json::Null).collect()
    }

    /// What is left is lost.
    pub(super) fn rest(self, lost: &mut Losses) {
        for (name, value) in &self.members {
            if *value != Json::Null {
                lost.push(Loss::new(self.at(name), UNKNOWN));
            }
        }
    }
}

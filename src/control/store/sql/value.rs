//! What a parameter can be.

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// A parameter: a number, a flag, text or bytes, each of which may be missing.
#[derive(Debug, Clone)]
pub(in crate::control) enum Value {
    Number(Option<i64>),
    Flag(bool),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Whatever is written so can be a parameter.
macro_rules! from {
    ($($kind:ty => |$from:ident| $value:expr;)*) => {
        $(impl From<$kind> for Value {
            fn from($from: $kind) -> Self {
                $value
            }
        })*
    };
}

from! {
    i64 => |from| Self::Number(Some(from));
    Option<i64> => |from| Self::Number(from);
    bool => |from| Self::Flag(from);
    String => |from| Self::Text(Some(from));
    &String => |from| Self::Text(Some(from.clone()));
    &str => |from| Self::Text(Some(from.to_owned()));
    Option<String> => |from| Self::Text(from);
    &Option<String> => |from| Self::Text(from.clone());
    Option<&str> => |from| Self::Text(from.map(ToOwned::to_owned));
    Vec<u8> => |from| Self::Bytes(Some(from));
    &Vec<u8> => |from| Self::Bytes(Some(from.clone()));
    &[u8] => |from| Self::Bytes(Some(from.to_vec()));
    &Option<Vec<u8>> => |from| Self::Bytes(from.clone());
}

impl<const N: usize> From<&[u8; N]> for Value {
    fn from(from: &[u8; N]) -> Self {
        Self::Bytes(Some(from.to_vec()))
    }
}

/// These, as the parameters of one kind of books.
macro_rules! arguments {
    ($name:ident, $kind:ty) => {
        pub(super) fn $name(values: impl IntoIterator<Item = Value>) -> Result<$kind, sqlx::Error> {
            let mut all = <$kind>::default();
            for value in values {
                let added = match value {
                    Value::Number(number) => all.add(number),
                    Value::Flag(flag) => all.add(flag),
                    Value::Text(text) => all.add(text),
                    Value::Bytes(bytes) => all.add(bytes),
                };
                added.map_err(sqlx::Error::Encode)?;
            }
            Ok(all)
        }
    };
}

arguments!(sqlite, SqliteArguments);
arguments!(postgres, PgArguments);

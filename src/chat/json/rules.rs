//! How strictly JSON is read: as a gate must, or as one who only wants to know what it reports.
//!
//! The choice is a type, so that reading leniently keeps no keys and costs nothing for them.

use super::keys::Keys;
use super::{JsonError, Text};

/// How strictly bytes are read.
pub trait Rules {
    /// Whether what two readers may read in two ways is refused.
    const STRICT: bool;
    /// An object begins.
    fn open(&mut self);
    /// The innermost object ends.
    fn close(&mut self);
    /// The innermost object has this key too.
    fn add(&mut self, body: &[u8], key: Text) -> Result<(), JsonError>;
}

/// For what is weighed before it goes on: see the module's page.
#[derive(Default)]
pub struct Strict(Keys);

impl Rules for Strict {
    const STRICT: bool = true;

    #[inline]
    fn open(&mut self) {
        self.0.open();
    }

    #[inline]
    fn close(&mut self) {
        self.0.close();
    }

    #[inline]
    fn add(&mut self, body: &[u8], key: Text) -> Result<(), JsonError> {
        self.0.add(body, key)
    }
}

/// For what is only read for what it reports.
pub struct Lenient;

impl Rules for Lenient {
    const STRICT: bool = false;

    #[inline]
    fn open(&mut self) {}

    #[inline]
    fn close(&mut self) {}

    #[inline]
    fn add(&mut self, _body: &[u8], _key: Text) -> Result<(), JsonError> {
        Ok(())
    }
}

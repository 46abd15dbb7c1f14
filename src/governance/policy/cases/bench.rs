//! Which policies a test asks: all of them together, or, if it is a pack's, that pack alone.
//!
//! The tests of an admin's file say what becomes of a request, so everything in force has its part in the answer. Those of a
//! pack say what the pack does. They were written before anybody knew what would stand beside it, and a stricter rule there
//! must not make them fail: then nobody could use a pack and a policy of their own.

use super::Prepared;
use crate::governance::policy::policies::Policies;
use crate::governance::policy::settings::File;

/// The policies tests ask.
#[derive(Debug)]
pub(in super::super) struct Bench<'p> {
    all: &'p Policies,
    /// Each pack by itself, by its file.
    alone: Vec<(u16, Policies)>,
}

impl<'p> Bench<'p> {
    /// Of these files, and what all of them together mean.
    pub(in super::super) fn new(all: &'p Policies, files: &[File]) -> Self {
        let packs = files.iter().filter(|file| file.pack.is_some());
        let alone = packs.filter_map(|pack| {
            let file = pack.place.file;
            Some((file, alone(pack, files)?))
        });
        Self {
            all,
            alone: alone.collect(),
        }
    }

    /// Those this test asks.
    pub(super) fn asked(&self, test: &Prepared<'_>) -> &Policies {
        let own = self.alone.iter().find(|(file, _)| *file == test.file);
        own.map_or(self.all, |(_, policies)| policies)
    }
}

/// A pack with nothing beside it but the patterns of the other files: findings count them all.
fn alone(pack: &File, files: &[File]) -> Option<Policies> {
    let beside = files.iter().map(|file| {
        if file.place.file == pack.place.file {
            return file.clone();
        }
        File {
            place: file.place,
            patterns: file.patterns.clone(),
            ..File::default()
        }
    });
    let beside: Vec<File> = beside.collect();
    Policies::compile(&beside, &[], "").ok()
}

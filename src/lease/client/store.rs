//! What a gateway keeps of its panel, in `panel/` in the state directory, for its owner alone: the number of the disk and of
//! the last start on it, its private key, its certificate, the last directory, the policies that were in force, and what it
//! holds of the panel's vault.
//!
//! The disk's number is drawn once and written down before anybody hears of it, and drawn anew when the journal beside it
//! was lost or damaged: the panel takes what a process on the same disk does not name for unused. Every file is put in place
//! in one step. The directory is sealed with a key derived from the private key: names, labels and digests of keys are
//! nobody else's business, also where a backup of the directory ends up without it. The vault's credentials are sealed with
//! another key derived from it, and are in the clear on no disk.

use super::ClientError;
use super::vault::Kept;
use crate::clock;
use crate::lease::bundle::{Order, PolicyKey};
use crate::lease::directory::{Directory, Enrolled};
use crate::lease::protocol::{DiskId, RouterId, number};
use rcgen::KeyPair;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use rustix::fs::Mode;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const IDENTITY: &str = "identity.json";
const KEY: &str = "key.pem";
const MEMBER: &str = "enrolled.json";
const DIRECTORY: &str = "directory.sealed";
const ORDER: &str = "order.json";
const VAULT: &str = "vault.sealed";
const DIRECTORY_SEAL: &[u8] = b"tollgate panel directory 1";
const VAULT_SEAL: &[u8] = b"tollgate panel vault 1";

/// Credentials that are kept take no more than this, or memory that is not wiped when it grows.
const MOST_KEPT: usize = 64 * 1024;

/// Who the gateway with this state directory was enrolled as last, if it was.
#[must_use]
pub fn enrolled(state_dir: &Path) -> Option<RouterId> {
    let member = Store::beside(state_dir)?.member().ok()??;
    Some(member.router)
}

/// Has the gateway with this state directory enrol anew: whoever it was enrolled by is not its panel any more.
///
/// # Errors
/// The files cannot be taken away.
pub fn forget_enrolment(state_dir: &Path) -> Result<(), ClientError> {
    let Some(store) = Store::beside(state_dir) else {
        return Ok(());
    };
    [MEMBER, DIRECTORY]
        .iter()
        .try_for_each(|name| store.remove(name))
}

/// Which disk this is, and how many processes began on it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Identity {
    disk: DiskId,
    #[serde(with = "number")]
    start: u64,
}

/// Who this gateway is to the panel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Member {
    /// Its number.
    pub(super) router: RouterId,
    /// Its name, for people.
    pub(super) name: String,
    /// Its certificate, as PEM.
    pub(super) certificate: String,
    /// Whom to trust, as PEM.
    pub(super) ca: String,
    /// When to ask for the next certificate, in seconds since the epoch.
    pub(super) renew_at: i64,
    /// By which key its policies are known; nothing where the panel has not said.
    #[serde(default, with = "written_key")]
    pub(super) policy_key: Option<PolicyKey>,
}

/// A key as text; what is none is as if nothing had been said.
mod written_key {
    use super::PolicyKey;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(
        key: &Option<PolicyKey>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        key.map(|key| key.to_string()).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<PolicyKey>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.and_then(|text| text.parse().ok()))
    }
}

impl Member {
    /// As the panel has just enrolled it. The next certificate is asked for while a fifth of the time is left.
    pub(super) fn of(enrolled: Enrolled) -> Self {
        let early = enrolled.renew_in_s.saturating_sub(enrolled.renew_in_s / 5);
        let renew_in = i64::try_from(early).unwrap_or(i64::MAX);
        Self {
            router: enrolled.router,
            name: enrolled.name,
            certificate: enrolled.certificate,
            ca: enrolled.ca,
            renew_at: clock::now().wall.secs().saturating_add(renew_in),
            policy_key: enrolled.policy_key.and_then(|key| key.parse().ok()),
        }
    }
}

/// The folder.
#[derive(Debug, Clone)]
pub(super) struct Store {
    folder: PathBuf,
}

impl Store {
    /// Opens it, or makes it.
    pub(super) fn open(state_dir: &Path) -> Result<Self, ClientError> {
        let folder = state_dir.join("panel");
        match rustix::fs::mkdir(&folder, Mode::RWXU) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => {}
            Err(error) => {
                let error = error.into();
                return Err(ClientError::Disk {
                    path: folder,
                    error,
                });
            }
        }
        Ok(Self { folder })
    }

    /// The one of another process, if there is one.
    pub(super) fn beside(state_dir: &Path) -> Option<Self> {
        let folder = state_dir.join("panel");
        folder.is_dir().then_some(Self { folder })
    }

    /// One more process begins here: its disk and its start, safely written. `after`: no earlier start than the next one
    /// after this. `fresh`: what is known of leases on this disk is not all there was.
    pub(super) fn begin(&self, fresh: bool, after: u64) -> Result<(DiskId, u64), ClientError> {
        let known = self.read(IDENTITY)?;
        let known: Option<Identity> = known.and_then(|text| serde_json::from_slice(&text).ok());
        let mut identity = match known.filter(|_| !fresh) {
            Some(identity) => identity,
            None => Identity {
                disk: DiskId(u128::from_le_bytes(random()?)),
                start: 0,
            },
        };
        identity.start = identity.start.max(after).saturating_add(1);
        self.write_json(IDENTITY, &identity)?;
        Ok((identity.disk, identity.start))
    }

    /// The private key; made, and written down before it is used, if there is none.
    pub(super) fn key(&self) -> Result<KeyPair, ClientError> {
        if let Some(pem) = self.read(KEY)? {
            let pem = Zeroizing::new(pem);
            return Ok(KeyPair::from_pem(&String::from_utf8_lossy(&pem))?);
        }
        let key = KeyPair::generate()?;
        let pem = Zeroizing::new(key.serialize_pem());
        self.write(KEY, pem.as_bytes())?;
        Ok(key)
    }

    /// Who we are; `None` as long as we are not enrolled.
    pub(super) fn member(&self) -> Result<Option<Member>, ClientError> {
        let text = self.read(MEMBER)?;
        Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
    }

    pub(super) fn keep_member(&self, member: &Member) -> Result<(), ClientError> {
        self.write_json(MEMBER, member)
    }

    /// The last directory; `None` where there is none that this key can read.
    pub(super) fn directory(&self, key: &KeyPair) -> Result<Option<Directory>, ClientError> {
        let Some(mut sealed) = self.read(DIRECTORY)? else {
            return Ok(None);
        };
        let opened = unseal(key, DIRECTORY_SEAL, &mut sealed);
        Ok(opened.and_then(|text| serde_json::from_slice(text).ok()))
    }

    /// The vault's credentials as they were kept last; `None` where there are none that this key can read.
    pub(super) fn vault(&self, key: &KeyPair) -> Result<Option<Kept>, ClientError> {
        let Some(sealed) = self.read(VAULT)? else {
            return Ok(None);
        };
        // Opened in its place, which is then wiped.
        let mut sealed = Zeroizing::new(sealed);
        let opened = unseal(key, VAULT_SEAL, &mut sealed);
        Ok(opened.and_then(|text| serde_json::from_slice(text).ok()))
    }

    /// Keeps the vault's credentials; where there are none, the file goes.
    pub(super) fn keep_vault(&self, key: &KeyPair, kept: Option<&Kept>) -> Result<(), ClientError> {
        let Some(kept) = kept else {
            return self.remove(VAULT);
        };
        // All of it at once, so that growing leaves no piece behind; it is sealed in its place.
        let mut text = Zeroizing::new(Vec::with_capacity(MOST_KEPT));
        serde_json::to_writer(&mut *text, kept)
            .map_err(|error| ClientError::Garbled(error.to_string()))?;
        match seal(key, VAULT_SEAL, &mut text, random()?) {
            Some(sealed) => self.write(VAULT, &sealed),
            None => Ok(()),
        }
    }

    pub(super) fn keep_directory(
        &self,
        key: &KeyPair,
        directory: &Directory,
    ) -> Result<(), ClientError> {
        let mut text = json(directory)?;
        match seal(key, DIRECTORY_SEAL, &mut text, random()?) {
            Some(sealed) => self.write(DIRECTORY, &sealed),
            None => Ok(()),
        }
    }

    /// The order for policies that was in force last, as it was written.
    pub(super) fn order(&self) -> Result<Option<Vec<u8>>, ClientError> {
        self.read(ORDER)
    }

    pub(super) fn keep_order(&self, order: &Order) -> Result<(), ClientError> {
        self.write_json(ORDER, order)
    }

    pub(super) fn order_file(&self) -> PathBuf {
        self.folder.join(ORDER)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, ClientError> {
        let path = self.folder.join(name);
        match fs::read(&path) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ClientError::Disk { path, error }),
        }
    }

    /// Takes a file away, and what a crash left of it, so that a power cut does not bring it back.
    fn remove(&self, name: &str) -> Result<(), ClientError> {
        for name in [name, &format!("{name}.new")] {
            let path = self.folder.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(ClientError::Disk { path, error });
                }
                _ => {}
            }
        }
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| ClientError::Disk {
            path: self.folder.clone(),
            error,
        })
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), ClientError> {
        self.write(name, &json(value)?)
    }

    /// Puts a file in place in one step, and waits until a power cut cannot undo it.
    fn write(&self, name: &str, content: &[u8]) -> Result<(), ClientError> {
        let path = self.folder.join(name);
        let aside = self.folder.join(format!("{name}.new"));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&aside)
            .and_then(|mut file| {
                file.write_all(content)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&aside, &path))
            .and_then(|()| File::open(&self.folder)?.sync_all());
        written.map_err(|error| ClientError::Disk { path, error })
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(value).map_err(|error| ClientError::Garbled(error.to_string()))
}

fn random<const N: usize>() -> Result<[u8; N], ClientError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// The key that something is sealed with.
fn sealing(key: &KeyPair, sealed_for: &[u8]) -> Option<LessSafeKey> {
    let secret = Zeroizing::new(key.serialize_der());
    let drawn = Salt::new(HKDF_SHA256, b"tollgate").extract(&secret);
    let info = [sealed_for];
    let expanded = drawn.expand(&info, &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(expanded)))
}

fn seal(
    key: &KeyPair,
    sealed_for: &[u8],
    text: &mut Vec<u8>,
    nonce: [u8; NONCE_LEN],
) -> Option<Vec<u8>> {
    let unique = Nonce::assume_unique_for_key(nonce);
    sealing(key, sealed_for)?
        .seal_in_place_append_tag(unique, Aad::from(sealed_for), text)
        .ok()?;
    Some([nonce.as_slice(), text].concat())
}

fn unseal<'a>(key: &KeyPair, sealed_for: &[u8], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
    let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let opened = sealing(key, sealed_for)?.open_in_place(nonce, Aad::from(sealed_for), text);
    opened.ok().map(|text| &*text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(folder.path()).expect("opens");
        (folder, store)
    }

    #[test]
    fn starts_on_one_disk_are_counted_and_a_lost_journal_makes_it_another() {
        let (_folder, store) = store();
        let (disk, start) = store.begin(false, 0).expect("begins");
        assert_eq!(start, 1);
        assert_eq!(store.begin(false, 0).expect("begins"), (disk, 2));
        assert_eq!(store.begin(false, 7).expect("begins"), (disk, 8));
        let (other, start) = store.begin(true, 0).expect("begins");
        assert_ne!(other, disk);
        assert_eq!(start, 1);
    }

    #[test]
    fn what_is_kept_is_for_its_owner_alone() {
        let (_folder, store) = store();
        store.begin(false, 0).expect("begins");
        store.key().expect("a key");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&store.folder), 0o700);
        for name in [IDENTITY, KEY] {
            assert_eq!(mode(&store.folder.join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn a_directory_is_read_with_the_key_it_was_sealed_with_and_no_other() {
        let (_folder, store) = store();
        let key = store.key().expect("a key");
        let directory = Directory {
            revision: 7,
            ..Directory::default()
        };
        store.keep_directory(&key, &directory).expect("kept");
        let again = store.key().expect("the same key");
        let read = store.directory(&again).expect("there").expect("readable");
        assert_eq!(read.revision, 7);
        let other = KeyPair::generate().expect("a key");
        assert!(store.directory(&other).expect("there").is_none());
        let raw = fs::read(store.folder.join(DIRECTORY)).expect("there");
        assert!(!raw.windows(8).any(|window| window == b"revision"));
    }
}

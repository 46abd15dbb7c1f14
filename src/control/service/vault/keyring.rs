//! The keys of the vault, and what is done with them: a secret becomes a row, and a row a secret.
//!
//! Each secret is sealed with ChaCha20-Poly1305 under a key drawn from the master key, and bound to whose it is: the row's
//! id, name and version. A row that was put in another's place does not open. The key's id tells keys apart and says nothing
//! about them.

use crate::control::authority::write_private;
use crate::control::service::words::hex;
use crate::control::settings::{MasterKey, VaultKeys, Weakness, master_key};
use crate::control::store::house::vault::Credential;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::hmac;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::{Zeroize as _, Zeroizing};

/// The vault's own key in the state directory, where none is named.
const FILE: &str = "vault.key";
const SEALED_FOR: &[u8] = b"tollgate vault credential 1";
const NAMED_FOR: &[u8] = b"tollgate vault key id 1";
const SIGNS_FOR: &[u8] = b"tollgate webhook 1";
/// So many bytes of a key's id.
const ID: usize = 8;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// Its file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What is in it is no key.
    #[error("{path}: {weakness}: put it back from a backup; what it sealed opens with no other")]
    Weak {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        weakness: Weakness,
    },
    /// Others can read it.
    #[error(
        "{0}: others can read the vault's key: `chmod 600` it, and if somebody may have read it, name another key and rotate what it sealed"
    )]
    Open(PathBuf),
    /// It is not there, and something is sealed with it.
    #[error(
        "{0}: the vault's key is not there, and the books hold credentials that it sealed: put it back from a backup, or name it in `vault: {{ key }}`; with the key lost for good, `vault: {{ key }}` with a new one begins anew, and every credential is rotated"
    )]
    Lost(PathBuf),
    /// A key that the cipher does not take.
    #[error("the vault's key cannot be used")]
    Unusable,
    /// No random numbers can be had.
    #[error("the system gives no random numbers")]
    NoRandom,
}

/// The keys.
pub struct Keyring {
    current: Sealing,
    previous: Vec<Sealing>,
    /// Whether the state directory's own key is there beside one that is named.
    pub(super) has_own_besides: bool,
    /// How long a gateway may use what it was given.
    pub(super) lifetime: Duration,
}

/// One key.
struct Sealing {
    id: String,
    key: LessSafeKey,
    drawn: Prk,
}

/// So many bytes sign for a webhook.
struct Signing;

impl KeyType for Signing {
    fn len(&self) -> usize {
        32
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("current", &self.current.id)
            .finish_non_exhaustive()
    }
}

impl Keyring {
    /// The keys that are configured. Where none is, the one in the state directory, made at the first start unless something
    /// is `sealed` already; where one is, that one opens what it sealed before.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn open(folder: &Path, keys: &VaultKeys, sealed: bool) -> Result<Self, KeyringError> {
        let path = folder.join(FILE);
        let own = read(&path)?;
        let mut previous = keys.previous.clone();
        let current = match (&keys.key, own) {
            (Some(key), own) => {
                previous.extend(own);
                key.clone()
            }
            (None, Some(own)) => own,
            (None, None) if sealed => return Err(KeyringError::Lost(path)),
            (None, None) => make(&path)?,
        };
        let has_own_besides = keys.key.is_some() && path.exists();
        let keyring = Self::of(&current, &previous, keys.lifetime)?;
        Ok(Self {
            has_own_besides,
            ..keyring
        })
    }

    /// These keys.
    ///
    /// # Errors
    /// [`KeyringError::Unusable`].
    pub fn of(
        current: &MasterKey,
        previous: &[MasterKey],
        lifetime: Duration,
    ) -> Result<Self, KeyringError> {
        let previous = previous.iter().map(Sealing::new);
        Ok(Self {
            current: Sealing::new(current)?,
            previous: previous.collect::<Result<_, _>>()?,
            has_own_besides: false,
            lifetime,
        })
    }

    /// The id of the key that is sealed with now.
    pub(in crate::control::service) fn current(&self) -> &str {
        &self.current.id
    }

    /// Whether there is a key that opens this.
    pub(super) fn opens(&self, row: &Credential) -> bool {
        self.find(&row.key_id).is_some()
    }

    /// Whether the key of this id is there.
    pub(super) fn has(&self, id: &str) -> bool {
        self.find(id).is_some()
    }

    fn find(&self, id: &str) -> Option<&Sealing> {
        let mut all = std::iter::once(&self.current).chain(&self.previous);
        all.find(|key| key.id == id)
    }

    /// What signs for a webhook: drawn anew from the key of this id each time, and written nowhere. Nothing where that key is
    /// gone.
    pub(in crate::control::service) fn signing(
        &self,
        key_id: &str,
        webhook: &str,
    ) -> Option<Zeroizing<[u8; 32]>> {
        let info = [SIGNS_FOR, webhook.as_bytes()];
        let expanded = self.find(key_id)?.drawn.expand(&info, Signing).ok()?;
        let mut secret = Zeroizing::new([0; 32]);
        expanded.fill(secret.as_mut_slice()).ok()?;
        Some(secret)
    }

    /// Seals a secret into the row it belongs to.
    pub(super) fn seal(
        &self,
        row: &mut Credential,
        secret: &Secret<String>,
        nonce: [u8; NONCE_LEN],
    ) -> Option<()> {
        row.key_id.clone_from(&self.current.id);
        let bound = bound(row);
        let mut sealed = Zeroizing::new(Vec::with_capacity(secret.expose().len().checked_add(64)?));
        sealed.extend_from_slice(secret.expose().as_bytes());
        let unique = Nonce::assume_unique_for_key(nonce);
        let key = &self.current.key;
        key.seal_in_place_append_tag(unique, Aad::from(bound), &mut *sealed)
            .ok()?;
        row.sealed = Some([nonce.as_slice(), &sealed].concat());
        Some(())
    }

    /// The secret of a row, if a key is there that opens it and nothing of it was changed.
    pub(super) fn unseal(&self, row: &Credential) -> Option<Secret<String>> {
        let key = &self.find(&row.key_id)?.key;
        let mut sealed = Zeroizing::new(row.sealed.clone()?);
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let text = key.open_in_place(nonce, Aad::from(bound(row)), text).ok()?;
        let text = std::str::from_utf8(text).ok()?;
        Some(Secret::new(text.to_owned()))
    }
}

impl Sealing {
    fn new(master: &MasterKey) -> Result<Self, KeyringError> {
        let secret = master.expose().as_slice();
        let named = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), NAMED_FOR);
        let id: Vec<u8> = named.as_ref().iter().take(ID).copied().collect();
        let drawn = Salt::new(HKDF_SHA256, b"tollgate").extract(secret);
        let info = [SEALED_FOR];
        let expanded = drawn.expand(&info, &CHACHA20_POLY1305);
        let expanded = expanded.map_err(|_| KeyringError::Unusable)?;
        Ok(Self {
            id: hex(&id),
            key: LessSafeKey::new(UnboundKey::from(expanded)),
            drawn,
        })
    }
}

/// What a sealed secret is bound to: each part with its length before it.
fn bound(row: &Credential) -> Vec<u8> {
    let version = row.version.to_be_bytes();
    let parts = [
        row.uid.as_bytes(),
        row.name.as_bytes(),
        &version,
        row.key_id.as_bytes(),
    ];
    let mut bound = Vec::new();
    for part in parts {
        bound.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bound.extend_from_slice(part);
    }
    bound
}

fn read(path: &Path) -> Result<Option<MasterKey>, KeyringError> {
    let failed = |error| KeyringError::File {
        path: path.to_owned(),
        error,
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(KeyringError::Open(path.to_owned()));
    }
    let key = master_key(&text).map_err(|weakness| KeyringError::Weak {
        path: path.to_owned(),
        weakness,
    })?;
    Ok(Some(key))
}

/// Draws a key and writes it down, for the owner alone, before it is used.
fn make(path: &Path) -> Result<MasterKey, KeyringError> {
    let mut bytes = [0_u8; crate::control::settings::KEY];
    let key = loop {
        getrandom::fill(&mut bytes).map_err(|_| KeyringError::NoRandom)?;
        let text = Zeroizing::new(STANDARD.encode(bytes));
        // Chance is not refused when it is read again.
        if let Ok(key) = master_key(&text) {
            break key;
        }
    };
    bytes.zeroize();
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.expose())));
    let written = write_private(path, text.as_bytes());
    written.map_err(|error| KeyringError::File {
        path: path.to_owned(),
        error,
    })?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(seed: u8) -> MasterKey {
        let mut next = seed;
        Secret::new(std::array::from_fn(|_| {
            next = next.wrapping_mul(167).wrapping_add(41);
            next
        }))
    }

    fn ring(seeds: &[u8]) -> Keyring {
        let keys: Vec<MasterKey> = seeds.iter().copied().map(master).collect();
        let (current, previous) = keys.split_first().expect("a key");
        Keyring::of(current, previous, Duration::from_mins(1)).expect("keys")
    }

    fn row(name: &str, version: i64) -> Credential {
        Credential {
            id: 1,
            uid: "cred_1".to_owned(),
            name: name.to_owned(),
            kind: "api-key".to_owned(),
            note: None,
            gateways: None,
            version,
            key_id: String::new(),
            sealed: None,
            rev: 1,
            created: 0,
            rotated: None,
        }
    }

    #[test]
    fn a_row_opens_with_its_key_and_as_it_was_alone() {
        let secret = Secret::new("sk-canary".to_owned());
        let (old, new) = (ring(&[1]), ring(&[2, 1]));
        let mut sealed = row("openai", 3);
        old.seal(&mut sealed, &secret, [7; NONCE_LEN])
            .expect("sealed");
        assert_eq!(sealed.key_id, old.current());
        let raw = sealed.sealed.clone().expect("sealed");
        assert!(!raw.windows(6).any(|window| window == b"canary"));
        assert_eq!(old.unseal(&sealed), Some(secret.clone()));
        assert_eq!(
            new.unseal(&sealed),
            Some(secret.clone()),
            "by the previous key"
        );
        assert_eq!(ring(&[2]).unseal(&sealed), None);
        let check = |change: &dyn Fn(&mut Credential)| {
            let mut changed = sealed.clone();
            change(&mut changed);
            assert_eq!(new.unseal(&changed), None, "{changed:?}");
        };
        check(&|row| row.name = "other".to_owned());
        check(&|row| row.uid = "cred_2".to_owned());
        check(&|row| row.version = 4);
        check(&|row| row.key_id = new.current().to_owned());
        check(&|row| row.sealed = Some(raw.iter().map(|byte| byte ^ 1).collect()));
        check(&|row| row.sealed = Some(vec![0; 5]));
        check(&|row| row.sealed = None);
    }

    #[test]
    fn each_webhook_has_a_secret_of_its_own_for_as_long_as_its_key_is_there() {
        let (old, new) = (ring(&[1]), ring(&[2, 1]));
        let secret = old.signing(old.current(), "hook_1").expect("drawn");
        assert_eq!(new.signing(old.current(), "hook_1"), Some(secret.clone()));
        for (key, webhook) in [(new.current(), "hook_1"), (old.current(), "hook_2")] {
            assert_ne!(new.signing(key, webhook), Some(secret.clone()), "{webhook}");
        }
        assert_eq!(ring(&[2]).signing(old.current(), "hook_1"), None);
    }

    #[test]
    fn the_state_directorys_own_key_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Keyring::open(folder.path(), &VaultKeys::default(), false).expect("made");
        let again = Keyring::open(folder.path(), &VaultKeys::default(), false).expect("read");
        assert_eq!(first.current(), again.current());
        let file = folder.path().join(FILE);
        let mode = fs::metadata(&file).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // A key that is named takes over, and what the own one sealed opens still.
        let mut sealed = row("openai", 1);
        let secret = Secret::new("sk-canary".to_owned());
        first
            .seal(&mut sealed, &secret, [1; NONCE_LEN])
            .expect("sealed");
        let keys = VaultKeys {
            key: Some(master(9)),
            ..VaultKeys::default()
        };
        let named = Keyring::open(folder.path(), &keys, true).expect("opens");
        assert_ne!(named.current(), first.current());
        assert_eq!(named.unseal(&sealed), Some(secret));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("a mode");
        let open = Keyring::open(folder.path(), &VaultKeys::default(), true);
        assert!(matches!(open, Err(KeyringError::Open(_))), "{open:?}");
        fs::remove_file(&file).expect("gone");
        let lost = Keyring::open(folder.path(), &VaultKeys::default(), true);
        assert!(matches!(lost, Err(KeyringError::Lost(_))), "{lost:?}");
        assert!(!file.exists(), "another key would be taken for it");
        write_private(&file, b"hunter2\n").expect("written");
        let error = Keyring::open(folder.path(), &VaultKeys::default(), false).expect_err("weak");
        let words = error.to_string();
        assert!(
            words.contains("vault.key") && !words.contains("hunter2"),
            "{words}"
        );
    }
}

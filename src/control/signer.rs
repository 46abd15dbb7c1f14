//! The panel's key for policies: what it orders gateways to run is signed with it.
//!
//! Made at the first start and kept beside the authority, for the owner alone. It is another key than the authority's, so
//! that a gateway can be told of it by hand (`panel.policy_key`): whoever can make certificates cannot order policies there.
//! Gateways that were not told take the key they are given when they enrol. A panel that lost it
//! makes a new one: gateways hear of it with their next certificate, but for those whose configuration names the old one.
//!
//! Not here: what is ordered (`service::bundles`), how gateways check it (`lease::bundle`).

use super::authority::write_private;
use crate::lease::bundle::PolicyKey;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The key, as PKCS#8.
pub const KEY: &str = "panel-policy.key";

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// What is in it is no key.
    #[error(
        "{0} is no Ed25519 key: put it back from a backup, or remove it to have another made, which gateways that name the old one (`panel.policy_key`) do not follow"
    )]
    Unusable(PathBuf),
    /// Others may read it.
    #[error("{0} can be read by others: chmod 600 it, or better, remove it to have another made")]
    Open(PathBuf),
    /// The system gives no random numbers.
    #[error("no random numbers")]
    NoRandom,
}

/// Signs with the panel's key.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PolicyKey,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// The key in this directory; made if there is none.
    ///
    /// # Errors
    /// [`SignerError`].
    pub fn open(folder: &Path) -> Result<Self, SignerError> {
        let path = folder.join(KEY);
        let failed = |error| SignerError::File {
            path: path.clone(),
            error,
        };
        let bytes = match fs::read(&path) {
            Ok(bytes) => {
                let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
                if mode & 0o077 != 0 {
                    return Err(SignerError::Open(path));
                }
                Zeroizing::new(bytes)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
                let made = made.map_err(|_| SignerError::NoRandom)?;
                write_private(&path, made.as_ref()).map_err(failed)?;
                Zeroizing::new(made.as_ref().to_vec())
            }
            Err(error) => return Err(failed(error)),
        };
        let unusable = || SignerError::Unusable(path.clone());
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| unusable())?;
        let public = pair.public_key().as_ref().try_into();
        let public = PolicyKey::new(public.map_err(|_| unusable())?);
        Ok(Self { pair, public })
    }

    /// The half that gateways know.
    #[must_use]
    pub const fn public(&self) -> PolicyKey {
        self.public
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_same_at_the_next_start_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Signer::open(folder.path()).expect("made");
        let second = Signer::open(folder.path()).expect("read");
        assert_eq!(first.public(), second.public());
        let file = folder.path().join(KEY);
        let mode = |mode| fs::set_permissions(&file, fs::Permissions::from_mode(mode));
        let found = fs::metadata(&file).expect("a file").permissions().mode();
        assert_eq!(found & 0o777, 0o600);
        mode(0o640).expect("changed");
        assert!(matches!(
            Signer::open(folder.path()),
            Err(SignerError::Open(_))
        ));
        mode(0o600).expect("changed");
        fs::write(&file, b"something else").expect("written");
        assert!(matches!(
            Signer::open(folder.path()),
            Err(SignerError::Unusable(_))
        ));
    }
}

//! The panel's own authority: it vouches for the panel to gateways, and for gateways to the panel.
//!
//! Made on the first start and kept in the state directory, the key for the owner alone. Certificates are short-lived and
//! renewed long before they end, so none has to be called back: whom a certificate speaks for is looked up by its digest each
//! time, and there a gateway can be shut out at once.
//!
//! A gateway's request for a certificate is believed in one thing, its public key; that it holds the private one, TLS shows
//! when the certificate is used. All names in a certificate are ours.
//!
//! Not here: who may have one (`service`), the handshake (`door`).

use crate::clock::Wall;
use crate::lease::protocol::RouterId;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use ring::digest::{SHA256, digest};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use time::OffsetDateTime;

/// The authority's certificate, for gateways and people to trust.
pub const CERTIFICATE: &str = "panel-ca.pem";
const KEY: &str = "panel-ca.key";
/// How long the authority itself lasts.
const YEARS: Duration = Duration::from_hours(24 * 3650);
/// How long the panel's own certificate lasts; a new one is made at every start and long before the end.
const SERVER: Duration = Duration::from_hours(24 * 90);
/// Clocks differ: a certificate is good from a little before it was made.
const EARLIER: Duration = Duration::from_mins(5);

/// Why a certificate cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of the authority cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// One of the two files is there and the other is not.
    #[error(
        "{missing} is not there, and {found} is: put it back from a backup, or remove both and enrol every gateway again"
    )]
    Half {
        /// Which is not.
        missing: PathBuf,
        /// Which is.
        found: PathBuf,
    },
    /// What is in them is no authority.
    #[error("{path} is no certificate or key of an authority: {error}")]
    Unusable {
        /// Which.
        path: PathBuf,
        /// Why.
        error: rcgen::Error,
    },
    /// A gateway's request is none.
    #[error("this is no certificate signing request: {0}")]
    Request(rcgen::Error),
    /// It cannot be signed.
    #[error("no certificate could be made: {0}")]
    Signing(#[from] rcgen::Error),
}

/// The authority.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// A certificate for the panel itself.
#[derive(Debug)]
pub struct ServerCertificate {
    /// It, and the authority's.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// A certificate for a gateway.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    /// As PEM.
    pub pem: String,
    /// Its digest, by which it is known.
    pub fingerprint: Fingerprint,
    /// When it ends.
    pub ends: Wall,
}

/// SHA-256 of a certificate, or of a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of these bytes.
    #[must_use]
    pub fn of(der: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, der).as_ref());
        Self(bytes)
    }
}

/// A gateway's request for a certificate, as far as it is believed.
#[derive(Debug)]
pub struct Request {
    request: CertificateSigningRequestParams,
    /// The digest of its public key.
    pub key: Fingerprint,
}

impl Request {
    /// Reads a request, as PEM, and checks that it is signed by the key it is for.
    ///
    /// # Errors
    /// [`AuthorityError::Request`].
    pub fn read(pem: &str) -> Result<Self, AuthorityError> {
        let request =
            CertificateSigningRequestParams::from_pem(pem).map_err(AuthorityError::Request)?;
        let key = Fingerprint::of(&request.public_key.subject_public_key_info());
        Ok(Self { request, key })
    }
}

impl Authority {
    /// The authority in this directory; made if there is none.
    ///
    /// # Errors
    /// [`AuthorityError`].
    pub fn open(folder: &Path, now: Wall) -> Result<Self, AuthorityError> {
        let (certificate, key) = (folder.join(CERTIFICATE), folder.join(KEY));
        match (certificate.is_file(), key.is_file()) {
            (false, false) => Self::make(&certificate, &key, now),
            (true, true) => Self::read(&certificate, &key),
            (true, false) => Err(AuthorityError::Half {
                missing: key,
                found: certificate,
            }),
            (false, true) => Err(AuthorityError::Half {
                missing: certificate,
                found: key,
            }),
        }
    }

    fn make(certificate: &Path, key_file: &Path, now: Wall) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = name("tollgate panel authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        lasts(&mut params, now, YEARS);
        let pem = params.self_signed(&key)?.pem();
        // The key first: a certificate without one would be an authority nobody can speak for.
        write(key_file, &key.serialize_pem())?;
        write(certificate, &pem)?;
        Self::read(certificate, key_file)
    }

    fn read(certificate: &Path, key_file: &Path) -> Result<Self, AuthorityError> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|error| AuthorityError::File {
                path: path.to_owned(),
                error,
            })
        };
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |error| AuthorityError::Unusable { path, error }
        };
        let pem = read(certificate)?;
        let key = KeyPair::from_pem(&read(key_file)?).map_err(unusable(key_file))?;
        let der = <CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(
            pem.as_bytes(),
        )
        .map_err(|_| unusable(certificate)(rcgen::Error::CouldNotParseCertificate))?;
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(unusable(certificate))?;
        Ok(Self {
            issuer,
            certificate: der,
            pem,
        })
    }

    /// Its certificate, as PEM.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its certificate.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// A certificate for the panel under these names and addresses.
    ///
    /// # Errors
    /// [`AuthorityError::Signing`]: a name is none.
    pub fn server(&self, names: &[String], now: Wall) -> Result<ServerCertificate, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = name("tollgate panel");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        lasts(&mut params, now, SERVER);
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerCertificate {
            chain: vec![certificate.der().clone(), self.certificate.clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }

    /// A certificate for a gateway.
    ///
    /// # Errors
    /// [`AuthorityError::Signing`].
    pub fn client(
        &self,
        request: Request,
        router: RouterId,
        lifetime: Duration,
        now: Wall,
    ) -> Result<ClientCertificate, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(&format!("{:032x}", router.0));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        let ends = lasts(&mut params, now, lifetime);
        let request = CertificateSigningRequestParams {
            params,
            public_key: request.request.public_key,
        };
        let certificate = request.signed_by(&self.issuer)?;
        Ok(ClientCertificate {
            pem: certificate.pem(),
            fingerprint: Fingerprint::of(certificate.der()),
            ends,
        })
    }
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common);
    name
}

/// Sets from when until when a certificate is good; until when.
fn lasts(params: &mut CertificateParams, now: Wall, lifetime: Duration) -> Wall {
    let nanos = |time: Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
    let from = Wall(now.nanos().saturating_sub(nanos(EARLIER)));
    let until = Wall(now.nanos().saturating_add(nanos(lifetime)));
    let date = |wall: Wall| {
        OffsetDateTime::from_unix_timestamp(wall.secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    (params.not_before, params.not_after) = (date(from), date(until));
    until
}

/// Writes a file for the owner alone, whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), AuthorityError> {
    write_private(path, text.as_bytes()).map_err(|error| AuthorityError::File {
        path: path.to_owned(),
        error,
    })
}

/// Writes a file for the owner alone, whole or not at all, and waits until a power cut cannot undo it.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent()
        .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> (KeyPair, String) {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(["panel.example".to_owned()]).expect("params");
        params.distinguished_name = name("somebody else");
        let request = params.serialize_request(&key).expect("a request");
        (key, request.pem().expect("PEM"))
    }

    #[test]
    fn an_authority_is_the_same_at_the_next_start() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Authority::open(folder.path(), Wall::from_secs(1_800_000_000)).expect("made");
        let second = Authority::open(folder.path(), Wall::from_secs(1_900_000_000)).expect("read");
        assert_eq!(first.pem(), second.pem());
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &fs::metadata(folder.path().join(KEY))
                .expect("a file")
                .permissions(),
        );
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn half_an_authority_is_not_made_whole_by_another() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Wall::from_secs(1_800_000_000);
        Authority::open(folder.path(), now).expect("made");
        fs::remove_file(folder.path().join(KEY)).expect("removed");
        let error = Authority::open(folder.path(), now).expect_err("half");
        assert!(
            error.to_string().contains("put it back from a backup"),
            "{error}"
        );
    }

    #[test]
    fn a_gateways_certificate_bears_our_names_and_its_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let now = Wall::from_secs(1_800_000_000);
        let authority = Authority::open(folder.path(), now).expect("made");
        let (key, pem) = request();
        let request = Request::read(&pem).expect("a request");
        assert_eq!(request.key, Fingerprint::of(&key.subject_public_key_info()));
        let made = authority
            .client(request, RouterId(0xab), Duration::from_hours(24), now)
            .expect("a certificate");
        assert_eq!(made.ends, Wall::from_secs(1_800_000_000 + 24 * 3600));
        let again = Request::read(&pem).expect("a request");
        let other = authority
            .client(again, RouterId(0xab), Duration::from_hours(24), now)
            .expect("a certificate");
        assert_ne!(made.fingerprint, other.fingerprint);
        assert!(!made.pem.contains("panel.example"));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for pem in [
            "",
            "hello",
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
        ] {
            assert!(
                matches!(Request::read(pem), Err(AuthorityError::Request(_))),
                "{pem}"
            );
        }
    }
}

//! Writes that come twice: the second is answered with what the first was.
//!
//! Where a first one did not come to its end (the panel died in it), what it did is not known, and it is not done again.
//! An answer may hold a secret that is shown once, so it is sealed with a key made of the caller's own credential and the
//! name they gave the write: neither is in the store.

use super::{Outcome, Panel, ServiceError, secrets};
use crate::control::store::house::replies as rows;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use sha2::Digest as _;

/// A write with a name.
#[derive(Debug, Clone)]
pub(in crate::control) struct Named {
    /// Whose.
    pub(in crate::control) who: String,
    /// The digest of its name.
    key: [u8; 32],
    /// The digest of what it asks.
    body: [u8; 32],
    /// What its answer is sealed with.
    seal: [u8; 32],
}

/// What is known of such a write.
#[derive(Debug)]
pub(in crate::control) enum Known {
    /// Nothing: it is to be carried out, and then said what came of it.
    New,
    /// It was carried out, and this was the answer.
    Done(u16, Vec<u8>),
    /// The name was used for something else.
    Other,
    /// It is being carried out, or was when the panel died.
    Unfinished,
}

impl Named {
    /// A write of somebody (`who`, known by `credential`) that is named `name` and asks `parts`.
    pub(in crate::control) fn new(
        who: &str,
        credential: &str,
        name: &str,
        parts: &[&[u8]],
    ) -> Self {
        let seal = secrets::digest(&format!("reply:{credential}:{name}"));
        let mut body = sha2::Sha256::new();
        // What is asked may hold a secret that could be guessed: its digest is of no use without the caller's own.
        body.update(seal);
        for part in parts {
            body.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            body.update(part);
        }
        Self {
            who: who.to_owned(),
            key: secrets::digest(name),
            body: body.finalize().into(),
            seal,
        }
    }
}

/// Says what is known, and that it is being carried out now where nothing is.
pub(in crate::control) async fn begin(panel: &Panel, named: &Named) -> Outcome<Known> {
    let mut change = panel.change().await?;
    let known = rows::find(change.db(), &named.who, &named.key).await?;
    let Some(known) = known else {
        let begun = (named.body.as_slice(), panel.now().nanos());
        rows::begin(change.db(), &named.who, &named.key, begun).await?;
        change.commit().await?;
        return Ok(Known::New);
    };
    if known.body != named.body {
        return Ok(Known::Other);
    }
    let answer = known.answer.and_then(|answer| open(&named.seal, answer));
    Ok(match (known.status, answer) {
        (Some(status), Some(answer)) => Known::Done(u16::try_from(status).unwrap_or(200), answer),
        _ => Known::Unfinished,
    })
}

/// Keeps what came of it, or forgets that it was begun where nothing did.
pub(in crate::control) async fn finish(
    panel: &Panel,
    named: &Named,
    answer: Option<(u16, &[u8])>,
) -> Outcome<()> {
    let mut change = panel.change().await?;
    match answer {
        Some((status, answer)) => {
            let sealed = seal(&named.seal, answer)?;
            let finished = (i64::from(status), sealed.as_slice());
            rows::finish(change.db(), &named.who, &named.key, finished).await?;
        }
        None => rows::forget(change.db(), &named.who, &named.key).await?,
    }
    change.commit().await?;
    Ok(())
}

fn seal(key: &[u8; 32], answer: &[u8]) -> Outcome<Vec<u8>> {
    let nonce: [u8; NONCE_LEN] = secrets::random()?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).map_err(|_| ServiceError::NoDigest)?;
    let mut sealed = answer.to_vec();
    let nonce_used = Nonce::assume_unique_for_key(nonce);
    let done =
        LessSafeKey::new(key).seal_in_place_append_tag(nonce_used, Aad::empty(), &mut sealed);
    done.map_err(|_| ServiceError::NoDigest)?;
    sealed.extend(nonce);
    Ok(sealed)
}

fn open(key: &[u8; 32], mut sealed: Vec<u8>) -> Option<Vec<u8>> {
    let nonce = sealed.split_off(sealed.len().checked_sub(NONCE_LEN)?);
    let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
    let key = UnboundKey::new(&CHACHA20_POLY1305, key).ok()?;
    let opened = LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), &mut sealed);
    Some(opened.ok()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_is_known_by_no_digest_that_somebody_else_could_try_out() {
        let parts: [&[u8]; 2] = [b"POST", b"{\"secret\":\"sk-guess\"}"];
        let body = |credential: &str| Named::new("ann", credential, "n", &parts).body;
        let mut plain = sha2::Sha256::new();
        for part in parts {
            plain.update((part.len() as u64).to_be_bytes());
            plain.update(part);
        }
        let plain: [u8; 32] = plain.finalize().into();
        assert_ne!(body("tgs_one").as_slice(), plain);
        assert_ne!(body("tgs_one"), body("tgs_two"));
        assert_eq!(body("tgs_one"), body("tgs_one"));
    }
}

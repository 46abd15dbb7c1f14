//! Signing in at the organisation's own provider: the browser does it, this command listens for how it ended.
//!
//! What comes to the port is a code that is good once, for a minute, and for nobody who does not have the verifier that this
//! command drew and never sent. Other pages that find the port learn nothing and change nothing: they do not know the digest
//! that the panel sends along.

use super::login::session_token;
use super::remote::{Ask, Fault, Line};
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Digest as _;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

/// How long somebody has in the browser.
pub(super) const PATIENCE: Duration = Duration::from_mins(5);
/// A browser that has connected asks within this.
const ASKS_WITHIN: Duration = Duration::from_secs(5);
/// Connections at once.
const MOST_GUESTS: usize = 16;
/// A request is no longer.
const MOST_HEAD: usize = 8 * 1024;

/// How it ended in the browser: a code, or why there is none.
type Word = Result<Secret<String>, String>;

/// The token of a session that was opened by way of a browser.
pub(super) fn token(
    line: &Line,
    ask: &mut dyn Ask,
    patience: Duration,
) -> anyhow::Result<Secret<String>> {
    let about = line.send(Method::GET, "oidc", None, None)?;
    if about.get("available").and_then(Value::as_bool) != Some(true) {
        let words = "this panel has no provider to sign in at: leave --sso out, or name one in its `sign_in:`";
        return Err(Fault::Usage(words.to_owned()).into());
    }
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(random.as_mut_slice())
        .map_err(|error| Fault::System(std::io::Error::other(error.to_string())))?;
    let verifier = Secret::new(URL_SAFE_NO_PAD.encode(random.as_slice()));
    let digest = sha2::Sha256::digest(verifier.expose().as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(digest);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    ask.visit(&format!(
        "{}/api/v1/oidc/start?loopback={port}&challenge={challenge}",
        line.url()
    ))?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let word = runtime.block_on(async {
        let heard = listen(listener, &challenge);
        tokio::time::timeout(patience, heard).await
    });
    let word = word.map_err(|_| Fault::NobodyCame(patience.as_secs() / 60))??;
    let code = word.map_err(Fault::NotSignedIn)?;
    let body = json!({ "code": code.expose(), "verifier": verifier.expose() });
    let session = line.send(Method::POST, "oidc/redeem", Some(&body), None)?;
    session_token(&session)
}

/// Waits for the browser to be sent here by the panel.
async fn listen(listener: TcpListener, challenge: &str) -> std::io::Result<Word> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // Browsers connect ahead of time and say nothing for a while: one does not keep the others waiting.
    let mut guests: JoinSet<Option<Word>> = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if guests.len() < MOST_GUESTS => {
                let challenge = challenge.to_owned();
                if let Ok((stream, _)) = accepted {
                    guests.spawn(async move {
                        let heard = hear(stream, &challenge);
                        tokio::time::timeout(ASKS_WITHIN, heard).await.ok().flatten()
                    });
                }
            }
            Some(heard) = guests.join_next() => {
                if let Ok(Some(word)) = heard {
                    return Ok(word);
                }
            }
        }
    }
}

/// Reads a request and answers it; what it had to say, if it comes from the panel.
async fn hear(mut stream: TcpStream, challenge: &str) -> Option<Word> {
    let mut head = Zeroizing::new(Vec::with_capacity(MOST_HEAD));
    while !head.windows(4).any(|part| part == b"\r\n\r\n") {
        if head.len() >= MOST_HEAD || stream.read_buf(&mut *head).await.ok()? == 0 {
            return None;
        }
    }
    let word = std::str::from_utf8(&head)
        .ok()
        .and_then(|head| word(head, challenge));
    let (status, text) = match &word {
        Some(Ok(_)) => (
            "200 OK",
            "You can close this page: tollgate goes on in the terminal.",
        ),
        Some(Err(_)) => ("200 OK", "You were not signed in: the terminal says why."),
        None => ("404 Not Found", "There is nothing here."),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\n\r\n{text}",
        text.len()
    );
    // It was heard, also where nobody waits for the answer.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    word
}

/// What the panel has to say in this request.
fn word(head: &str, challenge: &str) -> Option<Word> {
    let query = head.strip_prefix("GET /?")?.split(' ').next()?;
    let field = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut found = pairs.filter(|(named, _)| *named == name);
        found.next().map(|(_, value)| value)
    };
    if field("state") != Some(challenge) {
        return None;
    }
    let plain = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        (1..=100).contains(&text.len()) && text.bytes().all(plain)
    };
    if let Some(code) = field("code").filter(plain) {
        return Some(Ok(Secret::new(code.to_owned())));
    }
    let error = field("error").filter(plain)?;
    Some(Err(error.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_panel_has_something_to_say() {
        let check = |head: &str, expected: Option<Result<&str, &str>>| {
            let heard = word(head, "digest");
            let heard = heard.as_ref().map(|word| match word {
                Ok(code) => Ok(code.expose().as_str()),
                Err(error) => Err(error.as_str()),
            });
            assert_eq!(heard, expected, "{head}");
        };
        check(
            "GET /?code=tgc_a-B&state=digest HTTP/1.1\r\n\r\n",
            Some(Ok("tgc_a-B")),
        );
        check(
            "GET /?error=identity_unknown&state=digest HTTP/1.1\r\n\r\n",
            Some(Err("identity_unknown")),
        );
        check("GET /?code=tgc_a&state=another HTTP/1.1\r\n\r\n", None);
        check("GET /?code=tgc_a HTTP/1.1\r\n\r\n", None);
        check("GET /?error=%1b[31m&state=digest HTTP/1.1\r\n\r\n", None);
        check("GET /favicon.ico HTTP/1.1\r\n\r\n", None);
        check("POST /?code=tgc_a&state=digest HTTP/1.1\r\n\r\n", None);
    }
}

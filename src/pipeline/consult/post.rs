//! One exchange with an address of the policies: a POST of JSON, and an answer within bounds.

use super::Address;
use crate::clock;
use crate::provider::settings::{Base, Timeouts};
use crate::provider::transport::{Lane, Outgoing, TransportError};
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request};
use http_body_util::BodyExt;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::timeout;

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::pipeline) enum Fault {
    /// Not in time.
    #[error("did not answer within {0:?}")]
    Late(Duration),
    /// Not at all.
    #[error("could not be asked: {0}")]
    Transport(#[from] TransportError),
    /// Its answer broke off.
    #[error("broke off its answer")]
    Cut,
    /// Another status than success; a redirect, too.
    #[error("answered with status {0}")]
    Status(u16),
    /// More than is read.
    #[error("answered with more than {LONGEST} bytes")]
    Long,
    /// Not in words that are understood.
    #[error("answered in words that nobody here understands")]
    Unreadable,
    /// The texts are beyond the bound.
    #[error(
        "was not asked: the texts are longer than {} bytes",
        super::question::LONGEST
    )]
    TooMuch,
    /// The texts are not known.
    #[error("was not asked: the answer cannot be read, or is too long to be held")]
    Unheard,
}

/// Where to post, with the headers to send along.
#[derive(Debug)]
pub(in crate::pipeline) struct Post {
    address: Address,
    headers: HeaderMap,
}

impl Post {
    /// What is sent each time; `headers` go before ours.
    pub(super) fn new(address: Address, headers: HeaderMap) -> Self {
        let mut all = HeaderMap::new();
        all.insert(header::HOST, address.host.clone());
        all.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        all.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        all.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("identity"),
        );
        all.insert(header::USER_AGENT, HeaderValue::from_static("tollgate"));
        for name in headers.keys() {
            all.remove(name);
        }
        all.extend(headers);
        Self {
            address,
            headers: all,
        }
    }

    /// Where it goes.
    pub(in crate::pipeline) const fn base(&self) -> &Base {
        &self.address.base
    }

    /// Posts and reads the answer, all within the time given.
    pub(in crate::pipeline) async fn send(
        &self,
        lane: &Rc<Lane>,
        body: Bytes,
        within: Duration,
    ) -> Result<Bytes, Fault> {
        let mut request = Request::new(Outgoing::whole(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.address.path.clone();
        *request.headers_mut() = self.headers.clone();
        let exchange = exchange(lane, request, within);
        timeout(within, exchange)
            .await
            .unwrap_or(Err(Fault::Late(within)))
    }
}

async fn exchange(
    lane: &Rc<Lane>,
    request: Request<Outgoing>,
    within: Duration,
) -> Result<Bytes, Fault> {
    let timeouts = Timeouts {
        connect: within,
        first_byte: within,
        idle: within,
        total: within,
    };
    let mut sent = lane
        .send(request.clone(), &timeouts, clock::since_start())
        .await;
    // A connection kept open may have been closed at the other end while the request was on its way. To ask twice does no
    // harm, and the second connection is new or better known.
    if sent
        .as_ref()
        .is_err_and(|error| matches!(error, TransportError::Stale | TransportError::Broken))
    {
        sent = lane.send(request, &timeouts, clock::since_start()).await;
    }
    let (response, loan) = sent?;
    if !response.status().is_success() {
        return Err(Fault::Status(response.status().as_u16()));
    }
    let mut body = response.into_body();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Fault::Cut)?.into_data() else {
            continue;
        };
        if read.len().saturating_add(data.len()) > LONGEST {
            return Err(Fault::Long);
        }
        read.extend_from_slice(&data);
    }
    loan.give_back(clock::since_start());
    Ok(read.freeze())
}

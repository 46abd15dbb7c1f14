//! The bodies of requests, gathered within a bound, and gzip in both directions.

use bytes::{Bytes, BytesMut};
use std::io::Read as _;
use std::pin::Pin;

/// The longest request body, as sent and unpacked.
const LIMIT: usize = 64 << 20;

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    /// Longer than the limit, as sent or when unpacked.
    #[error("the request body is longer than {LIMIT} bytes")]
    TooLarge,
    /// The client stopped sending.
    #[error("the request body broke off")]
    Broken,
    /// Not what its `content-encoding` says.
    #[error("the request body is not the gzip its content-encoding says it is")]
    NotGzip,
    /// An encoding the simulator does not know.
    #[error("the simulator reads bodies that are plain or gzip, not `{0}`")]
    Encoding(String),
}

/// Reads a body to its end.
pub(super) async fn read<B>(mut body: Pin<&mut B>) -> Result<Bytes, BodyError>
where
    B: http_body::Body<Data = Bytes>,
{
    let mut whole = BytesMut::new();
    let mut only = Bytes::new();
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            continue;
        };
        if whole.len() + only.len() + data.len() > LIMIT {
            return Err(BodyError::TooLarge);
        }
        if only.is_empty() && whole.is_empty() {
            only = data;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut only));
            whole.extend_from_slice(&data);
        }
    }
    Ok(if whole.is_empty() {
        only
    } else {
        whole.freeze()
    })
}

/// The text of a body that came in this encoding.
pub(super) fn unpack(bytes: &Bytes, encoding: Option<&str>) -> Result<Bytes, BodyError> {
    match encoding.unwrap_or("identity") {
        "" | "identity" => Ok(bytes.clone()),
        "gzip" | "x-gzip" => {
            let mut plain = Vec::new();
            let most = u64::try_from(LIMIT).unwrap_or(u64::MAX).saturating_add(1);
            flate2::read::MultiGzDecoder::new(bytes.as_ref())
                .take(most)
                .read_to_end(&mut plain)
                .map_err(|_| BodyError::NotGzip)?;
            if plain.len() > LIMIT {
                return Err(BodyError::TooLarge);
            }
            Ok(plain.into())
        }
        other => Err(BodyError::Encoding(other.chars().take(40).collect())),
    }
}

/// The bytes, compressed.
pub(super) fn pack(bytes: &[u8]) -> Bytes {
    let mut packed = Vec::new();
    // Compressing from memory into memory cannot fail.
    let _ = flate2::read::GzEncoder::new(bytes, flate2::Compression::default())
        .read_to_end(&mut packed);
    packed.into()
}

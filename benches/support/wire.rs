//! Reads HTTP/1.1 answers off a socket: just enough to know that each came whole.
//!
//! Invariant: an answer is `Ok` only if its status is 200 and its body has ended as its framing says. Everything else is a
//! fault, and a fault ends the case: no figure is made of refused calls or cut streams.

use crate::http::Fault;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The body that came back: its length and its CRC-32C, which together say whether it is the upstream's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Body {
    bytes: usize,
    checksum: u32,
}

impl Body {
    /// The body that comes in these pieces.
    pub(crate) fn of(pieces: &[impl AsRef<[u8]>]) -> Self {
        pieces
            .iter()
            .fold(Self::default(), |body, piece| body.and(piece.as_ref()))
    }

    /// The same, continued by `data`.
    fn and(self, data: &[u8]) -> Self {
        Self {
            bytes: self.bytes + data.len(),
            checksum: crc32c::crc32c_append(self.checksum, data),
        }
    }
}

/// One connection, kept alive.
pub(crate) struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer was read and not yet used.
    from: usize,
    to: usize,
}

impl Connection {
    /// Connects to `address`.
    pub(crate) async fn open(address: std::net::SocketAddr) -> Result<Self, Fault> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            buffer: vec![0; 64 * 1024],
            from: 0,
            to: 0,
        })
    }

    /// Sends a request and reads its answer; `first` is called when the first bytes of the body are there.
    pub(crate) async fn call(
        &mut self,
        request: &[u8],
        first: impl FnOnce(),
    ) -> Result<Body, Fault> {
        let mut body = Body::default();
        self.ask(request, first, |data| body = body.and(data))
            .await?;
        Ok(body)
    }

    /// The same, but with the whole body.
    pub(crate) async fn call_whole(&mut self, request: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut body = Vec::new();
        self.ask(request, || (), |data| body.extend_from_slice(data))
            .await?;
        Ok(body)
    }

    async fn ask(
        &mut self,
        request: &[u8],
        first: impl FnOnce(),
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Fault> {
        self.socket.write_all(request).await?;
        let framing = self.head().await?;
        self.some().await?;
        first();
        match framing {
            Framing::Length(length) => self.gather(length, &mut take).await?,
            Framing::Chunked => {
                while let Some(size) = self.chunk_size().await? {
                    self.gather(size, &mut take).await?;
                    self.line().await?;
                }
            }
        }
        Ok(())
    }

    async fn gather(&mut self, mut left: usize, take: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        while left > 0 {
            let data = self.some().await?;
            let used = data.len().min(left);
            take(data.get(..used).unwrap_or_default());
            left -= used;
            self.from += used;
        }
        Ok(())
    }

    /// Sends a request and waits for its head alone: the stream behind it stays open as long as the connection lives.
    pub(crate) async fn start(&mut self, request: &[u8]) -> Result<(), Fault> {
        self.socket.write_all(request).await?;
        self.head().await?;
        self.some().await.map(|_| ())
    }

    async fn head(&mut self) -> Result<Framing, Fault> {
        let status = self.line().await?;
        let ok = status.starts_with("HTTP/1.1 200");
        let mut framing = None;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                break;
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(format!("the answer has a malformed header: `{line}`").into());
            };
            if name.eq_ignore_ascii_case("content-length") {
                framing = Some(Framing::Length(value.trim().parse()?));
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                framing = Some(Framing::Chunked);
            }
        }
        if !ok {
            let said = String::from_utf8_lossy(self.some().await?).into_owned();
            return Err(format!("answered `{status}`: {said}").into());
        }
        framing.ok_or_else(|| "the answer has neither a length nor chunks".into())
    }

    /// The size of the next chunk; `None` after the last.
    async fn chunk_size(&mut self) -> Result<Option<usize>, Fault> {
        let line = self.line().await?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
            .map_err(|_| format!("`{line}` is no chunk size"))?;
        if size > 0 {
            return Ok(Some(size));
        }
        while !self.line().await?.is_empty() {}
        Ok(None)
    }

    async fn line(&mut self) -> Result<String, Fault> {
        loop {
            let unread = self.buffer.get(self.from..self.to).unwrap_or_default();
            if let Some(end) = memchr::memchr(b'\n', unread) {
                let line = unread.get(..end).unwrap_or_default();
                let line = std::str::from_utf8(line)?.trim_end_matches('\r').to_owned();
                self.from += end + 1;
                return Ok(line);
            }
            self.read().await?;
        }
    }

    async fn some(&mut self) -> Result<&[u8], Fault> {
        if self.from == self.to {
            self.read().await?;
        }
        Ok(self.buffer.get(self.from..self.to).unwrap_or_default())
    }

    async fn read(&mut self) -> Result<(), Fault> {
        if self.from == self.to {
            (self.from, self.to) = (0, 0);
        } else if self.to == self.buffer.len() {
            self.buffer.copy_within(self.from..self.to, 0);
            (self.from, self.to) = (0, self.to - self.from);
        }
        let room = self.buffer.get_mut(self.to..).unwrap_or_default();
        let read = self.socket.read(room).await?;
        if read == 0 {
            return Err("the connection closed within an answer".into());
        }
        self.to += read;
        Ok(())
    }
}

/// How a body ends.
enum Framing {
    Length(usize),
    Chunked,
}

/// Longer than any answer takes on a machine that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

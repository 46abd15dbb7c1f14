//! A caller: HTTP/1.1 over a plain socket, small enough to see what it does, and able to hang up at any moment.

use super::DEADLINE;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

/// A chat request of one message.
pub(crate) fn chat(model: &str, text: &str, more: &[(&str, Value)]) -> Value {
    let mut body = serde_json::json!({
        "model": model,
        "messages": [{ "role": "user", "content": text }],
    });
    for (name, value) in more {
        body[*name] = value.clone();
    }
    body
}

/// A caller with one connection, kept open between calls.
pub(crate) struct Client {
    address: SocketAddr,
    headers: String,
    connection: Option<BufReader<TcpStream>>,
}

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(of, _)| of == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// The `data:` of every event of a stream.
    pub(crate) fn events(&self) -> Vec<String> {
        let text = self.text();
        let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
        data.map(|data| data.trim_start().to_owned()).collect()
    }
}

/// A request that was sent.
pub(crate) struct Sent(BufReader<TcpStream>);

impl Sent {
    /// Hangs up.
    pub(crate) fn hang_up(self) {
        let _ = self.0.get_ref().shutdown(Shutdown::Both);
    }
}

/// An answer that is read piece by piece.
pub(crate) struct Streaming {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    left: Left,
    reader: BufReader<TcpStream>,
}

/// How the end of a body is known.
#[derive(Clone, Copy)]
enum Left {
    Bytes(u64),
    Chunks,
    Close,
    Nothing,
}

impl Client {
    /// A caller of this address.
    pub(crate) fn to(address: SocketAddr) -> Self {
        Self {
            address,
            headers: format!("host: {address}\r\n"),
            connection: None,
        }
    }

    /// The same, sending this header each time.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    /// GET.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Response {
        self.whole("GET", path, "").expect("an answer")
    }

    /// POST of a JSON body.
    #[track_caller]
    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Response {
        self.try_post(path, body).expect("an answer")
    }

    /// POST to chat completions.
    #[track_caller]
    pub(crate) fn chat(&mut self, body: &Value) -> Response {
        self.post("/v1/chat/completions", body)
    }

    /// POST that may fail as connections do.
    pub(crate) fn try_post(&mut self, path: &str, body: &Value) -> io::Result<Response> {
        self.whole("POST", path, &body.to_string())
    }

    fn whole(&mut self, method: &str, path: &str, body: &str) -> io::Result<Response> {
        let mut streaming = self.open(method, path, body)?;
        let body = streaming.rest()?;
        let response = Response {
            status: streaming.status,
            headers: streaming.headers,
            body,
        };
        let closes = response
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !closes && !matches!(streaming.left, Left::Close) {
            self.connection = Some(streaming.reader);
        }
        Ok(response)
    }

    /// POST whose answer is read piece by piece; the connection is its own.
    #[track_caller]
    pub(crate) fn stream(&mut self, path: &str, body: &Value) -> Streaming {
        self.open("POST", path, &body.to_string())
            .expect("an answer begins")
    }

    /// POST whose answer nobody waits for: the connection is open until what is returned is dropped.
    #[track_caller]
    pub(crate) fn send_only(&mut self, path: &str, body: &Value) -> Sent {
        let mut reader = self.connected().expect("a connection");
        self.send(&mut reader, "POST", path, &body.to_string())
            .expect("it is sent");
        Sent(reader)
    }

    fn connected(&mut self) -> io::Result<BufReader<TcpStream>> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        Ok(BufReader::new(stream))
    }

    fn send(
        &self,
        to: &mut BufReader<TcpStream>,
        method: &str,
        path: &str,
        body: &str,
    ) -> io::Result<()> {
        let mut request = format!("{method} {path} HTTP/1.1\r\n{}", self.headers);
        if method == "POST" {
            let _ = write!(
                request,
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            );
        }
        request.push_str("\r\n");
        request.push_str(body);
        to.get_mut().write_all(request.as_bytes())
    }

    fn open(&mut self, method: &str, path: &str, body: &str) -> io::Result<Streaming> {
        let mut reader = self.connected()?;
        self.send(&mut reader, method, path, body)?;
        let mut line = line(&mut reader)?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| broken(&line))?;
        let mut headers = Vec::new();
        loop {
            line = self::line(&mut reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken(&line))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let of = |name: &str| headers.iter().find(|(of, _)| of == name).map(|(_, v)| v);
        let left = match (of("transfer-encoding"), of("content-length")) {
            (Some(_), _) => Left::Chunks,
            (None, Some(length)) => Left::Bytes(length.parse().map_err(|_| broken(length))?),
            (None, None) => Left::Close,
        };
        Ok(Streaming {
            status,
            headers,
            left,
            reader,
        })
    }
}

impl Streaming {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(of, _)| of == name);
        found.next().map(|(_, value)| value.as_str())
    }

    /// The next bytes; `None` at the body's end.
    pub(crate) fn piece(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.left {
            Left::Nothing => Ok(None),
            Left::Bytes(length) => {
                let mut body = vec![0; usize::try_from(length).map_err(|_| broken("length"))?];
                self.reader.read_exact(&mut body)?;
                self.left = Left::Nothing;
                Ok(Some(body))
            }
            Left::Close => {
                let mut body = Vec::new();
                self.reader.read_to_end(&mut body)?;
                Ok(Some(body).filter(|body| !body.is_empty()))
            }
            Left::Chunks => {
                let size = line(&mut self.reader)?;
                let size = usize::from_str_radix(&size, 16).map_err(|_| broken(&size))?;
                let mut chunk = vec![0; size];
                self.reader.read_exact(&mut chunk)?;
                let end = line(&mut self.reader)?;
                if !end.is_empty() {
                    return Err(broken(&end));
                }
                if size == 0 {
                    self.left = Left::Nothing;
                    return Ok(None);
                }
                Ok(Some(chunk))
            }
        }
    }

    /// Everything that is still to come.
    pub(crate) fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece()? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// Hangs up.
    pub(crate) fn hang_up(self) {
        let _ = self.reader.get_ref().shutdown(Shutdown::Both);
    }
}

fn line(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

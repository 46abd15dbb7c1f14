//! A wire that can be cut: passes on what comes, until somebody cuts it. With several ends it leads to the first that takes a
//! connection, as a balancer of TCP connections does.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// A wire to somewhere.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    to: Mutex<Vec<SocketAddr>>,
    cut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Wire {
    /// A wire to this address.
    pub(crate) fn to(to: SocketAddr) -> Self {
        Self::to_any(vec![to])
    }

    /// A wire to the first of these that takes a connection.
    pub(crate) fn to_any(to: Vec<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State {
            to: Mutex::new(to),
            cut: AtomicBool::new(false),
            open: Mutex::default(),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = shared.join(stream);
            }
        });
        Self { address, state }
    }

    /// From now on it leads here; what was open breaks.
    pub(crate) fn lead_to(&self, to: SocketAddr) {
        *self.state.to.lock().expect("no panic") = vec![to];
        self.cut(true);
        self.cut(false);
    }

    /// Cuts it: what was open breaks, and nothing gets through. Or mends it.
    pub(crate) fn cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::SeqCst);
        if cut {
            for stream in self.state.open.lock().expect("no panic").drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

impl State {
    fn join(&self, from: TcpStream) -> io::Result<()> {
        let mut open = self.open.lock().expect("no panic");
        if self.cut.load(Ordering::SeqCst) {
            return from.shutdown(Shutdown::Both);
        }
        let ends = self.to.lock().expect("no panic").clone();
        let taken = ends.iter().find_map(|to| TcpStream::connect(to).ok());
        let Some(to) = taken else {
            return from.shutdown(Shutdown::Both);
        };
        for (mut one, mut other) in [
            (from.try_clone()?, to.try_clone()?),
            (to.try_clone()?, from.try_clone()?),
        ] {
            thread::spawn(move || {
                let mut piece = [0; 16 * 1024];
                while let Ok(read) = one.read(&mut piece) {
                    if read == 0 || other.write_all(&piece[..read]).is_err() {
                        break;
                    }
                }
                let _ = one.shutdown(Shutdown::Both);
                let _ = other.shutdown(Shutdown::Both);
            });
        }
        open.push(from);
        open.push(to);
        Ok(())
    }
}

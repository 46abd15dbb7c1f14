//! A wire that can be cut: passes on what comes, until somebody cuts it.

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
    to: SocketAddr,
    cut: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Wire {
    /// A wire to this address.
    pub(crate) fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State {
            to,
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
        let to = TcpStream::connect(self.to)?;
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

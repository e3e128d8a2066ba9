//! A server that shows a certificate and says nothing.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::Result;
use rustls::{ServerConfig, ServerConnection};

/// A TLS server on 127.0.0.1.
#[derive(Debug)]
pub struct TlsServer {
    port: u16,
    /// None once it is over.
    shown: Arc<Mutex<Option<Arc<ServerConfig>>>>,
}

impl TlsServer {
    /// Starts one that shows `config`.
    ///
    /// # Errors
    /// When no port is free.
    pub fn start(config: Arc<ServerConfig>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let server = TlsServer {
            port: listener.local_addr()?.port(),
            shown: Arc::new(Mutex::new(Some(config))),
        };
        let shown = Arc::clone(&server.shown);
        std::thread::spawn(move || accept(&listener, &shown));
        Ok(server)
    }

    /// `127.0.0.1:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Shows `config` from now on.
    pub fn show(&self, config: Arc<ServerConfig>) {
        *lock(&self.shown) = Some(config);
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        *lock(&self.shown) = None;
        // The accepting thread only looks when somebody connects.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn accept(listener: &TcpListener, shown: &Mutex<Option<Arc<ServerConfig>>>) {
    while let Ok((mut stream, _)) = listener.accept() {
        let Some(config) = lock(shown).clone() else {
            return;
        };
        std::thread::spawn(move || {
            if let Ok(mut connection) = ServerConnection::new(config) {
                // A client that hangs up in the middle is its own affair.
                let _ = connection.complete_io(&mut stream);
            }
        });
    }
}

fn lock(shown: &Mutex<Option<Arc<ServerConfig>>>) -> MutexGuard<'_, Option<Arc<ServerConfig>>> {
    shown
        .lock()
        .expect("no panic happens while this lock is held")
}

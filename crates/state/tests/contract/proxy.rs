//! Stands before a Redis and can let its connections fall silent, as a lost route does: nothing arrives, nothing breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

struct Shared {
    /// 0: none, so connections are closed at once.
    redis_port: AtomicU16,
    silence: Notify,
}

impl Proxy {
    pub async fn before(redis_port: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared =
            Arc::new(Shared { redis_port: redis_port.unwrap_or_default().into(), silence: Notify::new() });
        let accepting = tokio::spawn(accept(listener, shared.clone()));
        Self { port, shared, accepting }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where connections made from now on lead.
    pub fn stand_before(&self, redis_port: Option<u16>) {
        self.shared.redis_port.store(redis_port.unwrap_or_default(), Ordering::SeqCst);
    }

    /// What is connected now stays so and never hears anything again; new connections work.
    pub fn silence(&self) {
        self.shared.silence.notify_waiters();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        tokio::spawn(pass_on(client, shared.clone()));
    }
}

async fn pass_on(mut client: TcpStream, shared: Arc<Shared>) {
    let port = shared.redis_port.load(Ordering::SeqCst);
    let Ok(mut redis) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    tokio::select! {
        // One side left, which is how a connection ends.
        _ = tokio::io::copy_bidirectional(&mut client, &mut redis) => {}
        () = shared.silence.notified() => std::future::pending().await,
    }
}

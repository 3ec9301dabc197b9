//! Stands before a Redis and can let its connections fall silent, as a lost route does: nothing arrives, nothing breaks.

use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub struct Proxy {
    port: u16,
    silence: Arc<Notify>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub async fn before(redis_port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silence = Arc::new(Notify::new());
        let silenced = silence.clone();
        let accepting = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let redis = TcpStream::connect(("127.0.0.1", redis_port)).await.unwrap();
                tokio::spawn(pass_on(client, redis, silenced.clone()));
            }
        });
        Self { port, silence, accepting }
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// What is connected now stays so and never hears anything again; new connections work.
    pub fn silence(&self) {
        self.silence.notify_waiters();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass_on(mut client: TcpStream, mut redis: TcpStream, silence: Arc<Notify>) {
    tokio::select! {
        // One side left, which is how a connection ends.
        _ = tokio::io::copy_bidirectional(&mut client, &mut redis) => {}
        () = silence.notified() => std::future::pending().await,
    }
}

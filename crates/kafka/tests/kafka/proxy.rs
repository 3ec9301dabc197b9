//! A way to the broker that can be held up.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::rig;

/// Stands before the one broker of the tests, and makes clients believe that the broker is here.
pub struct Proxy {
    pub address: String,
    held: watch::Sender<bool>,
}

impl Proxy {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (held, watched) = watch::channel(false);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let broker = TcpStream::connect(rig::brokers()).await.unwrap();
                let ((from_client, to_client), (from_broker, to_broker)) =
                    (client.into_split(), broker.into_split());
                tokio::spawn(requests(from_client, to_broker, watched.clone()));
                tokio::spawn(answers(from_broker, to_client, port, watched.clone()));
            }
        });
        Self { address: format!("127.0.0.1:{port}"), held }
    }

    /// Nothing passes until it is released; then everything does, in order.
    pub fn hold(&self) {
        self.held.send_replace(true);
    }

    pub fn release(&self) {
        self.held.send_replace(false);
    }
}

async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut held: watch::Receiver<bool>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if held.wait_for(|held| !held).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    port: u16,
    mut held: watch::Receiver<bool>,
) {
    let address = rig::brokers();
    let (host, there) = address.rsplit_once(':').unwrap();
    let there: u16 = there.parse().unwrap();
    // As metadata has it: the host, then the port in four bytes.
    let said: Vec<u8> = host.bytes().chain(u32::from(there).to_be_bytes()).collect();
    while let Ok(length) = from.read_u32().await {
        let mut answer = vec![0; length as usize];
        if from.read_exact(&mut answer).await.is_err() {
            return;
        }
        let mut at = 0;
        while let Some(found) = answer[at..].windows(said.len()).position(|window| window == said) {
            at += found + said.len();
            answer[at - 4..at].copy_from_slice(&u32::from(port).to_be_bytes());
        }
        if held.wait_for(|held| !held).await.is_err() {
            return;
        }
        let sent = async {
            to.write_u32(length).await?;
            to.write_all(&answer).await
        };
        if sent.await.is_err() {
            return;
        }
    }
}

//! An api for tests, which answers as it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::http::{Access, Http};

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Such as `GET /path`.
    pub what: String,
    /// Of the header `Idempotency-Key`.
    pub key: Option<String>,
    pub body: String,
}

/// A status and a body; `None`: the connection is closed without an answer.
pub type Said = Option<(u16, serde_json::Value)>;

/// Listens until the tests end.
pub struct FakeApi {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    dir: tempfile::TempDir,
}

impl FakeApi {
    pub fn start(mut answer: impl FnMut(&Asked) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read(&stream);
                seen.lock().unwrap().push(request.clone());
                let Some((status, body)) = answer(&request) else { continue };
                let body = body.to_string();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
            }
        });
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "token").unwrap();
        Self { url, asked, dir }
    }

    pub fn http(&self) -> Http {
        let access = Access { token_file: Some(self.dir.path().join("token")), ca: None };
        Http::new(&self.url, &access).unwrap()
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked, without bodies.
    pub fn calls(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.what).collect()
    }
}

fn read(stream: &TcpStream) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let found = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
        found.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let what = lines.first().and_then(|line| line.rsplit_once(' ')).map_or("", |(what, _)| what).to_owned();
    Asked { what, key: header("idempotency-key"), body: String::from_utf8(body).unwrap() }
}

//! A real program on a free port over its own database file, and the people and programs that use it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use carillon_admin::{Admin, AdminOptions, PROOF_LASTS};
use carillon_core::access::{Grant, Role, Scope};
use carillon_core::identity::GroupId;
use carillon_lifecycle::shutdown::{Shutdown, ShutdownHandle};
use carillon_store::{Editor, NewToken, Store, StoreUrl};
use jiff::SignedDuration;
use serde_json::Value;
use sha2::Digest as _;

/// Everybody's password here.
pub(crate) const PASSWORD: &str = "three bells at noon";

/// A running program.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) address: SocketAddr,
    pub(crate) setup_code: Option<String>,
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    stop: ShutdownHandle,
    hash: String,
}

impl Site {
    /// A program over an empty database.
    pub(crate) fn empty() -> Site {
        Site::over_empty_database(None, PROOF_LASTS)
    }

    fn over_empty_database(redis_url: Option<String>, proof_lasts: SignedDuration) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let url = StoreUrl::file(folder.path().join("carillon.db"));
        Site::over(url, folder, redis_url, proof_lasts)
    }

    fn over(
        url: StoreUrl,
        folder: tempfile::TempDir,
        redis_url: Option<String>,
        proof_lasts: SignedDuration,
    ) -> Site {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        // A pool of connections has a task of its own.
        let store = runtime.block_on(async { Store::new(url) });
        let (stop, shutdown) = Shutdown::new();
        let options = AdminOptions {
            store: store.clone(),
            listen: "127.0.0.1:0".to_owned(),
            public_url: None,
            redis_url,
            setup_code: None,
            proof_lasts,
        };
        let (address, setup_code) = runtime.block_on(async {
            store.migrate().await.unwrap();
            let admin = Admin::bind(options).await.unwrap();
            let (address, code) = (admin.address().unwrap(), admin.setup_code().await.unwrap());
            tokio::spawn(admin.serve(shutdown));
            (address, code)
        });
        Site {
            store,
            address,
            setup_code,
            folder,
            runtime,
            stop,
            hash: String::new(),
        }
    }

    /// A program with an owner called `owner`.
    pub(crate) fn owned() -> Site {
        Site::empty().with_owner()
    }

    /// As [`Site::owned`], which says at this Redis what has changed.
    pub(crate) fn with_redis(url: &str) -> Site {
        Site::over_empty_database(Some(url.to_owned()), PROOF_LASTS).with_owner()
    }

    /// As [`Site::owned`], where a proof of identity counts no longer than this for sensitive acts.
    pub(crate) fn with_proofs_that_last(proof_lasts: SignedDuration) -> Site {
        Site::over_empty_database(None, proof_lasts).with_owner()
    }

    /// As [`Site::owned`], over the empty database at `url`.
    pub(crate) fn on(url: &str) -> Site {
        let folder = tempfile::tempdir().unwrap();
        Site::over(url.parse().unwrap(), folder, None, PROOF_LASTS).with_owner()
    }

    fn with_owner(mut self) -> Site {
        let code = self.setup_code.clone().unwrap();
        let answer = self.anonymous().post(
            "/setup",
            &[("code", &code), ("name", "owner"), ("password", PASSWORD)],
        );
        assert_eq!(answer.status, 303, "{}", answer.text());
        let facts = self
            .block(self.store.sign_in_facts("owner"))
            .unwrap()
            .unwrap();
        self.hash = facts.password_hash;
        self
    }

    /// Where the database is.
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Waits for an answer of the store.
    pub(crate) fn block<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Makes an account with one role.
    pub(crate) fn person(&self, name: &str, role: Role, scope: Scope) {
        let grant = Grant { role, scope };
        self.block(
            self.store
                .create_user(name, &self.hash, &[grant], &Editor::program("test")),
        )
        .unwrap();
    }

    /// Makes a group of jobs.
    pub(crate) fn group(&self, name: &str) -> GroupId {
        self.block(self.store.create_group(name, "", &Editor::program("test")))
            .unwrap()
    }

    /// A token of an account.
    pub(crate) fn token(
        &self,
        name: &str,
        scope: Option<Role>,
        lasts: Option<SignedDuration>,
    ) -> String {
        let user = self
            .block(self.store.sign_in_facts(name))
            .unwrap()
            .unwrap()
            .user;
        let secret = format!("crl_{name}_{scope:?}_{lasts:?}");
        let is_known = self
            .block(
                self.store
                    .api_token(&sha2::Sha256::digest(secret.as_bytes()).into()),
            )
            .unwrap()
            .is_some();
        if is_known {
            return secret;
        }
        let token = NewToken {
            secret_hash: sha2::Sha256::digest(secret.as_bytes()).into(),
            user,
            name: "test".to_owned(),
            scope,
            lasts,
        };
        self.block(self.store.create_token(&token, &Editor::program("test")))
            .unwrap();
        secret
    }

    /// A browser in which nobody has signed in.
    pub(crate) fn anonymous(&self) -> Browser {
        Browser {
            address: self.address,
            cookies: BTreeMap::new(),
            bearer: None,
        }
    }

    /// A browser in which that person has signed in.
    pub(crate) fn browser(&self, name: &str) -> Browser {
        let mut browser = self.anonymous();
        let answer = browser.post("/sign-in", &[("name", name), ("password", PASSWORD)]);
        assert_eq!(answer.status, 303, "{}", answer.text());
        browser
    }

    /// A program with a token of that person.
    pub(crate) fn program(&self, name: &str) -> Browser {
        Browser {
            bearer: Some(self.token(name, None, None)),
            ..self.anonymous()
        }
    }

    /// Makes a job through the API, as the owner.
    pub(crate) fn job(&self, name: &str, group: &str) -> i64 {
        let mut owner = self.program("owner");
        let body = serde_json::json!({"name": name, "group": group, "command": "true", "schedule": "0 3 * * *"});
        let answer = owner.send_json("POST", "/api/v1/jobs", &body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()["id"].as_i64().unwrap()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.hurry();
    }
}

/// Somebody who sends requests and keeps cookies.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) address: SocketAddr,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) bearer: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map_or("", |(_, value)| value)
    }

    /// The value of a hidden field.
    pub(crate) fn hidden(&self, name: &str) -> String {
        let text = self.text();
        let (_, rest) = text
            .split_once(&format!("name=\"{name}\" value=\""))
            .unwrap_or_else(|| panic!("no {name}: {text}"));
        rest.split('"').next().unwrap().to_owned()
    }
}

impl Browser {
    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], b"")
    }

    /// Posts a form without a token, as a stranger's page could.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.send(
            "POST",
            path,
            &[("content-type", "application/x-www-form-urlencoded")],
            body.as_bytes(),
        )
    }

    /// Posts a form with the token of this session.
    pub(crate) fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.get("/account").hidden("csrf");
        let fields: Vec<_> = fields
            .iter()
            .copied()
            .chain([("csrf", token.as_str())])
            .collect();
        self.post(path, &fields)
    }

    pub(crate) fn send_json(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(
            method,
            path,
            &[("content-type", "application/json")],
            body.to_string().as_bytes(),
        )
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n",
            self.address
        );
        if let Some(bearer) = &self.bearer {
            head.push_str(&format!("authorization: Bearer {bearer}\r\n"));
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<_> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            head.push_str(&format!("cookie: {}\r\n", cookies.join("; ")));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut raw = Vec::new();
        stream.read_to_end(&mut raw).unwrap();
        let answer = parse(&raw);
        for (_, cookie) in answer
            .headers
            .iter()
            .filter(|(name, _)| name == "set-cookie")
        {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }
}

fn parse(raw: &[u8]) -> Answer {
    let end = raw
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("an answer has a head");
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = &raw[end + 4..];
    let is_chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if is_chunked {
        unchunk(body)
    } else {
        body.to_vec()
    };
    Answer {
        status,
        headers,
        body,
    }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(&String::from_utf8_lossy(&rest[..end]), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
    body
}

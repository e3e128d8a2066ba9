//! Mail through TLS and with a password: what is told to the program, through its configuration, against a real server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::process::Output;

use carillon_testbed::{Authority, Folder, MailSecurity, MailServer, leashed, program};

/// With what a URL must encode.
const LOGIN: (&str, &str) = ("carillon@example.org", "pa:ss/w@rd");
const LOGIN_IN_URL: &str = "carillon%40example.org:pa%3Ass%2Fw%40rd";

struct Scene {
    authority: Authority,
    server: MailServer,
    folder: Folder,
}

impl Scene {
    /// A server called `name` that takes mail only as `security` says.
    fn open(name: &str, security: impl FnOnce(MailSecurity) -> MailSecurity) -> Self {
        let authority = Authority::create().unwrap();
        let security = security(MailSecurity {
            tls: Some(authority.issue(name, 30).unwrap()),
            ..MailSecurity::default()
        });
        let folder = Folder::create().unwrap();
        std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
        Scene {
            server: MailServer::start_secure(security).unwrap(),
            authority,
            folder,
        }
    }

    /// `HOST:PORT` of the server.
    fn place(&self) -> String {
        format!("localhost:{}", self.server.port())
    }

    /// Sends a mail by way of `url`; with `ca` the authority of that file is trusted.
    fn send(&self, url: &str, ca: Option<&str>) -> Output {
        let mut command = leashed(program("monitor").unwrap());
        command
            .args(["test-mail", "me@example.org"])
            .current_dir(self.folder.path())
            .env("CARILLON_DATABASE__URL", "sqlite:unused.db")
            .env("CARILLON_MAIL__SMTP_URL", url)
            .env("CARILLON_MAIL__FROM", "carillon@example.org");
        if let Some(ca) = ca {
            command.env("CARILLON_MAIL__CA_FILE", self.folder.join(ca));
        }
        command.output().unwrap()
    }

    #[track_caller]
    fn assert_sent(&self, url: &str) {
        let output = self.send(url, Some("ca.pem"));

        assert!(output.status.success(), "{}", said(&output));
        let mails = self.server.mails();
        assert_eq!(
            (mails.len(), &mails[0].to[..]),
            (1, &["me@example.org".to_owned()][..])
        );
    }

    #[track_caller]
    fn assert_refused(&self, output: &Output, words: &[&str]) {
        let said = said(output);

        assert!(!output.status.success(), "{said}");
        for part in words {
            assert!(said.contains(part), "{part} in {said}");
        }
        assert!(self.server.mails().is_empty());
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn implicit(security: MailSecurity) -> MailSecurity {
    MailSecurity {
        is_implicit: true,
        ..security
    }
}

fn with_login(security: MailSecurity) -> MailSecurity {
    MailSecurity {
        login: Some(LOGIN),
        ..security
    }
}

const UNTRUSTED: [&str; 2] = ["certificate is not trusted", "mail.ca_file"];

#[test]
fn mail_leaves_by_starttls() {
    let scene = Scene::open("localhost", |security| security);

    scene.assert_sent(&format!("smtp://{}?tls=required", scene.place()));
}

#[test]
fn mail_leaves_by_implicit_tls() {
    let scene = Scene::open("localhost", implicit);

    scene.assert_sent(&format!("smtps://{}", scene.place()));
}

#[test]
fn mail_leaves_by_starttls_with_a_password() {
    let scene = Scene::open("localhost", with_login);

    scene.assert_sent(&format!(
        "smtp://{LOGIN_IN_URL}@{}?tls=required",
        scene.place()
    ));
}

#[test]
fn mail_leaves_by_implicit_tls_with_a_password() {
    let scene = Scene::open("localhost", |security| implicit(with_login(security)));

    scene.assert_sent(&format!("smtps://{LOGIN_IN_URL}@{}", scene.place()));
}

#[test]
fn a_wrong_password_sends_nothing_and_is_told_as_such() {
    let scene = Scene::open("localhost", with_login);

    let url = format!(
        "smtp://carillon%40example.org:wr0ng@{}?tls=required",
        scene.place()
    );
    let output = scene.send(&url, Some("ca.pem"));

    scene.assert_refused(&output, &["535", "wrong name or password"]);
    assert!(!said(&output).contains("wr0ng"), "{}", said(&output));
}

#[test]
fn a_server_that_nobody_vouches_for_gets_no_mail() {
    for (shape, scheme, query) in [
        (
            with_login as fn(MailSecurity) -> MailSecurity,
            "smtp",
            "?tls=required",
        ),
        (|security| implicit(with_login(security)), "smtps", ""),
    ] {
        let scene = Scene::open("localhost", shape);

        let url = format!("{scheme}://{LOGIN_IN_URL}@{}{query}", scene.place());
        let output = scene.send(&url, None);

        scene.assert_refused(&output, &UNTRUSTED);
    }
}

#[test]
fn another_authority_does_not_vouch_for_it() {
    let scene = Scene::open("localhost", |security| security);
    let other = Authority::create().unwrap();
    std::fs::write(scene.folder.join("other.pem"), other.pem()).unwrap();
    assert_ne!(other.pem(), scene.authority.pem());

    let url = format!("smtp://{}?tls=required", scene.place());
    let output = scene.send(&url, Some("other.pem"));

    scene.assert_refused(&output, &UNTRUSTED);
}

#[test]
fn a_certificate_of_another_name_is_refused() {
    let scene = Scene::open("mail.example.org", implicit);

    let output = scene.send(&format!("smtps://{}", scene.place()), Some("ca.pem"));

    scene.assert_refused(&output, &["certificate is not trusted", "mail.smtp_url"]);
}

#[test]
fn what_is_no_certificate_is_told_when_the_program_starts() {
    let scene = Scene::open("localhost", implicit);
    std::fs::write(scene.folder.join("empty.pem"), "not a certificate\n").unwrap();

    let output = scene.send(&format!("smtps://{}", scene.place()), Some("empty.pem"));

    scene.assert_refused(&output, &["mail.ca"]);
}

#[test]
fn a_server_that_wants_tls_gets_nothing_in_the_clear() {
    let scene = Scene::open("localhost", |security| security);

    let output = scene.send(&format!("smtp://{}", scene.place()), Some("ca.pem"));

    scene.assert_refused(&output, &["STARTTLS"]);
}

//! Signing in with a code after the password.

use carillon_store::Editor;
use sha2::Digest as _;

use crate::support::{PASSWORD, Site};

#[test]
fn a_browser_that_is_to_be_remembered_is_remembered_after_the_second_step_too() {
    let site = Site::owned();
    let user = site
        .block(site.store.sign_in_facts("owner"))
        .unwrap()
        .unwrap()
        .user;
    let codes = ["AAAA", "BBBB"].map(|code| sha2::Sha256::digest(code.as_bytes()).into());
    let editor = Editor::program("test");
    site.block(
        site.store
            .set_totp(user, Some(b"12345678901234567890"), &codes, &editor),
    )
    .unwrap();
    let sign_in = |remember: &[(&str, &str)], code: &str| {
        let mut browser = site.anonymous();
        let password = [("name", "owner"), ("password", PASSWORD)];
        let first = browser.post("/sign-in", &[&password[..], remember].concat());
        let form = browser.get(first.header("location"));
        let hidden = form.text().contains("name=\"remember\"");
        let fields: &[(&str, &str)] = if hidden { &[("remember", "1")] } else { &[] };
        let second = browser.post("/sign-in/code", &[&[("code", code)], fields].concat());
        assert_eq!(second.status, 303, "{}", second.text());
        [first, second].map(|answer| answer.header("set-cookie").contains("Max-Age=2592000"))
    };

    // What only the password has opened is never kept.
    assert_eq!(sign_in(&[("remember", "1")], "AAAA"), [false, true]);
    assert_eq!(sign_in(&[], "BBBB"), [false, false]);
}

//! Sensitive acts ask again who one is, keep what was posted, and go on when the proof is right.

use carillon_admin::routes::listing;
use carillon_admin::{Act, Medium, Proof};
use carillon_core::access::{Role, Scope};
use carillon_store::{AuditFilter, Editor};
use jiff::SignedDuration;
use sha2::Digest as _;

use crate::support::{Answer, Browser, PASSWORD, Site};

/// A site that never takes the last proof for fresh.
fn distrustful() -> Site {
    Site::with_proofs_that_last(SignedDuration::ZERO)
}

fn asks(answer: &Answer) -> bool {
    answer.text().contains("name=\"step_up\"")
}

fn verbs(site: &Site) -> Vec<String> {
    let entries = site
        .block(site.store.audit_entries(&AuditFilter::default(), 500))
        .unwrap();
    entries.into_iter().map(|entry| entry.verb).collect()
}

/// What a form of that act posts, harmless and sensitive.
fn forms(act: Act) -> [Vec<(&'static str, &'static str)>; 2] {
    match act {
        Act::RunAs => [
            vec![("name", "x"), ("run_as", "")],
            vec![("name", "x"), ("run_as", "www-data")],
        ],
        Act::MassDelete => [
            vec![("do", "delete"), ("job", "1")],
            vec![("do", "delete"), ("job", "1"), ("job", "2")],
        ],
        Act::ImportUsers => [
            vec![("text", "* * * * * true"), ("save", "1")],
            vec![
                ("text", "* * * * * root true"),
                ("save", "1"),
                ("system", "1"),
            ],
        ],
        Act::Apply => [
            vec![("text", "jobs: []")],
            vec![("text", "jobs: []"), ("apply", "1"), ("plan", "x")],
        ],
    }
}

#[test]
fn every_sensitive_route_asks_for_a_fresh_proof_and_goes_on_with_one() {
    let site = distrustful();
    site.person("somebody", Role::Viewer, Scope::Everywhere);
    let somebody = site.block(site.store.sign_in_facts("somebody"));
    let somebody = somebody.unwrap().unwrap().user.to_string();
    let mut owner = site.browser("owner");
    let mut checked = 0;
    for listed in listing() {
        assert!(
            listed.medium == Medium::Page || listed.proof == Proof::OfSession,
            "{} is for tokens, which nobody can ask for a password",
            listed.path
        );
        if listed.proof != Proof::Fresh {
            continue;
        }
        let id = if listed.path.starts_with("/groups") {
            "1"
        } else {
            &somebody
        };
        let path = listed.path.replace("{id}", id);

        let asked = owner.submit(&path, &[("kept", "<a & b>")]);
        assert!(
            asked.status == 403 && asks(&asked),
            "{path}: {}",
            asked.text()
        );
        let kept = "name=\"kept\" value=\"&#60;a &#38; b&#62;\"";
        assert!(asked.text().contains(kept), "{path}: {}", asked.text());

        let wrong = owner.submit(&path, &[("step_up", "not the password")]);
        assert!(
            wrong.status == 422 && asks(&wrong),
            "{path}: {}",
            wrong.text()
        );

        let right = owner.submit(&path, &[("step_up", PASSWORD)]);
        assert!(
            right.status != 403 && !asks(&right),
            "{path}: {}",
            right.text()
        );
        checked += 1;
    }
    assert!(checked >= 8, "only {checked} routes");
    let verbs = verbs(&site);
    let count = |wanted: &str| verbs.iter().filter(|verb| *verb == wanted).count();
    assert_eq!(count("prove identity"), checked);
    assert_eq!(count("fail to prove identity"), checked);
}

#[test]
fn a_form_is_asked_about_only_when_it_does_what_is_sensitive() {
    let site = distrustful();
    let job = site.job("one", "default");
    site.job("two", "default");
    let mut owner = site.browser("owner");
    let mut checked = 0;
    for listed in listing() {
        let Proof::FreshFor(act) = listed.proof else {
            continue;
        };
        // What an old version says is looked up, and not in the form.
        if listed.path.contains("versions") {
            continue;
        }
        let path = listed.path.replace("{id}", &job.to_string());
        let [harmless, sensitive] = forms(act);

        assert!(asks(&owner.submit(&path, &sensitive)), "{path}, {act:?}");
        assert!(!asks(&owner.submit(&path, &harmless)), "{path}, {act:?}");
        checked += 1;
    }
    assert_eq!(checked, 5);
}

#[test]
fn an_old_version_with_another_user_is_asked_about() {
    let site = distrustful();
    let job = site.job("changing", "default");
    let mut program = site.program("owner");
    for (version, body) in [
        (1, serde_json::json!({"run_as": "www-data", "version": 1})),
        (
            2,
            serde_json::json!({"description": "only a word", "version": 2}),
        ),
    ] {
        let answer = program.send_json("PATCH", &format!("/api/v1/jobs/{job}"), &body);
        assert_eq!(answer.status, 200, "version {version}: {}", answer.text());
    }
    let mut owner = site.browser("owner");
    let mut back_to = |version: i64| {
        let path = format!("/jobs/{job}/versions/{version}");
        asks(&owner.submit(&path, &[("version", "3")]))
    };

    assert!(back_to(1));
    assert!(!back_to(2));
}

#[test]
fn nothing_that_was_entered_is_lost() {
    let site = distrustful();
    let mut owner = site.browser("owner");
    let entered = [
        ("name", "newcomer"),
        ("password", PASSWORD),
        ("role", "viewer"),
    ];

    let page = owner.submit("/users", &entered);
    let mut fields = hidden_fields(&page.text());
    fields.push(("step_up".to_owned(), PASSWORD.to_owned()));
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let done = owner.post("/users", &fields);

    assert_eq!(done.status, 303, "{}", done.text());
    site.browser("newcomer");
}

#[test]
fn nothing_is_lost_when_the_language_is_switched_on_the_way() {
    let site = distrustful();
    let mut owner = site.browser("owner");
    let entered = [
        ("name", "newcomer"),
        ("password", PASSWORD),
        ("role", "viewer"),
        // A form may have a field of that name itself.
        ("lang", "en"),
    ];

    let first = owner.submit("/users", &entered).text();
    let with = |page: &str, field: &str, value: &str| {
        let mut fields = hidden_fields(page);
        fields.push((field.to_owned(), value.to_owned()));
        fields
    };
    let mut post = |fields: &[(String, String)]| {
        let fields = fields.iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        owner.post("/users", &fields)
    };
    let chinese = post(&with(&first, "step_up_lang", "zh"));
    let dark = post(&with(&chinese.text(), "step_up_theme", "dark"));
    let wrong = post(&with(&dark.text(), "step_up_lang", "xx"));
    let done = post(&with(&dark.text(), "step_up", PASSWORD));

    assert!(asks(&chinese) && chinese.text().contains("lang=\"zh"));
    assert!(asks(&dark) && dark.text().contains("data-theme=\"dark\""));
    assert!(dark.text().contains("lang=\"zh"), "the choice is kept");
    assert_eq!(wrong.status, 422);
    assert_eq!(hidden_fields(&dark.text()), hidden_fields(&first));
    assert_eq!(done.status, 303, "{}", done.text());
    site.browser("newcomer");
}

fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input type=\"hidden\" name=\"").skip(1);
    let field = |input: &str| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        let (value, _) = rest.split_once('"').unwrap();
        (name.to_owned(), value.to_owned())
    };
    inputs.map(field).collect()
}

#[test]
fn an_account_with_a_second_step_proves_itself_by_a_code() {
    let site = distrustful();
    let mut owner = site.browser("owner");
    let user = site.block(site.store.sign_in_facts("owner"));
    let user = user.unwrap().unwrap().user;
    let codes = [sha2::Sha256::digest(b"AAAA").into()];
    let editor = Editor::program("test");
    let key = Some(&b"12345678901234567890"[..]);
    site.block(site.store.set_totp(user, key, &codes, &editor))
        .unwrap();
    let mut try_with = |proof| owner.submit("/tokens", &[("name", "t"), ("step_up", proof)]);

    assert!(asks(&try_with(PASSWORD)));
    assert_eq!(try_with("AAAA").status, 201);
    assert!(asks(&try_with("AAAA")));
}

#[test]
fn guessing_is_slowed_down_as_in_signing_in() {
    let site = distrustful();
    let mut owner = site.browser("owner");
    let mut guess = || owner.submit("/tokens", &[("step_up", "guessed")]).status;

    let answers: Vec<u16> = (0..7).map(|_| guess()).collect();

    assert_eq!(answers[..6], [422; 6]);
    assert_eq!(answers[6], 429);
}

#[test]
fn a_fresh_proof_counts_and_programs_are_not_asked() {
    let site = Site::owned();
    let make = |browser: &mut Browser| browser.submit("/tokens", &[("name", "t")]);
    assert_eq!(make(&mut site.browser("owner")).status, 201);

    let distrustful = distrustful();
    let body = serde_json::json!({"name": "n", "password": PASSWORD});
    let made = distrustful
        .program("owner")
        .send_json("POST", "/api/v1/users", &body);
    assert_eq!(made.status, 201, "{}", made.text());
}

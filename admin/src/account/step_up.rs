//! Proving again who one is, before an act that a stolen session must not do. The page that asks keeps what was
//! posted, and what was asked for is done when the proof is right.

use std::sync::Arc;

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use carillon_core::identity::JobId;
use carillon_store::AuditVerb;
use jiff::SignedDuration;

use super::preferences::cookie;
use super::show::own_facts;
use super::sign_in_code::is_right as is_right_code;
use super::throttle::Places;
use crate::app::{App, BODY_SIZE_MAX};
use crate::faults::Fault;
use crate::page::{Chrome, show};
use crate::posted::Posted;
use crate::secret;
use crate::viewer::{Credential, Viewer};
use crate::words::{Words, fill};

/// So long a proof counts, for acts that need a fresh one.
pub const PROOF_LASTS: SignedDuration = SignedDuration::from_mins(5);

/// The field of the proof; the other fields of such a form are what was posted before.
const PROOF: &str = "step_up";
/// The fields by which the page itself is shown in another language or other colours, and what each chooses. They are sent
/// with all the others, so that nothing that was posted is lost.
const CHOICES: [(&str, &str); 2] = [("step_up_lang", "lang"), ("step_up_theme", "theme")];

/// How fresh the proof of identity must be that stands behind a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// As old as the session may be.
    OfSession,
    /// Given within the last minutes.
    Fresh,
    /// Fresh when the form does this, else as old as the session may be.
    FreshFor(Act),
}

/// What makes one form of a route more dangerous than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// The user that a command runs as becomes another.
    RunAs,
    /// More than one job is deleted.
    MassDelete,
    /// A crontab is saved with the users that its lines name.
    ImportUsers,
    /// A declaration is carried out.
    Apply,
}

/// What becomes of a request.
pub(crate) enum Asked {
    /// It may go on.
    Passed(Request),
    /// This is answered instead.
    Refused(Response),
}

#[derive(Template)]
#[template(path = "account/step_up.html")]
struct StepUpPage {
    chrome: Chrome,
    w: &'static Words,
    /// The address that was posted to.
    action: String,
    fields: Vec<(String, String)>,
    asks_code: bool,
    wrong: Option<String>,
}

/// Lets a request on whose proof is fresh, or brings one; asks for it otherwise.
/// # Errors
/// When the form cannot be read, was not served to this session, or the store does not answer.
pub(crate) async fn require(
    app: &Arc<App>,
    viewer: &Viewer,
    proof: Proof,
    request: Request,
) -> Result<Asked, Fault> {
    let Credential::Session(session) = &viewer.credential else {
        return Ok(Asked::Passed(request));
    };
    if proof == Proof::OfSession || viewer.proved_ago < app.proof_lasts {
        return Ok(Asked::Passed(request));
    }
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_SIZE_MAX).await;
    let body =
        body.map_err(|error| Fault::Malformed(format!("the form cannot be read: {error}")))?;
    let posted = Posted::parse(&body);
    posted.require_served_to(session)?;
    if let Proof::FreshFor(act) = proof
        && !is_done(app, act, parts.uri.path(), &posted).await?
    {
        return Ok(Asked::Passed(Request::from_parts(parts, Body::from(body))));
    }
    let here = parts.uri.path_and_query();
    let here = here.map_or("/", |path| path.as_str()).to_owned();
    let choices = choices(&posted)?;
    let mut headers = parts.headers.clone();
    for cookie in &choices {
        headers.append(header::COOKIE, cookie.clone());
    }
    let chrome = Chrome::of(app, &headers, &here, Some(viewer.clone()));
    let facts = own_facts(app, viewer).await?;
    let page = |chrome: Chrome, status: StatusCode, wrong: Option<String>| {
        let page = StepUpPage {
            w: chrome.words,
            action: here.clone(),
            fields: posted.without(&[PROOF, "csrf", CHOICES[0].0, CHOICES[1].0]),
            asks_code: facts.totp_key.is_some(),
            chrome,
            wrong,
        };
        let cookies = choices.iter().cloned();
        let cookies: Vec<_> = cookies.map(|cookie| (header::SET_COOKIE, cookie)).collect();
        let page = (status, AppendHeaders(cookies), show(&page)?).into_response();
        Ok(Asked::Refused(page))
    };
    if !choices.is_empty() || !posted.has(PROOF) {
        return page(chrome, StatusCode::FORBIDDEN, None);
    }
    match judge(app, viewer, posted.text(PROOF), &chrome).await? {
        Err((status, wrong)) => page(chrome, status, Some(wrong)),
        Ok(()) => {
            app.store.prove_session(&secret::trace(session)).await?;
            let mut request = Request::from_parts(parts, Body::from(posted.body_without(PROOF)));
            request.headers_mut().remove(header::CONTENT_LENGTH);
            Ok(Asked::Passed(request))
        }
    }
}

/// What is chosen on the page itself, as cookies.
fn choices(posted: &Posted) -> Result<Vec<HeaderValue>, Fault> {
    let chosen = CHOICES.iter().filter(|(field, _)| posted.has(field));
    chosen
        .map(|(field, name)| cookie(name, posted.text(field)))
        .collect()
}

/// Whether the proof is right; every try is in the audit log, and throttled as signing in is.
async fn judge(
    app: &App,
    viewer: &Viewer,
    given: &str,
    chrome: &Chrome,
) -> Result<Result<(), (StatusCode, String)>, Fault> {
    let w = &chrome.words.account;
    let places = Places::new(&viewer.name, viewer.address.as_deref());
    match places.require_no_pause(app).await {
        Err(Fault::TooMany { wait_s }) => {
            let told = fill(w.throttled, &[&wait_s]);
            return Ok(Err((StatusCode::TOO_MANY_REQUESTS, told)));
        }
        passed => passed?,
    }
    let facts = own_facts(app, viewer).await?;
    let asks_code = facts.totp_key.is_some();
    let is_right = match asks_code {
        true => is_right_code(app, &facts, given).await?,
        false => {
            let stored = Some(facts.password_hash);
            app.passwords.is_right(given.to_owned(), stored).await
        }
    };
    let verb = match is_right {
        true => AuditVerb::ProveIdentity,
        false => AuditVerb::FailToProveIdentity,
    };
    let user = format!("user {}", viewer.user);
    app.store.log_deed(&viewer.editor(), verb, &user).await?;
    if is_right {
        places.forget_failures(app).await?;
        return Ok(Ok(()));
    }
    places.note_failure(app).await?;
    let wrong = if asks_code {
        w.wrong_code
    } else {
        w.wrong_password
    };
    Ok(Err((StatusCode::UNPROCESSABLE_ENTITY, wrong.to_owned())))
}

/// Whether the form does what needs a fresh proof.
async fn is_done(app: &App, act: Act, path: &str, posted: &Posted) -> Result<bool, Fault> {
    match act {
        Act::MassDelete => Ok(posted.text("do") == "delete" && posted.all("job").count() > 1),
        Act::ImportUsers => Ok(posted.has("save") && posted.has("system")),
        Act::Apply => Ok(posted.has("apply")),
        Act::RunAs => changes_run_as(app, path, posted).await,
    }
}

/// Whether the editor's form, or the version that is to be current again, names another user than the job does now.
async fn changes_run_as(app: &App, path: &str, posted: &Posted) -> Result<bool, Fault> {
    let mut segments = path.split('/').skip(2);
    let Some(id) = segments.next().and_then(|id| id.parse::<JobId>().ok()) else {
        return Ok(!posted.text("run_as").trim().is_empty());
    };
    let current = app.store.job(id).await?.draft.spec.launch.run_as;
    if segments.next() == Some("versions") {
        let number = segments.next().and_then(|number| number.parse().ok());
        let old = app.store.job_version(id, number.unwrap_or(0)).await?;
        return Ok(old.draft.spec.launch.run_as != current);
    }
    let wanted = posted.text("run_as").trim();
    Ok(posted.has("run_as") && wanted != current.unwrap_or_default())
}

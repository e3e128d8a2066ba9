//! What goes wrong, told once: as a designed page to people, as a problem document (RFC 9457) to programs.

use std::sync::Arc;

use askama::Template;
use axum::extract::{OriginalUri, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_store::StoreError;
use serde_json::json;

use crate::app::App;
use crate::page::Chrome;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Nobody is signed in, or the token is not valid.
    #[error("sign in, or send a valid token as `Authorization: Bearer TOKEN`")]
    SignInNeeded,
    /// The caller may not do this.
    #[error("this needs the permission {verb:?}; ask someone with one of the roles {} to do it or to grant it", roles(*verb))]
    Forbidden {
        /// What is missing.
        verb: Verb,
    },
    /// The form did not come from a page that we served to this session.
    #[error("this form was not sent from a page of yours; open the page again and repeat it")]
    ForeignForm,
    /// There is none, or none the caller may know of.
    #[error("there is no {what} {id:?}")]
    NotFound {
        /// The noun.
        what: &'static str,
        /// As it was asked for.
        id: String,
    },
    /// The address exists, the method does not.
    #[error("this address does not take that method")]
    WrongMethod,
    /// The request cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// The request can be read, and its values are wrong.
    #[error("{0}")]
    Invalid(String),
    /// Values are wrong, field by field.
    #[error("{} fields are not right: {}", .0.len(), list(.0))]
    Fields(Vec<(String, String)>),
    /// Somebody else changed it in between.
    #[error(
        "version {expected} is no longer current, version {current} is; load it and change it again"
    )]
    Conflict {
        /// The version the caller knew.
        expected: i64,
        /// The version there is.
        current: i64,
    },
    /// As [`Fault::Conflict`], when a part was done before.
    #[error("{0}")]
    Overtaken(String),
    /// Not now; ask again later.
    #[error("too many tries; wait {wait_s} s and try again")]
    TooMany {
        /// How long to wait, in seconds.
        wait_s: u64,
    },
    /// The store did not answer.
    #[error("the store does not answer; nothing may have been changed, try again in a moment")]
    Unavailable(#[source] StoreError),
    /// A fault of ours.
    #[error("something went wrong here; the log of this program has the story")]
    Internal(#[source] anyhow::Error),
}

fn roles(verb: Verb) -> String {
    let words: Vec<_> = verb.roles().iter().map(|role| role.word()).collect();
    words.join(", ")
}

fn list(fields: &[(String, String)]) -> String {
    let told: Vec<_> = fields
        .iter()
        .map(|(name, wrong)| format!("{name}: {wrong}"))
        .collect();
    told.join("; ")
}

impl Fault {
    /// There is no `what` called `id`.
    pub(crate) fn not_found(what: &'static str, id: &str) -> Self {
        Fault::NotFound {
            what,
            id: id.chars().take(100).collect(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Fault::SignInNeeded => StatusCode::UNAUTHORIZED,
            Fault::Forbidden { .. } | Fault::ForeignForm => StatusCode::FORBIDDEN,
            Fault::NotFound { .. } => StatusCode::NOT_FOUND,
            Fault::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Fault::Malformed(_) => StatusCode::BAD_REQUEST,
            Fault::Invalid(_) | Fault::Fields(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Fault::Conflict { .. } | Fault::Overtaken(_) => StatusCode::CONFLICT,
            Fault::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Fault::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Fault::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Fault::SignInNeeded => "sign-in-needed",
            Fault::Forbidden { .. } => "forbidden",
            Fault::ForeignForm => "foreign-form",
            Fault::NotFound { .. } => "not-found",
            Fault::WrongMethod => "wrong-method",
            Fault::Malformed(_) => "malformed",
            Fault::Invalid(_) | Fault::Fields(_) => "invalid",
            Fault::Conflict { .. } | Fault::Overtaken(_) => "conflict",
            Fault::TooMany { .. } => "too-many-tries",
            Fault::Unavailable(_) => "store-unavailable",
            Fault::Internal(_) => "internal",
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what, id } => Fault::NotFound { what, id },
            StoreError::Conflict { expected, current } => Fault::Conflict { expected, current },
            StoreError::Rejected(_) | StoreError::NameTaken(_) => Fault::Invalid(error.to_string()),
            StoreError::Unavailable { .. } => Fault::Unavailable(error),
            other => Fault::Internal(other.into()),
        }
    }
}

/// The longest refusal of a request that does not fit its types, in bytes.
const REFUSAL_SIZE_MAX: usize = 4096;

/// A fault on its way to the layer that shows it.
#[derive(Clone)]
struct Carried(Arc<Fault>);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

/// Shows every fault, in the form and language of the one who asked, and logs those that are ours.
pub(crate) async fn show_faults(
    State(app): State<Arc<App>>,
    OriginalUri(uri): OriginalUri,
    viewer: Option<Viewer>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers().clone();
    let response = next.run(request).await;
    let carried = response.extensions().get::<Carried>().cloned();
    let fault = match carried {
        Some(Carried(fault)) => fault,
        // An address or a query that does not even fit its types was refused before any of our code saw it.
        None if response.status() == StatusCode::BAD_REQUEST => {
            let told = axum::body::to_bytes(response.into_body(), REFUSAL_SIZE_MAX).await;
            let told = told.unwrap_or_default();
            Arc::new(Fault::Malformed(
                String::from_utf8_lossy(&told).into_owned(),
            ))
        }
        None => return response,
    };
    log(&fault, uri.path());
    if uri.path().starts_with("/api/") {
        return problem(&fault, uri.path());
    }
    let here = uri.path_and_query().map_or("/", |path| path.as_str());
    if matches!(*fault, Fault::SignInNeeded) {
        return to_sign_in(here);
    }
    let chrome = Chrome::of(&app, &headers, here, viewer);
    let page = FaultPage::of(&fault, chrome);
    let html = page.render().unwrap_or_else(|error| error.to_string());
    let mut response = (fault.status(), axum::response::Html(html)).into_response();
    add_retry_after(&fault, &mut response);
    response
}

fn log(fault: &Fault, path: &str) {
    match fault {
        Fault::Internal(source) => tracing::error!(path, "request failed: {source:#}"),
        Fault::Unavailable(source) => tracing::warn!(path, "{source}"),
        _ => tracing::debug!(path, "{fault}"),
    }
}

fn to_sign_in(here: &str) -> Response {
    if here == "/" {
        return crate::page::go("/sign-in");
    }
    let next: String = url::form_urlencoded::byte_serialize(here.as_bytes()).collect();
    crate::page::go(&format!("/sign-in?next={next}"))
}

fn add_retry_after(fault: &Fault, response: &mut Response) {
    let wait_s = match fault {
        Fault::TooMany { wait_s } => *wait_s,
        Fault::Unavailable(_) => 2,
        _ => return,
    };
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
}

fn problem(fault: &Fault, path: &str) -> Response {
    let status = fault.status();
    let mut body = json!({
        "type": format!("urn:carillon:problem:{}", fault.slug()),
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": fault.to_string(),
        "instance": path,
    });
    match fault {
        Fault::Forbidden { verb } => body["permission"] = json!(verb),
        Fault::Conflict { expected, current } => {
            body["version"] = json!(expected);
            body["current_version"] = json!(current);
        }
        Fault::Fields(fields) => {
            let errors = fields
                .iter()
                .map(|(name, wrong)| json!({"field": name, "detail": wrong}));
            body["errors"] = errors.collect();
        }
        _ => {}
    }
    let media_type = [(header::CONTENT_TYPE, "application/problem+json")];
    let mut response = (status, media_type, body.to_string()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer realm=\"carillon\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
    }
    add_retry_after(fault, &mut response);
    response
}

#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    chrome: Chrome,
    w: &'static Words,
    status: u16,
    title: &'static str,
    story: String,
    advice: String,
}

impl FaultPage {
    fn of(fault: &Fault, chrome: Chrome) -> Self {
        let w = chrome.words;
        let f = &w.faults;
        let (title, story, advice) = match fault {
            Fault::SignInNeeded => (f.sign_in_title, f.sign_in_story.to_owned(), String::new()),
            Fault::Forbidden { verb } => (
                f.forbidden_title,
                fill(f.forbidden_story, &[&w.verb(*verb)]),
                fill(f.forbidden_advice, &[&role_words(w, *verb)]),
            ),
            Fault::ForeignForm => (
                f.foreign_title,
                f.foreign_story.to_owned(),
                f.foreign_advice.to_owned(),
            ),
            Fault::NotFound { id, .. } => (
                f.not_found_title,
                fill(f.not_found_story, &[id]),
                f.not_found_advice.to_owned(),
            ),
            Fault::WrongMethod => (f.method_title, f.method_story.to_owned(), String::new()),
            Fault::Malformed(_) | Fault::Invalid(_) | Fault::Fields(_) => (
                f.invalid_title,
                fault.to_string(),
                f.invalid_advice.to_owned(),
            ),
            Fault::Conflict { expected, current } => (
                f.conflict_title,
                fill(f.conflict_story, &[expected, current]),
                f.conflict_advice.to_owned(),
            ),
            Fault::Overtaken(told) => {
                (f.conflict_title, told.clone(), f.conflict_advice.to_owned())
            }
            Fault::TooMany { wait_s } => (
                f.too_many_title,
                fill(f.too_many_story, &[wait_s]),
                String::new(),
            ),
            Fault::Unavailable(_) => (
                f.unavailable_title,
                f.unavailable_story.to_owned(),
                f.unavailable_advice.to_owned(),
            ),
            Fault::Internal(_) => (
                f.internal_title,
                f.internal_story.to_owned(),
                f.internal_advice.to_owned(),
            ),
        };
        FaultPage {
            status: fault.status().as_u16(),
            title,
            story,
            advice,
            w,
            chrome,
        }
    }
}

fn role_words(w: &Words, verb: Verb) -> String {
    let words: Vec<_> = verb.roles().iter().map(|role| w.role(*role)).collect();
    words.join(", ")
}

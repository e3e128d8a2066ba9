//! Who is asking: the account behind a session cookie or a bearer token, and all it may do now.

use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use carillon_core::access::{Rights, Verb};
use carillon_core::identity::{GroupId, UserId};
use carillon_store::Editor;
use jiff::SignedDuration;

use crate::app::App;
use crate::faults::Fault;
use crate::{secret, session};

/// By what the caller proved who he is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The cookie of a browser; its text is the session's secret.
    Session(String),
    /// A bearer token of a program.
    Token,
}

/// The caller of one request. Rights are read for every request, so a change holds at once.
#[derive(Debug)]
pub(crate) struct Caller {
    /// The account.
    pub(crate) user: UserId,
    /// Its name.
    pub(crate) name: String,
    /// All it may do, within the token's scope.
    pub(crate) rights: Rights,
    /// How it was proved.
    pub(crate) credential: Credential,
    /// How long ago a person proved again who he is; a token proves it with every request.
    pub(crate) proved_ago: SignedDuration,
    /// Where the request came from.
    pub(crate) address: Option<String>,
}

/// The caller, for handlers: only signed-in requests have one.
#[derive(Debug, Clone)]
pub(crate) struct Viewer(Arc<Caller>);

impl std::ops::Deref for Viewer {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl Caller {
    /// The caller as the audit log names him.
    pub(crate) fn editor(&self) -> Editor {
        Editor {
            name: self.name.clone(),
            address: self.address.clone(),
        }
    }

    /// Passes when the caller may do it in that group.
    /// # Errors
    /// With the fault that names the missing permission.
    pub(crate) fn require_in(&self, verb: Verb, group: GroupId) -> Result<(), Fault> {
        match self.rights.allows_in(verb, group) {
            true => Ok(()),
            false => Err(Fault::Forbidden { verb }),
        }
    }

    /// Passes when the caller may do it everywhere.
    /// # Errors
    /// With the fault that names the missing permission.
    pub(crate) fn require_everywhere(&self, verb: Verb) -> Result<(), Fault> {
        match self.rights.allows_everywhere(verb) {
            true => Ok(()),
            false => Err(Fault::Forbidden { verb }),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parts
            .extensions
            .get::<Viewer>()
            .cloned()
            .ok_or(Fault::SignInNeeded)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Viewer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Fault> {
        Ok(parts.extensions.get::<Viewer>().cloned())
    }
}

/// Finds out who is asking, before any page is chosen. An unknown cookie or token is nobody.
pub(crate) async fn identify(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Fault> {
    if !request.uri().path().starts_with("/assets/") {
        // Taken out first: a body that is still to come must not be held across an await.
        let header = request.headers().get(AUTHORIZATION);
        let header = header.map(|value| value.to_str().unwrap_or_default().to_owned());
        let session = session::secret_of(request.headers(), app.is_https());
        let caller = match (header, session) {
            (Some(header), _) => bearer(&app, &header).await?,
            (None, Some(session)) => cookie(&app, session).await?,
            (None, None) => None,
        };
        if let Some(mut caller) = caller {
            caller.address = session::address(&request);
            request.extensions_mut().insert(Viewer(Arc::new(caller)));
        }
    }
    Ok(next.run(request).await)
}

async fn cookie(app: &App, secret: String) -> Result<Option<Caller>, Fault> {
    let found = app.store.session(&secret::trace(&secret)).await?;
    Ok(found
        .filter(|session| session.is_verified)
        .map(|session| Caller {
            user: session.user,
            name: session.user_name,
            rights: Rights::of(session.grants),
            credential: Credential::Session(secret),
            proved_ago: session.proved_ago,
            address: None,
        }))
}

async fn bearer(app: &App, value: &str) -> Result<Option<Caller>, Fault> {
    let secret = value.strip_prefix("Bearer ").unwrap_or_default().trim();
    let found = app.store.api_token(&secret::trace(secret)).await?;
    Ok(found.map(|token| {
        let rights = Rights::of(token.grants);
        Caller {
            user: token.user,
            name: token.user_name,
            rights: match token.scope {
                Some(role) => rights.within(role),
                None => rights,
            },
            credential: Credential::Token,
            proved_ago: SignedDuration::ZERO,
            address: None,
        }
    }))
}

//! The one place where a request is let through or not: what a route needs, and the check itself.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::{GroupId, JobId};
use carillon_core::tick::Tick;

use crate::account::step_up::{self, Asked, Proof};
use crate::app::App;
use crate::faults::Fault;
use crate::viewer::{Credential, Viewer};

/// What the caller of a route must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: anybody may.
    Nothing,
    /// To be signed in.
    SignedIn,
    /// This, in one group at least; the page shows only what belongs to such groups.
    Somewhere(Verb),
    /// This, for what belongs to no group.
    Everywhere(Verb),
    /// This, in the group of the job that the address names.
    OfJob(Verb),
    /// This, in the group of the job whose run the address names.
    OfRun(Verb),
}

/// Who a route is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// Browsers: the session cookie counts, and a stranger is sent to sign in.
    Page,
    /// Programs: only a bearer token counts.
    Api,
}

/// What one route demands.
#[derive(Debug, Clone)]
pub(crate) struct Demand {
    pub(crate) app: Arc<App>,
    pub(crate) need: Need,
    pub(crate) proof: Proof,
    pub(crate) medium: Medium,
}

/// Lets the request through, or answers with what is missing.
pub(crate) async fn check(
    State(demand): State<Demand>,
    viewer: Option<Viewer>,
    request: Request,
    next: Next,
) -> Result<Response, Fault> {
    if demand.need == Need::Nothing {
        return Ok(next.run(request).await);
    }
    let viewer = viewer.ok_or(Fault::SignInNeeded)?;
    let is_right_credential = match demand.medium {
        Medium::Page => matches!(viewer.credential, Credential::Session(_)),
        Medium::Api => viewer.credential == Credential::Token,
    };
    if !is_right_credential {
        return Err(Fault::SignInNeeded);
    }
    match demand.need {
        Need::Nothing | Need::SignedIn => {}
        Need::Everywhere(verb) => viewer.require_everywhere(verb)?,
        Need::Somewhere(verb) if viewer.rights.allows_somewhere(verb) => {}
        Need::Somewhere(verb) => return Err(Fault::Forbidden { verb }),
        Need::OfJob(verb) => {
            let job = last_identity(&request);
            let group = group_of_job(&demand.app, &job).await?;
            require_of(&viewer, verb, group, || Fault::not_found("job", &job))?;
        }
        Need::OfRun(verb) => {
            let run = last_identity(&request);
            let group = group_of_run(&demand.app, &run).await?;
            require_of(&viewer, verb, group, || Fault::not_found("run", &run))?;
        }
    }
    match step_up::require(&demand.app, &viewer, demand.proof, request).await? {
        Asked::Passed(request) => Ok(next.run(request).await),
        Asked::Refused(response) => Ok(response),
    }
}

/// What is in a group one may not even see does not exist for him.
fn require_of(
    viewer: &Viewer,
    verb: Verb,
    group: GroupId,
    not_found: impl FnOnce() -> Fault,
) -> Result<(), Fault> {
    viewer
        .require_in(Verb::View, group)
        .map_err(|_| not_found())?;
    viewer.require_in(verb, group)
}

/// The `{id}` of the address: the segment after `jobs` or `runs`.
fn last_identity(request: &Request) -> String {
    let mut segments = request.uri().path().split('/');
    segments.find(|segment| matches!(*segment, "jobs" | "runs"));
    segments.next().unwrap_or_default().to_owned()
}

async fn group_of_job(app: &App, text: &str) -> Result<GroupId, Fault> {
    let id: JobId = text.parse().map_err(|_| Fault::not_found("job", text))?;
    group_of(app, id).await
}

async fn group_of_run(app: &App, text: &str) -> Result<GroupId, Fault> {
    let tick: Tick = text.parse().map_err(|_| Fault::not_found("run", text))?;
    group_of(app, tick.job).await
}

async fn group_of(app: &App, job: JobId) -> Result<GroupId, Fault> {
    Ok(app.store.job(job).await?.draft.group)
}

//! Every address for programs, with what it needs.

use axum::http::Method;
use carillon_core::access::Verb;

use super::{Route, api, page};
use crate::guard::Need;

pub(super) fn api_work_routes() -> Vec<Route> {
    use crate::api::{apply, job_list, jobs};
    use Need::{OfJob, Somewhere};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    vec![
        api(POST, "/api/v1/apply", Somewhere(Verb::Edit), apply::apply),
        api(GET, "/api/v1/jobs", Somewhere(Verb::View), job_list::index),
        api(POST, "/api/v1/jobs", Somewhere(Verb::Edit), jobs::create),
        api(GET, "/api/v1/jobs/{id}", OfJob(Verb::View), jobs::show),
        api(
            Method::PATCH,
            "/api/v1/jobs/{id}",
            OfJob(Verb::Pause),
            jobs::change,
        ),
        api(
            Method::DELETE,
            "/api/v1/jobs/{id}",
            OfJob(Verb::Edit),
            jobs::delete,
        ),
        api(
            POST,
            "/api/v1/jobs/{id}/restore",
            OfJob(Verb::Edit),
            jobs::restore,
        ),
        api(POST, "/api/v1/jobs/{id}/run", OfJob(Verb::Run), jobs::run),
        api(
            GET,
            "/api/v1/jobs/{id}/versions",
            OfJob(Verb::View),
            jobs::versions,
        ),
    ]
}

pub(super) fn api_calendar_routes() -> Vec<Route> {
    use crate::api::calendars;
    use Need::{Everywhere, SignedIn};
    let manage = Everywhere(Verb::ManageCalendars);
    let one = "/api/v1/calendars/{id}";
    vec![
        api(Method::GET, "/api/v1/calendars", SignedIn, calendars::index),
        api(Method::GET, one, SignedIn, calendars::show),
        api(Method::PUT, one, manage, calendars::put),
        api(Method::DELETE, one, manage, calendars::delete),
    ]
}

pub(super) fn api_house_routes() -> Vec<Route> {
    use crate::api::{groups, nodes};
    use Need::{Everywhere, Somewhere};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    vec![
        api(GET, "/api/v1/nodes", Somewhere(Verb::View), nodes::index),
        api(
            GET,
            "/api/v1/nodes/{id}",
            Somewhere(Verb::View),
            nodes::show,
        ),
        api(
            POST,
            "/api/v1/nodes/{id}/drain",
            Everywhere(Verb::ManageNodes),
            nodes::drain,
        ),
        api(
            POST,
            "/api/v1/nodes/{id}/activate",
            Everywhere(Verb::ManageNodes),
            nodes::activate,
        ),
        api(
            POST,
            "/api/v1/nodes/{id}/retire",
            Everywhere(Verb::ManageNodes),
            nodes::retire,
        ),
        api(GET, "/api/v1/groups", Somewhere(Verb::View), groups::index),
        api(
            POST,
            "/api/v1/groups",
            Everywhere(Verb::ManageGroups),
            groups::create,
        ),
        api(
            GET,
            "/api/v1/groups/{id}",
            Somewhere(Verb::View),
            groups::show,
        ),
        api(
            Method::PATCH,
            "/api/v1/groups/{id}",
            Everywhere(Verb::ManageGroups),
            groups::change,
        ),
    ]
}

pub(super) fn machine_routes() -> Vec<Route> {
    use crate::api::{metrics, openapi};
    use Need::Nothing;
    vec![
        page("/healthz", Nothing, metrics::health),
        page("/metrics", Nothing, metrics::metrics),
        page("/api/openapi.json", Nothing, openapi::show),
    ]
}

pub(super) fn api_run_routes() -> Vec<Route> {
    use crate::api::{runs, schedules};
    use Need::{OfRun, Somewhere};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    vec![
        api(GET, "/api/v1/runs", Somewhere(Verb::View), runs::index),
        api(GET, "/api/v1/runs/{id}", OfRun(Verb::View), runs::show),
        api(
            GET,
            "/api/v1/runs/{id}/attempts",
            OfRun(Verb::View),
            runs::attempts,
        ),
        api(
            GET,
            "/api/v1/runs/{id}/output",
            OfRun(Verb::ReadOutput),
            crate::runs::output::raw,
        ),
        api(
            POST,
            "/api/v1/runs/{id}/kill",
            OfRun(Verb::Kill),
            runs::kill,
        ),
        api(
            POST,
            "/api/v1/runs/{id}/again",
            OfRun(Verb::Run),
            runs::again,
        ),
        api(
            GET,
            "/api/v1/schedules/preview",
            Somewhere(Verb::View),
            schedules::preview,
        ),
    ]
}

pub(super) fn api_view_routes() -> Vec<Route> {
    use crate::api::views;
    let need = Need::Somewhere(Verb::View);
    let one = "/api/v1/views/{id}";
    vec![
        api(Method::GET, "/api/v1/views", need, views::index),
        api(Method::POST, "/api/v1/views", need, views::create),
        api(Method::GET, one, need, views::show),
        api(Method::DELETE, one, need, views::delete),
    ]
}

pub(super) fn api_people_routes() -> Vec<Route> {
    use crate::api::{tokens, users};
    use Need::{Everywhere, SignedIn};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    vec![
        api(
            GET,
            "/api/v1/users",
            Everywhere(Verb::ManageUsers),
            users::index,
        ),
        api(
            POST,
            "/api/v1/users",
            Everywhere(Verb::ManageUsers),
            users::create,
        ),
        api(
            GET,
            "/api/v1/users/{id}",
            Everywhere(Verb::ManageUsers),
            users::show,
        ),
        api(
            Method::PATCH,
            "/api/v1/users/{id}",
            Everywhere(Verb::ManageUsers),
            users::change,
        ),
        api(GET, "/api/v1/tokens", SignedIn, tokens::index),
        api(POST, "/api/v1/tokens", SignedIn, tokens::create),
        api(
            Method::DELETE,
            "/api/v1/tokens/{id}",
            SignedIn,
            tokens::revoke,
        ),
    ]
}

pub(super) fn api_watch_routes() -> Vec<Route> {
    use crate::api::{audit, command_channels, incidents};
    use Need::{Everywhere, Somewhere};
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    let manage = Everywhere(Verb::ManageAlerts);
    let (channels, channel) = ("/api/v1/command-channels", "/api/v1/command-channels/{id}");
    vec![
        api(GET, channels, manage, command_channels::index),
        api(POST, channels, manage, command_channels::create),
        api(GET, channel, manage, command_channels::show),
        api(Method::DELETE, channel, manage, command_channels::delete),
        api(
            POST,
            "/api/v1/command-channels/{id}/test",
            manage,
            command_channels::test,
        ),
        api(
            GET,
            "/api/v1/incidents",
            Somewhere(Verb::View),
            incidents::index,
        ),
        api(
            GET,
            "/api/v1/incidents/{id}",
            Somewhere(Verb::View),
            incidents::show,
        ),
        api(
            POST,
            "/api/v1/incidents/{id}/acknowledge",
            manage,
            incidents::acknowledge,
        ),
        api(
            GET,
            "/api/v1/audit",
            Everywhere(Verb::ReadAudit),
            audit::index,
        ),
    ]
}

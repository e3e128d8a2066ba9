//! Every page and every action of a form, with what it needs: which right, and how fresh a proof of who asks.

use carillon_core::access::Verb;

use super::{Route, action, page};
use crate::account::step_up::Act::{Apply, ImportUsers, MassDelete, RunAs};
use crate::account::step_up::Proof::{Fresh, FreshFor};
use crate::guard::Need;
use crate::{account, assets, jobs, nodes, overview, runs};

pub(super) fn account_routes() -> Vec<Route> {
    use Need::{Nothing, SignedIn};
    vec![
        page("/assets/{file}", Nothing, assets::show),
        page("/setup", Nothing, account::set_up::form),
        action("/setup", Nothing, account::set_up::submit),
        page("/sign-in", Nothing, account::sign_in::form),
        action("/sign-in", Nothing, account::sign_in::submit),
        page("/sign-in/code", Nothing, account::sign_in_code::form),
        action("/sign-in/code", Nothing, account::sign_in_code::submit),
        action("/sign-out", Nothing, account::sign_out::submit),
        action("/preferences", Nothing, account::preferences::submit),
        page("/account", SignedIn, account::show::show),
        action("/account/password", SignedIn, account::password::submit),
        action("/account/sessions", SignedIn, account::sessions::end),
        action("/account/totp/on", SignedIn, account::totp::turn_on).with(Fresh),
        action("/account/totp/off", SignedIn, account::totp::turn_off),
    ]
}

pub(super) fn job_routes() -> Vec<Route> {
    use Need::{OfJob, SignedIn, Somewhere};
    vec![
        page("/", SignedIn, overview::show),
        page("/jobs", Somewhere(Verb::View), jobs::list::show),
        page("/jobs/new", Somewhere(Verb::Edit), jobs::editor::new),
        page(
            "/jobs/preview",
            Somewhere(Verb::View),
            jobs::preview::fragment,
        ),
        action("/jobs", Somewhere(Verb::Edit), jobs::editor::create).with(FreshFor(RunAs)),
        action("/jobs/check", Somewhere(Verb::Edit), jobs::editor::check),
        action("/jobs/bulk", Somewhere(Verb::Pause), jobs::bulk::apply).with(FreshFor(MassDelete)),
        page(
            "/jobs/where",
            Somewhere(Verb::View),
            jobs::placing::fragment,
        ),
        page("/jobs/deleted", Somewhere(Verb::View), jobs::deleted::show),
        page("/jobs/{id}", OfJob(Verb::View), jobs::show::show),
        page(
            "/jobs/{id}/back-test",
            OfJob(Verb::View),
            jobs::back_test::show,
        ),
        page("/jobs/{id}/edit", OfJob(Verb::Edit), jobs::editor::edit),
        action("/jobs/{id}", OfJob(Verb::Edit), jobs::editor::save).with(FreshFor(RunAs)),
        action("/jobs/{id}/run", OfJob(Verb::Run), runs::actions::run_now),
        action(
            "/jobs/{id}/enable",
            OfJob(Verb::Pause),
            jobs::switch::enable,
        ),
        action(
            "/jobs/{id}/disable",
            OfJob(Verb::Pause),
            jobs::switch::disable,
        ),
        action("/jobs/{id}/delete", OfJob(Verb::Edit), jobs::switch::delete),
        action(
            "/jobs/{id}/restore",
            OfJob(Verb::Edit),
            jobs::switch::restore,
        ),
        action(
            "/jobs/{id}/versions/{version}",
            OfJob(Verb::Edit),
            jobs::versions::restore,
        )
        .with(FreshFor(RunAs)),
    ]
}

pub(super) fn run_routes() -> Vec<Route> {
    use Need::{Everywhere, OfRun, Somewhere};
    vec![
        page("/runs", Somewhere(Verb::View), runs::list::show),
        page("/runs/{id}", OfRun(Verb::View), runs::show::show),
        page(
            "/runs/{id}/output",
            OfRun(Verb::ReadOutput),
            runs::output::raw,
        ),
        page(
            "/runs/{id}/events",
            OfRun(Verb::ReadOutput),
            runs::events::show,
        ),
        action("/runs/{id}/kill", OfRun(Verb::Kill), runs::actions::kill),
        action(
            "/runs/{id}/again",
            OfRun(Verb::Run),
            runs::actions::run_again,
        ),
        page("/nodes", Somewhere(Verb::View), nodes::list::show),
        page("/nodes/{id}", Somewhere(Verb::View), nodes::show::show),
        action(
            "/nodes/{id}/drain",
            Everywhere(Verb::ManageNodes),
            nodes::duty::drain,
        ),
        action(
            "/nodes/{id}/activate",
            Everywhere(Verb::ManageNodes),
            nodes::duty::activate,
        ),
        action(
            "/nodes/{id}/retire",
            Everywhere(Verb::ManageNodes),
            nodes::duty::retire,
        ),
    ]
}

pub(super) fn calendar_routes() -> Vec<Route> {
    use crate::calendars::{actions, editor, list};
    use Need::{Everywhere, SignedIn};
    let manage = Everywhere(Verb::ManageCalendars);
    vec![
        page("/calendars", SignedIn, list::show),
        page("/calendars/new", manage, editor::new),
        action("/calendars", manage, actions::create),
        action("/calendars/check", manage, actions::check),
        action("/calendars/import", manage, actions::import),
        page("/calendars/{id}", SignedIn, editor::show),
        action("/calendars/{id}", manage, actions::save),
        action("/calendars/{id}/delete", manage, actions::delete),
    ]
}

pub(super) fn alert_routes() -> Vec<Route> {
    use crate::system::{alerts, commands, incident};
    use Need::{Everywhere, Somewhere};
    let manage = Everywhere(Verb::ManageAlerts);
    vec![
        page("/alerts", Somewhere(Verb::View), alerts::list),
        page("/alerts/{id}", Somewhere(Verb::View), incident::show),
        action("/alerts/{id}/acknowledge", manage, alerts::acknowledge),
        action("/alerts/mutes", manage, alerts::mute),
        action("/alerts/mutes/{id}/end", manage, alerts::unmute),
        action("/alerts/commands", manage, commands::add),
        action("/alerts/commands/{id}/test", manage, commands::test),
        action("/alerts/commands/{id}/remove", manage, commands::remove),
    ]
}

pub(super) fn house_routes() -> Vec<Route> {
    use crate::system::{apply, export, health, import, timeline};
    use Need::Somewhere;
    vec![
        page("/timeline", Somewhere(Verb::View), timeline::show),
        page("/import", Somewhere(Verb::Edit), import::form),
        action("/import", Somewhere(Verb::Edit), import::submit).with(FreshFor(ImportUsers)),
        page("/apply", Somewhere(Verb::Edit), apply::form),
        action("/apply", Somewhere(Verb::Edit), apply::submit).with(FreshFor(Apply)),
        page("/export", Somewhere(Verb::View), export::download),
        page("/system", Somewhere(Verb::View), health::show),
    ]
}

pub(super) fn people_routes() -> Vec<Route> {
    use crate::people::{audit, groups, tokens, user, users};
    use crate::views::actions as views;
    use Need::{Everywhere, SignedIn, Somewhere};
    vec![
        action("/views", Somewhere(Verb::View), views::save),
        action(
            "/views/{id}/remove",
            Somewhere(Verb::View),
            views::submit_removal,
        ),
        page("/groups", Somewhere(Verb::View), groups::list),
        action("/groups", Everywhere(Verb::ManageGroups), groups::create),
        action(
            "/groups/{id}",
            Everywhere(Verb::ManageGroups),
            groups::rename,
        )
        .with(Fresh),
        page("/users", Everywhere(Verb::ManageUsers), users::list),
        action("/users", Everywhere(Verb::ManageUsers), users::create).with(Fresh),
        page("/users/{id}", Everywhere(Verb::ManageUsers), user::show),
        action(
            "/users/{id}/grants",
            Everywhere(Verb::ManageUsers),
            user::set_grants,
        )
        .with(Fresh),
        action(
            "/users/{id}/lock",
            Everywhere(Verb::ManageUsers),
            user::lock,
        )
        .with(Fresh),
        action(
            "/users/{id}/unlock",
            Everywhere(Verb::ManageUsers),
            user::unlock,
        )
        .with(Fresh),
        action(
            "/users/{id}/password",
            Everywhere(Verb::ManageUsers),
            user::set_password,
        )
        .with(Fresh),
        page("/tokens", SignedIn, tokens::list),
        action("/tokens", SignedIn, tokens::create).with(Fresh),
        action("/tokens/{id}/revoke", SignedIn, tokens::revoke),
        page("/audit", Everywhere(Verb::ReadAudit), audit::list),
    ]
}

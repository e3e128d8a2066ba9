//! What is done with saved views on pages: keeping one and removing one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::GroupId;
use carillon_core::saved_view::{
    Audience, FilteredList, VIEW_NAME_LENGTH_MAX, VIEW_QUERY_LENGTH_MAX, ViewDraft, ViewFault,
};

use super::{address, filter_of};
use crate::app::App;
use crate::faults::Fault;
use crate::page::{Chrome, go};
use crate::posted::Posted;
use crate::viewer::{Caller, Viewer};
use crate::words::{Words, fill};

/// Keeps the filter under a name.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let list: FilteredList = posted
        .text("list")
        .parse()
        .map_err(|error| Fault::Malformed(format!("{error}")))?;
    let audience = match posted.text("audience") {
        "" | "own" => Audience::Own,
        "everybody" => Audience::Everybody,
        group => Audience::Group(GroupId(
            group
                .parse()
                .map_err(|_| Fault::not_found("group", group))?,
        )),
    };
    let filter = filter_of(list, posted.text("query"));
    let draft = ViewDraft::new(list, posted.text("name"), filter, audience)
        .map_err(|fault| Fault::Invalid(told(fault, chrome.words)))?;
    keep(&app, &viewer, &draft).await?;
    Ok(go(&format!(
        "{}&note=view_saved",
        address(list, draft.query())
    )))
}

/// Keeps a view, where the caller may share it with those whom it is for.
/// # Errors
/// With what is missing, or when the store refuses.
pub(crate) async fn keep(app: &App, caller: &Caller, draft: &ViewDraft) -> Result<i64, Fault> {
    let audience = draft.audience();
    if let Audience::Group(group) = audience
        && !caller.rights.allows_in(Verb::View, group)
    {
        return Err(Fault::not_found("group", &group.to_string()));
    }
    if audience != Audience::Own && !audience.is_served_by(&caller.rights) {
        return Err(Fault::Forbidden { verb: Verb::Edit });
    }
    let editor = caller.editor();
    Ok(app.store.save_view(caller.user, draft, &editor).await?)
}

/// Removes one.
pub(crate) async fn submit_removal(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    _posted: Posted,
) -> Result<Response, Fault> {
    let list = remove(&app, &viewer, id).await?;
    Ok(go(&format!("/{list}?note=view_removed")))
}

/// Removes a view that the caller sees and may remove; of which list it was.
/// # Errors
/// With what is missing, or when there is none that the caller may know of.
pub(crate) async fn remove(app: &App, caller: &Caller, id: i64) -> Result<FilteredList, Fault> {
    let view = app.store.saved_view(id).await?;
    if !caller.sees(&view) {
        return Err(Fault::not_found("view", &id.to_string()));
    }
    if !caller.may_remove(&view) {
        return Err(Fault::Forbidden { verb: Verb::Edit });
    }
    app.store.remove_view(&view, &caller.editor()).await?;
    Ok(view.list)
}

fn told(fault: ViewFault, words: &Words) -> String {
    let w = &words.views;
    match fault {
        ViewFault::Name(length) => fill(w.name_rule, &[&VIEW_NAME_LENGTH_MAX, &length]),
        ViewFault::NoFilter => w.no_filter.to_owned(),
        ViewFault::Filter(length) => fill(w.filter_long, &[&length, &VIEW_QUERY_LENGTH_MAX]),
    }
}

//! Saved views above the lists of jobs and runs: which somebody sees, and what he may do with them.

pub(crate) mod actions;

use carillon_core::access::Verb;
use carillon_core::identity::GroupId;
use carillon_core::saved_view::{Audience, FilteredList};
use carillon_store::{JobGroup, SavedView};

use crate::app::App;
use crate::cursor::query;
use crate::faults::Fault;
use crate::page::Chrome;
use crate::posted::Posted;
use crate::viewer::{Caller, Viewer};
use crate::words::fill;

/// The views above a list.
pub(crate) struct ViewBar {
    pub(crate) list: FilteredList,
    pub(crate) links: Vec<ViewLink>,
    /// The filter that could be kept now; none where nothing is filtered.
    pub(crate) query: Option<String>,
    /// Whom it could be for: the field's value and how it is told.
    pub(crate) audiences: Vec<(String, String)>,
}

/// One of them.
pub(crate) struct ViewLink {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) address: String,
    /// Who shares it, unless it is one's own.
    pub(crate) by: Option<String>,
    /// With whom.
    pub(crate) shared_with: Option<String>,
    pub(crate) is_current: bool,
    pub(crate) may_remove: bool,
}

impl Caller {
    /// Whether the caller sees the view.
    pub(crate) fn sees(&self, view: &SavedView) -> bool {
        view.user == self.user || view.audience.includes(&self.rights)
    }

    /// Whether the caller may remove it.
    pub(crate) fn may_remove(&self, view: &SavedView) -> bool {
        view.user == self.user || view.audience.is_served_by(&self.rights)
    }
}

/// The views that the caller sees, of this list or of all.
pub(crate) async fn visible(
    app: &App,
    caller: &Caller,
    list: Option<FilteredList>,
) -> Result<Vec<SavedView>, Fault> {
    let mut views = app.store.saved_views(caller.user).await?;
    views.retain(|view| caller.sees(view) && list.is_none_or(|list| list == view.list));
    Ok(views)
}

/// The filter of a list as it stands in an address: what else is there is left out, such as the place in the list.
pub(crate) fn filter_of(list: FilteredList, text: &str) -> String {
    let fields = Posted::parse(text.as_bytes());
    let kept: Vec<_> = list
        .filter_fields()
        .iter()
        .map(|name| (*name, fields.text(name)))
        .collect();
    let address = query("", &kept);
    address.trim_start_matches('?').to_owned()
}

/// The address of the list with that filter.
pub(crate) fn address(list: FilteredList, filter: &str) -> String {
    match filter {
        "" => format!("/{list}"),
        filter => format!("/{list}?{filter}"),
    }
}

impl ViewBar {
    /// The views above this list, at the address that is shown.
    pub(crate) async fn of(
        app: &App,
        viewer: &Viewer,
        (list, groups): (FilteredList, &[JobGroup]),
        chrome: &Chrome,
    ) -> Result<Self, Fault> {
        let here = chrome.here.split_once('?').map_or("", |(_, query)| query);
        let here = filter_of(list, here);
        let views = visible(app, viewer, Some(list)).await?;
        let w = &chrome.words.views;
        let told = |audience| match audience {
            Audience::Own => None,
            Audience::Group(id) => Some(fill(w.group, &[&name_of(groups, id)])),
            Audience::Everybody => Some(w.everybody.to_owned()),
        };
        let link = |view: SavedView| ViewLink {
            id: view.id,
            address: address(list, &view.query),
            by: (view.user != viewer.user).then(|| fill(w.by, &[&view.user_name])),
            shared_with: told(view.audience),
            is_current: view.query == here,
            may_remove: viewer.may_remove(&view),
            name: view.name,
        };
        let mut audiences = vec![("own".to_owned(), w.own.to_owned())];
        let edited = groups
            .iter()
            .filter(|group| viewer.rights.allows_in(Verb::Edit, group.id));
        audiences.extend(edited.map(|group| (group.id.to_string(), fill(w.group, &[&group.name]))));
        if Audience::Everybody.is_served_by(&viewer.rights) {
            audiences.push(("everybody".to_owned(), w.everybody.to_owned()));
        }
        Ok(ViewBar {
            list,
            links: views.into_iter().map(link).collect(),
            query: (!here.is_empty()).then_some(here),
            audiences,
        })
    }
}

fn name_of(groups: &[JobGroup], id: GroupId) -> String {
    crate::jobs::show::group_name(groups, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_list_is_no_part_of_its_filter() {
        let jobs = |text| filter_of(FilteredList::Jobs, text);

        assert_eq!(jobs("after=WyJ4Il0&q=a+b&note=saved&state="), "q=a+b");
        assert_eq!(jobs("outcome=lost"), "");
        assert_eq!(
            filter_of(FilteredList::Runs, "outcome=lost&q=a"),
            "outcome=lost"
        );
    }
}

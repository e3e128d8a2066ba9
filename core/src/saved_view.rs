//! Saved views: the filter of a list that somebody keeps under a name, for himself or for others, and who may see it.

use crate::access::{Rights, Verb};
use crate::identity::GroupId;

crate::words! {
    /// A list whose filters can be kept.
    FilteredList, "list" {
        /// The jobs.
        Jobs = "jobs",
        /// The runs.
        Runs = "runs",
    }
}

impl FilteredList {
    /// The parts of the list's address that are its filter; its place in the list is none.
    pub fn filter_fields(self) -> &'static [&'static str] {
        match self {
            FilteredList::Jobs => &["q", "group", "state"],
            FilteredList::Runs => &["job", "outcome", "node", "from", "before"],
        }
    }
}

/// The longest name, in characters.
pub const VIEW_NAME_LENGTH_MAX: usize = 60;
/// The longest filter, in characters of the address.
pub const VIEW_QUERY_LENGTH_MAX: usize = 2000;
/// So many views of one list may somebody keep.
pub const VIEWS_MAX: usize = 50;

/// Whom a view is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Whoever keeps it, and nobody else.
    Own,
    /// Everybody who sees this group.
    Group(GroupId),
    /// Everybody who sees any group.
    Everybody,
}

impl Audience {
    /// Whether somebody else with these rights sees it.
    pub fn includes(self, rights: &Rights) -> bool {
        match self {
            Audience::Own => false,
            Audience::Group(group) => rights.allows_in(Verb::View, group),
            Audience::Everybody => rights.allows_somewhere(Verb::View),
        }
    }

    /// Whether somebody with these rights may share a view with it, and take away what others shared: he edits what all
    /// of them see.
    pub fn is_served_by(self, rights: &Rights) -> bool {
        match self {
            Audience::Own => false,
            Audience::Group(group) => rights.allows_in(Verb::Edit, group),
            Audience::Everybody => rights.allows_everywhere(Verb::Edit),
        }
    }
}

/// A name or a filter that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ViewFault {
    /// The name is empty or too long.
    #[error("the name of a view has 1 to {VIEW_NAME_LENGTH_MAX} characters; got {0}")]
    Name(usize),
    /// Nothing is filtered.
    #[error("there is no filter to keep; filter the list first")]
    NoFilter,
    /// The filter is too long.
    #[error("the filter has {0} characters, the limit is {VIEW_QUERY_LENGTH_MAX}; shorten it")]
    Filter(usize),
}

/// What somebody wants to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewDraft {
    list: FilteredList,
    name: String,
    query: String,
    audience: Audience,
}

impl ViewDraft {
    /// A view of this name.
    ///
    /// # Errors
    /// When the name or the filter cannot be kept.
    pub fn new(
        list: FilteredList,
        name: &str,
        query: String,
        audience: Audience,
    ) -> Result<Self, ViewFault> {
        let name = name.trim();
        let length = name.chars().count();
        if !(1..=VIEW_NAME_LENGTH_MAX).contains(&length) {
            return Err(ViewFault::Name(length));
        }
        match query.chars().count() {
            0 => Err(ViewFault::NoFilter),
            length if length > VIEW_QUERY_LENGTH_MAX => Err(ViewFault::Filter(length)),
            _ => Ok(ViewDraft {
                list,
                name: name.to_owned(),
                query,
                audience,
            }),
        }
    }

    /// Of which list.
    pub fn list(&self) -> FilteredList {
        self.list
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The filter as it stands in the address of the list.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Whom it is for.
    pub fn audience(&self) -> Audience {
        self.audience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Grant, Role, Scope};

    fn rights(role: Role, scope: Scope) -> Rights {
        Rights::of(vec![Grant { role, scope }])
    }

    #[test]
    fn a_view_is_seen_by_whom_it_is_for() {
        let here = Audience::Group(GroupId(1));
        let viewer = |group| rights(Role::Viewer, Scope::Group(GroupId(group)));
        let owner = rights(Role::Owner, Scope::Everywhere);

        assert!(here.includes(&viewer(1)) && here.includes(&owner));
        assert!(!here.includes(&viewer(2)));
        assert!(Audience::Everybody.includes(&viewer(2)));
        assert!(!Audience::Own.includes(&owner));
    }

    #[test]
    fn a_view_is_shared_by_whoever_edits_there() {
        let editor = rights(Role::Editor, Scope::Group(GroupId(1)));

        assert!(Audience::Group(GroupId(1)).is_served_by(&editor));
        assert!(!Audience::Group(GroupId(2)).is_served_by(&editor));
        assert!(!Audience::Everybody.is_served_by(&editor));
        let everywhere = rights(Role::Editor, Scope::Everywhere);
        assert!(Audience::Everybody.is_served_by(&everywhere));
        let operator = rights(Role::Operator, Scope::Everywhere);
        assert!(!Audience::Everybody.is_served_by(&operator));
    }

    #[test]
    fn a_draft_has_a_name_and_a_filter() {
        let draft = |name: &str, query: &str| {
            ViewDraft::new(FilteredList::Jobs, name, query.to_owned(), Audience::Own)
        };

        assert_eq!(draft(" night ", "q=a").unwrap().name(), "night");
        assert_eq!(draft("  ", "q=a"), Err(ViewFault::Name(0)));
        assert_eq!(draft(&"钟".repeat(61), "q=a"), Err(ViewFault::Name(61)));
        assert_eq!(draft("a", ""), Err(ViewFault::NoFilter));
        assert_eq!(draft("a", &"x".repeat(2001)), Err(ViewFault::Filter(2001)));
    }
}

//! Who may do what: roles, verbs and the groups of jobs they hold for, in one table.
//!
//! Every page, every API call and every list asks here. Must not know how a person proves who he is.

use std::collections::BTreeSet;

use crate::identity::GroupId;

crate::words! {
    /// What a person is trusted with, most trusted first.
    Role, "role" {
        /// Everything, and the only one who makes owners and admins.
        Owner = "owner",
        /// Jobs, people, groups, nodes and settings.
        Admin = "admin",
        /// Runs, kills, pauses, drains; changes no job.
        Operator = "operator",
        /// Writes jobs and runs them.
        Editor = "editor",
        /// Looks.
        Viewer = "viewer",
    }
}

crate::words! {
    /// Something that is allowed or not.
    Verb, "permission" {
        /// See jobs and their runs.
        View = "view",
        /// Read what commands wrote.
        ReadOutput = "read_output",
        /// Start a job by hand.
        Run = "run",
        /// End a run.
        Kill = "kill",
        /// Enable and disable a job.
        Pause = "pause",
        /// Create, change, delete and restore jobs.
        Edit = "edit",
        /// Choose the user that a command runs as.
        RunAs = "run_as",
        /// Drain and retire nodes.
        ManageNodes = "manage_nodes",
        /// Create, change and delete groups of jobs.
        ManageGroups = "manage_groups",
        /// Create, change and delete calendars, and with them the fire times of every group's jobs.
        ManageCalendars = "manage_calendars",
        /// Create, change and lock the accounts of people.
        ManageUsers = "manage_users",
        /// Give and take the roles owner and admin.
        ManageOwners = "manage_owners",
        /// Read who changed what.
        ReadAudit = "read_audit",
        /// Mute and acknowledge incidents.
        ManageAlerts = "manage_alerts",
    }
}

/// The table. A pair that is not in it is refused.
const RIGHTS: &[(Verb, &[Role])] = {
    use Role::{Admin, Editor, Operator, Owner, Viewer};
    &[
        (Verb::View, &[Owner, Admin, Operator, Editor, Viewer]),
        (Verb::ReadOutput, &[Owner, Admin, Operator, Editor, Viewer]),
        (Verb::Run, &[Owner, Admin, Operator, Editor]),
        (Verb::Kill, &[Owner, Admin, Operator, Editor]),
        (Verb::Pause, &[Owner, Admin, Operator, Editor]),
        (Verb::Edit, &[Owner, Admin, Editor]),
        (Verb::RunAs, &[Owner, Admin]),
        (Verb::ManageNodes, &[Owner, Admin, Operator]),
        (Verb::ManageGroups, &[Owner, Admin]),
        (Verb::ManageCalendars, &[Owner, Admin]),
        (Verb::ManageUsers, &[Owner, Admin]),
        (Verb::ManageOwners, &[Owner]),
        (Verb::ReadAudit, &[Owner, Admin]),
        (Verb::ManageAlerts, &[Owner, Admin, Operator]),
    ]
};

impl Verb {
    /// The roles that may do it, most trusted first.
    pub fn roles(self) -> &'static [Role] {
        RIGHTS
            .iter()
            .find(|(verb, _)| *verb == self)
            .map_or(&[], |(_, roles)| roles)
    }
}

impl Role {
    /// Whether the role may do it.
    pub fn allows(self, verb: Verb) -> bool {
        verb.roles().contains(&self)
    }

    /// What one must be allowed to do to give this role or to take it away.
    pub fn granted_by(self) -> Verb {
        match self {
            Role::Owner | Role::Admin => Verb::ManageOwners,
            Role::Operator | Role::Editor | Role::Viewer => Verb::ManageUsers,
        }
    }
}

/// Where a grant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// In every group, those to come included, and for what belongs to no group.
    Everywhere,
    /// In one group of jobs.
    Group(GroupId),
}

/// A role and where it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// Where.
    pub scope: Scope,
}

/// The groups in which something is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Groups {
    /// All of them.
    Every,
    /// These and no other; may be empty.
    Only(BTreeSet<GroupId>),
}

impl Groups {
    /// Whether the group is among them.
    pub fn contains(&self, group: GroupId) -> bool {
        match self {
            Groups::Every => true,
            Groups::Only(groups) => groups.contains(&group),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Groups::Only(groups) if groups.is_empty())
    }
}

/// All that one caller may do: what his account was granted, cut down to what his token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    grants: Vec<Grant>,
    ceiling: Option<Role>,
}

impl Rights {
    /// The rights of an account.
    pub fn of(grants: Vec<Grant>) -> Self {
        Rights {
            grants,
            ceiling: None,
        }
    }

    /// The same, and nothing that `role` may not do: what a token is scoped to.
    #[must_use]
    pub fn within(self, role: Role) -> Self {
        Rights {
            ceiling: Some(role),
            ..self
        }
    }

    /// What was granted.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The role that the rights are cut down to, if they are.
    pub fn ceiling(&self) -> Option<Role> {
        self.ceiling
    }

    fn granting(&self, verb: Verb) -> impl Iterator<Item = Scope> {
        let is_within = self.ceiling.is_none_or(|role| role.allows(verb));
        self.grants
            .iter()
            .filter(move |grant| is_within && grant.role.allows(verb))
            .map(|grant| grant.scope)
    }

    /// Whether it is allowed in that group of jobs.
    pub fn allows_in(&self, verb: Verb, group: GroupId) -> bool {
        self.groups(verb).contains(group)
    }

    /// Whether it is allowed for what belongs to no group: nodes, people, the audit log.
    pub fn allows_everywhere(&self, verb: Verb) -> bool {
        self.granting(verb).any(|scope| scope == Scope::Everywhere)
    }

    /// Whether it is allowed in some group at least.
    pub fn allows_somewhere(&self, verb: Verb) -> bool {
        self.granting(verb).next().is_some()
    }

    /// The groups in which it is allowed: what a list must be cut down to.
    pub fn groups(&self, verb: Verb) -> Groups {
        let mut groups = BTreeSet::new();
        for scope in self.granting(verb) {
            match scope {
                Scope::Everywhere => return Groups::Every,
                Scope::Group(group) => groups.insert(group),
            };
        }
        Groups::Only(groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(grants: &[(Role, Scope)]) -> Rights {
        let grants = grants.iter().map(|&(role, scope)| Grant { role, scope });
        Rights::of(grants.collect())
    }

    #[test]
    fn every_verb_is_in_the_table_once() {
        for &verb in Verb::ALL {
            let rows = RIGHTS.iter().filter(|(other, _)| *other == verb).count();

            assert_eq!(rows, 1, "{verb}");
        }
    }

    #[test]
    fn an_owner_may_do_everything_and_a_viewer_only_looks() {
        for &verb in Verb::ALL {
            let is_looking = matches!(verb, Verb::View | Verb::ReadOutput);

            assert!(Role::Owner.allows(verb), "{verb}");
            assert_eq!(Role::Viewer.allows(verb), is_looking, "{verb}");
        }
    }

    #[test]
    fn a_grant_holds_in_its_group_only() {
        let rights = rights(&[
            (Role::Editor, Scope::Group(GroupId(1))),
            (Role::Viewer, Scope::Group(GroupId(2))),
        ]);

        assert!(rights.allows_in(Verb::Edit, GroupId(1)));
        assert!(!rights.allows_in(Verb::Edit, GroupId(2)));
        assert!(rights.allows_in(Verb::View, GroupId(2)));
        assert!(!rights.allows_in(Verb::View, GroupId(3)));
        assert!(rights.allows_somewhere(Verb::Edit));
        assert!(!rights.allows_everywhere(Verb::View));
        assert_eq!(
            rights.groups(Verb::View),
            Groups::Only(BTreeSet::from([GroupId(1), GroupId(2)]))
        );
    }

    #[test]
    fn a_group_admin_manages_neither_nodes_nor_people() {
        let rights = rights(&[(Role::Admin, Scope::Group(GroupId(1)))]);

        assert!(rights.allows_in(Verb::RunAs, GroupId(1)));
        assert!(!rights.allows_everywhere(Verb::ManageNodes));
        assert!(!rights.allows_everywhere(Verb::ManageUsers));
    }

    #[test]
    fn a_token_cuts_down_and_never_adds() {
        let owner = rights(&[(Role::Owner, Scope::Everywhere)]).within(Role::Operator);
        let viewer = rights(&[(Role::Viewer, Scope::Everywhere)]).within(Role::Owner);

        assert!(owner.allows_in(Verb::Run, GroupId(1)));
        assert!(!owner.allows_in(Verb::Edit, GroupId(1)));
        assert!(!viewer.allows_in(Verb::Run, GroupId(1)));
    }

    #[test]
    fn only_an_owner_makes_owners_and_admins() {
        let givers = |role: Role| role.granted_by().roles();

        assert_eq!(givers(Role::Admin), [Role::Owner]);
        assert_eq!(givers(Role::Viewer), [Role::Owner, Role::Admin]);
    }
}

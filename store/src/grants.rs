//! What accounts may do, and where.

use std::collections::HashMap;

use carillon_core::access::{Grant, Scope};
use carillon_core::identity::{GroupId, UserId};

use crate::error::StoreError;
use crate::link::Link;
use crate::row::{Cells, Origin, args};
use crate::statement::Statement;

/// Gives an account these grants and no other; the last one of a scope counts.
pub(crate) async fn replace_grants(
    link: &mut Link,
    user: UserId,
    grants: &[Grant],
) -> Result<(), StoreError> {
    static FORGET: Statement = Statement::new("delete from grants where user_id = ?");
    static GRANT: Statement =
        Statement::new("insert into grants (user_id, group_id, role) values (?, ?, ?)");
    link.execute(&FORGET, args![user]).await?;
    let mut granted = std::collections::BTreeMap::new();
    for grant in grants {
        granted.insert(grant.scope, grant.role);
    }
    for (scope, role) in granted {
        let group = match scope {
            Scope::Everywhere => 0,
            Scope::Group(group) => group.0,
        };
        link.execute(&GRANT, args![user, group, role.word()])
            .await?;
    }
    Ok(())
}

/// What the account may do, and where.
pub(crate) async fn select_grants(link: &mut Link, user: UserId) -> Result<Vec<Grant>, StoreError> {
    static SELECT: Statement = Statement::new(
        "select user_id, group_id, role from grants where user_id = ? order by group_id",
    );
    let rows = link.rows(&SELECT, args![user]).await?;
    rows.iter()
        .map(|row| Ok(read_grant(&mut row.cells())?.1))
        .collect()
}

/// What every account may do, and where, by one question for all.
pub(crate) async fn select_all_grants(
    link: &mut Link,
) -> Result<HashMap<UserId, Vec<Grant>>, StoreError> {
    static SELECT: Statement =
        Statement::new("select user_id, group_id, role from grants order by user_id, group_id");
    let mut grants: HashMap<UserId, Vec<Grant>> = HashMap::new();
    for row in &link.rows(&SELECT, Vec::new()).await? {
        let (user, grant) = read_grant(&mut row.cells())?;
        grants.entry(user).or_default().push(grant);
    }
    Ok(grants)
}

fn read_grant(cells: &mut Cells<'_>) -> Result<(UserId, Grant), StoreError> {
    let user = UserId(cells.int()?);
    let scope = match cells.int()? {
        0 => Scope::Everywhere,
        group => Scope::Group(GroupId(group)),
    };
    let origin = Origin {
        table: "grants",
        id: &user,
    };
    let role = origin.parse("role", &cells.text()?)?;
    Ok((user, Grant { role, scope }))
}

//! The accounts of people: their names, password hashes, grants and second step.

use carillon_core::access::{Grant, Scope};
use carillon_core::identity::UserId;
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::{StoreError, breaks_unique};
use crate::grants::{replace_grants, select_all_grants, select_grants};
use crate::link::{Change, Link};
use crate::row::{Cells, args};
use crate::statement::Statement;

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// What its owner is called; unique, whatever the case.
    pub name: String,
    /// What it may do, and where.
    pub grants: Vec<Grant>,
    /// Whether a second step is asked for.
    pub has_totp: bool,
    /// Since when nobody can sign in with it.
    pub locked_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody last signed in with it.
    pub signed_in_at: Option<Timestamp>,
}

/// What signing in is judged by.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// The account.
    pub user: UserId,
    /// Its name as its owner writes it.
    pub name: String,
    /// The PHC string of its password.
    pub password_hash: String,
    /// The key of the second step, if there is one.
    pub totp_key: Option<Vec<u8>>,
    /// The newest time step a code was accepted for.
    pub totp_step: i64,
    /// Whether nobody may sign in.
    pub is_locked: bool,
}

impl Store {
    /// Whether there is any account; without one, whoever has the set-up code makes the first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        static SELECT: Statement = Statement::new("select id from users order by id limit 1");
        self.read(Store::TIMEOUT, |mut link| async move {
            Ok(link.row(&SELECT, Vec::new()).await?.is_some())
        })
        .await
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`], or [`StoreError::Unavailable`] without an answer.
    pub async fn create_user(
        &self,
        name: &str,
        password_hash: &str,
        grants: &[Grant],
        editor: &Editor,
    ) -> Result<UserId, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let user = insert_user(&mut change, name, password_hash).await?;
            replace_grants(&mut change, user, grants).await?;
            let told = (None, Some(account_text(name, grants)));
            log_user(&mut change, editor, AuditVerb::CreateUser, user, told).await?;
            change.commit().await?;
            Ok(user)
        })
        .await
    }

    /// Makes the first account; refused as soon as there is one.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when there is an account, or [`StoreError::Unavailable`] without an answer.
    pub async fn create_first_user(
        &self,
        name: &str,
        password_hash: &str,
        grants: &[Grant],
    ) -> Result<UserId, StoreError> {
        // The cluster's row stands for the empty table: whoever holds it is alone.
        static LOCK: Statement = Statement::new("select id from cluster where id = 1 {for update}");
        static ANY: Statement = Statement::new("select id from users limit 1");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.row(&LOCK, Vec::new()).await?;
            if change.row(&ANY, Vec::new()).await?.is_some() {
                change.roll_back().await?;
                return Err(StoreError::Rejected(
                    "there is an owner already; sign in".to_owned(),
                ));
            }
            let user = insert_user(&mut change, name, password_hash).await?;
            replace_grants(&mut change, user, grants).await?;
            let editor = Editor::program(name);
            let told = (None, Some(account_text(name, grants)));
            log_user(&mut change, &editor, AuditVerb::CreateUser, user, told).await?;
            change.commit().await?;
            Ok(user)
        })
        .await
    }

    /// What signing in as `name` is judged by, whatever the case of the name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn sign_in_facts(&self, name: &str) -> Result<Option<SignIn>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, name, password_hash, totp_key, totp_step, locked_at is not null
            from users where sign_in_name = ?",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let row = link.row(&SELECT, args![sign_in_name(name)]).await?;
            row.map(|row| {
                let mut cells = row.cells();
                Ok(SignIn {
                    user: UserId(cells.int()?),
                    name: cells.text()?,
                    password_hash: cells.text()?,
                    totp_key: cells.bytes_or_none()?,
                    totp_step: cells.int()?,
                    is_locked: cells.flag()?,
                })
            })
            .transpose()
        })
        .await
    }

    /// Every account, by name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, name, totp_key is not null, locked_at, created_at, signed_in_at
            from users order by sign_in_name",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, Vec::new()).await?;
            let mut users = rows
                .iter()
                .map(|row| read_user(&mut row.cells()))
                .collect::<Result<Vec<_>, _>>()?;
            let mut grants = select_all_grants(&mut link).await?;
            for user in &mut users {
                user.grants = grants.remove(&user.id).unwrap_or_default();
            }
            Ok(users)
        })
        .await
    }

    /// The account.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn user(&self, id: UserId) -> Result<User, StoreError> {
        self.read(Store::TIMEOUT, |mut link| async move {
            select_user(&mut link, id).await
        })
        .await
    }

    /// Gives the account these grants and no other. The last owner stays owner.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Rejected`] when nobody would own the installation, or
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn set_grants(
        &self,
        id: UserId,
        grants: &[Grant],
        editor: &Editor,
    ) -> Result<(), StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let before = select_user(&mut change, id).await?;
            replace_grants(&mut change, id, grants).await?;
            require_owner(&mut change).await?;
            let texts = (
                account_text(&before.name, &before.grants),
                account_text(&before.name, grants),
            );
            log_user(
                &mut change,
                editor,
                AuditVerb::SetGrants,
                id,
                (Some(texts.0), Some(texts.1)),
            )
            .await?;
            change.commit().await
        })
        .await
    }

    /// Locks the account and ends its sessions, or unlocks it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Rejected`] for the last owner, or [`StoreError::Unavailable`] without an answer.
    pub async fn lock_user(&self, id: UserId, editor: &Editor) -> Result<(), StoreError> {
        static LOCK: Statement = Statement::new("update users set locked_at = {now} where id = ?");
        static END: Statement = Statement::new("delete from sessions where user_id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            select_user(&mut change, id).await?;
            change.execute(&LOCK, args![id]).await?;
            change.execute(&END, args![id]).await?;
            require_owner(&mut change).await?;
            log_user(&mut change, editor, AuditVerb::LockUser, id, (None, None)).await?;
            change.commit().await
        })
        .await
    }

    /// Lets people sign in with the account again.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn unlock_user(&self, id: UserId, editor: &Editor) -> Result<(), StoreError> {
        static UNLOCK: Statement = Statement::new("update users set locked_at = null where id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            select_user(&mut change, id).await?;
            change.execute(&UNLOCK, args![id]).await?;
            log_user(&mut change, editor, AuditVerb::UnlockUser, id, (None, None)).await?;
            change.commit().await
        })
        .await
    }

    /// Gives the account another password and ends its sessions, all but `kept`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        kept: Option<&[u8; 32]>,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static UPDATE: Statement =
            Statement::new("update users set password_hash = ? where id = ?");
        static END: Statement =
            Statement::new("delete from sessions where user_id = ? and secret_hash <> ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            select_user(&mut change, id).await?;
            change.execute(&UPDATE, args![password_hash, id]).await?;
            let kept = kept.map_or_else(Vec::new, |hash| hash.to_vec());
            change.execute(&END, args![id, kept]).await?;
            log_user(
                &mut change,
                editor,
                AuditVerb::SetPassword,
                id,
                (None, None),
            )
            .await?;
            change.commit().await
        })
        .await
    }

    /// Runs one statement as a transaction: whether it changed a row.
    pub(crate) async fn change_one(
        &self,
        statement: &'static Statement,
        values: Vec<crate::row::Value>,
    ) -> Result<bool, StoreError> {
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let changed = change.execute(statement, values.clone()).await?;
            change.commit().await?;
            Ok(changed > 0)
        })
        .await
    }
}

/// What a name is looked up by.
pub(crate) fn sign_in_name(name: &str) -> String {
    name.trim().to_lowercase()
}

async fn insert_user(
    link: &mut Link,
    name: &str,
    password_hash: &str,
) -> Result<UserId, StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into users (name, sign_in_name, password_hash, created_at) values (?, ?, ?, {now})",
    );
    let inserted = link
        .insert(&INSERT, args![name, sign_in_name(name), password_hash])
        .await;
    let id = inserted.map_err(|error| {
        match breaks_unique(&error, "users_name_unique", "users.sign_in_name") {
            true => StoreError::NameTaken(name.to_owned()),
            false => error,
        }
    })?;
    Ok(UserId(id))
}

/// Refuses a change after which nobody could own the installation.
async fn require_owner(change: &mut Change) -> Result<(), StoreError> {
    static SELECT: Statement = Statement::new(
        "select u.id from users u join grants g on g.user_id = u.id
        where g.role = 'owner' and g.group_id = 0 and u.locked_at is null limit 1",
    );
    match change.row(&SELECT, Vec::new()).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::Rejected(
            "this is the last owner; make another one first".to_owned(),
        )),
    }
}

pub(crate) async fn select_user(link: &mut Link, id: UserId) -> Result<User, StoreError> {
    static SELECT: Statement = Statement::new(
        "select id, name, totp_key is not null, locked_at, created_at, signed_in_at from users where id = ?",
    );
    let row = link.row(&SELECT, args![id]).await?;
    let row = row.ok_or_else(|| StoreError::NotFound {
        what: "user",
        id: id.to_string(),
    })?;
    let mut user = read_user(&mut row.cells())?;
    user.grants = select_grants(link, id).await?;
    Ok(user)
}

fn read_user(cells: &mut Cells<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: UserId(cells.int()?),
        name: cells.text()?,
        grants: Vec::new(),
        has_totp: cells.flag()?,
        locked_at: cells.time_or_none()?,
        created_at: cells.time()?,
        signed_in_at: cells.time_or_none()?,
    })
}

pub(crate) async fn log_user(
    change: &mut Change,
    editor: &Editor,
    verb: AuditVerb,
    user: UserId,
    (before, after): (Option<String>, Option<String>),
) -> Result<(), StoreError> {
    let deed = Deed {
        editor,
        verb,
        object: format!("user {user}"),
        group: None,
        before,
        after,
    };
    write_deed(change, deed).await
}

fn account_text(name: &str, grants: &[Grant]) -> String {
    let grants: Vec<_> = grants
        .iter()
        .map(|grant| match grant.scope {
            Scope::Everywhere => grant.role.to_string(),
            Scope::Group(group) => format!("{} in group {group}", grant.role),
        })
        .collect();
    serde_json::json!({ "name": name, "grants": grants }).to_string()
}

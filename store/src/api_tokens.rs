//! Tokens by which programs act for a user. The secret is shown once; its hash is kept.

use carillon_core::access::{Grant, Role};
use carillon_core::identity::UserId;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::grants::select_grants;
use crate::row::{Cells, Origin, args};
use crate::statement::Statement;

/// A token about to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The hash of its secret.
    pub secret_hash: [u8; 32],
    /// For whom it acts.
    pub user: UserId,
    /// What it is for.
    pub name: String,
    /// The role it is cut down to; none leaves it all its user's rights.
    pub scope: Option<Role>,
    /// How long it works; none for ever.
    pub lasts: Option<SignedDuration>,
}

/// What a request with a token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// For whom it acts.
    pub user: UserId,
    /// His name.
    pub user_name: String,
    /// What he may do, and where.
    pub grants: Vec<Grant>,
    /// The role it is cut down to.
    pub scope: Option<Role>,
}

/// A token in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenEntry {
    /// Its number, which proves nothing.
    pub id: i64,
    /// For whom it acts.
    pub user: UserId,
    /// His name.
    pub user_name: String,
    /// What it is for.
    pub name: String,
    /// The role it is cut down to.
    pub scope: Option<Role>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
    /// From when on it does not work.
    pub expires_at: Option<Timestamp>,
}

impl Store {
    /// Makes a token and says its number.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn create_token(&self, token: &NewToken, editor: &Editor) -> Result<i64, StoreError> {
        static INSERT: Statement = Statement::new(
            "insert into api_tokens (secret_hash, user_id, name, scope, created_at, expires_at)
            values (?, ?, ?, ?, {now}, {now} + ?)",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let lasts_us = token
                .lasts
                .map(|lasts| i64::try_from(lasts.as_micros()).unwrap_or(i64::MAX / 4));
            let values = args![
                token.secret_hash.as_slice(),
                token.user,
                &token.name,
                token.scope.map(Role::word),
                lasts_us,
            ];
            let id = change.insert(&INSERT, values).await?;
            let after = serde_json::json!({ "name": token.name, "scope": token.scope });
            let deed = Deed {
                editor,
                verb: AuditVerb::CreateToken,
                object: format!("user {}", token.user),
                group: None,
                before: None,
                after: Some(after.to_string()),
            };
            write_deed(&mut change, deed).await?;
            change.commit().await?;
            Ok(id)
        })
        .await
    }

    /// The token with that secret, while it works and its user is not locked; its use is noted, to the minute.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn api_token(&self, secret_hash: &[u8; 32]) -> Result<Option<ApiToken>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select u.id, u.name, t.scope, t.used_at is null or t.used_at < {now} - 60000000
            from api_tokens t join users u on u.id = t.user_id
            where t.secret_hash = ? and (t.expires_at is null or t.expires_at > {now})
                and u.locked_at is null",
        );
        static USED: Statement =
            Statement::new("update api_tokens set used_at = {now} where secret_hash = ?");
        let found = self
            .read(Store::TIMEOUT, |mut link| async move {
                let Some(row) = link.row(&SELECT, args![secret_hash.as_slice()]).await? else {
                    return Ok(None);
                };
                let mut cells = row.cells();
                let (user, user_name) = (UserId(cells.int()?), cells.text()?);
                let scope = cells.text_or_none()?;
                let scope = {
                    let origin = Origin {
                        table: "api_tokens",
                        id: &user,
                    };
                    origin.parse_or_none("scope", scope)?
                };
                let is_unnoted = cells.flag()?;
                let grants = select_grants(&mut link, user).await?;
                Ok(Some((
                    ApiToken {
                        user,
                        user_name,
                        grants,
                        scope,
                    },
                    is_unnoted,
                )))
            })
            .await?;
        let Some((token, is_unnoted)) = found else {
            return Ok(None);
        };
        if is_unnoted {
            self.mark_use(&USED, args![secret_hash.as_slice()]).await;
        }
        Ok(Some(token))
    }

    /// The tokens of one user, or of all, newest first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn tokens(&self, user: Option<UserId>) -> Result<Vec<TokenEntry>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select t.id, t.user_id, u.name, t.name, t.scope, t.created_at, t.used_at, t.expires_at
            from api_tokens t join users u on u.id = t.user_id
            where ? is null or t.user_id = ?
            order by t.id desc
            limit 500",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let user = user.map(|user| user.0);
            let rows = link.rows(&SELECT, args![user, user]).await?;
            rows.iter()
                .map(|row| read_entry(&mut row.cells()))
                .collect()
        })
        .await
    }

    /// The tokens that end within `ahead` and were made for more than twice that, soonest first. A token that was made
    /// for a short time is meant to end.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn tokens_ending(
        &self,
        ahead: SignedDuration,
    ) -> Result<Vec<TokenEntry>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select t.id, t.user_id, u.name, t.name, t.scope, t.created_at, t.used_at, t.expires_at
            from api_tokens t join users u on u.id = t.user_id
            where t.expires_at > {now} and t.expires_at < {now} + ?
                and t.expires_at - t.created_at > 2 * ? and u.locked_at is null
            order by t.expires_at, t.id
            limit 500",
        );
        let ahead_us = i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX / 4);
        let ahead_us = ahead_us.min(i64::MAX / 4);
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![ahead_us, ahead_us]).await?;
            rows.iter()
                .map(|row| read_entry(&mut row.cells()))
                .collect()
        })
        .await
    }

    /// Makes the token worthless.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn revoke_token(&self, id: i64, editor: &Editor) -> Result<(), StoreError> {
        static DELETE: Statement = Statement::new("delete from api_tokens where id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            if change.execute(&DELETE, args![id]).await? == 0 {
                return Err(StoreError::NotFound {
                    what: "token",
                    id: id.to_string(),
                });
            }
            let deed = Deed {
                editor,
                verb: AuditVerb::RevokeToken,
                object: format!("token {id}"),
                group: None,
                before: None,
                after: None,
            };
            write_deed(&mut change, deed).await?;
            change.commit().await
        })
        .await
    }
}

fn read_entry(cells: &mut Cells<'_>) -> Result<TokenEntry, StoreError> {
    let id = cells.int()?;
    let origin = Origin {
        table: "api_tokens",
        id: &id,
    };
    Ok(TokenEntry {
        id,
        user: UserId(cells.int()?),
        user_name: cells.text()?,
        name: cells.text()?,
        scope: origin.parse_or_none("scope", cells.text_or_none()?)?,
        created_at: cells.time()?,
        used_at: cells.time_or_none()?,
        expires_at: cells.time_or_none()?,
    })
}

//! The second step of signing in: its key, the codes that have been used, and recovery codes.

use carillon_core::identity::UserId;

use crate::Store;
use crate::audit_log::Editor;
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::row::{Value, args};
use crate::statement::Statement;
use crate::users::{log_user, select_user};

impl Store {
    /// Asks the account for a second step from now on, or no more; replaces its recovery codes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn set_totp(
        &self,
        id: UserId,
        key: Option<&[u8]>,
        recovery: &[[u8; 32]],
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static UPDATE: Statement =
            Statement::new("update users set totp_key = ?, totp_step = 0 where id = ?");
        static FORGET: Statement = Statement::new("delete from recovery_codes where user_id = ?");
        static KEEP: Statement =
            Statement::new("insert into recovery_codes (user_id, code_hash) values (?, ?)");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            select_user(&mut change, id).await?;
            let key = match key {
                Some(key) => Value::from(key),
                None => Value::Bytes(None),
            };
            change.execute(&UPDATE, vec![key, id.0.into()]).await?;
            change.execute(&FORGET, args![id]).await?;
            for code in recovery {
                change.execute(&KEEP, args![id, code.as_slice()]).await?;
            }
            let verb = if recovery.is_empty() {
                AuditVerb::TurnOffSecondStep
            } else {
                AuditVerb::TurnOnSecondStep
            };
            log_user(&mut change, editor, verb, id, (None, None)).await?;
            change.commit().await
        })
        .await
    }

    /// Uses up a code of the second step: whether this time step is newer than every one before.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn use_totp_step(&self, id: UserId, step: i64) -> Result<bool, StoreError> {
        static UPDATE: Statement =
            Statement::new("update users set totp_step = ? where id = ? and totp_step < ?");
        self.change_one(&UPDATE, args![step, id, step]).await
    }

    /// Uses up a recovery code: whether there was such a one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn use_recovery_code(
        &self,
        id: UserId,
        code_hash: &[u8; 32],
    ) -> Result<bool, StoreError> {
        static DELETE: Statement =
            Statement::new("delete from recovery_codes where user_id = ? and code_hash = ?");
        self.change_one(&DELETE, args![id, code_hash.as_slice()])
            .await
    }

    /// How many recovery codes the account has left.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn recovery_codes_left(&self, id: UserId) -> Result<i64, StoreError> {
        static COUNT: Statement =
            Statement::new("select count(*) from recovery_codes where user_id = ?");
        self.read(Store::TIMEOUT, |mut link| async move {
            link.only_row(&COUNT, args![id]).await?.cells().int()
        })
        .await
    }
}

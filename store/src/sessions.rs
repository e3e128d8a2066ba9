//! Sessions of browsers, and the failed tries that throttling is computed from.

use carillon_core::access::Grant;
use carillon_core::identity::UserId;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::grants::select_grants;
use crate::row::args;
use crate::statement::Statement;

/// A session about to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The hash of its secret.
    pub secret_hash: [u8; 32],
    /// Whose.
    pub user: UserId,
    /// Whether the second step is done, or not asked for.
    pub is_verified: bool,
    /// Where it began.
    pub address: Option<String>,
    /// What the browser calls itself.
    pub browser: String,
    /// How long it may be idle.
    pub idle: SignedDuration,
    /// How long it lasts at most.
    pub absolute: SignedDuration,
}

/// A session that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub user: UserId,
    /// His name.
    pub user_name: String,
    /// What he may do, and where.
    pub grants: Vec<Grant>,
    /// Whether the second step is done, or not asked for.
    pub is_verified: bool,
    /// How long ago somebody proved in it who he is.
    pub proved_ago: SignedDuration,
}

/// A session in the list of its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEntry {
    /// Its number, which proves nothing.
    pub id: i64,
    /// The hash of its secret.
    pub secret_hash: Vec<u8>,
    /// Where it began.
    pub address: Option<String>,
    /// What the browser called itself.
    pub browser: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
}

impl Store {
    /// Begins a session, forgets those of the account that are over, and notes the sign-in.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn begin_session(&self, session: &NewSession) -> Result<(), StoreError> {
        static FORGET: Statement = Statement::new(
            "delete from sessions where user_id = ? and (ends_at < {now} or seen_at + idle_us < {now})",
        );
        static INSERT: Statement = Statement::new(
            "insert into sessions
                (secret_hash, user_id, is_verified, address, browser, created_at, proved_at, seen_at, idle_us, ends_at)
            values (?, ?, ?, ?, ?, {now}, {now}, {now}, ?, {now} + ?)",
        );
        static NOTE: Statement =
            Statement::new("update users set signed_in_at = {now} where id = ?");
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.execute(&FORGET, args![session.user]).await?;
            let values = args![
                session.secret_hash.as_slice(),
                session.user,
                session.is_verified,
                session.address.clone(),
                &session.browser,
                microseconds(session.idle),
                microseconds(session.absolute),
            ];
            change.execute(&INSERT, values).await?;
            change.execute(&NOTE, args![session.user]).await?;
            change.commit().await
        })
        .await
    }

    /// The living session with that secret; its idle time begins anew, to the minute.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn session(&self, secret_hash: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select u.id, u.name, s.is_verified, {now} - s.seen_at, {now} - s.proved_at
            from sessions s join users u on u.id = s.user_id
            where s.secret_hash = ? and s.ends_at > {now} and s.seen_at + s.idle_us > {now}
                and u.locked_at is null",
        );
        static SEEN: Statement =
            Statement::new("update sessions set seen_at = {now} where secret_hash = ?");
        let found = self
            .read(Store::TIMEOUT, |mut link| async move {
                let Some(row) = link.row(&SELECT, args![secret_hash.as_slice()]).await? else {
                    return Ok(None);
                };
                let mut cells = row.cells();
                let (user, user_name) = (UserId(cells.int()?), cells.text()?);
                let (is_verified, unseen_us) = (cells.flag()?, cells.int()?);
                let proved_ago = SignedDuration::from_micros(cells.int()?);
                let grants = select_grants(&mut link, user).await?;
                Ok(Some((
                    Session {
                        user,
                        user_name,
                        grants,
                        is_verified,
                        proved_ago,
                    },
                    unseen_us,
                )))
            })
            .await?;
        let Some((session, unseen_us)) = found else {
            return Ok(None);
        };
        if unseen_us > SEEN_EVERY_US {
            self.mark_use(&SEEN, args![secret_hash.as_slice()]).await;
        }
        Ok(Some(session))
    }

    /// Notes that somebody has proved again in this session who he is.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn prove_session(&self, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
        static UPDATE: Statement =
            Statement::new("update sessions set proved_at = {now} where secret_hash = ?");
        self.change_one(&UPDATE, args![secret_hash.as_slice()])
            .await?;
        Ok(())
    }

    /// Ends the session with that secret.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn end_session(&self, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
        static DELETE: Statement = Statement::new("delete from sessions where secret_hash = ?");
        self.change_one(&DELETE, args![secret_hash.as_slice()])
            .await?;
        Ok(())
    }

    /// Ends one session of the account by its number: whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn end_session_of(&self, user: UserId, id: i64) -> Result<bool, StoreError> {
        static DELETE: Statement =
            Statement::new("delete from sessions where user_id = ? and id = ?");
        self.change_one(&DELETE, args![user, id]).await
    }

    /// Ends all sessions of the account but the one with that secret.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn end_other_sessions(
        &self,
        user: UserId,
        kept: &[u8; 32],
    ) -> Result<(), StoreError> {
        static DELETE: Statement =
            Statement::new("delete from sessions where user_id = ? and secret_hash <> ?");
        self.change_one(&DELETE, args![user, kept.as_slice()])
            .await?;
        Ok(())
    }

    /// The living sessions of the account, the one used last first.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<SessionEntry>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, secret_hash, address, browser, created_at, seen_at
            from sessions
            where user_id = ? and is_verified = 1 and ends_at > {now} and seen_at + idle_us > {now}
            order by seen_at desc, id desc
            limit 100",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, args![user]).await?;
            rows.iter()
                .map(|row| {
                    let mut cells = row.cells();
                    Ok(SessionEntry {
                        id: cells.int()?,
                        secret_hash: cells.bytes()?,
                        address: cells.text_or_none()?,
                        browser: cells.text()?,
                        created_at: cells.time()?,
                        seen_at: cells.time()?,
                    })
                })
                .collect()
        })
        .await
    }

    /// How often proofs failed at `place` (a name, an address) of late, and how long ago the last one was.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn failures_at(&self, place: &str) -> Result<(u32, SignedDuration), StoreError> {
        static SELECT: Statement = Statement::new(
            "select failures, {now} - failed_at from sign_in_failures where place = ?",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            match link.row(&SELECT, args![place]).await? {
                None => Ok((0, SignedDuration::ZERO)),
                Some(row) => {
                    let mut cells = row.cells();
                    Ok((cells.small()?, SignedDuration::from_micros(cells.int()?)))
                }
            }
        })
        .await
    }

    /// Counts one more failed proof at `place`; after a quiet hour the count begins anew.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn note_failure(&self, place: &str) -> Result<(), StoreError> {
        static UPSERT: Statement = Statement::of(
            "insert into sign_in_failures (place, failures, failed_at) values (?, 1, {now})
            on duplicate key update
                failures = case when failed_at < {now} - 3600000000 then 1 else failures + 1 end,
                failed_at = {now}",
            "insert into sign_in_failures (place, failures, failed_at) values (?, 1, {now})
            on conflict (place) do update set
                failures = case when failed_at < {now} - 3600000000 then 1 else failures + 1 end,
                failed_at = {now}",
        );
        self.change_one(&UPSERT, args![place]).await?;
        Ok(())
    }

    /// Forgets the failed proofs at `place`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn forget_failures(&self, place: &str) -> Result<(), StoreError> {
        static DELETE: Statement = Statement::new("delete from sign_in_failures where place = ?");
        self.change_one(&DELETE, args![place]).await?;
        Ok(())
    }
}

/// The use of a session is noted this often: a page must not cost a write.
const SEEN_EVERY_US: i64 = 60_000_000;

fn microseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

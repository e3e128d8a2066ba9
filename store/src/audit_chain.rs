//! The chain over the audit log: each entry gets a place in it and a seal, a hash over the entry, its place and the
//! seal before it. What is changed or taken out afterwards no longer fits.
//!
//! Writers of entries never wait for each other: an entry is sealed moments after it was committed, in batches, by
//! whoever holds the row of the chain's end. Until then nothing protects it. The hash has no key, so who can write to
//! the whole database can make the chain anew; a seal that was noted elsewhere tells that, too.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::Store;
use crate::error::StoreError;
use crate::link::{Change, Link};
use crate::row::{Cells, args};
use crate::statement::Statement;

/// Entries sealed in one transaction.
const SEAL_BATCH: u32 = 500;
/// Entries read at once when the chain is verified.
const VERIFY_PAGE: u32 = 1000;
/// Entries without a seal are counted up to here.
const UNSEALED_MAX: u32 = 10_000;

/// A place in the chain with its seal: the end of it, or what somebody noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Counted from 1; 0 before the first entry.
    pub place: i64,
    /// The hash.
    pub hash: [u8; 32],
}

impl std::fmt::Display for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:", self.place)?;
        self.hash
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::str::FromStr for Seal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no seal; one is a number, a colon and 64 hexadecimal digits");
        let (place, digits) = text.split_once(':').ok_or_else(wrong)?;
        let mut hash = [0; 32];
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(wrong());
        }
        for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| wrong())?;
        }
        let place = place.parse().map_err(|_| wrong())?;
        Ok(Seal { place, hash })
    }
}

/// What the chain says of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainVerdict {
    /// The last seal that fits.
    pub end: Seal,
    /// Entries that have no seal yet; of more than 10,000, so many.
    pub unsealed: i64,
    /// The first that does not fit.
    pub broken: Option<BrokenSeal>,
}

/// An entry that is not what was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenSeal {
    /// Its place in the chain.
    pub place: i64,
    /// Its number in the log; none when it is gone.
    pub entry: Option<i64>,
}

macro_rules! entry_columns {
    () => {
        "id, made_at, actor, address, verb, object, group_id, before_text, after_text"
    };
}

/// The number of an entry, and its seal at this place after `before`.
fn seal_entry(
    cells: &mut Cells<'_>,
    before: &[u8; 32],
    place: i64,
) -> Result<(i64, Seal), StoreError> {
    let id = cells.int()?;
    let mut hash = Sha256::new();
    hash.update(before);
    let mut add = |value: Option<&[u8]>| {
        // The length of each value stands before it, so that none can grow at the cost of the next.
        let length = value.map_or(u64::MAX, |bytes| bytes.len() as u64);
        hash.update(length.to_be_bytes());
        hash.update(value.unwrap_or_default());
    };
    add(Some(&place.to_be_bytes()));
    add(Some(&id.to_be_bytes()));
    add(Some(&cells.int()?.to_be_bytes()));
    add(Some(cells.text()?.as_bytes()));
    add(cells.text_or_none()?.as_deref().map(str::as_bytes));
    add(Some(cells.text()?.as_bytes()));
    add(Some(cells.text()?.as_bytes()));
    let group = cells.int_or_none()?.map(i64::to_be_bytes);
    add(group.as_ref().map(<[u8; 8]>::as_slice));
    add(cells.text_or_none()?.as_deref().map(str::as_bytes));
    add(cells.text_or_none()?.as_deref().map(str::as_bytes));
    let hash = hash.finalize().into();
    Ok((id, Seal { place, hash }))
}

fn hash_of(bytes: &[u8]) -> [u8; 32] {
    // Bytes of another length fit nothing.
    bytes.try_into().unwrap_or([0; 32])
}

/// A chain without entries, where there is none.
pub(crate) async fn begin_chain(link: &mut Link) -> Result<(), StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into audit_chain (id, place, seal) values (1, 0, ?) {or keep audit_chain.id}",
    );
    link.execute(&INSERT, args![[0; 32].as_slice()]).await?;
    Ok(())
}

async fn select_end(link: &mut Link) -> Result<Seal, StoreError> {
    static SELECT: Statement = Statement::new("select place, seal from audit_chain where id = 1");
    read_end(link, &SELECT).await
}

async fn read_end(link: &mut Link, statement: &'static Statement) -> Result<Seal, StoreError> {
    let row = link.only_row(statement, Vec::new()).await?;
    let mut cells = row.cells();
    Ok(Seal {
        place: cells.int()?,
        hash: hash_of(&cells.bytes()?),
    })
}

impl Store {
    /// Seals entries that have none yet, some hundred at most; the chain's new end when there were any.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn seal_audit_entries(&self) -> Result<Option<Seal>, StoreError> {
        static ANY: Statement =
            Statement::new("select 1 from audit_log where place is null limit 1");
        // Looked at without the lock first: most of the time there is nothing to do.
        let any = self.read(Store::TIMEOUT, |mut link| async move {
            link.row(&ANY, Vec::new()).await
        });
        if any.await?.is_none() {
            return Ok(None);
        }
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let end = seal_batch(&mut change).await?;
            change.commit().await?;
            Ok(end)
        })
        .await
    }

    /// The end of the chain, as the last who sealed left it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn audit_chain_end(&self) -> Result<Seal, StoreError> {
        self.read(Store::TIMEOUT, |mut link| async move {
            select_end(&mut link).await
        })
        .await
    }

    /// Goes through the whole chain, page by page, and stops at the first entry that does not fit: one that was
    /// changed, one that is gone, or one whose seal is not `noted`.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn verify_audit_chain(
        &self,
        noted: Option<Seal>,
    ) -> Result<ChainVerdict, StoreError> {
        static COUNT: Statement = Statement::new(
            "select count(*) from (select 1 from audit_log where place is null limit ?) as unsealed",
        );
        // Read before the entries, which may become more meanwhile and never fewer.
        let expected = self.audit_chain_end().await?;
        let unsealed = self.read(Store::TIMEOUT, |mut link| async move {
            let row = link.only_row(&COUNT, args![UNSEALED_MAX]).await?;
            row.cells().int()
        });
        let unsealed = unsealed.await?;
        let mut end = Seal {
            place: 0,
            hash: [0; 32],
        };
        let broken = loop {
            let page = self.verify_page(&mut end, [Some(expected), noted]).await?;
            match page {
                Page::Broken(broken) => break Some(broken),
                Page::Last => break missing_after(&end, [Some(expected), noted]),
                Page::More => {}
            }
        };
        Ok(ChainVerdict {
            end,
            unsealed,
            broken,
        })
    }

    /// Goes on from `end` by one page.
    async fn verify_page(
        &self,
        end: &mut Seal,
        known: [Option<Seal>; 2],
    ) -> Result<Page, StoreError> {
        static SELECT: Statement = Statement::new(concat!(
            "select place, seal, ",
            entry_columns!(),
            " from audit_log where place > ? order by place limit ?"
        ));
        let from = end.place;
        let rows = self.read(Store::TIMEOUT, |mut link| async move {
            link.rows(&SELECT, args![from, VERIFY_PAGE]).await
        });
        let rows = rows.await?;
        for row in &rows {
            let mut cells = row.cells();
            let (place, seal) = (cells.int()?, cells.bytes_or_none()?);
            if place != end.place + 1 {
                return Ok(Page::Broken(BrokenSeal {
                    place: end.place + 1,
                    entry: None,
                }));
            }
            let (id, computed) = seal_entry(&mut cells, &end.hash, place)?;
            let is_known = known
                .iter()
                .flatten()
                .all(|known| known.place != place || known.hash == computed.hash);
            if seal.as_deref() != Some(&computed.hash) || !is_known {
                return Ok(Page::Broken(BrokenSeal {
                    place,
                    entry: Some(id),
                }));
            }
            *end = computed;
        }
        Ok(match rows.len() < VERIFY_PAGE as usize {
            true => Page::Last,
            false => Page::More,
        })
    }
}

enum Page {
    More,
    Last,
    Broken(BrokenSeal),
}

/// The first entry that should be there, and is not.
fn missing_after(end: &Seal, known: [Option<Seal>; 2]) -> Option<BrokenSeal> {
    let is_longer = known.iter().flatten().any(|known| known.place > end.place);
    is_longer.then_some(BrokenSeal {
        place: end.place + 1,
        entry: None,
    })
}

async fn seal_batch(change: &mut Change) -> Result<Option<Seal>, StoreError> {
    static LOCK: Statement =
        Statement::new("select place, seal from audit_chain where id = 1 {for update}");
    static SELECT: Statement = Statement::new(concat!(
        "select ",
        entry_columns!(),
        " from audit_log where place is null order by id limit ?"
    ));
    static SEAL: Statement = Statement::of(
        "update {batch(id, place, seal text)} straight_join audit_log a on a.id = batch.id
        set a.place = batch.place, a.seal = unhex(batch.seal)",
        "update audit_log as a set place = batch.place, seal = unhex(batch.seal)
        from {batch(id, place, seal text)} where a.id = batch.id",
    );
    static MOVE: Statement =
        Statement::new("update audit_chain set place = ?, seal = ? where id = 1");
    let mut end = read_end(change, &LOCK).await?;
    let rows = change.rows(&SELECT, args![SEAL_BATCH]).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut batch = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, seal) = seal_entry(&mut row.cells(), &end.hash, end.place + 1)?;
        let digits: String = seal.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        batch.push(json!([id, seal.place, digits]));
        end = seal;
    }
    change.execute(&SEAL, args![json!(batch)]).await?;
    let values = args![end.place, end.hash.as_slice()];
    change.execute(&MOVE, values).await?;
    Ok(Some(end))
}

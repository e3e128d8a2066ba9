//! The journal file: checked records in preallocated space, replayed up to the first bad one, written anew when it is full.
//!
//! A record is its length, a checksum and its JSON. Space that was never written is zero, so a length of zero is the end.
//! It knows what must be durable before what only through its callers.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::protocol::Moment;
use crate::record::{Ledger, Record};

/// Bytes of a journal at least; small enough to write anew in a moment, large enough for ten thousand starts.
const SPACE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of a record at most; anything longer is a broken length.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Length and checksum.
const HEAD_BYTES: usize = 8;
/// A file begins with this word and the bytes of its space.
const MAGIC: &[u8; 8] = b"carillon";
const FILE_HEAD_BYTES: usize = 16;

/// An open journal and the ledger that follows from it.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Where the next record goes.
    end: u64,
    space: u64,
    ledger: Ledger,
}

/// What a replay found.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) ledger: Ledger,
    /// Whether no record can be missing.
    pub(crate) is_clean: bool,
}

impl Journal {
    /// Replays the journal of `dir`, or begins one, and makes a compact copy of it the current one, in which every instant is
    /// counted as this boot of the host counts. `new_epoch` names it if it is new or was damaged.
    pub(crate) fn open(
        dir: &Path,
        host_boot: &str,
        now: Moment,
        new_epoch: &str,
    ) -> io::Result<(Self, Replay)> {
        let path = dir.join("runner.journal");
        let replay = match std::fs::read(&path) {
            Ok(bytes) => replay(&bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Replay {
                ledger: Ledger::default(),
                is_clean: true,
            },
            Err(error) => return Err(error),
        };
        let mut ledger = replay.ledger.clone();
        if ledger.epoch.is_empty() || !replay.is_clean {
            new_epoch.clone_into(&mut ledger.epoch);
        }
        if ledger.host_boot != host_boot {
            ledger.count_from_this_boot(now);
        }
        host_boot.clone_into(&mut ledger.host_boot);
        let is_clean = replay.is_clean;
        let (file, end, space) = write_anew(&path, &ledger)?;
        let replay = Replay {
            ledger: ledger.clone(),
            is_clean,
        };
        Ok((
            Self {
                path,
                file,
                end,
                space,
                ledger,
            },
            replay,
        ))
    }

    /// Appends records; they survive the death of this process at once, that of the host after [`Journal::sync`].
    ///
    /// # Errors
    /// When the device has no space or fails. Nothing has been appended then.
    pub(crate) fn append(&mut self, records: &[Record]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(records.len() * 300);
        for record in records {
            encode(record, &mut bytes);
        }
        if self.end + bytes.len() as u64 > self.space {
            let (file, end, space) = write_anew_for(&self.path, &self.ledger, bytes.len() as u64)?;
            (self.file, self.end, self.space) = (file, end, space);
        }
        self.file.write_all_at(&bytes, self.end)?;
        self.end += bytes.len() as u64;
        records.iter().for_each(|record| self.ledger.apply(record));
        Ok(())
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// When the device fails. What it then holds is unknown, so nobody may rely on this journal again.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Folds the records up to the first bad one.
fn replay(bytes: &[u8]) -> Replay {
    let mut ledger = Ledger::default();
    let mut at = FILE_HEAD_BYTES;
    if bytes.len() < FILE_HEAD_BYTES || !bytes.starts_with(MAGIC) {
        return Replay {
            ledger,
            is_clean: false,
        };
    }
    while let Some((record, used)) = decode(&bytes[at..]) {
        ledger.apply(&record);
        at += used;
    }
    // A torn record was never durable, so nothing was started for it. A file that is shorter than it was made, or sound records
    // behind a bad one, mean that durable records are gone.
    let is_whole = bytes[MAGIC.len()..FILE_HEAD_BYTES] == (bytes.len() as u64).to_le_bytes();
    let is_last =
        (at..bytes.len()).all(|next| bytes[next] == 0 || decode(&bytes[next..]).is_none());
    Replay {
        ledger,
        is_clean: is_whole && is_last,
    }
}

fn write_anew(path: &Path, ledger: &Ledger) -> io::Result<(File, u64, u64)> {
    write_anew_for(path, ledger, 0)
}

/// Writes what follows from the ledger to a new file with room to spare and puts it in place of the old, all durable.
fn write_anew_for(path: &Path, ledger: &Ledger, more: u64) -> io::Result<(File, u64, u64)> {
    let mut bytes = vec![0; FILE_HEAD_BYTES];
    for record in ledger.records() {
        encode(&record, &mut bytes);
    }
    let end = bytes.len() as u64;
    let space = SPACE_BYTES.max((end + more) * 4);
    bytes.resize(space as usize, 0);
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[MAGIC.len()..FILE_HEAD_BYTES].copy_from_slice(&space.to_le_bytes());
    let fresh = path.with_extension("journal.new");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&fresh)?;
    // Zeros are written, not only reserved: a later fdatasync then has no metadata to write.
    file.write_all_at(&bytes, 0)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    let dir = path
        .parent()
        .expect("the journal lies in the data directory");
    File::open(dir)?.sync_all()?;
    Ok((file, end, space))
}

fn encode(record: &Record, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    bytes.extend_from_slice(&[0; HEAD_BYTES]);
    serde_json::to_writer(&mut *bytes, record).expect("a record has only text keys");
    let body = &bytes[start + HEAD_BYTES..];
    let (length, sum) = (body.len() as u32, checksum(body));
    bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
    bytes[start + 4..start + HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
}

fn decode(bytes: &[u8]) -> Option<(Record, usize)> {
    let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let sum = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    if length == 0 || length > RECORD_BYTES_MAX {
        return None;
    }
    let body = rest.get(..length)?;
    if checksum(body) != sum {
        return None;
    }
    Some((serde_json::from_slice(body).ok()?, HEAD_BYTES + length))
}

/// CRC-32 as in zlib: finds every burst of up to 32 wrong bits.
fn checksum(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = checksum_table();
    !bytes.iter().fold(!0, |sum, byte| {
        TABLE[((sum ^ u32::from(*byte)) & 255) as usize] ^ (sum >> 8)
    })
}

const fn checksum_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 {
                (value >> 1) ^ 0xedb8_8320
            } else {
                value >> 1
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use carillon_core::launch::LaunchSpec;
    use carillon_core::token::Token;

    use super::*;
    use crate::protocol::NotStarted;
    use crate::record::{Facts, Outcome};

    /// Half a minute after the host came up.
    const NOW: Moment = Moment {
        boottime_ns: 30_000_000_000,
        realtime_us: 1_700_000_000_000_000,
    };

    fn spawn(number: u8) -> Record {
        let facts = Facts::of(&format!("run {number}"), &LaunchSpec::default(), None);
        Record::Spawn {
            token: Token::from_bytes([number; 16]),
            facts,
        }
    }

    fn bytes_of(records: &[Record]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), "boot", NOW, "epoch").unwrap();
        journal.append(records).unwrap();
        // As if the space were small, so that thousands of damages can be tried.
        let mut bytes = std::fs::read(dir.path().join("runner.journal")).unwrap();
        bytes.truncate(written(&bytes) + 64);
        let space = bytes.len() as u64;
        bytes[MAGIC.len()..FILE_HEAD_BYTES].copy_from_slice(&space.to_le_bytes());
        bytes
    }

    fn written(bytes: &[u8]) -> usize {
        bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1
    }

    #[test]
    fn journal_cut_at_any_byte_keeps_every_whole_record_and_tells() {
        let bytes = bytes_of(&[spawn(1), spawn(2), spawn(3)]);
        let mut found = Vec::new();

        for end in 0..written(&bytes) {
            let replay = replay(&bytes[..end]);
            assert!(!replay.is_clean, "cut at {end} and called whole");
            found.push(replay.ledger.entries.len());
        }

        assert!(found.is_sorted(), "a longer journal lost a record");
        assert_eq!(found.last(), Some(&2));
        assert_eq!(replay(&bytes).ledger.entries.len(), 3);
        assert!(replay(&bytes).is_clean);
    }

    #[test]
    fn any_flipped_bit_stops_the_replay_there() {
        let bytes = bytes_of(&[spawn(1), spawn(2), spawn(3)]);
        let whole = replay(&bytes).ledger;

        for at in 0..written(&bytes) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let replay = replay(&flipped);
            assert_ne!(
                (&replay.ledger, replay.is_clean),
                (&whole, true),
                "flip at {at} unseen"
            );
            assert!(
                replay
                    .ledger
                    .entries
                    .iter()
                    .all(|(token, entry)| whole.entries[token] == *entry)
            );
        }
    }

    #[test]
    fn torn_last_record_is_as_if_never_written() {
        let mut bytes = bytes_of(&[spawn(1), spawn(2)]);
        let end = written(&bytes);
        bytes[end - 9..end].fill(0);

        let replay = replay(&bytes);

        assert_eq!(replay.ledger.entries.len(), 1);
        assert!(replay.is_clean);
    }

    #[test]
    fn journal_does_not_grow_with_history() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path(), "boot", NOW, "epoch").unwrap();

        for _ in 0..300 {
            let records: Vec<_> = (0..100).map(spawn).collect();
            journal.append(&records).unwrap();
            let tokens = (0..100)
                .map(|number| Token::from_bytes([number; 16]))
                .collect();
            journal.append(&[Record::Ack { tokens }]).unwrap();
        }

        let bytes = std::fs::metadata(dir.path().join("runner.journal"))
            .unwrap()
            .len();
        assert_eq!(bytes, SPACE_BYTES);
        let (_, replay) = Journal::open(dir.path(), "boot", NOW, "other").unwrap();
        assert_eq!((replay.ledger.entries.len(), replay.is_clean), (0, true));
        assert_eq!(replay.ledger.epoch, "epoch");
    }

    #[test]
    fn instants_of_an_earlier_boot_lie_as_far_back_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let token = Token::from_bytes([1; 16]);
        let refused = |boottime_s: i64, before_now_s: i64| Record::NotStarted {
            token,
            why: NotStarted::Cancelled,
            at: Moment {
                boottime_ns: boottime_s * 1_000_000_000,
                realtime_us: NOW.realtime_us - before_now_s * 1_000_000,
            },
        };
        // The host had been up for a day, and was down for a minute.
        let (mut journal, _) = Journal::open(dir.path(), "first", NOW, "epoch").unwrap();
        journal.append(&[spawn(1), refused(86_400, 90)]).unwrap();
        drop(journal);

        // The second opening is of the same boot: nothing is counted twice.
        for _ in 0..2 {
            let (_, replay) = Journal::open(dir.path(), "second", NOW, "epoch").unwrap();
            let Some(Outcome::NotStarted { at, .. }) = &replay.ledger.entries[&token].outcome
            else {
                panic!("{:?}", replay.ledger);
            };
            assert_eq!(at.boottime_ns, -60_000_000_000);
        }

        // A host that wakes in 1970 does not send its past into the future.
        let asleep = Moment {
            realtime_us: 0,
            ..NOW
        };
        let (_, replay) = Journal::open(dir.path(), "third", asleep, "epoch").unwrap();
        let Some(Outcome::NotStarted { at, .. }) = &replay.ledger.entries[&token].outcome else {
            panic!("{:?}", replay.ledger);
        };
        assert_eq!(at.boottime_ns, NOW.boottime_ns);
    }

    #[test]
    fn damaged_journal_takes_a_new_epoch() {
        let dir = tempfile::tempdir().unwrap();
        drop(Journal::open(dir.path(), "boot", NOW, "first").unwrap());
        let path = dir.path().join("runner.journal");
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(1000)
            .unwrap();

        let (_, replay) = Journal::open(dir.path(), "boot", NOW, "second").unwrap();

        assert_eq!(
            (replay.ledger.epoch.as_str(), replay.is_clean),
            ("second", false)
        );
    }
}

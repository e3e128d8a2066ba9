//! The thread that writes full output to files of the node. Whoever hands it bytes never waits: what the disk does not take in time is counted and missing.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{MS, boottime_ns};
use crate::kept_stream::KeptStream;
use crate::mailbox::{Event, Mailbox};
use crate::node_config::NodeConfig;
use crate::output_folder::{OutputFolder, Place};
use crate::protocol::Kept;

/// Bytes that wait for the disk at most, of all attempts.
const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often the folder is looked through for what is too old.
const HOUSE_NS: i64 = 60_000 * MS;
/// How long the thread sleeps at most.
const SLEEP: Duration = Duration::from_secs(60);
/// The neighbour of the files that tells what is missing in them.
const GAPS_SUFFIX: &str = "lost";

/// The door to the thread.
#[derive(Debug, Clone)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    tasks: VecDeque<Task>,
    /// Bytes in the tasks and in the one that is being done.
    bytes: usize,
    /// Bytes for which there was no room, by attempt and stream; they come after the tasks.
    refused: HashMap<(u64, usize), u64>,
    is_closed: bool,
}

#[derive(Debug)]
enum Task {
    Open {
        attempt: u64,
        file: KeptFile,
    },
    Write {
        attempt: u64,
        stream: usize,
        bytes: Vec<u8>,
    },
    Close {
        attempt: u64,
    },
}

/// Where the output of an attempt is to lie.
#[derive(Debug, Clone)]
pub(crate) struct KeptFile {
    pub(crate) day: String,
    pub(crate) name: String,
    /// Whether an earlier runner began it.
    pub(crate) is_continued: bool,
}

/// One attempt whose output is kept, and its files.
#[derive(Debug)]
struct Files {
    place: Result<Place, String>,
    streams: [KeptStream; 2],
    is_continued: bool,
}

impl Keeper {
    /// Starts the thread. It ends after [`Keeper::close`], when everything is written.
    pub(crate) fn start(
        data_dir: &Path,
        config: Arc<NodeConfig>,
        mailbox: Mailbox,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let shared = Arc::new(Shared::default());
        let keeper = Self {
            shared: Arc::clone(&shared),
        };
        let mut writer = Writer {
            folder: OutputFolder::new(data_dir, config.output_limits()),
            config,
            mailbox,
            shared,
            files: HashMap::new(),
            house_at_ns: boottime_ns() + HOUSE_NS,
        };
        let thread = std::thread::Builder::new()
            .name("output".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || writer.work())?;
        Ok((keeper, thread))
    }

    /// Keeps the output of this attempt from now on.
    pub(crate) fn open(&self, attempt: u64, file: KeptFile) {
        self.push(Task::Open { attempt, file });
    }

    /// Takes what a stream has just given.
    pub(crate) fn write(&self, attempt: u64, stream: usize, bytes: &[u8]) {
        let mut queue = self.shared.lock();
        let is_full = queue.bytes + bytes.len() > QUEUE_BYTES_MAX;
        // Nothing may come before what was refused.
        if is_full || queue.refused.contains_key(&(attempt, stream)) {
            *queue.refused.entry((attempt, stream)).or_default() += bytes.len() as u64;
            return;
        }
        queue.bytes += bytes.len();
        queue.tasks.push_back(Task::Write {
            attempt,
            stream,
            bytes: bytes.to_vec(),
        });
        drop(queue);
        self.shared.arrived.notify_one();
    }

    /// Says what is kept when everything is written, by [`Event::Kept`].
    pub(crate) fn finish(&self, attempt: u64) {
        self.push(Task::Close { attempt });
    }

    /// Lets the thread end when all is written.
    pub(crate) fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.arrived.notify_one();
    }

    fn push(&self, task: Task) {
        self.shared.lock().tasks.push_back(task);
        self.shared.arrived.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is to do next.
enum Work {
    Task(Task),
    Refused(HashMap<(u64, usize), u64>),
    House,
    End,
}

struct Writer {
    folder: OutputFolder,
    config: Arc<NodeConfig>,
    mailbox: Mailbox,
    shared: Arc<Shared>,
    files: HashMap<u64, Files>,
    /// When the folder is looked through next. Not at once: attempts of an earlier runner claim their files first.
    house_at_ns: i64,
}

impl Writer {
    fn work(&mut self) {
        loop {
            match self.next() {
                Work::Task(task) => self.perform(task),
                Work::Refused(refused) => {
                    for ((attempt, stream), bytes) in refused {
                        if let Some(files) = self.files.get_mut(&attempt) {
                            files.streams[stream]
                                .lose(bytes, "the disk was slower than the command");
                        }
                    }
                }
                Work::House => {
                    self.house_at_ns = boottime_ns() + HOUSE_NS;
                    self.folder.limits = self.config.output_limits();
                    self.folder.keep_house();
                }
                Work::End => return,
            }
        }
    }

    /// A closing waits behind what was refused before it.
    fn next(&self) -> Work {
        let mut queue = self.shared.lock();
        loop {
            if boottime_ns() >= self.house_at_ns {
                return Work::House;
            }
            let refused = match queue.tasks.front() {
                None => std::mem::take(&mut queue.refused),
                Some(Task::Close { attempt }) => {
                    let closing = *attempt;
                    let is_its = |key: &(u64, usize), _: &mut u64| key.0 == closing;
                    queue.refused.extract_if(is_its).collect()
                }
                Some(_) => HashMap::new(),
            };
            if !refused.is_empty() {
                return Work::Refused(refused);
            }
            if let Some(task) = queue.tasks.pop_front() {
                return Work::Task(task);
            }
            if queue.is_closed {
                return Work::End;
            }
            let waited = self.shared.arrived.wait_timeout(queue, SLEEP);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn perform(&mut self, task: Task) {
        match task {
            Task::Open { attempt, file } => {
                self.folder.limits = self.config.output_limits();
                let files = Files::begin(&file, &mut self.folder);
                self.files.insert(attempt, files);
            }
            Task::Write {
                attempt,
                stream,
                bytes,
            } => {
                if let Some(files) = self.files.get_mut(&attempt) {
                    files.write(stream, &bytes, &mut self.folder);
                }
                self.shared.lock().bytes -= bytes.len();
            }
            Task::Close { attempt } => {
                if let Some(files) = self.files.remove(&attempt) {
                    let kept = files.end(&mut self.folder);
                    self.mailbox.send(Event::Kept { attempt, kept });
                }
            }
        }
    }
}

impl Files {
    fn begin(file: &KeptFile, folder: &mut OutputFolder) -> Self {
        let mut streams = [KeptStream::new("out"), KeptStream::new("err")];
        let place = folder.take_place(&file.day, &file.name);
        let opened = place.and_then(|place| {
            let opened = streams
                .iter_mut()
                .try_for_each(|stream| stream.open(&place));
            if opened.is_err() {
                folder.give_back(&place);
            }
            opened.map(|()| place)
        });
        let place = opened.map_err(|error| {
            tracing::error!("full output of {} is not kept: {error}", file.name);
            error.to_string()
        });
        Self {
            place,
            streams,
            is_continued: file.is_continued,
        }
    }

    fn write(&mut self, stream: usize, bytes: &[u8], folder: &mut OutputFolder) {
        match &self.place {
            Ok(place) => self.streams[stream].write(bytes, place, folder),
            Err(why) => self.streams[stream].lose(bytes.len() as u64, why),
        }
    }

    /// What is kept, and beside it what is not.
    fn end(self, folder: &mut OutputFolder) -> Kept {
        let lost_bytes = self.streams.iter().map(|stream| stream.lost).sum();
        let gap = self.streams.iter().find_map(KeptStream::first_gap);
        let why = gap.map(|gap| gap.why.clone());
        let Ok(place) = self.place else {
            return Kept {
                path: None,
                lost_bytes,
                why: self.place.err(),
            };
        };
        let mut told: String = self.streams.iter().map(KeptStream::tell_gaps).collect();
        if self.is_continued {
            told.push_str("an earlier runner ended while the command ran: what it had not written by then is missing, too\n");
        }
        if !told.is_empty() {
            // There may be no room for it either; then the report says it alone.
            let noted = place
                .open(GAPS_SUFFIX)
                .and_then(|(mut file, _)| file.write_all(told.as_bytes()));
            folder.count(noted.map_or(0, |()| told.len() as u64));
        }
        folder.give_back(&place);
        let continued = self.is_continued.then(|| {
            "an earlier runner ended in between, and what it had not written is not counted"
                .to_owned()
        });
        Kept {
            path: Some(place.path.display().to_string()),
            lost_bytes,
            why: why.or(continued),
        }
    }
}

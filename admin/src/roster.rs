//! All jobs by name, kept in memory and brought up to date from the store's list of changes before each use:
//! lists, searches and forecasts scan this instead of a table.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, RwLock};

use carillon_core::access::Groups;
use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::Job;
use carillon_core::placement::{Labels, Target};
use carillon_core::schedule::Schedule;
use carillon_store::{FeedItem, JobCursor, Store, StoreError};
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::forecast::Forecast;
use crate::job_texts::{Hits, JobTexts, Part, TextNumber};
use crate::needle::Needle;

/// Changes read from the store at once.
const FEED_PAGE: u32 = 1000;

/// What lists need of a job.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) group: GroupId,
    pub(crate) enabled: bool,
    pub(crate) expression: String,
    pub(crate) zone: String,
    pub(crate) command: String,
    user: Option<String>,
    calendar: Option<String>,
    target: Target,
    /// None when the expression is not understood by this program.
    pub(crate) schedule: Option<Schedule>,
}

impl Entry {
    fn of(job: &Job) -> Self {
        let text = &job.draft.schedule;
        let name = job.draft.name.to_string();
        let spec = &job.draft.spec;
        let command = spec.launch.command.clone();
        Entry {
            id: job.id,
            user: spec.launch.run_as.clone(),
            calendar: spec.calendar.as_ref().map(|kept| kept.name.to_string()),
            target: spec.target.clone(),
            group: job.draft.group,
            enabled: job.draft.enabled,
            expression: text.expression.clone(),
            zone: text.zone.clone(),
            schedule: job.draft.due(job.id).ok(),
            command,
            name,
        }
    }

    /// Whether it is so.
    fn is(&self, mark: &Mark) -> bool {
        let same = |text: &str, wanted: &str| text.to_lowercase() == *wanted;
        match mark {
            Mark::Group(group) => self.group == *group,
            Mark::Enabled(enabled) => self.enabled == *enabled,
            Mark::Zone(zone) => self.zone.eq_ignore_ascii_case(zone),
            Mark::User(user) => self.user.as_deref() == Some(user.as_str()),
            Mark::Calendar(name) => self.calendar.as_ref().is_some_and(|kept| same(kept, name)),
            Mark::Node(name, labels) => self.target.allows(name, labels),
        }
    }

    /// When it is due next, while it is enabled.
    pub(crate) fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let schedule = self.schedule.as_ref().filter(|_| self.enabled)?;
        schedule.next_after(time)
    }
}

/// The place of a job in the order of names.
pub(crate) type Place = (String, JobId);

/// How many jobs a group has.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    enabled: usize,
    disabled: usize,
}

impl Count {
    fn of(&mut self, entry: &Entry) -> &mut usize {
        match entry.enabled {
            true => &mut self.enabled,
            false => &mut self.disabled,
        }
    }
}

/// An entry, and beside it what most questions ask: a walk past a hundred thousand entries that looks into each of them
/// waits for memory each time.
#[derive(Debug)]
struct Kept {
    text: TextNumber,
    group: GroupId,
    enabled: bool,
    entry: Arc<Entry>,
}

#[derive(Debug, Default)]
struct Jobs {
    by_name: BTreeMap<Place, Kept>,
    texts: JobTexts,
    places: HashMap<JobId, Place>,
    counts: HashMap<GroupId, Count>,
    forecast: Forecast,
}

impl Jobs {
    fn remove(&mut self, id: JobId) {
        let place = self.places.remove(&id);
        if let Some(Kept { text, entry, .. }) = place.and_then(|place| self.by_name.remove(&place))
        {
            self.texts.waste(text);
            *self.counts.entry(entry.group).or_default().of(&entry) -= 1;
            self.forecast.remove(&entry);
        }
    }

    fn insert(&mut self, job: &Job, now: Timestamp) {
        self.remove(job.id);
        let place = (job.draft.name.as_str().to_lowercase(), job.id);
        let entry = Arc::new(Entry::of(job));
        *self.counts.entry(entry.group).or_default().of(&entry) += 1;
        self.forecast.insert(&entry, now);
        let draft = &job.draft;
        let (description, command) = (&draft.description, &draft.spec.launch.command);
        let rest = format!("{description}\n{command}\n{}", draft.schedule.expression);
        let text = self.texts.add(&entry.name, &rest);
        let kept = Kept {
            text,
            group: entry.group,
            enabled: entry.enabled,
            entry,
        };
        self.by_name.insert(place.clone(), kept);
        self.places.insert(job.id, place);
        let numbers = self.by_name.values_mut().map(|kept| &mut kept.text);
        self.texts.clear_away(numbers);
    }

    fn advance(&mut self, now: Timestamp) {
        let entries = self.by_name.values().map(|kept| &kept.entry);
        self.forecast.advance(entries, now);
    }

    /// How many there are in the groups of a filter without tests, counted when they came and went.
    fn count(&self, filter: &Filter) -> usize {
        let counted = self.counts.iter().filter(|(group, _)| {
            filter.groups.contains(**group) && filter.group.is_none_or(|one| one == **group)
        });
        let wanted = counted.map(|(_, count)| match filter.enabled {
            Some(true) => count.enabled,
            Some(false) => count.disabled,
            None => count.enabled + count.disabled,
        });
        wanted.sum()
    }
}

/// What somebody asks of a job; texts are in lower case, but for users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// This part of its text has the word.
    Has(Part, Needle),
    /// It is so.
    Is(Mark),
}

/// What a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mark {
    Group(GroupId),
    Enabled(bool),
    Zone(String),
    /// It runs as this user.
    User(String),
    /// It keeps to this calendar.
    Calendar(String),
    /// The node of this name and these labels may run it.
    Node(String, Labels),
}

/// Which jobs to list.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// In these groups.
    pub(crate) groups: Groups,
    /// In this group.
    pub(crate) group: Option<GroupId>,
    /// Enabled, or not.
    pub(crate) enabled: Option<bool>,
    /// For which each of these is so, or is not.
    pub(crate) tests: Vec<(Test, bool)>,
}

impl Filter {
    /// Everything in these groups.
    pub(crate) fn all_of(groups: Groups) -> Self {
        Filter {
            groups,
            group: None,
            enabled: None,
            tests: Vec::new(),
        }
    }
}

/// A filter whose words have been looked for.
struct Sieve<'f> {
    filter: &'f Filter,
    hits: Vec<(Hits, bool)>,
    marks: Vec<(&'f Mark, bool)>,
}

impl<'f> Sieve<'f> {
    fn new(filter: &'f Filter, texts: &JobTexts) -> Self {
        let mut sieve = Sieve {
            filter,
            hits: Vec::new(),
            marks: Vec::new(),
        };
        for (test, is_meant) in &filter.tests {
            match test {
                Test::Has(part, word) => sieve.hits.push((texts.having(word, *part), *is_meant)),
                Test::Is(mark) => sieve.marks.push((mark, *is_meant)),
            }
        }
        sieve
    }

    /// Whether a job passes. What can be told without its entry is asked first: most entries are never looked at.
    fn admits(&self, kept: &Kept) -> bool {
        let (hits, marks) = (&self.hits, &self.marks);
        let filter = self.filter;
        let is_so = |mark: &Mark| match mark {
            Mark::Group(group) => kept.group == *group,
            Mark::Enabled(enabled) => kept.enabled == *enabled,
            _ => kept.entry.is(mark),
        };
        filter.enabled.is_none_or(|enabled| enabled == kept.enabled)
            && filter.group.is_none_or(|group| group == kept.group)
            && hits
                .iter()
                .all(|(hits, is_meant)| hits.has(kept.text) == *is_meant)
            && filter.groups.contains(kept.group)
            && marks
                .iter()
                .all(|(mark, is_meant)| is_so(mark) == *is_meant)
    }
}

/// All jobs that are not deleted.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    cursor: Mutex<JobCursor>,
    jobs: RwLock<Jobs>,
}

impl Roster {
    /// Reads what has changed since the last time, and goes on to `now`.
    /// # Errors
    /// When the store does not answer.
    pub(crate) async fn refresh(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let mut cursor = self.cursor.lock().await;
        loop {
            let page = store.jobs_changed_since(*cursor, FEED_PAGE).await?;
            if page.items.is_empty() && !self.read(|jobs| jobs.forecast.is_behind(now)) {
                return Ok(());
            }
            let mut jobs = self
                .jobs
                .write()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            jobs.advance(now);
            for item in &page.items {
                match item {
                    FeedItem::Current(job) => jobs.insert(job, now),
                    FeedItem::Gone(id) | FeedItem::Corrupt { job: id, .. } => jobs.remove(*id),
                }
            }
            *cursor = page.next;
            if page.is_last {
                return Ok(());
            }
        }
    }

    fn read<T>(&self, question: impl FnOnce(&Jobs) -> T) -> T {
        question(
            &self
                .jobs
                .read()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }

    /// The jobs that `filter` admits after `place`, by name, at most `limit`.
    pub(crate) fn list(
        &self,
        filter: &Filter,
        after: Option<&Place>,
        limit: usize,
    ) -> Vec<Arc<Entry>> {
        let start = after.map_or(Bound::Unbounded, |place| Bound::Excluded(place.clone()));
        self.read(|jobs| {
            let sieve = Sieve::new(filter, &jobs.texts);
            let rest = jobs.by_name.range((start, Bound::Unbounded));
            rest.filter(|(_, kept)| sieve.admits(kept))
                .take(limit)
                .map(|(_, kept)| Arc::clone(&kept.entry))
                .collect()
        })
    }

    /// The jobs that `filter` admits after `place`, by name, at most `limit`; and how many it admits in all, in one walk
    /// through them.
    pub(crate) fn find(
        &self,
        filter: &Filter,
        after: Option<&Place>,
        limit: usize,
    ) -> (Vec<Arc<Entry>>, usize) {
        if filter.tests.is_empty() {
            return (self.list(filter, after, limit), self.count(filter));
        }
        self.read(|jobs| {
            let sieve = Sieve::new(filter, &jobs.texts);
            let (mut found, mut count) = (Vec::new(), 0);
            let admitted = jobs.by_name.iter().filter(|(_, kept)| sieve.admits(kept));
            for (place, kept) in admitted {
                count += 1;
                if found.len() < limit && after.is_none_or(|after| place > after) {
                    found.push(Arc::clone(&kept.entry));
                }
            }
            (found, count)
        })
    }

    /// Those of these jobs that there are.
    pub(crate) fn of(&self, ids: impl Iterator<Item = JobId>) -> Vec<Arc<Entry>> {
        self.read(|jobs| {
            let places = ids.filter_map(|id| jobs.places.get(&id));
            let entries = places.filter_map(|place| jobs.by_name.get(place));
            entries.map(|kept| Arc::clone(&kept.entry)).collect()
        })
    }

    /// How many jobs `filter` admits.
    pub(crate) fn count(&self, filter: &Filter) -> usize {
        self.read(|jobs| {
            if filter.tests.is_empty() {
                return jobs.count(filter);
            }
            let sieve = Sieve::new(filter, &jobs.texts);
            let all = jobs.by_name.values();
            all.filter(|kept| sieve.admits(kept)).count()
        })
    }

    /// Asks the forecast.
    pub(crate) fn foresee<T>(&self, question: impl FnOnce(&Forecast) -> T) -> T {
        self.read(|jobs| question(&jobs.forecast))
    }
}

impl Entry {
    /// Its place in the order of names.
    pub(crate) fn place(&self) -> Place {
        (self.name.to_lowercase(), self.id)
    }
}

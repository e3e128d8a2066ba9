//! What a file declares, each thing with its line: all mistakes are told at once.

use carillon_core::lang::Lang;
use carillon_core::quiet::QuietHours;
use carillon_store::{CalendarDraft, GroupLimits, GroupMail, KEEP_DAYS_MAX, KEEP_RUNS_MAX};
use serde_json::Value;

use super::Mistake;
use super::text::{Content, Field, Node, parse};
use crate::api::groups::{judge_name, read_limit};
use crate::calendars::actions::judge;
use crate::jobs::document::Document;

/// Where a job is that names no group.
const DEFAULT_GROUP: &str = "default";

/// What the API says of a job that nobody can set.
const KEPT_BY_STORE: [&str; 6] = [
    "id",
    "group_id",
    "version",
    "created_at",
    "updated_at",
    "deleted_at",
];

/// What a file says there is to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declaration {
    pub(super) groups: Vec<DeclaredGroup>,
    pub(super) calendars: Vec<DeclaredCalendar>,
    pub(super) jobs: Vec<DeclaredJob>,
}

#[derive(Debug, Clone)]
pub(super) struct DeclaredGroup {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) is: GroupText,
}

/// What a group is apart from its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GroupText {
    pub(crate) description: String,
    pub(crate) limits: GroupLimits,
    pub(crate) mail: GroupMail,
}

#[derive(Debug, Clone)]
pub(super) struct DeclaredCalendar {
    pub(super) line: usize,
    pub(super) draft: CalendarDraft,
}

/// A job as its document, which is judged against what there is.
#[derive(Debug, Clone)]
pub(super) struct DeclaredJob {
    pub(super) line: usize,
    pub(super) group: String,
    pub(super) document: Document,
    lines: Vec<(String, usize)>,
}

impl DeclaredJob {
    /// What it calls itself, which may be no name.
    pub(super) fn called(&self) -> String {
        let name = self.document.get("name").and_then(Value::as_str);
        format!("{}/{}", self.group, name.unwrap_or("?"))
    }

    /// Something wrong with one of its fields.
    pub(super) fn mistake(&self, field: &str, wrong: &str) -> Mistake {
        let found = self.lines.iter().find(|(name, _)| name == field);
        Mistake {
            line: found.map_or(self.line, |(_, line)| *line),
            words: format!("job {}: {field}: {wrong}", self.called()),
        }
    }
}

/// Reads a file's text.
///
/// # Errors
/// With everything that is wrong with it by itself.
pub(crate) fn read(text: &str) -> Result<Declaration, Vec<Mistake>> {
    let Some(root) = parse(text).map_err(|mistake| vec![mistake])? else {
        return Ok(Declaration::default());
    };
    let mut reader = Reader::default();
    match root.content {
        Content::Fields(fields) => fields.into_iter().for_each(|field| reader.take_part(field)),
        // What `export` prints as JSON, and what the API lists.
        Content::List(jobs) => reader.take_jobs(jobs),
        Content::Plain(Value::Null) => {}
        Content::Plain(other) => reader.complain(
            root.line,
            format!("a declaration has groups, calendars and jobs; got {other}"),
        ),
    }
    match reader.mistakes.is_empty() {
        true => Ok(reader.declared),
        false => Err(reader.mistakes),
    }
}

#[derive(Default)]
struct Reader {
    declared: Declaration,
    mistakes: Vec<Mistake>,
}

impl Reader {
    fn complain(&mut self, line: usize, words: String) {
        self.mistakes.push(Mistake { line, words });
    }

    fn take_part(&mut self, field: Field) {
        let items = match field.node.content {
            Content::List(items) => items,
            Content::Plain(Value::Null) => Vec::new(),
            _ => {
                let words = format!("{} is a list; begin each item with a dash", field.name);
                return self.complain(field.line, words);
            }
        };
        match field.name.as_str() {
            "groups" => items.into_iter().for_each(|item| self.take_group(item)),
            "calendars" => items.into_iter().for_each(|item| self.take_calendar(item)),
            "jobs" => self.take_jobs(items),
            other => {
                let words =
                    format!("a declaration has no {other:?}; it has groups, calendars and jobs");
                self.complain(field.line, words);
            }
        }
    }

    fn take_jobs(&mut self, items: Vec<Node>) {
        items.into_iter().for_each(|item| self.take_job(item));
    }

    /// The fields of an item, or a complaint.
    fn fields_of(&mut self, noun: &str, item: Node) -> Option<(usize, Vec<Field>)> {
        match item.content {
            Content::Fields(fields) => Some((item.line, fields)),
            _ => {
                self.complain(item.line, format!("a {noun} has fields; write name: …"));
                None
            }
        }
    }

    fn take_group(&mut self, item: Node) {
        let Some((line, fields)) = self.fields_of("group", item) else {
            return;
        };
        let mut name = None;
        let mut is = GroupText::default();
        for field in fields {
            let value = field.node.into_value();
            let put = match field.name.as_str() {
                "name" => text_of(&value).and_then(|text| match judge_name(text) {
                    Ok(()) => {
                        name = Some(text.trim().to_owned());
                        Ok(())
                    }
                    Err(length) => Err(format!(
                        "{text:?} has {length} characters; a group name has 1 to 190 printable ones"
                    )),
                }),
                "description" => text_of(&value).map(|text| text.clone_into(&mut is.description)),
                "keep_runs" => {
                    read_limit(&value, KEEP_RUNS_MAX).map(|limit| is.limits.keep_runs = limit)
                }
                "keep_days" => {
                    read_limit(&value, KEEP_DAYS_MAX).map(|limit| is.limits.keep_days = limit)
                }
                "mail_to" | "quiet_hours" if value.is_null() => Ok(()),
                "mail_to" => text_of(&value).map(|text| is.mail.mail_to = Some(text.to_owned())),
                "quiet_hours" => {
                    read_quiet_hours(&value).map(|text| is.mail.quiet_hours = Some(text))
                }
                "id" | "created_at" => Ok(()),
                _ => Err("a group has no such field; it has name, description, keep_runs, keep_days, mail_to, quiet_hours".to_owned()),
            };
            if let Err(wrong) = put {
                self.complain(field.line, format!("group: {}: {wrong}", field.name));
            }
        }
        let Some(name) = name else {
            return self.complain(line, "a group needs a name; add it".to_owned());
        };
        if let Some(first) = self.declared.groups.iter().find(|group| group.name == name) {
            let words = format!(
                "the group {name} is declared on line {} already; keep one",
                first.line
            );
            return self.complain(line, words);
        }
        self.declared.groups.push(DeclaredGroup { line, name, is });
    }

    fn take_calendar(&mut self, item: Node) {
        let Some((line, fields)) = self.fields_of("calendar", item) else {
            return;
        };
        let (mut name, mut zone, mut text) = (String::new(), "UTC".to_owned(), String::new());
        let mut lines = Vec::new();
        for field in fields {
            lines.push((field.name.clone(), field.line));
            let value = field.node.into_value();
            let put = match field.name.as_str() {
                "name" => text_of(&value).map(|given| given.clone_into(&mut name)),
                "zone" => text_of(&value).map(|given| given.clone_into(&mut zone)),
                "text" => text_of(&value).map(|given| given.clone_into(&mut text)),
                _ => Err("a calendar has no such field; it has name, zone, text".to_owned()),
            };
            if let Err(wrong) = put {
                self.complain(field.line, format!("calendar: {}: {wrong}", field.name));
            }
        }
        let draft = match judge((&name, &zone, &text), Lang::En) {
            Ok(draft) => draft,
            Err(errors) => {
                for (field, wrong) in errors.all() {
                    let at = lines.iter().find(|(name, _)| name == field);
                    let at = at.map_or(line, |(_, line)| *line);
                    self.complain(at, format!("calendar {name}: {field}: {wrong}"));
                }
                return;
            }
        };
        let mut earlier = self.declared.calendars.iter();
        if let Some(first) = earlier.find(|calendar| calendar.draft.name == draft.name) {
            let words = format!(
                "the calendar {name} is declared on line {} already; keep one",
                first.line
            );
            return self.complain(line, words);
        }
        let calendar = DeclaredCalendar { line, draft };
        self.declared.calendars.push(calendar);
    }

    fn take_job(&mut self, item: Node) {
        let Some((line, fields)) = self.fields_of("job", item) else {
            return;
        };
        let lines: Vec<_> = fields
            .iter()
            .map(|field| (field.name.clone(), field.line))
            .collect();
        let kept = |name: &str| KEPT_BY_STORE.contains(&name);
        let values = fields.into_iter().filter(|field| !kept(&field.name));
        let mut document: Document = values
            .map(|field| (field.name, field.node.into_value()))
            .collect();
        let group = document
            .entry("group")
            .or_insert_with(|| Value::from(DEFAULT_GROUP));
        let job = DeclaredJob {
            line,
            group: group.as_str().unwrap_or("?").to_owned(),
            document,
            lines,
        };
        self.declared.jobs.push(job);
    }
}

fn text_of(value: &Value) -> Result<&str, String> {
    value
        .as_str()
        .ok_or_else(|| format!("expected a text, got {value}; put it in quotes"))
}

fn read_quiet_hours(value: &Value) -> Result<String, String> {
    let text = text_of(value)?;
    // Their zone is the monitor's.
    match QuietHours::parse(text, "UTC") {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

//! What there is as a declaration, without what is the default: applied again it changes nothing.

use carillon_core::identity::GroupId;
use carillon_core::job::JobDraft;
use carillon_store::JobGroup;
use serde_json::{Map, Value};

use super::emitting::emit;
use super::plan::{calendar_document, group_document, job_document};
use super::reading::GroupText;
use super::standing::Standing;
use crate::jobs::document::blank;

/// What a job always says, in this order.
const FIRST: [&str; 5] = ["name", "group", "command", "schedule", "zone"];

/// The declaration of what stands, as YAML.
pub(crate) fn write(standing: &Standing) -> String {
    let groups = standing.job_groups();
    let default = group_document(&GroupText::default());
    let written_groups = standing.groups.iter().map(|(group, is)| {
        let mut fields = named(&group.name);
        put_rest(&mut fields, &group_document(is), &default);
        Value::Object(fields)
    });
    let calendars = standing.calendars.iter().map(|calendar| {
        let mut fields = named(calendar.draft.name.as_str());
        put_rest(
            &mut fields,
            &calendar_document(&calendar.draft),
            &Value::Null,
        );
        Value::Object(fields)
    });
    let mut order: Vec<_> = standing.jobs.values().collect();
    let place = |id: GroupId| groups.iter().position(|group| group.id == id);
    order.sort_by_cached_key(|job| (place(job.draft.group), job.draft.name.to_string()));
    let plain = job_document(&blank(GroupId(0)), &[]);
    let jobs = order
        .iter()
        .map(|job| write_job(standing, &job.draft, (&groups, &plain)));
    let parts: [(&str, Vec<Value>); 3] = [
        ("groups", written_groups.collect()),
        ("calendars", calendars.collect()),
        ("jobs", jobs.collect()),
    ];
    // One part after the other, since the fields of an object have an order of their own.
    let parts = parts.into_iter().map(|(name, items)| {
        let mut part = Map::new();
        part.insert(name.to_owned(), Value::Array(items));
        emit(&part)
    });
    parts.collect::<Vec<_>>().join("")
}

fn named(name: &str) -> Map<String, Value> {
    Map::from_iter([("name".to_owned(), Value::from(name))])
}

/// Adds the fields that are not as they are by default.
fn put_rest(fields: &mut Map<String, Value>, document: &Value, default: &Value) {
    let Some(document) = document.as_object() else {
        return;
    };
    for (name, value) in document {
        if !fields.contains_key(name) && default.get(name) != Some(value) {
            fields.insert(name.clone(), value.clone());
        }
    }
}

fn write_job(
    standing: &Standing,
    draft: &JobDraft,
    (groups, plain): (&[JobGroup], &Value),
) -> Value {
    let mut document = job_document(draft, groups);
    standing.unveil(draft, &mut document);
    let mut fields = Map::new();
    for name in FIRST {
        fields.insert(name.to_owned(), document[name].clone());
    }
    put_rest(&mut fields, &document, plain);
    Value::Object(fields)
}

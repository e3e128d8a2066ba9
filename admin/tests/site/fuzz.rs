//! The API against its own document: good and bad requests drawn from a seed. No answer is a fault of ours, none is
//! undocumented, and what is JSON is as its schema says.

use std::collections::BTreeMap;

use carillon_core::access::{Role, Scope};
use serde_json::{Map, Value, json};

use crate::support::{Answer, Browser, Site};

/// Requests for each operation.
const ROUNDS: usize = 60;

/// Numbers from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((value ^ (value >> 31)) % u64::try_from(sides).unwrap()).unwrap()
    }

    fn pick<'t, T: ?Sized>(&mut self, among: &[&'t T]) -> &'t T {
        among[self.roll(among.len())]
    }

    fn one_in(&mut self, chances: usize) -> bool {
        self.roll(chances) == 0
    }
}

const JUNK: [&str; 14] = [
    "",
    " ",
    "0",
    "-1",
    "99999999999999999999",
    "NaN",
    "null",
    "true",
    "钟\u{202e}",
    "a'b\"c;--",
    "<script>",
    "../../etc",
    "%00",
    "\u{1}",
];

fn junk(dice: &mut Dice) -> Value {
    match dice.roll(9) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => json!(i64::MAX),
        3 => json!(-1.5e300),
        4 => json!([]),
        5 => json!([{"a": [1]}, null]),
        6 => json!({"": {}}),
        7 => json!("x".repeat(70_000)),
        _ => json!(dice.pick(&JUNK)),
    }
}

/// Values that fields of that name may have.
fn good(name: &str, dice: &mut Dice) -> Value {
    let text = |dice: &mut Dice, among: &[&str]| json!(dice.pick(among));
    match name {
        "name" | "actor" | "object" => json!(format!("thing-{}", dice.roll(40))),
        "group" => text(dice, &["default", "ops", "1", "none"]),
        "schedule" => text(
            dice,
            &[
                "0 3 * * *",
                "@daily",
                "*/5 * * * * *",
                "H H * * *",
                "@every 90s",
                "@manual",
            ],
        ),
        "zone" => text(dice, &["UTC", "Europe/Berlin", "Asia/Shanghai"]),
        "dst" => text(dice, &["cron", "literal", "skip", "second"]),
        "command" => text(dice, &["true", "echo ok"]),
        "from" | "before" => text(
            dice,
            &["2026-01-01T00:00:00Z", "2026-07-01T00:00:00.5+02:00"],
        ),
        "state" => text(dice, &["offered", "running", "done", "open", "resolved"]),
        "outcome" => text(dice, &["succeeded", "failed", "trouble"]),
        "trigger" => text(dice, &["schedule", "manual"]),
        "stream" => text(dice, &["stdout", "stderr", "both"]),
        "text" => text(dice, &["12-25  Christmas\n", "# none\n", "Sat .. Sun\n"]),
        "calendar" => text(dice, &["holidays", ""]),
        "on_blackout" => text(dice, &["skip", "shift"]),
        "q" => text(
            dice,
            &["thing", "group:ops -enabled:no", "last:never", "\"a b\""],
        ),
        "list" => text(dice, &["jobs", "runs"]),
        "query" => text(dice, &["q=thing", "outcome=lost&after=x", "group=1"]),
        "audience" => text(dice, &["own", "everybody", "group"]),
        "password" => json!("three bells at noon"),
        "role" | "scope" => text(dice, &["viewer", "editor"]),
        "expires" => text(dice, &["1d", "90d"]),
        "enabled" | "deleted" | "prune" | "dry_run" => text(dice, &["true", "false"]),
        "version" => json!(1 + dice.roll(2)),
        "parameters" => json!({"day": "monday"}),
        "env" | "labels" => json!({"A": "b"}),
        "overlap" => text(dice, &["skip", "allow(3)", "queue(2)", "replace"]),
        "placement" => text(dice, &["one", "n(2)", "every_node"]),
        _ => json!(dice.roll(4)),
    }
}

struct Operation<'d> {
    method: String,
    path: String,
    described: &'d Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().unwrap();
    let of_path = |(path, methods): (&String, &'_ Value)| {
        let methods = methods.as_object().unwrap().keys().cloned();
        methods
            .map(|method| (path.clone(), method))
            .collect::<Vec<_>>()
    };
    let all = paths.iter().flat_map(of_path);
    let all = all.map(|(path, method)| Operation {
        described: &document["paths"][&path][&method],
        method: method.to_uppercase(),
        path,
    });
    let mut all: Vec<_> = all.collect();
    // What is deleted cannot be asked for any more, and what lives cannot be restored.
    all.sort_by_key(|operation| {
        (
            operation.path.ends_with("/restore"),
            operation.method == "DELETE",
        )
    });
    all
}

/// The address of one request: its parameters good, bad or left out.
fn address(operation: &Operation<'_>, ids: &[String], dice: &mut Dice) -> String {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let id = match dice.one_in(5) {
        true => encode(dice.pick(&JUNK)).replace('+', "%20"),
        false => ids[dice.roll(ids.len())].clone(),
    };
    let mut address = operation.path.replace("{id}", &id);
    let mut between = '?';
    for parameter in operation.described["parameters"].as_array().unwrap() {
        if parameter["in"] != "query" || dice.one_in(2) {
            continue;
        }
        let name = parameter["name"].as_str().unwrap();
        let value = match dice.one_in(4) {
            true => (*dice.pick(&JUNK)).to_owned(),
            false => match good(name, dice) {
                Value::String(text) => text,
                other => other.to_string(),
            },
        };
        address.push_str(&format!("{between}{name}={}", encode(&value)));
        between = '&';
    }
    address
}

/// The fields that documents of that address may have.
fn fields<'d>(document: &'d Value, operation: &Operation<'_>) -> Vec<&'d str> {
    let schemas = &document["components"]["schemas"];
    let nouns = [
        ("/jobs", "Job"),
        ("/groups", "Group"),
        ("/calendars", "Calendar"),
        ("/users", "User"),
        ("/tokens", "Token"),
    ];
    let noun = nouns.iter().find(|(part, _)| operation.path.contains(part));
    let known = noun.and_then(|(_, noun)| schemas[*noun]["properties"].as_object());
    let known = known
        .into_iter()
        .flat_map(|fields| fields.keys().map(String::as_str));
    let others: &[&str] = match operation.path.as_str() {
        path if path.ends_with("/run") => &["parameters", "idempotency_key"],
        path if path.ends_with("/users") => &["password"],
        path if path.ends_with("/command-channels") => &["job"],
        path if path.ends_with("/views") => &["list", "name", "query", "audience", "group"],
        _ => &["surprise"],
    };
    known.chain(others.iter().copied()).collect()
}

fn body(operation: &Operation<'_>, fields: &[&str], dice: &mut Dice) -> Vec<u8> {
    match dice.roll(12) {
        0 => return b"{".to_vec(),
        1 => return b"[]".to_vec(),
        2 => return vec![0xff, 0xfe],
        3 => return Vec::new(),
        _ => {}
    }
    let mut document = Map::new();
    let usual: &[&str] = match operation.method.as_str() {
        "PATCH" | "PUT" => &["version", "text"],
        _ => &[
            "name", "command", "schedule", "password", "job", "list", "query",
        ],
    };
    for name in usual {
        if fields.contains(name) && !dice.one_in(4) {
            document.insert((*name).to_owned(), good(name, dice));
        }
    }
    for _ in 0..dice.roll(5) {
        let name = *dice.pick(&fields.iter().collect::<Vec<_>>());
        let value = match dice.one_in(3) {
            true => junk(dice),
            false => good(name, dice),
        };
        document.insert(name.to_owned(), value);
    }
    Value::Object(document).to_string().into_bytes()
}

/// What in a value is not as its schema says.
fn mismatch(document: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).unwrap();
        return mismatch(document, schema, value, place);
    }
    let is_type = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other}"),
    };
    let fits = match &schema["type"] {
        Value::String(name) => is_type(name),
        Value::Array(names) => names.iter().any(|name| is_type(name.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        return Some(format!(
            "{place} is {value}, and is to be {}",
            schema["type"]
        ));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Some(format!("{place} is {value}, and is to be one of {words:?}"));
    }
    let required = schema["required"].as_array().into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if value.get(name).is_none() {
            return Some(format!("{place} lacks {name}"));
        }
    }
    if let (Some(fields), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        let inner = fields
            .iter()
            .filter_map(|(name, value)| Some((name, known.get(name)?, value)));
        let wrong = inner.map(|(name, schema, value)| {
            mismatch(document, schema, value, &format!("{place}.{name}"))
        });
        return wrong.flatten().next();
    }
    let items = value.as_array().into_iter().flatten();
    let schema = schema.get("items")?;
    items
        .filter_map(|item| mismatch(document, schema, item, &format!("{place}[]")))
        .next()
}

/// What is wrong with an answer.
fn judge(document: &Value, operation: &Operation<'_>, answer: &Answer) -> Option<String> {
    if answer.status >= 500 {
        return Some("a fault of ours".to_owned());
    }
    let Some(documented) = operation.described["responses"].get(answer.status.to_string()) else {
        return Some("not documented".to_owned());
    };
    let media_type = answer
        .header("content-type")
        .split(';')
        .next()
        .unwrap_or_default();
    let content = documented.get("content")?;
    let Some(described) = content.get(media_type) else {
        return Some(format!("{media_type:?} is not documented"));
    };
    let schema = described.get("schema")?;
    mismatch(document, schema, &answer.json(), "the body")
}

/// A site with some of everything, and what is in it by the noun of an address.
fn furnished() -> (Site, BTreeMap<&'static str, Vec<String>>) {
    let site = Site::owned();
    site.group("ops");
    site.person("victim", Role::Viewer, Scope::Everywhere);
    site.token("victim", None, None);
    let mut owner = site.program("owner");
    let jobs: Vec<i64> = (0..6)
        .map(|number| site.job(&format!("job {number}"), "default"))
        .collect();
    let holidays = json!({"text": "12-25\n"});
    owner.send_json("PUT", "/api/v1/calendars/holidays", &holidays);
    let run = owner.send_json("POST", &format!("/api/v1/jobs/{}/run", jobs[0]), &json!({}));
    for job in &jobs[4..] {
        owner.send_json("POST", "/api/v1/command-channels", &json!({ "job": job }));
    }
    for name in ["one", "two", "three"] {
        let view = json!({"list": "jobs", "name": name, "query": "q=a", "audience": "everybody"});
        owner.send_json("POST", "/api/v1/views", &view);
    }
    let (node, incident) = (
        site.node("web-1").to_string(),
        site.incident(jobs[0]).to_string(),
    );
    let texts = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let ids = BTreeMap::from([
        ("jobs", jobs.iter().map(ToString::to_string).collect()),
        ("runs", vec![run.json()["id"].as_str().unwrap().to_owned()]),
        ("groups", texts(&["1", "2", "9"])),
        ("calendars", texts(&["holidays", "1", "days"])),
        ("command-channels", texts(&["1", "2", "9"])),
        // Neither the owner nor his token, by whom all this is asked.
        ("users", texts(&["2", "9"])),
        ("tokens", texts(&["1", "9"])),
        ("nodes", vec![node, "9".to_owned()]),
        ("incidents", vec![incident, "9".to_owned()]),
        ("views", texts(&["1", "2", "3", "4", "5", "6"])),
    ]);
    (site, ids)
}

fn ask(api: &mut Browser, operation: &Operation<'_>, address: &str, body: &[u8]) -> Answer {
    let media_type = match operation.path.ends_with("/apply") {
        true => "application/yaml",
        false => "application/json",
    };
    let body = if matches!(operation.method.as_str(), "GET" | "DELETE") {
        b""
    } else {
        body
    };
    api.send(
        &operation.method,
        address,
        &[("content-type", media_type)],
        body,
    )
}

#[test]
fn no_request_gets_an_answer_that_is_not_in_the_document() {
    let (site, ids) = furnished();
    let mut api = site.program("owner");
    let document = api.get("/api/openapi.json").json();
    let mut dice = Dice(20_261_121);
    let (mut complaints, mut done) = (BTreeMap::new(), BTreeMap::new());
    for operation in operations(&document) {
        let noun = operation.path.split('/').nth(3).unwrap_or_default();
        let none = vec!["1".to_owned()];
        let ids = ids.get(noun).unwrap_or(&none);
        let fields = fields(&document, &operation);
        for _ in 0..ROUNDS {
            let (address, body) = (
                address(&operation, ids, &mut dice),
                body(&operation, &fields, &mut dice),
            );
            let answer = ask(&mut api, &operation, &address, &body);
            let name = format!("{} {}", operation.method, operation.path);
            if let Some(wrong) = judge(&document, &operation, &answer) {
                let body = String::from_utf8_lossy(&body)
                    .chars()
                    .take(300)
                    .collect::<String>();
                let told = answer.text().chars().take(300).collect::<String>();
                let story = format!("{address}\n  {body}\n  {}: {told}", answer.status);
                complaints
                    .entry(format!("{name}: {} {wrong}", answer.status))
                    .or_insert(story);
            }
            *done.entry(name).or_insert(0) += usize::from(answer.status < 300);
        }
    }

    let told: Vec<_> = complaints
        .iter()
        .map(|(what, story)| format!("{what}\n  {story}"))
        .collect();
    assert!(
        told.is_empty(),
        "{} complaints\n{}",
        told.len(),
        told.join("\n")
    );
    // Requests that are all refused would prove little.
    let never: Vec<_> = done
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| name)
        .collect();
    assert!(never.is_empty(), "never done: {never:?}");
}

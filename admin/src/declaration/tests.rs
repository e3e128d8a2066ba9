//! Files read, compared and written back.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::emitting::emit;
use super::plan::plan;
use super::text::parse;
use super::*;

fn value_of(text: &str) -> Value {
    parse(text)
        .unwrap()
        .map_or(Value::Null, |node| node.into_value())
}

fn mistakes_of(text: &str) -> Vec<String> {
    let planned = read(text).and_then(|read| plan(&read, &Standing::default(), Others::Keep));
    planned
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml = "a: &x {n: 1.5, t: yes, 'q': \"1\", u: 022}\nb: *x\nc: |\n  two\n  lines\nd: [~, true, -3]\n";
    let json = "{\n\t\"a\": {\"n\": 1.5, \"t\": \"yes\", \"q\": \"1\", \"u\": \"022\"},\n\t\"b\": {\"n\": 1.5, \"t\": \"yes\", \"q\": \"1\", \"u\": \"022\"},\n\t\"c\": \"two\\nlines\\n\", \"d\": [null, true, -3]}";

    assert_eq!(value_of(yaml), value_of(json));
    assert_eq!(value_of(yaml), serde_json::from_str::<Value>(json).unwrap());
}

#[test]
fn a_file_cannot_make_more_of_itself_than_there_may_be() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let again = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{again}]\n"));
    }
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));

    assert!(
        mistakes_of(&bomb)[0].contains("the limit")
            || mistakes_of(&bomb)[0].contains("more than 4000000 values")
    );
    assert!(mistakes_of(&deep)[0].contains("more than 16 deep"));
}

#[test]
fn a_mistake_names_its_line_field_value_and_limit() {
    let text = "groups:\n- name: ops\n  keep_runs: 0\n  colour: red\ncalendars:\n- name: holidays\n  zone: Europe/Belrin\n  text: |\n    99-99\n";
    let told = mistakes_of(text);

    assert_eq!(told.len(), 4, "{told:?}");
    assert!(
        told[0].starts_with("3: group: keep_runs: 0 is no limit; write a number from 1 to 100000"),
        "{told:?}"
    );
    assert!(told[1].starts_with("4: group: colour"), "{told:?}");
    assert!(
        told[2].starts_with("7: calendar holidays: zone"),
        "{told:?}"
    );
    assert!(
        told[3].starts_with("8: calendar holidays: text"),
        "{told:?}"
    );

    let jobs = "groups: [{name: ops}]\njobs:\n- name: a\n  group: ops\n  command: x\n  schedule: 61 * * * *\n  timeout_s: -1\n- name: a\n  group: ops\n  command: y\n  schedule: '@daily'\n  calendar: none\n- name: b\n  group: elsewhere\n";
    let told = mistakes_of(jobs);
    for begin in [
        "6: job ops/a: schedule",
        "7: job ops/a: timeout_s: -1 s is not between 0",
        "8: job ops/a: name: it is declared on line 3 already",
        "12: job ops/a: calendar: there is no calendar",
        "14: job elsewhere/b: group: there is no group \"elsewhere\"",
        "13: job elsewhere/b: command: a job needs a command",
    ] {
        assert!(
            told.iter().any(|one| one.starts_with(begin)),
            "{begin}: {told:#?}"
        );
    }
}

#[test]
fn what_is_no_declaration_is_said_so() {
    for (text, part) in [
        ("a: [", "this is no YAML"),
        (
            "3",
            "1: a declaration has groups, calendars and jobs; got 3",
        ),
        ("x: []", "1: a declaration has no \"x\""),
        ("jobs: 3", "1: jobs is a list"),
        ("jobs:\n- 3", "2: a job has fields"),
        (
            "jobs: []\njobs: []",
            "2: \"jobs\" is here for the second time",
        ),
        ("a: 1\n---\nb: 2", "a second document begins here"),
        ("jobs: !secret []", "the tag"),
        (
            "groups: [{name: a}, {name: a}]",
            "1: the group a is declared on line 1 already",
        ),
    ] {
        let told = mistakes_of(text);
        assert!(told[0].contains(part), "{text}: {told:?}");
    }
    assert!(
        plan(&read("").unwrap(), &Standing::default(), Others::Delete)
            .unwrap()
            .steps
            .is_empty()
    );
}

#[test]
fn text_that_people_write_stays_readable() {
    let fields = json!({"command": "pg_dump db\n  | gzip\n", "env": {"A": "1", "B": "no"}, "labels": {}, "nodes": ["a", "b c"], "schedule": "*/5 * * * *", "retry": {"on": ["failed"]}});

    assert_eq!(
        emit(fields.as_object().unwrap()),
        "command: |\n  pg_dump db\n    | gzip\nenv:\n  A: \"1\"\n  B: \"no\"\nlabels: {}\nnodes: [a, b c]\nretry:\n  \"on\": [failed]\nschedule: \"*/5 * * * *\"\n"
    );
}

fn values() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        any::<String>(),
        "[ a\n:#'\"|>&*!%@`0-9~{}\\[\\],.\t-]{0,12}",
        "[0-9eE+.x_-]{1,6}",
        "(a|\n| |\t|b ){0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        texts.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{1,6}", inner, 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(value in values()) {
        let fields = Map::from_iter([("x".to_owned(), value)]);
        let text = emit(&fields);
        prop_assert_eq!(value_of(&text), Value::Object(fields), "{}", text);
    }

    #[test]
    fn no_text_breaks_the_reader(text in ".{0,60}|[ \n:&*a\\-\\[\\]{}|>#?!'\"]{0,60}") {
        let _ = read(&text);
    }
}

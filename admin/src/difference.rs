//! How two documents differ, field by field, for conflict pages, versions and the audit log.

use serde_json::Value;

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) field: String,
    /// None when the field was not there, or empty.
    pub(crate) before: Option<String>,
    /// None when the field is gone, or empty.
    pub(crate) after: Option<String>,
}

/// The fields in which `after` differs from `before`, in the order of their names; objects are compared inside.
pub(crate) fn differences(before: &Value, after: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    collect("", Some(before), Some(after), &mut lines);
    lines
}

fn collect(path: &str, before: Option<&Value>, after: Option<&Value>, lines: &mut Vec<Line>) {
    if before == after {
        return;
    }
    let empty = serde_json::Map::new();
    let object = |value: Option<&Value>| {
        value.map_or(Some(empty.clone()), |value| value.as_object().cloned())
    };
    if let (Some(left), Some(right)) = (object(before), object(after))
        && (before.is_some() || after.is_some())
    {
        let keys: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
        for key in keys {
            let inner = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            collect(&inner, left.get(key), right.get(key), lines);
        }
        return;
    }
    let text = |value: Option<&Value>| match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let (before, after) = (text(before), text(after));
    if before != after {
        lines.push(Line {
            field: path.to_owned(),
            before,
            after,
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let before = json!({"name": "a", "retry": {"delay_s": 1, "on": ["failed"]}, "gone": 1, "same": null, "empty": ""});
        let after = json!({"name": "b", "retry": {"delay_s": 2, "on": ["failed"]}, "new": true, "same": null, "empty": null});
        let told: Vec<_> = differences(&before, &after)
            .into_iter()
            .map(|line| (line.field, line.before, line.after))
            .collect();
        let some = |text: &str| Some(text.to_owned());

        assert_eq!(
            told,
            [
                ("gone".to_owned(), some("1"), None),
                ("name".to_owned(), some("a"), some("b")),
                ("new".to_owned(), None, some("true")),
                ("retry.delay_s".to_owned(), some("1"), some("2")),
            ]
        );
    }
}

//! The table of keys as people read it: the annotated file and the page.

use std::fmt::Write;

use super::keys::{Form, KEYS};

/// The configuration file that changes nothing, with every key explained and commented out.
#[must_use]
pub fn default_file() -> String {
    let mut text = String::from(
        "# Carillon. Every key is also an environment variable, which wins: node.name is\n\
         # CARILLON_NODE__NAME. With _file added (url_file = \"/run/secrets/db\") a value is read\n\
         # from a file. Durations are written 10s, 5m, 1h.\n",
    );
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            // Writing to a String cannot fail.
            let _ = write!(text, "\n[{section}]\n");
        }
        for line in key.about.lines() {
            let _ = writeln!(text, "# {line}");
        }
        let shown = key
            .default
            .filter(|default| !default.is_empty())
            .unwrap_or(key.example);
        let _ = writeln!(
            text,
            "# {} = {}",
            key.short_name(),
            as_toml(key.form, shown)
        );
    }
    text
}

/// The page that documents every key, as Markdown.
#[must_use]
pub fn reference_page() -> String {
    let mut text = String::from(PAGE_OPENING);
    let mut section = "";
    for key in KEYS {
        if key.section() != section {
            section = key.section();
            let _ = write!(text, "\n## {section}\n");
        }
        let default = match key.default {
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
            None => "none".to_owned(),
        };
        let form = match key.form {
            Form::Text => "text",
            Form::List => "list",
            Form::Count => "whole number from 1",
            Form::Duration => "duration",
        };
        let secret = if key.is_secret {
            ", never shown in full"
        } else {
            ""
        };
        let about = key.about.replace('\n', " ");
        let _ = write!(text, "\n### {}\n\n{about}\n\n", key.name);
        let _ = writeln!(text, "* {form}{secret}; default: {default}");
        let _ = writeln!(text, "* `{}`", key.variable());
        let _ = writeln!(
            text,
            "* `{} = {}`",
            key.short_name(),
            as_toml(key.form, key.example)
        );
    }
    text
}

const PAGE_OPENING: &str = "# Configuration\n\n\
<!-- Made from the table of keys by `UPDATE_DOCS=1 cargo test -p carillon-lifecycle`; a test compares. -->\n\n\
Every program reads the same file, the first of: `--config FILE`, `$CARILLON_CONFIG`, `./carillon.toml`,\n\
`/etc/carillon/carillon.toml`; `carillon up` only one of the first two. Every key is also an environment variable, and the variable wins. Only names that begin with\n\
`CARILLON_` and hold two underscores are configuration.\n\n\
* Durations are a number and a unit, such as `250ms`, `10s`, `5m`, `1h30m`, `2d`.\n\
* A list is an array in the file (`[\"a\", \"b\"]`) and separated by commas in a variable (`a,b`).\n\
* With `_file` added to a key, or `_FILE` to a variable, the value is read from that file; meant for secrets.\n\
* An empty variable counts as absent. A key that does not exist is an error that names the nearest one.\n\
* `carillon.toml` belongs to the operator: keep it readable by Carillon's user alone when it holds passwords.\n";

fn as_toml(form: Form, value: &str) -> String {
    match form {
        Form::Count => value.to_owned(),
        Form::Text | Form::Duration => format!("\"{value}\""),
        Form::List => {
            let items: Vec<String> = value.split(',').map(|item| format!("\"{item}\"")).collect();
            format!("[{}]", items.join(", "))
        }
    }
}

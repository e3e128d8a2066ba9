//! What is told about configuration is what the table of keys says.

use std::path::Path;

use carillon_lifecycle::config::{default_file, reference_page};

/// Compares a file of the repository with what it is made from, or makes it.
fn expect_made_from_the_table(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, made).expect("the repository can be written");
    }

    let written = std::fs::read_to_string(&path).unwrap_or_default();

    assert_eq!(
        written, made,
        "{file}: run this test again with UPDATE_DOCS=1"
    );
}

#[test]
fn configuration_page_is_made_from_the_table() {
    expect_made_from_the_table("docs/CONFIGURATION.md", &reference_page());
}

#[test]
fn example_file_is_made_from_the_table() {
    expect_made_from_the_table("examples/carillon.toml", &default_file());
}

//! The page on configuration is what the table of keys says.

use std::path::Path;

use carillon_lifecycle::config::reference_page;

#[test]
fn configuration_page_is_made_from_the_table() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/CONFIGURATION.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, reference_page()).unwrap();
    }

    let written = std::fs::read_to_string(&page).unwrap_or_default();

    assert_eq!(
        written,
        reference_page(),
        "run this test again with UPDATE_DOCS=1"
    );
}

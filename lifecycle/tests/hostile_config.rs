//! Any file and any environment is a configuration or a list of what is wrong with it.

use carillon_lifecycle::config::{Config, KEYS};
use proptest::prelude::*;

/// Values of every form, and what is like them and is not.
const VALUES: &[&str] = &[
    r#""""#,
    r#""a""#,
    "0",
    "-1",
    "4294967296",
    "1.5",
    "true",
    "[]",
    r#"["a", "b"]"#,
    "[1]",
    "{}",
    r#""10s""#,
    r#""-3d""#,
    r#""99999999999999999999d""#,
    r#""mysql://u:p@h/d""#,
    r#""mysql://""#,
    r#""smtp://h:99999""#,
    r#""http://[::1""#,
    r#""/""#,
    r#""relative""#,
    r#""en""#,
    r#""127.0.0.1:70000""#,
    r#""\u0000""#,
    "2026-01-01",
];

fn line() -> impl Strategy<Value = String> {
    let known = || prop::sample::select(KEYS);
    let value = || prop::sample::select(VALUES);
    prop_oneof![
        8 => (known(), value()).prop_map(|(key, value)| format!("{} = {value}", key.name)),
        2 => (known(), value()).prop_map(|(key, value)| format!("{}_file = {value}", key.name)),
        1 => "\\[[a-z.]{0,10}\\]",
        1 => "[ -~]{0,30}",
        1 => any::<String>(),
    ]
}

fn variable() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        6 => prop::sample::select(KEYS).prop_map(|key| key.variable()),
        1 => "CARILLON_[A-Z_]{0,12}",
    ];
    let value = prop_oneof![
        prop::sample::select(VALUES).prop_map(str::to_owned),
        any::<String>(),
    ];
    (name, value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_configuration_is_read_or_every_fault_is_told(
        lines in prop::collection::vec(line(), 0..12),
        environment in prop::collection::vec(variable(), 0..4),
    ) {
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let file = folder.path().join("carillon.toml");
        std::fs::write(&file, lines.join("\n")).expect("the temporary folder can be written");

        if let Err(error) = Config::load_from(Some(&file), &environment) {
            prop_assert!(!error.problems.is_empty());
            prop_assert!(!error.to_string().trim().is_empty());
        }
    }
}

//! The rules, applied to this repository. How each one looks when it is broken is tested beside it.

use carillon_tidy::{House, arrows, documents, migrations, places, shape};

fn nothing_to_complain(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn packages_use_only_what_the_picture_shows() {
    nothing_to_complain(arrows::forbidden_arrows(&arrows::packages()));
}

#[test]
fn libraries_are_known_only_where_they_belong() {
    nothing_to_complain(arrows::forbidden_libraries(&arrows::packages()));
}

#[test]
fn clocks_processes_unsafe_code_and_environment_are_where_architecture_says() {
    nothing_to_complain(places::misplaced(&House::read()));
}

#[test]
fn core_is_told_the_time() {
    nothing_to_complain(places::time_in_pure_code(&House::read()));
}

#[test]
fn sql_is_in_the_store() {
    nothing_to_complain(places::stray_sql(&House::read()));
}

#[test]
fn files_are_short() {
    nothing_to_complain(shape::long_files(&House::read()));
}

#[test]
fn names_say_something() {
    nothing_to_complain(shape::empty_names(&House::read()));
}

#[test]
fn modules_say_what_they_are_responsible_for() {
    nothing_to_complain(shape::silent_modules(&House::read()));
}

#[test]
fn nobody_opts_out_of_the_lints() {
    nothing_to_complain(shape::escaped_lints(&House::read()));
}

#[test]
fn versions_are_in_the_root_manifest() {
    nothing_to_complain(shape::local_versions(&House::read()));
}

#[test]
fn migrations_say_which_older_programs_they_leave_at_work() {
    nothing_to_complain(migrations::untold_levels(&House::read()));
}

#[test]
fn migrations_come_for_both_databases() {
    nothing_to_complain(migrations::one_sided_migrations(&House::read()));
}

#[test]
fn links_in_documents_lead_somewhere() {
    nothing_to_complain(documents::dead_links(&House::read()));
}

#[test]
fn files_named_in_documents_exist() {
    nothing_to_complain(documents::dead_file_names(&House::read()));
}

#[test]
fn no_file_names_the_machine_it_was_written_on() {
    nothing_to_complain(documents::traces_of_a_machine(&House::read()));
}

#[test]
fn operators_are_told_of_every_supervisor_file() {
    nothing_to_complain(documents::untold_supervisor_files(&House::read()));
}

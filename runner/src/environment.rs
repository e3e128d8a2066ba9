//! The environment of a command: clean, then the job's own variables, then Carillon's. Nothing of the runner's own is inherited.

use carillon_core::launch::StartFailure;

use crate::account::Account;

/// Where programs are looked for when the job does not say.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What Carillon says of a run begins so.
const OWN_PREFIX: &str = "CARILLON_";

/// Variables by which a loader or an interpreter is made to run other code than the command names.
const REFUSED: &[&str] = &[
    "BASH_ENV",
    "BASHOPTS",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "IFS",
    "LOCPATH",
    "NODE_OPTIONS",
    "PERL5DB",
    "PERL5OPT",
    "PS4",
    "PYTHONBREAKPOINT",
    "PYTHONHOME",
    "PYTHONINSPECT",
    "PYTHONSTARTUP",
    "RUBYOPT",
    "SHELLOPTS",
];
const REFUSED_PREFIXES: &[(&str, &str)] = &[
    ("LD_", "makes the loader run other code"),
    ("BASH_FUNC_", "replaces commands of the shell"),
    (OWN_PREFIX, "is reserved for what Carillon says of the run"),
];

/// The environment as `NAME=value`, each name once.
///
/// # Errors
/// When a variable of the job is malformed or refused.
pub(crate) fn build_environment(
    account: &Account,
    job: &[(String, String)],
    given: &[(String, String)],
    token: &str,
) -> Result<Vec<(String, String)>, StartFailure> {
    job.iter().try_for_each(|(name, _)| check_name(name))?;
    // Whoever may run a job and not edit it reaches this list with parameters.
    let foreign = given.iter().find(|(name, _)| !name.starts_with(OWN_PREFIX));
    if let Some((name, _)) = foreign {
        return Err(refuse(
            name,
            "does not come from the job and is none of Carillon's own",
        ));
    }
    let base = [
        ("PATH", PATH),
        ("HOME", &account.home),
        ("USER", &account.name),
        ("LOGNAME", &account.name),
        (
            "SHELL",
            if account.shell.is_empty() {
                "/bin/sh"
            } else {
                &account.shell
            },
        ),
        ("LANG", "C.UTF-8"),
    ];
    let borrowed = |pair: &(String, String)| (pair.0.clone(), pair.1.clone());
    let mut variables: Vec<(String, String)> = Vec::with_capacity(7 + job.len() + given.len());
    let all = base
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .chain(job.iter().chain(given).map(borrowed))
        .chain([("CARILLON_TOKEN".to_owned(), token.to_owned())]);
    for (name, value) in all {
        if value.contains('\0') || !is_name(&name) {
            return Err(refuse(
                &name,
                "holds a character that no environment can hold",
            ));
        }
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => variables.push((name, value)),
        }
    }
    Ok(variables)
}

fn check_name(name: &str) -> Result<(), StartFailure> {
    if !is_name(name) {
        return Err(refuse(name, "is no name of a variable"));
    }
    if REFUSED.contains(&name) {
        return Err(refuse(
            name,
            "makes interpreters run other code than the command",
        ));
    }
    match REFUSED_PREFIXES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix))
    {
        Some((_, reason)) => Err(refuse(name, reason)),
        None => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

fn refuse(name: &str, reason: &str) -> StartFailure {
    StartFailure::Environment {
        name: name.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            name: "eve".to_owned(),
            uid: 1,
            gid: 1,
            groups: vec![1],
            home: "/home/eve".to_owned(),
            shell: String::new(),
        }
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn later_variables_replace_earlier_ones() {
        let job = [pair("PATH", "/opt/bin"), pair("A", "1"), pair("A", "2")];
        let given = [
            pair("CARILLON_NODE", "n1"),
            pair("CARILLON_TOKEN", "forged"),
        ];

        let found = build_environment(&account(), &job, &given, "t").unwrap();

        assert_eq!(
            found,
            [
                pair("PATH", "/opt/bin"),
                pair("HOME", "/home/eve"),
                pair("USER", "eve"),
                pair("LOGNAME", "eve"),
                pair("SHELL", "/bin/sh"),
                pair("LANG", "C.UTF-8"),
                pair("A", "2"),
                pair("CARILLON_NODE", "n1"),
                pair("CARILLON_TOKEN", "t"),
            ]
        );
    }

    #[test]
    fn parameters_can_pass_for_no_variable_of_the_job() {
        let given = [pair("CARILLON_PARAM_day", "monday"), pair("PATH", "/tmp")];

        let refused = build_environment(&account(), &[], &given, "t");

        assert!(
            matches!(&refused, Err(StartFailure::Environment { name, .. }) if name == "PATH"),
            "{refused:?}"
        );
        assert!(build_environment(&account(), &[], &given[..1], "t").is_ok());
    }

    #[test]
    fn dangerous_and_malformed_variables_are_refused_by_name() {
        for name in [
            "LD_PRELOAD",
            "LD_X",
            "BASH_ENV",
            "ENV",
            "IFS",
            "CARILLON_RUN_ID",
            "",
            "A=B",
            "A\0",
        ] {
            let refused = build_environment(&account(), &[pair(name, "x")], &[], "t");
            assert!(
                matches!(&refused, Err(StartFailure::Environment { name: said, .. }) if said == name),
                "{name:?} gave {refused:?}"
            );
        }
        assert!(build_environment(&account(), &[pair("A", "nul\0")], &[], "t").is_err());
    }
}

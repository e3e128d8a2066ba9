//! The environment of a command: clean, then the job's own variables and secrets, then Carillon's. Nothing of the runner's own is inherited.

use std::ffi::CString;
use std::fmt;

use carillon_core::launch::StartFailure;

use crate::account::Account;
use crate::secret::Secret;

/// Where programs are looked for when the job does not say.
pub(crate) const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What Carillon says of a run begins so.
const OWN_PREFIX: &str = "CARILLON_";

/// The trace that a command belongs to (W3C Trace Context).
const OWN_TRACEPARENT: &str = "CARILLON_TRACEPARENT";

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

/// The variables of a command as `NAME=value`, each name once. What they hold is not shown, not even to who debugs: some of it is secret.
pub(crate) struct Environment(Vec<CString>);

impl Environment {
    /// What the process is given.
    pub(crate) fn words(&self) -> &[CString] {
        &self.0
    }

    /// The value of a variable, if there is one.
    pub(crate) fn of(&self, name: &str) -> Option<&[u8]> {
        let mut pairs = self.0.iter().map(split);
        let found = pairs.find(|(known, _)| *known == name.as_bytes());
        found.map(|(_, value)| value)
    }

    /// A later variable replaces an earlier one of the same name.
    fn set(&mut self, name: &str, value: &[u8]) -> Result<(), StartFailure> {
        let unfit = || refuse(name, "holds a character that no environment can hold");
        if !is_name(name) {
            return Err(unfit());
        }
        let word = [name.as_bytes(), b"=", value].concat();
        let word = CString::new(word).map_err(|_| unfit())?;
        let is_same = |known: &&mut CString| split(known).0 == name.as_bytes();
        match self.0.iter_mut().find(is_same) {
            Some(known) => *known = word,
            None => self.0.push(word),
        }
        Ok(())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|word| split(word).0);
        f.debug_list()
            .entries(names.map(String::from_utf8_lossy))
            .finish()
    }
}

/// What a job brings along.
#[derive(Clone, Copy)]
pub(crate) struct JobVariables<'a> {
    pub(crate) env: &'a [(String, String)],
    pub(crate) secrets: &'a [Secret],
}

/// The environment of a command.
///
/// # Errors
/// When a variable of the job is malformed or refused.
pub(crate) fn build_environment(
    account: &Account,
    job: JobVariables<'_>,
    given: &[(String, String)],
    token: &str,
) -> Result<Environment, StartFailure> {
    let named = job.env.iter().map(|(name, _)| name);
    let mut named = named.chain(job.secrets.iter().map(|secret| &secret.variable));
    named.try_for_each(|name| check_name(name))?;
    // Whoever may run a job and not edit it reaches this list with parameters.
    let foreign = given.iter().find(|(name, _)| !name.starts_with(OWN_PREFIX));
    if let Some((name, _)) = foreign {
        return Err(refuse(
            name,
            "does not come from the job and is none of Carillon's own",
        ));
    }
    let shell = match account.shell.as_str() {
        "" => "/bin/sh",
        shell => shell,
    };
    let base = [
        ("PATH", PATH),
        ("HOME", &account.home),
        ("USER", &account.name),
        ("LOGNAME", &account.name),
        ("SHELL", shell),
        ("LANG", "C.UTF-8"),
    ];
    let mut environment = Environment(Vec::with_capacity(8 + job.env.len() + given.len()));
    for (name, value) in base {
        environment.set(name, value.as_bytes())?;
    }
    // Where programs look for it; a job may have one of its own.
    if let Some((_, value)) = given.iter().find(|(name, _)| name == OWN_TRACEPARENT) {
        environment.set("TRACEPARENT", value.as_bytes())?;
    }
    for (name, value) in job.env {
        environment.set(name, value.as_bytes())?;
    }
    for Secret { variable, value } in job.secrets {
        environment.set(variable, value)?;
    }
    for (name, value) in given {
        environment.set(name, value.as_bytes())?;
    }
    environment.set("CARILLON_TOKEN", token.as_bytes())?;
    Ok(environment)
}

fn split(word: &CString) -> (&[u8], &[u8]) {
    let word = word.as_bytes();
    let at = word.iter().position(|byte| *byte == b'=');
    at.map_or((word, &[]), |at| (&word[..at], &word[at + 1..]))
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

    fn job<'a>(env: &'a [(String, String)], secrets: &'a [Secret]) -> JobVariables<'a> {
        JobVariables { env, secrets }
    }

    #[test]
    fn later_variables_replace_earlier_ones() {
        let env = [pair("PATH", "/opt/bin"), pair("A", "1"), pair("A", "2")];
        let secrets = [Secret {
            variable: "A".to_owned(),
            value: b"3\xff".to_vec(),
        }];
        let given = [
            pair("CARILLON_NODE", "n1"),
            pair("CARILLON_TOKEN", "forged"),
        ];

        let found = build_environment(&account(), job(&env, &secrets), &given, "t").unwrap();

        let words: Vec<_> = found.words().iter().map(|word| word.as_bytes()).collect();
        let expected: [&[u8]; 9] = [
            b"PATH=/opt/bin",
            b"HOME=/home/eve",
            b"USER=eve",
            b"LOGNAME=eve",
            b"SHELL=/bin/sh",
            b"LANG=C.UTF-8",
            b"A=3\xff",
            b"CARILLON_NODE=n1",
            b"CARILLON_TOKEN=t",
        ];
        assert_eq!(words, expected);
        assert_eq!(found.of("PATH"), Some(&b"/opt/bin"[..]));
        assert_eq!(found.of("PAT"), None);
    }

    #[test]
    fn command_finds_its_trace_where_programs_look_for_it() {
        let given = [pair("CARILLON_TRACEPARENT", "00-ab-cd-01")];
        let own = [pair("TRACEPARENT", "mine")];

        let found = build_environment(&account(), job(&[], &[]), &given, "t").unwrap();
        assert_eq!(found.of("TRACEPARENT"), Some(&b"00-ab-cd-01"[..]));
        let found = build_environment(&account(), job(&own, &[]), &given, "t").unwrap();
        assert_eq!(found.of("TRACEPARENT"), Some(&b"mine"[..]));
    }

    #[test]
    fn parameters_can_pass_for_no_variable_of_the_job() {
        let given = [pair("CARILLON_PARAM_day", "monday"), pair("PATH", "/tmp")];

        let refused = build_environment(&account(), job(&[], &[]), &given, "t");

        assert!(
            matches!(&refused, Err(StartFailure::Environment { name, .. }) if name == "PATH"),
            "{refused:?}"
        );
        assert!(build_environment(&account(), job(&[], &[]), &given[..1], "t").is_ok());
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
            let env = [pair(name, "x")];
            let secrets = [Secret {
                variable: name.to_owned(),
                value: b"x".to_vec(),
            }];
            for job in [job(&env, &[]), job(&[], &secrets)] {
                let refused = build_environment(&account(), job, &[], "t");
                assert!(
                    matches!(&refused, Err(StartFailure::Environment { name: said, .. }) if said == name),
                    "{name:?} gave {refused:?}"
                );
            }
        }
        assert!(build_environment(&account(), job(&[pair("A", "nul\0")], &[]), &[], "t").is_err());
    }

    #[test]
    fn what_a_variable_holds_is_not_shown() {
        let secrets = [Secret {
            variable: "DB_PASSWORD".to_owned(),
            value: b"hunter2".to_vec(),
        }];

        let built = build_environment(&account(), job(&[], &secrets), &[], "t").unwrap();

        let shown = format!("{secrets:?} {built:?}");
        assert!(
            shown.contains("DB_PASSWORD") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}

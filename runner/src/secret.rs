//! Values that a node keeps in files, for variables of jobs: which of them a user may have, and reading them.
//!
//! A file is given to commands of the user that it belongs to, and to nobody else's. So the runner, also where it is root, gives nobody what he could not read
//! without it. No message says a value.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use carillon_core::launch::StartFailure;
use carillon_core::secret_name::SecretName;
use rustix::fs::{Mode, OFlags};

use crate::account::Account;

/// Bytes of a secret at most.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// The rights of others than the owner.
const OTHERS: u32 = 0o077;

/// A variable and what a file of this node says it holds.
pub(crate) struct Secret {
    pub(crate) variable: String,
    pub(crate) value: Vec<u8>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.variable).finish()
    }
}

/// Reads what a job wants, for the user that it runs as.
///
/// # Errors
/// When the user may not have one of them, or it cannot be a variable's value.
pub(crate) fn read_secrets(
    wanted: &[(String, SecretName)],
    dir: &Path,
    account: &Account,
) -> Result<Vec<Secret>, StartFailure> {
    let read = |(variable, name): &(String, SecretName)| {
        let path = dir.join(name.as_str());
        let value = read_secret(&path, account).map_err(|reason| StartFailure::Secret {
            variable: variable.clone(),
            path: path.display().to_string(),
            reason,
        })?;
        let variable = variable.clone();
        Ok(Secret { variable, value })
    };
    wanted.iter().map(read).collect()
}

/// The value, or what is wrong with the file and the cure.
fn read_secret(path: &Path, account: &Account) -> Result<Vec<u8>, String> {
    let file = open_file(path).map_err(explain)?;
    // What was opened is judged, not what the path means by then.
    let found = file.metadata().map_err(explain)?;
    if !found.is_file() {
        return Err("is no regular file; put one in its place".to_owned());
    }
    if found.uid() != account.uid {
        return Err(format!(
            "belongs to user {} and the job runs as {:?} (user {}); run chown on it, or let the job run as its owner",
            found.uid(),
            account.name,
            account.uid
        ));
    }
    if found.mode() & OTHERS != 0 {
        return Err("is open to others than its owner; run chmod 600 on it".to_owned());
    }
    let mut value = Vec::new();
    let read = file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut value);
    read.map_err(explain)?;
    if value.len() as u64 > SECRET_BYTES_MAX {
        return Err(format!(
            "has more than {SECRET_BYTES_MAX} bytes, the limit of a secret; shorten it"
        ));
    }
    if value.last() == Some(&b'\n') {
        value.pop();
    }
    match value.contains(&0) {
        true => Err("holds a zero byte, which no variable can hold; write it as text".to_owned()),
        false => Ok(value),
    }
}

/// Opens the file itself: no link is followed, and nothing waits for the other end of a pipe.
fn open_file(path: &Path) -> io::Result<File> {
    let flags =
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

fn explain(error: io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOENT) => {
            "is not there; write the value into that file on this node, or change runner.secrets_dir"
                .to_owned()
        }
        Some(libc::ELOOP) => "is a symbolic link; put the file itself in its place".to_owned(),
        _ => format!("cannot be read by the runner ({error}); check the rights of its folder"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::account::account_of;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn write(&self, name: &str, value: &[u8], mode: u32) {
            let path = self.0.path().join(name);
            std::fs::write(&path, value).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        }

        fn read(&self, name: &str, account: &Account) -> Result<Vec<u8>, String> {
            let wanted = [("V".to_owned(), name.parse().unwrap())];
            let path = self.0.path().join(name).display().to_string();
            match read_secrets(&wanted, self.0.path(), account) {
                Ok(mut secrets) => Ok(secrets.remove(0).value),
                Err(StartFailure::Secret {
                    variable,
                    path: said,
                    reason,
                }) => {
                    assert_eq!((variable.as_str(), &said), ("V", &path));
                    Err(reason)
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    fn me() -> Account {
        account_of(rustix::process::geteuid().as_raw())
    }

    #[test]
    fn owner_gets_the_value_without_its_last_newline() {
        let folder = Folder::new();
        folder.write("plain", b"hunter2", 0o600);
        folder.write("line", b"two\nlines\n\n", 0o400);
        folder.write("bytes", b"\xff\n", 0o600);
        folder.write("empty", b"", 0o600);
        folder.write("full", &[b'x'; 64 * 1024], 0o600);

        assert_eq!(folder.read("plain", &me()).unwrap(), b"hunter2");
        assert_eq!(folder.read("line", &me()).unwrap(), b"two\nlines\n");
        assert_eq!(folder.read("bytes", &me()).unwrap(), b"\xff");
        assert_eq!(folder.read("empty", &me()).unwrap(), b"");
        assert_eq!(folder.read("full", &me()).unwrap().len(), 64 * 1024);
    }

    #[test]
    fn nobody_gets_what_belongs_to_another_user() {
        let folder = Folder::new();
        folder.write("mine", b"hunter2", 0o600);
        let mut other = me();
        other.uid += 1;
        "eve".clone_into(&mut other.name);

        let reason = folder.read("mine", &other).unwrap_err();

        assert!(
            reason.contains("belongs to user") && reason.contains("\"eve\""),
            "{reason}"
        );
    }

    #[test]
    fn file_that_others_may_read_or_write_is_refused() {
        let folder = Folder::new();
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610] {
            folder.write("open", b"hunter2", mode);

            let reason = folder.read("open", &me()).unwrap_err();

            assert!(reason.contains("chmod 600"), "{mode:o}: {reason}");
        }
    }

    #[test]
    fn what_is_no_plain_file_of_a_secrets_size_is_refused() {
        let folder = Folder::new();
        folder.write("target", b"hunter2", 0o600);
        symlink("target", folder.0.path().join("link")).unwrap();
        std::fs::create_dir(folder.0.path().join("folder")).unwrap();
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.0.path().join("pipe"),
            fifo,
            Mode::RUSR | Mode::WUSR,
            0,
        )
        .unwrap();
        folder.write("long", &[b'x'; 64 * 1024 + 1], 0o600);
        folder.write("zero", b"hun\0ter2", 0o600);

        for (name, expected) in [
            ("absent", "is not there"),
            ("link", "symbolic link"),
            ("folder", "no regular file"),
            ("pipe", "no regular file"),
            ("long", "65536"),
            ("zero", "zero byte"),
        ] {
            let reason = folder.read(name, &me()).unwrap_err();
            assert!(reason.contains(expected), "{name}: {reason}");
            assert!(!reason.contains("hun"), "{name}: {reason}");
        }
    }
}

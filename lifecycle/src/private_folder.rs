//! Folders that hold what only their owner may read: a database, a journal, sockets.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Makes a folder, and those above it that are not there, for its owner alone. One that is there stays as it is.
///
/// # Errors
/// When it cannot be made, or a file is there.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    if path.exists() && !path.is_dir() {
        let what = "there is a file of that name";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn new_folder_is_for_its_owner_and_an_old_one_stays_as_it_is() {
        let root = std::env::temp_dir().join(format!("carillon-private-{}", std::process::id()));
        let (old, new, file) = (root.join("old"), root.join("new/er"), root.join("file"));
        std::fs::create_dir_all(&old).unwrap();
        std::fs::set_permissions(&old, PermissionsExt::from_mode(0o750)).unwrap();
        std::fs::write(&file, "").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;

        make_private_folder(&old).unwrap();
        make_private_folder(&new).unwrap();
        let refusal = make_private_folder(&file).unwrap_err();

        assert_eq!((mode(&old), mode(&new)), (0o750, 0o700));
        assert_eq!(refusal.to_string(), "there is a file of that name");
        std::fs::remove_dir_all(root).unwrap();
    }
}

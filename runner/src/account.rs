//! Users of the host, looked up before a command starts. Calls into the C library, which may ask a directory service.
#![expect(unsafe_code, reason = "the C library's account functions")]

use std::ffi::{CStr, CString, c_char};
use std::io;

/// Bytes for one record at first; the library asks for more where a record is longer.
const RECORD_BYTES: usize = 4096;
/// Bytes for one record at most.
const RECORD_BYTES_MAX: usize = 1024 * 1024;
/// Groups of one user at most.
const GROUPS_MAX: usize = 65_536;

/// A user with everything a process needs to become it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// Finds a user by name; none if there is none.
///
/// # Errors
/// When the accounts cannot be read.
pub(crate) fn find_account(name: &str) -> io::Result<Option<Account>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    // SAFETY: getpwnam_r writes only into the record and buffer it is given, of the length it is told.
    find(|record, buffer, found| unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            record,
            buffer.as_mut_ptr(),
            buffer.len(),
            found,
        )
    })
}

/// The user of this number; one without a name is called by it, and has the group of that number.
pub(crate) fn account_of(uid: u32) -> Account {
    // SAFETY: as above.
    let found = find(|record, buffer, found| unsafe {
        libc::getpwuid_r(uid, record, buffer.as_mut_ptr(), buffer.len(), found)
    });
    found.ok().flatten().unwrap_or_else(|| Account {
        name: uid.to_string(),
        uid,
        gid: uid,
        groups: Vec::new(),
        home: "/".to_owned(),
        shell: "/bin/sh".to_owned(),
    })
}

fn find(
    ask: impl Fn(*mut libc::passwd, &mut [c_char], *mut *mut libc::passwd) -> i32,
) -> io::Result<Option<Account>> {
    let mut buffer = vec![0; RECORD_BYTES];
    loop {
        // SAFETY: a passwd of zeros is a valid value: numbers and null pointers.
        let mut record: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        match ask(&mut record, &mut buffer, &mut found) {
            0 if found.is_null() => return Ok(None),
            0 => return read_record(&record).map(Some),
            libc::ERANGE if buffer.len() < RECORD_BYTES_MAX => buffer.resize(buffer.len() * 4, 0),
            // Some libraries say so when there is no such user.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            errno => return Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

fn read_record(record: &libc::passwd) -> io::Result<Account> {
    // SAFETY: the library filled the record, whose texts lie in the caller's living buffer.
    let text = |text: *const c_char| match text.is_null() {
        true => String::new(),
        false => unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned(),
    };
    Ok(Account {
        name: text(record.pw_name),
        uid: record.pw_uid,
        gid: record.pw_gid,
        groups: find_groups(record.pw_name, record.pw_gid)?,
        home: text(record.pw_dir),
        shell: text(record.pw_shell),
    })
}

fn find_groups(name: *const c_char, gid: u32) -> io::Result<Vec<u32>> {
    let mut groups = vec![0; 32];
    loop {
        let mut count = groups.len() as i32;
        // SAFETY: getgrouplist writes at most `count` numbers into `groups`; the name is a C string.
        let result = unsafe { libc::getgrouplist(name, gid, groups.as_mut_ptr(), &mut count) };
        if result >= 0 {
            groups.truncate(count as usize);
            return Ok(groups);
        }
        if groups.len() >= GROUPS_MAX {
            return Err(io::Error::other("the user is in more than 65536 groups"));
        }
        groups.resize((count as usize).max(groups.len() * 2), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_and_nobody_else_by_that_name() {
        let root = find_account("root").unwrap().unwrap();

        assert_eq!((root.uid, root.gid, root.name.as_str()), (0, 0, "root"));
        assert!(root.groups.contains(&0));
        assert_eq!(find_account("no such user").unwrap(), None);
        assert_eq!(find_account("nul\0byte").unwrap(), None);
    }
}

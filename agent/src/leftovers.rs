//! Memory that a crowd of jobs or runs took for a moment goes back to the system.
//!
//! The allocator keeps what is freed in the middle of its heap. An agent that has read a thousand jobs would hold three
//! times what it needs for good, and one that has had a burst of runs even more.

#![cfg_attr(
    target_env = "gnu",
    expect(
        unsafe_code,
        reason = "the C library's allocator is asked to give back"
    )
)]

/// So many jobs read or runs ended are worth a walk through the heap.
const WORTH: usize = 500;

/// How much has come and gone since the last walk.
#[derive(Debug, Default)]
pub(crate) struct Leftovers(usize);

impl Leftovers {
    /// So many jobs have been read, or runs have ended.
    pub(crate) fn add(&mut self, count: usize) {
        self.0 = self.0.saturating_add(count);
    }

    /// Gives free pages back to the system, where that is worth it.
    pub(crate) fn give_back(&mut self) {
        if self.0 >= WORTH {
            self.0 = 0;
            trim();
        }
    }
}

#[cfg(target_env = "gnu")]
fn trim() {
    // SAFETY: malloc_trim(3) takes its own locks and touches only what is free.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators have no such call, or need none.
#[cfg(not(target_env = "gnu"))]
fn trim() {}

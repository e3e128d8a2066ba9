//! What happened, told line by line, and what was wrong with it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::time::{DAWN, Micros, SECOND};

/// Shared by everything in one world.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    inner: Rc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    now: Cell<Micros>,
    is_told: Cell<bool>,
    lines: RefCell<Vec<String>>,
    broken: RefCell<Vec<String>>,
}

impl Story {
    /// A story that is kept, for a reader.
    pub(crate) fn told() -> Self {
        let story = Story::default();
        story.inner.is_told.set(true);
        story
    }

    pub(crate) fn set_now(&self, now: Micros) {
        self.inner.now.set(now);
    }

    /// Adds a line; `line` is not even made when nobody reads.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        if self.inner.is_told.get() {
            self.push(&line());
        }
    }

    /// A law is broken.
    pub(crate) fn break_law(&self, law: &str, how: String) {
        let how = format!("{law}: {how}");
        if self.inner.is_told.get() {
            self.push(&format!("BROKEN {how}"));
        }
        self.inner.broken.borrow_mut().push(how);
    }

    pub(crate) fn is_broken(&self) -> bool {
        !self.inner.broken.borrow().is_empty()
    }

    pub(crate) fn take_broken(&self) -> Vec<String> {
        self.inner.broken.take()
    }

    pub(crate) fn take_lines(&self) -> Vec<String> {
        self.inner.lines.take()
    }

    fn push(&self, line: &str) {
        let since = (self.inner.now.get() - DAWN) as f64 / SECOND as f64;
        self.inner
            .lines
            .borrow_mut()
            .push(format!("{since:9.4}  {line}"));
    }
}

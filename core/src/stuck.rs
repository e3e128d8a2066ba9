//! Where a run may stay for ever: the steps that take a moment when all is well.

crate::words! {
    /// A step that a run does not get beyond.
    StuckStep, "step" {
        /// A node has claimed it and does not start its command.
        Starting = "starting",
        /// It waits, and what it waited for is over.
        Waiting = "waiting",
        /// Its command was to be ended and lives on.
        Ending = "ending",
    }
}

//! Planted bugs: each takes one ingredient out of the protocol. A simulation that misses one proves nothing.

carillon_core::words! {
    /// What is left out.
    Bug, "bug" {
        /// The tick lock is taken for the claim.
        RedisOnly = "redis_only",
        /// Whether a claim was won is told from the rows it met, not from the token read back.
        Rowcount = "rowcount",
        /// A new agent hands back what its node had claimed, without asking the journal.
        NoJournal = "no_journal",
        /// Runs of a silent node are called missed.
        ReaperMissed = "reaper_missed",
        /// Nobody looks for absent ticks.
        NoAudit = "no_audit",
        /// Nobody looks for runs of silent nodes.
        NoReaper = "no_reaper",
        /// A claim does not compare the version of the job.
        VersionUnchecked = "version_unchecked",
        /// A claim does not compare the fire time with the store's clock.
        EarlyUnchecked = "early_unchecked",
        /// A node hands back what its scheduler still asks for.
        HastyReconcile = "hasty_reconcile",
        /// The audit takes a record that stands for many ticks for one.
        StretchUnseen = "stretch_unseen",
        /// The audit judges by the jobs it happens to know.
        StaleJobs = "stale_jobs",
        /// A report is applied without comparing tokens.
        TokenUnchecked = "token_unchecked",
        /// A claim does not count the runs that live.
        OverlapUnchecked = "overlap_unchecked",
        /// A claim counts the runs of its own job and not of those that share its key.
        KeyUnchecked = "key_unchecked",
        /// A node may have two seats of one tick.
        SeatsUnchecked = "seats_unchecked",
        /// A runner starts orders of an agent that has been replaced.
        UnfencedOrders = "unfenced_orders",
        /// Results are given to the store once and not again.
        ReportOnce = "report_once",
    }
}

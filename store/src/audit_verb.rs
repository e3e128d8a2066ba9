//! What can be done that the audit log tells of.

carillon_core::words! {
    /// What was done. The words are in logs that outlive this program: they are added to and never changed.
    AuditVerb, "verb of the audit log" {
        /// A job was made.
        CreateJob = "create job",
        /// A job was edited.
        EditJob = "edit job",
        /// Its schedule fires.
        EnableJob = "enable job",
        /// Its schedule does not fire.
        DisableJob = "disable job",
        /// A job was deleted.
        DeleteJob = "delete job",
        /// A deleted job is back.
        RestoreJob = "restore job",
        /// Jobs of a crontab were made.
        ImportJobs = "import jobs",
        /// A job was edited as its line in a crontab was.
        ImportJobAgain = "import job again",
        /// A run was asked for by hand.
        RunJob = "run job",
        /// A run is to end.
        KillRun = "kill run",
        /// A calendar was made.
        CreateCalendar = "create calendar",
        /// A calendar was edited.
        EditCalendar = "edit calendar",
        /// A calendar was deleted.
        DeleteCalendar = "delete calendar",
        /// A job took over the rules of its edited calendar.
        FollowCalendar = "follow calendar",
        /// A group was made.
        CreateGroup = "create group",
        /// A group was edited.
        EditGroup = "edit group",
        /// A group keeps runs for another time.
        LimitGroup = "set what group keeps",
        /// Mail about the group's jobs goes elsewhere.
        SetGroupMail = "set mail of group",
        /// A node is to do something.
        AskNode = "ask node",
        /// A node was drained, made active or retired.
        SetNodeDuty = "set duty of node",
        /// An account was made.
        CreateUser = "create user",
        /// An account has other roles.
        SetGrants = "set grants",
        /// Nobody signs in with the account.
        LockUser = "lock user",
        /// The account is usable again.
        UnlockUser = "unlock user",
        /// An account has another password.
        SetPassword = "set password",
        /// Signing in needs a code, too.
        TurnOnSecondStep = "turn on second step",
        /// Signing in needs a password alone.
        TurnOffSecondStep = "turn off second step",
        /// Somebody signed in.
        SignIn = "sign in",
        /// Somebody who is signed in has proved it again.
        ProveIdentity = "prove identity",
        /// Somebody who is signed in could not prove it again.
        FailToProveIdentity = "fail to prove identity",
        /// A token of the API was made.
        CreateToken = "create token",
        /// A token of the API works no more.
        RevokeToken = "revoke token",
        /// Others see a view.
        ShareView = "share view",
        /// A shared view was removed.
        RemoveView = "remove view",
        /// Somebody looks after an incident.
        AcknowledgeIncident = "acknowledge incident",
        /// Incidents are not told for a while.
        Mute = "mute",
        /// They are told again.
        EndMute = "end mute",
        /// Incidents start a job.
        LetIncidentsStart = "let incidents start job",
        /// Incidents start it no more.
        LetIncidentsStartNoMore = "let incidents start job no more",
        /// The store was filled from a backup.
        RestoreBackup = "restore backup",
    }
}

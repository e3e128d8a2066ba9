//! Taking over what an earlier runner left: commands that still live are watched again, the others' ends are recorded as far as they are known.

use std::os::fd::OwnedFd;

use carillon_core::token::Token;

use crate::attempt::{Attempt, Exit, Running, State};
use crate::capture::Capture;
use crate::clock::moment;
use crate::commit::After;
use crate::pipe::reopen_output;
use crate::process_table::{ProcessTable, is_process_of};
use crate::record::{Entry, Ledger, Process, Record};
use crate::runner::Runner;
use crate::tree::hold_process;

impl Runner {
    /// Makes the ledger's entries attempts of this life.
    pub(crate) fn recover(&mut self, ledger: Ledger) {
        let host_boot = ledger.host_boot;
        let is_open = |entry: &Entry| entry.outcome.is_none() && entry.host_boot == host_boot;
        // Looked at once for all: it finds commands whose number the last runner did not live to write down.
        let table = match ledger.entries.values().any(is_open) {
            true => ProcessTable::read(),
            false => ProcessTable::default(),
        };
        for (token, entry) in ledger.entries {
            let process = match is_open(&entry) {
                true => find_process(token, &entry, &table),
                false => None,
            };
            self.take_over(token, entry, process);
        }
    }

    fn take_over(&mut self, token: Token, entry: Entry, living: Option<Process>) {
        let position = entry
            .position
            .map_or((0, [0, 0]), |found| (found.next_seq, found.offsets));
        let capture = Capture::resume(entry.facts.output, position.0, position.1);
        let state = match (entry.outcome, entry.process.or(living)) {
            (Some(outcome), _) => State::Settled {
                outcome,
                is_durable: true,
            },
            (None, None) => State::StartUnknown,
            // The state is replaced below by the living or the vanished command.
            (None, Some(_)) => State::StartUnknown,
        };
        let is_open = matches!(state, State::StartUnknown);
        let number = self.add(Attempt::new(token, entry.facts, state, capture));
        if entry.process.is_none()
            && let Some(process) = living
        {
            self.commit
                .submit(Record::Pid { token, process }, After::Nothing);
        }
        match (
            is_open,
            living.and_then(|process| adopt(token, process)),
            entry.process.or(living),
        ) {
            (true, Some(running), _) => self.watch(number, running),
            (true, None, Some(process)) => self.record_vanished(number, process),
            _ => {}
        }
    }

    /// The command ran, and ended while no runner was there to see how.
    fn record_vanished(&mut self, number: u64, process: Process) {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        let exit = Exit {
            exit: None,
            at: moment(),
            cpu_us: None,
            memory_bytes: None,
            exceeded_memory: self.groups.exceeded_memory(attempt.token),
        };
        self.live += 1;
        attempt.state = State::Running(Box::new(Running::vanished(process, exit)));
        self.begin_keeping(number);
        self.begin_aftermath(number);
        self.settle_if_over(number);
    }
}

/// The process of an attempt, if it lives: the one written down, or the one that bears the mark.
fn find_process(token: Token, entry: &Entry, table: &ProcessTable) -> Option<Process> {
    if let Some(process) = entry.process {
        return hold(token, process).map(|_| process);
    }
    let found = table.main_of(token)?;
    let inode = |fd: u32| {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(format!("/proc/{}/fd/{fd}", found.pid)).map_or(0, |file| file.ino())
    };
    Some(Process {
        pid: found.pid,
        // Later than the truth by the time that no runner lived.
        at: moment(),
        pipes: [inode(1), inode(2)],
    })
}

fn hold(token: Token, process: Process) -> Option<OwnedFd> {
    hold_process(process.pid, || {
        is_process_of(process.pid, token, process.at.boottime_ns)
    })
}

fn adopt(token: Token, process: Process) -> Option<Running> {
    let pidfd = hold(token, process)?;
    let [out, err] = process.pipes;
    let pipes = [(1, out), (2, err)].map(|(fd, inode)| reopen_output(process.pid, fd, inode));
    Some(Running {
        adopted: true,
        ..Running::new(process, pidfd, pipes)
    })
}

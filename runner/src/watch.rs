//! Watching commands: their start, their output, their end.

use std::os::fd::AsFd;

use carillon_core::launch::{ProcessExit, Stream};

use crate::attempt::{Attempt, Cause, Exit, Keeping, Kill, Running, State};
use crate::clock::{MS, boottime_ns, moment};
use crate::commit::After;
use crate::mailbox::Handles;
use crate::poller::Key;
use crate::protocol::Report;
use crate::reap::{Reaped, read_exit_record, reap_child};
use crate::record::{Outcome, Process, Record};
use crate::runner::Runner;

/// Bytes that one read takes.
pub(crate) const READ_BYTES: usize = 64 * 1024;
/// Reads of one pipe before others have their turn.
const READS_PER_TURN: usize = 4;
/// Reads of one pipe when its writer has ended: all that the pipe can hold, but not what others go on writing.
const READS_AT_END: usize = 32;
/// Bytes of output in memory of all attempts; beyond it output is counted and not kept.
const OUTPUT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How long the end of a process that is no child may take to be recorded by its parent.
const RECORD_NS: i64 = 500 * MS;

impl Runner {
    /// A command was started.
    pub(crate) fn begin_watch(&mut self, number: u64, process: Process, handles: Handles) {
        let Handles { pidfd, pipes } = handles;
        self.watch(number, Running::new(process, pidfd, pipes.map(Some)));
    }

    /// Watches a command that runs.
    pub(crate) fn watch(&mut self, number: u64, running: Running) {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        let watched = running
            .pidfd
            .iter()
            .map(|pidfd| (pidfd, Key::Process(number)));
        let pipes = running.pipes.iter().enumerate();
        let pipes =
            pipes.filter_map(|(stream, pipe)| Some((pipe.as_ref()?, Key::Pipe(number, stream))));
        for (fd, key) in watched.chain(pipes) {
            if let Err(error) = self.poller.add(fd, key) {
                tracing::error!(
                    "a command cannot be watched: {error}; raise the runner's open files"
                );
            }
        }
        let report = Report::Started {
            token: attempt.token,
            pid: running.process.pid,
            at: running.process.at,
        };
        self.live += usize::from(!attempt.is_live());
        let before = std::mem::replace(&mut attempt.state, State::Running(Box::new(running)));
        let next_look = attempt.next_look();
        self.tell(&report);
        if let Some(at) = next_look {
            self.timers.add(at, number);
        }
        self.begin_keeping(number);
        if let State::Ordered {
            kill: Some(wish), ..
        } = before
        {
            self.end_tree(number, wish);
        }
    }

    /// Reads what a stream has, in turns.
    pub(crate) fn read_pipe(&mut self, number: u64, stream: usize) {
        if self.read_output(number, stream, READS_PER_TURN) {
            self.settle_if_over(number);
        }
    }

    /// True if nobody can write to the stream any more.
    fn read_output(&mut self, number: u64, stream: usize, turns: usize) -> bool {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return false;
        };
        let State::Running(running) = &mut attempt.state else {
            return false;
        };
        let Some(pipe) = &running.pipes[stream] else {
            return false;
        };
        let now = boottime_ns();
        let name = [Stream::Stdout, Stream::Stderr][stream];
        let mut is_over = false;
        for _ in 0..turns {
            match rustix::io::read(pipe, &mut self.scratch) {
                Ok(0) => {
                    is_over = true;
                    break;
                }
                Ok(length) => {
                    running.last_output_ns = now;
                    if attempt.keeping.is_some() {
                        self.keeper.write(number, stream, &self.scratch[..length]);
                    }
                    let before = attempt.capture.in_memory();
                    match self.output_bytes < OUTPUT_BYTES_MAX {
                        true => attempt.capture.push(name, &self.scratch[..length], now),
                        false => attempt.capture.skip(name, length as u64),
                    }
                    self.output_bytes = self.output_bytes - before + attempt.capture.in_memory();
                    if length < self.scratch.len() {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        if is_over {
            running.pipes[stream] = None;
        }
        if attempt.capture.has_unshipped() {
            self.gather(number, now);
        }
        is_over
    }

    /// The main process of an attempt has ended.
    pub(crate) fn see_exit(&mut self, number: u64) {
        let Some(running) = self
            .attempts
            .get_mut(&number)
            .and_then(|attempt| attempt.running())
        else {
            return;
        };
        let Some(pidfd) = &running.pidfd else { return };
        let reaped = match running.adopted {
            false => match reap_child(pidfd.as_fd()) {
                Some(reaped) => Some(reaped),
                None => return,
            },
            true => match read_exit_record(pidfd.as_fd()) {
                Some(exit) => Some(Reaped {
                    exit,
                    cpu_us: None,
                    memory_bytes: None,
                }),
                None => return self.await_exit_record(number),
            },
        };
        self.record_exit(number, reaped);
    }

    /// Asks again until the process was reaped by whoever is its parent now, or long enough.
    fn await_exit_record(&mut self, number: u64) {
        let Some(running) = self
            .attempts
            .get_mut(&number)
            .and_then(|attempt| attempt.running())
        else {
            return;
        };
        let now = boottime_ns();
        let until = *running.exit_record_until_ns.get_or_insert(now + RECORD_NS);
        if now >= until {
            return self.record_exit(number, None);
        }
        // The descriptor stays readable, so it is taken out of the poller and looked at by the clock.
        if let Some(pidfd) = &running.pidfd {
            self.poller.remove(pidfd);
        }
        self.timers.add(now + 10 * MS, number);
    }

    fn record_exit(&mut self, number: u64, reaped: Option<Reaped>) {
        let at = moment();
        let exceeded_memory = self.exceeded_memory(number, reaped);
        let Some(running) = self
            .attempts
            .get_mut(&number)
            .and_then(|attempt| attempt.running())
        else {
            return;
        };
        running.pidfd = None;
        running.exit = Some(Exit {
            exit: reaped.map(|reaped| reaped.exit),
            at,
            cpu_us: reaped.and_then(|reaped| reaped.cpu_us),
            memory_bytes: reaped.and_then(|reaped| reaped.memory_bytes),
            exceeded_memory,
        });
        for stream in 0..2 {
            self.read_output(number, stream, READS_AT_END);
        }
        self.begin_aftermath(number);
        self.settle_if_over(number);
    }

    /// The limit that the attempt was killed for, if it was.
    fn exceeded_memory(&self, number: u64, reaped: Option<Reaped>) -> Option<u64> {
        let may_be = match reaped?.exit {
            ProcessExit::Signal { signal, .. } => signal == libc::SIGKILL,
            ProcessExit::Code { .. } => false,
        };
        let attempt = self.attempts.get(&number).filter(|_| may_be)?;
        self.groups.exceeded_memory(attempt.token)
    }

    /// Looks whether something is to be done about an attempt at this instant.
    pub(crate) fn look_at(&mut self, number: u64, now: i64) {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return;
        };
        if let Some(Keeping::Finishing { .. }) = attempt.keeping {
            return self.settle_end(number);
        }
        let State::Running(running) = &attempt.state else {
            return;
        };
        if running.exit.is_none() && running.exit_record_until_ns.is_some() {
            return self.see_exit(number);
        }
        if running.sweep.is_some() {
            return self.continue_sweep(number, now);
        }
        match attempt.passed_timeout(now) {
            Some(which) => {
                let grace_ms = attempt.facts.kill_grace_ms;
                self.end_tree(
                    number,
                    Kill {
                        cause: Cause::Timeout(which),
                        grace_ms,
                    },
                );
            }
            None => {
                if let Some(at) = attempt.next_look() {
                    self.timers.add(at, number);
                }
            }
        }
    }

    /// Makes the end of an attempt known to the journal and then to the agent, when the files of its output are complete.
    pub(crate) fn settle_end(&mut self, number: u64) {
        let has_ended = |attempt: &Attempt| attempt.end().is_some();
        if !self.attempts.get(&number).is_some_and(has_ended) || !self.has_kept(number) {
            return;
        }
        let Some(attempt) = self.attempts.get(&number) else {
            return;
        };
        let Some(end) = attempt.end() else { return };
        let end = Box::new(end);
        let record = Record::End {
            token: attempt.token,
            end: end.clone(),
        };
        let token = attempt.token;
        self.settle(number, Outcome::Ended(end), false);
        self.commit.submit(record, After::Report(number));
        if !self.groups.remove(token) {
            self.lingering.push(token);
        }
    }

    /// Removes groups that the last process has left since.
    pub(crate) fn remove_lingering(&mut self) {
        let groups = &self.groups;
        self.lingering.retain(|token| !groups.remove(*token));
    }
}

//! Control groups: what they hold, that they limit, kill and vanish; and that a node without them says so.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use carillon_core::launch::{Ending, LaunchSpec, Leftovers, Limits};
use carillon_runner::protocol::KillStep;
use carillon_testbed::wait_until;

use crate::delegation::Delegation;
use crate::rig::{PATIENCE, Rig, is_alive, spec};

/// A descendant of which neither session, environment nor parents tell whose it is. It says its number first.
const HIDDEN: &str = "(setsid env -i /bin/sh -c 'echo $$; exec >/dev/null 2>&1 sleep 300' &)";

fn spoken_pid(text: &str) -> u32 {
    text.lines().next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn node_without_delegation_tells_which_limits_do_not_hold() {
    let rig = Rig::new().await;
    let limits = Limits {
        cpu_percent: Some(50),
        memory_bytes: Some(1 << 30),
        pids: Some(5),
        ..Limits::default()
    };

    let containment = &rig.hello.containment;

    if containment.groups {
        println!("skipped, the tests themselves run in a delegated group");
        return;
    }
    assert_eq!(containment.unenforced(&limits), ["cpu_percent"]);
    assert!(containment.why_not.is_some());
    assert!(
        containment
            .to_string()
            .contains("cpu limits are NOT ENFORCED")
    );
}

#[tokio::test]
async fn command_is_born_in_a_group_of_its_own_that_vanishes_with_it() {
    let Some((mut rig, delegation)) = Delegation::rig().await else {
        return;
    };

    let token = rig.start(spec("cat /proc/self/cgroup; exit 3")).await;
    let seen = rig.ended(token).await;

    let stdout = seen.stdout();
    let group = stdout.lines().find(|line| line.starts_with("0::")).unwrap();
    assert!(group.ends_with(&token.to_string()), "{group}");
    assert_eq!(seen.end.unwrap().ending, Ending::Exited { code: 3 });
    assert!(delegation.groups().is_empty(), "{:?}", delegation.groups());
}

#[tokio::test]
async fn start_that_fails_or_never_comes_leaves_no_group() {
    let Some((mut rig, delegation)) = Delegation::rig().await else {
        return;
    };

    rig.refuse(spec("no-such-program")).await;
    let late = rig.start_at(spec("true"), 0, 1).await;
    rig.not_started(late).await;

    assert!(delegation.groups().is_empty(), "{:?}", delegation.groups());
}

#[tokio::test]
async fn descendant_that_hides_is_found_by_its_group() {
    let Some((mut rig, _delegation)) = Delegation::rig().await else {
        return;
    };

    let seen = rig.run(spec(&format!("{HIDDEN}; sleep 0.3"))).await;

    assert_eq!(seen.end.clone().unwrap().leftovers, 1);
    assert!(!is_alive(spoken_pid(&seen.stdout())), "it lives");
}

#[tokio::test]
async fn descendant_that_hides_is_found_by_the_next_runner() {
    let Some((mut rig, delegation)) = Delegation::rig().await else {
        return;
    };
    let token = rig.start(spec(&format!("{HIDDEN}; sleep 300"))).await;
    let seen = rig.until_said(token, "\n").await;

    rig.kill_runner().await;
    rig.reconnect().await;
    rig.kill(token).await;
    rig.ended(token).await;

    assert!(!is_alive(spoken_pid(&seen.stdout())), "it lives");
    assert!(delegation.groups().is_empty(), "{:?}", delegation.groups());
}

#[tokio::test]
async fn chain_that_forks_faster_than_it_can_be_signalled_is_ended() {
    let Some((mut rig, delegation)) = Delegation::rig().await else {
        return;
    };
    let chain = rig.path().join("chain");
    fs::write(&chain, "#!/bin/sh\ntrap '' TERM\n\"$0\" &\nexit 4\n").unwrap();
    fs::set_permissions(&chain, Permissions::from_mode(0o755)).unwrap();

    let seen = rig
        .run(spec(&format!("exec env -i {}", chain.display())))
        .await;

    assert_eq!(seen.end.unwrap().ending, Ending::Exited { code: 4 });
    let steps: Vec<_> = seen.steps.iter().map(|step| step.0).collect();
    assert_eq!(steps, [KillStep::Term, KillStep::Kill]);
    assert!(delegation.groups().is_empty(), "{:?}", delegation.groups());
}

#[tokio::test]
async fn group_of_what_is_left_alone_goes_when_that_has_gone() {
    let Some((mut rig, delegation)) = Delegation::rig().await else {
        return;
    };
    let job = LaunchSpec {
        leftovers: Leftovers::Leave,
        ..spec(&format!("{HIDDEN}; sleep 0.3"))
    };

    let seen = rig.run(job).await;
    let pid = spoken_pid(&seen.stdout());
    assert!(is_alive(pid));
    assert_eq!(delegation.groups().len(), 1);
    fs::write(delegation.groups()[0].join("cgroup.kill"), "1").unwrap();

    // Groups are looked after while commands live, and by the next runner.
    rig.start(spec("sleep 60")).await;
    let is_gone = || (delegation.groups().len() == 1).then_some(());
    wait_until("the group to be removed", PATIENCE, is_gone);
}

#[tokio::test]
async fn group_left_by_a_killed_runner_is_removed_by_the_next() {
    let Some((mut rig, delegation)) = Delegation::rig().await else {
        return;
    };
    let token = rig.start(spec("sleep 300")).await;
    rig.started(token).await;
    // The end of a later command stands in the journal behind the process of this one.
    rig.run(spec("true")).await;
    rig.kill_runner().await;
    fs::write(delegation.groups()[0].join("cgroup.kill"), "1").unwrap();

    rig.reconnect().await;
    let end = rig.ended(token).await.end.unwrap();

    assert_eq!(end.ending, Ending::Interrupted);
    assert!(delegation.groups().is_empty(), "{:?}", delegation.groups());
}

#[tokio::test]
async fn memory_of_the_whole_tree_is_limited_and_its_excess_is_told() {
    let Some((mut rig, _delegation)) = Delegation::rig().await else {
        return;
    };
    if !rig.hello.containment.memory {
        return println!("skipped: {}", rig.hello.containment);
    }
    let job = |command: &str| LaunchSpec {
        limits: Limits {
            memory_bytes: Some(64 << 20),
            ..Limits::default()
        },
        ..spec(command)
    };

    let greedy = rig
        .run(job("(head -c 200000000 /dev/zero | tail) & wait; exit 0"))
        .await;
    let modest = rig
        .run(job("head -c 2000000 /dev/zero | tail | wc -c"))
        .await;
    let suicide = rig.run(job("kill -9 $$")).await;

    let limit_bytes = 64 << 20;
    assert_eq!(
        greedy.end.unwrap().ending,
        Ending::OutOfMemory { limit_bytes }
    );
    assert_eq!(modest.end.unwrap().ending, Ending::Exited { code: 0 });
    let signal = Ending::Signaled {
        signal: 9,
        core_dumped: false,
    };
    assert_eq!(suicide.end.unwrap().ending, signal);
}

#[tokio::test]
async fn processes_of_the_whole_tree_are_limited() {
    let Some((mut rig, _delegation)) = Delegation::rig().await else {
        return;
    };
    if !rig.hello.containment.pids {
        return println!("skipped: {}", rig.hello.containment);
    }
    let job = LaunchSpec {
        limits: Limits {
            pids: Some(20),
            ..Limits::default()
        },
        timeout_ms: Some(2000),
        kill_grace_ms: 100,
        ..spec("bomb() { bomb | bomb & bomb; }; bomb")
    };

    let token = rig.start(job).await;
    rig.started(token).await;
    let fine = rig.run(spec("echo fine")).await;
    rig.ended(token).await;

    assert_eq!(fine.stdout(), "fine\n");
    assert_eq!(crate::rig::processes_of(token), [0_u32; 0]);
}

/// Root has no limit of processes but that of a group.
#[tokio::test]
async fn processes_of_the_whole_tree_are_limited_by_groups_of_version_one() {
    let mut rig = Rig::new().await;
    let containment = rig.hello.containment.clone();
    if containment.groups || !containment.pids {
        return println!("skipped: {containment}");
    }
    let job = LaunchSpec {
        limits: Limits {
            pids: Some(20),
            ..Limits::default()
        },
        timeout_ms: Some(5000),
        kill_grace_ms: 100,
        // It does not give up when it can fork no more, and what it forks leaves the session and closes the pipes.
        ..spec(
            "grep pids: /proc/self/cgroup; trap '' TERM; \
             while :; do (setsid sleep 60 >&- 2>&- &) 2>/dev/null || :; read -t 0.01 x < /dev/zero; done",
        )
    };
    let job = LaunchSpec {
        shell: Some("/bin/bash".to_owned()),
        ..job
    };

    let token = rig.start(job).await;
    let said = rig.until_said(token, &token.to_string()).await.stdout();
    let group = said.trim_end().rsplit(':').next().unwrap();
    let dir = std::path::Path::new("/sys/fs/cgroup/pids").join(group.trim_start_matches('/'));
    let read = |file: &str| fs::read_to_string(dir.join(file)).unwrap();
    wait_until("the limit to be met", PATIENCE, || {
        (read("pids.events").trim() != "max 0").then_some(())
    });
    let living: u32 = read("pids.current").trim().parse().unwrap();
    let fine = rig.run(spec("cat /proc/self/cgroup")).await;
    rig.ended(token).await;

    assert!((2..=20).contains(&living), "{living} live");
    assert!(
        !fine.stdout().contains("carillon-"),
        "it asked for no limit"
    );
    assert_eq!(crate::rig::processes_of(token), [0_u32; 0]);
    assert!(!dir.exists(), "{} is left", dir.display());
}

#[tokio::test]
async fn processor_share_of_the_whole_tree_is_limited() {
    let Some((mut rig, delegation)) = Delegation::rig().await else {
        return;
    };
    if !rig.hello.containment.cpu {
        return println!("skipped: {}", rig.hello.containment);
    }
    let job = LaunchSpec {
        limits: Limits {
            cpu_percent: Some(20),
            ..Limits::default()
        },
        ..spec("while :; do :; done")
    };

    let token = rig.start(job).await;
    rig.started(token).await;
    let group = &delegation.groups()[0];

    let quota = fs::read_to_string(group.join("cpu.max")).unwrap();
    assert_eq!(quota, "20000 100000\n");
    let throttled = || {
        let text = fs::read_to_string(group.join("cpu.stat")).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("nr_throttled "))?;
        (line != "nr_throttled 0").then_some(())
    };
    wait_until("the command to be held back", PATIENCE, throttled);
}

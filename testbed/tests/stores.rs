//! The servers can be started, broken and brought back, and nobody is left behind.

use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use carillon_testbed::{
    MariaDb, MariaDbOptions, Process, Redis, RedisOptions, leashed, mariadb_database, wait_until,
};

const SOON: Duration = Duration::from_secs(60);

#[test]
fn mariadb_keeps_port_and_data_across_a_crash() {
    let mut server = MariaDb::start().unwrap();
    let database = server.create_database().unwrap();
    database
        .query("create table t (a int); insert into t values (7)")
        .unwrap();

    server.kill();
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
    server.restart().unwrap();

    assert_eq!(database.query("select a from t").unwrap(), "7\n");
}

#[test]
fn mariadb_takes_further_options() {
    let options = MariaDbOptions {
        extra: vec!["--read-only".to_owned()],
        ..MariaDbOptions::default()
    };

    let server = MariaDb::start_with(options).unwrap();

    assert_eq!(server.query("select @@read_only").unwrap(), "1\n");
}

#[test]
fn mariadb_that_cannot_start_says_why() {
    let options = MariaDbOptions {
        extra: vec!["--no-such-option".to_owned()],
        ..MariaDbOptions::default()
    };

    let error = MariaDb::start_with(options).unwrap_err().to_string();

    assert!(error.contains("no-such-option"), "{error}");
}

#[test]
fn paused_mariadb_answers_nothing_until_it_is_resumed() {
    let mut server = MariaDb::start().unwrap();
    let stat = format!("/proc/{}/stat", server.process().pid());

    server.pause();

    wait_until("the server to be stopped", SOON, || {
        std::fs::read_to_string(&stat)
            .unwrap()
            .contains(") T ")
            .then_some(())
    });
    server.resume();
    assert_eq!(server.query("select 1").unwrap(), "1\n");
}

#[test]
fn shared_databases_are_apart() {
    let one = mariadb_database().unwrap();
    let two = mariadb_database().unwrap();

    one.query("create table t (a int)").unwrap();

    assert!(two.query("select * from t").is_err());
}

#[test]
fn mysql9_is_shared_where_there_is_one() {
    let Some(database) = carillon_testbed::mysql9_database().unwrap() else {
        return;
    };

    assert!(
        database
            .query("select version()")
            .unwrap()
            .starts_with("9.")
    );
}

#[test]
fn redis_loses_its_keys_when_it_crashes_and_keeps_its_port() {
    let mut redis = Redis::start().unwrap();
    redis.command(&["SET", "a", "1"]).unwrap();

    redis.kill();
    redis.restart().unwrap();

    assert_eq!(redis.command(&["EXISTS", "a"]).unwrap(), ":0");
}

#[test]
fn redis_flush_forgets_every_key() {
    let redis = Redis::start().unwrap();
    redis.command(&["SET", "a", "1"]).unwrap();

    redis.flush().unwrap();

    assert_eq!(redis.command(&["EXISTS", "a"]).unwrap(), ":0");
}

#[test]
fn redis_with_a_password_refuses_strangers() {
    let password = Some("sesame".to_owned());
    let redis = Redis::start_with(RedisOptions {
        password,
        extra: Vec::new(),
    })
    .unwrap();

    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    std::io::Write::write_all(&mut stream, b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    std::io::Read::read_exact(&mut stream, &mut answer).unwrap();

    assert_eq!(&answer, b"-NOAUTH");
    assert_eq!(redis.command(&["PING"]).unwrap(), "+PONG");
}

#[test]
fn services_end_with_the_process_that_started_them_even_when_it_is_killed() {
    let folder = carillon_testbed::Folder::create().unwrap();
    let pid_file = folder.join("pid");
    let mut command = leashed(std::env::current_exe().unwrap());
    command.args(["--exact", "starts_redis_and_waits", "--ignored"]);
    command
        .env("PID_FILE", &pid_file)
        .env_remove("NEXTEST_RUN_ID");
    let mut other = Process::start("the test", command, &folder.join("log")).unwrap();
    let pid = wait_until("the other test's redis", SOON, || {
        std::fs::read_to_string(&pid_file)
            .ok()
            .filter(|pid| !pid.is_empty())
    });

    other.kill();

    wait_until("redis to end", SOON, || {
        (!Path::new("/proc").join(&pid).exists()).then_some(())
    });
}

#[test]
fn detached_process_ends_with_the_folder_it_works_in() {
    let folder = carillon_testbed::Folder::create().unwrap();
    let pid_file = folder.join("pid");
    let script = format!(
        "setsid sh -c 'cd {}; echo $$ > pid; exec sleep 600' &",
        folder.path().display()
    );
    std::process::Command::new("sh")
        .args(["-c", &script])
        .status()
        .unwrap();
    let pid = wait_until("the detached process", SOON, || {
        std::fs::read_to_string(&pid_file)
            .ok()
            .filter(|pid| pid.ends_with('\n'))
    });

    drop(folder);

    let process = Path::new("/proc").join(pid.trim());
    wait_until("it to end", SOON, || {
        (!process.join("exe").is_symlink()).then_some(())
    });
}

#[test]
#[ignore = "a part of the test above, which runs and kills it"]
fn starts_redis_and_waits() {
    let Ok(file) = std::env::var("PID_FILE") else {
        return;
    };
    // Started from a thread that ends at once: the leash must not be tied to it.
    let start = || (Redis::start().unwrap(), rustix::thread::gettid());
    let (mut redis, thread) = std::thread::spawn(start).join().unwrap();
    let task = format!("/proc/self/task/{}", thread.as_raw_nonzero());
    wait_until("the thread to end", SOON, || {
        (!Path::new(&task).exists()).then_some(())
    });
    redis.command(&["PING"]).unwrap();
    std::fs::write(file, redis.process().pid().to_string()).unwrap();
    loop {
        std::thread::park();
    }
}

//! Jobs of SWC arrive by the query that MIGRATING names.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use carillon_testbed::{Folder, mariadb_database, program};
use serde_json::{Value, json};

/// What the query reads of SWC's tables, and jobs of each kind.
const SWC: &str = r#"
create table category (id int unsigned primary key, name varchar(30), status tinyint);
create table agents (id int unsigned primary key, name varchar(30), ip varchar(50), port smallint unsigned, status tinyint);
create table user (id int unsigned primary key, username varchar(50), email varchar(255));
create table via_table (id bigint primary key auto_increment, aid int unsigned, bid int unsigned, type tinyint);
create table crontab (
    id int unsigned primary key, cid int unsigned, name varchar(64), `desc` varchar(255), rule varchar(600),
    concurrency tinyint unsigned, command varchar(512), max_process_time int unsigned, timeout_opt tinyint, log_opt tinyint,
    retries tinyint unsigned, retry_interval int unsigned, status tinyint, run_user varchar(255), notice_way tinyint unsigned,
    create_time int unsigned, update_time int unsigned);
insert into category values (1, 'shop', 1), (2, 'unused', 1);
insert into agents values (1, 'web-1', '10.0.0.1', 8901, 1), (2, 'web-2', '10.0.0.2', 8901, 1);
insert into user values (1, 'ann', 'ann@example.org'), (2, 'bob', 'bob@example.org');
insert into crontab values
    (1, 1, 'orders', 'closes "old" orders', '0 */5 * * * *', 1, 'php /srv/shop/yii orders/close >> /tmp/orders.log 2>&1', 300, 1, 1, 3, 30, 1, 'www', 1, 0, 0),
    (2, 1, 'orders', '', '30 2 1 * 1', 0, 'echo it\'s', 0, 0, 0, 0, 0, 0, '', 0, 0, 0),
    (3, 9, 'weekly', '', '0 0 4 * * mon', 2, 'date', 600, 0, 0, 0, 0, 1, '', 1, 0, 0),
    (4, 1, 'gone', '', '* * * * *', 1, 'date', 0, 0, 0, 0, 0, -1, '', 1, 0, 0);
insert into via_table (aid, bid, type) values (1, 1, 2), (1, 2, 2), (3, 2, 3), (1, 1, 4), (1, 2, 4);
"#;

fn admin(data: &Path, words: &[&str], input: &str) -> String {
    let mut child = Command::new(program("admin").unwrap())
        .arg("--data")
        .arg(data)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {said}\n{input}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn jobs_of_swc_become_jobs() {
    let (database, folder) = (mariadb_database().unwrap(), Folder::create().unwrap());
    database.query(SWC).unwrap();
    let query = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/from-swc.sql");
    let query = std::fs::read_to_string(query).unwrap();
    let data = folder.path();

    let declared = database
        .query(&format!("set @zone = 'Asia/Shanghai'; {query}"))
        .unwrap();
    // What --raw spares whoever calls the client himself.
    let declared = declared.replace("\\\\", "\\");
    admin(data, &["migrate"], "");
    admin(data, &["apply", "-", "--yes"], &declared);
    let exported = admin(data, &["export"], "");

    let jobs: Value = serde_json::from_str(&exported).unwrap();
    let job = |name: &str| {
        let found = jobs
            .as_array()
            .unwrap()
            .iter()
            .find(|job| job["name"] == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {exported}"))
            .clone()
    };
    assert_eq!(jobs.as_array().unwrap().len(), 3, "{exported}");
    for (name, expected) in [
        (
            "orders (1)",
            json!({
                "group": "shop", "description": "closes \"old\" orders", "enabled": true, "schedule": "0 */5 * * * *",
                "zone": "Asia/Shanghai", "command": "php /srv/shop/yii orders/close >> /tmp/orders.log 2>&1",
                "placement": "one", "nodes": ["web-1", "web-2"], "timeout_s": 300, "run_as": "www", "keep_output": true,
                "mail_to": "ann@example.org, bob@example.org",
            }),
        ),
        (
            "orders (2)",
            json!({
                "enabled": false, "schedule": "30 2 1 * +1", "placement": "every_node", "command": "echo it's",
                "timeout_s": null, "run_as": null, "mail_to": "",
            }),
        ),
        (
            "weekly",
            json!({
                "group": "default", "schedule": "0 0 4 * * +mon", "placement": "n(2)", "exclude_nodes": ["web-2"], "timeout_s": null,
            }),
        ),
    ] {
        let job = job(name);
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&job[field], value, "{name}, {field}");
        }
    }
    assert_eq!(job("orders (1)")["retry"]["max_attempts"], 4);
    assert_eq!(declared.matches("# look at ").count(), 1, "{declared}");
}

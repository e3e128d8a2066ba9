//! How long the server takes for each page and each answer of the API, over many jobs and runs, and how heavy pages are.
//!
//! `scripts/pages [--jobs 100000 --runs 10000000] [--write docs/BENCH.md]`. The bare limit is a file of the same server,
//! asked for in the same way by the same client.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use carillon_bench::document::with_part;
use carillon_bench::history::{House, Size, beat_all, build};
use carillon_bench::machine;
use carillon_bench::round::{Round, Seen, Visit};
use carillon_bench::sights;
use carillon_bench::table::{Table, ms, ratio, show};
use carillon_bench::viewers::{Asked, compare};
use carillon_bench::visitor::{Proof, Visitor};
use carillon_core::parameters::Parameters;
use carillon_store::{Editor, RunRequest, Store};
use carillon_testbed::{
    Folder, MariaDb, MariaDbOptions, Process, free_port, leashed, program, wait_until,
};
use clap::Parser;
use jiff::SignedDuration;

/// What a page may take, and weigh.
const TIME_MAX_MS: f64 = 30.0;
const HTML_MAX: usize = 60_000;

const HEAD: [&str; 9] = [
    "",
    "first ms",
    "p50 ms",
    "p99 ms",
    "max ms",
    "p50 × file",
    "bytes",
    "sent",
    "",
];

const PASSWORD: &str = "three bells at noon";

#[derive(Parser)]
struct Options {
    /// Jobs in the house.
    #[arg(long, default_value_t = 10_000)]
    jobs: usize,
    /// Runs in its past.
    #[arg(long, default_value_t = 200_000)]
    runs: usize,
    /// How often each page is asked for.
    #[arg(long, default_value_t = 200)]
    times: usize,
    /// Uses a SQLite file instead of MariaDB.
    #[arg(long)]
    sqlite: bool,
    /// Memory that MariaDB keeps pages of its tables in, in MiB.
    #[arg(long, default_value_t = 2048)]
    pool_mib: usize,
    /// Asks only for pages whose name holds this.
    #[arg(long, default_value = "")]
    only: String,
    /// Waits for a key before it measures, and again after, and says where the database is.
    #[arg(long)]
    pause: bool,
    /// Measures so many viewers of a living run and of the overview instead, beside one of them.
    #[arg(long)]
    viewers: Option<usize>,
    /// How long viewers look.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Writes the tables to this file too.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = Options::parse();
    let machine = machine::describe()?;
    println!("{machine}");
    let folder = Folder::create()?;
    let (url, server) = found(&options, &folder)?;
    let store = Store::new(url.parse()?);
    let size = Size {
        jobs: options.jobs,
        runs: options.runs,
    };
    let house = build(&store, &url, size).await?;
    settle(server.as_ref())?;
    let (runs, days) = (house.sights.runs, house.sights.minutes / 1440);
    eprint(&format!("\r{runs} runs of {days} days are there\n"));
    beat_all(&store).await?;
    let site = Site::open(&folder, &url, house)?;
    if let Some(viewers) = options.viewers {
        show(&site.watch(&store, viewers, options.seconds).await?);
        return Ok(());
    }
    loop {
        if options.pause {
            eprint(&format!("{url} and port {}: go on? ", site.port));
            let mut line = String::new();
            if std::io::stdin().read_line(&mut line)? == 0 || line.trim() == "q" {
                return Ok(());
            }
        }
        beat_all(&store).await?;
        let tables = site.look_at_all(&options)?;
        if let Some(file) = &options.write {
            let text = report(&options, (runs, days), &machine, &tables);
            let old = std::fs::read_to_string(file).unwrap_or_default();
            std::fs::write(file, with_part(&old, &text))
                .with_context(|| format!("writing {}", file.display()))?;
        }
        if !options.pause {
            return Ok(());
        }
    }
}

fn report(
    options: &Options,
    (runs, days): (usize, i64),
    machine: &str,
    tables: &[Table],
) -> String {
    let kind = if options.sqlite { "SQLite" } else { "MariaDB" };
    let mut text = format!(
        "## Pages\n\n<!-- Written by `scripts/pages`. -->\n\n{OPENING}\n\n{} jobs and {runs} runs of {days} days in {kind}, each page asked for {} times \
         over a connection that stays open, one request after the other.\n\n{machine}",
        options.jobs, options.times
    );
    for table in tables {
        text.push_str(&format!("\n{table}"));
    }
    text
}

const OPENING: &str = "From the first byte asked to the last byte answered, compressed as browsers ask for it. The bare limit is a file that the same \
server holds in memory.\n*bytes* is the page, *sent* what of it went over the wire; the goal is 30 ms for 99 of 100 and 60 kB a page. \
What misses it says so. *first* is the first\nanswer, before the server's statements are prepared and its rows at hand.";

fn eprint(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// An empty database. What is written before [`settle`] is not made safe, since nobody would miss it.
fn found(options: &Options, folder: &Folder) -> Result<(String, Option<MariaDb>)> {
    if options.sqlite {
        return Ok((
            format!("sqlite:{}", folder.join("carillon.db").display()),
            None,
        ));
    }
    let server = MariaDb::start_with(MariaDbOptions {
        extra: vec![
            format!("--innodb-buffer-pool-size={}M", options.pool_mib),
            "--innodb-log-file-size=1G".to_owned(),
        ],
        ..MariaDbOptions::default()
    })?;
    server.query("set global innodb_flush_log_at_trx_commit = 0")?;
    Ok((server.create_database()?.url, Some(server)))
}

/// From here on as an operator has it: durable, and with statistics as the server makes them by itself in time.
fn settle(server: Option<&MariaDb>) -> Result<()> {
    let Some(server) = server else {
        return Ok(());
    };
    server.query("set global innodb_flush_log_at_trx_commit = 1")?;
    let tables = "select concat('analyze table `', table_schema, '`.`', table_name, '`;') \
                  from information_schema.tables where table_schema like 't%' and table_type = 'BASE TABLE'";
    server.query(&server.query(tables)?.replace('\n', " "))?;
    Ok(())
}

/// A real admin program, and those who are signed in to it.
struct Site {
    port: u16,
    house: House,
    owner: Proof,
    member: Proof,
    program: Proof,
    process: Process,
}

impl Site {
    fn open(folder: &Folder, url: &str, house: House) -> Result<Site> {
        let port = free_port()?;
        let mut command = leashed(program("admin")?);
        command
            .arg("start")
            .env("CARILLON_DATABASE__URL", url)
            .env("CARILLON_ADMIN__LISTEN", format!("127.0.0.1:{port}"));
        let process = Process::start("admin", command, &folder.join("admin.log"))?;
        let admin = |arguments: &[&str], input: &str| run_admin(url, arguments, input);
        admin(
            &[
                "user",
                "create",
                "owner",
                "--role",
                "owner",
                "--password-stdin",
            ],
            PASSWORD,
        )?;
        let member = [
            "user",
            "create",
            "member",
            "--role",
            "viewer",
            "--group",
            "group 08",
            "--password-stdin",
        ];
        admin(&member, PASSWORD)?;
        let token = admin(&["token", "create", "--user", "owner"], "")?;
        wait_until("the admin to answer", Duration::from_secs(60), || {
            let answer = Visitor::connect(port, Proof::None)
                .ok()?
                .get("/healthz")
                .ok()?;
            (answer.status == 200).then_some(())
        });
        Ok(Site {
            port,
            house,
            owner: sign_in(port, "owner")?,
            member: sign_in(port, "member")?,
            program: Proof::Token(token.trim().to_owned()),
            process,
        })
    }

    /// One viewer, many, and as many who ask for a file of the same server instead.
    async fn watch(&self, store: &Store, viewers: usize, seconds: u64) -> Result<Table> {
        let request = RunRequest {
            job: self.house.busy,
            node: None,
            parameters: Parameters::default(),
            key: None,
            repeats: None,
            patience: SignedDuration::from_hours(1),
        };
        let tick = store
            .request_run(&request, &Editor::program("bench"))
            .await?;
        let mut owner = Visitor::connect(self.port, self.owner.clone())?;
        let style = asset(&owner.get_plain("/account")?.text(), "/assets/style")?;
        let pages = vec![format!("/runs/{tick}"), "/".to_owned()];
        let asked = Asked {
            port: self.port,
            pid: self.process.pid(),
            proof: self.owner.clone(),
            pages,
        };
        let files = Asked {
            pages: vec![style.clone(), style],
            ..asked.clone()
        };
        compare(
            store,
            tick,
            [&asked, &files],
            (viewers, Duration::from_secs(seconds)),
        )
        .await
    }

    fn look_at_all(&self, options: &Options) -> Result<Vec<Table>> {
        let round = Round {
            port: self.port,
            times: options.times,
        };
        let mut owner = Visitor::connect(self.port, self.owner.clone())?;
        let style = asset(&owner.get_plain("/account")?.text(), "/assets/style")?;
        let script = asset(&owner.get_plain("/account")?.text(), "/assets/carillon")?;
        let bare = round.visit(&self.owner, &Visit::of("a file of the same server", &style))?;
        let mut tables = Vec::new();
        let (one_group, house) = ("Pages of somebody who sees one group", &self.house);
        let groups = [
            ("Pages", &self.owner, sights::pages(house)),
            (one_group, &self.member, sights::member_pages(house)),
            ("API", &self.program, sights::api(house)),
        ];
        for (title, proof, visits) in groups {
            let mut table = Table::new(title, &HEAD);
            table.add(told(("a file of the same server", &bare), bare.p50, None));
            if title == "Pages" {
                let seen = round.visit(proof, &Visit::of("the script", &script))?;
                table.add(told(("the script", &seen), bare.p50, Some(30_000)));
            }
            for visit in visits
                .iter()
                .filter(|visit| visit.name.contains(&options.only))
            {
                let limit = (title != "API").then_some(HTML_MAX);
                let seen = round.visit(proof, visit);
                eprint(&format!("\r{}          ", visit.name));
                table.add(match seen {
                    Ok(seen) => told((&visit.name, &seen), bare.p50, limit),
                    Err(error) => failed(&visit.name, &error),
                });
            }
            eprint("\r");
            show(&table);
            tables.push(table);
        }
        Ok(tables)
    }
}

/// One row of a table.
fn told((name, seen): (&str, &Seen), bare_p50: f64, limit: Option<usize>) -> [String; 9] {
    let is_slow = seen.p99 > TIME_MAX_MS;
    let is_heavy = limit.is_some_and(|limit| seen.bytes > limit);
    let verdict = match (is_slow, is_heavy) {
        (false, false) => "",
        (true, false) => "slow",
        (false, true) => "heavy",
        (true, true) => "slow, heavy",
    };
    [
        name.to_owned(),
        ms(seen.first),
        ms(seen.p50),
        ms(seen.p99),
        ms(seen.max),
        ratio(seen.p50, bare_p50),
        seen.bytes.to_string(),
        seen.sent.to_string(),
        verdict.to_owned(),
    ]
}

/// The row of a page that was not answered with success every time.
fn failed(name: &str, error: &anyhow::Error) -> [String; 9] {
    eprint(&format!("\r{error:#}\n"));
    let mut row = std::array::from_fn(|_| "–".to_owned());
    row[0] = name.to_owned();
    row[8] = "fails".to_owned();
    row
}

fn run_admin(url: &str, arguments: &[&str], input: &str) -> Result<String> {
    let mut child = Command::new(program("admin")?)
        .args(arguments)
        .env("CARILLON_DATABASE__URL", url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("a piped input")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "admin {} failed",
        arguments.join(" ")
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn sign_in(port: u16, name: &str) -> Result<Proof> {
    let form = format!("name={name}&password={}", PASSWORD.replace(' ', "+"));
    let answer = Visitor::connect(port, Proof::None)?.post("/sign-in", &form)?;
    let cookie = answer
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap_or_default();
    ensure!(
        answer.status == 303 && !cookie.is_empty(),
        "{name} was not let in: {}",
        answer.text()
    );
    Ok(Proof::Cookie(cookie.to_owned()))
}

/// The address of an embedded file that begins so, as a page names it.
fn asset(page: &str, beginning: &str) -> Result<String> {
    let at = page
        .find(beginning)
        .with_context(|| format!("no page has {beginning}"))?;
    let rest = &page[at..];
    Ok(rest[..rest.find('"').unwrap_or(rest.len())].to_owned())
}

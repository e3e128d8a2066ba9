//! Every key: its form, its default and what it is for. The annotated file, the unknown-key check
//! and the documentation are all made from this table.

/// One key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// `section.name`.
    pub name: &'static str,
    /// What its value looks like.
    pub form: Form,
    /// The default as text, in the form of an environment variable; `None` when there is none.
    pub default: Option<&'static str>,
    /// An example for the annotated file, in the form of an environment variable.
    pub example: &'static str,
    /// Whether its value must never be shown.
    pub is_secret: bool,
    /// What it is for, one sentence a line.
    pub about: &'static str,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// Several texts: an array in the file, separated by commas in a variable.
    List,
    /// A whole number above zero.
    Count,
    /// `10s`, `5m`, `1h`.
    Duration,
}

impl Key {
    /// `CARILLON_SECTION__NAME`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!(
            "CARILLON_{}",
            self.name.replacen('.', "__", 1).to_ascii_uppercase()
        )
    }

    /// The part before the dot.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(section, _)| section)
    }

    /// The part after the dot.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, name)| name)
    }
}

const PLAIN: Key = Key {
    name: "",
    form: Form::Text,
    default: None,
    example: "",
    is_secret: false,
    about: "",
};

/// Every key, in the order of the annotated file.
pub const KEYS: &[Key] = &[
    Key {
        name: "database.url",
        example: "mysql://carillon:password@db.example.org:3306/carillon",
        is_secret: true,
        about: "Where admin, agents and monitor meet: MySQL 8.0 or later, MariaDB 10.6 or later, or a \
                SQLite file\n(sqlite:///var/lib/carillon/carillon.db) when everything runs on one machine.",
        ..PLAIN
    },
    Key {
        name: "redis.url",
        example: "redis://:password@redis.example.org:6379/0",
        is_secret: true,
        about: "Thins out the competition for ticks and wakes agents early. Without it everything \
                works,\nwith more load on the database. A cluster is `redis+cluster://:PASSWORD@HOST:PORT,HOST:PORT`, \
                what sentinels watch is\n`redis+sentinel://:PASSWORD@HOST:PORT,HOST:PORT/SERVICE` with the password of the \
                master; `rediss://` is one server by TLS.",
        ..PLAIN
    },
    Key {
        name: "node.name",
        example: "web-1",
        about: "What people call this machine; unique in the cluster. Default: its host name.",
        ..PLAIN
    },
    Key {
        name: "node.labels",
        form: Form::List,
        default: Some(""),
        example: "role=web,zone=b",
        about: "Facts that jobs can select machines by.",
        ..PLAIN
    },
    Key {
        name: "node.max_running",
        form: Form::Count,
        default: Some("500"),
        example: "500",
        about: "The most commands that run here at once; also this machine's weight among the others.",
        ..PLAIN
    },
    Key {
        name: "node.data_dir",
        default: Some("/var/lib/carillon"),
        example: "/var/lib/carillon",
        about: "The journal, the control socket and this machine's identity. One agent per folder.",
        ..PLAIN
    },
    Key {
        name: "node.traces_url",
        example: "http://127.0.0.1:4318",
        about: "A collector of OpenTelemetry near the agent (OTLP over HTTP) that is told of every attempt: one trace a run. \
                Commands then\nfind `TRACEPARENT`. Without it nothing is told.",
        ..PLAIN
    },
    Key {
        name: "runner.allow_users",
        form: Form::List,
        default: Some(""),
        example: "www-data,backup",
        about: "Users that commands may run as, besides the runner's own. Switching needs a runner \
                that is root.",
        ..PLAIN
    },
    Key {
        name: "runner.secrets_dir",
        default: Some("/etc/carillon/secrets"),
        example: "/etc/carillon/secrets",
        about: "Where the files lie whose contents jobs get as variables (`secrets`). A file is given to commands of the\n\
                user that it belongs to alone, and only while nobody else may read or write it.",
        ..PLAIN
    },
    Key {
        name: "output.part_mib",
        form: Form::Count,
        default: Some("64"),
        example: "64",
        about: "Full output that a job wants kept (`keep_output`) lies in files of the node; they are cut after so many MiB.",
        ..PLAIN
    },
    Key {
        name: "output.file_mib",
        form: Form::Count,
        default: Some("1024"),
        example: "1024",
        about: "The most of one stream of one attempt, in MiB: beyond it its first parts are dropped.",
        ..PLAIN
    },
    Key {
        name: "output.node_mib",
        form: Form::Count,
        default: Some("10240"),
        example: "10240",
        about: "The most of all on this machine, in MiB: the oldest files go first, those of living runs never.",
        ..PLAIN
    },
    Key {
        name: "output.days",
        form: Form::Count,
        default: Some("30"),
        example: "30",
        about: "Files that nobody writes to any more are dropped after so many days.",
        ..PLAIN
    },
    Key {
        name: "admin.listen",
        default: Some("127.0.0.1:7878"),
        example: "127.0.0.1:7878",
        about: "Address and port of the pages. Put a proxy that speaks TLS in front before opening it.",
        ..PLAIN
    },
    Key {
        name: "admin.public_url",
        example: "https://carillon.example.org",
        about: "How people reach the pages; links in mail begin with it.",
        ..PLAIN
    },
    Key {
        name: "monitor.silent_after",
        form: Form::Duration,
        default: Some("30s"),
        example: "30s",
        about: "A node without a heartbeat for so long is silent, and people are told. Less than 9s, three heartbeats, \
                counts as 9s, and is told.",
        ..PLAIN
    },
    Key {
        name: "monitor.remind_every",
        form: Form::Duration,
        default: Some("4h"),
        example: "4h",
        about: "The pause between reminders while an incident stays open.",
        ..PLAIN
    },
    Key {
        name: "monitor.webhooks",
        form: Form::List,
        default: Some(""),
        example: "slack+https://hooks.slack.com/services/T000/B000/XXXX",
        is_secret: true,
        about: "Chat rooms and programs that are told of every incident, beside mail: https://… for a program, \
                slack+https://…,\ndingtalk+https://…, wecom+https://…, feishu+https://…; #SECRET at the end signs what is sent.",
    },
    Key {
        name: "monitor.ping_url",
        example: "https://hc-ping.example.org/0b1c2d3e",
        is_secret: true,
        about: "Posted to every minute while the monitor sees the database, so that somebody outside notices its silence.",
        ..PLAIN
    },
    Key {
        name: "monitor.webhook_hosts",
        form: Form::List,
        default: Some(""),
        example: "chat.example.org",
        about: "Hosts that webhooks may reach although their address is on this machine or a private network.",
        ..PLAIN
    },
    Key {
        name: "monitor.ping_hosts",
        form: Form::List,
        default: Some(""),
        example: "hc.example.org",
        about: "Hosts that the pings of jobs may reach although their address is on this machine or a private network: a \
                Healthchecks of your own.",
        ..PLAIN
    },
    Key {
        name: "monitor.quiet_hours",
        form: Form::List,
        default: Some(""),
        example: "22:00 .. 07:00,Sat 00:00 .. Mon 07:00",
        about: "When mail and chat rooms are not told of what can wait; it goes out as one mail when they end. Ranges as \
                in a calendar.\nA group may have its own.",
        ..PLAIN
    },
    Key {
        name: "monitor.quiet_zone",
        default: Some("UTC"),
        example: "Europe/Berlin",
        about: "Whose clock all quiet hours mean.",
        ..PLAIN
    },
    Key {
        name: "monitor.urgent",
        form: Form::List,
        default: Some("node_silent,node_not_claiming,backlog,store_unreachable,monitor_silent"),
        example: "node_silent,store_unreachable,job_failed",
        about: "Rules that never wait for quiet hours to end.",
        ..PLAIN
    },
    Key {
        name: "monitor.deliveries_per_hour",
        form: Form::Count,
        default: Some("60"),
        example: "60",
        about: "A mail address or chat room is told no more often within an hour; what is beyond goes out as one mail when there is \
                room. Give all\nmonitors the same.",
        ..PLAIN
    },
    Key {
        name: "monitor.disk_free_percent",
        form: Form::Count,
        default: Some("10"),
        example: "10",
        about: "With less of it free, the disk of a node's data directory is nearly full, and people are told.",
        ..PLAIN
    },
    Key {
        name: "monitor.certificates",
        form: Form::List,
        default: Some(""),
        example: "mail.example.org:465,https://login.example.org",
        about: "Endpoints whose TLS certificates are looked at every hour, beside that of admin.public_url: host:port or https URLs. \
                Give all\nmonitors the same.",
        ..PLAIN
    },
    Key {
        name: "monitor.expiry_ahead",
        form: Form::Duration,
        default: Some("7d"),
        example: "7d",
        about: "People are told so long before an API token or a certificate ends; of tokens that were made for less than twice that, \
                never.",
        ..PLAIN
    },
    Key {
        name: "monitor.stuck_after",
        form: Form::Duration,
        default: Some("2m"),
        example: "2m",
        about: "A run is stuck that has been claimed and not started, has waited for what is over, or has outlived its end \
                for so long.",
        ..PLAIN
    },
    Key {
        name: "mail.smtp_url",
        example: "smtp://user:password@mail.example.org:587?tls=required",
        is_secret: true,
        about: "The mail server: smtp:// without encryption, smtp://…?tls=required with STARTTLS, \
                smtps:// with TLS\nfrom the start. Without it no mail is sent.",
        ..PLAIN
    },
    Key {
        name: "mail.ca",
        example: "-----BEGIN CERTIFICATE-----…",
        about: "Authorities that may vouch for the mail server's certificate beside the well-known ones, as PEM: \
                ca_file = \"/etc/ssl/our-ca.pem\".",
        ..PLAIN
    },
    Key {
        name: "mail.from",
        example: "carillon@example.org",
        about: "The sender of every mail.",
        ..PLAIN
    },
    Key {
        name: "mail.to",
        form: Form::List,
        default: Some(""),
        example: "ops@example.org",
        about: "Who is told when nothing else says who.",
        ..PLAIN
    },
    Key {
        name: "mail.language",
        default: Some("en"),
        example: "zh",
        about: "The language of mails and webhooks: en or zh.",
        ..PLAIN
    },
    Key {
        name: "retention.runs",
        form: Form::Duration,
        default: Some("90d"),
        example: "90d",
        about: "Ended runs older than this are dropped by the agents, a little at a time.",
        ..PLAIN
    },
    Key {
        name: "retention.output",
        form: Form::Duration,
        default: Some("30d"),
        example: "30d",
        about: "What runs wrote is dropped earlier than the runs: it takes most of the room.",
        ..PLAIN
    },
    Key {
        name: "retention.totals",
        form: Form::Duration,
        default: Some("400d"),
        example: "400d",
        about: "The numbers behind the charts are dropped after this.",
        ..PLAIN
    },
    Key {
        name: "retention.history",
        form: Form::Duration,
        default: Some("400d"),
        example: "400d",
        about: "Incidents that are over, what was told of them, and replaced versions of jobs are dropped after this.",
        ..PLAIN
    },
];

//! Nodes: one row a machine, one living agent a row.

use carillon_core::claim::{BootId, Claimant};
use carillon_core::identity::NodeId;
use carillon_core::node::{Duty, Limits, Liveness, Peer, liveness};
use carillon_core::placement::Labels;
use carillon_core::token::Token;
use jiff::{SignedDuration, Timestamp};

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::jobs::store_now;
use crate::link::Change;
use crate::row::{Origin, Row, args, timestamp};
use crate::statement::Statement;

/// A node whose agent was heard of within this time is alive, and its name is taken.
pub const ALIVE_WITHIN: SignedDuration = SignedDuration::from_secs(15);

/// What an agent says of itself when it comes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The node's name.
    pub name: String,
    /// This life of the agent.
    pub boot: BootId,
    /// The life before it, as its data directory remembers: that agent is known to have ended, so nobody waits for it.
    pub replaces: Option<BootId>,
    /// This life of the host, in the words of its kernel.
    pub host_boot: String,
    /// When the host came up.
    pub host_booted_at: Timestamp,
    /// What the node says of itself.
    pub labels: Labels,
    /// The most commands it runs at once.
    pub running_max: u32,
    /// The program's version.
    pub version: String,
    /// The version of its time zone tables.
    pub tzdb_version: String,
}

/// What the store says to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The node's number.
    pub node: NodeId,
    /// What operators want of it.
    pub duty: Duty,
    /// Whether this agent is the first to come up in this life of the host (`@reboot`).
    pub is_host_boot_new: bool,
    /// The store's clock.
    pub now: Timestamp,
}

/// A node as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What its peers see.
    pub peer: Peer,
    /// Why it is drained or retired.
    pub duty_reason: String,
    /// This life of its agent.
    pub boot: BootId,
    /// When its agent came up.
    pub booted_at: Timestamp,
    /// When its host came up.
    pub host_booted_at: Timestamp,
    /// When it was last heard of.
    pub last_beat_at: Timestamp,
    /// When its agent left in good order, if it did.
    pub left_at: Option<Timestamp>,
    /// Why it does not claim.
    pub not_claiming_reason: String,
    /// How many commands it runs.
    pub running: u32,
    /// The program's version.
    pub version: String,
    /// The version of its time zone tables.
    pub tzdb_version: String,
    /// Store clock minus node clock, in microseconds.
    pub clock_offset_us: i64,
    /// How far that may be off, in microseconds.
    pub clock_uncertainty_us: i64,
    /// The load average of a minute, in thousandths.
    pub load_milli: i64,
    /// Its memory in bytes.
    pub memory_total: i64,
    /// What of it is free, in bytes.
    pub memory_available: i64,
    /// The disk of its data directory in bytes; 0 where it does not say.
    pub disk_total: i64,
    /// What of it is free, in bytes.
    pub disk_available: i64,
    /// What keeps it from Redis; empty when nothing does, or it uses none.
    pub redis_problem: String,
    /// When it was first seen.
    pub created_at: Timestamp,
}

impl Store {
    /// Makes this agent the one of its node. The same agent may ask again.
    ///
    /// # Errors
    /// [`StoreError::NodeAlreadyAlive`] while another agent lives under the name, [`StoreError::Rejected`] for a retired node, or
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn register_node(&self, agent: &Registration) -> Result<Registered, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, duty, boot_id, booted_at, host_boot, host_boot_seen_by, last_beat_at, left_at, {now}
            from nodes
            where name = ?
            {for update}",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let registered = match change.row(&SELECT, args![&agent.name]).await? {
                Some(row) => replace_agent(&mut change, agent, &row).await?,
                None => insert_node(&mut change, agent).await?,
            };
            change.commit().await?;
            Ok(registered)
        })
        .await
    }

    /// Says that this agent has left in good order, so that nobody waits for it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn leave(&self, claimant: Claimant) -> Result<(), StoreError> {
        static UPDATE: Statement = Statement::new(
            "update nodes
            set left_at = {now}, is_claiming = 0, not_claiming_reason = 'stopped', running = 0
            where id = ? and boot_id = ?",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change
                .execute(&UPDATE, args![claimant.node, claimant.boot.0])
                .await?;
            change.commit().await
        })
        .await
    }

    /// Every node, by name, with its liveness by the store's clock.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or [`StoreError::Unavailable`] without an answer.
    pub async fn nodes(&self, limits: Limits) -> Result<Vec<Node>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, name, labels, running_max, duty, is_claiming, last_beat_at, left_at,
                duty_reason, boot_id, booted_at, host_booted_at, not_claiming_reason, running,
                version, tzdb_version, clock_offset_us, clock_uncertainty_us, load_milli,
                memory_total, memory_available, disk_total, disk_available, redis_problem,
                created_at, {now}
            from nodes
            order by name",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let rows = link.rows(&SELECT, Vec::new()).await?;
            rows.iter().map(|row| read_node(row, limits)).collect()
        })
        .await
    }

    /// Every node as its peers see it.
    ///
    /// # Errors
    /// As [`Store::nodes`].
    pub async fn peers(&self, limits: Limits) -> Result<Vec<Peer>, StoreError> {
        let nodes = self.nodes(limits).await?;
        Ok(nodes.into_iter().map(|node| node.peer).collect())
    }

    /// Says what operators want of a node.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or [`StoreError::Unavailable`] without an answer.
    pub async fn set_duty(
        &self,
        node: NodeId,
        duty: Duty,
        reason: &str,
        editor: &Editor,
    ) -> Result<(), StoreError> {
        static SELECT: Statement =
            Statement::new("select duty, duty_reason from nodes where id = ? {for update}");
        static UPDATE: Statement =
            Statement::new("update nodes set duty = ?, duty_reason = ? where id = ?");
        static RAISE: Statement = Statement::new(
            "update cluster set commands_revision = commands_revision + 1 where id = 1",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let row = change.row(&SELECT, args![node]).await?;
            let row = row.ok_or_else(|| StoreError::NotFound {
                what: "node",
                id: node.to_string(),
            })?;
            let mut cells = row.cells();
            let duty_text =
                |duty: &str, reason: &str| serde_json::json!({ "duty": duty, "reason": reason });
            let before = duty_text(&cells.text()?, &cells.text()?);
            change
                .execute(&UPDATE, args![duty.word(), reason, node])
                .await?;
            let deed = Deed {
                editor,
                verb: AuditVerb::SetNodeDuty,
                object: format!("node {node}"),
                group: None,
                before: Some(before.to_string()),
                after: Some(duty_text(duty.word(), reason).to_string()),
            };
            write_deed(&mut change, deed).await?;
            change.execute(&RAISE, Vec::new()).await?;
            change.commit().await
        })
        .await
    }
}

fn labels_text(labels: &Labels) -> String {
    serde_json::json!(labels).to_string()
}

async fn insert_node(change: &mut Change, agent: &Registration) -> Result<Registered, StoreError> {
    static INSERT: Statement = Statement::new(
        "insert into nodes
            (name, boot_id, booted_at, host_boot, host_booted_at, host_boot_seen_by, last_beat_at,
            labels, running_max, version, tzdb_version, created_at)
        values (?, ?, {now}, ?, ?, ?, {now}, ?, ?, ?, ?, {now})",
    );
    let values = args![
        &agent.name,
        agent.boot.0,
        &agent.host_boot,
        agent.host_booted_at,
        agent.boot.0,
        labels_text(&agent.labels),
        agent.running_max,
        &agent.version,
        &agent.tzdb_version,
    ];
    let node = NodeId(change.insert(&INSERT, values).await?);
    Ok(Registered {
        node,
        duty: Duty::Active,
        is_host_boot_new: true,
        now: store_now(change).await?,
    })
}

async fn replace_agent(
    change: &mut Change,
    agent: &Registration,
    row: &Row,
) -> Result<Registered, StoreError> {
    let mut cells = row.cells();
    let node = NodeId(cells.int()?);
    let duty = Origin {
        table: "nodes",
        id: &node,
    }
    .parse("duty", &cells.text()?)?;
    let (boot, booted_at) = (cells.token_or_none()?, cells.time()?);
    let (host_boot, seen_by) = (cells.text()?, cells.token_or_none()?);
    let (last_beat_at, left_at) = (cells.time()?, cells.int_or_none()?);
    let now = cells.time()?;
    let registered = |is_host_boot_new| Registered {
        node,
        duty,
        is_host_boot_new,
        now,
    };
    if boot == Some(agent.boot.0) {
        // The same agent asks again, since it did not hear the answer.
        return Ok(registered(seen_by == boot));
    }
    if duty == Duty::Retired {
        return Err(StoreError::Rejected(format!(
            "node {:?} is retired; activate it on the nodes page, or set another node.name",
            agent.name
        )));
    }
    let is_known_dead = boot.is_some() && boot == agent.replaces.map(|boot| boot.0);
    if left_at.is_none() && !is_known_dead && now.duration_since(last_beat_at) < ALIVE_WITHIN {
        return Err(StoreError::NodeAlreadyAlive {
            name: agent.name.clone(),
            since: booted_at,
        });
    }
    let is_host_boot_new = host_boot != agent.host_boot;
    let seen_by = match is_host_boot_new {
        true => Some(agent.boot.0),
        false => seen_by,
    };
    write_agent(change, node, agent, seen_by).await?;
    Ok(registered(is_host_boot_new))
}

async fn write_agent(
    change: &mut Change,
    node: NodeId,
    agent: &Registration,
    seen_by: Option<Token>,
) -> Result<(), StoreError> {
    static UPDATE: Statement = Statement::new(
        "update nodes
        set boot_id = ?, booted_at = {now}, replaced_boot_at = {now}, host_boot = ?, host_booted_at = ?,
            host_boot_seen_by = ?, beat_count = 0, last_beat_at = {now}, left_at = null,
            is_claiming = 1, not_claiming_reason = '', labels = ?, running_max = ?, running = 0,
            version = ?, tzdb_version = ?
        where id = ?",
    );
    let values = args![
        agent.boot.0,
        &agent.host_boot,
        agent.host_booted_at,
        seen_by,
        labels_text(&agent.labels),
        agent.running_max,
        &agent.version,
        &agent.tzdb_version,
        node,
    ];
    change.execute(&UPDATE, values).await?;
    Ok(())
}

fn read_node(row: &Row, limits: Limits) -> Result<Node, StoreError> {
    let mut cells = row.cells();
    let id = NodeId(cells.int()?);
    let origin = Origin {
        table: "nodes",
        id: &id,
    };
    let mut peer = Peer {
        id,
        name: cells.text()?,
        labels: serde_json::from_str(&cells.text()?)
            .map_err(|error| origin.corrupt("labels", error))?,
        running_max: cells.small()?,
        duty: origin.parse("duty", &cells.text()?)?,
        is_claiming: cells.flag()?,
        liveness: Liveness::Silent,
    };
    let last_beat_at = cells.time()?;
    let left_at = cells.time_or_none()?;
    let duty_reason = cells.text()?;
    let boot = cells.token_or_none()?;
    let node = Node {
        duty_reason,
        boot: BootId(boot.unwrap_or(Token::from_bytes([0; 16]))),
        booted_at: cells.time()?,
        host_booted_at: cells.time()?,
        last_beat_at,
        left_at,
        not_claiming_reason: cells.text()?,
        running: cells.small()?,
        version: cells.text()?,
        tzdb_version: cells.text()?,
        clock_offset_us: cells.int()?,
        clock_uncertainty_us: cells.int()?,
        load_milli: cells.int()?,
        memory_total: cells.int()?,
        memory_available: cells.int()?,
        disk_total: cells.int()?,
        disk_available: cells.int()?,
        redis_problem: cells.text()?,
        created_at: cells.time()?,
        peer: peer.clone(),
    };
    let now = timestamp(cells.int()?);
    // An agent that has left is not waited for: nobody counts on its beats.
    peer.liveness = match node.left_at {
        Some(_) => Liveness::Silent,
        None => liveness(last_beat_at, now, limits),
    };
    Ok(Node { peer, ..node })
}

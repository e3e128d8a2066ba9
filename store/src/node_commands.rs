//! What operators want of one node. Rows, so that no agent needs an open port.

use carillon_core::identity::NodeId;
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::Store;
use crate::audit_log::{Deed, Editor, write_deed};
use crate::audit_verb::AuditVerb;
use crate::error::StoreError;
use crate::link::Change;
use crate::row::{Origin, args};
use crate::statement::Statement;

carillon_core::words! {
    /// What a node is asked to do.
    CommandVerb, "node command" {
        /// End the run that is named.
        Kill = "kill",
        /// Read configuration and jobs again.
        Reload = "reload",
        /// Stop the agent when its runs have ended.
        Stop = "stop",
    }
}

/// A wish that a node has not fulfilled yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeCommand {
    /// Its number.
    pub id: i64,
    /// What to do.
    pub verb: CommandVerb,
    /// The run it is about.
    pub run: Option<Tick>,
    /// Who wants it.
    pub asked_by: String,
    /// Since when.
    pub asked_at: Timestamp,
}

impl Store {
    /// Asks a node for something, and returns the wish's number.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn ask_node(
        &self,
        node: NodeId,
        verb: CommandVerb,
        run: Option<Tick>,
        editor: &Editor,
    ) -> Result<i64, StoreError> {
        static INSERT: Statement = Statement::new(
            "insert into node_commands (node_id, verb, run, asked_by, asked_at) values (?, ?, ?, ?, {now})",
        );
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            let run = run.map(|tick| tick.to_string());
            let values = args![node, verb.word(), run.clone(), &editor.name];
            let id = change.insert(&INSERT, values).await?;
            let deed = Deed {
                editor,
                verb: AuditVerb::AskNode,
                object: format!("node {node}"),
                group: None,
                before: None,
                after: Some(serde_json::json!({ "verb": verb, "run": run }).to_string()),
            };
            write_deed(&mut change, deed).await?;
            raise_commands_revision(&mut change).await?;
            change.commit().await?;
            Ok(id)
        })
        .await
    }

    /// What the node is asked for and has not done, the oldest first. What the domain refuses is left out.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn pending_commands(&self, node: NodeId) -> Result<Vec<NodeCommand>, StoreError> {
        static SELECT: Statement = Statement::new(
            "select id, verb, run, asked_by, asked_at
            from node_commands
            where node_id = ? and done_at is null
            order by id
            limit 1000",
        );
        self.read(Store::TIMEOUT, |mut link| async move {
            let mut commands = Vec::new();
            for row in &link.rows(&SELECT, args![node]).await? {
                let mut cells = row.cells();
                let id = cells.int()?;
                let origin = Origin {
                    table: "node_commands",
                    id: &id,
                };
                let verb = origin.parse("verb", &cells.text()?);
                let run = origin.parse_or_none("run", cells.text_or_none()?);
                let (asked_by, asked_at) = (cells.text()?, cells.time()?);
                match (verb, run) {
                    (Ok(verb), Ok(run)) => commands.push(NodeCommand {
                        id,
                        verb,
                        run,
                        asked_by,
                        asked_at,
                    }),
                    (Err(corrupt), _) | (_, Err(corrupt)) => tracing::warn!("{corrupt}"),
                }
            }
            Ok(commands)
        })
        .await
    }

    /// Says that a wish is fulfilled, or why it cannot be.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] without an answer.
    pub async fn command_done(&self, id: i64, result: &str) -> Result<(), StoreError> {
        static UPDATE: Statement = Statement::new(
            "update node_commands set done_at = {now}, result = ? where id = ? and done_at is null",
        );
        let result: &str = &result.chars().take(500).collect::<String>();
        self.write(Store::TIMEOUT, || async {
            let mut change = self.begin().await?;
            change.execute(&UPDATE, args![result, id]).await?;
            change.commit().await
        })
        .await
    }
}

/// Tells every agent to look for its commands.
pub(crate) async fn raise_commands_revision(change: &mut Change) -> Result<(), StoreError> {
    static RAISE: Statement =
        Statement::new("update cluster set commands_revision = commands_revision + 1 where id = 1");
    change.execute(&RAISE, Vec::new()).await?;
    Ok(())
}

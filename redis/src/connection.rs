//! One connection, whatever kind of place it leads to.

use redis::aio::{ConnectionLike, ConnectionManager, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, Pipeline, RedisFuture, Value};

/// A connection that many may use at once.
#[derive(Clone)]
pub enum Connection {
    /// To one server; it finds its way back by itself.
    Single(ConnectionManager),
    /// To all nodes of a cluster; a pipeline must stay within one hash tag.
    Cluster(ClusterConnection),
    /// To whoever was the master when it was made: ask the place again after a failure.
    Master(MultiplexedConnection),
}

impl Connection {
    fn inner(&mut self) -> &mut (dyn ConnectionLike + Send) {
        match self {
            Connection::Single(connection) => connection,
            Connection::Cluster(connection) => connection,
            Connection::Master(connection) => connection,
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        self.inner().req_packed_command(command)
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        self.inner().req_packed_commands(pipeline, offset, count)
    }

    fn get_db(&self) -> i64 {
        match self {
            Connection::Single(connection) => connection.get_db(),
            Connection::Cluster(connection) => connection.get_db(),
            Connection::Master(connection) => connection.get_db(),
        }
    }
}

//! Where Redis is: one server, a cluster, or whoever the sentinels call master.

use std::time::Duration;

use redis::aio::{ConnectionManagerConfig, PubSub};
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{Client, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisError, RedisResult};
use tokio::sync::Mutex;

use crate::Connection;

/// A place by its URL: `redis://…`, `rediss://…`, `redis+cluster://[:PASSWORD@]HOST:PORT,HOST:PORT` or
/// `redis+sentinel://[:PASSWORD@]HOST:PORT,HOST:PORT/SERVICE`. The password is that of the nodes, or of the master.
pub struct Place {
    kind: Kind,
}

enum Kind {
    Single(Box<Client>),
    /// The client, and the addresses that its nodes were named by.
    Cluster(Box<ClusterClient>, Vec<String>),
    Sentinel(Box<Mutex<SentinelClient>>),
}

impl Place {
    /// Reads a URL. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL is not understood; the error does not repeat its password.
    pub fn new(url: &str) -> RedisResult<Self> {
        let kind = if let Some(rest) = url.strip_prefix("redis+cluster://") {
            let urls: Vec<_> = Rest::of(rest).urls().collect();
            Kind::Cluster(Box::new(ClusterClient::new(urls.clone())?), urls)
        } else if let Some(rest) = url.strip_prefix("redis+sentinel://") {
            Kind::Sentinel(Box::new(Mutex::new(Rest::of(rest).sentinels()?)))
        } else {
            Kind::Single(Box::new(Client::open(url)?))
        };
        Ok(Place { kind })
    }

    /// Connects. An answer of one server is waited for no longer than `patience`.
    ///
    /// # Errors
    /// When nobody answers there, or refuses.
    pub async fn connect(&self, patience: Duration) -> RedisResult<Connection> {
        Ok(match &self.kind {
            Kind::Single(client) => {
                let config = impatient(patience);
                let manager = client.get_connection_manager_with_config(config);
                Connection::Single(manager.await?)
            }
            Kind::Cluster(client, _) => Connection::Cluster(client.get_async_connection().await?),
            Kind::Sentinel(client) => {
                Connection::Master(client.lock().await.get_async_connection().await?)
            }
        })
    }

    /// Subscribes to a channel: at the server, at any node of the cluster, at the master.
    ///
    /// # Errors
    /// When nobody answers there, or refuses.
    pub async fn subscribe(&self, channel: &str) -> RedisResult<PubSub> {
        match &self.kind {
            Kind::Single(client) => subscribe(client, channel).await,
            Kind::Sentinel(client) => {
                let master = client.lock().await.async_get_client().await?;
                subscribe(&master, channel).await
            }
            Kind::Cluster(_, urls) => {
                let mut failure = wrong("the cluster names no node");
                for url in urls {
                    match subscribe(&Client::open(url.as_str())?, channel).await {
                        Err(error) => failure = error,
                        subscribed => return subscribed,
                    }
                }
                Err(failure)
            }
        }
    }
}

async fn subscribe(client: &Client, channel: &str) -> RedisResult<PubSub> {
    let mut subscription = client.get_async_pubsub().await?;
    subscription.subscribe(channel).await?;
    Ok(subscription)
}

/// A manager that fails at once and tries again with the next question, instead of making it wait for its back-off.
fn impatient(patience: Duration) -> ConnectionManagerConfig {
    ConnectionManagerConfig::new()
        .set_response_timeout(Some(patience))
        .set_connection_timeout(Some(patience * 2))
        .set_number_of_retries(1)
        .set_max_delay(Duration::from_millis(200))
}

fn wrong(words: &'static str) -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, words))
}

/// What follows the scheme of several hosts.
struct Rest<'u> {
    credentials: Option<&'u str>,
    hosts: &'u str,
}

impl<'u> Rest<'u> {
    fn of(rest: &'u str) -> Self {
        match rest.rsplit_once('@') {
            Some((credentials, hosts)) => Rest {
                credentials: Some(credentials),
                hosts,
            },
            None => Rest {
                credentials: None,
                hosts: rest,
            },
        }
    }

    /// Each host as a server of its own.
    fn urls(&self) -> impl Iterator<Item = String> {
        let credentials = self
            .credentials
            .map(|credentials| format!("{credentials}@"));
        let credentials = credentials.unwrap_or_default();
        let hosts = self.hosts.split(',');
        hosts.map(move |host| format!("redis://{credentials}{host}"))
    }

    fn sentinels(&self) -> RedisResult<SentinelClient> {
        let (list, service) = self.hosts.split_once('/').ok_or_else(|| {
            wrong("redis+sentinel names no service; write redis+sentinel://HOST:PORT/SERVICE")
        })?;
        let address = |host: &str| {
            let info = format!("redis://{host}").into_connection_info()?;
            Ok(info.addr().clone())
        };
        let addresses = list.split(',').map(address);
        let addresses: RedisResult<Vec<ConnectionAddr>> = addresses.collect();
        let builder = SentinelClientBuilder::new(addresses?, service, SentinelServerType::Master)?;
        let Some(credentials) = self.credentials else {
            return builder.build();
        };
        // A URL may escape what it holds; the library reads it.
        let read = format!("redis://{credentials}@localhost").into_connection_info()?;
        let settings = read.redis_settings();
        let builder = match settings.username() {
            Some(name) => builder.set_client_to_redis_username(name),
            None => builder,
        };
        match settings.password() {
            Some(password) => builder.set_client_to_redis_password(password).build(),
            None => builder.build(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_a_cluster_share_the_password() {
        let rest = Rest::of("me:se@same@one:1,two:2");

        let urls: Vec<_> = rest.urls().collect();

        assert_eq!(
            urls,
            ["redis://me:se@same@one:1", "redis://me:se@same@two:2"]
        );
    }

    #[test]
    fn sentinels_without_a_service_are_told_what_is_missing() {
        let error = Place::new("redis+sentinel://:sesame@one:1,two:2").err();

        let words = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(words.contains("names no service"), "{words}");
        assert!(!words.contains("sesame"), "{words}");
    }
}

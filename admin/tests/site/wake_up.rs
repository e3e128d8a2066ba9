//! Agents are told that something has changed.

use std::time::Duration;

use carillon_redis::{CHANNEL, Place};
use carillon_testbed::{Redis, wait_until_async};
use futures_util::StreamExt as _;
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::support::Site;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn agents_are_woken_by_what_somebody_changes() {
    let redis = Redis::start().unwrap();
    let site = Site::with_redis(&redis.url());
    let owner = site.program("owner");
    let place = Place::new(&redis.url()).unwrap();
    let mut subscription = site.block(place.subscribe(CHANNEL)).unwrap();
    let mut news = subscription.on_message();

    // A wake-up is a kindness that a busy machine may come too late with; then it is said at the next change.
    let mut count = 0;
    let heard = site.block(wait_until_async("a wake-up", LIMIT, async || {
        count += 1;
        let mut owner = owner.clone();
        let job = json!({"name": format!("job {count}"), "group": "default", "command": "true", "schedule": "0 3 * * *"});
        let asked = spawn_blocking(move || owner.send_json("POST", "/api/v1/jobs", &job));
        assert_eq!(asked.await.unwrap().status, 201);
        let heard = tokio::time::timeout(Duration::from_secs(1), news.next()).await;
        heard.ok().flatten()
    }));

    assert_eq!(heard.get_channel_name(), CHANNEL);
}

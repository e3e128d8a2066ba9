//! `GET /api/v1/jobs`: the jobs by name, those that a query finds, or those that are deleted.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Groups, Verb};
use carillon_core::identity::{GroupId, JobId};
use carillon_core::node::Limits;
use carillon_store::{JobFilter, JobGroup, ListedJob};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Paging, list, wrong_field};
use crate::app::App;
use crate::cursor;
use crate::faults::Fault;
use crate::jobs::deleted::{place_of, read_place};
use crate::jobs::document::write;
use crate::jobs::query::{Known, Query as JobQuery};
use crate::jobs::search::search;
use crate::roster::Filter;
use crate::runs::list::visible_groups;
use crate::viewer::Viewer;

/// Which jobs to list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    group: Option<String>,
    q: Option<String>,
    name: Option<String>,
    enabled: Option<bool>,
    deleted: bool,
}

/// The jobs the caller may see, by name.
pub(crate) async fn index(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    if asked.deleted {
        return list_deleted(&app, &viewer, &groups, &paging).await;
    }
    if let (Some(q), None) = (&asked.q, &asked.name) {
        return find(&app, &viewer, groups, (q, &asked, &paging)).await;
    }
    let visible = |group: &&JobGroup| viewer.rights.allows_in(Verb::View, group.id);
    let wanted = |group: &&JobGroup| {
        asked
            .group
            .as_ref()
            .is_none_or(|name| *name == group.name || *name == group.id.to_string())
    };
    let is_restricted = asked.group.is_some() || viewer.rights.groups(Verb::View) != Groups::Every;
    let filter = JobFilter {
        groups: is_restricted.then(|| {
            groups
                .iter()
                .filter(visible)
                .filter(wanted)
                .map(|group| group.id)
                .collect()
        }),
        text: asked.name.clone(),
        enabled: asked.enabled,
        after: cursor::read(&paging.cursor)?,
    };
    let limit = paging.limit()?;
    let jobs = match &asked.name {
        None => app.store.jobs(&filter, limit + 1).await?,
        Some(name) => {
            let mut jobs = app.store.jobs(&filter, 500).await?;
            jobs.retain(|listed| {
                listed
                    .job
                    .as_ref()
                    .is_ok_and(|job| job.draft.name.as_str() == name)
            });
            jobs
        }
    };
    let key = |listed: &ListedJob| {
        let name = listed.job.as_ref().map(|job| job.draft.name.to_string());
        (name.unwrap_or_default(), listed.id)
    };
    Ok(list(jobs, limit, key, |listed| {
        write_listed(listed, &groups)
    }))
}

/// The jobs that a query finds.
async fn find(
    app: &App,
    viewer: &Viewer,
    mut groups: Vec<JobGroup>,
    (q, asked, paging): (&str, &Asked, &Paging),
) -> Result<Response, Fault> {
    groups.retain(|group| viewer.rights.allows_in(Verb::View, group.id));
    let nodes = app.store.nodes(Limits::default()).await?;
    let known = Known {
        groups: &groups,
        nodes: &nodes,
    };
    let query =
        JobQuery::parse(q, known).map_err(|refused| wrong_field("q", refused.to_string()))?;
    let is_it =
        |name: &String, group: &JobGroup| *name == group.name || *name == group.id.to_string();
    let group = asked.group.as_ref().map(|name| {
        let found = groups.iter().find(|group| is_it(name, group));
        found.map_or(GroupId(0), |group| group.id)
    });
    let filter = Filter {
        groups: viewer.rights.groups(Verb::View),
        group,
        enabled: asked.enabled,
        tests: query.tests.clone(),
    };
    app.refresh_roster().await?;
    let limit = usize::try_from(paging.limit()?).unwrap_or(usize::MAX);
    let after = cursor::read(&paging.cursor)?;
    let found = search(app, (&filter, &query), after, limit).await?;
    let ids: Vec<JobId> = found.entries.iter().map(|entry| entry.id).collect();
    let jobs = app.store.jobs_of(&ids).await?;
    let jobs: HashMap<JobId, ListedJob> = jobs.into_iter().map(|job| (job.id, job)).collect();
    let listed = ids.iter().filter_map(|id| jobs.get(id));
    let items: Vec<Value> = listed.map(|listed| write_listed(listed, &groups)).collect();
    let next = found.next.map(|place| cursor::write(&place));
    Ok(Json(json!({ "items": items, "next": next })).into_response())
}

async fn list_deleted(
    app: &App,
    viewer: &Viewer,
    groups: &[JobGroup],
    paging: &Paging,
) -> Result<Response, Fault> {
    let (limit, after) = (paging.limit()?, read_place(&paging.cursor)?);
    let visible = visible_groups(viewer);
    let deleted = app.store.deleted_jobs(visible.as_deref(), after, limit + 1);
    Ok(list(deleted.await?, limit, place_of, |listed| {
        write_listed(listed, groups)
    }))
}

fn write_listed(listed: &ListedJob, groups: &[JobGroup]) -> Value {
    match &listed.job {
        Ok(job) => write(job, groups),
        Err(corrupt) => json!({ "id": listed.id, "problem": corrupt.to_string() }),
    }
}

//! A plan of somebody with limited rights: it tells of nothing that he may not see and holds nothing that he may not do.

use carillon_core::access::Verb;

use super::plan::{Others, Plan, plan};
use super::reading::read;
use super::standing::Standing;
use super::{Mistake, perform};
use crate::app::App;
use crate::faults::Fault;
use crate::runs::list::visible_groups;
use crate::viewer::Viewer;

/// What there is, as far as the viewer may see it.
///
/// # Errors
/// When the store does not answer.
pub(crate) async fn standing_of(app: &App, viewer: &Viewer) -> Result<Standing, Fault> {
    let mut standing = Standing::read(&app.store, visible_groups(viewer)).await?;
    let may_see = |group| viewer.rights.allows_in(Verb::View, group);
    standing.groups.retain(|(group, _)| may_see(group.id));
    Ok(standing)
}

/// What applying the text would change, or the mistakes in it.
///
/// # Errors
/// [`Fault::Forbidden`] when one step is more than the viewer may do.
pub(crate) async fn plan_of(
    app: &App,
    viewer: &Viewer,
    (text, others): (&str, Others),
) -> Result<Result<Plan, Vec<Mistake>>, Fault> {
    let standing = standing_of(app, viewer).await?;
    let planned = read(text).and_then(|declared| plan(&declared, &standing, others));
    if let Ok(plan) = &planned {
        for (verb, group) in plan.steps.iter().flat_map(|step| step.needs()) {
            match group {
                Some(group) => viewer.require_in(verb, group)?,
                None => viewer.require_everywhere(verb)?,
            }
        }
    }
    Ok(planned)
}

/// Carries out what the viewer planned.
///
/// # Errors
/// [`Fault::Overtaken`] when somebody has edited the same in between.
pub(crate) async fn perform_for(app: &App, viewer: &Viewer, plan: Plan) -> Result<(), Fault> {
    use carillon_store::StoreError;
    let performed = perform(&app.store, plan, &viewer.editor()).await;
    performed.map_err(|stopped| match stopped.source {
        source @ StoreError::Unavailable { .. } => source.into(),
        _ => Fault::Overtaken(stopped.to_string()),
    })
}

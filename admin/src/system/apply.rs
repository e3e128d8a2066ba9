//! Applying a declaration: paste it, see what would change, then change it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;

use crate::app::App;
use crate::declaration::{Mistake, Others, Plan, Step, perform_for, plan_of};
use crate::faults::Fault;
use crate::page::{Chrome, go, show as show_page};
use crate::posted::Posted;
use crate::secret;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

#[derive(Template)]
#[template(path = "system/apply.html")]
struct ApplyPage {
    chrome: Chrome,
    w: &'static Words,
    text: String,
    is_pruning: bool,
    plan: Option<Shown>,
    mistakes: Vec<Mistake>,
    /// What else is to be said.
    told: Option<String>,
}

/// A plan on a page.
struct Shown {
    steps: Vec<Step>,
    summary: String,
    /// Tells this plan from any other.
    trace: String,
}

impl Shown {
    fn of(plan: &Plan, w: &Words) -> Self {
        let count = |verb| plan.count(verb);
        let counts = [count("create"), count("change"), count("delete"), plan.same];
        let [create, change, delete, same] = counts;
        Shown {
            summary: fill(w.system.plan_summary, &[&create, &change, &delete, &same]),
            trace: trace_of(plan),
            steps: plan.steps.clone(),
        }
    }
}

/// The same for the same steps alone.
fn trace_of(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| {
        format!(
            "{} {} {} {:?}\n",
            step.verb(),
            step.noun,
            step.name,
            step.fields
        )
    });
    let trace = secret::trace(&steps.collect::<String>());
    trace.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The empty form.
pub(crate) async fn form(chrome: Chrome) -> Result<Response, Fault> {
    show_page(&ApplyPage {
        w: chrome.words,
        chrome,
        text: String::new(),
        is_pruning: false,
        plan: None,
        mistakes: Vec::new(),
        told: None,
    })
}

/// Shows the plan; carries it out when that was asked for and it is the one that was shown.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let text = posted.text("text").replace("\r\n", "\n");
    let is_pruning = posted.has("prune");
    let others = match is_pruning {
        true => Others::Delete,
        false => Others::Keep,
    };
    let planned = plan_of(&app, &viewer, (&text, others)).await?;
    let (mut told, mut status) = (None, StatusCode::OK);
    if let Ok(plan) = &planned
        && posted.has("apply")
    {
        if trace_of(plan) == posted.text("plan") {
            perform_for(&app, &viewer, plan.clone()).await?;
            return Ok(go("/jobs?note=applied"));
        }
        told = Some(w.system.plan_other.to_owned());
        status = StatusCode::CONFLICT;
    }
    let (plan, mistakes) = match planned {
        Ok(plan) => (Some(Shown::of(&plan, w)), Vec::new()),
        Err(mistakes) => {
            status = StatusCode::UNPROCESSABLE_ENTITY;
            (None, mistakes)
        }
    };
    let page = ApplyPage {
        w,
        chrome,
        text,
        is_pruning,
        plan,
        mistakes,
        told,
    };
    Ok((status, show_page(&page)?).into_response())
}

impl ApplyPage {
    fn may_manage(&self) -> bool {
        self.chrome.may_everywhere(Verb::ManageGroups)
    }

    fn verb(&self, step: &Step) -> &'static str {
        match step.verb() {
            "create" => self.w.system.plan_create,
            "delete" => self.w.system.plan_delete,
            _ => self.w.system.plan_change,
        }
    }

    fn noun(&self, step: &Step) -> &'static str {
        match step.noun {
            "group" => self.w.chrome.group,
            "calendar" => self.w.jobs.calendar,
            _ => self.w.runs.job,
        }
    }
}

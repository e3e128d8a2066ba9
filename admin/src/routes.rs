//! Every address of the product with what it needs: `pages` for people, `api` for programs. A route cannot be written
//! without a need.

mod api;
mod pages;

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::account::step_up::Proof;
use crate::app::App;
use crate::faults::Fault;
use crate::guard::{self, Demand, Medium, Need};

/// One address, as tests and documents see it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The method.
    pub method: Method,
    /// The path, with `{…}` for its parameters.
    pub path: &'static str,
    /// What the caller must be allowed to do.
    pub need: Need,
    /// How fresh the proof of who he is must be.
    pub proof: Proof,
    /// Who it is for.
    pub medium: Medium,
}

struct Route {
    listed: Listed,
    handler: MethodRouter<Arc<App>>,
}

fn route<H, T>(medium: Medium, method: Method, path: &'static str, need: Need, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    let filter = MethodFilter::try_from(method.clone()).expect("the table uses plain methods");
    Route {
        listed: Listed {
            method,
            path,
            need,
            proof: Proof::OfSession,
            medium,
        },
        handler: on(filter, handler),
    }
}

impl Route {
    /// The same, asked for again from whoever has not proved of late who he is.
    fn with(mut self, proof: Proof) -> Self {
        self.listed.proof = proof;
        self
    }
}

fn page<H: Handler<T, Arc<App>>, T: 'static>(path: &'static str, need: Need, handler: H) -> Route {
    route(Medium::Page, Method::GET, path, need, handler)
}

fn action<H: Handler<T, Arc<App>>, T: 'static>(
    path: &'static str,
    need: Need,
    handler: H,
) -> Route {
    route(Medium::Page, Method::POST, path, need, handler)
}

fn api<H: Handler<T, Arc<App>>, T: 'static>(
    method: Method,
    path: &'static str,
    need: Need,
    handler: H,
) -> Route {
    route(Medium::Api, method, path, need, handler)
}

fn table() -> Vec<Route> {
    let parts = [
        pages::account_routes(),
        pages::job_routes(),
        pages::run_routes(),
        pages::calendar_routes(),
        pages::alert_routes(),
        pages::house_routes(),
        pages::people_routes(),
        api::api_work_routes(),
        api::api_run_routes(),
        api::api_calendar_routes(),
        api::api_house_routes(),
        api::api_people_routes(),
        api::api_view_routes(),
        api::api_watch_routes(),
        api::machine_routes(),
    ];
    parts.into_iter().flatten().collect()
}

/// Every address of the product.
pub fn listing() -> Vec<Listed> {
    table().into_iter().map(|route| route.listed).collect()
}

/// The table as a router: before every handler stands its guard.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let router = table().into_iter().fold(Router::new(), |router, route| {
        let Listed {
            path,
            need,
            proof,
            medium,
            ..
        } = route.listed;
        let demand = Demand {
            app: Arc::clone(app),
            need,
            proof,
            medium,
        };
        let handler = route
            .handler
            .route_layer(from_fn_with_state(demand, guard::check));
        router.route(path, handler)
    });
    router
        .fallback(|uri: axum::http::Uri| async move { Fault::not_found("page", uri.path()) })
        .method_not_allowed_fallback(async || Fault::WrongMethod)
        .with_state(Arc::clone(app))
}

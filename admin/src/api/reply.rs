//! What all answers and questions of the API share: lists with cursors, documents in bodies.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cursor;
use crate::faults::Fault;
use crate::jobs::document::Document;

/// Items of a list unless the caller says otherwise, and at most.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 500;

/// Where in a list, and how much.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Paging {
    limit: Option<String>,
    pub(crate) cursor: String,
}

impl Paging {
    /// How many items.
    /// # Errors
    /// When it is no number from 1 to the limit.
    pub(crate) fn limit(&self) -> Result<u32, Fault> {
        let Some(text) = &self.limit else {
            return Ok(LIMIT);
        };
        let limit = text
            .parse()
            .ok()
            .filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| {
            Fault::Malformed(format!(
                "limit {text:?} is not a number from 1 to {LIMIT_MAX}"
            ))
        })
    }
}

/// A list: the items that fit, and the cursor of what follows. `items` holds one more than fits when more follow.
pub(crate) fn list<T, K: Serialize>(
    mut items: Vec<T>,
    limit: u32,
    key: impl Fn(&T) -> K,
    write: impl Fn(&T) -> Value,
) -> Response {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items
        .last()
        .filter(|_| has_more)
        .map(|last| cursor::write(&key(last)));
    Json(json!({ "items": items.iter().map(write).collect::<Vec<_>>(), "next": next }))
        .into_response()
}

/// A list that has one page only.
pub(crate) fn whole_list(items: Vec<Value>) -> Response {
    Json(json!({ "items": items, "next": null })).into_response()
}

/// A document that was made, at its address.
pub(crate) fn created(address: &str, document: &Value) -> Response {
    (
        StatusCode::CREATED,
        [(header::LOCATION, address.to_owned())],
        Json(document),
    )
        .into_response()
}

/// The JSON object in a body; no body is an empty one.
#[derive(Debug)]
pub(crate) struct Body(pub(crate) Document);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Fault;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fault> {
        let media_type = request.headers().get(header::CONTENT_TYPE);
        let media_type = media_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|rejection| Fault::Malformed(rejection.body_text()))?;
        if body.is_empty() {
            return Ok(Body(Document::new()));
        }
        if !media_type.starts_with("application/json")
            && !media_type.starts_with("application/merge-patch+json")
        {
            return Err(Fault::Malformed(format!(
                "the body is {media_type:?}; send application/json"
            )));
        }
        match serde_json::from_slice(&body) {
            Ok(Value::Object(document)) => Ok(Body(document)),
            Ok(_) => Err(Fault::Malformed("the body is no JSON object".to_owned())),
            Err(error) => Err(Fault::Malformed(format!("the body is no JSON: {error}"))),
        }
    }
}

impl Body {
    /// Takes a field out of the document and reads it.
    /// # Errors
    /// When it is not what is expected.
    pub(crate) fn take<T: serde::de::DeserializeOwned>(
        &mut self,
        field: &str,
    ) -> Result<Option<T>, Fault> {
        match self.0.remove(field) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_json::from_value(value)
                .map(Some)
                .map_err(|error| Fault::Fields(vec![(field.to_owned(), error.to_string())])),
        }
    }

    /// Takes a field in which null says something else than nothing.
    pub(crate) fn take_even_null(&mut self, field: &str) -> Option<Value> {
        self.0.remove(field)
    }

    /// Passes when every field has been taken.
    /// # Errors
    /// With the fields that nobody knows.
    pub(crate) fn require_empty(self) -> Result<(), Fault> {
        if self.0.is_empty() {
            return Ok(());
        }
        let unknown = self
            .0
            .into_iter()
            .map(|(field, _)| (field, "there is no such field here".to_owned()));
        Err(Fault::Fields(unknown.collect()))
    }
}

/// A complaint about one field.
pub(crate) fn wrong_field(field: &str, wrong: impl Into<String>) -> Fault {
    Fault::Fields(vec![(field.to_owned(), wrong.into())])
}

//! A posted form: checked to come from our own page, then read field by field.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};

use crate::app::App;
use crate::faults::Fault;
use crate::secret;
use crate::viewer::{Credential, Viewer};

/// The fields of a form whose token was right.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posted {
    fields: Vec<(String, String)>,
}

impl Posted {
    /// The first value of a field, as typed; an absent field is empty.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map_or("", |(_, value)| value)
    }

    /// All values of a field.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields
            .iter()
            .filter(move |(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the field was sent: a box was ticked, a button pressed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(field, _)| field == name)
    }

    /// The fields but these, in their order.
    pub(crate) fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let fields = self.fields.iter();
        let others = fields.filter(|(name, _)| !names.contains(&name.as_str()));
        others.cloned().collect()
    }

    /// The fields but one, as a body.
    pub(crate) fn body_without(&self, name: &str) -> String {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(self.without(&[name]));
        body.finish()
    }

    /// Passes when the form was served to this session.
    /// # Errors
    /// With the fault that says so.
    pub(crate) fn require_served_to(&self, session: &str) -> Result<(), Fault> {
        match secret::is_same(self.text("csrf"), &secret::form_token(session)) {
            true => Ok(()),
            false => Err(Fault::ForeignForm),
        }
    }

    /// The fields as they stand in an address or a body.
    pub(crate) fn parse(text: &[u8]) -> Self {
        Posted {
            fields: url::form_urlencoded::parse(text).into_owned().collect(),
        }
    }
}

impl FromRequest<Arc<App>> for Posted {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Fault> {
        Posted::read(app, request).await
    }
}

impl Posted {
    /// Reads and checks the form that a request carries.
    /// # Errors
    /// When it cannot be read, or was not served to this session.
    pub(crate) async fn read(app: &Arc<App>, request: Request) -> Result<Self, Fault> {
        let session = match request
            .extensions()
            .get::<Viewer>()
            .map(|viewer| &viewer.credential)
        {
            Some(Credential::Session(secret)) => Some(secret.clone()),
            Some(Credential::Token) | None => None,
        };
        let body = Bytes::from_request(request, app).await;
        let body = body.map_err(|rejection| Fault::Malformed(rejection.body_text()))?;
        let posted = Posted::parse(&body);
        // Without a session there is nothing to abuse but the origin, which a layer has checked.
        if let Some(session) = session {
            posted.require_served_to(&session)?;
        }
        Ok(posted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_typed() {
        let posted = Posted::parse("a=1+2&b=%E9%92%9F&a=3&empty=".as_bytes());

        assert_eq!(posted.text("a"), "1 2");
        assert_eq!(posted.all("a").collect::<Vec<_>>(), ["1 2", "3"]);
        assert_eq!(posted.text("b"), "钟");
        assert!(posted.has("empty") && !posted.has("absent"));
        assert_eq!(posted.text("absent"), "");
    }
}

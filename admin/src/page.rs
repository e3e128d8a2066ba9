//! What every page carries around its content: language, theme, zone, viewer, navigation, note.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::cookie::CookieJar;
use carillon_core::access::Verb;
use carillon_core::lang::Lang;
use jiff::tz::TimeZone;

use crate::app::App;
use crate::assets::{self, Addresses};
use crate::faults::Fault;
use crate::moment::Moments;
use crate::posted::Posted;
use crate::secret;
use crate::viewer::{Credential, Viewer};
use crate::words::{Words, words};

/// The surroundings of a page.
#[derive(Debug, Clone)]
pub(crate) struct Chrome {
    pub(crate) words: &'static Words,
    pub(crate) theme: &'static str,
    pub(crate) moments: Moments,
    pub(crate) viewer: Option<Viewer>,
    /// The proof for this session's forms; empty without a session.
    pub(crate) csrf: String,
    /// The address of this page, to come back to.
    pub(crate) here: String,
    pub(crate) note: Option<&'static str>,
    /// The browser runs the script of our pages, so that what is shown refreshes itself.
    pub(crate) runs_script: bool,
    pub(crate) ribbon: Vec<String>,
    pub(crate) assets: &'static Addresses,
}

/// One heading of the navigation.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) entries: Vec<Entry>,
}

/// One line of the navigation.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) href: &'static str,
    pub(crate) title: &'static str,
    /// The letter after `g` that goes there.
    pub(crate) key: Option<char>,
    pub(crate) is_current: bool,
}

impl Chrome {
    /// The tag for the `lang` attribute.
    pub(crate) fn html_lang(&self) -> &'static str {
        match self.words.lang {
            Lang::En => "en",
            Lang::Zh => "zh-Hans",
        }
    }

    pub(crate) fn is_lang(&self, tag: &str) -> bool {
        self.words.lang.tag() == tag
    }

    /// Whether the viewer may do it in some group.
    pub(crate) fn may(&self, verb: Verb) -> bool {
        self.viewer
            .as_ref()
            .is_some_and(|viewer| viewer.rights.allows_somewhere(verb))
    }

    /// Whether the viewer may do it everywhere.
    pub(crate) fn may_everywhere(&self, verb: Verb) -> bool {
        self.viewer
            .as_ref()
            .is_some_and(|viewer| viewer.rights.allows_everywhere(verb))
    }

    /// The navigation: what the viewer may open.
    pub(crate) fn navigation(&self) -> Vec<Section> {
        let w = &self.words.chrome;
        let entry = |href: &'static str, title, key| Entry {
            href,
            title,
            key,
            is_current: self.is_within(href),
        };
        let work = vec![
            entry("/", w.overview, Some('o')),
            entry("/jobs", w.jobs, Some('j')),
            entry("/runs", w.runs, Some('r')),
            entry("/timeline", w.timeline, Some('t')),
            entry("/calendars", w.calendars, None),
        ];
        let fleet = vec![
            entry("/nodes", w.nodes, Some('n')),
            entry("/alerts", w.alerts, Some('a')),
        ];
        let house = [
            (self.may(Verb::View), entry("/groups", w.groups, None)),
            (self.may(Verb::Edit), entry("/import", w.import, None)),
            (
                self.may_everywhere(Verb::ManageUsers),
                entry("/users", w.users, None),
            ),
            (
                self.may_everywhere(Verb::ReadAudit),
                entry("/audit", w.audit, None),
            ),
            (self.may(Verb::View), entry("/system", w.health, None)),
        ];
        let house = house
            .into_iter()
            .filter_map(|(may, entry)| may.then_some(entry))
            .collect();
        vec![
            Section {
                title: w.section_work,
                entries: work,
            },
            Section {
                title: w.section_fleet,
                entries: fleet,
            },
            Section {
                title: w.section_house,
                entries: house,
            },
        ]
    }

    fn is_within(&self, href: &str) -> bool {
        let path = self.here.split('?').next().unwrap_or_default();
        match href {
            "/" => path == "/",
            _ => path
                .strip_prefix(href)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    /// The surroundings for a request with these headers, at this address, from this viewer.
    pub(crate) fn of(app: &App, headers: &HeaderMap, here: &str, viewer: Option<Viewer>) -> Self {
        let jar = CookieJar::from_headers(headers);
        let choice = |name: &str| jar.get(name).map(|cookie| cookie.value().to_owned());
        let words = words(
            choice("carillon_lang")
                .and_then(|tag| tag.parse().ok())
                .unwrap_or_else(|| preferred(headers)),
        );
        let zone_name = choice("carillon_zone").map(|name| name.replace("%2F", "/"));
        let zone = zone_name
            .as_deref()
            .and_then(|name| Some((TimeZone::get(name).ok()?, name.to_owned())));
        let (zone, zone_name) = zone.unwrap_or_else(|| (TimeZone::UTC, "UTC".to_owned()));
        let query = here.split_once('?').map_or("", |(_, query)| query);
        let csrf = match viewer.as_ref().map(|viewer| &viewer.credential) {
            Some(Credential::Session(session)) => secret::form_token(session),
            Some(Credential::Token) | None => String::new(),
        };
        Chrome {
            words,
            theme: match choice("carillon_theme").as_deref() {
                Some("light") => "light",
                Some("dark") => "dark",
                _ => "auto",
            },
            moments: Moments {
                zone,
                zone_name,
                now: app.now(),
                words,
            },
            csrf,
            note: words
                .chrome
                .note(Posted::parse(query.as_bytes()).text("note")),
            here: here.to_owned(),
            runs_script: choice("carillon_script").is_some(),
            ribbon: if viewer.is_some() {
                app.ribbon(words)
            } else {
                Vec::new()
            },
            viewer,
            assets: assets::addresses(),
        }
    }
}

/// The language the browser asks for, as far as we speak it.
fn preferred(headers: &HeaderMap) -> Lang {
    let wanted = headers.get(header::ACCEPT_LANGUAGE);
    let wanted = wanted
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut tags = wanted
        .split(',')
        .map(|tag| tag.trim().get(..2).unwrap_or_default());
    tags.find_map(|tag| tag.to_ascii_lowercase().parse().ok())
        .unwrap_or_default()
}

impl FromRequestParts<Arc<App>> for Chrome {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Fault> {
        let viewer = parts.extensions.get::<Viewer>().cloned();
        let here = match parts.extensions.get::<OriginalUri>() {
            Some(OriginalUri(uri)) => uri.path_and_query(),
            None => parts.uri.path_and_query(),
        };
        let here = here.map_or("/", |path| path.as_str()).to_owned();
        Ok(Chrome::of(app, &parts.headers, &here, viewer))
    }
}

/// The page as an answer.
/// # Errors
/// When the template cannot be written, which is a fault of ours.
pub(crate) fn show(page: &impl Template) -> Result<Response, Fault> {
    let html = page
        .render()
        .map_err(|error| Fault::Internal(error.into()))?;
    Ok(Html(html).into_response())
}

/// Where a form sends the browser next: a page of ours, with a note.
pub(crate) fn go(path: &str) -> Response {
    axum::response::Redirect::to(path).into_response()
}

/// A path of this site, or the overview: nobody is redirected to where an address says.
pub(crate) fn own_path(text: &str) -> &str {
    let is_own = text.starts_with('/')
        && !text.starts_with("//")
        && !text.contains(['\\', '\r', '\n', '\t'])
        && !text.starts_with("/sign-");
    if is_own { text } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for text in [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "",
            "/a\r\nb",
            "/sign-in",
        ] {
            assert_eq!(own_path(text), "/", "{text:?}");
        }
        assert_eq!(own_path("/jobs?q=a"), "/jobs?q=a");
    }

    #[test]
    fn the_browser_is_answered_in_its_language() {
        let asked = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, value.parse().unwrap());
            preferred(&headers)
        };

        assert_eq!(asked("zh-CN,zh;q=0.9,en;q=0.8"), Lang::Zh);
        assert_eq!(asked("de-DE,de;q=0.9,en;q=0.8"), Lang::En);
        assert_eq!(asked("fr"), Lang::En);
    }
}

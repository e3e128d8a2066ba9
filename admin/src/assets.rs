//! The stylesheet, the script and the icon, embedded in the program under names that change with their content.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};

use crate::faults::Fault;

struct Asset {
    stem: &'static str,
    extension: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const ASSETS: [Asset; 3] = [
    Asset {
        stem: "style",
        extension: "css",
        media_type: "text/css; charset=utf-8",
        content: include_str!("../assets/style.css"),
    },
    Asset {
        stem: "carillon",
        extension: "js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../assets/carillon.js"),
    },
    Asset {
        stem: "icon",
        extension: "svg",
        media_type: "image/svg+xml",
        content: include_str!("../assets/icon.svg"),
    },
];

impl Asset {
    fn file_name(&self) -> String {
        let digest = Sha256::digest(self.content.as_bytes());
        let hash: String = digest
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{}.{hash}.{}", self.stem, self.extension)
    }
}

/// The addresses of the assets, for templates.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) style: String,
    pub(crate) script: String,
    pub(crate) icon: String,
}

static ADDRESSES: LazyLock<Addresses> = LazyLock::new(|| {
    let [style, script, icon] = ASSETS.map(|asset| format!("/assets/{}", asset.file_name()));
    Addresses {
        style,
        script,
        icon,
    }
});

/// The addresses of the assets, for templates.
pub(crate) fn addresses() -> &'static Addresses {
    &ADDRESSES
}

/// Serves one asset; its name holds its hash, so it may be kept for ever.
pub(crate) async fn show(Path(file): Path<String>) -> Result<Response, Fault> {
    let asset = ASSETS.iter().find(|asset| asset.file_name() == file);
    let asset = asset.ok_or_else(|| Fault::not_found("asset", &file))?;
    let headers = [
        (header::CONTENT_TYPE, asset.media_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    Ok((StatusCode::OK, headers, asset.content).into_response())
}

//! What a round sees of API tokens: those that end soon.

use carillon_core::evidence::Evidence;
use carillon_core::incident::Sighting;
use carillon_core::rule::{Rule, Subject, SubjectKind};
use carillon_store::{Store, StoreError};
use jiff::SignedDuration;

use crate::ledger::Ledger;

/// Enters the tokens that end within `ahead`, and leaves alone those that were made for hardly longer.
pub(crate) async fn look_at_tokens(
    store: &Store,
    ahead: SignedDuration,
    ledger: &mut Ledger,
) -> Result<(), StoreError> {
    let ending = store.tokens_ending(ahead).await?;
    for token in &ending {
        let Some(expires_at) = token.expires_at else {
            continue;
        };
        ledger.see_trouble(Sighting {
            rule: Rule::TokenExpiring,
            subject: Subject::token(token.id, &token.name, &token.user_name),
            since_at: expires_at.saturating_sub(ahead).unwrap_or(ledger.now),
            count: 1,
            evidence: Evidence::Expiry {
                expires_at,
                used_at: token.used_at,
            },
        });
    }
    for incident in ledger.open_about(SubjectKind::Token) {
        // It was revoked by somebody who knows, or it has ended as told.
        if !ending.iter().any(|token| token.id == incident.subject.id) {
            ledger.hush(&incident);
        }
    }
    Ok(())
}

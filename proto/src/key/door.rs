//! Keys of what doors keep: tokens and uploads.

use super::{DataKey, FactKey, MarkerKey, Prefix, segment};
use crate::Result;

/// A token, by its id.
pub fn token(id: &str) -> Result<MarkerKey> {
    MarkerKey::build(format!("fleet/tokens/{}", segment("token", id)?))
}

/// All tokens.
pub fn tokens() -> Result<Prefix> {
    Prefix::build("fleet/tokens/".to_owned())
}

/// What was said when an upload began.
pub fn upload_begun(tenant: &str, id: &str) -> Result<FactKey> {
    FactKey::build(below(tenant, id, "begun")?)
}

/// That an upload is complete, with length and SHA-256.
pub fn upload_done(tenant: &str, id: &str) -> Result<FactKey> {
    FactKey::build(below(tenant, id, "done")?)
}

/// The bytes of a complete upload.
pub fn upload_data(tenant: &str, id: &str) -> Result<DataKey> {
    DataKey::build(below(tenant, id, "data")?)
}

/// A part of an upload by its first byte: a part that is sent again replaces itself.
pub fn upload_part(tenant: &str, id: &str, first: u64) -> Result<DataKey> {
    DataKey::build(below(tenant, id, &format!("part-{first:015}"))?)
}

/// All parts of an upload, in the order of their first bytes.
pub fn upload_parts(tenant: &str, id: &str) -> Result<Prefix> {
    Prefix::build(below(tenant, id, "part-")?)
}

fn below(tenant: &str, id: &str, rest: &str) -> Result<String> {
    Ok(format!("t/{}/u/{}/{rest}", segment("tenant", tenant)?, segment("upload", id)?))
}

//! Tokens of callers: who holds one may act for its tenant, within its scopes.

use serde::{Deserialize, Serialize};

/// What a caller may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Ask for jobs, steer them, upload tables.
    Submit,
    /// See jobs, results and synthetic rows.
    Read,
    /// See real rows and the exact description of them.
    ReadReal,
    /// Manage tokens; with a token for every tenant, the fleet.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Submit, Self::Read, Self::ReadReal, Self::Admin];

    /// The name in documents and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Read => "read",
            Self::ReadReal => "read_real",
            Self::Admin => "admin",
        }
    }
}

/// A token as the store keeps it: never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDoc {
    /// Version.
    pub v: u16,
    /// Its id, 26 characters of base32.
    pub id: String,
    /// SHA-256 of the secret in hexadecimal.
    pub sha256: String,
    /// The tenant; `None`: every tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// What its holder may do.
    pub scopes: Vec<Scope>,
    /// Milliseconds since 1970.
    pub created_at: i64,
    /// Milliseconds since 1970 from which on it is void; `None`: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Whose it is, in words for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

//! One error type for every room: a kind that tells the caller what to do, a public code, a sentence,
//! and, where they are known, the place and the remedy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the caller of a failed operation must do. Callers match on this and on nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// Fix the request or the options.
    Invalid,
    /// Fix the table.
    Data,
    /// Choose another member: this one cannot take the table.
    Unsupported,
    /// Something outside is away, denied or corrupt: try again later.
    Unavailable,
    /// Someone was faster: read again.
    Conflict,
    /// Free room on the disk.
    NoSpace,
    /// The budget said stop: cancelled, out of time or draining.
    Stopped,
    /// Our bug.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of the table in `ARCHITECTURE.md`.
    pub const ALL: [Self; 8] =
        [Self::Invalid, Self::Data, Self::Unsupported, Self::Unavailable, Self::Conflict, Self::NoSpace, Self::Stopped, Self::Internal];

    /// The exit code of a user command that ends with this kind.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Invalid => 2,
            Self::Data | Self::Unsupported => 3,
            Self::Unavailable => 5,
            Self::Conflict | Self::NoSpace | Self::Internal => 1,
            Self::Stopped => 130,
        }
    }

    /// The exit code of a task process (`synthfleet task`) that ends with this kind.
    pub const fn task_exit_code(self) -> u8 {
        match self {
            Self::Invalid => 78,
            Self::Data => 65,
            Self::Unsupported => 69,
            Self::Unavailable | Self::Conflict | Self::NoSpace => 75,
            Self::Stopped => 143,
            Self::Internal => 70,
        }
    }

    /// The status of an HTTP answer that reports this kind.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid | Self::Data | Self::Unsupported => 422,
            Self::Unavailable => 503,
            Self::Conflict | Self::Stopped => 409,
            Self::NoSpace => 507,
            Self::Internal => 500,
        }
    }

    /// The name used on the wire, for example `no_space`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Data => "data",
            Self::Unsupported => "unsupported",
            Self::Unavailable => "unavailable",
            Self::Conflict => "conflict",
            Self::NoSpace => "no_space",
            Self::Stopped => "stopped",
            Self::Internal => "internal",
        }
    }
}

/// Where in an input something went wrong. Absent parts are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// File, link or option source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// Character within the line, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub position: Option<u64>,
    /// Column name of the table.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub column: Option<String>,
    /// JSON pointer or option path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pointer: Option<String>,
    /// The text around the fault, control characters escaped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub excerpt: Option<String>,
}

/// The result of anything that can fail in this project.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of one of eight kinds. The fields are what a person is shown; the source is for logs.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    code: String,
    message: String,
    help: Vec<String>,
    place: Place,
    others: Vec<Error>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            pub fn $name(code: &str, message: impl Into<String>) -> Self {
                Self::new(ErrorKind::$kind, code, message)
            }
        )*
    };
}

impl Error {
    /// Makes an error. `code` is `area::snake_case`; the message is lower case without a full stop.
    pub fn new(kind: ErrorKind, code: &str, message: impl Into<String>) -> Self {
        debug_assert!(code.contains("::"), "an error code names its area: {code}");
        let (code, message) = (code.to_owned(), message.into());
        let (help, place, others) = (Vec::new(), Place::default(), Vec::new());
        Self(Box::new(Inner { kind, code, message, help, place, others, source: None }))
    }

    constructors! {
        /// Fix the request or the options.
        invalid => Invalid,
        /// Fix the table.
        data => Data,
        /// Choose another member.
        unsupported => Unsupported,
        /// Something outside is away, denied or corrupt.
        unavailable => Unavailable,
        /// Someone was faster.
        conflict => Conflict,
        /// Free room on the disk.
        no_space => NoSpace,
        /// The budget said stop.
        stopped => Stopped,
        /// Our bug.
        internal => Internal,
    }

    /// Turns an operating-system error on `path` into the right kind.
    pub fn io(path: impl std::fmt::Display, source: std::io::Error) -> Self {
        use std::io::ErrorKind as Io;
        let error = match source.kind() {
            Io::NotFound => Self::data("source::not_found", format!("no such file: {path}")),
            Io::PermissionDenied => {
                Self::unavailable("source::denied", format!("not allowed to use {path}")).help("give this user the right to it")
            }
            Io::StorageFull | Io::QuotaExceeded => Self::no_space("io::disk_full", format!("no room left while writing {path}"))
                .help("free room, or choose another folder with --work-dir"),
            _ => Self::unavailable("io::failed", format!("cannot use {path}: {source}")),
        };
        error.caused_by(source)
    }

    /// Adds one line that says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help.push(help.into());
        self
    }

    /// Names the place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.0.place = place;
        self
    }

    /// Names the file or link, keeping the rest of the place.
    #[must_use]
    pub fn in_source(mut self, source: impl Into<String>) -> Self {
        self.0.place.source = Some(source.into());
        self
    }

    /// Names the column, keeping the rest of the place.
    #[must_use]
    pub fn in_column(mut self, column: impl Into<String>) -> Self {
        self.0.place.column = Some(column.into());
        self
    }

    /// Names the option or JSON pointer, keeping the rest of the place.
    #[must_use]
    pub fn at_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.0.place.pointer = Some(pointer.into());
        self
    }

    /// Keeps the cause for logs.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds further errors that were found in the same check, so that all are told at once.
    #[must_use]
    pub fn and(mut self, others: impl IntoIterator<Item = Error>) -> Self {
        self.0.others.extend(others);
        self
    }

    /// What the caller must do.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The public code, for example `csv::ragged`.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// The sentence, without code and place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do, one line each.
    pub fn helps(&self) -> &[String] {
        &self.0.help
    }

    /// Where it happened.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// Further errors of the same check.
    pub fn others(&self) -> &[Error] {
        &self.0.others
    }

    /// The form that travels and is stored.
    pub fn to_wire(&self) -> WireError {
        WireError {
            kind: self.0.kind,
            code: self.0.code.clone(),
            message: self.0.message.clone(),
            help: self.0.help.clone(),
            place: self.0.place.clone(),
            others: self.0.others.iter().map(Self::to_wire).collect(),
        }
    }
}

/// An error as it is written into facts, child lines and `--json` output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WireError {
    /// What the reader must do.
    pub kind: ErrorKind,
    /// The public code.
    pub code: String,
    /// The sentence.
    pub message: String,
    /// What to do, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub help: Vec<String>,
    /// Where it happened.
    #[serde(default, skip_serializing_if = "Place::is_unknown")]
    pub place: Place,
    /// Further errors of the same check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<WireError>,
}

impl Place {
    /// Whether nothing at all is known about the place.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

impl From<WireError> for Error {
    fn from(wire: WireError) -> Self {
        let mut error = Self::new(wire.kind, &wire.code, wire.message).at(wire.place);
        error.0.help = wire.help;
        error.and(wire.others.into_iter().map(Self::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_exit_code_and_status() {
        let table: Vec<_> = ErrorKind::ALL.iter().map(|k| (k.name(), k.exit_code(), k.http_status())).collect();
        let expected = [
            ("invalid", 2, 422),
            ("data", 3, 422),
            ("unsupported", 3, 422),
            ("unavailable", 5, 503),
            ("conflict", 1, 409),
            ("no_space", 1, 507),
            ("stopped", 130, 409),
            ("internal", 1, 500),
        ];
        assert_eq!(table, expected);
    }

    #[test]
    fn an_error_survives_the_wire() {
        let error = Error::data("csv::ragged", "row has 17 fields, header has 15")
            .in_source("adult.csv")
            .help("--bad-rows skip")
            .and([Error::data("csv::nul_byte", "NUL byte at line 3")]);
        let wire = error.to_wire();
        let text = serde_json::to_string(&wire).expect("plain data serializes");
        let back: WireError = serde_json::from_str(&text).expect("own text parses");
        assert_eq!(back, wire);
        assert_eq!(Error::from(back).to_wire(), wire);
    }
}

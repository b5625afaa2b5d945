//! What can go wrong between this process and a bucket, told apart by what to do about it.

use super::Inner;
use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
};
use std::{error::Error as StdError, fmt};
use synthfleet_proto::{Error, key::Key};

/// Why an operation on a bucket did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no such object.
    Absent,
    /// There is no such bucket.
    NoBucket,
    /// There is no such upload: it was completed or aborted.
    NoUpload,
    /// 412: the condition does not hold.
    Condition,
    /// 409: another writer is at work. Try again.
    Conflict,
    /// 416: the object ends before the range.
    OutOfRange,
    /// The bucket is full.
    Full(String),
    /// Who asks may not.
    Denied(String),
    /// Away, slow or broken off. Try again.
    Busy(String),
    /// The request can never be right.
    Refused(String),
}

/// Codes that come with a 400 and yet pass by themselves.
const PASSING: [&str; 3] = ["RequestTimeout", "SlowDown", "InternalError"];
/// Codes by which a server says who may not, whatever their status.
const DENIALS: [&str; 6] =
    ["AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired"];

impl Trouble {
    /// Judges an error of the client.
    pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: StdError + ProvideErrorMetadata + 'static,
    {
        match error {
            SdkError::ServiceError(context) => {
                let status = context.raw().status().as_u16();
                let meta = context.err().meta();
                Self::answered(status, meta.code().unwrap_or_default(), meta.message().unwrap_or_default())
            }
            _ if lacks_credentials(error) => Self::Denied(DisplayErrorContext(error).to_string()),
            SdkError::ConstructionFailure(_) => Self::Refused(DisplayErrorContext(error).to_string()),
            // a reset, a time-out, an answer that was cut
            _ => Self::Busy(DisplayErrorContext(error).to_string()),
        }
    }

    /// Judges an answer with an error status.
    pub(crate) fn answered(status: u16, code: &str, message: &str) -> Self {
        let told = || match (code, message) {
            ("", "") => format!("status {status}"),
            (code, "") => format!("status {status}, {code}"),
            (code, message) => format!("status {status}, {code}: {message}"),
        };
        match (status, code) {
            (_, "NoSuchBucket") => Self::NoBucket,
            (_, "NoSuchUpload") => Self::NoUpload,
            (_, "XMinioStorageFull" | "QuotaExceeded") | (507, _) => Self::Full(told()),
            (_, code) if DENIALS.contains(&code) => Self::Denied(told()),
            (401 | 403, _) => Self::Denied(told()),
            (_, code) if PASSING.contains(&code) => Self::Busy(told()),
            // success that cannot be read: what happened is not known
            (200..=299, _) => Self::Busy(told()),
            (408 | 425 | 429 | 500 | 502..=504, _) => Self::Busy(told()),
            (404, _) => Self::Absent,
            (409, _) => Self::Conflict,
            (412, _) => Self::Condition,
            (416, _) => Self::OutOfRange,
            _ => Self::Refused(told()),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there is no such object",
            Self::NoBucket => "there is no such bucket",
            Self::NoUpload => "the upload is gone",
            Self::Condition => "something else is there",
            Self::Conflict => "another writer was at work again and again",
            Self::OutOfRange => "it is shorter than it was",
            Self::Full(why) | Self::Denied(why) | Self::Busy(why) | Self::Refused(why) => why,
        })
    }
}

/// Whether nobody was found who could ask.
fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<aws_credential_types::provider::error::CredentialsError>() {
            return true;
        }
        next = error.source();
    }
    false
}

impl Inner {
    /// The error of the store's contract, naming key and action.
    pub(super) fn error(&self, trouble: Trouble, action: &str, key: &Key) -> Error {
        self.error_at(trouble, action, &self.place(key))
    }

    /// The same for a prefix.
    pub(super) fn error_at(&self, trouble: Trouble, action: &str, place: &str) -> Error {
        let place = format!("s3://{}/{place}", self.bucket.name());
        match trouble {
            Trouble::Absent | Trouble::NoUpload | Trouble::OutOfRange => {
                Error::unavailable("store::absent", format!("{action} found nothing at {place}"))
            }
            Trouble::NoBucket => Error::unavailable("store::no_bucket", format!("{action} of {place}: there is no such bucket"))
                .help("make the bucket, or name another; `synthfleet doctor store` checks it"),
            Trouble::Conflict | Trouble::Condition => {
                Error::conflict("store::conflict", format!("{action} of {place} met another writer again and again"))
            }
            Trouble::Full(why) => Error::no_space("store::full", format!("no room for {action} of {place}: {why}")),
            Trouble::Denied(why) => Error::unavailable("store::denied", format!("{action} of {place} is not allowed: {why}"))
                .help(format!("grant the action {action} on the bucket, or give other credentials")),
            Trouble::Busy(why) => Error::unavailable("store::unavailable", format!("{action} of {place} had no answer in time: {why}")),
            Trouble::Refused(why) => Error::unavailable("store::refused", format!("{action} of {place} was refused: {why}"))
                .help("check endpoint, region and path style; `synthfleet doctor store` tells more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_by_what_to_do() {
        let busy = |status, code| matches!(Trouble::answered(status, code, ""), Trouble::Busy(_));
        assert!(busy(503, "SlowDown") && busy(500, "") && busy(429, "") && busy(400, "RequestTimeout") && busy(504, ""));
        assert!(busy(200, "") && busy(200, "InternalError"), "a server may find out late that it failed");
        let denied = |status, code| matches!(Trouble::answered(status, code, ""), Trouble::Denied(_));
        assert!(denied(403, "") && denied(401, "") && denied(400, "ExpiredToken") && denied(403, "SignatureDoesNotMatch"));
        let refused = |status, code| matches!(Trouble::answered(status, code, ""), Trouble::Refused(_));
        assert!(refused(400, "InvalidRequest") && refused(301, "PermanentRedirect") && refused(501, "NotImplemented"));
        assert_eq!(Trouble::answered(404, "NoSuchBucket", ""), Trouble::NoBucket);
        assert_eq!(Trouble::answered(404, "NoSuchKey", ""), Trouble::Absent);
        assert_eq!(Trouble::answered(404, "NoSuchUpload", ""), Trouble::NoUpload);
        assert_eq!(Trouble::answered(409, "ConditionalRequestConflict", ""), Trouble::Conflict);
        assert_eq!(Trouble::answered(412, "", ""), Trouble::Condition);
        assert!(matches!(Trouble::answered(507, "", ""), Trouble::Full(_)));
    }
}

//! Settings of a bucket, and the client that asks it.

use super::Bucket;
use crate::pause::Pauses;
use aws_config::{
    BehaviorVersion, Region, environment::EnvironmentVariableRegionProvider, meta::region::RegionProviderChain,
    profile::ProfileFileRegionProvider, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::{fmt, sync::Arc, time::Duration};
use synthfleet_proto::{Error, Result, Seed};

/// The region that is signed for where none is known; servers of one's own do not care.
const REGION: &str = "us-east-1";
/// How long a connection may take to come up.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long one logical operation is tried again.
const DEADLINE: Duration = Duration::from_secs(30);

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The standard chain: environment, profile files, web identity, container, instance.
    Chain {
        /// Profile to use instead of the default one.
        profile: Option<String>,
    },
    /// Keys that are at hand.
    Keys {
        /// Access key.
        access_key: String,
        /// Its secret.
        secret_key: String,
        /// Token of temporary keys.
        session_token: Option<String>,
    },
    /// Nobody: public buckets.
    Anonymous,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { profile } => f.debug_struct("Chain").field("profile", profile).finish(),
            Self::Keys { .. } => f.write_str("Keys(hidden)"),
            Self::Anonymous => f.write_str("Anonymous"),
        }
    }
}

/// Where a bucket is and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Name of the bucket.
    pub bucket: String,
    /// What stands before every key, without slashes at its ends; may be empty.
    pub prefix: String,
    /// Address of the server, for example `http://127.0.0.1:9000`; `None`: AWS.
    pub endpoint: Option<String>,
    /// Region; `None`: as the standard chain says.
    pub region: Option<String>,
    /// Whether the bucket stands in the path instead of the host; `None`: with an endpoint of one's own.
    pub path_style: Option<bool>,
    /// Who asks.
    pub credentials: Credentials,
    /// How long one operation is tried again while the server is away; default 30 s.
    pub deadline: Duration,
}

impl Settings {
    /// Reads `s3://bucket` or `s3://bucket/prefix`; the rest has its default.
    ///
    /// # Errors
    /// `Invalid` with `store::settings` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let (bucket, prefix) = split(text).ok_or_else(|| {
            Error::invalid("store::settings", format!("{text} does not name a bucket")).help("write s3://bucket or s3://bucket/prefix")
        })?;
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            endpoint: None,
            region: None,
            path_style: None,
            credentials: Credentials::Chain { profile: None },
            deadline: DEADLINE,
        })
    }

    /// What stands before every key: empty or ending with a slash.
    pub(crate) fn root(&self) -> String {
        if self.prefix.is_empty() { String::new() } else { format!("{}/", self.prefix) }
    }
}

/// Bucket and key of an `s3://` link; the key may be empty.
pub(crate) fn split(link: &str) -> Option<(&str, &str)> {
    let rest = link.strip_prefix("s3://")?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    ((3..=63).contains(&bucket.len()) && bucket.bytes().all(plain)).then_some((bucket, key))
}

/// A bucket that can be asked.
pub(crate) async fn connect(settings: &Settings, seed: Seed) -> Result<Bucket> {
    let wrong = |what: String| Error::invalid("store::settings", what);
    if let Some(endpoint) = &settings.endpoint {
        let url = url::Url::parse(endpoint).map_err(|error| wrong(format!("the endpoint {endpoint:?} is not a link: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong(format!("the endpoint {endpoint:?} is not an http or https address")));
        }
    }
    let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http)
        // tried again above, where it is known what a try may have done
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT_MAX).build());
    match &settings.credentials {
        Credentials::Chain { profile: None } => {}
        Credentials::Chain { profile: Some(profile) } => loader = loader.profile_name(profile),
        Credentials::Keys { access_key, secret_key, session_token } => {
            let keys = aws_sdk_s3::config::Credentials::new(access_key, secret_key, session_token.clone(), None, "synthfleet");
            loader = loader.credentials_provider(keys);
        }
        Credentials::Anonymous => loader = loader.no_credentials(),
    }
    match (&settings.region, &settings.endpoint) {
        (Some(region), _) => loader = loader.region(Region::new(region.clone())),
        // no metadata service is asked which region a server of one's own is in
        (None, Some(_)) => {
            let named = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
            loader = loader.region(named.or_else(ProfileFileRegionProvider::new()).or_else(Region::from_static(REGION)));
        }
        (None, None) => {}
    }
    if let Some(endpoint) = &settings.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    let shared = loader.load().await;
    let of_ones_own = shared.endpoint_url().is_some();
    let mut config = aws_sdk_s3::config::Builder::from(&shared).force_path_style(settings.path_style.unwrap_or(of_ones_own));
    if shared.region().is_none() {
        config = config.region(Region::from_static(REGION));
    }
    if of_ones_own {
        // trailing checksums are not read by every server that speaks S3
        config = config
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    }
    let client = aws_sdk_s3::Client::from_conf(config.build());
    Ok(Bucket::new(client, settings.bucket.clone(), settings.deadline, Arc::new(Pauses::new(seed))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_name_a_bucket_and_a_prefix() {
        let settings = Settings::parse("s3://my-bucket/a/b/").expect("legal");
        assert_eq!((settings.bucket.as_str(), settings.prefix.as_str(), settings.root().as_str()), ("my-bucket", "a/b", "a/b/"));
        assert_eq!(Settings::parse("s3://my.bucket").expect("legal").root(), "");
        for wrong in ["s3://", "s3:///a", "s3://Upper/a", "s3://a_b/c", "s3://ab", "https://bucket/a", "bucket/a", "s3://user@bucket/a"] {
            assert_eq!(Settings::parse(wrong).expect_err(wrong).code(), "store::settings");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let keys = Credentials::Keys { access_key: "who".into(), secret_key: "what".into(), session_token: Some("when".into()) };
        assert_eq!(format!("{keys:?}"), "Keys(hidden)");
    }
}

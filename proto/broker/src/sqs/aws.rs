//! The real queue service, by `aws-sdk-sqs`.

use super::service::{Counts, Letter, Received, Service};
use super::settings::{Account, Credentials};
use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{Message, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName},
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use std::{collections::BTreeMap, time::Duration};
use synthfleet_proto::{Error, Result};

/// How long a connection may take to come up.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long an answer may take, tries and pauses included.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// How much longer than its wait a receive may take.
const RECEIVE_MARGIN: Duration = Duration::from_secs(15);
/// Longest wait of a receive.
const WAIT_MAX: Duration = Duration::from_secs(20);
/// Longest that an unread message is kept.
const RETENTION: Duration = Duration::from_secs(14 * 86_400);
/// The region that is signed for where none is known; servers of one's own do not care.
const REGION: &str = "us-east-1";

/// SQS, or a server that speaks like it.
#[derive(Debug, Clone)]
pub struct Aws {
    /// For everything that is answered at once.
    client: Client,
    /// For receives, which wait.
    patient: Client,
}

impl Aws {
    /// A client. Nothing is asked yet.
    ///
    /// # Errors
    /// `Invalid` with `broker::settings` when the endpoint is no address.
    pub async fn open(account: &Account) -> Result<Self> {
        if let Some(endpoint) = account.endpoint.as_deref().filter(|endpoint| !is_address(endpoint)) {
            return Err(Error::invalid("broker::settings", format!("the endpoint {endpoint:?} is not an http or https address")));
        }
        let http = aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(3));
        match &account.credentials {
            Credentials::Chain { profile: None } => {}
            Credentials::Chain { profile: Some(profile) } => loader = loader.profile_name(profile),
            Credentials::Keys { access_key, secret_key, session_token } => {
                let keys = aws_sdk_sqs::config::Credentials::new(access_key, secret_key, session_token.clone(), None, "synthfleet");
                loader = loader.credentials_provider(keys);
            }
        }
        if let Some(region) = &account.region {
            loader = loader.region(Region::new(region.clone()));
        }
        if let Some(endpoint) = &account.endpoint {
            loader = loader.endpoint_url(endpoint);
        }
        let shared = loader.load().await;
        let client = |answer: Duration| {
            let times = TimeoutConfig::builder().connect_timeout(CONNECT_MAX).operation_timeout(answer).build();
            let mut config = aws_sdk_sqs::config::Builder::from(&shared).timeout_config(times);
            if shared.region().is_none() {
                config = config.region(Region::from_static(REGION));
            }
            Client::from_conf(config.build())
        };
        Ok(Self { client: client(ANSWER_MAX), patient: client(WAIT_MAX + RECEIVE_MARGIN) })
    }
}

fn is_address(endpoint: &str) -> bool {
    let rest = endpoint.strip_prefix("http://").or_else(|| endpoint.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace))
}

/// What an error of the service means.
enum Trouble {
    /// There is no such queue.
    NoQueue,
    /// The receipt is no longer valid.
    Stale,
    /// Anything else.
    Other(Error),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoQueue => Error::unavailable("broker::unroutable", "there is no such queue"),
            Trouble::Stale => Error::unavailable("broker::unavailable", "the message went back before"),
            Trouble::Other(error) => error,
        }
    }
}

fn trouble<E: ProvideErrorMetadata, R>(doing: &str, error: SdkError<E, R>) -> Trouble
where
    SdkError<E, R>: std::error::Error,
{
    let Some(service) = error.as_service_error() else {
        // the chain of causes names hosts and ports, never a body
        let text = aws_sdk_sqs::error::DisplayErrorContext(&error).to_string();
        let text: String = text.split(" (").next().unwrap_or_default().chars().take(300).collect();
        return Trouble::Other(Error::unavailable("broker::unavailable", format!("cannot {doing}: {text}")));
    };
    let code = service.code().unwrap_or("unknown");
    let short = code.rsplit('.').next().unwrap_or(code);
    let message = service.message().unwrap_or_default();
    match short {
        "QueueDoesNotExist" | "NonExistentQueue" => Trouble::NoQueue,
        "ReceiptHandleIsInvalid" | "MessageNotInflight" => Trouble::Stale,
        // "Value .. for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
        "InvalidParameterValue" | "InvalidParameterValueException" if message.contains("ReceiptHandle") => Trouble::Stale,
        "OverLimit" => Trouble::Other(Error::unavailable("broker::over_limit", format!("cannot {doing}: too many messages are in flight"))),
        _ if is_denial(short) => {
            let error = Error::unavailable("broker::denied", format!("not allowed to {doing}: {code}"));
            Trouble::Other(error.help("check the credentials and what their policy allows"))
        }
        _ => {
            let message: String = message.chars().take(300).collect();
            Trouble::Other(Error::unavailable("broker::unavailable", format!("cannot {doing}: {code}: {message}")))
        }
    }
}

fn is_denial(code: &str) -> bool {
    let parts = ["AccessDenied", "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "UnrecognizedClient", "AuthFailure"];
    parts.iter().any(|part| code.contains(part)) || code == "InvalidSecurity" || code == "MissingAuthenticationToken"
}

/// A stale receipt means that there is nothing left to do.
fn unless_stale<T>(result: Result<T, Trouble>) -> Result<()> {
    match result {
        Ok(_) | Err(Trouble::Stale) => Ok(()),
        Err(other) => Err(other.into()),
    }
}

fn seconds(time: Duration) -> i32 {
    i32::try_from(time.as_secs()).unwrap_or(i32::MAX)
}

fn received(message: Message) -> Option<Received> {
    let text = |value: MessageAttributeValue| value.string_value;
    let attributes = message.message_attributes.unwrap_or_default();
    let attributes = attributes.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect();
    let system = message.attributes.unwrap_or_default();
    let number = |name: MessageSystemAttributeName| system.get(&name).and_then(|text| text.parse::<i64>().ok());
    let receives = number(MessageSystemAttributeName::ApproximateReceiveCount).unwrap_or(1);
    Some(Received {
        letter: Letter { body: message.body?, attributes },
        receipt: message.receipt_handle?,
        receives: u32::try_from(receives).unwrap_or(1),
        first_received: number(MessageSystemAttributeName::ApproximateFirstReceiveTimestamp),
        sent: number(MessageSystemAttributeName::SentTimestamp),
        sender: system.get(&MessageSystemAttributeName::SenderId).cloned(),
    })
}

#[async_trait]
impl Service for Aws {
    async fn find(&self, name: &str) -> Result<Option<String>> {
        match self.client.get_queue_url().queue_name(name).send().await.map_err(|error| trouble("find the queue", error)) {
            Ok(found) => Ok(found.queue_url),
            Err(Trouble::NoQueue) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    async fn create(&self, name: &str, visibility: Duration) -> Result<String> {
        let asked = self
            .client
            .create_queue()
            .queue_name(name)
            .attributes(QueueAttributeName::VisibilityTimeout, visibility.as_secs().to_string())
            .attributes(QueueAttributeName::MessageRetentionPeriod, RETENTION.as_secs().to_string());
        let made = asked.send().await.map_err(|error| trouble("make the queue", error))?;
        made.queue_url.ok_or_else(|| Error::unavailable("broker::unavailable", "the service named no address of a new queue"))
    }

    async fn send(&self, queue: &str, letter: &Letter, delay: Duration) -> Result<()> {
        let mut asked = self.client.send_message().queue_url(queue).message_body(&letter.body);
        if delay > Duration::ZERO {
            asked = asked.delay_seconds(seconds(delay));
        }
        for (name, value) in &letter.attributes {
            let value = MessageAttributeValue::builder().data_type("String").string_value(value).build();
            let value = value.map_err(|error| Error::internal("message::encode", format!("cannot write an attribute: {error}")))?;
            asked = asked.message_attributes(name, value);
        }
        asked.send().await.map_err(|error| trouble("send", error))?;
        Ok(())
    }

    async fn receive(&self, queue: &str, most: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>> {
        let asked = self
            .patient
            .receive_message()
            .queue_url(queue)
            .max_number_of_messages(i32::try_from(most).unwrap_or(1))
            .wait_time_seconds(seconds(wait.min(WAIT_MAX)))
            .visibility_timeout(seconds(visibility))
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let answer = asked.send().await.map_err(|error| trouble("receive", error))?;
        Ok(answer.messages.unwrap_or_default().into_iter().filter_map(received).collect())
    }

    async fn hide(&self, queue: &str, receipt: &str, time: Duration) -> Result<()> {
        let asked = self.client.change_message_visibility().queue_url(queue).receipt_handle(receipt).visibility_timeout(seconds(time));
        unless_stale(asked.send().await.map_err(|error| trouble("hide a message", error)))
    }

    async fn delete(&self, queue: &str, receipt: &str) -> Result<()> {
        let asked = self.client.delete_message().queue_url(queue).receipt_handle(receipt);
        unless_stale(asked.send().await.map_err(|error| trouble("delete a message", error)))
    }

    async fn counts(&self, queue: &str) -> Result<Option<Counts>> {
        let names = [QueueAttributeName::ApproximateNumberOfMessages, QueueAttributeName::ApproximateNumberOfMessagesNotVisible];
        let asked = self.client.get_queue_attributes().queue_url(queue).set_attribute_names(Some(names.to_vec()));
        let answer = match asked.send().await.map_err(|error| trouble("count the messages", error)) {
            Ok(answer) => answer,
            Err(Trouble::NoQueue) => return Ok(None),
            Err(other) => return Err(other.into()),
        };
        let told: BTreeMap<_, _> =
            answer.attributes.unwrap_or_default().into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        let [ready, hidden] = names.map(|name| told.get(name.as_str()).and_then(|text| text.parse().ok()).unwrap_or(0));
        Ok(Some(Counts { ready, hidden }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_an_http_address() {
        for (endpoint, legal) in
            [("http://127.0.0.1:5000", true), ("https://sqs.x", true), ("sqs.x", false), ("http://", false), ("http:///x", false)]
        {
            assert_eq!(is_address(endpoint), legal, "{endpoint}");
        }
    }
}

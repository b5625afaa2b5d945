//! RabbitMQ's management API over the client that commands use, where the settings name it.

use crate::client::document_of;
use crate::client::transport::{Http, request};
use crate::config::BrokerConfig;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, StatusCode};
use serde_json::Value;
use std::sync::Arc;
use synthfleet_broker::rabbitmq::{Management, Options};
use synthfleet_proto::{Error, Result};
use url::Url;

/// The API with the user of the broker.
struct Api {
    http: Http,
    base: String,
    user: HeaderValue,
}

/// The way to the API that the settings name, if they name one.
///
/// # Errors
/// `config::value` for an address that is none.
pub fn open(config: &BrokerConfig, options: &Options) -> Result<Option<Arc<dyn Management>>> {
    if config.management.is_empty() {
        return Ok(None);
    }
    let base = address(&config.management)?;
    let mut user = HeaderValue::from_str(&options.basic_authorization()?).map_err(|e| Error::internal("client::header", e.to_string()))?;
    user.set_sensitive(true);
    Ok(Some(Arc::new(Api { http: Http::new()?, base, user })))
}

/// The address without its last slash. User and password are those of the broker.
fn address(text: &str) -> Result<String> {
    let url = Url::parse(text).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.host_str().is_some());
    match url {
        Some(url) if url.username().is_empty() && url.password().is_none() && url.query().is_none() => {
            Ok(url.as_str().trim_end_matches('/').to_owned())
        }
        _ => Err(Error::invalid("config::value", "broker.management takes the address of the management API: http://host:15672")
            .help("it is asked with the user and the password of broker.url")),
    }
}

#[async_trait::async_trait]
impl Management for Api {
    async fn get(&self, path: &str) -> Result<Value> {
        let url = Url::parse(&format!("{}/api{path}", self.base)).map_err(|e| Error::internal("client::request", e.to_string()))?;
        let mut asked = request(Method::GET, &url, Bytes::new())?;
        asked.headers_mut().insert(AUTHORIZATION, self.user.clone());
        let response = self.http.send(asked).await.map_err(|trouble| trouble.into_error(&self.base, 1))?;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Error::unavailable("broker::management", "the management API refuses the user of broker.url")
                    .help("give the user the tag `monitoring`: rabbitmqctl set_user_tags USER monitoring"))
            }
            status if !status.is_success() => {
                let message = format!("the management API at {} answers with {}", self.base, status.as_u16());
                Err(Error::unavailable("broker::management", message).help("check broker.management and the virtual host of broker.url"))
            }
            _ => document_of(response, &self.base).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_no_secret_and_no_last_slash() {
        assert_eq!(address("http://host:15672/").expect("legal"), "http://host:15672");
        assert_eq!(address("https://host/rabbit/").expect("legal"), "https://host/rabbit");
        for wrong in ["host:15672", "amqp://host", "http://ada:geheim@host", ""] {
            let refused = address(wrong).expect_err(wrong);
            assert!(refused.code() == "config::value" && !refused.to_string().contains("geheim"), "{wrong}: {refused}");
        }
    }
}

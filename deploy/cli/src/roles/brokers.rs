//! The broker that the settings name.

use super::{management, parts};
use crate::config::BrokerConfig;
use std::path::Path;
use std::sync::Arc;
use synthfleet_broker::Broker;
use synthfleet_broker::rabbitmq::{self, RabbitMq, Tls};
use synthfleet_broker::sqs::{self, Aws, Sqs};
use synthfleet_proto::{Error, Result};

/// Which process asks: shown to the broker's operator.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// `worker`, `coordinator`, ..
    pub role: &'a str,
    /// Pool of a worker.
    pub pool: &'a str,
    /// Name of the process.
    pub id: &'a str,
}

/// Opens the broker of a fleet's process; it connects by itself, for as long as it takes. One process alone has
/// its own: `memory:` is refused here.
pub async fn open(config: &BrokerConfig, who: Who<'_>) -> Result<Arc<dyn Broker>> {
    let scheme = config.url.split(':').next().unwrap_or_default();
    match scheme {
        "amqp" | "amqps" => {
            let options = rabbit(config, who)?;
            let management = management::open(config, &options)?;
            Ok(Arc::new(RabbitMq::start(rabbitmq::Options { management, ..options })?))
        }
        "sqs" => Ok(Arc::new(queues(config).await?)),
        "memory" => Err(refused("memory: cannot be reached from other processes".to_owned())),
        other => Err(refused(format!("no broker is known for {other:?}"))),
    }
}

fn refused(message: String) -> Error {
    Error::invalid("config::broker", message)
        .help("set broker.url (SYNTHFLEET_BROKER_URL) to amqp://user@host/virtual-host, amqps://.. or sqs:PREFIX")
}

/// How to reach RabbitMQ.
pub fn rabbit(config: &BrokerConfig, who: Who<'_>) -> Result<rabbitmq::Options> {
    let authorities = (!config.authorities_file.is_empty()).then(|| read(&config.authorities_file)).transpose()?;
    Ok(rabbitmq::Options {
        url: config.url.clone(),
        password: password(config)?,
        role: who.role.to_owned(),
        pool: who.pool.to_owned(),
        id: who.id.to_owned(),
        declare: if makes_queues(config)? { rabbitmq::Declare::Auto } else { rabbitmq::Declare::Never },
        pools: (!who.pool.is_empty()).then(|| who.pool.to_owned()).into_iter().collect(),
        tenants: config.tenants.clone(),
        tls: Tls { authorities, identity: None },
        ..rabbitmq::Options::default()
    })
}

async fn queues(config: &BrokerConfig) -> Result<Sqs> {
    let account = sqs::Account { endpoint: parts::named(&config.endpoint), ..sqs::Account::default() };
    let prefix = config.url.trim_start_matches("sqs:").trim_matches('/');
    let declare = if makes_queues(config)? { sqs::Declare::Auto } else { sqs::Declare::Never };
    let mut settings = sqs::Settings { declare, ..sqs::Settings::default() };
    if !prefix.is_empty() {
        prefix.clone_into(&mut settings.prefix);
    }
    Sqs::open(Arc::new(Aws::open(&account).await?), settings, parts::seed()).await
}

fn makes_queues(config: &BrokerConfig) -> Result<bool> {
    match config.declare.as_str() {
        "auto" => Ok(true),
        "never" => Ok(false),
        other => Err(Error::invalid("config::value", format!("broker.declare takes auto or never, not {other:?}"))
            .help("synthfleet config show --origin names the place of each setting")),
    }
}

fn password(config: &BrokerConfig) -> Result<Option<String>> {
    match (config.password_file.as_str(), config.password.as_str()) {
        ("", "") => Ok(None),
        ("", password) => Ok(Some(password.to_owned())),
        (file, _) => read(file).map(|text| Some(text.trim_end_matches(['\r', '\n']).to_owned())),
    }
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(Path::new(file)).map_err(|e| Error::io(file, e))
}

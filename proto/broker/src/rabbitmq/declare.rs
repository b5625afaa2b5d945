//! Declaring the table: what is there is left alone, what is missing is made or is an error.

use super::{
    fault::{Meaning, fault, meaning, missing},
    live::{Failure, Live},
    options::Declare,
};
use crate::topology::{EXCHANGES, Kind, Life, Queue, Value};
use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use synthfleet_proto::Result;

/// Makes sure that every exchange is there.
pub(super) async fn exchanges(live: &Live, declare: Declare) -> Result<()> {
    for (name, kind) in EXCHANGES {
        let step = format!("find the exchange {name}");
        let ask = |passive| {
            live.ask(&step, async move |channel| {
                let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
                channel.exchange_declare(name.into(), library_kind(kind), options, FieldTable::default()).await
            })
        };
        match ask(true).await {
            Err(Failure::Theirs(error)) if meaning(&error) == Meaning::Missing => match declare {
                Declare::Never => return Err(missing(&step, "it does not exist").in_source(&live.place).caused_by(error)),
                Declare::Auto => ask(false).await.map_err(|failure| failure.into_error(&live.place, &step))?,
            },
            other => other.map_err(|failure| failure.into_error(&live.place, &step))?,
        }
    }
    Ok(())
}

/// Makes sure that a queue is there and gets its messages.
pub(super) async fn queue(live: &Live, queue: &Queue, declare: Declare) -> Result<()> {
    let step = format!("find the queue {}", queue.name);
    // a queue that lives as long as its user can be made by whoever may use it
    let make = declare == Declare::Auto || queue.life != Life::Durable;
    match live.ask(&step, async |channel| declare_queue(channel, queue, true).await).await {
        Ok(_) => {}
        Err(Failure::Theirs(error)) if meaning(&error) == Meaning::Missing => {
            if !make {
                return Err(missing(&step, "it does not exist").in_source(&live.place).caused_by(error));
            }
            let made = live.ask(&step, async |channel| declare_queue(channel, queue, false).await).await;
            made.map_err(|failure| failure.into_error(&live.place, &step))?;
        }
        Err(Failure::Theirs(error)) => return Err(fault(&live.place, &step, error)),
        Err(Failure::Ours(error)) => return Err(error),
    }
    if make {
        let step = format!("bind the queue {}", queue.name);
        live.ask(&step, async |channel| bind(channel, queue).await).await.map_err(|failure| failure.into_error(&live.place, &step))?;
    }
    Ok(())
}

/// Declares a queue, or only looks for it; gives the number of its ready messages.
pub(super) async fn declare_queue(channel: &lapin::Channel, queue: &Queue, passive: bool) -> lapin::Result<u32> {
    let (durable, auto_delete, exclusive) = match queue.life {
        Life::Durable => (true, false, false),
        Life::Consumer => (false, true, true),
        Life::Connection => (false, false, true),
    };
    let options = QueueDeclareOptions { passive, durable, exclusive, auto_delete, nowait: false };
    let declared = channel.queue_declare(queue.name.as_str().into(), options, arguments(&queue.arguments)).await?;
    Ok(declared.message_count())
}

/// Binds a queue to where its messages come from; doing it again changes nothing.
pub(super) async fn bind(channel: &lapin::Channel, queue: &Queue) -> lapin::Result<()> {
    for (exchange, key) in &queue.bindings {
        let (name, options) = (queue.name.as_str().into(), QueueBindOptions::default());
        channel.queue_bind(name, (*exchange).into(), key.as_str().into(), options, FieldTable::default()).await?;
    }
    Ok(())
}

fn arguments(entries: &[(&str, Value)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(
            (*name).into(),
            match value {
                Value::Text(text) => AMQPValue::LongString((*text).into()),
                Value::Number(number) => AMQPValue::LongLongInt(*number),
            },
        );
    }
    table
}

fn library_kind(kind: Kind) -> ExchangeKind {
    match kind {
        Kind::Direct => ExchangeKind::Direct,
        Kind::Fanout => ExchangeKind::Fanout,
        Kind::Topic => ExchangeKind::Topic,
    }
}

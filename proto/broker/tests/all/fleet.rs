//! A virtual host on the shared node, and a runtime: what a test over RabbitMQ needs.

use synthfleet_broker::rabbitmq::Options;
use synthfleet_harness::{Node, VirtualHost};
use tokio::runtime::Runtime;

/// Goes with its test; the runtime ends first.
pub struct Fleet {
    runtime: Runtime,
    pub host: VirtualHost,
    pub node: Node,
}

impl Fleet {
    pub fn shared() -> Self {
        Self::on(Node::shared().expect("a RabbitMQ node"))
    }

    pub fn on(node: Node) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let host = node.virtual_host().expect("the node answers");
        Self { runtime, host, node }
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// A process of a test.
pub fn options(url: &str, pools: &[&str]) -> Options {
    Options {
        url: url.to_owned(),
        role: "test".to_owned(),
        id: format!("t-{}", std::process::id()),
        pools: pools.iter().map(|pool| (*pool).to_owned()).collect(),
        ..Options::default()
    }
}

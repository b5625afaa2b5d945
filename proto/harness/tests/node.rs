//! The node that tests start: shared by handles, killed and started again, gone when nobody needs it.

use std::time::{Duration, Instant};
use synthfleet_harness::Node;

#[test]
fn handles_share_one_node_and_hosts_differ() {
    let (one, two) = (Node::shared().expect("a node"), Node::shared().expect("the same node"));
    assert_eq!(one.port(), two.port());
    let (first, second) = (one.virtual_host().expect("a host"), two.virtual_host().expect("a host"));
    assert_ne!(first.name(), second.name());
}

#[test]
fn a_killed_node_comes_back_and_a_forgotten_one_goes() {
    let node = Node::private(&[]).expect("a node");
    let port = node.port();
    node.kill().expect("it runs");
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err(), "it is dead");
    node.start().expect("it starts again");
    assert!(node.control(&["status"]).expect("it answers").contains("3."));
    drop(node);
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(30), "a node outlives its test");
        std::thread::sleep(Duration::from_millis(100));
    }
}

//! The moto server that tests start: shared by handles, and answering.

use synthfleet_harness::Moto;

#[test]
fn handles_share_one_server_that_answers() {
    let (one, two) = (Moto::shared().expect("a server"), Moto::shared().expect("the same server"));
    assert_eq!(one.url(), two.url());
    let (status, body) = one.ask("s3", "GET", "/", &[], "").expect("an answer");
    assert!(status == 200 && body.contains("ListAllMyBucketsResult"), "{status} {body}");
}

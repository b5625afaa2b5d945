//! Every check over every store: each a test of its own, named implementation and check.

use crate::bucket;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use synthfleet_harness::Moto;
use synthfleet_proto::{Seed, outside::Clock};
use synthfleet_store::{Fault, Faults, Faulty, Local, Memory, Retrying, Settings, conformance};
use tokio::runtime::{Builder, Runtime};

/// A clock that tests turn.
#[derive(Default)]
pub struct Hands(pub AtomicU64);

impl Clock for Hands {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub fn memory() -> Memory {
    Memory::new(Arc::new(Hands::default()))
}

fn check(name: &str) -> conformance::Check {
    conformance::checks().into_iter().find(|(known, _)| *known == name).expect("a check of that name").1
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn on_memory(name: &str) {
    threads().block_on(check(name)(Arc::new(memory())));
}

fn on_local(name: &str, sync: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Local::open(folder.path(), Settings { sync }).expect("a fresh folder");
    threads().block_on(check(name)(Arc::new(store)));
}

fn on_s3(name: &str) {
    let server = bucket::server();
    threads().block_on(async {
        let store = bucket::open(&bucket::settings(&server)).await;
        check(name)(Arc::new(store)).await;
    });
}

/// A store of which one call in ten fails, tried again.
fn on_faulty(name: &str) {
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build().expect("a runtime");
    let faults = vec![Fault::Away, Fault::LostReply, Fault::Conflict, Fault::Slow(std::time::Duration::from_secs(3))];
    let seed = Seed::of_task(1, "faults").child(name);
    // an upload of fifty pieces still has its chance
    let rate = if name.contains("many_pieces") { 20 } else { 100 };
    let faulty = Arc::new(Faulty::new(Arc::new(memory()), Faults::Seeded { seed: seed.clone(), rate, faults }));
    runtime.block_on(check(name)(Arc::new(Retrying::new(faulty, seed))));
}

/// A second S3, by other hands. It looks and then writes, so the race for a create is not run on it.
fn on_moto(name: &str) {
    let moto = Moto::shared().expect("a moto server");
    let unique = tempfile::Builder::new().prefix("").tempdir().expect("a folder");
    let prefix = unique.path().file_name().expect("it has a name").to_string_lossy().into_owned();
    bucket::make(&moto.url());
    let settings = bucket::settings_at(moto.url(), Moto::KEYS, &prefix);
    threads().block_on(async { check(name)(Arc::new(bucket::open(&settings).await)).await });
}

macro_rules! every {
    (atomic: [$($atomic:ident),*], any: [$($name:ident),* $(,)?]) => {
        const LISTED: &[&str] = &[$(stringify!($atomic)),*, $(stringify!($name)),*];
        every!(@ memory, super::on_memory; $($atomic),*, $($name),*);
        every!(@ local, |name| super::on_local(name, false); $($atomic),*, $($name),*);
        every!(@ local_synced, |name| super::on_local(name, true); $($atomic),*, $($name),*);
        every!(@ s3, super::on_s3; $($atomic),*, $($name),*);
        every!(@ moto, super::on_moto; $($name),*);
        every!(@ faulty_tried_again, super::on_faulty; $($atomic),*, $($name),*);
    };
    (@ $store:ident, $run:expr; $($name:ident),*) => {
        mod $store {
            $(#[test]
            fn $name() {
                ($run)(stringify!($name));
            })*
        }
    };
}

every! {
    atomic: [one_of_many_racers_wins],
    any: [
        absent_is_none,
        a_fact_reads_back,
        an_empty_fact_is_a_fact,
        a_second_create_changes_nothing,
        an_own_nonce_is_new_again,
        a_nonce_is_ones_own_for_its_key_alone,
        racers_with_one_nonce_all_win,
        a_reader_never_sees_half_a_fact,
        a_long_fact_is_refused,
        a_large_fact_reads_back,
        a_marker_is_overwritten,
        deleting_is_idempotent,
        a_deleted_fact_can_be_made_again,
        ranges_are_cut_to_the_object,
        heads_know_length_hash_and_age,
        a_wrong_hash_is_found,
        an_empty_store_lists_nothing,
        a_created_fact_is_listed_at_once,
        lists_are_in_byte_order,
        pages_hold_every_key_once,
        a_prefix_may_end_within_a_segment,
        a_prefix_holds_no_neighbour,
        deleted_objects_are_not_listed,
        lists_tell_length_and_age,
        unfinished_uploads_are_not_listed,
        an_upload_reads_back_with_its_hash,
        an_upload_is_invisible_before_its_end,
        an_aborted_upload_leaves_nothing,
        a_dropped_upload_leaves_nothing,
        an_upload_of_many_pieces_is_their_join,
        an_empty_upload_is_an_object,
        a_repeated_upload_is_the_same,
        joins_keep_the_order,
        a_join_of_one_is_a_copy,
        a_join_with_an_absent_part_leaves_nothing,
        facts_can_be_copied,
        a_file_goes_in_and_out,
        a_local_path_holds_the_bytes,
    ]
}

#[test]
fn every_check_is_listed_once() {
    let checks: BTreeSet<&str> = conformance::checks().into_iter().map(|(name, _)| name).collect();
    let listed: BTreeSet<&str> = LISTED.iter().copied().collect();
    assert_eq!(listed, checks);
    assert_eq!([listed.len(), conformance::checks().len()], [LISTED.len(); 2], "names are unique");
    assert!(LISTED.len() >= 35, "{}", LISTED.len());
}

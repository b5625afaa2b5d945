//! Bytes of every message and fact as version 1 wrote them: each must decode to the same value for ever, and
//! today's encoder must write the same bytes. A new field brings a new file; an old file never changes.
//!
//! `SYNTHFLEET_GOLDEN=write cargo test -p synthfleet-proto --test golden` writes files that are absent.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use synthfleet_proto::about::{CostClass, Reason};
use synthfleet_proto::calibration::Calibration;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{
    Body, ControlHint, ControlOp, Envelope, EventHint, EventType, FinishedNotice, MemberNote, ProbeHint, ResultHint, ResultStatus,
    Submission, SubmittedReply, SubmittedStatus, TaskHint, Trace,
};
use synthfleet_proto::fact::{
    self, CallFact, Cancel, Candidate, ChosenBenchmark, Claim, CopiedFact, DeletedFact, EditFact, End, EndCause, FinalFact, Group, Lease,
    OutcomeFact, OutcomeStatus, Output, PlanFact, PlanInputs, PlannedMember, PublishedFact, PublishedFile, SelectionFact, SkippedPart,
    SpecFact, Winner,
};
use synthfleet_proto::job::{JobSpec, JobState};
use synthfleet_proto::results::Results;
use synthfleet_proto::task::{TaskFile, TaskId, TaskKind};
use synthfleet_proto::verdict::Verdict;
use synthfleet_proto::{Error, ErrorKind, id};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Compares bytes with a golden file; binary ones are kept as hexadecimal text.
fn golden(name: &str, bytes: &[u8], binary: bool) {
    let path = folder().join(name);
    let text = if binary { id::hex(bytes) } else { String::from_utf8(bytes.to_vec()).expect("UTF-8") };
    let wished = option_env!("SYNTHFLEET_GOLDEN") == Some("write");
    if !path.exists() && wished {
        std::fs::write(&path, format!("{}\n", text.trim_end())).expect("written");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text.trim_end(), known.trim_end(), "{name}: other bytes than version 1 wrote");
}

fn job() -> JobSpec {
    JobSpec::read(&json!({
        "source": {"uri": "data/adult.csv", "columns": {"age": {"kind": "ordinal"}}, "dialect": {"delimiter": ";"}},
        "synthesizers": ["seqtree", {"name": "clbn", "as": "mine", "options": {"bins": 20}, "repeats": 2}],
        "rows": 100, "seed": 7, "gate": {"profile": "strict", "limits": {"dcr_share": 0.51}}, "labels": {"team": "a"},
    }))
    .expect("a legal job")
}

fn messages() -> Vec<Body> {
    let member = MemberNote { kind: "synthesize".into(), name: "clbn".into(), version: "1.0".into(), about_sha256: "ab".repeat(32) };
    vec![
        Body::Task(TaskHint {
            kind: TaskKind::Benchmark,
            name: "accuracy".into(),
            pool: "local".into(),
            class: Class::Batch,
            plan: 1,
            plan_sha256: "cd".repeat(32),
            attempt: 2,
            hop: 3,
            reply: None,
        }),
        Body::Result(ResultHint {
            status: ResultStatus::Failed,
            attempt: 1,
            outcome_sha256: Some("ef".repeat(32)),
            error_kind: Some(ErrorKind::Data),
            pool: None,
        }),
        Body::Event(EventHint {
            kind: EventType::Announce,
            seq: 9,
            fraction: Some(0.25),
            phase: Some("fit".into()),
            name: Some("loss".into()),
            step: Some(3),
            value: Some(-1.5),
            text: Some("a line".into()),
            eta_seconds: Some(12.0),
            attempt: Some(1),
            worker: Some("w1".into()),
            members: vec![member],
        }),
        Body::Probe(ProbeHint { pool: "local".into(), sent_at: 1 }),
        Body::Control(ControlHint { op: ControlOp::CancelTask, target: "syn-clbn-r0".into(), seconds: Some(60) }),
        Body::Submit(Box::new(Submission { job: job(), idempotency_key: Some("k".into()) })),
        Body::Submitted(SubmittedReply {
            status: SubmittedStatus::Refused,
            job: None,
            problem: Some(Error::invalid("job::range", "repeats is 0").at_pointer("/repeats").to_wire()),
        }),
        Body::Finished(FinishedNotice {
            state: "done".into(),
            winner: Some("seqtree".into()),
            final_key: "t/local/j/job_0/f/final".into(),
            final_sha256: "01".repeat(32),
        }),
    ]
}

fn envelope(body: Body) -> Envelope {
    Envelope {
        id: "0123456789abcdefghjkmnpqrs".into(),
        at: 1_700_000_000_123,
        tenant: "local".into(),
        job: Some(id::job_id("local", "golden")),
        task: Some("syn-seqtree-r0".into()),
        trace: Some(Trace { parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(), state: String::new() }),
        body,
    }
}

#[test]
fn messages_have_the_bytes_of_version_1() {
    for body in messages() {
        let (kind, envelope) = (body.kind(), envelope(body));
        let bytes = envelope.encode().expect("small");
        golden(&format!("message.{kind}.msgpack.hex"), &bytes, true);
        golden(&format!("message.{kind}.json"), &envelope.encode_json().expect("small"), false);
        assert_eq!(Envelope::decode(&bytes), Ok(envelope), "{kind}");
    }
}

#[test]
fn a17_stored_messages_decode_to_what_they_were() {
    for body in messages() {
        let (kind, envelope) = (body.kind(), envelope(body));
        let hex = std::fs::read_to_string(folder().join(format!("message.{kind}.msgpack.hex"))).expect("a golden file");
        let bytes: Vec<u8> =
            (0..hex.trim().len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hexadecimal")).collect();
        assert_eq!(Envelope::decode(&bytes), Ok(envelope.clone()), "{kind}");
        let text = std::fs::read(folder().join(format!("message.{kind}.json"))).expect("a golden file");
        assert_eq!(Envelope::decode_json(&text), Ok(envelope), "{kind}");
    }
}

fn check<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, fact: &T) {
    golden(&format!("fact.{name}.json"), &fact::encode(fact).expect("small"), false);
    let stored = std::fs::read(folder().join(format!("fact.{name}.json"))).expect("a golden file");
    assert_eq!(&fact::decode::<T>(name, &stored).expect("decodes"), fact, "{name}");
}

#[test]
fn facts_have_the_bytes_of_version_1() {
    let candidate = Candidate {
        name: "mine".into(),
        synthesizer: "clbn".into(),
        options: json!({"bins": 20}),
        repeats: 2,
        baseline: false,
        real_rows: false,
        private: false,
    };
    let spec = SpecFact {
        v: 1,
        job: "job_0".into(),
        tenant: "local".into(),
        key_sha256: "k".into(),
        request_sha256: "r".into(),
        door: "cli".into(),
        principal: "me".into(),
        submitted_at: 1,
        class: Class::Interactive,
        weight: 50,
        request: job(),
        source_sha256: Some("s".into()),
        holdout_sha256: None,
        candidates: vec![candidate],
        benchmarks: vec![ChosenBenchmark { name: "accuracy".into(), options: Value::Null }],
        references: vec!["holdout".into()],
        reply: None,
        trace: None,
    };
    check("spec", &spec);
    let trace = Trace::read("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("vendor=1"));
    check("spec.traced", &SpecFact { trace, ..spec });
    let group = Group {
        group: "syn-mine-r0".into(),
        kind: TaskKind::Synthesize,
        name: "clbn".into(),
        candidate: Some("mine".into()),
        repeat: 0,
        count: 1,
        needs: vec![TaskId::profile()],
        options: json!({"bins": 20}).into(),
        rows: 100,
        task_seconds: 3600.0,
        memory_bytes: 4 << 30,
        cost: CostClass::Medium,
        checkpoint: false,
    };
    check(
        "plan",
        &PlanFact {
            v: 1,
            plan: 1,
            inputs: PlanInputs { spec_sha256: "s".into(), profile_sha256: Some("p".into()), selection_sha256: None },
            members: vec![PlannedMember {
                kind: TaskKind::Synthesize,
                name: "clbn".into(),
                version: "1.0".into(),
                about_sha256: String::new(),
            }],
            groups: vec![group],
            skipped: vec![SkippedPart {
                candidate: None,
                benchmark: Some("ml_efficacy".into()),
                reason: Reason { code: "no_target".into(), why: "the table has no target".into() },
            }],
        },
    );
    check(
        "claim",
        &Claim {
            v: 1,
            worker: "w".into(),
            host: "h".into(),
            nonce: "00".repeat(16),
            attempt: 1,
            hint_id: "i".into(),
            member_version: "1.0".into(),
            owner: Some("run".into()),
            resumed_from: None,
        },
    );
    check(
        "lease",
        &Lease {
            v: 1,
            seq: 2,
            worker: "w".into(),
            interval_seconds: 15,
            fraction: 0.5,
            phase: "fit".into(),
            draining: false,
            checkpoint: None,
        },
    );
    let error = Error::unavailable("store::away", "away").to_wire();
    check("end", &End { v: 1, cause: EndCause::Error, counted: true, error: Some(error), delay_seconds: 5, checkpoint: None });
    let output = Output {
        role: "sample.parquet".into(),
        key: "t/local/j/job_0/d/syn-mine-r0/001-00000000/out/sample.parquet".into(),
        bytes: 10,
        sha256: "ab".into(),
        content_type: "application/vnd.apache.parquet".into(),
        rows: Some(100),
    };
    let error = Error::data("csv::ragged", "row has 17 fields").help("--bad-rows skip").to_wire();
    check(
        "outcome",
        &OutcomeFact {
            outputs: vec![output],
            phase_seconds: vec![("fit".into(), 1.5)],
            ..OutcomeFact::not_run(TaskId::synthesize("mine", 0), OutcomeStatus::Failed, error)
        },
    );
    let labels = [("team".to_owned(), "a".to_owned())].into();
    check("edit", &EditFact { v: 1, by: "me".into(), at: 5, labels, summary: Some("weekly".into()) });
    check("called", &CallFact { v: 1, calls: 2, told: true, status: Some(204) });
    check("copied", &CopiedFact { v: 1, by: "me".into(), at: 5, folder: "s3://bucket/out/".into() });
    check("deleted", &DeletedFact { v: 1, by: "me".into(), at: 5 });
    check("cancel", &Cancel { v: 1, by: "me".into(), reason: "enough".into() });
    check(
        "selection",
        &SelectionFact {
            v: 1,
            plan_sha256: "p".into(),
            outcomes: BTreeMap::from([("profile".into(), "o".into())]),
            rule_version: "verdict.v1".into(),
            winner: Some(Winner { candidate: "mine".into(), repeat: 1 }),
            verdict: json!({"schema": "synthfleet.verdict.v1"}),
        },
    );
    let file = PublishedFile {
        path: "verdict.json".into(),
        key: "t/local/j/job_0/p/ab/verdict.json".into(),
        bytes: 2,
        sha256: "ab".into(),
        deterministic: true,
    };
    check("published", &PublishedFact { v: 1, files: vec![file] });
    check(
        "final",
        &FinalFact {
            v: 1,
            state: JobState::Done,
            outcome: Some("winner".into()),
            winner: Some("mine".into()),
            selection_sha256: Some("s".into()),
            published_sha256: Some("p".into()),
            error: None,
            publish_failed: None,
            partial: false,
            counts: BTreeMap::from([("ok".into(), 9)]),
        },
    );
}

#[test]
fn a_task_file_has_the_form_that_plug_ins_read() {
    let file = TaskFile {
        schema: TaskFile::SCHEMA.into(),
        op: "benchmark".into(),
        name: "accuracy".into(),
        options: json!({}),
        seed: u64::MAX,
        shared_seed: 2,
        rows: 0,
        seconds: 3600.0,
        memory_bytes: 4 << 30,
        threads: 2,
        target: Some("income".into()),
        problem: None,
        reference: Some("holdout".into()),
        resume: None,
        checkpoint: false,
    };
    golden("task.json", &fact::encode_pretty(&file).expect("small")[..], false);
}

#[test]
fn a_job_s_schema_names_every_field() {
    let schema = JobSpec::schema();
    let fields = serde_json::to_value(JobSpec::of("a.csv")).expect("plain data");
    for field in fields.as_object().expect("an object").keys() {
        assert!(schema["properties"].get(field).is_some(), "{field} is not in the schema");
    }
    stored_schema("job.v1.json", &schema);
}

#[test]
fn the_schemas_of_results_and_verdict_are_stored() {
    stored_schema("verdict.v1.json", &Verdict::schema());
    stored_schema("results.v1.json", &Results::schema());
    stored_schema("calibration.v1.json", &Calibration::schema());
}

/// Holds a schema against the file that others read.
fn stored_schema(name: &str, schema: &serde_json::Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    let bytes = fact::encode_pretty(schema).expect("small");
    if !path.exists() && option_env!("SYNTHFLEET_GOLDEN") == Some("write") {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, &bytes).expect("written");
    }
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        std::fs::read_to_string(&path).expect("a stored schema"),
        "remove the file and write it anew"
    );
}

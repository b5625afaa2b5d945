//! What a process counts and measures of its store. Names are constants, so that a recording and the catalogue cannot
//! differ.

use synthfleet_metrics::{Label, catalogue, short};

const OP: Label = Label::Of("op", &["create", "put", "get", "head", "list", "upload", "concat", "delete", "presign"]);

catalogue! {
    REQUEST_DURATION = histogram("store_request_duration_seconds", short; &[OP]; "Time that the store takes to answer, all tries of a request together.");
    ERRORS = counter("store_errors_total"; &[OP, Label::UpTo("code", 32)]; "Requests that the store did not answer, by the code of the error.");
    BYTES = counter("store_bytes_total"; &[Label::Of("direction", &["in", "out"])]; "Bytes that were read from the store (in) and written to it (out).");
    ATOMIC_CREATE = gauge("store_atomic_create"; &[]; "1 if exactly one of racing creates wins in this store.");
}

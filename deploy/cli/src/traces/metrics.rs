//! What is counted of spans.

use synthfleet_metrics::{Label, catalogue};

catalogue! {
    TRACE_SPANS = counter("trace_spans_total"; &[Label::Of("outcome", &["sent", "failed", "dropped"])]; "Spans that the collector of traces took (sent), that it did not take (failed), that the full queue before it lost (dropped).");
}

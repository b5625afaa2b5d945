//! What a process counts and measures of its broker. Names are constants, so that a recording and the catalogue cannot
//! differ.

use synthfleet_metrics::{Label, catalogue, short};

const CONNECTION: Label = Label::Of("connection", &["in", "out"]);

catalogue! {
    CONNECTED = gauge("broker_connected"; &[CONNECTION]; "1 while messages can be taken (in) and sent (out).");
    BLOCKED = gauge("broker_blocked"; &[CONNECTION]; "1 while the broker takes no messages for want of memory or disk.");
    RECONNECTS = counter("broker_reconnects_total"; &[CONNECTION]; "Times that a connection was built again.");
    PUBLISH = histogram("broker_publish_seconds", short; &[]; "Time until the broker said what became of a message.");
    PUBLISH_ERRORS = counter("broker_publish_errors_total"; &[Label::Of("reason", &["returned", "nacked", "timeout"])]; "Messages that no queue took (returned), that a full queue refused (nacked), that got no answer (timeout).");
    UNCONFIRMED = gauge("broker_unconfirmed"; &[]; "Messages on their way whose fate is not known yet.");
    ROUND_TRIP = gauge("broker_round_trip_seconds"; &[]; "Time of the last question to the broker and its answer.");
}

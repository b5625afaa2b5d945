//! Files in: dialects, hostile inputs and known tables, through the front door of the room.

mod dialects;
mod forms;
mod hostile;
mod support;
mod tables;

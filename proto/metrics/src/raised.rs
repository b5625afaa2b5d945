//! A value of now that is higher while something lasts: slots in use, tasks that run, messages on their way.

use crate::Book;
use std::fmt;
use std::sync::Arc;

/// Keeps a value of now higher while it lives. Dropping it, also half way through some work, takes its part away.
pub struct Raised {
    book: Arc<Book>,
    name: &'static str,
    labels: Vec<String>,
    by: f64,
}

impl Raised {
    /// Raises a value by an amount. Values of labels are in the order of the family.
    pub fn new(book: &Arc<Book>, name: &'static str, labels: &[&str], by: f64) -> Self {
        book.shift(name, labels, by);
        Self { book: Arc::clone(book), name, labels: labels.iter().map(|label| (*label).to_owned()).collect(), by }
    }

    /// Raises it by another amount from now on.
    pub fn to(&mut self, by: f64) {
        self.shift(by - self.by);
        self.by = by;
    }

    fn shift(&self, amount: f64) {
        let labels: Vec<&str> = self.labels.iter().map(String::as_str).collect();
        self.book.shift(self.name, &labels, amount);
    }
}

impl fmt::Debug for Raised {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} by {}", self.name, self.by)
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        self.shift(-self.by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Series};

    const BUSY: Series = Series::gauge("busy", &[Label::UpTo("pool", 2)], "Busy.");

    #[test]
    fn a_value_is_higher_while_something_lasts() {
        let book = Arc::new(Book::new(&[&[BUSY]]));
        let one = Raised::new(&book, "busy", &["a"], 1.0);
        let mut other = Raised::new(&book, "busy", &["a"], 2.0);
        other.to(5.0);
        assert_eq!(book.value("busy", &["a"]), Some(6.0));
        drop(one);
        drop(other);
        assert_eq!(book.value("busy", &["a"]), Some(0.0));
    }
}

//! Colour and marks of the terminal: none where they would be noise.

use std::io::IsTerminal;

/// When colour is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    /// On a terminal that has not refused it.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the terminal on stderr can show.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Use colour.
    pub colour: bool,
    /// Redraw lines: progress bars, spinners, marks beyond ASCII.
    pub live: bool,
}

impl Style {
    /// Decides from the flag, the terminal and what its environment refuses.
    pub fn decide(colour: Colour, no_progress: bool, environment: &dyn Fn(&str) -> Option<String>) -> Self {
        let terminal = std::io::stderr().is_terminal() && environment("TERM").as_deref() != Some("dumb");
        let refused = environment("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && !refused,
        };
        Self { colour, live: terminal && !no_progress }
    }

    /// Bold red, or plain.
    pub fn error(self, text: &str) -> String {
        self.wrap(text, "1;31")
    }

    /// Bold, or plain.
    pub fn strong(self, text: &str) -> String {
        self.wrap(text, "1")
    }

    fn wrap(self, text: &str, code: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Text from a table or a file, safe to print: control characters are shown escaped, as are marks
/// that turn the writing direction.
pub fn safe(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().flat_map(|c| if c.is_control() || turns(c) { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_a_cell_do_not_reach_the_terminal() {
        assert_eq!(safe("a\u{1b}[31mb\u{202e}"), "a\\u{1b}[31mb\\u{202e}");
        assert_eq!(safe("café"), "café");
    }

    #[test]
    fn colour_can_be_refused_by_environment_and_forced_by_flag() {
        let refusing = |name: &str| (name == "NO_COLOR").then(|| "1".to_owned());
        assert!(!Style::decide(Colour::Auto, false, &refusing).colour);
        assert!(Style::decide(Colour::Always, false, &refusing).colour);
    }
}

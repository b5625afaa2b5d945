//! Words that tell what a column is: parts of names, opposites, built-in scales.

/// The parts of a column name in lower case, split at everything but letters and digits, at case changes
/// and between letters and digits.
pub(crate) fn tokens(name: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut before: Option<char> = None;
    let mut chars = name.chars().peekable();
    while let Some(one) = chars.next() {
        if !one.is_alphanumeric() {
            before = None;
            continue;
        }
        let next_is_lower = chars.peek().is_some_and(|next| next.is_lowercase());
        let starts = match before {
            None => true,
            Some(last) => {
                (one.is_uppercase() && (last.is_lowercase() || (last.is_uppercase() && next_is_lower)))
                    || one.is_numeric() != last.is_numeric()
            }
        };
        if starts {
            all.push(String::new());
        }
        if let Some(token) = all.last_mut() {
            token.extend(one.to_lowercase());
        }
        before = Some(one);
    }
    all
}

/// Pairs of words for false and true.
const OPPOSITES: [(&str, &str); 6] = [("false", "true"), ("f", "t"), ("no", "yes"), ("n", "y"), ("off", "on"), ("0", "1")];

/// The pair that all words belong to, as (false, true).
pub(crate) fn opposites<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Option<(&'static str, &'static str)> {
    let within = |pair: &&(&str, &str)| words.clone().all(|word| word.eq_ignore_ascii_case(pair.0) || word.eq_ignore_ascii_case(pair.1));
    OPPOSITES.iter().find(within).copied()
}

/// Scales from low to high. Single letters and words that mean something else as well need three levels.
const SCALES: &[&[&str]] = &[
    &[
        "lowest",
        "very low",
        "low",
        "medium low",
        "mid",
        "middle",
        "medium",
        "moderate",
        "average",
        "normal",
        "medium high",
        "high",
        "very high",
        "highest",
    ],
    &["tiny", "very small", "small", "medium", "large", "very large", "huge"],
    &["xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"],
    &[
        "never",
        "almost never",
        "rarely",
        "seldom",
        "occasionally",
        "sometimes",
        "often",
        "frequently",
        "usually",
        "very often",
        "almost always",
        "always",
    ],
    &[
        "strongly disagree",
        "disagree",
        "somewhat disagree",
        "neutral",
        "neither agree nor disagree",
        "undecided",
        "somewhat agree",
        "agree",
        "strongly agree",
    ],
    &["very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"],
    &["very poor", "very bad", "poor", "bad", "fair", "average", "good", "very good", "excellent", "outstanding"],
    &["none", "mild", "moderate", "severe", "critical"],
    &["bronze", "silver", "gold", "platinum", "diamond"],
    &["beginner", "intermediate", "advanced", "expert"],
    &["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"],
    &["1st", "2nd", "3rd", "4th", "5th", "6th", "7th", "8th", "9th", "10th"],
    &["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"],
    &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
    &["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
];

const GRADES: &[&str] = &["f", "f+", "e-", "e", "e+", "d-", "d", "d+", "c-", "c", "c+", "b-", "b", "b+", "a-", "a", "a+"];

/// The places of all levels on a built-in scale that covers them; `name` helps with school grades.
pub(crate) fn scale(levels: &[&str], name: &str) -> Option<Vec<usize>> {
    if levels.len() < 2 {
        return None;
    }
    let places = |scale: &[&str]| -> Option<Vec<usize>> {
        let place = |level: &&str| {
            let folded = level.trim().to_lowercase().replace(['_', '-'], " ");
            scale.iter().position(|word| *word == folded || *word == level.trim().to_lowercase())
        };
        let places: Vec<usize> = levels.iter().map(place).collect::<Option<_>>()?;
        let mut sorted = places.clone();
        sorted.sort_unstable();
        sorted.dedup();
        (sorted.len() == levels.len()).then_some(places)
    };
    let short = levels.iter().all(|level| level.trim().len() <= 2);
    if tokens(name).iter().any(|token| matches!(token.as_str(), "grade" | "grades" | "rating" | "mark"))
        && let Some(found) = places(GRADES)
    {
        return Some(found);
    }
    SCALES.iter().find_map(|scale| places(scale)).filter(|_| !short || levels.len() >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_into_tokens() {
        assert_eq!(tokens("customerID"), ["customer", "id"]);
        assert_eq!(tokens("HTTPCode2xx"), ["http", "code", "2", "xx"]);
        assert_eq!(tokens("birth-date (UTC)"), ["birth", "date", "utc"]);
    }

    #[test]
    fn opposites_are_found_without_regard_to_case() {
        assert_eq!(opposites(["TRUE", "False"].into_iter()), Some(("false", "true")));
        assert_eq!(opposites(["1"].into_iter()), Some(("0", "1")));
        assert_eq!(opposites(["yes", "n"].into_iter()), None);
    }

    #[test]
    fn scales_cover_all_levels_or_none() {
        assert_eq!(scale(&["high", "low", "mid"], "x"), Some(vec![11, 2, 4]));
        assert_eq!(scale(&["S", "XL", "M"], "size"), Some(vec![2, 5, 3]));
        assert_eq!(scale(&["S", "M"], "town"), None);
        assert_eq!(scale(&["low", "blue"], "x"), None);
        assert_eq!(scale(&["B", "A", "C"], "grade"), Some(vec![12, 15, 9]));
        assert_eq!(scale(&["B", "A", "C"], "group"), None);
    }
}

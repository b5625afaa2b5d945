//! Reads the part of the Bayesian interchange format that the built-in networks use: discrete
//! variables and full tables.

use super::network::{Network, Variable};
use synthfleet_proto::{Error, Result};

/// Reads a network. Every variable must have one table whose rows sum to 1 within 1e-6; parents may
/// be declared in any order.
pub fn parse(text: &str) -> Result<Network> {
    let mut variables: Vec<Variable> = Vec::new();
    let mut lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    while let Some((line, text)) = lines.next() {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            ["network", ..] => skip_block(&mut lines),
            ["variable", name, "{"] => {
                let (line, states) = lines.next().ok_or_else(|| wrong(line, "the file ends inside a variable"))?;
                let states = inside(states, '{', '}').ok_or_else(|| wrong(line, "states are missing"))?;
                let states = states.split(',').map(|state| state.trim().to_owned()).collect();
                variables.push(Variable { name: (*name).to_owned(), states, parents: Vec::new(), table: Vec::new() });
                skip_block(&mut lines);
            }
            ["probability", ..] => {
                let names = inside(text, '(', ')').ok_or_else(|| wrong(line, "names are missing"))?;
                read_table(names, line, &mut lines, &mut variables)?;
            }
            _ => return Err(wrong(line, "neither a variable nor a table")),
        }
    }
    Network::new(variables)
}

fn read_table<'a>(names: &str, line: usize, lines: &mut impl Iterator<Item = (usize, &'a str)>, variables: &mut [Variable]) -> Result<()> {
    let (child, parents) = names.split_once('|').unwrap_or((names, ""));
    let place = |name: &str| {
        let found = variables.iter().position(|variable| variable.name == name.trim());
        found.ok_or_else(|| wrong(line, "a variable was not declared"))
    };
    let child = place(child)?;
    let parents = parents.split(',').filter(|name| !name.trim().is_empty()).map(place).collect::<Result<Vec<_>>>()?;
    let width = variables[child].states.len();
    let settings: usize = parents.iter().map(|&parent| variables[parent].states.len()).product();
    let mut table = vec![0.0; settings * width];
    for (line, text) in lines {
        if text == "}" {
            break;
        }
        let (setting, numbers) = match text.strip_prefix("table") {
            Some(numbers) => (0, numbers),
            None => {
                let states = inside(text, '(', ')').ok_or_else(|| wrong(line, "a row has no setting"))?;
                let numbers = &text[text.find(')').map_or(0, |end| end + 1)..];
                (setting_of(states, &parents, variables).ok_or_else(|| wrong(line, "a parent's state is unknown"))?, numbers)
            }
        };
        let numbers = numbers.trim().trim_end_matches(';').split(',').map(|number| number.trim().parse::<f64>());
        let numbers = numbers.collect::<Result<Vec<f64>, _>>().map_err(|_| wrong(line, "a probability is not a number"))?;
        if numbers.len() != width {
            return Err(wrong(line, "a row has another length than the variable has states"));
        }
        table[setting * width..][..width].copy_from_slice(&numbers);
    }
    variables[child].parents = parents;
    variables[child].table = table;
    Ok(())
}

/// The row of a table that belongs to some states of the parents: the last parent moves fastest.
fn setting_of(states: &str, parents: &[usize], variables: &[Variable]) -> Option<usize> {
    let states: Vec<&str> = states.split(',').map(str::trim).collect();
    if states.len() != parents.len() {
        return None;
    }
    parents.iter().zip(states).try_fold(0, |setting, (&parent, state)| {
        let known = &variables[parent].states;
        Some(setting * known.len() + known.iter().position(|name| name == state)?)
    })
}

fn skip_block<'a>(lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    for (_, text) in lines {
        if text == "}" {
            break;
        }
    }
}

fn inside(text: &str, open: char, close: char) -> Option<&str> {
    let start = text.find(open)? + open.len_utf8();
    let end = start + text[start..].find(close)?;
    Some(&text[start..end])
}

fn wrong(line: usize, what: &str) -> Error {
    Error::internal("simulated::network", format!("line {} of a network: {what}", line + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAIN: &str = "network unknown {\n}\nvariable rain {\n  type discrete [ 2 ] { yes, no };\n}\nvariable wet {\n  type discrete [ 2 ] { yes, no };\n}\n\
        probability ( rain ) {\n  table 0.2, 0.8;\n}\nprobability ( wet | rain ) {\n  (yes) 0.9, 0.1;\n  (no) 0.25, 0.75;\n}\n";

    #[test]
    fn tables_are_read_by_the_states_of_the_parents() {
        let network = parse(RAIN).expect("a legal network");
        assert!((network.density(&[1, 0]) - 0.8 * 0.25).abs() < 1e-15);
    }

    #[test]
    fn a_row_that_does_not_sum_to_one_is_refused() {
        let error = parse(&RAIN.replace("0.9, 0.1", "0.9, 0.2")).expect_err("sums to 1.1");
        assert_eq!(error.code(), "simulated::network");
    }

    #[test]
    fn an_unknown_state_is_refused_with_its_line() {
        let error = parse(&RAIN.replace("(no)", "(maybe)")).expect_err("no such state");
        assert!(error.message().starts_with("line 14"), "{error}");
    }
}

//! The synthfleet binary. Only here are arguments, environment, signals and clocks read, and only here
//! does the process exit.

mod arguments;
mod client;
mod commands;
mod config;
mod explain;
mod jobfile;
mod logs;
mod machine;
mod present;
mod processor;
mod roles;
mod source;
mod traces;

use arguments::{Arguments, Command, Global};
use clap::Parser;
use clap::error::ErrorKind as ClapKind;
use commands::Surroundings;
use present::{error, style::Style};
use std::process::ExitCode;
use synthfleet_proto::{Error, Result, id};

/// Prints a line on stdout. A reader that went away is no error of ours.
#[macro_export]
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        if writeln!(std::io::stdout(), $($part)*).is_err() {
            tracing::debug!("stdout is closed");
        }
    }};
}

/// Prints a line on stderr: progress, notes, logs.
#[macro_export]
macro_rules! tell {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        if writeln!(std::io::stderr(), $($part)*).is_err() {
            tracing::debug!("stderr is closed");
        }
    }};
}

const WELCOME: &str = "synthfleet: the best synthetic table for yours, under a privacy limit you can defend

  synthfleet run data.csv            the whole job: data, model, report
  synthfleet demo                    try it without data of your own
  synthfleet profile data.csv        what is in a table
  synthfleet benchmark a.csv b.csv   score a synthetic table made elsewhere
  synthfleet synthesizers ls         what there is to choose from
  synthfleet explain csv::ragged     what an error means
  synthfleet doctor                  what this machine offers
  synthfleet --help                  all commands

Try:  synthfleet run sim:demo";

fn main() -> ExitCode {
    if !processor::fits() {
        tell!(
            "error[cli::processor]: this build needs a processor with AVX2 and FMA\n  help: build it for yours: remove the target-cpu flag in .cargo/config.toml"
        );
        return ExitCode::from(1);
    }
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return refuse(&refusal),
    };
    let style = Style::decide(arguments.global.color, arguments.global.no_progress, &variable);
    match run(&arguments, style) {
        Ok(code) => ExitCode::from(code),
        Err(wrong) => {
            if arguments.global.json {
                say!("{}", error::json(&wrong));
            }
            tell!("{}", error::text(&wrong, style).trim_end());
            tracing::debug!(error = ?wrong, "the command failed");
            ExitCode::from(wrong.kind().exit_code())
        }
    }
}

fn run(arguments: &Arguments, style: Style) -> Result<u8> {
    let mut surroundings = surroundings(&arguments.global, style)?;
    let Some(command) = &arguments.command else {
        say!("{WELCOME}");
        return Ok(0);
    };
    roles::lay_over(&mut surroundings.config, command)?;
    match command {
        Command::Serve(_) => roles::block_on(roles::serve::run(&surroundings)),
        Command::Coordinator(_) => roles::block_on(roles::coordinator::run(&surroundings)),
        Command::Worker(_) => roles::block_on(roles::worker::run(&surroundings)),
        Command::Run(flags) => commands::run::run(flags, &surroundings),
        Command::Profile(flags) => commands::profile::run(flags, &surroundings),
        Command::Synthesize(flags) => commands::synthesize::run(flags, &surroundings),
        Command::Generate(flags) => commands::generate::run(flags, &surroundings),
        Command::Benchmark(flags) => commands::benchmark::run(flags, &surroundings),
        Command::Task { folder } => Ok(synthfleet_worker::execute::run_task(folder)),
        Command::Synthesizers(what) => commands::catalogue::run(what, &commands::catalogue::synthesizers(), &surroundings),
        Command::Benchmarks(what) => commands::catalogue::run(what, &commands::catalogue::benchmarks(), &surroundings),
        Command::Explain { code } => commands::explain::run(code.as_deref(), &surroundings),
        Command::Config(arguments::Config::Show { origin }) => commands::config::show(*origin, &surroundings),
        Command::Submit(flags) => roles::block_on(commands::submit::run(flags, &surroundings)),
        Command::Suite(flags) => commands::suite::run(flags, &surroundings),
        Command::Jobs(flags) => roles::block_on(commands::jobs::run(flags, &surroundings)),
        Command::Workers(what) => roles::block_on(commands::workers::run(what, &surroundings)),
        Command::Queue(what) => roles::block_on(commands::queue::run(what, &surroundings)),
        Command::Gc { dry_run, .. } => roles::block_on(commands::gc::run(*dry_run, &surroundings)),
        Command::Dead(flags) => roles::block_on(commands::dead::run(&flags.what, &surroundings)),
        Command::Token(flags) => roles::block_on(commands::token::run(flags, &surroundings)),
        Command::Doctor { calibrate: Some(tables), seeds, .. } => commands::doctor::calibrate(tables, *seeds, &surroundings),
        Command::Doctor { part, .. } => roles::block_on(commands::doctor::run(*part, &surroundings)),
        Command::Completions { shell } => commands::pages::completions(*shell),
        Command::Man { folder } => commands::pages::man(folder),
        Command::Version => commands::pages::version(&surroundings),
        Command::Report(flags) => commands::report::run(flags, &surroundings),
        Command::Demo { output } => commands::demo::run(output, &surroundings),
    }
}

fn surroundings(global: &Global, style: Style) -> Result<Surroundings> {
    let sources =
        config::Sources { file: global.config.as_deref(), variables: std::env::vars().filter(|(name, _)| interesting(name)).collect() };
    let (mut config, settings) = config::load(&sources)?;
    if let Some(server) = &global.server {
        config.client.server.clone_from(server);
    }
    let format = global.log_format.as_deref().unwrap_or(&config.log.format);
    logs::start(&config.log.level, format, global.verbose, style.colour)?;
    Ok(Surroundings { config, settings, style, json: global.json, events: global.events.is_some(), quiet: global.quiet })
}

fn interesting(name: &str) -> bool {
    config::is_standard(name) || name.starts_with("SYNTHFLEET_") || name.starts_with("XDG_") || name == "HOME"
}

/// Ends the process at once: the second Ctrl-C.
#[expect(clippy::disallowed_methods, reason = "the user asked twice for the end")]
fn leave(code: u8) -> ! {
    std::process::exit(i32::from(code))
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Help and version go to stdout with success; a wrong word is told with its nearest neighbour.
fn refuse(refusal: &clap::Error) -> ExitCode {
    match refusal.kind() {
        ClapKind::DisplayHelp | ClapKind::DisplayVersion => {
            say!("{}", refusal.render().to_string().trim_end());
            ExitCode::SUCCESS
        }
        _ => {
            if std::env::args().any(|word| word == "--json") {
                let sentence = refusal.render().to_string();
                let first = sentence.lines().next().unwrap_or_default().trim_start_matches("error: ");
                say!("{}", error::json(&Error::invalid("cli::usage", first).help("see synthfleet --help")));
            }
            tell!("{}", refusal.render().to_string().trim_end());
            if let Some(near) = nearest_command() {
                tell!("\n  did you mean `synthfleet {near}`?");
            }
            ExitCode::from(2)
        }
    }
}

/// The command that a misspelt first word may have meant, where the parser itself has no tip.
fn nearest_command() -> Option<String> {
    use clap::CommandFactory;
    let given = std::env::args().nth(1).filter(|word| !word.starts_with('-'))?;
    let command = Arguments::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    if names.contains(&given.as_str()) {
        return None;
    }
    id::nearest(&given, names.iter().copied()).map(str::to_owned)
}

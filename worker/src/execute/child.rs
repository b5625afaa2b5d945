//! Runs tasks in processes of their own: `synthfleet task <folder>`, or a foreign program that keeps the same
//! contract. Own process group, cleared environment, limits, JSON lines on standard output, exit codes.

use super::line::Line;
use super::{Execution, Executor, Limits, Link, Told, Usage, process};
use crate::TaskFolder;
use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use synthfleet_proto::attempts::{Ended, StopCause};
use synthfleet_proto::error::WireError;
use synthfleet_proto::{Error, ErrorKind};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{ChildStderr, ChildStdout, Command};
use tokio::sync::mpsc;

/// How children are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildOptions {
    /// Program; it is called as `<program> <arguments> <folder>`.
    pub program: PathBuf,
    /// Arguments before the folder.
    pub arguments: Vec<String>,
}

impl ChildOptions {
    /// Our own program as a task process.
    pub fn ours(program: PathBuf) -> Self {
        Self { program, arguments: vec!["task".to_owned()] }
    }
}

/// The child executor.
pub struct Child {
    options: ChildOptions,
}

impl Child {
    /// An executor that starts such children.
    pub fn new(options: ChildOptions) -> Self {
        Self { options }
    }

    fn command(&self, folder: &TaskFolder, limits: &Limits) -> Command {
        let scratch = folder.path();
        let mut command = Command::new(&self.options.program);
        command
            .args(&self.options.arguments)
            .arg(scratch)
            .current_dir(scratch)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LANG", "C.UTF-8")
            .env("HOME", scratch)
            .env("TMPDIR", scratch)
            .env("SYNTHFLEET_TASK_DIR", scratch)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        for variable in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"] {
            command.env(variable, limits.threads.to_string());
        }
        command
    }
}

/// Bytes of standard error that are kept.
const TAIL_BYTES: usize = 256 << 10;
/// Longest line of standard output that is read as a message.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Bytes of standard output that are read as messages; what comes after is dropped.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;
/// Time between two looks at the memory of a task's processes.
const MEMORY_EVERY: Duration = Duration::from_millis(200);
/// Looks at the memory between two looks at the folder.
const LOOKS_PER_FOLDER: u32 = 10;

/// What the watchdog found.
enum Over {
    Memory(u64),
    Scratch(u64),
}

/// Looks until something is over its limit, and tells the memory from time to time. Off the async threads: it reads
/// many small files.
async fn watch(group: u32, folder: PathBuf, limits: Limits, told: mpsc::Sender<Told>) -> Over {
    let mut looks = 0;
    loop {
        tokio::time::sleep(MEMORY_EVERY).await;
        looks += 1;
        let folder = (looks % LOOKS_PER_FOLDER == 0).then(|| folder.clone());
        let look = move || {
            let scratch = folder.map_or(0, |folder| process::folder_bytes(&folder, limits.scratch_bytes));
            (process::group_memory_bytes(group), scratch)
        };
        match tokio::task::spawn_blocking(look).await {
            Ok((memory, _)) if memory > limits.memory_bytes => return Over::Memory(memory),
            Ok((_, scratch)) if scratch > limits.scratch_bytes => return Over::Scratch(scratch),
            Ok((memory, _)) if looks % LOOKS_PER_FOLDER == 0 => {
                let _ = told.try_send(Told::Memory(memory));
            }
            _ => {}
        }
    }
}

/// Time between a polite and a rude end: short for what nobody wants any more, longer for what leaves a state.
fn grace(cause: StopCause, limits: &Limits) -> Duration {
    limits.grace
        * match cause {
            StopCause::Cancel | StopCause::Superseded => 1,
            StopCause::Timeout => 5,
            StopCause::Drain => 15,
        }
}

#[async_trait]
impl Executor for Child {
    async fn execute(&self, folder: &TaskFolder, limits: &Limits, mut link: Link) -> Execution {
        let mut child = match self.command(folder, limits).spawn() {
            Ok(child) => child,
            Err(error) => {
                let error = Error::unavailable("child::start", format!("cannot start a task process: {error}"));
                return Execution { ended: Ended::Error(error.to_wire()), usage: Usage::default() };
            }
        };
        let group = Group(child.id());
        // nobody listens any more: the task ends all the same
        let _ = link.told.send(Told::Begun).await;
        let lines = child.stdout.take().map(|out| tokio::spawn(read_lines(out, link.told.clone())));
        let tail = child.stderr.take().map(|err| tokio::spawn(read_tail(err)));
        let mut stopped: Option<StopCause> = None;
        let mut watch = std::pin::pin!(watch(group.0.unwrap_or_default(), folder.path().to_owned(), *limits, link.told.clone()));
        let (mut over, mut deadline) = (None, None);
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                changed = link.stop.changed(), if stopped.is_none() => {
                    let cause = *link.stop.borrow();
                    stopped = cause.or(changed.is_err().then_some(StopCause::Drain));
                    if let Some(cause) = stopped {
                        // a task that cannot be told why leaves nothing, which is right for every cause but one
                        let _ = folder.tell_stop(cause);
                        group.signal(Signal::TERM);
                        deadline = Some(tokio::time::Instant::now() + grace(cause, limits));
                    }
                }
                () = sleep_until(deadline) => {
                    group.signal(Signal::KILL);
                    deadline = None;
                }
                found = &mut watch, if over.is_none() => {
                    over = Some(found);
                    group.signal(Signal::KILL);
                }
            }
        };
        // nothing of the group survives the task
        group.signal(Signal::KILL);
        let said = match lines {
            Some(lines) => lines.await.unwrap_or_default(),
            None => Said::default(),
        };
        let tail = match tail {
            Some(tail) => tail.await.unwrap_or_default(),
            None => String::new(),
        };
        let usage = said.usage.unwrap_or_default();
        let ended = match (over, stopped) {
            (Some(Over::Memory(used)), _) => {
                Ended::OutOfMemory(format!("used {used} bytes of memory, {} are planned", limits.memory_bytes))
            }
            (Some(Over::Scratch(used)), _) => {
                let message = format!("wrote {used} bytes into its folder, {} are allowed", limits.scratch_bytes);
                Ended::Error(Error::unsupported("task::scratch", message).to_wire())
            }
            (None, Some(cause)) if !matches!(&status, Ok(status) if status.success()) => Ended::Stopped(cause),
            _ => judge(status, said.error, &tail, limits),
        };
        Execution { ended, usage }
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The process group of a child; signalled until it is gone.
struct Group(Option<u32>);

impl Group {
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0.and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw) {
            // gone already is fine
            let _ = kill_process_group(pid, signal);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

/// What an exit means: 0 well, 65 Data, 69 Unsupported, 75 Unavailable, 78 Invalid, others Internal; a signal is
/// a crash, or too little memory if the process said so.
fn judge(status: std::io::Result<ExitStatus>, said: Option<WireError>, tail: &str, limits: &Limits) -> Ended {
    use std::os::unix::process::ExitStatusExt;
    let status = match status {
        Ok(status) => status,
        Err(error) => return Ended::Crash(format!("lost sight of the task process: {error}")),
    };
    if status.success() {
        return Ended::Well;
    }
    if let Some(signal) = status.signal() {
        let last = tail.lines().last().unwrap_or_default();
        if tail.contains("memory allocation of") {
            return Ended::OutOfMemory(format!("{last}, {} bytes are planned", limits.memory_bytes));
        }
        return Ended::Crash(format!("the task process was ended by signal {signal}"));
    }
    if let Some(error) = said {
        return Ended::Error(error);
    }
    let code = status.code().unwrap_or(-1);
    let kind = match code {
        65 => ErrorKind::Data,
        69 => ErrorKind::Unsupported,
        75 => ErrorKind::Unavailable,
        78 => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    };
    Ended::Error(Error::new(kind, "child::exit", format!("the task process ended with code {code} and said nothing")).to_wire())
}

#[derive(Debug, Default)]
struct Said {
    error: Option<WireError>,
    usage: Option<Usage>,
}

/// Reads lines to the end; what is no message is a log line, what is too long is cut.
async fn read_lines(out: ChildStdout, told: mpsc::Sender<Told>) -> Said {
    let mut reader = BufReader::with_capacity(LINE_BYTES_MAX, out);
    let mut said = Said::default();
    let mut line = Vec::new();
    let mut heard = 0u64;
    loop {
        line.clear();
        match (&mut reader).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return said,
            Ok(length) => heard += length as u64,
        }
        if heard > OUTPUT_BYTES_MAX {
            continue;
        }
        let message = match serde_json::from_slice(&line) {
            Ok(Line::Progress { fraction, phase }) => Told::Progress { fraction, phase },
            Ok(Line::Measure { name, step, value }) => Told::Measure { name, step, value },
            Ok(Line::Checkpoint { path, step }) => Told::Checkpoint { name: path.trim_start_matches("ckpt/").to_owned(), step },
            Ok(Line::Log { text } | Line::Note { text }) => Told::Log(text),
            Ok(Line::Usage { cpu_seconds, memory_peak_bytes }) => {
                said.usage = Some(Usage { cpu_seconds, memory_peak_bytes });
                continue;
            }
            Ok(Line::Error(error)) => {
                said.error = Some(error);
                continue;
            }
            Err(_) => Told::Log(String::from_utf8_lossy(&line).trim_end().to_owned()),
        };
        let _ = told.try_send(message);
    }
}

async fn read_tail(mut err: ChildStderr) -> String {
    let mut tail: VecDeque<u8> = VecDeque::new();
    let mut piece = [0; 8_192];
    while let Ok(length) = err.read(&mut piece).await {
        if length == 0 {
            break;
        }
        tail.extend(&piece[..length]);
        let excess = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..excess);
    }
    String::from_utf8_lossy(tail.make_contiguous()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::watch;

    fn shell(script: &str) -> Child {
        Child::new(ChildOptions { program: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()] })
    }

    struct Run {
        execution: Execution,
        begun: bool,
        told: Vec<Told>,
    }

    async fn run(script: &str, memory_bytes: u64, stop: Option<StopCause>) -> Run {
        let place = tempfile::tempdir().expect("temporary folder");
        let (sender, receiver) = watch::channel(None);
        let (told, mut heard) = mpsc::channel(64);
        let limits = Limits { memory_bytes, scratch_bytes: 1 << 20, threads: 1, grace: Duration::from_millis(300) };
        let child = shell(script);
        let folder = TaskFolder::open(place.path());
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if stop.is_some() {
                sender.send_replace(stop);
            }
            std::future::pending::<()>().await;
        };
        let execution = tokio::select! {
            execution = child.execute(&folder, &limits, Link { stop: receiver, told }) => execution,
            () = stopping => unreachable!("never ends"),
        };
        let begun = heard.try_recv() == Ok(Told::Begun);
        let mut all = Vec::new();
        while let Ok(one) = heard.try_recv() {
            all.push(one);
        }
        Run { execution, begun, told: all }
    }

    fn kind(ended: &Ended) -> Option<ErrorKind> {
        if let Ended::Error(error) = ended { Some(error.kind) } else { None }
    }

    #[tokio::test]
    async fn exit_codes_mean_what_the_contract_says() {
        let table = [(65, ErrorKind::Data), (69, ErrorKind::Unsupported), (75, ErrorKind::Unavailable), (78, ErrorKind::Invalid)];
        for (code, expected) in table {
            assert_eq!(kind(&run(&format!("exit {code}"), 1 << 30, None).await.execution.ended), Some(expected));
        }
        assert_eq!(kind(&run("exit 3", 1 << 30, None).await.execution.ended), Some(ErrorKind::Internal));
        assert_eq!(run("exit 0", 1 << 30, None).await.execution.ended, Ended::Well);
    }

    #[tokio::test]
    async fn lines_are_heard_and_the_told_error_wins() {
        let script = r#"echo '{"type":"progress","fraction":0.5,"phase":"fit"}'; echo plain text
            echo '{"type":"error","kind":"data","code":"x::y","message":"bad"}'; exit 65"#;
        let run = run(script, 1 << 30, None).await;
        assert_eq!(run.told[0], Told::Progress { fraction: 0.5, phase: "fit".into() });
        assert_eq!(run.told[1], Told::Log("plain text".into()));
        assert!(matches!(run.execution.ended, Ended::Error(error) if error.code == "x::y"));
    }

    #[tokio::test]
    async fn a_process_that_was_started_and_its_memory_are_told() {
        let run = run("sleep 2.5", 1 << 30, None).await;
        assert!(run.begun && matches!(run.told[..], [Told::Memory(bytes)] if bytes > 100_000), "{:?}", run.told);
    }

    #[tokio::test]
    async fn a_signal_is_a_crash() {
        assert!(matches!(run("kill -SEGV $$", 1 << 30, None).await.execution.ended, Ended::Crash(_)));
    }

    #[tokio::test]
    async fn a_stopped_child_that_does_not_listen_is_killed_with_its_group() {
        let place = tempfile::tempdir().expect("temporary folder");
        let mark = place.path().join("mark");
        let script = format!("trap '' TERM; (trap '' TERM; sleep 2; touch {}) & sleep 30", mark.display());
        let began = std::time::Instant::now();
        let run = run(&script, 1 << 30, Some(StopCause::Cancel)).await;
        assert_eq!(run.execution.ended, Ended::Stopped(StopCause::Cancel));
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        tokio::time::sleep(Duration::from_millis(2_200)).await;
        assert!(!mark.exists(), "a grandchild lived on");
    }

    #[tokio::test]
    async fn memory_beyond_the_plan_ends_the_child() {
        let script = "x=$(head -c 60000000 /dev/zero | tr '\\0' a); sleep 5";
        assert!(matches!(run(script, 8 << 20, None).await.execution.ended, Ended::OutOfMemory(_)));
    }

    #[tokio::test]
    async fn memory_of_grandchildren_counts() {
        let hungry = "x=$(head -c 60000000 /dev/zero | tr '\\0' a); sleep 5";
        assert!(matches!(run(&format!("({hungry}) & wait"), 8 << 20, None).await.execution.ended, Ended::OutOfMemory(_)));
    }

    #[tokio::test]
    async fn a_folder_that_grows_too_large_ends_the_child() {
        let run = run("head -c 5000000 /dev/zero > big; sleep 20", 1 << 30, None).await;
        assert!(matches!(run.execution.ended, Ended::Error(error) if error.code == "task::scratch"));
    }

    #[tokio::test]
    async fn a_flood_of_lines_harms_nobody() {
        let run = run("yes flood | head -c 100000000; exit 65", 1 << 30, None).await;
        assert_eq!(kind(&run.execution.ended), Some(ErrorKind::Data));
    }

    #[tokio::test]
    async fn a_state_is_told_with_its_name() {
        let run = run(r#"echo '{"type":"checkpoint","path":"ckpt/000001","step":7}'"#, 1 << 30, None).await;
        assert_eq!(run.told, [Told::Checkpoint { name: "000001".into(), step: 7 }]);
    }

    #[tokio::test]
    async fn no_environment_enters() {
        let run = run("env | sort | cut -d= -f1 | tr '\\n' ' '", 1 << 30, None).await;
        let Told::Log(names) = &run.told[0] else { panic!("one line") };
        let allowed =
            "HOME LANG MKL_NUM_THREADS OMP_NUM_THREADS OPENBLAS_NUM_THREADS PATH PWD RAYON_NUM_THREADS SYNTHFLEET_TASK_DIR TMPDIR _";
        assert!(names.split_whitespace().all(|name| allowed.split(' ').any(|known| known == name)), "{names}");
    }
}

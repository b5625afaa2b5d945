//! A private RabbitMQ node: own ports, data, cookie and name registry.
//!
//! A small shell program guards it (`guard.sh`): it ends the node once the lock that every user of the
//! node holds is free, which it also becomes when a test is killed.

use crate::{VirtualHost, api};
use std::fs::{File, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";
const GUARD: &str = include_str!("guard.sh");
/// User and password that may do everything.
pub(crate) const ADMIN: (&str, &str) = ("guest", "guest");
/// A start takes 5 to 8 seconds on an idle machine.
const START_MAX: Duration = Duration::from_secs(120);
/// Tenths of a second that a shared node outlives its last user: the gap between two test programs.
const SHARED_IDLE: u32 = 200;
const PRIVATE_IDLE: u32 = 10;

/// Numbers of nodes within a process.
static NODES: AtomicU32 = AtomicU32::new(0);

/// A running node. Dropping the last handle of the last process ends it.
#[derive(Debug)]
pub struct Node {
    folder: PathBuf,
    ports: Ports,
    _lock: File,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    amqp: u16,
    management: u16,
    distribution: u16,
    registry: u16,
}

impl Node {
    /// The node that all tests of a run share, started by the first that asks. Take a
    /// [`Node::virtual_host`] of your own, and never kill this one.
    pub fn shared() -> Result<Self, String> {
        let home = home()?;
        let turn = open(&home.join("rabbitmq.turn"))?;
        turn.lock().map_err(|e| format!("cannot wait for the node's turn: {e}"))?;
        let lock = open(&home.join("rabbitmq.lock"))?;
        lock.lock_shared().map_err(|e| format!("cannot hold the node: {e}"))?;
        let note = home.join("rabbitmq.node");
        if let Some((folder, ports)) = read(&note).filter(|(_, ports)| answers(ports.management)) {
            return Ok(Self { folder, ports, _lock: lock });
        }
        let (folder, ports) = prepare(&home, &[])?;
        let node = Self { folder, ports, _lock: lock };
        node.launch(&home.join("rabbitmq.lock"), SHARED_IDLE, &note)?;
        let text = format!("{} {} {} {} {}", ports.amqp, ports.management, ports.distribution, ports.registry, node.folder.display());
        std::fs::write(&note, text).map_err(|e| format!("cannot write {}: {e}", note.display()))?;
        Ok(node)
    }

    /// A node of one's own, to be killed and started again, with further lines of configuration.
    pub fn private(configuration: &[&str]) -> Result<Self, String> {
        let home = home()?;
        let (folder, ports) = prepare(&home, configuration)?;
        let path = folder.join("lock");
        let lock = open(&path)?;
        lock.lock_shared().map_err(|e| format!("cannot hold the node: {e}"))?;
        let node = Self { folder, ports, _lock: lock };
        node.launch(&path, PRIVATE_IDLE, Path::new(""))?;
        Ok(node)
    }

    /// The port that speaks AMQP.
    pub fn port(&self) -> u16 {
        self.ports.amqp
    }

    /// An address with the user that may do everything.
    pub fn url(&self, virtual_host: &str) -> String {
        format!("amqp://{}:{}@127.0.0.1:{}/{virtual_host}", ADMIN.0, ADMIN.1, self.ports.amqp)
    }

    /// A fresh, empty virtual host: names in it collide with nobody's.
    pub fn virtual_host(&self) -> Result<VirtualHost, String> {
        VirtualHost::create(self.ports.management, self.ports.amqp)
    }

    /// Kills the node at once (SIGKILL) and leaves it dead.
    pub fn kill(&self) -> Result<(), String> {
        std::fs::write(self.folder.join("down"), "").map_err(|e| format!("cannot note that the node is down: {e}"))?;
        let text = std::fs::read_to_string(self.folder.join("pid")).map_err(|e| format!("the node has no number: {e}"))?;
        let number = text.trim().parse().ok().and_then(rustix::process::Pid::from_raw).ok_or("the node's number is none")?;
        rustix::process::kill_process(number, rustix::process::Signal::KILL).map_err(|e| format!("cannot kill the node: {e}"))?;
        within(Duration::from_secs(10), || !answers(self.ports.amqp)).then_some(()).ok_or_else(|| "the node outlives SIGKILL".to_owned())
    }

    /// Starts a killed node again with its data; returns once it answers.
    pub fn start(&self) -> Result<(), String> {
        std::fs::remove_file(self.folder.join("down")).map_err(|e| format!("the node is not down: {e}"))?;
        self.wait()
    }

    /// `rabbitmqctl`; gives what it prints.
    pub fn control(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(CONTROL);
        let output = self.environment(&mut command).args(arguments).stdin(Stdio::null()).output();
        let output = output.map_err(|e| format!("cannot run rabbitmqctl: {e}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr))) }
    }

    /// A request to the management interface below `/api`; gives status and body.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        api::request(self.ports.management, ADMIN, method, path, body)
    }

    fn launch(&self, lock: &Path, idle: u32, note: &Path) -> Result<(), String> {
        let mut command = Command::new("sh");
        self.environment(&mut command).arg(self.folder.join("guard.sh")).arg(&self.folder).arg(lock).arg(idle.to_string());
        command.arg(SERVER).arg(note).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // a group of its own: what ends a test does not end the guard
        command.process_group(0).spawn().map_err(|e| format!("cannot start the node's guard: {e}"))?;
        self.wait()
    }

    fn wait(&self) -> Result<(), String> {
        // the management interface opens last
        if within(START_MAX, || answers(self.ports.amqp) && answers(self.ports.management)) {
            return Ok(());
        }
        let out = std::fs::read_to_string(self.folder.join("out")).unwrap_or_default();
        let tail: Vec<&str> = out.lines().rev().take(20).collect();
        Err(format!("the node does not answer; it said:\n{}", tail.into_iter().rev().collect::<Vec<_>>().join("\n")))
    }

    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let (folder, ports) = (&self.folder, self.ports);
        command
            .env("HOME", folder.join("home"))
            .env("RABBITMQ_NODENAME", format!("sf{}@localhost", ports.amqp))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", folder.join("data"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_DIST_PORT", ports.distribution.to_string())
            .env("ERL_EPMD_PORT", ports.registry.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_RELAXED_COMMAND_CHECK", "1")
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            // idle schedulers sleep instead of spinning: tests share the machine
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none",
            )
    }
}

/// Where this user's nodes live.
pub(crate) fn home() -> Result<PathBuf, String> {
    let home = std::env::temp_dir().join(format!("synthfleet-harness-{}", rustix::process::getuid().as_raw()));
    std::fs::create_dir_all(&home).map_err(|e| format!("cannot make {}: {e}", home.display()))?;
    Ok(home)
}

/// The folder of a new node with all that it reads.
fn prepare(home: &Path, configuration: &[&str]) -> Result<(PathBuf, Ports), String> {
    if !Path::new(SERVER).exists() {
        return Err("rabbitmq-server is not installed: run `cargo xtask test --setup`, or \
                    `apt-get install -y --no-install-recommends rabbitmq-server`"
            .to_owned());
    }
    let [amqp, management, distribution, registry] = free_ports()?;
    let ports = Ports { amqp, management, distribution, registry };
    let folder = home.join(format!("rabbitmq-{}-{}", std::process::id(), NODES.fetch_add(1, Ordering::Relaxed)));
    let own = configuration.join("\n");
    let text = format!(
        "listeners.tcp.default = 127.0.0.1:{amqp}\nmanagement.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n\
         loopback_users = none\nlog.file.level = warning\ndisk_free_limit.absolute = 1MB\nmax_message_size = 131072\nheartbeat = 20\n{own}\n"
    );
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
    std::fs::create_dir_all(folder.join("home"))
        .and_then(|()| write("rabbitmq.conf", &text))
        .and_then(|()| write("enabled_plugins", "[rabbitmq_management].\n"))
        .and_then(|()| write("guard.sh", GUARD))
        .map_err(|e| format!("cannot prepare {}: {e}", folder.display()))?;
    Ok((folder, ports))
}

/// Ports that nobody listens on: taken all together, so that they differ.
fn free_ports<const N: usize>() -> Result<[u16; N], String> {
    let mut held = Vec::new();
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(|e| format!("no free port: {e}"))?;
        *port = listener.local_addr().map_err(|e| format!("no free port: {e}"))?.port();
        held.push(listener);
    }
    Ok(ports)
}

fn read(note: &Path) -> Option<(PathBuf, Ports)> {
    let text = std::fs::read_to_string(note).ok()?;
    let mut words = text.splitn(5, ' ');
    let mut port = || words.next()?.parse().ok();
    let ports = Ports { amqp: port()?, management: port()?, distribution: port()?, registry: port()? };
    Some((PathBuf::from(words.next()?), ports))
}

pub(crate) fn open(path: &Path) -> Result<File, String> {
    OpenOptions::new().create(true).append(true).open(path).map_err(|e| format!("cannot open {}: {e}", path.display()))
}

pub(crate) fn answers(port: u16) -> bool {
    TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(1)).is_ok()
}

/// Whether something becomes true in time.
pub(crate) fn within(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while !done() {
        if begun.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

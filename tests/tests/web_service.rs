//! The example `web-service` as its users meet it: a process, a file and a socket. The test reads the state of the
//! process from `/proc`.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use plugin_host::build::Build;
use tests::{fixture_target_dir, library_name};

/// A time that nothing here reaches.
const LONG: Duration = Duration::from_secs(120);

const UPGRADES: u64 = 100;

fn wait_until(what: impl Fn() -> String, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < LONG, "{}", what());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("examples/web-service")
}

/// The server's program, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--bin", "web-service", "--message-format=json-render-diagnostics"])
            .current_dir(example().ancestors().nth(2).unwrap())
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success());
        let messages = String::from_utf8(output.stdout).unwrap();
        let messages = messages.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
        programs.next_back().unwrap()
    })
}

/// The library of the example's routes.
fn routes() -> Vec<u8> {
    let build = Build::new(example().join("routes")).target_dir(fixture_target_dir("default"));
    fs::read(build.run().unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

/// The two texts that stand in an answer, before and after the number of the visit.
const EDITIONS: [[&str; 2]; 2] = [
    ["Welcome! You are visitor ", " of the first edition.\n"],
    ["Bonjour! You are visitor ", " of the other edition.\n"],
];

/// The routes, as if their source had the texts of the other edition.
fn other_edition(routes: &[u8]) -> Vec<u8> {
    let mut bytes = routes.to_owned();
    let [first, other] = EDITIONS;
    tests::rewrite(&mut bytes, &[(first[0], other[0]), (first[1], other[1])]);
    bytes
}

/// The edition and the visit of an answer. Checks the whole text of the answer.
fn read_answer(body: &str) -> (usize, u64) {
    let read = |(edition, [before, after]): (usize, &[&str; 2])| {
        Some((edition, body.strip_prefix(before)?.strip_suffix(after)?.parse().ok()?))
    };
    EDITIONS.iter().enumerate().find_map(read).unwrap_or_else(|| panic!("of no edition: {body:?}"))
}

/// A running server, with its log.
struct Server {
    child: Child,
    address: String,
    log: PathBuf,
    _directory: tempfile::TempDir,
}

impl Server {
    fn start(routes: &Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let mut child = Command::new(program())
            .arg(routes)
            .env("LISTEN", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(address) = line.trim().strip_prefix("listening on http://").map(str::to_owned) else {
            panic!("it says {line:?}: {}", fs::read_to_string(&log).unwrap());
        };
        Server { child, address, log, _directory: directory }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn connect(&self) -> Connection {
        Connection::new(&self.address)
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.connect().ask("GET", path, "").unwrap()
    }

    /// The value after that word in `/admin/status`.
    fn status(&self, what: &str) -> Option<String> {
        let (status, text) = self.get("/admin/status");
        assert_eq!(status, 200);
        let value = text.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": "));
        value.map(str::to_owned)
    }

    fn revision(&self) -> u64 {
        self.status("revision").unwrap().parse().unwrap()
    }

    fn memory_kib(&self) -> u64 {
        self.status("memory").unwrap().strip_suffix(" KiB").unwrap().parse().unwrap()
    }

    /// The number of versions of the routes that are mapped in the server.
    fn versions_mapped(&self) -> usize {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id())).unwrap();
        let routes = maps.lines().filter(|line| line.contains("routes"));
        // Each version has a file of its own. The file's device and number stand before its name.
        routes.map(|line| line.split_whitespace().skip(3).take(2).collect::<Vec<_>>()).collect::<BTreeSet<_>>().len()
    }

    /// Ends the server as Ctrl-C does.
    fn stop(mut self) {
        interrupt(&self.child);
        wait_until(|| "it ends".to_owned(), || self.child.try_wait().unwrap().is_some());
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server still runs if a test has failed.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn interrupt(child: &Child) {
    // SAFETY: the process has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id().cast_signed(), libc::SIGINT) }, 0);
}

/// One connection, for one request after the other.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection(BufReader::new(stream))
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        self.0.get_mut().write_all((head + body).as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let body = String::from_utf8(body).map_err(std::io::Error::other)?;
        Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, body))
    }
}

/// The answers that one thread has got while it asked without pause.
#[derive(Default)]
struct Seen {
    visits: Vec<u64>,
    of_edition: [usize; 2],
    failed: Vec<String>,
    slowest: Duration,
}

fn ask_without_pause(address: String, stop: Arc<AtomicBool>) -> JoinHandle<Seen> {
    std::thread::spawn(move || {
        let mut seen = Seen::default();
        let mut connection = Connection::new(&address);
        while !stop.load(Ordering::Relaxed) {
            let asked = Instant::now();
            match connection.ask("GET", "/", "") {
                Ok((200, body)) => {
                    let (edition, visit) = read_answer(&body);
                    seen.of_edition[edition] += 1;
                    seen.visits.push(visit);
                }
                Ok((status, body)) => seen.failed.push(format!("{status}: {body}")),
                Err(error) => {
                    seen.failed.push(error.to_string());
                    connection = Connection::new(&address);
                }
            }
            seen.slowest = seen.slowest.max(asked.elapsed());
        }
        seen
    })
}

/// The load generator `wrk`, if it is installed.
struct Wrk(Child);

impl Wrk {
    fn start(address: &str) -> Option<Self> {
        let mut command = Command::new("wrk");
        // `wrk` ends when it is interrupted.
        command.args(["--threads", "1", "--connections", "8", "--duration", "600s", "--timeout", "30s"]);
        let child = command.arg(format!("http://{address}/")).stdout(Stdio::piped()).spawn();
        child.ok().map(Wrk)
    }

    /// Returns the number of requests. Checks that none has failed.
    fn stop(self) -> u64 {
        interrupt(&self.0);
        let output = self.0.wait_with_output().unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(!report.contains("Non-2xx") && !report.contains("Socket errors"), "{report}");
        let line = report.lines().find(|line| line.contains(" requests in ")).unwrap_or_else(|| panic!("{report}"));
        line.split_whitespace().next().unwrap().parse().unwrap()
    }
}

#[test]
fn a_hundred_upgrades_under_load_fail_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(library_name("routes"));
    let first = routes();
    let editions = [first.clone(), other_edition(&first)];
    fs::write(&file, &first).unwrap();
    let server = Server::start(&file);

    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..4).map(|_| ask_without_pause(server.address.clone(), stop.clone())).collect();
    let wrk = Wrk::start(&server.address);
    if wrk.is_none() {
        println!("`wrk` is not installed: only this test's own threads ask");
    }

    let started = Instant::now();
    let mut memory = Vec::new();
    for upgrade in 1..=UPGRADES {
        let bytes = &editions[upgrade as usize % 2];
        if upgrade % 2 == 1 {
            // The file is replaced, and the watch sees it.
            let next = directory.path().join("next");
            fs::write(&next, bytes).unwrap();
            fs::rename(next, &file).unwrap();
            wait_until(|| server.log(), || server.revision() == upgrade + 1);
        } else {
            // The file is written in place. The watch ignores it until it is closed, and by then the test has upgraded
            // by hand.
            let mut open = OpenOptions::new().write(true).open(&file).unwrap();
            open.write_all(bytes).unwrap();
            let (status, text) = server.connect().ask("POST", "/admin/reload", "").unwrap();
            assert_eq!((status, text), (200, format!("revision: {}\n", upgrade + 1)));
            drop(open);
        }
        let (_, body) = server.get("/");
        assert_eq!(read_answer(&body).0, upgrade as usize % 2);
        if upgrade % 10 == 0 {
            memory.push(server.memory_kib());
        }
    }
    let took = started.elapsed();
    let from_wrk = wrk.map_or(0, Wrk::stop);
    stop.store(true, Ordering::Relaxed);
    let seen: Vec<Seen> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();

    assert_eq!(seen.iter().flat_map(|seen| &seen.failed).collect::<Vec<_>>(), [""; 0]);
    assert_eq!(server.revision(), UPGRADES + 1);
    // Each visit was counted once, by any of the versions.
    let visits: Vec<u64> = seen.iter().flat_map(|seen| &seen.visits).copied().collect();
    assert!(seen.iter().all(|seen| seen.visits.is_sorted()));
    assert_eq!(visits.iter().collect::<BTreeSet<_>>().len(), visits.len());
    let (_, last) = read_answer(&server.get("/").1);
    let counted = visits.len() as u64 + UPGRADES + 1 + from_wrk;
    // `wrk` does not count the requests that are in progress when it is interrupted: one for each of its connections.
    assert!((counted..=counted + 8).contains(&last), "{last} visits, of which {counted} were answered");
    assert!((0..2).all(|edition| seen.iter().any(|seen| seen.of_edition[edition] != 0)));

    // Earlier versions are unmapped, and their memory is freed.
    wait_until(|| server.log(), || server.status("draining").is_none());
    wait_until(|| "older versions are mapped".to_owned(), || server.versions_mapped() == 1);
    let slowest = seen.iter().map(|seen| seen.slowest).max().unwrap();
    println!(
        "{UPGRADES} upgrades in {took:.1?} under load: {} requests answered here and {from_wrk} by `wrk`, none failed; the \
         slowest took {slowest:.1?}; KiB in memory after every tenth upgrade: {memory:?}",
        visits.len()
    );
    let (early, late) = (memory[2], memory[memory.len() - 1]);
    assert!(late < early + 8 * 1024, "KiB after every tenth upgrade: {memory:?}");
    assert!(!server.log().contains("is not upgraded"), "{}", server.log());
    server.stop();
}

#[test]
fn what_goes_wrong_in_the_routes_stays_there() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(library_name("routes"));
    let first = routes();
    fs::write(&file, &first).unwrap();
    let server = Server::start(&file);

    assert_eq!(server.connect().ask("POST", "/shout", "hello").unwrap(), (200, "HELLO".to_owned()));
    assert_eq!(server.get("/nowhere?x=1"), (404, "There is nothing at /nowhere.\n".to_owned()));
    assert_eq!(server.get("/bug"), (500, String::new()));
    assert!(server.log().contains("nobody is perfect"), "{}", server.log());
    assert_eq!(read_answer(&server.get("/").1), (0, 1));

    // A file that is not a plugin.
    fs::write(&file, "garbage").unwrap();
    let (status, text) = server.connect().ask("POST", "/admin/reload", "").unwrap();
    assert_eq!(status, 409);
    assert!(text.contains("is not a shared library but a text file"), "{text}");
    wait_until(|| server.log(), || server.log().contains("plugin `routes` is not upgraded to"));
    assert_eq!(read_answer(&server.get("/").1), (0, 2));
    assert_eq!(server.revision(), 1);

    fs::write(&file, other_edition(&first)).unwrap();
    wait_until(|| server.log(), || server.revision() == 2);
    assert_eq!(read_answer(&server.get("/").1), (1, 3));
    server.stop();
}

/// From the source to the answer, with no command in between.
#[test]
fn the_source_is_built_and_served_as_it_changes() {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("routes");
    fs::create_dir_all(copy.join("src")).unwrap();
    // A separate crate, with the same dependencies as in the workspace.
    let workspace = example().ancestors().nth(2).unwrap().to_owned();
    let manifest = format!(
        "[package]\nname = \"routes\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nplugin-core = {{ path = {:?} }}\nweb-api = {{ path = {:?} }}\n\n[workspace]\n",
        workspace.join("plugin-core"),
        example().join("api"),
    );
    fs::write(copy.join("Cargo.toml"), manifest).unwrap();
    fs::copy(workspace.join("Cargo.lock"), copy.join("Cargo.lock")).unwrap();
    let source = fs::read_to_string(example().join("routes/src/lib.rs")).unwrap();
    let write = |source: &str| fs::write(copy.join("src/lib.rs"), source).unwrap();
    write(&source);
    let server = Server::start(&copy);
    assert_eq!(read_answer(&server.get("/").1), (0, 1));

    // The compiler reports a mistake, and the server goes on as before.
    write("fn mistaken(");
    wait_until(|| server.log(), || server.log().contains("cannot build"));
    assert!(server.log().contains("unclosed delimiter"), "{}", server.log());
    assert_eq!(read_answer(&server.get("/").1), (0, 2));

    let edited = source.replace("Welcome!", "Bonjour!").replace("first edition", "other edition");
    write(&edited);
    let started = Instant::now();
    wait_until(|| server.log(), || server.revision() == 2);
    println!("from the edit to its answer: {:.1?}", started.elapsed());
    // The count of visits goes on.
    assert_eq!(read_answer(&server.get("/").1), (1, 3));
    server.stop();
}

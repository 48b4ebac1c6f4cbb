//! Asks the sidecar before an agent acts, and fails closed. One file, standard library only; the contract that it
//! keeps, as every shim, is in the README above this folder.
//!
//!     let sidecar = Sidecar::new(Options { agent: "bot".into(), ..Options::default() })?;
//!     sidecar.require("payments.send", "account:42", r#"{"amount": 5}"#, "")?;

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::{mpsc, Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const HEAD_LIMIT: usize = 64 << 10;
const BODY_LIMIT: usize = 1 << 20;
const LINE_LIMIT: usize = 8 << 10;

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure { Denied, Pending, Blocked, Obliged, Unreachable, Timeout, Invalid, Rejected, Failed }

/// How the agent stands with the kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State { Clear, Blocked, Blind, Unknown }

/// What is empty is taken from the environment, else it is the default; no `wait` is the deadline.
#[derive(Clone, Debug)]
pub struct Options {
    pub address: String,
    pub agent: String,
    pub token: String,
    pub deadline: Duration,
    pub wait: Option<Duration>,
    pub silence: Duration,
    pub accept_obligations: bool,
}

impl Default for Options {
    fn default() -> Options {
        let (deadline, silence) = (Duration::from_secs(5), Duration::from_secs(15));
        let [address, agent, token] = ["", "", ""].map(String::from);
        Options { address, agent, token, deadline, wait: None, silence, accept_obligations: false }
    }
}

/// `failure` is None only if it is allowed. `risk` is 0 to 100; `body` is the daemon's JSON.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Decision {
    pub allowed: bool,
    pub failure: Option<Failure>,
    pub code: String,
    pub reason: String,
    pub risk: Option<u8>,
    pub id: String,
    pub body: String,
}

impl Decision {
    fn refused(failure: Failure, reason: impl fmt::Display) -> Decision {
        let code = format!("{failure:?}").to_lowercase();
        Decision { failure: Some(failure), code, reason: reason.to_string(), ..Decision::default() }
    }
}

/// The error of `require`.
#[derive(Clone, Debug)]
pub struct Refused(pub Box<Decision>);

impl fmt::Display for Refused {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}: {}", self.0.code, self.0.reason)
    }
}

impl std::error::Error for Refused {}

/// One agent's way to its daemon; threads may share it. The watch ends with it.
pub struct Sidecar(Arc<Inner>);

struct Inner {
    options: Options,
    host: String,
    watch: Mutex<Watch>,
    news: Condvar,
}

/// `told` is what the stream has said last of the agent and of everybody; `number` tells a watch from those before it.
#[derive(Default)]
struct Watch {
    number: u64,
    is_on: bool,
    told: [Option<State>; 2],
}

impl Sidecar {
    /// Fails for options that cannot work, and only for those.
    pub fn new(mut options: Options) -> Result<Sidecar, Refused> {
        let from = |given: &str, name: &str, default: &str| match given {
            "" => std::env::var(name).ok().filter(|set| !set.is_empty()).unwrap_or(default.into()),
            _ => given.to_string(),
        };
        options.address = from(&options.address, "ASCEND_SIDECAR", "unix:/run/ascend-sidecar/sidecar.sock");
        options.agent = from(&options.agent, "ASCEND_AGENT_ID", "");
        options.token = from(&options.token, "ASCEND_TOKEN", "");
        let host = match options.address.split_once(':') {
            Some(("unix", path)) if !path.is_empty() => "localhost".to_string(),
            Some(("http", rest)) => rest.trim_start_matches('/').trim_end_matches('/').to_string(),
            _ => String::new(),
        };
        let is_sendable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if options.agent.is_empty() || host.is_empty() || !is_sendable(&host) || !is_sendable(&options.token) {
            let why = "agent must be given, address unix:/PATH or http://HOST:PORT, token ASCII";
            return Err(Refused(Decision::refused(Failure::Invalid, why).into()));
        }
        if !options.agent.contains(':') {
            options.agent.insert_str(0, "agent:");
        }
        Ok(Sidecar(Arc::new(Inner { options, host, watch: Mutex::default(), news: Condvar::new() })))
    }

    /// Whether the agent may do this now, asked once; where people must approve, it waits for them. Properties (of the
    /// action) and context are JSON objects as text, or empty.
    pub fn authorize(&self, action: &str, resource: &str, properties: &str, context: &str) -> Decision {
        let (began, options) = (Instant::now(), &self.0.options);
        let watch = self.0.locked();
        match watch.state() {
            State::Blocked if watch.is_on => {
                return Decision { code: "halted".into(), ..Decision::refused(Failure::Blocked, "A halt is in force.") };
            }
            State::Unknown if watch.is_on => {
                let refused = Decision::refused(Failure::Blocked, "What is halted is not known.");
                return Decision { code: "halts_unknown".into(), ..refused };
            }
            _ => drop(watch),
        }
        let [properties, context] = [properties, context].map(|text| if text.is_empty() { "{}" } else { text });
        let (subject, resource, action) = (entity(&options.agent), entity(resource), quoted(action));
        let body = format!(
            r#"{{"subject":{subject},"action":{{"name":{action},"properties":{properties}}},"resource":{resource},"context":{context}}}"#
        );
        let mut found = self.0.decided("POST /access/v1/evaluation", "", &body, began + options.deadline, "");
        let wait = options.wait.unwrap_or(options.deadline);
        while found.failure == Some(Failure::Pending) {
            let asked = Instant::now();
            let left = wait.saturating_sub(began.elapsed());
            if left < Duration::from_millis(1500) {
                break;
            }
            let prefer = format!("Prefer: wait={}\r\n", (left - Duration::from_millis(500)).as_secs().min(55));
            let line = format!("GET /v1/decisions/{}", found.id);
            let mut news = self.0.decided(&line, &prefer, "", began + wait.max(options.deadline), &found.id);
            if news.failure == Some(Failure::Timeout) {
                break;
            }
            if news.id.is_empty() {
                (news.id, news.risk, news.reason) = (found.id, found.risk, found.reason);
            }
            found = news;
            if found.failure == Some(Failure::Pending) {
                thread::sleep(Duration::from_secs(1).saturating_sub(asked.elapsed()));
            }
        }
        found
    }

    /// The same, as an error unless it is allowed.
    pub fn require(&self, action: &str, resource: &str, properties: &str, context: &str) -> Result<Decision, Refused> {
        let decision = self.authorize(action, resource, properties, context);
        if decision.allowed { Ok(decision) } else { Err(Refused(decision.into())) }
    }

    /// Says once that it was `completed` or has `failed`. Details are a JSON object as text, or empty.
    pub fn report(&self, decision: &Decision, outcome: &str, details: &str) -> Result<(), Failure> {
        let details = if details.is_empty() { "{}" } else { details.trim() };
        let rest = details.strip_prefix('{').ok_or(Failure::Invalid)?.trim_start();
        if decision.id.is_empty() || !decision.id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Failure::Invalid);
        }
        let comma = if rest == "}" { "" } else { "," };
        let body = format!("{{\"outcome\":{}{comma}{rest}", quoted(outcome));
        let line = format!("POST /v1/decisions/{}/outcome", decision.id);
        let told = self.0.exchange(&line, "", &body, Instant::now() + self.0.options.deadline);
        told.map(drop).map_err(|refused| refused.failure.unwrap_or(Failure::Invalid))
    }

    /// Follows halts from now on. Returns when it is known how things are, at the latest after the deadline.
    pub fn watch(&self) -> State {
        let mut watch = self.0.locked();
        if !watch.is_on {
            let number = watch.number + 1;
            let inner = Arc::clone(&self.0);
            let started = thread::Builder::new().spawn(move || inner.follow(number));
            *watch = Watch { number, is_on: started.is_ok(), told: [None; 2] };
        }
        let wait = self.0.news.wait_timeout_while(watch, self.0.options.deadline, |it| it.state() == State::Unknown);
        wait.unwrap_or_else(PoisonError::into_inner).0.state()
    }

    /// True unless a watched stream says that nothing halts the agent. Asks nobody.
    pub fn is_blocked(&self) -> bool {
        self.0.locked().state() != State::Clear
    }

    /// Ends the watch. Its connection closes with the next line, at the latest after the silence.
    pub fn close(&self) {
        let mut watch = self.0.locked();
        *watch = Watch { number: watch.number + 1, ..Watch::default() };
    }
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        self.close();
    }
}

impl Watch {
    fn state(&self) -> State {
        let both = self.told.map(|told| told.unwrap_or(State::Unknown));
        let worst = [State::Blocked, State::Unknown, State::Blind].into_iter().find(|word| both.contains(word));
        worst.unwrap_or(State::Clear)
    }
}

impl Inner {
    fn locked(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer is believed only if all of it fits together. `asked` is the id that it must have, if any.
    fn decided(&self, line: &str, fields: &str, body: &str, until: Instant, asked: &str) -> Decision {
        let found = self.exchange(line, fields, body, until);
        found.and_then(|(head, raw)| self.judged(&head, &raw, asked)).unwrap_or_else(|refused| refused)
    }

    fn judged(&self, head: &Fields, body: &str, asked: &str) -> Result<Decision, Decision> {
        let [verdict, code, id] = [one(head, "x-ascend-verdict")?, one(head, "x-ascend-code")?, one(head, "x-ascend-id")?];
        let [risk, reason] = ["x-ascend-risk", "x-ascend-reason"].map(|name| one(head, name).unwrap_or_default());
        let accepts = self.options.accept_obligations || verdict != "allow";
        let is_obliged = !accepts && body.contains(r#""obligations":[{"#);
        let (failure, begins) = match verdict.as_str() {
            "allow" => (is_obliged.then_some(Failure::Obliged), r#"{"decision":true"#),
            "deny" => (Some(Failure::Denied), r#"{"decision":false"#),
            _ => (Some(Failure::Pending), r#"{"decision":false"#),
        };
        let score = risk.parse().ok().filter(|score| *score <= 100 && risk.bytes().all(|byte| byte.is_ascii_digit()));
        let is_whole = ["allow", "deny", "pending"].contains(&verdict.as_str())
            && !code.is_empty()
            && (score.is_some() || risk.is_empty())
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && (!id.is_empty() || verdict == "deny")
            && (asked.is_empty() || asked == id)
            && (body.starts_with(begins) && body.ends_with('}'))
            && (accepts || is_obliged || body.contains(r#""obligations":[]"#));
        if !is_whole {
            return Err(Decision::refused(Failure::Invalid, "its parts do not fit, or are of another decision"));
        }
        let code = if is_obliged { "obligations".to_string() } else { code };
        let (allowed, reason, body) = (failure.is_none(), decoded(&reason), body.to_string());
        Ok(Decision { allowed, failure, code, reason, risk: score, id, body })
    }

    /// One request on a connection of its own, never repeated: the fields and the body of a whole answer of status 200.
    fn exchange(&self, line: &str, fields: &str, body: &str, until: Instant) -> Result<(Fields, String), Decision> {
        let mut connection = self.send(line, fields, body, until)?;
        let head = connection.head(until)?;
        let length = one(&head, "content-length")?.parse().ok().filter(|length| *length <= BODY_LIMIT);
        let length = length.ok_or_else(|| Decision::refused(Failure::Invalid, "a body that is too long"))?;
        while connection.read.len() < length {
            connection.more(until)?;
        }
        Ok((head, String::from_utf8_lossy(&connection.read[..length]).into_owned()))
    }

    fn send(&self, line: &str, fields: &str, body: &str, until: Instant) -> Result<Connection, Decision> {
        let mut wire = self.connect(until).map_err(|error| Decision::refused(Failure::Unreachable, error))?;
        let mut head = format!("{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{fields}", self.host);
        if !self.options.token.is_empty() {
            head += &format!("Authorization: Bearer {}\r\n", self.options.token);
        }
        if !body.is_empty() {
            head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        // Whoever does not take it all may have answered already; if not, reading tells.
        let _ = wire.write_all(format!("{head}\r\n{body}").as_bytes(), until);
        Ok(Connection { wire, read: Vec::new() })
    }

    fn connect(&self, until: Instant) -> io::Result<Wire> {
        if let Some(path) = self.options.address.strip_prefix("unix:") {
            // A stopped daemon's full backlog blocks it, and the standard library has no limit for that.
            let (path, (tell, told)) = (path.to_string(), mpsc::channel());
            thread::Builder::new().spawn(move || tell.send(UnixStream::connect(path)))?;
            return told.recv_timeout(left(until)?).map_err(io::Error::other)?.map(Wire::Unix);
        }
        let has_port = self.host.rsplit(':').next().is_some_and(|end| end != self.host && !end.ends_with(']'));
        let place = if has_port { self.host.clone() } else { format!("{}:80", self.host) };
        let mut failed = io::Error::from(ErrorKind::NotFound);
        for address in place.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, left(until)?) {
                Ok(stream) => return stream.set_nodelay(true).map(|()| Wire::Tcp(stream)),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn follow(&self, number: u64) {
        while self.locked().number == number {
            let _ended = self.stream(number);
            self.tell(number, [None; 2]);
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Returns when what the stream says can no longer be relied upon.
    fn stream(&self, number: u64) -> Result<(), Decision> {
        let line = format!("GET /v1/events?agent={}", encoded(&self.options.agent));
        let mut until = Instant::now() + self.options.silence;
        let mut connection = self.send(&line, "Accept: text/plain\r\n", "", until)?;
        connection.head(until)?;
        let mut told = [None; 2];
        loop {
            while let Some(end) = connection.read.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8_lossy(&connection.read[..end]).into_owned();
                connection.read.drain(..=end);
                until = Instant::now() + self.options.silence;
                self.take(&line, &mut told)?;
                if !self.tell(number, told) {
                    return Ok(());
                }
            }
            if connection.read.len() > LINE_LIMIT {
                return Err(Decision::refused(Failure::Invalid, "a line without an end"));
            }
            connection.more(until)?;
        }
    }

    fn take(&self, line: &str, told: &mut [Option<State>; 2]) -> Result<(), Decision> {
        let parts: Vec<&str> = line.split(' ').collect();
        let (word, about) = match parts[..] {
            _ if line.starts_with(':') => return Ok(()),
            [number, word, about, _] if number.parse::<u64>().is_ok() => (word, decoded(about)),
            _ => return Err(Decision::refused(Failure::Invalid, "a line of another form")),
        };
        let state = match word {
            "clear" | "partly" => Some(State::Clear),
            "blocked" => Some(State::Blocked),
            "blind" => Some(State::Blind),
            _ => None,
        };
        let place = [self.options.agent.as_str(), "*"].iter().position(|one| *one == about);
        if let Some(place) = place {
            told[place] = state;
        }
        if matches!(word, "bye" | "cut") || (place.is_some() && state.is_none()) {
            return Err(Decision::refused(Failure::Invalid, "the last word, or one that is not known"));
        }
        Ok(())
    }

    /// False if that watch is over.
    fn tell(&self, number: u64, told: [Option<State>; 2]) -> bool {
        let mut watch = self.locked();
        if watch.number == number {
            watch.told = told;
            self.news.notify_all();
        }
        watch.number == number
    }
}

type Fields = Vec<(String, String)>;

/// A connection, and what was read from it and not used yet.
struct Connection {
    wire: Wire,
    read: Vec<u8>,
}

impl Connection {
    /// The fields of an answer of status 200, their names in lower case.
    fn head(&mut self, until: Instant) -> Result<Fields, Decision> {
        let invalid = || Decision::refused(Failure::Invalid, "this is not HTTP/1.1");
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) if end <= HEAD_LIMIT => break end,
                None if self.read.len() <= HEAD_LIMIT => self.more(until)?,
                _ => return Err(invalid()),
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        let mut lines = head.split("\r\n");
        let first = lines.next().and_then(|line| line.strip_prefix("HTTP/1.")).unwrap_or_default();
        let status = first.split(' ').nth(1).filter(|status| status.len() == 3).unwrap_or_default();
        let failure = match status.parse::<u16>().map_err(|_| invalid())? {
            200 => {
                let fields = lines.map(|line| line.split_once(':').filter(|(name, _)| !name.contains(' ')));
                let pairs = fields.map(|field| field.map(|(name, value)| (name.to_lowercase(), value.trim().into())));
                return pairs.collect::<Option<Fields>>().ok_or_else(invalid);
            }
            400..=499 => Failure::Rejected,
            500..=599 => Failure::Failed,
            _ => return Err(Decision::refused(Failure::Invalid, format_args!("status {status}"))),
        };
        let code = format!("http_{status}");
        Err(Decision { code, ..Decision::refused(failure, format_args!("status {status}")) })
    }

    fn more(&mut self, until: Instant) -> Result<(), Decision> {
        let mut piece = [0; 16 << 10];
        match self.wire.limit(until).and_then(|()| self.wire.read(&mut piece)) {
            Ok(0) => Err(Decision::refused(Failure::Invalid, "the connection ended before the answer did")),
            Ok(count) => {
                self.read.extend_from_slice(&piece[..count]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => Ok(()),
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Err(Decision::refused(Failure::Timeout, "no whole answer in time")),
                _ => Err(Decision::refused(Failure::Invalid, error)),
            },
        }
    }
}

enum Wire {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Wire {
    /// Of one read or write: whoever needs several sets it before each.
    fn limit(&self, until: Instant) -> io::Result<()> {
        let left = Some(left(until)?);
        match self {
            Wire::Tcp(stream) => stream.set_read_timeout(left).and(stream.set_write_timeout(left)),
            Wire::Unix(stream) => stream.set_read_timeout(left).and(stream.set_write_timeout(left)),
        }
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Tcp(stream) => stream.read(into),
            Wire::Unix(stream) => stream.read(into),
        }
    }

    fn write_all(&mut self, mut raw: &[u8], until: Instant) -> io::Result<()> {
        while !raw.is_empty() {
            self.limit(until)?;
            let count = match self {
                Wire::Tcp(stream) => stream.write(raw)?,
                Wire::Unix(stream) => stream.write(raw)?,
            };
            raw = &raw[count..];
        }
        Ok(())
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

fn one(fields: &Fields, name: &str) -> Result<String, Decision> {
    let mut values = fields.iter().filter(|field| field.0 == name).map(|field| &field.1);
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.clone()),
        _ => Err(Decision::refused(Failure::Invalid, format_args!("{name} is not there once"))),
    }
}

fn entity(name: &str) -> String {
    let (kind, id) = name.split_once(':').unwrap_or((name, ""));
    format!(r#"{{"type":{},"id":{}}}"#, quoted(kind), quoted(id))
}

fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|one| match one {
        '"' | '\\' => format!("\\{one}"),
        '\0'..='\x1f' => format!("\\u{:04x}", one as u32),
        _ => one.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

fn encoded(text: &str) -> String {
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if kept(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn decoded(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).filter(|two| *first == b'%' && two.iter().all(u8::is_ascii_hexdigit));
        let byte = hex.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&out).into_owned()
}

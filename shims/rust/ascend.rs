//! Asks the sidecar before an agent acts, and fails closed. One file, standard library only; the contract that it
//! keeps, as every shim, is in the README above this folder.
//!
//!     Sidecar::new("bot").require("payments.send", "account:42", r#"{"amount": 5}"#, "")?;

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{mpsc, Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const HEAD_LIMIT: usize = 64 << 10;
const BODY_LIMIT: usize = 1 << 20;
const LINE_LIMIT: usize = 8 << 10;

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Denied,
    Pending,
    Blocked,
    Obliged,
    Unreachable,
    Timeout,
    Invalid,
    Rejected,
    Failed,
}

/// How the agent stands with the kill switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Clear,
    Blocked,
    Blind,
    Unknown,
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

/// One agent's way to its daemon; threads may share it, and so do clones. Its options stand as in the README.
#[derive(Clone)]
pub struct Sidecar {
    pub address: String,
    pub agent: String,
    pub token: String,
    pub deadline: Duration,
    pub wait: Option<Duration>,
    pub silence: Duration,
    pub accept_obligations: bool,
    watch: Arc<(Mutex<Watch>, Condvar)>,
}

/// `told` is what the stream has said last of the agent and of everybody, good `until` then; `number` tells a watch from those before it.
#[derive(Default)]
struct Watch {
    number: u64,
    is_on: bool,
    told: [Option<State>; 2],
    until: Option<Instant>,
}

impl Watch {
    fn state(&self) -> State {
        // Whoever should notice the silence may not have come to it yet.
        let is_heard = self.until.is_some_and(|until| Instant::now() < until);
        let both = self.told.map(|told| told.filter(|_| is_heard).unwrap_or(State::Unknown));
        let worst = [State::Blocked, State::Unknown, State::Blind].into_iter().find(|word| both.contains(word));
        worst.unwrap_or(State::Clear)
    }
}

impl Sidecar {
    /// The options are those of the environment, else the defaults, and may be set one by one.
    pub fn new(agent: &str) -> Sidecar {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Sidecar {
            address: set("ASCEND_SIDECAR").unwrap_or("unix:/run/ascend-sidecar/sidecar.sock".into()),
            agent: if agent.is_empty() { set("ASCEND_AGENT_ID").unwrap_or_default() } else { agent.into() },
            token: set("ASCEND_TOKEN").unwrap_or_default(),
            deadline: Duration::from_secs(5),
            wait: None,
            silence: Duration::from_secs(15),
            accept_obligations: false,
            watch: Arc::default(),
        }
    }

    /// Whether the agent may do this now, asked once; where people must approve, it waits for them. Properties (of the
    /// action) and context are JSON objects as text, or empty.
    pub fn authorize(&self, action: &str, resource: &str, properties: &str, context: &str) -> Decision {
        let began = Instant::now();
        let watch = self.locked();
        if watch.is_on && matches!(watch.state(), State::Blocked | State::Unknown) {
            let code = if watch.state() == State::Blocked { "halted" } else { "halts_unknown" };
            let refused = Decision::refused(Failure::Blocked, format_args!("The event stream: {:?}", watch.state()));
            return Decision { code: code.into(), ..refused };
        }
        drop(watch);
        let [properties, context] = [properties, context].map(|text| if text.is_empty() { "{}" } else { text });
        let (subject, resource, action) = (entity(&self.subject()), entity(resource), quoted(action));
        let action = format!("{{\"name\":{action},\"properties\":{properties}}}");
        let body =
            format!("{{\"subject\":{subject},\"action\":{action},\"resource\":{resource},\"context\":{context}}}");
        let wait = self.wait.unwrap_or(self.deadline);
        let mut found = self.decided("POST /access/v1/evaluation", "", &body, after(began, self.deadline), "");
        while found.failure == Some(Failure::Pending) {
            let asked = Instant::now();
            let left = wait.saturating_sub(began.elapsed());
            if left < Duration::from_millis(1500) {
                break;
            }
            let prefer = format!("Prefer: wait={}\r\n", (left - Duration::from_millis(500)).as_secs().min(55));
            let line = format!("GET /v1/decisions/{}", found.id);
            let mut news = self.decided(&line, &prefer, "", after(began, wait.max(self.deadline)), &found.id);
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
    pub fn require(
        &self,
        action: &str,
        resource: &str,
        properties: &str,
        context: &str,
    ) -> Result<Decision, Refused> {
        let decision = self.authorize(action, resource, properties, context);
        if decision.allowed {
            Ok(decision)
        } else {
            Err(Refused(decision.into()))
        }
    }

    /// Says once that it was `completed` or has `failed`. Details are a JSON object as text, or empty.
    pub fn report(&self, decision: &Decision, outcome: &str, details: &str) -> Result<(), Failure> {
        let details = if details.is_empty() { "{}" } else { details.trim() };
        let rest = details.strip_prefix('{').ok_or(Failure::Invalid)?.trim_start();
        if !is_numeric(&decision.id) {
            return Err(Failure::Invalid);
        }
        let comma = if rest == "}" { "" } else { "," };
        let body = format!("{{\"outcome\":{}{comma}{rest}", quoted(outcome));
        let line = format!("POST /v1/decisions/{}/outcome", decision.id);
        let told = self.exchange(&line, "", &body, after(Instant::now(), self.deadline));
        told.map(drop).map_err(|refused| refused.failure.unwrap_or(Failure::Invalid))
    }

    /// Follows halts from now on. Returns when it is known how things are, at the latest after the deadline.
    pub fn watch(&self) -> State {
        let mut watch = self.locked();
        if !watch.is_on {
            let (number, own) = (watch.number + 1, self.clone());
            let is_on = thread::Builder::new().spawn(move || own.follow(number)).is_ok();
            *watch = Watch { number, is_on, ..Watch::default() };
        }
        let wait = self.watch.1.wait_timeout_while(watch, self.deadline, |it| it.state() == State::Unknown);
        wait.unwrap_or_else(PoisonError::into_inner).0.state()
    }

    /// True unless a watched stream says that nothing halts the agent. Asks nobody.
    pub fn is_blocked(&self) -> bool {
        self.locked().state() != State::Clear
    }

    /// Ends the watch, as dropping all clones does: with the stream's next line, or its silence.
    pub fn close(&self) {
        let mut watch = self.locked();
        *watch = Watch { number: watch.number + 1, ..Watch::default() };
    }

    fn locked(&self) -> MutexGuard<'_, Watch> {
        self.watch.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn subject(&self) -> String {
        if self.agent.contains(':') {
            self.agent.clone()
        } else {
            format!("agent:{}", self.agent)
        }
    }

    /// An answer is believed only if all of it fits together. `asked` is the id that it must have, if any.
    fn decided(&self, line: &str, fields: &str, body: &str, until: Instant, asked: &str) -> Decision {
        let found = self.exchange(line, fields, body, until);
        found.and_then(|(head, raw)| self.judged(&head, &raw, asked)).unwrap_or_else(|refused| refused)
    }

    fn judged(&self, head: &Fields, body: &str, asked: &str) -> Result<Decision, Decision> {
        let [verdict, code, id] =
            [one(head, "x-ascend-verdict")?, one(head, "x-ascend-code")?, one(head, "x-ascend-id")?];
        let [risk, reason] = ["x-ascend-risk", "x-ascend-reason"].map(|name| one(head, name).unwrap_or_default());
        let accepts = self.accept_obligations || verdict != "allow";
        let is_obliged = !accepts && body.contains(r#""obligations":[{"#);
        let (failure, begins) = match verdict.as_str() {
            "allow" => (is_obliged.then_some(Failure::Obliged), r#"{"decision":true"#),
            "deny" => (Some(Failure::Denied), r#"{"decision":false"#),
            _ => (Some(Failure::Pending), r#"{"decision":false"#),
        };
        let score = risk.parse().ok().filter(|score| *score <= 100 && is_numeric(&risk));
        let is_whole = ["allow", "deny", "pending"].contains(&verdict.as_str())
            && !code.is_empty()
            && (score.is_some() || risk.is_empty())
            && (is_numeric(&id) || (id.is_empty() && verdict == "deny"))
            && (asked.is_empty() || asked == id)
            && (body.starts_with(begins) && body.ends_with('}'))
            && (accepts || is_obliged || body.contains(r#""obligations":[]"#));
        if !is_whole {
            return Err(Decision::refused(Failure::Invalid, "its parts do not fit, or are of another decision"));
        }
        let code = if is_obliged { "obligations".to_string() } else { code };
        let (allowed, reason, body) = (failure.is_none(), decoded(&reason), body.into());
        Ok(Decision { allowed, failure, code, reason, risk: score, id, body })
    }

    /// One request on a connection of its own, never repeated: the fields and the body of a whole answer of status 200.
    fn exchange(&self, line: &str, fields: &str, body: &str, until: Instant) -> Result<(Fields, String), Decision> {
        let mut connection = self.send(line, fields, body, until)?;
        let head = connection.head(until)?;
        let length = one(&head, "content-length").ok().filter(|length| is_numeric(length));
        let length = length.and_then(|length| length.parse().ok()).filter(|length| *length <= BODY_LIMIT);
        let length = length
            .ok_or_else(|| Decision::refused(Failure::Invalid, "a body without a length, or one that is too long"))?;
        while connection.read.len() < length {
            connection.more(until)?;
        }
        Ok((head, String::from_utf8_lossy(&connection.read[..length]).into_owned()))
    }

    fn send(&self, line: &str, fields: &str, body: &str, until: Instant) -> Result<Connection, Decision> {
        let host = self.address.strip_prefix("http://").unwrap_or("localhost").trim_end_matches('/');
        let can_be_sent = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if self.agent.is_empty() || !can_be_sent(host) || !can_be_sent(&self.token) {
            return Err(Decision::refused(Failure::Invalid, "no agent, or a host or token that is not ASCII"));
        }
        let mut raw = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}");
        if !self.token.is_empty() {
            raw += &format!("Authorization: Bearer {}\r\n", self.token);
        }
        if !body.is_empty() {
            raw += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        raw += &format!("\r\n{body}");
        let socket = self.connect(host, until).map_err(|error| Decision::refused(Failure::Unreachable, error))?;
        // Whoever does not take it all may have answered already; if not, reading tells.
        let _ = write(&socket, raw.as_bytes(), until);
        Ok(Connection { socket, read: Vec::new() })
    }

    /// A TCP socket is read and written through the type for Unix sockets: to both it is one handle.
    fn connect(&self, host: &str, until: Instant) -> io::Result<UnixStream> {
        if let Some(path) = self.address.strip_prefix("unix:") {
            // A stopped daemon's full backlog blocks it, and the standard library has no limit for that.
            let (path, (tell, told)) = (path.to_string(), mpsc::channel());
            thread::Builder::new().spawn(move || tell.send(UnixStream::connect(path)))?;
            return told.recv_timeout(left(until)?).map_err(io::Error::other)?;
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
        let place = if has_port { host.to_string() } else { format!("{host}:80") };
        let mut failed = io::Error::other("an address is unix:/PATH or http://HOST:PORT");
        for address in if self.address.starts_with("http://") { place.to_socket_addrs()?.collect() } else { vec![] } {
            match TcpStream::connect_timeout(&address, left(until)?) {
                Ok(stream) => return stream.set_nodelay(true).map(|()| OwnedFd::from(stream).into()),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    fn follow(&self, number: u64) {
        loop {
            let _ended = self.stream(number);
            if !self.tell(number, [None; 2]) {
                return;
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Returns when what the stream says can no longer be relied upon.
    fn stream(&self, number: u64) -> Result<(), Decision> {
        let line = format!("GET /v1/events?agent={}", encoded(&self.subject()));
        let mut until = after(Instant::now(), self.silence);
        let mut connection = self.send(&line, "Accept: text/plain\r\n", "", until)?;
        connection.head(until)?;
        let mut told = [None; 2];
        while self.tell(number, told) {
            match connection.read.iter().position(|byte| *byte == b'\n') {
                Some(end) => {
                    let line: Vec<u8> = connection.read.drain(..=end).collect();
                    self.take(&String::from_utf8_lossy(&line[..end]), &mut told)?;
                    until = after(Instant::now(), self.silence);
                }
                None if connection.read.len() <= LINE_LIMIT => connection.more(until)?,
                None => return Err(Decision::refused(Failure::Invalid, "a line without an end")),
            }
        }
        Ok(())
    }

    fn take(&self, line: &str, told: &mut [Option<State>; 2]) -> Result<(), Decision> {
        let parts: Vec<&str> = line.split(' ').collect();
        let (word, about) = match parts[..] {
            _ if line.starts_with(':') => return Ok(()),
            [number, word, about, _] if is_numeric(number) => (word, decoded(about)),
            _ => return Err(Decision::refused(Failure::Invalid, "a line of another form")),
        };
        let state = match word {
            "clear" | "partly" => Some(State::Clear),
            "blocked" => Some(State::Blocked),
            "blind" => Some(State::Blind),
            _ => None,
        };
        let place = [&self.subject(), "*"].iter().position(|one| *one == about);
        if matches!(word, "bye" | "cut") || (place.is_some() && state.is_none()) {
            return Err(Decision::refused(Failure::Invalid, "the last word, or one that is not known"));
        }
        place.into_iter().for_each(|place| told[place] = state);
        Ok(())
    }

    /// False if that watch is over, or nobody else is left.
    fn tell(&self, number: u64, told: [Option<State>; 2]) -> bool {
        let mut watch = self.locked();
        let is_wanted = watch.number == number && Arc::strong_count(&self.watch) > 1;
        if is_wanted {
            (watch.told, watch.until) = (told, Some(after(Instant::now(), self.silence)));
            self.watch.1.notify_all();
        }
        is_wanted
    }
}

type Fields = Vec<(String, String)>;

/// A connection, and what was read from it and not used yet.
struct Connection {
    socket: UnixStream,
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
        let first = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ").or(line.strip_prefix("HTTP/1.0 ")));
        let status =
            first.and_then(|rest| rest.split(' ').next()).filter(|status| status.len() == 3).unwrap_or_default();
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
        let limited = left(until).and_then(|left| self.socket.set_read_timeout(Some(left)));
        match limited.and_then(|()| self.socket.read(&mut piece)) {
            Ok(0) => Err(Decision::refused(Failure::Invalid, "the connection ended before the answer did")),
            Ok(count) => {
                self.read.extend_from_slice(&piece[..count]);
                Ok(())
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => Ok(()),
                ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                    Err(Decision::refused(Failure::Timeout, "no whole answer in time"))
                }
                _ => Err(Decision::refused(Failure::Invalid, error)),
            },
        }
    }
}

/// A span that no clock can tell is a year.
fn after(began: Instant, span: Duration) -> Instant {
    began.checked_add(span).unwrap_or(began + Duration::from_secs(365 * 86_400))
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}

fn write(mut socket: &UnixStream, mut raw: &[u8], until: Instant) -> io::Result<()> {
    while !raw.is_empty() {
        socket.set_write_timeout(Some(left(until)?))?;
        raw = &raw[socket.write(raw)?..];
    }
    Ok(())
}

fn is_numeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
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

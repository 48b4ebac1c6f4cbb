//! Asks the sidecar before an agent acts, and fails closed. One file, standard library only; the contract that it
//! keeps, as every shim, is in the README above this folder.
//!
//!     Sidecar::new("bot").require("payments.send", "account:42", r#"{"amount": 5}"#, "")?;

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::{fd::OwnedFd, unix::net::UnixStream};
use std::sync::{mpsc, Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{env, fmt, thread};

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

/// How the agent stands with the kill switch, the graver the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    Clear,
    Blind,
    Unknown,
    Blocked,
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

fn refused(failure: Failure, code: &str, reason: impl fmt::Display) -> Decision {
    let code = if code.is_empty() { format!("{failure:?}").to_lowercase() } else { code.into() };
    Decision { failure: Some(failure), code, reason: reason.to_string(), ..Decision::default() }
}

/// What comes of an answer that is not whole.
impl From<io::Error> for Decision {
    fn from(error: io::Error) -> Decision {
        let is_late = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
        refused(if is_late { Failure::Timeout } else { Failure::Invalid }, "", error)
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
    pub token: String,
    pub deadline: Duration,
    pub wait: Option<Duration>,
    pub silence: Duration,
    pub accept_obligations: bool,
    agent: String,
    watch: Arc<Mutex<Option<Arc<Heard>>>>,
}

/// What a watch's streams have said last, and when. Whoever reads them stops once nobody else keeps it.
type Heard = Mutex<(State, Instant)>;
type Fields = HashMap<String, String>;

impl Sidecar {
    /// The options are those of the environment, else the defaults, and may be set one by one.
    pub fn new(agent: &str) -> Sidecar {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let agent = if agent.is_empty() { set("ASCEND_AGENT_ID").unwrap_or_default() } else { agent.into() };
        Sidecar {
            address: set("ASCEND_SIDECAR").unwrap_or("unix:/run/ascend-sidecar/sidecar.sock".into()),
            agent: if agent.contains(':') { agent } else { format!("agent:{agent}") },
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
        match self.state() {
            Some(State::Blocked) => return refused(Failure::Blocked, "halted", "the kill switch has halted it"),
            Some(State::Unknown) => return refused(Failure::Blocked, "halts_unknown", "what is halted is not known"),
            _ if self.agent == "agent:" => return refused(Failure::Invalid, "", "no agent is given"),
            _ => (),
        }
        let [properties, context] = [properties, context].map(|text| if text.is_empty() { "{}" } else { text });
        let (subject, resource, name) = (entity(&self.agent), entity(resource), quoted(action));
        let action = format!(r#"{{"name":{name},"properties":{properties}}}"#);
        let body = format!(r#"{{"subject":{subject},"action":{action},"resource":{resource},"context":{context}}}"#);
        let judged = self.decide(after(began, self.deadline), "POST /access/v1/evaluation", "", &body);
        let mut found = judged.unwrap_or_else(|refused| refused);
        let end = after(began, self.wait.unwrap_or(self.deadline));
        while found.failure == Some(Failure::Pending) {
            let seconds = left(end).map_or(0, |left| left.as_secs().saturating_sub(1).min(55));
            if seconds == 0 {
                break;
            }
            let (line, prefer) = (format!("GET /v1/decisions/{}", found.id), format!("Prefer: wait={seconds}\r\n"));
            match self.decide(end, &line, &prefer, "") {
                Ok(news) if news.id == found.id => found = news,
                _ => break, // no answer, or another decision's
            }
            if found.failure == Some(Failure::Pending) {
                thread::sleep(Duration::from_secs(1));
            }
        }
        found
    }

    /// The same, as an error unless it is allowed.
    pub fn require(&self, action: &str, resource: &str, properties: &str, context: &str) -> Result<Decision, Refused> {
        let decision = self.authorize(action, resource, properties, context);
        if decision.allowed {
            Ok(decision)
        } else {
            Err(Refused(decision.into()))
        }
    }

    /// Says once that it was `completed` or has `failed`. Details are a JSON object as text, or empty.
    pub fn report(&self, decision: &Decision, outcome: &str, details: &str) -> Result<(), Failure> {
        if decision.id.is_empty() {
            return Err(Failure::Invalid);
        }
        let rest = details.trim().trim_start_matches('{').trim_start();
        let rest = if matches!(rest, "" | "}") { "}".into() } else { format!(",{rest}") };
        let (line, outcome) = (format!("POST /v1/decisions/{}/outcome", decision.id), quoted(outcome));
        let (until, body) = (after(Instant::now(), self.deadline), format!("{{\"outcome\":{outcome}{rest}"));
        self.exchange(until, &line, "", &body).map(drop).map_err(|refused| refused.failure.unwrap_or(Failure::Invalid))
    }

    /// Follows halts from now on. Returns when it is known how things are, at the latest after the deadline.
    pub fn watch(&self) -> State {
        let begun = Instant::now();
        locked(&self.watch).get_or_insert_with(|| {
            let heard = Arc::new(Mutex::new((State::Unknown, begun)));
            let (own, weak) = (Sidecar { watch: Arc::default(), ..self.clone() }, Arc::downgrade(&heard));
            let _ = thread::Builder::new().spawn(move || own.follow(&weak)); // without a thread it stays unknown
            heard
        });
        while self.state() == Some(State::Unknown) && begun.elapsed() < self.deadline {
            thread::sleep(Duration::from_millis(5));
        }
        self.state().unwrap_or(State::Unknown)
    }

    /// True unless a watched stream says that nothing halts the agent. Asks nobody.
    pub fn is_blocked(&self) -> bool {
        self.state() != Some(State::Clear)
    }

    /// Ends the watch, as dropping all clones does: its connection goes with the stream's next line.
    pub fn close(&self) {
        *locked(&self.watch) = None;
    }

    /// None without a watch.
    fn state(&self) -> Option<State> {
        let heard = locked(&self.watch).clone()?;
        let (state, at) = *locked(&heard);
        // Whoever should notice the silence may not have come to it yet.
        Some(if at.elapsed() < self.silence { state } else { State::Unknown })
    }

    /// An answer is believed only if all of it fits together.
    fn decide(&self, until: Instant, line: &str, fields: &str, body: &str) -> Result<Decision, Decision> {
        let (head, body) = self.exchange(until, line, fields, body)?;
        let of = |name: &str| head.get(name).map_or("", String::as_str);
        let [verdict, code, id, risk] = ["verdict", "code", "id", "risk"].map(|name| of(&format!("x-ascend-{name}")));
        let is_free = body.contains(r#""obligations":[]"#) && !body.contains(r#""obligations":[{"#);
        let failure = match verdict {
            "allow" if is_free || self.accept_obligations => None,
            "allow" => Some(Failure::Obliged),
            "deny" => Some(Failure::Denied),
            "pending" => Some(Failure::Pending),
            _ => return Err(refused(Failure::Invalid, "", "a verdict that is not known")),
        };
        let begins = if verdict == "allow" { r#"{"decision":true"# } else { r#"{"decision":false"# };
        let score = risk.parse().ok().filter(|score| is_numeric(risk) && *score <= 100);
        let is_risk = score.is_some() || risk.is_empty();
        let has_id = is_numeric(id) || (id.is_empty() && verdict == "deny");
        if code.is_empty() || !has_id || !is_risk || !body.starts_with(begins) || !body.ends_with('}') {
            return Err(refused(Failure::Invalid, "", "its parts do not fit together"));
        }
        let code = if failure == Some(Failure::Obliged) { "obligations" } else { code }.into();
        let (id, reason) = (id.into(), decoded(of("x-ascend-reason")));
        Ok(Decision { allowed: failure.is_none(), failure, code, reason, risk: score, id, body })
    }

    /// One request on a connection of its own, never repeated: the fields and the body of a whole answer of status 200.
    fn exchange(&self, until: Instant, line: &str, fields: &str, body: &str) -> Result<(Fields, String), Decision> {
        let (head, answer) = self.ask(until, line, fields, body)?;
        let mut raw = Vec::new();
        answer.take(1 << 20).read_to_end(&mut raw)?;
        if head.get("content-length") != Some(&raw.len().to_string()) {
            return Err(refused(Failure::Invalid, "", "a body of another length than its head says"));
        }
        Ok((head, String::from_utf8_lossy(&raw).into_owned()))
    }

    /// Sends a request, and reads the head of an answer of status 200. A field that is there twice has no value.
    fn ask(&self, until: Instant, line: &str, more: &str, body: &str) -> Result<(Fields, Answer), Decision> {
        let mut request = format!("{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}");
        if !self.token.is_empty() {
            request += &format!("Authorization: Bearer {}\r\n", self.token);
        }
        if !body.is_empty() {
            request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        let mut answer = BufReader::new(self.send(until, request + "\r\n" + body)?);
        let head = text(&mut answer, "\r\n\r\n", 64 << 10)?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let status = first.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1)).unwrap_or_default();
        match status.as_bytes() {
            b"200" => (),
            [b'4', _, _] => return Err(refused(Failure::Rejected, &format!("http_{status}"), first)),
            [b'5', _, _] => return Err(refused(Failure::Failed, &format!("http_{status}"), first)),
            _ => return Err(refused(Failure::Invalid, "", "another status than 200, or not HTTP/1.1")),
        }
        let mut fields = Fields::new();
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            fields.entry(name.to_ascii_lowercase()).and_modify(String::clear).or_insert(value.trim().into());
        }
        Ok((fields, answer))
    }

    /// In a thread, because the standard library limits neither what connecting takes nor what writing takes in all.
    fn send(&self, until: Instant, request: String) -> Result<Connection, Decision> {
        let (address, span, (tell, told)) = (self.address.clone(), left(until)?, mpsc::channel());
        thread::Builder::new().spawn(move || {
            let socket = connect(&address).and_then(|it| it.set_write_timeout(Some(span)).map(|()| it));
            // Whoever does not take it all may have answered already; if not, reading tells.
            let _ = socket.as_ref().map(|mut socket| socket.write_all(request.as_bytes()));
            tell.send(socket)
        })?;
        let connected = told.recv_timeout(span).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()));
        let socket = connected.map_err(|error| refused(Failure::Unreachable, "", error))?;
        Ok(Connection { socket, until })
    }

    /// Opens stream after stream, half a second apart, until nobody wants to know.
    fn follow(&self, heard: &Weak<Heard>) {
        while heard.strong_count() > 0 {
            let _ended = self.stream(heard);
            if let Some(heard) = heard.upgrade() {
                locked(&heard).0 = State::Unknown;
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Returns when what the stream says can no longer be relied upon, or is no longer wanted.
    fn stream(&self, heard: &Weak<Heard>) -> Result<(), Decision> {
        let encoded: String = self.agent.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let line = format!("GET /v1/events?agent={encoded}");
        let (_, mut answer) = self.ask(after(Instant::now(), self.silence), &line, "Accept: text/plain\r\n", "")?;
        let mut told = [(&self.agent[..], State::Unknown), ("*", State::Unknown), ("-", State::Unknown)]; // its end
        while heed(&text(&mut answer, "\n", 8 << 10)?, &mut told) {
            let now = Instant::now();
            match heard.upgrade() {
                Some(heard) => *locked(&heard) = (told[0].1.max(told[1].1), now),
                None => break,
            }
            answer.get_mut().until = after(now, self.silence);
        }
        Ok(())
    }
}

/// False for a line after which nothing that the stream says can be relied upon.
fn heed(line: &str, told: &mut [(&str, State)]) -> bool {
    let (word, about) = match line.split(' ').collect::<Vec<_>>()[..] {
        _ if line.starts_with(':') => return true,
        [_, word, about, _] => (word, decoded(about)),
        _ => return false,
    };
    let Some(ours) = told.iter_mut().find(|one| one.0 == about) else { return true };
    ours.1 = match word {
        "clear" | "partly" => State::Clear,
        "blocked" => State::Blocked,
        "blind" => State::Blind,
        _ => State::Unknown,
    };
    ours.1 != State::Unknown
}

type Answer = BufReader<Connection>;

/// Read until a moment, and no longer.
struct Connection {
    socket: UnixStream,
    until: Instant,
}

impl Read for Connection {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(left(self.until)?))?;
        self.socket.read(into)
    }
}

/// A TCP socket is read and written through the type for Unix sockets: to both it is one handle.
fn connect(address: &str) -> io::Result<UnixStream> {
    match address.strip_prefix("http://") {
        Some(place) => TcpStream::connect(place).map(|socket| OwnedFd::from(socket).into()),
        None => UnixStream::connect(address.trim_start_matches("unix:")),
    }
}

/// What comes until `end`, which is left out.
fn text(answer: &mut Answer, end: &str, limit: usize) -> io::Result<String> {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        if answer.take((limit - text.len()) as u64).read_until(b'\n', &mut text)? == 0 {
            return Err(io::Error::other("an answer or a line without its end"));
        }
    }
    Ok(String::from_utf8_lossy(&text[..text.len() - end.len()]).into_owned())
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A span that no clock can tell is a year.
fn after(began: Instant, span: Duration) -> Instant {
    began.checked_add(span).unwrap_or(began + Duration::from_secs(365 * 86_400))
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
    left.ok_or_else(|| ErrorKind::TimedOut.into())
}

fn is_numeric(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn entity(name: &str) -> String {
    let (kind, id) = name.split_once(':').unwrap_or((name, ""));
    format!(r#"{{"type":{},"id":{}}}"#, quoted(kind), quoted(id))
}

fn quoted(text: &str) -> String {
    let is_bare = |one| one >= ' ' && one != '"' && one != '\\';
    let escaped = |one: char| if is_bare(one) { one.to_string() } else { format!("\\u{:04x}", one as u32) };
    format!("\"{}\"", text.chars().map(escaped).collect::<String>())
}

/// A % that begins no byte stands for itself.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(byte.unwrap_or(b'%'));
        out.extend(&part.as_bytes()[if byte.is_some() { 2 } else { 0 }..]);
    }
    String::from_utf8_lossy(&out).into_owned()
}

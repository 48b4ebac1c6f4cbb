// Package ascend asks the sidecar before an agent acts, and fails closed. One file, standard library only; the
// contract that it keeps, as every shim, is in the README above this folder.
package ascend

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Failure is why something is not allowed; State is how the agent stands with the kill switch.
type (
	Failure string
	State   string
)

const (
	Denied, Pending, Blocked, Obliged Failure = "denied", "pending", "blocked", "obliged"
	Unreachable, Timeout, Invalid     Failure = "unreachable", "timeout", "invalid"
	Rejected, Failed                  Failure = "rejected", "failed"

	StateClear, StateBlocked, StateBlind, StateUnknown State = "clear", "blocked", "blind", "unknown"

	headLimit, bodyLimit, lineLimit = 64 << 10, 1 << 20, 8 << 10
)

var (
	numeric   = regexp.MustCompile(`^[0-9]+$`)
	risks     = regexp.MustCompile(`^([0-9]{1,2}|100|)$`)
	eventLine = regexp.MustCompile(`^[0-9]+ ([^ \n]+) ([^ \n]+) [^ \n]+\n$`)
	words     = map[string]State{"clear": StateClear, "partly": StateClear, "blocked": StateBlocked, "blind": StateBlind}
)

// Decision has a Failure unless it is Allowed. Risk is 0 to 100, -1 where there is none; Body is what the daemon sent.
type Decision struct {
	Allowed          bool
	Failure          Failure
	Code, Reason, ID string
	Risk             int
	Body             []byte
}

// Refused is the error of Require.
type Refused struct{ Decision Decision }

func (r *Refused) Error() string {
	return fmt.Sprintf("%s (%s): %s", r.Decision.Failure, r.Decision.Code, r.Decision.Reason)
}

// Client is one agent's way to its daemon, for any number of goroutines. Its options stand as in the README.
type Client struct {
	Address, Agent, Token   string
	Deadline, Wait, Silence time.Duration // a Wait below zero is the deadline
	AcceptObligations       bool

	mutex    sync.Mutex
	told     map[string]State // of the agent and of "*", by the stream that is open
	heard    time.Time        // when that was last said to be so
	watching *int             // not nil while watching; tells a watch from those before it
}

// New has the options of the environment, else the defaults; they may be set before the first call.
func New(agent string) *Client {
	set := func(given, name, otherwise string) string {
		return cmp.Or(given, os.Getenv(name), otherwise)
	}
	return &Client{
		Address: set("", "ASCEND_SIDECAR", "unix:/run/ascend-sidecar/sidecar.sock"),
		Agent:   set(agent, "ASCEND_AGENT_ID", ""), Token: set("", "ASCEND_TOKEN", ""),
		Deadline: 5 * time.Second, Wait: -1, Silence: 15 * time.Second,
	}
}

func (c *Client) subject() string {
	if strings.Contains(c.Agent, ":") {
		return c.Agent
	}
	return "agent:" + c.Agent
}

// Require is Authorize, with a *Refused as error unless it is allowed.
func (c *Client) Require(action, resource string, properties, context map[string]any) (Decision, error) {
	decision := c.Authorize(action, resource, properties, context)
	if !decision.Allowed {
		return decision, &Refused{decision}
	}
	return decision, nil
}

// Authorize asks once whether the agent may do this now, and where people must approve waits for them.
func (c *Client) Authorize(action, resource string, properties, context map[string]any) Decision {
	begun := time.Now()
	switch state, isWatching := c.state(); {
	case isWatching && state == StateBlocked:
		return Decision{Failure: Blocked, Code: "halted", Reason: "The kill switch has halted it.", Risk: -1}
	case isWatching && state == StateUnknown:
		return Decision{Failure: Blocked, Code: "halts_unknown", Reason: "What is halted is not known.", Risk: -1}
	}
	what := map[string]any{"name": action, "properties": orEmpty(properties)}
	body, err := json.Marshal(map[string]any{
		"subject": entity(c.subject()), "action": what, "resource": entity(resource), "context": orEmpty(context),
	})
	if err != nil {
		return refused(Invalid, err.Error())
	}
	wait := c.Wait
	if wait < 0 {
		wait = c.Deadline
	}
	decision := c.judged("", "POST", "/access/v1/evaluation", body, 0, begun.Add(c.Deadline))
	return c.settled(decision, begun.Add(wait), begun.Add(max(wait, c.Deadline)))
}

// settled asks what people have made of it, once a second at most; it lasts until `last` at most.
func (c *Client) settled(decision Decision, end, last time.Time) Decision {
	for next := time.Now(); decision.Failure == Pending; {
		time.Sleep(time.Until(next))
		next = time.Now().Add(time.Second)
		left := time.Until(end)
		if left < 1500*time.Millisecond {
			break
		}
		wait := min(55, int((left-time.Second/2)/time.Second))
		answer := c.judged(decision.ID, "GET", "/v1/decisions/"+decision.ID, nil, wait, last)
		if answer.Failure == Timeout {
			break
		}
		if answer.ID == "" {
			answer.ID, answer.Risk, answer.Reason = decision.ID, decision.Risk, decision.Reason
		}
		decision = answer
	}
	return decision
}

// Report says once what became of an action, "completed" or "failed"; no Failure: that is on record.
func (c *Client) Report(decision Decision, outcome string, details map[string]any) Failure {
	told := map[string]any{}
	for name, value := range details {
		told[name] = value
	}
	told["outcome"] = outcome
	body, err := json.Marshal(told)
	if err != nil || !numeric.MatchString(decision.ID) {
		return Invalid
	}
	until := time.Now().Add(c.Deadline)
	_, _, failed := c.exchange("POST", "/v1/decisions/"+decision.ID+"/outcome", body, 0, until)
	return failed.Failure
}

// judged believes an answer only if all of it fits together. `asked` is the id that it must have, if any.
func (c *Client) judged(asked, method, path string, body []byte, wait int, until time.Time) Decision {
	header, whole, failed := c.exchange(method, path, body, wait, until)
	if header == nil {
		return failed
	}
	verdict, code, id := only(header["X-Ascend-Verdict"]), only(header["X-Ascend-Code"]), header["X-Ascend-Id"]
	risk, d := strings.Join(header["X-Ascend-Risk"], ","), Decision{Code: code, ID: only(id), Risk: -1, Body: whole}
	isAllow, kind := verdict == "allow", map[string]Failure{"deny": Denied, "pending": Pending}[verdict]
	obliged := isAllow && !c.AcceptObligations && bytes.Contains(whole, []byte(`"obligations":[{`))
	hasDuties := obliged || !isAllow || c.AcceptObligations || bytes.Contains(whole, []byte(`"obligations":[]`))
	hasID := len(id) == 1 && (numeric.MatchString(d.ID) && (asked == "" || asked == d.ID) || d.ID == "" && kind == Denied)
	begins := fmt.Appendf(nil, `{"decision":%t`, isAllow)
	if !isAllow && kind == "" || code == "" || !hasID || !risks.MatchString(risk) || !hasDuties ||
		!bytes.HasPrefix(whole, begins) || !bytes.HasSuffix(whole, []byte("}")) {
		return refused(Invalid, "its parts do not fit together, or are of another decision")
	}
	d.Allowed, d.Failure, d.Reason = isAllow && !obliged, kind, header.Get("X-Ascend-Reason")
	if obliged {
		d.Failure, d.Code = Obliged, "obligations"
	}
	if risk != "" {
		d.Risk, _ = strconv.Atoi(risk)
	}
	if reason, err := url.PathUnescape(d.Reason); err == nil {
		d.Reason = strings.ToValidUTF8(reason, "\uFFFD")
	}
	return d
}

// only is the one value of a header; one that is absent, or there more than once, counts as empty.
func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// exchange is one request on a connection of its own, never repeated: head and body of a whole answer of status 200.
func (c *Client) exchange(method, path string, body []byte, wait int, until time.Time) (http.Header, []byte, Decision) {
	header := http.Header{"Content-Type": {"application/json"}}
	if wait > 0 {
		header.Set("Prefer", fmt.Sprintf("wait=%d", wait))
	}
	conn, response, rest, failed := c.ask(method, path, body, header, until)
	if response == nil {
		return nil, nil, failed
	}
	defer conn.Close()
	if response.ContentLength < 0 || response.ContentLength > bodyLimit {
		return nil, nil, refused(Invalid, "a body without a length, or one that is too long")
	}
	rest.N = bodyLimit
	whole, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, broken(err, until)
	}
	return response.Header, whole, Decision{}
}

// ask sends a request and reads the head of its answer, whose status is 200; `rest` bounds what is read behind it.
func (c *Client) ask(method, path string, body []byte, header http.Header, until time.Time) (
	net.Conn, *http.Response, *io.LimitedReader, Decision) {
	network, place, host, err := c.place()
	if err != nil {
		return nil, nil, nil, refused(Invalid, err.Error())
	}
	conn, err := (&net.Dialer{Deadline: until}).Dial(network, place)
	if err != nil {
		return nil, nil, nil, refused(Unreachable, err.Error())
	}
	conn.SetDeadline(until)
	if c.Token != "" {
		header.Set("Authorization", "Bearer "+c.Token)
	}
	request := &http.Request{Method: method, URL: &url.URL{Scheme: "http", Host: host, Opaque: path}, Header: header,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Close: true}
	_ = request.Write(conn) // whoever does not take it all may have answered already; if not, reading tells
	rest := &io.LimitedReader{R: conn, N: headLimit}
	response, err := http.ReadResponse(bufio.NewReader(rest), request)
	if err == nil && response.StatusCode == 200 {
		return conn, response, rest, Decision{}
	}
	conn.Close()
	if err != nil {
		return nil, nil, nil, broken(err, until)
	}
	failed := refused(Invalid, "status "+response.Status)
	if kind := map[int]Failure{4: Rejected, 5: Failed}[response.StatusCode/100]; kind != "" {
		failed.Failure, failed.Code = kind, fmt.Sprintf("http_%d", response.StatusCode)
	}
	return nil, nil, nil, failed
}

func (c *Client) place() (network, place, host string, err error) {
	path, isUnix := strings.CutPrefix(c.Address, "unix:")
	at, err := url.Parse(c.Address)
	switch {
	case isUnix && c.Agent != "":
		return "unix", path, "localhost", nil
	case err == nil && at.Scheme == "http" && at.Hostname() != "" && c.Agent != "":
		return "tcp", net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), "80")), at.Host, nil
	}
	return "", "", "", errors.New("an agent is needed, and an address unix:/PATH or http://HOST:PORT")
}

// Watch keeps an event stream open until Close. It returns when it is known how things are, or after the deadline.
func (c *Client) Watch() State {
	c.mutex.Lock()
	if c.watching == nil {
		c.watching = new(int)
		go c.watch(c.watching)
	}
	c.mutex.Unlock()
	for until := time.Now().Add(c.Deadline); ; time.Sleep(5 * time.Millisecond) {
		if state, _ := c.state(); state != StateUnknown || time.Now().After(until) {
			return state
		}
	}
}

// IsBlocked is true unless a watched stream says that nothing halts the agent. It asks nobody.
func (c *Client) IsBlocked() bool {
	state, _ := c.state()
	return state != StateClear
}

// Close ends the watch; its connection ends with the stream's next line, at the latest after the silence.
func (c *Client) Close() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.watching, c.told = nil, nil
}

func (c *Client) state() (state State, isWatching bool) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	everybody, agent := c.told["*"], c.told[c.subject()]
	if time.Since(c.heard) > c.Silence {
		everybody, agent = "", "" // whoever should have noticed has not come to it yet
	}
	for _, state := range []State{StateBlocked, "", StateBlind, StateClear} {
		if everybody == state || agent == state {
			return cmp.Or(state, StateUnknown), c.watching != nil
		}
	}
	return StateUnknown, c.watching != nil
}

// watch opens stream after stream, half a second apart, until it is over.
func (c *Client) watch(watching *int) {
	header, path := http.Header{"Accept": {"text/plain"}}, "/v1/events?agent="+url.QueryEscape(c.subject())
	for {
		conn, response, rest, _ := c.ask("GET", path, nil, header, time.Now().Add(c.Silence))
		if response != nil {
			rest.N = math.MaxInt64
			c.follow(conn, bufio.NewReaderSize(response.Body, lineLimit), watching)
			conn.Close()
		}
		if !c.tell(watching, nil) {
			return
		}
		time.Sleep(time.Second / 2)
	}
}

// follow returns when what the stream says can no longer be relied upon, or is no longer wanted.
func (c *Client) follow(conn net.Conn, lines *bufio.Reader, watching *int) {
	for told := (map[string]State{}); c.tell(watching, maps.Clone(told)); {
		conn.SetDeadline(time.Now().Add(c.Silence))
		text, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		if text[0] == ':' {
			continue
		}
		fields := eventLine.FindStringSubmatch(string(text))
		if fields == nil || fields[1] == "bye" || fields[1] == "cut" {
			return
		}
		about, err := url.PathUnescape(fields[2])
		state, isKnown := words[fields[1]]
		isOurs := about == "*" || about == c.subject()
		if err != nil || isOurs && !isKnown {
			return
		}
		if isOurs {
			told[about] = state
		}
	}
}

// tell keeps what a stream says; false if its watch is over.
func (c *Client) tell(watching *int, told map[string]State) bool {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.watching != watching {
		return false
	}
	c.told, c.heard = told, time.Now()
	return true
}

func refused(failure Failure, reason string) Decision {
	return Decision{Failure: failure, Code: string(failure), Reason: reason, Risk: -1}
}

func broken(err error, until time.Time) Decision {
	if !time.Now().Before(until) {
		return refused(Timeout, err.Error())
	}
	return refused(Invalid, err.Error())
}

func entity(name string) map[string]string {
	kind, id, _ := strings.Cut(name, ":")
	return map[string]string{"type": kind, "id": id}
}

func orEmpty(values map[string]any) map[string]any {
	if values == nil {
		return map[string]any{}
	}
	return values
}

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
	"sync/atomic"
	"time"
)

// Failure is why something is not allowed; State is how the agent stands with the kill switch, the graver the greater.
type (
	Failure string
	State   int
)

const (
	Denied, Pending, Blocked, Obliged Failure = "denied", "pending", "blocked", "obliged"
	Unreachable, Timeout, Invalid     Failure = "unreachable", "timeout", "invalid"
	Rejected, Failed                  Failure = "rejected", "failed"

	StateClear, StateBlind, StateUnknown, StateBlocked State = -2, -1, 0, 1

	answerLimit, lineLimit = 1 << 20, 8 << 10
)

var (
	failures = map[string]Failure{"deny": Denied, "pending": Pending}
	statuses = map[int]Failure{4: Rejected, 5: Failed}
	states   = map[string]State{"clear": StateClear, "partly": StateClear, "blind": StateBlind, "blocked": StateBlocked}
	known    = regexp.MustCompile(`^(allow [0-9]+|pending [0-9]+|deny [0-9]*) ([0-9]{1,2}|100|)$`) // verdict, id, risk
)

func (s State) String() string {
	return [...]string{"clear", "blind", "unknown", "blocked"}[s-StateClear]
}

// Decision has a Failure unless it is Allowed. Risk is 0 to 100, -1 where there is none; Body is what the daemon sent.
type Decision struct {
	Allowed          bool
	Failure          Failure
	Code, Reason, ID string
	Risk             int
	Body             string
}

// Refused is the error of Require.
type Refused struct{ Decision Decision }

func (r *Refused) Error() string { return r.Decision.Code + ": " + r.Decision.Reason }

// Client is one agent's way to its daemon, for any number of goroutines. Its options stand as in the README.
type Client struct {
	Address, Token          string
	Deadline, Wait, Silence time.Duration // a Wait of zero is the deadline, one below zero none
	AcceptObligations       bool

	agent string
	watch atomic.Pointer[watch]
}

// watch is what its streams say, for a while; nil is nothing. Close parts it from its client, which ends it.
type watch struct{ said atomic.Pointer[said] }

type said struct {
	state State
	until time.Time
}

// New has the options of the environment, else the defaults; they may be set before the first call.
func New(agent string) *Client {
	agent = cmp.Or(agent, os.Getenv("ASCEND_AGENT_ID"))
	if agent != "" && !strings.Contains(agent, ":") {
		agent = "agent:" + agent
	}
	address := cmp.Or(os.Getenv("ASCEND_SIDECAR"), "unix:/run/ascend-sidecar/sidecar.sock")
	return &Client{agent: agent, Address: address, Token: os.Getenv("ASCEND_TOKEN"),
		Deadline: 5 * time.Second, Silence: 15 * time.Second}
}

// Do runs what is allowed; of what is not, it returns the *Refused.
func (c *Client) Do(action, resource string, properties map[string]any, run func() error) error {
	if _, err := c.Require(action, resource, properties, nil); err != nil {
		return err
	}
	return run()
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
	switch state := c.state(); {
	case c.agent == "":
		return refused(Invalid, "", "no agent is given")
	case state == StateBlocked:
		return refused(Blocked, "halted", "the kill switch has halted it")
	case state == StateUnknown && c.watch.Load() != nil:
		return refused(Blocked, "halts_unknown", "what is halted is not known")
	}
	body, err := json.Marshal(map[string]any{
		"subject": entity(c.agent), "resource": entity(resource), "context": maps.Collect(maps.All(context)),
		"action": map[string]any{"name": action, "properties": maps.Collect(maps.All(properties))}, // {} for nil
	})
	if err != nil {
		return refused(Invalid, "", err.Error())
	}
	decision := c.decide(begun.Add(c.Deadline), "POST", "/access/v1/evaluation", http.Header{}, body)
	for end := begun.Add(cmp.Or(c.Wait, c.Deadline)); decision.Failure == Pending; {
		wait := min(55, int(time.Until(end)/time.Second)-1)
		if wait < 1 {
			break
		}
		prefer := http.Header{"Prefer": {fmt.Sprintf("wait=%d", wait)}}
		news := c.decide(end, "GET", "/v1/decisions/"+decision.ID, prefer, nil)
		if news.ID != decision.ID {
			break // no answer, or another decision's
		}
		if decision = news; decision.Failure == Pending {
			time.Sleep(time.Second)
		}
	}
	return decision
}

// Report says once what became of an action, "completed" or "failed"; no Failure: that is on record.
func (c *Client) Report(decision Decision, outcome string, details map[string]any) Failure {
	told := maps.Collect(maps.All(details))
	told["outcome"] = outcome
	body, err := json.Marshal(told)
	if err != nil || decision.ID == "" {
		return Invalid
	}
	path := "/v1/decisions/" + decision.ID + "/outcome"
	_, answer := c.exchange(time.Now().Add(c.Deadline), "POST", path, http.Header{}, body)
	return answer.Failure
}

// decide believes an answer only if all of it fits together.
func (c *Client) decide(until time.Time, method, path string, header http.Header, body []byte) Decision {
	answer, d := c.exchange(until, method, path, header, body)
	if d.Failure != "" {
		return d
	}
	verdict, risk := only(answer, "X-Ascend-Verdict"), only(answer, "X-Ascend-Risk")
	d.Code, d.ID = only(answer, "X-Ascend-Code"), only(answer, "X-Ascend-Id")
	begins := fmt.Sprintf(`{"decision":%t`, verdict == "allow")
	if d.Code == "" || !known.MatchString(verdict+" "+d.ID+" "+risk) ||
		!strings.HasPrefix(d.Body, begins) || !strings.HasSuffix(d.Body, "}") {
		return refused(Invalid, "", "its parts do not fit together")
	}
	isFree := strings.Contains(d.Body, `"obligations":[]`) && !strings.Contains(d.Body, `"obligations":[{`)
	if d.Failure = failures[verdict]; verdict == "allow" && !isFree && !c.AcceptObligations {
		d.Failure, d.Code = Obliged, "obligations"
	}
	d.Allowed = d.Failure == ""
	if risk != "" {
		d.Risk, _ = strconv.Atoi(risk)
	}
	if reason, err := url.PathUnescape(only(answer, "X-Ascend-Reason")); err == nil {
		d.Reason = strings.ToValidUTF8(reason, "\uFFFD")
	}
	return d
}

// exchange is a request and the head and body of its whole answer; whatever else comes of it is a Failure.
func (c *Client) exchange(until time.Time, method, path string, header http.Header, body []byte) (http.Header, Decision) {
	conn, err := c.send(until, method, path, header, body)
	if err != nil {
		return nil, refused(Unreachable, "", err.Error())
	}
	defer conn.Close()
	raw, err := io.ReadAll(io.LimitReader(conn, answerLimit))
	if err != nil && !time.Now().Before(until) {
		return nil, refused(Timeout, "", err.Error())
	}
	response, broken := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err = errors.Join(err, broken); err != nil {
		return nil, refused(Invalid, "", err.Error())
	}
	if failure := statuses[response.StatusCode/100]; failure != "" {
		return nil, refused(failure, fmt.Sprintf("http_%d", response.StatusCode), response.Status)
	}
	_, whole, _ := strings.Cut(string(raw), "\r\n\r\n")
	if response.StatusCode != 200 || response.ContentLength != int64(len(whole)) {
		return nil, refused(Invalid, "", "another status than 200, or another length than the head says")
	}
	return response.Header, Decision{Risk: -1, Body: whole}
}

// send asks on a connection of its own, and never again.
func (c *Client) send(until time.Time, method, path string, header http.Header, body []byte) (net.Conn, error) {
	network, place := "tcp", strings.TrimPrefix(c.Address, "http://")
	if socket, isUnix := strings.CutPrefix(c.Address, "unix:"); isUnix {
		network, place = "unix", socket
	}
	conn, err := (&net.Dialer{Deadline: until}).Dial(network, place)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(until)
	header.Set("Content-Type", "application/json")
	if c.Token != "" {
		header.Set("Authorization", "Bearer "+c.Token)
	}
	request := &http.Request{Method: method, URL: &url.URL{Host: "localhost", Opaque: path}, Header: header, Close: true,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
	_ = request.Write(conn) // whoever does not take it all may have answered already; if not, reading tells
	return conn, nil
}

// Watch keeps an event stream open until Close. It returns when it is known how things are, or after the deadline.
func (c *Client) Watch() State {
	if started := new(watch); c.watch.CompareAndSwap(nil, started) {
		go c.follow(started)
	}
	for until := time.Now().Add(c.Deadline); c.state() == StateUnknown && time.Now().Before(until); {
		time.Sleep(5 * time.Millisecond)
	}
	return c.state()
}

// IsBlocked is true unless a watched stream says that nothing halts the agent. It asks nobody.
func (c *Client) IsBlocked() bool { return c.state() != StateClear }

// Close ends the watch, whose connection goes with the stream's next line.
func (c *Client) Close() { c.watch.Store(nil) }

func (c *Client) state() State {
	if watched := c.watch.Load(); watched != nil {
		// Whoever should notice the silence may not have come to it yet.
		if last := watched.said.Load(); last != nil && time.Now().Before(last.until) {
			return last.state
		}
	}
	return StateUnknown
}

// follow reads stream after stream, half a second apart, until its watch is over.
func (c *Client) follow(watched *watch) {
	for ; c.watch.Load() == watched; time.Sleep(time.Second / 2) {
		c.stream(watched)
		watched.said.Store(nil)
	}
}

// stream returns when what it says can no longer be relied upon, or is no longer wanted.
func (c *Client) stream(watched *watch) {
	path, accept := "/v1/events?agent="+url.QueryEscape(c.agent), http.Header{"Accept": {"text/plain"}}
	conn, err := c.send(time.Now().Add(c.Silence), "GET", path, accept, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	limited := &io.LimitedReader{R: conn, N: answerLimit} // for the head; of lines there may be any number
	response, err := http.ReadResponse(bufio.NewReader(limited), nil)
	if err != nil || response.StatusCode != 200 {
		return
	}
	limited.N = math.MaxInt64
	told := map[string]State{"*": StateUnknown, c.agent: StateUnknown, "-": StateUnknown} // "-" is the stream itself
	for lines := bufio.NewReaderSize(response.Body, lineLimit); ; {
		line, err := lines.ReadSlice('\n')
		if err != nil || !heed(string(line), told) || c.watch.Load() != watched {
			return
		}
		until := time.Now().Add(c.Silence)
		conn.SetDeadline(until)
		watched.said.Store(&said{max(told["*"], told[c.agent]), until})
	}
}

// heed is false for a line after which nothing that the stream says can be relied upon.
func heed(line string, told map[string]State) bool {
	fields := strings.Split(line, " ")
	if isComment := strings.HasPrefix(line, ":"); isComment || len(fields) != 4 {
		return isComment
	}
	about, _ := url.PathUnescape(fields[2])
	if _, isOurs := told[about]; !isOurs {
		return true
	}
	told[about] = states[fields[1]]
	return told[about] != StateUnknown
}

func refused(failure Failure, code, reason string) Decision {
	return Decision{Failure: failure, Code: cmp.Or(code, string(failure)), Reason: reason, Risk: -1}
}

// only is the one value of a field; one that is there more than once is as good as none.
func only(header http.Header, name string) string {
	if values := header[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}

func entity(name string) map[string]string {
	kind, id, _ := strings.Cut(name, ":")
	return map[string]string{"type": kind, "id": id}
}

// The Go shim in a loop, for the vectors: a line in, a line out, fields parted by TAB.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"ascend"
)

type driver struct {
	client   *ascend.Client
	decision ascend.Decision
}

func main() {
	var d driver
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for at, word := range words {
			if word == "-" {
				words[at] = ""
			}
		}
		fmt.Println(strings.Join(shown(d.do(words)), "\t"))
	}
}

func (d *driver) do(words []string) []string {
	switch words[0] {
	case "open":
		d.client = opened(words[1:])
		return []string{"ok"}
	case "authorize":
		d.decision = d.client.Authorize(words[1], words[2], object(words[3]), object(words[4]))
		return told(d.decision)
	case "report":
		return []string{"reported", string(d.client.Report(d.decision, words[1], object(words[2])))}
	case "watch":
		return []string{"watching", d.client.Watch().String()}
	case "blocked":
		return []string{"blocked", yes(d.client.IsBlocked())}
	case "await":
		for until := time.Now().Add(10 * time.Second); yes(d.client.IsBlocked()) != words[1] && time.Now().Before(until); {
			time.Sleep(10 * time.Millisecond)
		}
		return []string{"blocked", yes(d.client.IsBlocked())}
	case "measure":
		return []string{"measured", d.measured(words[1], words[2], words[3])}
	case "close":
		d.client.Close()
		return []string{"closed"}
	}
	panic(words[0])
}

// measured is the median of so many allowed calls, in microseconds.
func (d *driver) measured(count, action, resource string) string {
	times, err := strconv.Atoi(count)
	if err != nil {
		panic(err)
	}
	took := make([]time.Duration, times)
	for at := range took {
		began := time.Now()
		if _, err := d.client.Require(action, resource, nil, nil); err != nil {
			panic(err)
		}
		took[at] = time.Since(began)
	}
	slices.Sort(took)
	return strconv.FormatFloat(float64(took[times/2])/1e3, 'f', 1, 64)
}

func opened(words []string) *ascend.Client {
	client := ascend.New(words[1])
	client.Address, client.Token = words[0], words[2]
	client.Deadline, client.Wait, client.Silence = seconds(words[3]), max(1, seconds(words[4])), seconds(words[5])
	client.AcceptObligations = words[6] == "accept"
	return client
}

func seconds(text string) time.Duration {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return time.Duration(value * float64(time.Second))
}

func object(text string) (value map[string]any) {
	if err := json.Unmarshal([]byte(text), &value); text != "" && err != nil {
		panic(err)
	}
	return value
}

func told(d ascend.Decision) []string {
	risk := ""
	if d.Risk >= 0 {
		risk = strconv.Itoa(d.Risk)
	}
	return []string{"decision", map[bool]string{true: "allowed", false: "refused"}[d.Allowed],
		string(d.Failure), d.Code, d.ID, risk, d.Reason}
}

func yes(is bool) string {
	return map[bool]string{true: "yes", false: "no"}[is]
}

func shown(words []string) []string {
	for at, word := range words {
		word = strings.NewReplacer("\t", " ", "\r", " ", "\n", " ").Replace(word)
		if word == "" {
			word = "-"
		}
		words[at] = word
	}
	return words
}

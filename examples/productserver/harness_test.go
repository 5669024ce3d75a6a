package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/jollyjet/aside/examples/productserver/internal/domain"
)

func TestMain(m *testing.M) {
	redis.SetLogger(silence{})
	goleak.VerifyTestMain(m)
}

// No test of this package is parallel: FerretDB writes a global variable whenever it starts.

// program is the whole server, run as main runs it: what the tests see is what a user of the binary sees.
type program struct {
	t      *testing.T
	url    string
	log    *logBuffer
	client *http.Client
	end    context.CancelFunc
	code   chan int
}

// start runs the server on a free port until the test ends, with its embedded servers unless env names others, and with
// patience for a Redis on a busy machine.
func start(t *testing.T, env map[string]string) *program {
	t.Helper()
	ctx, end := context.WithCancel(context.Background())
	p := &program{
		t: t, log: newLog(), client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64, ExpectContinueTimeout: time.Minute}},
		end: end, code: make(chan int, 1),
	}
	settings := map[string]string{"ADDR": "127.0.0.1:0", "SEED": "24", "REDIS_TIMEOUT": "10s"}
	maps.Copy(settings, env)
	go func() { p.code <- run(ctx, nil, func(k string) string { return settings[k] }, p.log) }()
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		if code := p.stop(); code != exitOK {
			t.Errorf("the server ended with %d", code)
		}
		if t.Failed() {
			t.Logf("log of the server:\n%s", p.log)
		}
	})
	p.url = p.log.await(t, regexp.MustCompile(`msg=listening url=(\S+)`))
	return p
}

// stop ends the server and returns its exit code; a second call returns the same.
func (p *program) stop() int {
	p.end()
	code := <-p.code
	p.code <- code
	return code
}

// answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) cache() string { return a.header.Get("X-Cache") }

func (p *program) send(method, path, body string) (answer, error) {
	req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := p.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: raw}, err
}

// do sends a request that must be answered with the status.
func (p *program) do(status int, method, path, body string) answer {
	p.t.Helper()
	a, err := p.send(method, path, body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	if a.status != status {
		p.t.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

func (p *program) get(path, cache string) answer {
	p.t.Helper()
	a := p.do(http.StatusOK, http.MethodGet, path, "")
	if a.cache() != cache {
		p.t.Errorf("GET %s: X-Cache is %q, want %q", path, a.cache(), cache)
	}
	return a
}

func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	return v
}

func product(t *testing.T, a answer) domain.Product {
	t.Helper()
	return decode[domain.Product](t, a)
}

func page(t *testing.T, a answer) domain.Page {
	t.Helper()
	return decode[domain.Page](t, a)
}

// logBuffer is the server's stdout, and wakes those who wait for a line.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed and replaced at each write
}

func newLog() *logBuffer { return &logBuffer{more: make(chan struct{})} }

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.more)
	l.more = make(chan struct{})
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBuffer) await(t *testing.T, pattern *regexp.Regexp) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		found, more := pattern.FindStringSubmatch(l.text.String()), l.more
		l.mu.Unlock()
		if found != nil {
			return found[len(found)-1]
		}
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("the log never said %v:\n%s", pattern, l)
		}
	}
}

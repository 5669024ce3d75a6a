package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// chromium is a headless browser, driven through the DevTools protocol over two pipes: JSON messages, each with a zero
// byte at its end. It needs no port, and no library.
type chromium struct {
	in   io.Writer
	mu   sync.Mutex
	next int
	wait map[int]chan message
	gone chan struct{} // closed when the browser's end of the pipe is
}

type message struct {
	ID      int             `json:"id,omitempty"`
	Session string          `json:"sessionId,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  any             `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

const patience = 60 * time.Second // a browser on a busy machine

func startChromium(t *testing.T) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("ASIDE_REQUIRE_BROWSER") == "1" {
			t.Fatal("chromium not found, and ASIDE_REQUIRE_BROWSER=1 forbids skipping")
		}
		t.Skip("SKIPPED: no real browser has been tried: chromium not found (Debian: apt-get install chromium)")
	}
	toBrowser, in, err := os.Pipe()
	require.NoError(t, err)
	out, fromBrowser, err := os.Pipe()
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu",
		"--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--ignore-certificate-errors", "--host-resolver-rules=MAP *.aside.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
		"--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser}
	cmd.WaitDelay = 10 * time.Second
	require.NoError(t, cmd.Start())
	_, _ = toBrowser.Close(), fromBrowser.Close()
	c := &chromium{in: in, wait: map[int]chan message{}, gone: make(chan struct{})}
	go c.listen(out)
	t.Cleanup(func() {
		_, _ = c.call("", "Browser.close", nil)
		select {
		case <-c.gone:
		case <-time.After(10 * time.Second):
		}
		cancel()
		_ = cmd.Wait()
		_, _ = in.Close(), out.Close()
		<-c.gone
	})
	return c
}

func (c *chromium) listen(out io.Reader) {
	defer close(c.gone)
	r := bufio.NewReader(out)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if json.Unmarshal(raw[:len(raw)-1], &m) != nil || m.ID == 0 {
			continue // an event
		}
		c.mu.Lock()
		if ch := c.wait[m.ID]; ch != nil {
			ch <- m
			delete(c.wait, m.ID)
		}
		c.mu.Unlock()
	}
}

func (c *chromium) call(session, method string, params any) (json.RawMessage, error) {
	ch := make(chan message, 1)
	c.mu.Lock()
	c.next++
	m := message{ID: c.next, Session: session, Method: method, Params: params}
	c.wait[m.ID] = ch
	raw, err := json.Marshal(m)
	if err == nil {
		_, err = c.in.Write(append(raw, 0))
	}
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	select {
	case m := <-ch:
		if m.Error != nil {
			return nil, fmt.Errorf("%s: %s", method, m.Error)
		}
		return m.Result, nil
	case <-c.gone:
		return nil, errors.New("the browser is gone")
	case <-time.After(patience):
		return nil, fmt.Errorf("%s: no answer", method)
	}
}

// tab is a page of the browser.
type tab struct {
	t       *testing.T
	c       *chromium
	session string
}

func (c *chromium) open(t *testing.T) *tab {
	t.Helper()
	p := &tab{t: t, c: c}
	var target struct{ TargetID string }
	p.session = ""
	p.must("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	p.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	p.session = attached.SessionID
	p.must("Page.enable", nil, nil)
	p.must("Network.enable", nil, nil)
	return p
}

func (p *tab) must(method string, params, result any) {
	p.t.Helper()
	raw, err := p.c.call(p.session, method, params)
	require.NoError(p.t, err)
	if result != nil {
		require.NoError(p.t, json.Unmarshal(raw, result))
	}
}

// eval runs a script in the page; one that returns a promise is awaited. While a page gives way to another there is
// nothing to run it in, so it says whether it could.
func (p *tab) eval(script string) (value string, ok bool) {
	raw, err := p.c.call(p.session, "Runtime.evaluate", map[string]any{"expression": script, "awaitPromise": true, "returnByValue": true})
	if err != nil {
		return err.Error(), false
	}
	var res struct {
		Result           struct{ Value any }
		ExceptionDetails any
	}
	if err := json.Unmarshal(raw, &res); err != nil || res.ExceptionDetails != nil {
		return string(raw), false
	}
	return fmt.Sprint(res.Result.Value), true
}

// shows waits until the page at path has the text.
func (p *tab) shows(path, text string) {
	p.t.Helper()
	const script = `document.readyState === "complete" ? location.pathname + " " + document.querySelector("p").textContent : ""`
	var seen string
	require.Eventually(p.t, func() bool {
		seen, _ = p.eval(script)
		return seen == path+" "+text
	}, patience, 20*time.Millisecond, "waiting for %q", path+" "+text)
}

func (p *tab) visit(url string) {
	p.t.Helper()
	p.must("Page.navigate", map[string]any{"url": url}, nil)
}

// leave runs a script that leads to another page, and waits until this one, which it marks, has gone.
func (p *tab) leave(script string) {
	p.t.Helper()
	_, ok := p.eval(`window.before = true`)
	require.True(p.t, ok)
	_, _ = p.eval(script)
	require.Eventually(p.t, func() bool {
		mark, ok := p.eval(`String(window.before)`)
		return ok && mark == "undefined"
	}, patience, 20*time.Millisecond, "%s leads nowhere", script)
}

type browserCookie struct {
	Name, Value, Path, SameSite string
	HTTPOnly                    bool `json:"httpOnly"`
	Secure, Session             bool
}

func (p *tab) cookies() []browserCookie {
	p.t.Helper()
	var res struct{ Cookies []browserCookie }
	p.must("Network.getCookies", map[string]any{}, &res)
	return res.Cookies
}

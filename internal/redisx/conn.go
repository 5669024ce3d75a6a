package redisx

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"
)

// guarded is a connection that knows whom it reaches. It asks (INFO) together with the first command after the handshake,
// and from then on with the first command after each [askEvery], and when its endpoint is in doubt: the question goes in
// front of the command, in the same write, and the answer is looked at before the reply to the command is read. So a reply
// is used only if the server was a master, and the right one, when it replied; and no command waits for one round trip
// more.
//
// go-redis uses a connection for one exchange at a time: it writes commands, then reads as many replies. Only then is
// there a place for a question. Its pool calls SyscallConn before it hands the connection out, from another goroutine,
// but never during an exchange.
type guarded struct {
	net.Conn
	endpoint *endpoint

	born    int64     // which of the endpoint's connections it is
	who     *Identity // whom it reached when it asked last; nil: it has not asked yet
	asked   time.Time
	blind   bool // the server does not tell
	writing bool // the last thing that happened was a write, so the next one continues it

	waiting int    // answers that are to come before anything else
	heard   bool   // something has arrived since the last write
	in      []byte // bytes read that are not yet looked at
	ready   []byte // bytes that go-redis is to read first
	broken  error  // why this connection is of no use any more
}

var (
	askBoth = appendCommand(appendCommand(nil, "INFO", "replication"), "INFO", "server")
	askRole = appendCommand(nil, "INFO", "replication")
)

// appendCommand appends a command as it is sent.
func appendCommand(b []byte, args ...string) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(args)), 10)
	for _, arg := range args {
		b = append(b, "\r\n$"...)
		b = strconv.AppendInt(b, int64(len(arg)), 10)
		b = append(append(b, "\r\n"...), arg...)
	}
	return append(b, "\r\n"...)
}

// handshake are the commands that log in and set up a connection. A server may refuse everything else before them.
var handshake = map[string]bool{"hello": true, "auth": true, "select": true, "client": true, "readonly": true}

// firstName is the name of the command that b begins with, in lower case, or "" if that can't be seen.
func firstName(b []byte) string {
	parts := bytes.SplitN(b[:min(len(b), 64)], []byte("\r\n"), 4)
	if len(parts) < 4 || len(parts[0]) == 0 || parts[0][0] != '*' {
		return ""
	}
	return string(bytes.ToLower(parts[2]))
}

// Write sends commands, and a question in front of them if it is time for one.
func (c *guarded) Write(b []byte) (int, error) {
	if err := c.useless(); err != nil {
		return 0, err
	}
	begins := !c.writing
	c.writing, c.heard = true, false
	ask := []byte(nil)
	if begins {
		ask = c.question(b)
	}
	if ask == nil {
		return c.Conn.Write(b)
	}
	c.asked = time.Now()
	n, err := c.Conn.Write(append(append(make([]byte, 0, len(ask)+len(b)), ask...), b...))
	return max(0, n-len(ask)), err
}

// useless says why the connection is not to be used for another exchange.
func (c *guarded) useless() error {
	switch now := c.endpoint.current.Load(); {
	case c.broken != nil:
		return c.broken
	case c.writing || c.who == nil: // in the middle of an exchange, or new
		return nil
	case c.born <= c.endpoint.barred.Load():
		return c.refuse(ErrNotMaster)
	case now != nil && now.Run != c.who.Run:
		return c.refuse(ErrOtherData)
	default:
		return nil
	}
}

// question returns what to ask before the commands b, nil for nothing.
func (c *guarded) question(b []byte) []byte {
	switch {
	case c.who == nil:
		if handshake[firstName(b)] {
			return nil
		}
		c.waiting = 2
		return askBoth
	case time.Since(c.asked) >= c.patience() || c.endpoint.current.Load() != c.who:
		c.waiting = 1
		return askRole
	default:
		return nil
	}
}

func (c *guarded) patience() time.Duration {
	if c.blind {
		return blindFor
	}
	return askEvery
}

// Read returns replies, after the answer to a question that went in front of the commands was found to be good.
func (c *guarded) Read(p []byte) (int, error) {
	if c.broken != nil {
		return 0, c.broken
	}
	if c.writing {
		c.writing = false
		if err := c.listen(); err != nil {
			return 0, c.failed(err)
		}
	}
	if len(c.ready) > 0 {
		n := copy(p, c.ready)
		c.ready = c.ready[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.heard = c.heard || n > 0
	if err != nil {
		err = c.failed(err)
	}
	return n, err
}

// failed tells a reply that did not arrive in whole from a server that does not answer.
func (c *guarded) failed(err error) error {
	if c.heard && errors.Is(err, os.ErrDeadlineExceeded) {
		return &slowError{err}
	}
	return err
}

// listen reads the answers that were asked for, and decides whether what follows is used.
func (c *guarded) listen() error {
	if c.waiting == 0 {
		if now := c.endpoint.current.Load(); c.who != nil && now != nil && now.Run != c.who.Run {
			return c.refuse(ErrOtherData)
		}
		return nil
	}
	var sections []string
	var refused error
	for c.waiting > 0 {
		frame, err := c.frame()
		if err != nil {
			return err
		}
		if frame[0] == '>' { // a push comes at any time
			c.ready = append(c.ready, frame...)
			continue
		}
		c.waiting--
		text, no := frameText(frame)
		if no {
			refused = refusal(text)
		} else {
			sections = append(sections, text)
		}
	}
	c.ready = append(c.ready, c.in...)
	c.in = nil
	return c.admit(sections, refused)
}

func (c *guarded) admit(sections []string, refused error) error {
	a := parseAnswer(sections, refused)
	if c.who != nil && a.id.Run == "" && a.refused == nil {
		a.id.Run = c.who.Run // a connection does not outlive the run
	}
	who, err := c.endpoint.admit(a, c.who)
	if err != nil {
		c.endpoint.bar()
		return c.refuse(err)
	}
	c.who, c.blind = who, a.refused != nil
	return nil
}

// refuse ends the connection: nothing that it says is used.
func (c *guarded) refuse(why error) error {
	c.broken = &refusedError{why}
	_ = c.Conn.Close() // what becomes of it does not matter any more
	return c.broken
}

// frame reads one frame.
func (c *guarded) frame() ([]byte, error) {
	for {
		n, err := frameEnd(c.in)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			frame := c.in[:n:n]
			c.in = c.in[n:]
			return frame, nil
		}
		chunk := make([]byte, 8<<10)
		n, err = c.Conn.Read(chunk)
		c.heard = c.heard || n > 0
		c.in = append(c.in, chunk[:n]...)
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

// SyscallConn is called by go-redis's pool before it hands a connection out: an error makes it throw the connection away.
func (c *guarded) SyscallConn() (syscall.RawConn, error) {
	if err := c.useless(); err != nil {
		return nil, err
	}
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return opaque{}, nil
}

// opaque is the file of a connection, such as one with TLS, whose file says nothing of what can be read.
type opaque struct{}

func (opaque) Control(func(uintptr)) error    { return nil }
func (opaque) Read(func(uintptr) bool) error  { return nil }
func (opaque) Write(func(uintptr) bool) error { return nil }

package endpoint

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
	"github.com/jollyjet/aside/internal/redisx/internal/resp"
)

// askEvery is how often a connection in use asks again which server it reaches. Together with the time that a command may
// take, it keeps this promise: a server that is no master any more is noticed within two seconds.
const askEvery = time.Second

// blindFor is how long a server that refuses INFO is not asked again over the same connection.
const blindFor = time.Minute

var (
	askBoth = resp.AppendCommand(resp.AppendCommand(nil, "INFO", "replication"), "INFO", "server")
	askRole = resp.AppendCommand(nil, "INFO", "replication")
)

// handshake are the commands that log in and set up a connection. A server may refuse everything else before them.
var handshake = map[string]bool{"hello": true, "auth": true, "select": true, "client": true, "readonly": true}

// Handshake reports whether a command, in lower case, belongs to the handshake of a connection.
func Handshake(command string) bool { return handshake[command] }

// conn is a connection that knows which server it reaches. It sends INFO together with the first command after the
// handshake, then with the first command after each [askEvery], and when its endpoint is in doubt. INFO goes in front of
// the command, in the same write, and its reply is checked before the reply to the command is read. So a reply is used
// only if the server was a master, and the right one, when it replied; and no command waits for an extra round trip.
//
// go-redis uses a connection for one exchange at a time: it writes commands, then reads as many replies. Only the start of
// an exchange has a place for INFO. The pool calls SyscallConn before it hands the connection out, from another goroutine,
// but never during an exchange. So no field needs a lock.
type conn struct {
	net.Conn
	endpoint *Endpoint

	number  int64     // which of the endpoint's connections it is
	reached *Identity // the server it reached when it last asked; nil: it has not asked yet
	asked   time.Time
	doubts  int64 // of the endpoint when it last asked
	blind   bool  // the server does not say who it is
	writing bool  // the last call was a Write, so the next Write continues the same exchange

	pending  int    // replies to INFO that come before anything else
	received bool   // bytes arrived since the last write
	in       []byte // bytes read, not yet parsed
	ready    []byte // bytes for go-redis to read first
	broken   error  // why the connection must not be used any more
}

// Write sends commands, with INFO in front of them when it is time to ask.
func (c *conn) Write(b []byte) (int, error) {
	if err := c.usable(); err != nil {
		return 0, err
	}
	begins := !c.writing
	c.writing, c.received = true, false
	question := []byte(nil)
	if begins {
		question = c.question(b)
	}
	if question == nil {
		return c.Conn.Write(b)
	}
	c.asked, c.doubts = time.Now(), c.endpoint.doubts.Load()
	n, err := c.Conn.Write(append(append(make([]byte, 0, len(question)+len(b)), question...), b...))
	return max(0, n-len(question)), err
}

// usable returns why the connection must not be used for another exchange, or nil.
func (c *conn) usable() error {
	switch {
	case c.broken != nil:
		return c.broken
	case c.writing || c.reached == nil: // in the middle of an exchange, or new
		return nil
	case c.number <= c.endpoint.retired.Load():
		return c.discard(ErrRetired)
	case !c.endpoint.Reaches(*c.reached):
		return c.discard(ErrOtherData)
	default:
		return nil
	}
}

// question returns what to ask before the commands b, nil for nothing.
func (c *conn) question(b []byte) []byte {
	switch {
	case c.reached == nil:
		if handshake[resp.CommandName(b)] {
			return nil
		}
		c.pending = 2
		return askBoth
	case time.Since(c.asked) >= c.askEvery() || c.endpoint.current.Load() != c.reached:
		c.pending = 1
		return askRole
	default:
		return nil
	}
}

func (c *conn) askEvery() time.Duration {
	if c.blind {
		return blindFor
	}
	return askEvery
}

// Read returns replies to commands, once the reply to INFO that was sent with them has been checked.
func (c *conn) Read(p []byte) (int, error) {
	if c.broken != nil {
		return 0, c.broken
	}
	if c.writing {
		c.writing = false
		if err := c.check(); err != nil {
			return 0, c.readError(err)
		}
	}
	if len(c.ready) > 0 {
		n := copy(p, c.ready)
		c.ready = c.ready[n:]
		return n, nil
	}
	n, err := c.Conn.Read(p)
	c.received = c.received || n > 0
	if err != nil {
		err = c.readError(err)
	}
	return n, err
}

// readError distinguishes a reply that did not arrive in whole from a server that does not answer.
func (c *conn) readError(err error) error {
	if c.received && errors.Is(err, os.ErrDeadlineExceeded) {
		return &rediserr.Slow{Cause: err}
	}
	return err
}

// check reads the replies to INFO that are pending, and decides whether the replies after them are used.
func (c *conn) check() error {
	if c.pending == 0 {
		if c.reached != nil && !c.endpoint.Reaches(*c.reached) {
			return c.discard(ErrOtherData)
		}
		return nil
	}
	var sections []string
	var refused error
	for c.pending > 0 {
		frame, err := c.frame()
		if err != nil {
			return err
		}
		if frame[0] == '>' { // a push comes at any time
			c.ready = append(c.ready, frame...)
			continue
		}
		c.pending--
		text, isError := resp.Text(frame)
		if isError {
			refused = rediserr.Reply(text)
		} else {
			sections = append(sections, text)
		}
	}
	c.ready = append(c.ready, c.in...)
	c.in = nil
	return c.accept(ParseAnswer(sections, refused))
}

func (c *conn) accept(a *Answer) error {
	if c.reached != nil && a.ID.Run == "" && a.Refused == nil {
		a.ID.Run = c.reached.Run // a connection does not outlive the run
	}
	if c.doubts != c.endpoint.doubts.Load() {
		c.asked = time.Time{} // the answer may be older than the doubt
	}
	reached, err := c.endpoint.Accept(a, c.reached)
	if err != nil {
		c.endpoint.Retire()
		return c.discard(err)
	}
	c.reached, c.blind = reached, a.Refused != nil
	return nil
}

// discard closes the connection. None of its replies is used from now on.
func (c *conn) discard(why error) error {
	c.broken = &rediserr.Discarded{Cause: why}
	_ = c.Conn.Close() // nobody uses it any more
	return c.broken
}

// frame reads one frame.
func (c *conn) frame() ([]byte, error) {
	for {
		n, err := resp.End(c.in)
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
		c.received = c.received || n > 0
		c.in = append(c.in, chunk[:n]...)
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

// SyscallConn is called by go-redis's pool before it hands a connection out. An error makes it discard the connection.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return opaque{}, nil
}

// opaque stands for the file of a connection, such as one with TLS, whose file does not show what can be read.
type opaque struct{}

func (opaque) Control(func(uintptr)) error    { return nil }
func (opaque) Read(func(uintptr) bool) error  { return nil }
func (opaque) Write(func(uintptr) bool) error { return nil }

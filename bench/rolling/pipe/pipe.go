// Package pipe is how the coordinator and its workers talk: JSON values on standard input and output, each an order or the
// answer to one. Both sides may give orders: a worker has its loads and writes carried out by the coordinator.
package pipe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"
)

// Config is a worker's only argument, in JSON.
type Config struct {
	Redis     []string // one address, or several of a Cluster
	Namespace string
	Name      string        // who has loaded or written a value
	Schema    string        // cacheable.Schema, unless it is empty
	Strict    bool          // store.Strict
	ValueTags bool          // tags come from cacheable.TagsOf and not from cacheable.Tags
	Near      bool          // cacheable.Near
	Refresh   bool          // a short time to live, with RefreshAhead and FailSafe
	Lease     time.Duration // store.LeaseTime
	Hold      time.Duration // store.HoldTime
}

// Value is what a worker caches. Its type is the same in both versions, and so is its fingerprint.
type Value struct {
	Version int64
	Filler  string // the name of the worker that loaded or wrote it
}

// Message is an order or an answer.
type Message struct {
	ID     int64
	Answer bool `json:",omitempty"`

	Do     string           `json:",omitempty"`
	Key    string           `json:",omitempty"`
	Keys   []string         `json:",omitempty"`
	Way    string           `json:",omitempty"` // how to evict, or the policy of a limit
	User   string           `json:",omitempty"` // of a session
	Source string           `json:",omitempty"` // of a value, in the words of cacheable.Source
	Value  Value            `json:",omitzero"`
	Values map[string]Value `json:",omitempty"`
	Number int64            `json:",omitempty"`
	Err    string           `json:",omitempty"`
}

// The errors that [Conn.Call] tells apart.
var (
	ErrAbsent = errors.New("absent")
	ErrClosed = errors.New("the other process has ended")
)

// Conn is one end of the pipe.
type Conn struct {
	carryOut func(Message) Message
	closed   chan struct{}

	mu      sync.Mutex // guards what follows
	out     *json.Encoder
	last    int64
	waiting map[int64]chan<- Message
}

// New returns an end of the pipe that carries out the orders of the other end, each in a goroutine of its own.
func New(out io.Writer, carryOut func(Message) Message) *Conn {
	return &Conn{carryOut: carryOut, closed: make(chan struct{}), out: json.NewEncoder(out), waiting: map[int64]chan<- Message{}}
}

// Run reads what the other end sends. It returns when that has ended and no order is being carried out any more.
func (c *Conn) Run(in io.Reader) {
	var orders sync.WaitGroup
	defer orders.Wait()
	defer close(c.closed)
	for decoder := json.NewDecoder(in); ; {
		var m Message
		if decoder.Decode(&m) != nil {
			return
		}
		if m.Answer {
			c.deliver(m)
			continue
		}
		orders.Go(func() {
			answer := c.carryOut(m)
			answer.ID, answer.Answer = m.ID, true
			c.mu.Lock()
			defer c.mu.Unlock()
			_ = c.out.Encode(answer) // the reader notices when the other end is gone
		})
	}
}

// Call gives an order and waits for the answer.
func (c *Conn) Call(ctx context.Context, m Message) (Message, error) {
	answer := make(chan Message, 1)
	if err := c.send(m, answer); err != nil {
		return m, err
	}
	select {
	case a := <-answer:
		switch a.Err {
		case "":
			return a, nil
		case ErrAbsent.Error():
			return a, ErrAbsent
		}
		return a, errors.New(a.Err)
	case <-c.closed:
		return m, ErrClosed
	case <-ctx.Done():
		return m, ctx.Err()
	}
}

func (c *Conn) send(m Message, answer chan<- Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	m.ID = c.last
	c.waiting[m.ID] = answer
	return c.out.Encode(m)
}

func (c *Conn) deliver(m Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answer, ok := c.waiting[m.ID]; ok {
		delete(c.waiting, m.ID)
		answer <- m
	}
}

// Failed is the answer to an order that failed; one of the absences becomes [ErrAbsent].
func Failed(err error, absences ...error) Message {
	for _, absence := range absences {
		if errors.Is(err, absence) {
			err = ErrAbsent
		}
	}
	return Message{Err: err.Error()}
}

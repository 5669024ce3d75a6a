package setup

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// Conn is how a public package uses Redis, as its options say.
type Conn struct {
	Namespace string
	Timeout   time.Duration
	ShareFrom int // of AutoPipeline
	Hooks     []redis.Hook
	Log       *slog.Logger
}

// ConnOption sets a field of a [Conn].
type ConnOption func(*Conn)

// NewConn returns the defaults.
func NewConn(namespace string, timeout time.Duration) Conn {
	return Conn{Namespace: namespace, Timeout: timeout, ShareFrom: redisx.ShareFrom, Log: slog.Default()}
}

// Limits are those of a client for this connection. The owner adds what is its own.
func (c *Conn) Limits() redisx.Limits {
	return redisx.Limits{
		Timeout: c.Timeout, Hooks: c.Hooks, ShareFrom: c.ShareFrom, Log: c.Log, Keys: c.Namespace + ":*",
	}
}

// Namespace is the first part of every key.
func (p Package) Namespace(name string) ConnOption {
	p.Name("Namespace", name)
	return func(c *Conn) { c.Namespace = name }
}

// Timeout bounds each command as a whole.
func (p Package) Timeout(d time.Duration) ConnOption {
	p.Positive("Timeout", d)
	return func(c *Conn) { c.Timeout = d }
}

// AutoPipeline is how many commands must be in flight for them to share pipelines; 0 turns sharing off.
func (p Package) AutoPipeline(from int) ConnOption {
	if from < 0 {
		panic(fmt.Sprintf("%s: AutoPipeline(%d): use 0 to turn it off, or the number of commands from which on they share", p, from))
	}
	return func(c *Conn) { c.ShareFrom = from }
}

// Hooks adds hooks to the package's own client.
func (p Package) Hooks(hooks ...redis.Hook) ConnOption {
	for i, h := range hooks {
		if h == nil {
			panic(fmt.Sprintf("%s: Hooks: hook %d is nil", p, i+1))
		}
	}
	return func(c *Conn) { c.Hooks = append(c.Hooks, hooks...) }
}

// Logger receives what an operator should know.
func (p Package) Logger(l *slog.Logger) ConnOption {
	if l == nil {
		panic(fmt.Sprintf("%s: Logger(nil): use slog.New(slog.DiscardHandler) for silence", p))
	}
	return func(c *Conn) { c.Log = l }
}

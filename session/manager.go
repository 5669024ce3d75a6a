package session

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/fidelity"
	"github.com/jollyjet/aside/internal/redisx"
)

// Manager keeps sessions with data of type T in Redis. Its methods are safe for concurrent use, also from several
// goroutines of one request, and by any number of managers with the same namespace on any number of nodes.
//
// Methods that take a context find the session of a request through it. It has to come from a request behind
// [Manager.Middleware] or from [Manager.Attach], else they return [ErrNoScope]. When Redis is away they return an error
// that wraps [ErrUnavailable].
type Manager[T any] struct {
	p       *protocol
	pointer bool // methods that encode the data, or a part of it, need a pointer
}

// New returns a manager. It uses a client of its own, made from the options of rdb, with short timeouts and no retries.
// rdb is a *redis.Client, for one node or Sentinel, or a *redis.ClusterClient that does not read from replicas. Nothing
// is sent to Redis before the first use. New panics if the client or the options make no sense, and says what to write
// instead.
func New[T any](rdb redis.UniversalClient, opts ...Option) *Manager[T] {
	if redisx.IsNil(rdb) {
		panic("session: New: the client is nil; use redis.NewClient or redis.NewClusterClient")
	}
	c := defaults()
	for i, o := range opts {
		if o == nil {
			panic(fmt.Sprintf("session: New: option %d is nil; leave it out", i+1))
		}
		o(&c)
	}
	c.check()
	m := &Manager[T]{p: newProtocol(rdb, c), pointer: fidelity.NeedsPointer(reflect.TypeFor[T]())}
	m.p.valid = func(payload []byte) bool {
		_, err := m.decode(payload)
		return err == nil
	}
	return m
}

func newProtocol(given redis.UniversalClient, c config) *protocol {
	p := &protocol{config: c, reporter: reporter{notify: c.observe}, backOff: backOff}
	p.connection = newConnection(given, c.conn, p.endOrphans)
	return p
}

// Close closes the manager's own connections. Requests that are still running get an error that wraps [ErrUnavailable].
func (m *Manager[T]) Close() error {
	serving.remove(m.p)
	return m.p.close()
}

// Namespace returns the first part of every key.
func (m *Manager[T]) Namespace() string { return m.p.conn.Namespace }

// Stats returns the counters of this manager.
func (m *Manager[T]) Stats() Stats {
	s := m.p.stats()
	s.Watching = m.p.watching.Load()
	return s
}

// encode is the inverse of decode. Methods of *T that encode it are used, too.
func (m *Manager[T]) encode(v T) ([]byte, error) {
	if m.pointer {
		return m.p.codec.Marshal(&v)
	}
	return m.p.codec.Marshal(v)
}

func (m *Manager[T]) decode(payload []byte) (v T, err error) {
	if payload != nil {
		err = m.p.codec.Unmarshal(payload, &v)
	}
	return v, err
}

// Attach returns a context with the session of a token, or with none if the token is "". It is for programs that don't
// serve HTTP, or not through the middleware. The session is read at the first use and then kept, as for a request; to
// read it again, attach again. [Manager.Token] returns the token that the client is to have afterwards.
func (m *Manager[T]) Attach(ctx context.Context, token string) context.Context {
	return (&requestSession{p: m.p, text: token}).with(ctx)
}

// Token returns the token that the client has to present from now on, or "" if there is no session. It is a secret. It
// is for [Bearer] and [Manager.Attach]; with cookies the middleware sends it.
func (m *Manager[T]) Token(ctx context.Context) (string, error) {
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return "", ignoreNone(err)
	}
	if s.tok.anyID && !same(s.tok.hash(), s.rec.hash) {
		return "", ErrCommitted // renewed by another request; only its client has the new token
	}
	return s.tok.String(), nil
}

// Get returns the data of the session as it was when the request first used it, with the request's own changes. The
// copy belongs to the caller; use [Manager.Update] to change the stored data. Without a session Get returns
// [ErrNoSession].
func (m *Manager[T]) Get(ctx context.Context) (T, error) {
	var zero T
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return zero, err
	}
	rec, _, err := s.peek(ctx)
	if err != nil {
		return zero, err
	}
	return m.decode(rec.body.payload)
}

// User returns who is logged in, or "" if nobody is or there is no session. On an error, treat nobody as logged in.
func (m *Manager[T]) User(ctx context.Context) (string, error) {
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return "", err
	}
	rec, _, err := s.peek(ctx)
	return rec.body.user, ignoreNone(err)
}

// Info describes the session of the request. Without one it returns [ErrNoSession].
func (m *Manager[T]) Info(ctx context.Context) (Info, error) {
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return Info{}, err
	}
	rec, handle, err := s.peek(ctx)
	if err != nil {
		return Info{}, err
	}
	return infoOf(handle, &rec, true), nil
}

func ignoreNone(err error) error {
	if errors.Is(err, ErrNoSession) {
		return nil
	}
	return err
}

// withSession looks up the session of the context's request and calls do with its mu held. none is ErrNoSession, or
// ErrEnded, if the request has no session; any other error of the look-up is returned.
func (m *Manager[T]) withSession(ctx context.Context, do func(s *requestSession, none error) error) error {
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return err
	}
	if s.withinUpdate() {
		return ErrWithinUpdate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = s.load(ctx)
	if ignoreNone(err) != nil {
		return err
	}
	return do(s, err)
}

// Info describes a session. Its times are by the clock of the Redis server.
type Info struct {
	Handle   string    // its public name, which stays when the id is renewed; see DestroyOne
	User     string    // "" before Login
	Label    string    // what Describe said at Login
	Since    time.Time // of Login, or of Create before one
	LastSeen time.Time // to a tenth of the idle time
	Deadline time.Time // when it ends, however much it is used
	Current  bool      // whether it is the session of the request
}

func infoOf(handle string, r *record, current bool) Info {
	return Info{
		Handle: handle, User: r.body.user, Label: r.body.label, Current: current,
		Since: time.UnixMilli(r.began), LastSeen: time.UnixMilli(r.seen), Deadline: time.UnixMilli(r.deadline),
	}
}

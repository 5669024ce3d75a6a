package session

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/internal/redisx"
)

// Manager keeps sessions with data of type T in Redis. Its methods are safe for concurrent use, also from several
// goroutines of one request, and by any number of managers with the same namespace on any number of nodes.
//
// Methods that take a context find the session of a request through it: it has to come from a request behind
// [Manager.Middleware] or from [Manager.Attach], else they return [ErrNoScope]. When Redis is away they return an error
// that wraps [ErrUnavailable].
type Manager[T any] struct{ e *engine }

// New returns a manager. It uses a client of its own, made from the options of rdb, with short timeouts and no retries;
// rdb is a *redis.Client, for one node or Sentinel, or a *redis.ClusterClient that does not read from replicas. Nothing
// is sent to Redis before the first use. New panics for a client or options that make no sense, and says what to write
// instead.
func New[T any](rdb redis.UniversalClient, options ...Option) *Manager[T] {
	if redisx.IsNil(rdb) {
		panic("session: New: the client is nil; use redis.NewClient or redis.NewClusterClient")
	}
	c := defaults()
	for i, o := range options {
		if o == nil {
			panic(fmt.Sprintf("session: New: option %d is nil; leave it out", i+1))
		}
		o(&c)
	}
	c.check()
	m := &Manager[T]{e: newEngine(rdb, c)}
	m.e.valid = func(payload []byte) bool {
		_, err := m.decode(payload)
		return err == nil
	}
	return m
}

// Close closes the manager's own connections. Requests that still run get an error that wraps [ErrUnavailable].
func (m *Manager[T]) Close() error { return m.e.rdb.Close() }

// Namespace returns the first part of every key.
func (m *Manager[T]) Namespace() string { return m.e.namespace }

// Stats returns the counters of this manager.
func (m *Manager[T]) Stats() Stats { return m.e.stats() }

func (m *Manager[T]) decode(payload []byte) (v T, err error) {
	if payload != nil {
		err = m.e.codec.Unmarshal(payload, &v)
	}
	return v, err
}

// Attach returns a context with the session of a token, "" for none, for programs that don't serve HTTP, or not through
// the middleware. As with a request the session is read at the first use, and then kept; attach again to look again.
// Ask [Manager.Token] for the token that the client is to have afterwards.
func (m *Manager[T]) Attach(ctx context.Context, token string) context.Context {
	return context.WithValue(ctx, scopeKey{m.e}, &scope{e: m.e, text: token})
}

// Token returns the token that the client has to present from now on, or "" if there is no session. It is a secret. With
// cookies the middleware takes care of it; it is for [Bearer] and [Manager.Attach].
func (m *Manager[T]) Token(ctx context.Context) (string, error) {
	s, err := m.e.scope(ctx)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(ctx); err != nil {
		return "", ignoreNone(err)
	}
	return s.tok.String(), nil
}

// Get returns the data of the session, as it was when the request first used it, with the request's own changes. The
// copy is the caller's; to change what is stored use [Manager.Update]. Without a session it returns [ErrNoSession].
func (m *Manager[T]) Get(ctx context.Context) (T, error) {
	var zero T
	s, err := m.e.scope(ctx)
	if err != nil {
		return zero, err
	}
	rec, _, err := s.peek(ctx)
	if err != nil {
		return zero, err
	}
	return m.decode(rec.body.payload)
}

// User returns who is logged in, or "" for nobody, also where there is no session. On an error nobody is to be treated
// as logged in.
func (m *Manager[T]) User(ctx context.Context) (string, error) {
	s, err := m.e.scope(ctx)
	if err != nil {
		return "", err
	}
	rec, _, err := s.peek(ctx)
	return rec.body.user, ignoreNone(err)
}

// Info returns what is known about the session of the request, or [ErrNoSession].
func (m *Manager[T]) Info(ctx context.Context) (Info, error) {
	s, err := m.e.scope(ctx)
	if err != nil {
		return Info{}, err
	}
	rec, handle, err := s.peek(ctx)
	if err != nil {
		return Info{}, err
	}
	return infoOf(handle, &rec, true), nil
}

// Update changes the data of the session with compare-and-set. If somebody else changed the session meanwhile, apply is
// called again with what is there now, so it may run several times, should do nothing but change the data, and must not
// call the manager. The change is stored when Update returns nil; an error of apply is returned and nothing is stored.
// A change that changes nothing is not written.
//
// Without a session a new one begins, unless there is nothing to store: the data are at first those of the zero T. But if
// there was one when the request first looked, and it was ended meanwhile, Update returns [ErrEnded] and stores nothing.
// Other errors: [ErrConflict], [ErrTooLarge], for a new session [ErrCommitted]; that of the context, if the caller gave up
// while it was not this change's turn, and nothing was stored; and one that wraps [ErrUnavailable]: whether the change
// was stored is then unknown.
func (m *Manager[T]) Update(ctx context.Context, apply func(*T) error) error {
	s, err := m.e.scope(ctx)
	if err != nil {
		return err
	}
	return s.update(ctx, false, m.editData(apply))
}

// Info describes a session. Its times are those of the Redis server's clock.
type Info struct {
	Handle   string    // its public name, which stays when the id is renewed; see DestroyOne
	User     string    // "" before Login
	Label    string    // what Describe said at Login
	Since    time.Time // of Login, or of Create before one
	LastSeen time.Time // to a tenth of the idle time
	Deadline time.Time // when it ends however much it is used
	Current  bool      // it is that of the request
}

func infoOf(handle string, r *record, current bool) Info {
	return Info{
		Handle: handle, User: r.body.user, Label: r.body.label, Current: current,
		Since: time.UnixMilli(r.began), LastSeen: time.UnixMilli(r.seen), Deadline: time.UnixMilli(r.deadline),
	}
}

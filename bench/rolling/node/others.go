package node

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jollyjet/aside/ratelimit"
	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/bench/rolling/pipe"
)

// account is what a session holds.
type account struct {
	Visits int64
	Last   string // the name of the worker that counted the last one
}

// session carries out an order about the session whose token is the key.
func (n *node) session(ctx context.Context, m pipe.Message) pipe.Message {
	ctx = n.sessions.Attach(ctx, m.Key)
	switch m.Do {
	case "session: login":
		err := n.sessions.Login(ctx, m.User)
		if err != nil {
			return answer(pipe.Message{}, err)
		}
		token, err := n.sessions.Token(ctx)
		return answer(pipe.Message{Key: token}, err)
	case "session: visit":
		return answer(pipe.Message{}, n.sessions.Update(ctx, func(a *account) error {
			a.Visits, a.Last = a.Visits+1, n.cfg.Name
			return nil
		}))
	case "session: get":
		a, err := n.sessions.Get(ctx)
		return answer(pipe.Message{Number: a.Visits, Value: pipe.Value{Filler: a.Last}}, err)
	case "session: destroy":
		return answer(pipe.Message{}, n.sessions.Destroy(ctx))
	case "session: destroy all":
		return answer(pipe.Message{}, n.sessions.DestroyAll(ctx, m.User))
	}
	return pipe.Failed(fmt.Errorf("no order is called %q", m.Do))
}

// limits are one limiter for each policy.
type limits struct {
	rdb       redis.UniversalClient
	namespace string

	mu   sync.Mutex // guards what follows
	made map[string]*ratelimit.Limiter
}

func newLimits(rdb redis.UniversalClient, namespace string) *limits {
	return &limits{rdb: rdb, namespace: namespace, made: map[string]*ratelimit.Limiter{}}
}

// allow answers with 1 if the policy allows the key one more, and with 0 if not. What it takes it keeps.
func (l *limits) allow(ctx context.Context, policy, key string) pipe.Message {
	limiter, err := l.of(policy)
	if err != nil {
		return pipe.Failed(err)
	}
	r, err := limiter.Allow(ctx, key)
	if err != nil {
		return pipe.Failed(err)
	}
	if r.Allowed {
		return pipe.Message{Number: 1}
	}
	return pipe.Message{}
}

func (l *limits) of(text string) (*ratelimit.Limiter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limiter, ok := l.made[text]; ok {
		return limiter, nil
	}
	policy, err := ratelimit.ParsePolicy(text)
	if err != nil {
		return nil, err
	}
	l.made[text] = ratelimit.New(l.rdb, policy, ratelimit.Namespace(l.namespace), ratelimit.Name("shared"), ratelimit.FailClosed(), ratelimit.Timeout(5*time.Second))
	return l.made[text], nil
}

func (l *limits) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, limiter := range l.made {
		_ = limiter.Close()
	}
}

package ratelimit

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Table limits each route by a rule of its own. The rules can be changed while requests are served. What was charged under
// a rule stays charged if the rule stays, or if only its limit or burst changes; see [Name]. All methods may be called from any goroutine.
type Table struct {
	config  config
	backend *backend

	mu     sync.Mutex // held during Set and Close
	closed bool       // guarded by mu
	now    atomic.Pointer[routes]
}

// routes is one set of rules. It does not change.
type routes struct {
	rules    []Rule
	mux      *http.ServeMux // only for its patterns
	limiters map[string]*Limiter
}

// NewTable makes a table of rules, none if there are none yet. The options are the defaults of all rules. Bad options
// panic like those of [New]; bad rules, which may come from a file, are an error that wraps [ErrRules].
func NewTable(rdb redis.UniversalClient, rules []Rule, options ...Option) (*Table, error) {
	c := defaults()
	c.apply(options)
	t := &Table{config: c, backend: newBackend(rdb, &c)}
	if err := t.Set(rules); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// Set replaces all rules at once. If one is bad it changes nothing and returns an error that wraps [ErrRules]. Limiters of
// rules that stay as they are keep what they hold in this process.
func (t *Table) Set(rules []Rule) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.now.Load()
	next := &routes{mux: http.NewServeMux(), limiters: make(map[string]*Limiter)}
	for _, r := range rules {
		r.By = slices.Clone(r.By)
		next.rules = append(next.rules, r)
		if err := next.register(r.Match); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrRules, r.Match, err)
		}
		l := was.limiterOf(&r)
		if l == nil {
			var err error
			if l, err = r.limiter(t.backend, t.config); err != nil {
				return fmt.Errorf("%w: %q: %w", ErrRules, r.Match, err)
			}
		}
		next.limiters[r.Match] = l
	}
	if err := next.conflict(); err != nil {
		return fmt.Errorf("%w: %w", ErrRules, err)
	}
	t.now.Store(next)
	t.claim(was.uses(), next.uses())
	return nil
}

// register adds a pattern. The mux panics if it is bad; register returns that as an error.
func (r *routes) register(pattern string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	r.mux.Handle(pattern, http.NotFoundHandler())
	return nil
}

func (r *routes) limiterOf(rule *Rule) *Limiter {
	if r == nil {
		return nil
	}
	for i := range r.rules {
		if same(&r.rules[i], rule) {
			return r.limiters[rule.Match]
		}
	}
	return nil
}

func same(a, b *Rule) bool {
	return a.Match == b.Match && a.Policy == b.Policy && a.Name == b.Name && a.Shadow == b.Shadow &&
		a.WhenAway == b.WhenAway && slices.Equal(a.By, b.By)
}

// uses are those of all rules.
func (r *routes) uses() (uses []use) {
	if r == nil {
		return nil
	}
	for _, l := range r.limiters {
		uses = append(uses, l.uses()...)
	}
	return uses
}

// claim replaces what the table uses. Rules may come from a file, and of two tables one has new rules first, so a mistake is
// no reason to stop.
func (t *Table) claim(was, next []use) {
	claimed.release(t, was)
	if t.closed {
		return
	}
	if mistake := claimed.claim(t, next); mistake != nil {
		t.config.conn.Log.Warn("aside: a limiter of this process counts in the same place as a rule: "+mistake.Error(), "table", t.config.name)
	}
}

// conflict reports two rules that would count in one state by different policies.
func (r *routes) conflict() error {
	own := claims{uses: map[place]map[any]use{}}
	return own.claim(nil, r.uses())
}

// Rules returns the rules in force.
func (t *Table) Rules() []Rule { return slices.Clone(t.now.Load().rules) }

// Limiter returns the limiter of the rule for a request, or nil if none matches.
func (t *Table) Limiter(r *http.Request) *Limiter {
	now := t.now.Load()
	_, pattern := now.mux.Handler(r)
	return now.limiters[pattern]
}

// Middleware applies to each request the rule that matches it; see [Limiter.Middleware].
func (t *Table) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := t.Limiter(r)
		if l == nil {
			next.ServeHTTP(w, r)
			return
		}
		serve(w, r, next, []*Limiter{l})
	})
}

// Name returns the table's [Name]. Its limiters have names of their own.
func (t *Table) Name() string { return t.config.name }

// Namespace returns the table's [Namespace].
func (t *Table) Namespace() string { return t.config.conn.Namespace }

// Stats returns the counters of each rule's limiter by the rule's Match.
func (t *Table) Stats() map[string]Stats {
	stats := make(map[string]Stats)
	for match, l := range t.now.Load().limiters {
		stats[match] = l.Stats()
	}
	return stats
}

// Close closes the table's connections.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	claimed.release(t, t.now.Load().uses())
	return t.backend.close()
}

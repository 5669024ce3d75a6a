package ratelimit

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Table limits each route by a rule of its own. The rules can be changed while requests are served. What was charged under
// a rule stays charged if the rule stays, or if only its limit or burst changes; see [Name].
// All methods may be called from any goroutine.
type Table struct {
	config  config
	backend *backend
	others  []*Limiter // of requests that match no rule; none if they are unlimited

	mu     sync.Mutex // held during Set and Close
	closed bool       // guarded by mu
	now    atomic.Pointer[routes]
}

// routes is one set of rules. It does not change.
type routes struct {
	rules    []Rule
	limiters []*Limiter // of the rules, in their order; nil for one that is unlimited
	matcher  matcher
	named    map[string][]*Limiter // by Match and by Name, for For
	all      bool                  // the rule "/" leaves no request to the default
	others   []*Limiter            // the default's; none if such requests are unlimited
}

// defaultPolicy is generous to people and stops scripts.
var defaultPolicy = SlidingWindow(1000, time.Minute)

// defaultRoute is the default's name among the rules, and in the statistics.
const defaultRoute = "default"

// NewTable makes a table of rules, none if there are none yet. The options are the defaults of all rules. Bad options
// panic like those of [New]; bad rules, which may come from a file, are an error that wraps [ErrRules].
//
// A request that no rule matches has the limit of [Default]. That is 1000 a minute for each client unless the table says
// otherwise; [Unlimited] says that such requests have none.
func NewTable(rdb redis.UniversalClient, rules []Rule, options ...Option) (*Table, error) {
	c := defaults()
	c.apply(options)
	if c.policyOf != nil {
		panic("ratelimit: NewTable: PolicyOf is for New; give the rules their policies")
	}
	t := &Table{config: c, backend: newBackend(rdb, &c)}
	if !c.unlimited {
		c.name = "rule/" + defaultRoute + "/" + c.name
		policy := c.others
		if policy == nil {
			policy = defaultPolicy
		}
		c.shared = true // tables may have the same default
		t.others = []*Limiter{borrow(t.backend, c, policy)}
	}
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
	next := &routes{matcher: matcher{http.NewServeMux()}, named: make(map[string][]*Limiter), others: t.others}
	for _, r := range rules {
		r.By = slices.Clone(r.By)
		if err := t.add(next, was, &r); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrRules, r.label(), err)
		}
	}
	if err := next.conflict(); err != nil {
		return fmt.Errorf("%w: %w", ErrRules, err)
	}
	t.now.Store(next)
	t.claim(was.uses(), next.uses())
	return nil
}

func (t *Table) add(next, was *routes, r *Rule) error {
	l, err := was.limiterOf(r), error(nil)
	if l == nil && r.Policy != unlimited {
		if l, err = r.limiter(t.backend, t.config); err != nil {
			return err
		}
	}
	switch {
	case r.Match != "":
		err = next.matcher.add(r.Match, l)
	case r.Name == "":
		err = errors.New("it has neither a Match nor a Name for Table.For")
	case next.has(r.Name):
		err = errors.New("two rules have this name, and this one has no Match")
	}
	next.rules, next.limiters = append(next.rules, *r), append(next.limiters, l)
	next.all = next.all || r.Match == "/"
	for _, name := range r.names() {
		next.named[name] = append(next.named[name], (&matched{limiter: l}).addTo(nil)...)
	}
	return err
}

func (r *routes) has(name string) bool {
	_, ok := r.named[name]
	return ok
}

func (r *routes) limiterOf(rule *Rule) *Limiter {
	if r == nil {
		return nil
	}
	for i := range r.rules {
		if same(&r.rules[i], rule) {
			return r.limiters[i]
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
	for _, l := range append(slices.Clone(r.limiters), r.others...) {
		if l != nil {
			uses = append(uses, l.uses()...)
		}
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

// Limiter returns the limiter of the rule for a request, the default's if none matches, or nil if the request is unlimited.
// There can be more; see [Table.Limiters].
func (t *Table) Limiter(r *http.Request) *Limiter {
	if limiters := t.Limiters(r); len(limiters) > 0 {
		return limiters[0]
	}
	return nil
}

// Limiters returns the limiters for a request, all of which must allow it. There is more than one if routers read the
// request's path in different ways, such as /api%2Forders, and different rules match these.
func (t *Table) Limiters(r *http.Request) []*Limiter {
	limiters, ok := t.now.Load().matcher.find(r)
	if !ok {
		return t.others
	}
	return limiters
}

// Middleware applies to each request the rule that matches it, or the default; see [Limiter.Middleware]. The host is
// compared without case, port and final dot. The path is read in each way that a router may read it: as it was sent, decoded,
// decoded twice, cleaned or not, with a final slash or without. If rules differ about these, all of them apply. For routers
// that match in other ways than http.ServeMux, such as by regular expressions, use [Table.For].
func (t *Table) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, next, t.Limiters(r))
	})
}

// For is a middleware that applies the rule with this Name or Match to each request, whatever its path: for a route or a
// group of routes of a router that knows best which is which. If several rules have the name, all apply. Use it in place of
// [Table.Middleware], not within it, which would charge twice. For panics if there is no such rule now. While a later
// [Table.Set] has none the default applies.
func (t *Table) For(name string) func(http.Handler) http.Handler {
	if now := t.now.Load(); !now.has(name) {
		panic(fmt.Sprintf("ratelimit: Table.For(%q): no rule has this Name or Match; there are %q", name,
			slices.Sorted(maps.Keys(now.named))))
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			limiters, ok := t.now.Load().named[name]
			if !ok {
				limiters = t.others
			}
			serve(w, r, next, limiters)
		})
	}
}

// Name returns the table's [Name]. Its limiters have names of their own.
func (t *Table) Name() string { return t.config.name }

// Namespace returns the table's [Namespace].
func (t *Table) Namespace() string { return t.config.conn.Namespace }

// Stats returns the counters of each rule's limiter by the rule's Match, or its Name if it has no Match. "default" has those
// of the requests that no rule matches, unless there are none such.
func (t *Table) Stats() map[string]Stats {
	now := t.now.Load()
	stats := make(map[string]Stats)
	for i, l := range now.limiters {
		if l != nil {
			stats[now.rules[i].label()] = l.Stats()
		}
	}
	for _, l := range t.others {
		if !now.all {
			stats[defaultRoute] = l.Stats()
		}
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

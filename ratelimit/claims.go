package ratelimit

import (
	"fmt"
	"log/slog"
	"sync"

	"github.com/redis/go-redis/v9"
)

// place is where a state is kept: a client of the user's, and a key without whom it is about. Whether two clients reach the
// same Redis is not known, so they are not compared.
type place struct {
	client redis.UniversalClient
	state  string
}

// use is what a limiter does with a state.
type use struct {
	place
	policy part
	shared bool
	log    *slog.Logger
}

// claims are what the open limiters and tables of this process use, so that two that share a state by mistake are found.
type claims struct {
	mu     sync.Mutex
	uses   map[place]map[any]use // by owner
	warned map[string]bool       // by state
}

var claimed = claims{uses: map[place]map[any]use{}, warned: map[string]bool{}}

// claim notes what an owner uses from now on. The error says that another owner, or the same one, uses a state with
// another policy.
func (c *claims) claim(owner any, uses []use) (mistake error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, mine := range uses {
		for other, theirs := range c.uses[mine.place] {
			if mine.policy != theirs.policy {
				mistake = fmt.Errorf("%s counts both for %q and for %q; use another Name, or close the other one before",
					mine.state, mine.policy, theirs.policy)
			} else if other != owner {
				c.warn(mine, theirs)
			}
		}
		if c.uses[mine.place] == nil {
			c.uses[mine.place] = map[any]use{}
		}
		c.uses[mine.place][owner] = mine
	}
	return mistake
}

func (c *claims) warn(mine, theirs use) {
	if mine.shared && theirs.shared || c.warned[mine.state] {
		return
	}
	c.warned[mine.state] = true
	mine.log.Warn("aside: two limiters of this process have the same name and policy, so they share their counts; give one of "+
		"them another ratelimit.Name, or both ratelimit.Shared() if it is on purpose", "limiter", mine.state)
}

// release forgets what an owner used.
func (c *claims) release(owner any, uses []use) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, u := range uses {
		delete(c.uses[u.place], owner)
		if len(c.uses[u.place]) == 0 {
			delete(c.uses, u.place)
		}
	}
}

// uses are the states that the limiter has for each key.
func (l *Limiter) uses() []use {
	uses := make([]use, len(l.parts))
	for i, p := range l.parts {
		at := place{client: l.backend.given, state: l.conn.Namespace + ":rl:" + l.name + ":" + l.states[i]}
		uses[i] = use{place: at, policy: p, shared: l.shared, log: l.conn.Log}
	}
	return uses
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

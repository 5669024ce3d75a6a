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

package session

import "sync"

// maxOrphans limits the sessions that wait to be ended. If there are more, the oldest are left to expire.
const maxOrphans = 1000

// orphans are sessions whose token nobody has, and which could not be ended: those of logins that failed because Redis
// did not answer. They are ended when it answers again, so that List does not show them, nor MaxPerUser count them.
type orphans struct {
	mu       sync.Mutex
	tokens   []token // guarded by mu
	retrying bool    // guarded by mu: a goroutine tries again until none are left
}

// add reports whether the caller has to start the goroutine that tries again.
func (o *orphans) add(t *token) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.tokens) == maxOrphans {
		o.tokens = o.tokens[1:]
	}
	o.tokens = append(o.tokens, *t)
	first = !o.retrying
	o.retrying = true
	return first
}

// none reports whether none are left. The goroutine that tries again ends then.
func (o *orphans) none() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.retrying = len(o.tokens) > 0
	return !o.retrying
}

func (o *orphans) take() []token {
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := o.tokens
	o.tokens = nil
	return taken
}

package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jollyjet/aside/internal/redisx"
)

// life is how long a session lasts.
type life struct {
	idle     time.Duration // without use; 0 in a session with a lifetime of its own, which needs none
	absolute time.Duration
}

// LoginOption changes how [Manager.Login] begins a session.
type LoginOption func(*life)

// Lifetime makes the session of a login last for d, used or not: "remember me". It takes the place of [Idle] and
// [Absolute], and the cookie stays for d when the browser is closed. d is 1 s or more; browsers keep cookies for 400 days
// at most. Later logins of the same session begin its times anew, so give the option again.
//
// Versions of this package from before Lifetime can't read such a session: deploy this one everywhere first.
func Lifetime(d time.Duration) LoginOption {
	options.AtLeast("Lifetime", d, time.Second)
	return func(l *life) { *l = life{absolute: d} }
}

// life is that of a session that has none of its own.
func (p *protocol) life() life { return life{idle: p.idle, absolute: p.absolute} }

func (p *protocol) lifeOf(opts []LoginOption) life {
	l := p.life()
	for i, o := range opts {
		if o == nil {
			panic(fmt.Sprintf("session: Login: option %d is nil; leave it out", i+1))
		}
		o(&l)
	}
	return l
}

// ttl is how long the session lasts that nobody uses.
func (l life) ttl() time.Duration {
	if l.own() {
		return l.absolute
	}
	return min(l.idle, l.absolute)
}

func (l life) own() bool { return l.idle == 0 }

// final reports whether the absolute deadline comes first.
func (l life) final() bool { return !l.own() && l.absolute <= l.idle }

// less is what is left of the life after some time.
func (l life) less(d time.Duration) life {
	l.absolute = max(l.absolute-d, time.Millisecond)
	if !l.own() {
		l.idle = max(l.idle-d, time.Millisecond)
	}
	return l
}

// SetDeadline sets when the session ends however much it is used, in place of [Absolute] or [Lifetime], earlier or later.
// [Idle] still applies. It counts as use. A cookie that outlives the browser is sent again with the new time, unless the
// response has begun. The time is by this machine's clock, as a duration from now that Redis adds to its own.
//
// Errors: [ErrDeadline] if it has passed, [ErrNoSession], [ErrEnded], or one that wraps [ErrUnavailable]; the deadline may
// then have been set or not, and setting it again is safe.
func (m *Manager[T]) SetDeadline(ctx context.Context, at time.Time) error {
	rest := time.Until(at)
	if rest < time.Millisecond {
		return ErrDeadline
	}
	return m.withSession(ctx, func(s *requestSession, none error) error {
		if none != nil {
			return none
		}
		return s.setDeadline(ctx, rest)
	})
}

// ErrDeadline is returned by SetDeadline for a time that has passed. Use Destroy to end a session.
var ErrDeadline = errors.New("session: the deadline has passed; use Destroy to end a session")

func (s *requestSession) setDeadline(ctx context.Context, rest time.Duration) error {
	handle, hash := s.tok.handle(), s.tok.hash()
	id := string(hash[:])
	if s.tok.anyID {
		id = ""
	}
	n, _, err := s.p.script(ctx, deadlineScript, s.p.sessionKey(handle), id, millis(s.p.idle), millis(rest))
	if err != nil {
		return err
	}
	if n[0] != 1 || len(n) < 3 {
		return s.endedByOthers(handle)
	}
	// As with every use, the entry in the user's set comes second, so that it does not expire first.
	if s.tok.bound {
		touch := &redisx.Call{Script: touchScript, Key: s.p.userKey(s.tok.locator), Args: []any{handle, n[1]}}
		if err := s.p.run(ctx, touch); err != nil {
			return err
		}
		if !touch.Did() {
			return s.endedByOthers(handle)
		}
	}
	l := life{idle: s.p.idle, absolute: rest}
	s.rec.seen, s.rec.deadline, s.rec.final = n[2], n[2]+rest.Milliseconds(), !s.rec.own && l.final()
	if !s.committed && s.lasting() {
		s.issue()
	}
	return nil
}

// lasting reports whether the cookie stays when the browser is closed.
func (s *requestSession) lasting() bool { return s.p.persistent || s.rec.own }

// cookieAge is how many seconds such a cookie stays: as long as the session may last.
func (s *requestSession) cookieAge() int { return max(1, int((s.rec.deadline-s.rec.seen)/1000)) }

// unseen is how long ago the session was last used or extended.
func (p *protocol) unseen(f *found) time.Duration {
	if f.own { // its time to live is that to its deadline
		return time.Duration(f.deadline-f.seen)*time.Millisecond - f.left
	}
	return p.idle - f.left
}

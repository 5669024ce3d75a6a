package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/anishathalye/porcupine"
)

// input and output describe an operation in the history. A token is given by its text.
type input struct{ kind, token string }

type output struct {
	result string
	n      int
	token  string // the new one
}

// condition is the state of the session that the history is about.
type condition struct {
	alive, bound  bool
	n             int
	cur, previous string
	past          string // tokens that were current
}

// replace makes a token current. The one before may stay valid.
func (c *condition) replace(token, previous string) {
	c.past += " " + c.cur
	c.cur, c.previous = token, previous
}

// leads reports whether a login with the token finds the session: its client had it, and has been given another one meanwhile.
func (c condition) leads(token string) bool {
	return c.alive && !c.admits(token) && strings.Contains(c.past, " "+token)
}

func (c condition) admits(token string) bool {
	return c.alive && token != "" && (token == c.cur || token == c.previous)
}

func model(initial condition) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{initial} },
		Step: func(state, in, out any) []any {
			c, in2, out2 := state.(condition), in.(input), out.(output)
			if out2.result == "error" {
				return mayBe(c, in2)
			}
			if ok, next := step(c, in2, out2); ok {
				return []any{next}
			}
			return nil
		},
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v: %+v", in, out) },
	}
	return m.ToModel()
}

// mayBe returns the possible states after an operation that failed: it was executed or not.
func mayBe(c condition, in input) []any {
	did := c
	switch {
	case in.kind == "all":
		did.alive = c.alive && !c.bound
	case in.kind == "logout":
		did.alive = c.alive && selectorOf(in.token) != selectorOf(c.cur)
	case in.kind == "login" && c.leads(in.token):
		did.alive = false
	case !c.admits(in.token):
	case in.kind == "update":
		did.n++
	case in.kind == "login" && !c.bound:
		did.alive = false
	case in.kind == "renew" || in.kind == "login":
		// The session has a new token that nobody knows.
		t, _ := parseToken(c.cur)
		t.id = [idBytes]byte{}
		did.replace(t.String(), "")
	}
	return []any{c, did}
}

func step(c condition, in input, out output) (bool, condition) {
	admitted := c.admits(in.token)
	switch in.kind + " " + out.result {
	case "read ok":
		return admitted && c.n == out.n, c
	case "read none", "update ended", "renew ended", "logout none":
		return !admitted, c
	case "update ok":
		c.n++
		return admitted, c
	case "renew ok":
		c.replace(out.token, "")
		return admitted, c
	case "grace ok":
		current := in.token == c.cur
		c.replace(out.token, in.token)
		return admitted && current, c
	case "login same": // with the data of the one before, if that had no user
		leads := c.leads(in.token)
		c.replace(out.token, "")
		c.bound = true
		return admitted || leads, c
	case "login new": // another session, and the end of this one if it was the request's
		c.alive = c.alive && !admitted
		return true, c
	case "logout ok": // also with an id that was replaced, but not of the session that was there before a login
		c.alive = c.alive && selectorOf(in.token) != selectorOf(c.cur)
		return true, c
	case "all ok":
		c.alive = c.alive && !c.bound
		return true, c
	}
	return false, c
}

type actor struct {
	l       *lab
	id      int
	p       *protocol
	history []porcupine.Operation
}

func (a *actor) request(token string) *requestSession {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: a.p.cookie, Value: token})
	return &requestSession{p: a.p, request: r}
}

func (a *actor) do(kind, token string, run func() output) output {
	op := porcupine.Operation{ClientId: a.id, Input: input{kind, token}, Call: a.l.clock.Add(1)}
	out := run()
	op.Output, op.Return = out, a.l.clock.Add(1)
	a.history = append(a.history, op)
	return out
}

func (a *actor) read(ctx context.Context, s *requestSession) bool {
	text, _ := a.p.tokenOf(s.request)
	out := a.do("read", text, func() output {
		rec, _, err := s.peek(ctx)
		if err != nil {
			return output{result: word(err, "none")}
		}
		return output{result: "ok", n: len(rec.body.payload)}
	})
	return out.result == "ok"
}

func (a *actor) update(ctx context.Context, s *requestSession) {
	a.do("update", s.tok.String(), func() output {
		err := s.update(ctx, false, func(b *body) (bool, error) {
			// The length of the data is the number of changes.
			b.payload = append(b.payload[:len(b.payload):len(b.payload)], '1')
			return true, nil
		})
		return output{result: word(err, "ended")}
	})
}

func word(err error, none string) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrNoSession):
		return none
	case errors.Is(err, ErrUnavailable):
		return "error"
	}
	return err.Error()
}

func (a *actor) act(ctx context.Context, kind, token string, pick int) {
	m := &Manager[int]{p: a.p}
	s := a.request(token)
	bound := context.WithValue(ctx, requestKey{a.p}, s)
	if kind == "all" {
		a.do("all", "", func() output { return output{result: word(m.DestroyAll(ctx, "ann"), "")} })
		return
	}
	if !a.read(ctx, s) {
		return
	}
	switch kind {
	case "slow":
		a.update(ctx, s)
		if pick == 0 {
			return
		}
		a.update(ctx, s)
	case "renew":
		a.do("renew", s.tok.String(), func() output {
			err := m.Renew(bound)
			return output{result: word(err, "ended"), token: newTokenOf(s, err)}
		})
	case "grace":
		was := s.tok.String()
		began := a.l.clock.Add(1)
		s.mu.Lock()
		s.renewInUse(ctx)
		s.mu.Unlock()
		if now := s.tok.String(); now != was {
			a.history = append(a.history, porcupine.Operation{
				ClientId: a.id, Input: input{"grace", was}, Call: began, Output: output{result: "ok", token: now}, Return: a.l.clock.Add(1),
			})
		}
	case "login":
		did := a.do("login", s.tok.String(), func() output {
			if err := m.Login(bound, "ann"); err != nil {
				return output{result: word(err, "")}
			}
			if len(s.rec.body.flashes) == 0 { // perhaps one that another actor has just begun
				return output{result: "new"}
			}
			return output{result: "same", token: s.tok.String()}
		})
		if did.result != "same" {
			return
		}
	case "logout":
		a.do("logout", s.tok.String(), func() output { return output{result: word(m.Destroy(bound), "none")} })
	}
	if pick == 0 && kind != "logout" && s.state == live {
		a.update(ctx, s)
	}
}

func selectorOf(text string) [selectorBytes]byte {
	t, _ := parseToken(text)
	return t.selector
}

func newTokenOf(s *requestSession, err error) string {
	if err != nil {
		return ""
	}
	return s.tok.String()
}
